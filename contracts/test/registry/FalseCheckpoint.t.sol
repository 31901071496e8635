// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IReportRecipient, REPORT_FALSE_CHECKPOINT} from "../../src/interfaces/IReportRecipient.sol";
import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {MessageLib} from "../../src/libraries/MessageLib.sol";
import {SignatureLib} from "../../src/libraries/SignatureLib.sol";
import {RegistryTest} from "../utils/RegistryTest.sol";

/// @title Checkpoints that a source's own outbox contradicts: proved there, by anybody, and carried to the hub.
contract FalseCheckpointTest is RegistryTest {
    uint256 private constant SOURCE = 1;

    /// @dev Sends messages from SOURCE to chain 2.
    function _send(uint256 count) private {
        _on(SOURCE);
        for (uint256 i = 0; i < count; ++i) {
            gateways[SOURCE].send(CHAINS[2], LaneLib.toBytes32(USER), 0, 0, abi.encode(i));
        }
        _collect();
    }

    /// @dev What a stranger brings against the first validator; `to` is the nonce at which its leaves end.
    function _case(uint64 nonce, bytes32 accumulator, uint256 to)
        private
        view
        returns (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof)
    {
        bytes32 lane = _lane(SOURCE, 2);
        claim = IReportRecipient.FalseCheckpoint(vm.addr(keys[0]), STRANGER, lane, nonce, accumulator);
        proof.destination = _remote(2);
        proof.epoch = 1;
        proof.member = 0;
        proof.signature = _checkpointBy(keys[0], lane, nonce, accumulator);
        if (to >= nonce) {
            proof.accumulator = accumulators[lane][nonce];
            proof.leaves = new bytes32[](to - nonce);
            for (uint256 n = nonce + 1; n <= to; ++n) {
                proof.leaves[n - nonce - 1] = keccak256(sent[lane][n - 1]);
            }
        }
    }

    function _report(IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) private {
        _on(SOURCE);
        vm.prank(STRANGER);
        gateways[SOURCE].reportFalseCheckpoint(claim, proof);
    }

    function _refused(
        IReportRecipient.FalseCheckpoint memory claim,
        IGateway.CheckpointProof memory proof,
        bytes memory reason
    ) private {
        _on(SOURCE);
        vm.expectRevert(reason);
        gateways[SOURCE].reportFalseCheckpoint(claim, proof);
    }

    function _convicted() private returns (bool) {
        _relay(SOURCE, 0);
        _on(0);
        return _status(vm.addr(keys[0])) == IValidatorRegistry.Status.Convicted;
    }

    function test_anAlteredCheckpointIsProvedAndItsSignerOutAtTheHub() public {
        _send(10);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(4, "forged", 10);
        _report(claim, proof);
        address liar = vm.addr(keys[0]);
        assertTrue(_convicted(), "convicted");
        IValidatorRegistry.Conviction memory conviction = registry.conviction(liar);
        assertEq(conviction.reporter, STRANGER);
        assertTrue(!conviction.needsConfirmation, "a chain with economic finality");
        _makeEpoch();
        assertTrue(!_isIn(liar), "out");
        _later(DEFEAT);
        registry.settle(liar);
        assertEq(registry.due(STRANGER), BOND / 10);
    }

    function test_atWorstDistanceFromASnapshot() public {
        _send(600);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) =
            _case(257, "forged", 512);
        _report(claim, proof);
        assertTrue(_convicted(), "convicted");
    }

    function test_atASnapshotNothingIsFolded() public {
        _send(256);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) =
            _case(256, "forged", 256);
        _report(claim, proof);
        assertTrue(_convicted(), "convicted");
    }

    function test_beyondTheOutboxAndOfALaneThatNeverWas() public {
        _send(3);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(4, "x", 0);
        _report(claim, proof);
        assertTrue(_convicted(), "beyond");
    }

    function test_ofALaneThatNeverWas() public {
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(1, "x", 0);
        proof.destination.generation = 2;
        claim.lane = gateways[SOURCE].laneTo(proof.destination);
        _on(SOURCE);
        claim.lane = gateways[SOURCE].laneTo(proof.destination);
        proof.signature = _checkpointBy(keys[0], claim.lane, 1, "x");
        _report(claim, proof);
        assertTrue(_convicted(), "of no lane");
    }

    function test_ofALaneThatHasEnded() public {
        _send(5);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(2, "x", 5);
        (IReportRecipient.FalseCheckpoint memory truth, IGateway.CheckpointProof memory true_) =
            _case(2, accumulators[_lane(SOURCE, 2)][2], 5);
        _on(SOURCE);
        vm.prank(OWNER);
        gateways[SOURCE].closeLane(CHAINS[2]);
        _refused(truth, true_, abi.encodeWithSelector(IGateway.CheckpointIsTrue.selector));
        _report(claim, proof);
        assertTrue(_convicted(), "of an ended lane");
    }

    /// @dev No honest signature becomes a proof, whatever is brought with it.
    function testFuzz_whatTheOutboxSaysIsNeverFalse(uint64 nonce, uint256 to, bytes32 accumulator, uint256 spare)
        public
    {
        _send(20);
        nonce = uint64(bound(nonce, 0, 20));
        to = bound(to, nonce, 20);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) =
            _case(nonce, accumulators[_lane(SOURCE, 2)][nonce], to);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.CheckpointIsTrue.selector));
        // Another accumulator does not fold to what is known, nor do other leaves.
        vm.assume(accumulator != claim.accumulator);
        proof.accumulator = accumulator;
        _refused(claim, proof, abi.encodeWithSelector(IGateway.CheckpointMismatch.selector));
        proof.leaves = new bytes32[](spare % 257);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.CheckpointMismatch.selector));
    }

    function test_atNonceZeroTheLaneItselfIsTheTruth() public {
        bytes32 lane = _lane(SOURCE, 2);
        _send(1);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(0, lane, 0);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.CheckpointIsTrue.selector));
        proof.accumulator = "else";
        _refused(claim, proof, abi.encodeWithSelector(IGateway.CheckpointMismatch.selector));
        (claim, proof) = _case(0, "else", 0);
        _report(claim, proof);
        assertTrue(_convicted(), "another beginning");
    }

    function test_refusesForeignSignaturesLanesAndSigners() public {
        _send(3);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(2, "x", 3);
        bytes memory signature = proof.signature;
        proof.signature = _checkpointBy(keys[1], claim.lane, 2, "x");
        _refused(claim, proof, abi.encodeWithSelector(SignatureLib.InvalidSignature.selector));
        proof.signature = signature;
        proof.member = 1;
        _refused(claim, proof, abi.encodeWithSelector(IGateway.NotAMember.selector, claim.signer, 1));
        proof.member = 10;
        _refused(claim, proof, abi.encodeWithSelector(IGateway.NotAMember.selector, claim.signer, 1));
        (proof.member, proof.epoch) = (0, 2);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.NotAMember.selector, claim.signer, 2));
        proof.epoch = 1;
        proof.destination = _remote(0);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.InvalidLane.selector));
        proof.destination = _remote(2);
        claim.reporter = address(0);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.InvalidRecipient.selector, bytes32(0)));
        claim.reporter = STRANGER;
        proof.leaves = new bytes32[](257);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.TailTooLong.selector, 257));
    }

    function test_oneReportForAValidatorIsFree() public {
        _send(3);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(2, "x", 3);
        _report(claim, proof);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.AlreadyReported.selector));
    }

    function test_onTheHubItselfByACall() public {
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(USER), 0, 0, "");
        _collect();
        bytes32 lane = _lane(0, 1);
        IGateway.CheckpointProof memory proof;
        proof.destination = _remote(1);
        proof.epoch = 1;
        proof.signature = _checkpointBy(keys[0], lane, 1, "x");
        proof.accumulator = accumulators[lane][1];
        gateways[0].reportFalseCheckpoint(
            IReportRecipient.FalseCheckpoint(vm.addr(keys[0]), STRANGER, lane, 1, "x"), proof
        );
        assertTrue(_status(vm.addr(keys[0])) == IValidatorRegistry.Status.Convicted, "convicted");
    }

    function test_whereFinalityIsNotEconomicTheGuardianHasToConfirm() public {
        address liar = vm.addr(keys[0]);
        bytes32 lane = _lane(2, 1);
        _on(2);
        IGateway.CheckpointProof memory proof;
        proof.destination = _remote(1);
        proof.epoch = 1;
        proof.signature = _checkpointBy(keys[0], lane, 1, "x");
        gateways[2].reportFalseCheckpoint(IReportRecipient.FalseCheckpoint(liar, STRANGER, lane, 1, "x"), proof);
        _relay(2, 0);
        _on(0);
        assertTrue(registry.conviction(liar).needsConfirmation, "suspends");
        _makeEpoch();
        assertTrue(!_isIn(liar), "out all the same");
        _later(DEFEAT);
        // Nobody confirmed: nothing is taken, and the bond waits like any that leaves.
        vm.expectRevert();
        registry.settle(liar);
        assertEq(registry.due(STRANGER), 0);
    }

    function test_confirmedItIsTaken() public {
        address liar = vm.addr(keys[0]);
        bytes32 lane = _lane(2, 1);
        _on(2);
        IGateway.CheckpointProof memory proof;
        proof.destination = _remote(1);
        proof.epoch = 1;
        proof.signature = _checkpointBy(keys[0], lane, 1, "x");
        gateways[2].reportFalseCheckpoint(IReportRecipient.FalseCheckpoint(liar, STRANGER, lane, 1, "x"), proof);
        _relay(2, 0);
        _on(0);
        vm.prank(GUARDIAN);
        registry.confirm(liar);
        _makeEpoch();
        _later(DEFEAT);
        registry.settle(liar);
        assertEq(registry.due(STRANGER), BOND / 10);
    }

    /// @dev Attack: a liar has itself reported for the lesser lie, to be judged mildly for the greater.
    function test_aLieThatNeedsNoConfirmationOutweighsOneThatDoes() public {
        uint256 secret = keys[0];
        address liar = vm.addr(secret);
        bytes32 lane = _lane(2, 1);
        _on(2);
        IGateway.CheckpointProof memory proof;
        proof.destination = _remote(1);
        proof.epoch = 1;
        proof.signature = _checkpointBy(secret, lane, 1, "x");
        gateways[2].reportFalseCheckpoint(IReportRecipient.FalseCheckpoint(liar, liar, lane, 1, "x"), proof);
        _relay(2, 0);
        _equivocation(secret);
        assertTrue(!registry.conviction(liar).needsConfirmation, "judged for the greater");
        assertEq(registry.conviction(liar).reporter, STRANGER);
        _makeEpoch();
        assertEq(keys.length, 9);
    }

    /// @dev Attack: a forged report as an application's message, or from a contract that is no gateway.
    function test_onlyGatewaysReport() public {
        bytes memory payload = abi.encode(
            REPORT_FALSE_CHECKPOINT, IReportRecipient.FalseCheckpoint(vm.addr(keys[0]), STRANGER, _lane(1, 2), 1, "x")
        );
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.NotGateway.selector, STRANGER));
        registry.receiveReport(0, "", payload);
        _on(1);
        gateways[1].send(CHAINS[0], LaneLib.toBytes32(address(registry)), 240_000, 0, payload);
        assertTrue(!_convicted(), "a call is no report");
    }

    function test_aReportIsNothingElsewhereThanOnTheHub() public {
        _send(1);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(1, "x", 1);
        _on(SOURCE);
        vm.prank(OWNER);
        gateways[SOURCE].setHub(CHAINS[2], address(registry));
        _report(claim, proof);
        _relay(SOURCE, 2);
        assertTrue(_status(claim.signer) == IValidatorRegistry.Status.Active, "recorded, and no more");
        bytes memory message = sent[_lane(SOURCE, 2)][1];
        bytes32 id = LaneLib.fold(_lane(SOURCE, 2), keccak256(message));
        assertTrue(gateways[2].isRecorded(id), "recorded");
    }

    function test_passesAPauseOfSending() public {
        _send(1);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(1, "x", 1);
        _on(SOURCE);
        vm.prank(GUARDIAN);
        gateways[SOURCE].pauseSending(CHAINS[0]);
        _report(claim, proof);
        assertTrue(_convicted(), "convicted");
    }
}
