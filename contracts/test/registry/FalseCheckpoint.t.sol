// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IReportRecipient, REPORT_FALSE_CHECKPOINT} from "../../src/interfaces/IReportRecipient.sol";
import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
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
        claim = _claim(SOURCE, 2, nonce, accumulator);
        if (to >= nonce) {
            proof.accumulator = accumulators[lane][nonce];
            proof.leaves = new bytes32[](to - nonce);
            for (uint256 n = nonce + 1; n <= to; ++n) {
                proof.leaves[n - nonce - 1] = keccak256(sent[lane][n - 1]);
            }
        }
    }

    /// @dev What the first validator signed of a lane, and nothing beside it: enough beyond the outbox.
    function _claim(uint256 from, uint256 to, uint64 nonce, bytes32 accumulator)
        private
        view
        returns (IReportRecipient.FalseCheckpoint memory claim)
    {
        claim.signer = vm.addr(keys[0]);
        claim.reporter = STRANGER;
        claim.destinationChain = CHAINS[to];
        claim.destinationGateway = LaneLib.toBytes32(address(gateways[to]));
        (claim.generation, claim.epoch, claim.nonce, claim.accumulator) = (1, 1, nonce, accumulator);
        _signClaim(from, claim, keys[0]);
    }

    function _laneOf(uint256 from, IReportRecipient.FalseCheckpoint memory claim) private view returns (bytes32) {
        bytes32 gateway = LaneLib.toBytes32(address(gateways[from]));
        return
            LaneLib.id(
                NETWORK, CHAINS[from], gateway, claim.destinationChain, claim.destinationGateway, claim.generation
            );
    }

    function _signClaim(uint256 from, IReportRecipient.FalseCheckpoint memory claim, uint256 key) private view {
        bytes memory signature = _checkpointBy(key, _laneOf(from, claim), claim.nonce, claim.accumulator);
        (claim.r, claim.vs) = abi.decode(signature, (bytes32, bytes32));
    }

    /// @dev Reports from a chain that a validator signed what was never sent there, by its place in the set.
    function _reportOf(uint256 from, uint256 member) private {
        IReportRecipient.FalseCheckpoint memory claim = _claim(from, from == 1 ? 2 : 1, 9, "x");
        claim.signer = vm.addr(keys[member]);
        _signClaim(from, claim, keys[member]);
        IGateway.CheckpointProof memory proof;
        proof.member = member;
        _on(from);
        gateways[from].reportFalseCheckpoint(claim, proof);
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
        IGateway.CheckpointProof memory proof;
        IReportRecipient.FalseCheckpoint memory claim = _claim(SOURCE, 2, 1, "x");
        claim.generation = 2;
        _signClaim(SOURCE, claim, keys[0]);
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
        if (accumulator == claim.accumulator) return;
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
        bytes memory invalid = abi.encodeWithSelector(SignatureLib.InvalidSignature.selector);
        _signClaim(SOURCE, claim, keys[1]);
        _refused(claim, proof, invalid);
        _signClaim(SOURCE, claim, keys[0]);
        claim.generation = 2;
        _refused(claim, proof, invalid);
        (claim.generation, claim.destinationChain) = (1, CHAINS[0]);
        _refused(claim, proof, invalid);
        (claim.destinationChain, claim.nonce) = (CHAINS[2], 3);
        _refused(claim, proof, invalid);
        claim.nonce = 2;
        proof.member = 1;
        _refused(claim, proof, abi.encodeWithSelector(IGateway.NotAMember.selector, claim.signer, 1));
        proof.member = 10;
        _refused(claim, proof, abi.encodeWithSelector(IGateway.NotAMember.selector, claim.signer, 1));
        (proof.member, claim.epoch) = (0, 2);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.NotAMember.selector, claim.signer, 2));
        claim.epoch = 1;
        claim.reporter = address(0);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.InvalidRecipient.selector, bytes32(0)));
        claim.reporter = STRANGER;
        proof.leaves = new bytes32[](257);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.TailTooLong.selector, 257));
    }

    function test_oneReportAWeekForAValidatorIsFree() public {
        _send(3);
        (IReportRecipient.FalseCheckpoint memory claim, IGateway.CheckpointProof memory proof) = _case(2, "x", 3);
        _report(claim, proof);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.AlreadyReported.selector));
        _later(7 days - 1);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.AlreadyReported.selector));
        _later(1);
        _report(claim, proof);
    }

    function test_onTheHubItselfByACall() public {
        _reportOf(0, 0);
        assertTrue(_status(vm.addr(keys[0])) == IValidatorRegistry.Status.Convicted, "convicted");
    }

    function test_whereFinalityIsNotEconomicTheGuardianHasToConfirm() public {
        address liar = vm.addr(keys[0]);
        _reportOf(2, 0);
        _relay(2, 0);
        _on(0);
        assertTrue(registry.conviction(liar).needsConfirmation, "suspends");
        _makeEpoch();
        assertTrue(!_isIn(liar), "out all the same");
        uint256 out = vm.getBlockTimestamp();
        _later(DEFEAT);
        // Nobody confirmed: nothing is taken, and the bond waits like any that leaves.
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, out + UNBONDING));
        registry.settle(liar);
        _later(UNBONDING);
        _makeEpoch();
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
            _on(i);
            gateways[i].reportRotation(3);
        }
        _relay(1, 0);
        _relay(2, 0);
        _on(0);
        registry.settle(liar);
        assertEq(registry.due(STRANGER), 0);
        assertEq(registry.due(_payout(liar)), BOND);
        assertTrue(_status(liar) == IValidatorRegistry.Status.Convicted, "and never back");
    }

    function test_confirmedItIsTaken() public {
        address liar = vm.addr(keys[0]);
        _reportOf(2, 0);
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
        _reportOf(2, 0);
        _relay(2, 0);
        _equivocation(secret);
        assertTrue(!registry.conviction(liar).needsConfirmation, "judged for the greater");
        assertEq(registry.conviction(liar).reporter, STRANGER);
        _makeEpoch();
        assertEq(keys.length, 9);
    }

    /// @dev Attack: a chain whose finality was bought reports everybody for what its former outbox did say. The set must
    /// not shrink to those that the attacker left in it.
    function test_aChainsWordAlonePutsLessThanAThirdOut() public {
        for (uint256 i = 0; i < 4; ++i) {
            _reportOf(SOURCE, i);
        }
        _relay(SOURCE, 0);
        _on(0);
        for (uint256 i = 0; i < 4; ++i) {
            bool out = _status(vm.addr(keys[i])) == IValidatorRegistry.Status.Convicted;
            assertTrue(out == (i < 3), "three of ten, and no more");
        }
        // The report waits; with the guardian's agreement anybody executes it.
        _makeEpoch();
        assertEq(keys.length, 7);
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.NotGuardian.selector);
        registry.hear(CHAINS[SOURCE]);
        bytes[] storage reports = sent[_lane(SOURCE, 0)];
        bytes memory fourth = reports[reports.length - 1];
        vm.expectRevert();
        gateways[0].execute(_remote(SOURCE), fourth);
        vm.prank(GUARDIAN);
        registry.hear(CHAINS[SOURCE]);
        gateways[0].execute(_remote(SOURCE), fourth);
        _makeEpoch();
        assertEq(keys.length, 6);
    }

    /// @dev The same chain again: the guardian has stopped listening to it, then reopens; nothing is lost meanwhile.
    function test_theGuardianStopsListeningToAChain() public {
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.NotGuardian.selector);
        registry.setDeaf(CHAINS[SOURCE], true);
        vm.prank(GUARDIAN);
        registry.setDeaf(CHAINS[SOURCE], true);
        _reportOf(SOURCE, 0);
        assertTrue(!_convicted(), "waits");
        vm.prank(GUARDIAN);
        registry.setDeaf(CHAINS[SOURCE], false);
        bytes memory report = sent[_lane(SOURCE, 0)][0];
        gateways[0].execute(_remote(SOURCE), report);
        assertTrue(_status(vm.addr(keys[0])) == IValidatorRegistry.Status.Convicted, "heard after all");
    }

    /// @dev Honest validators signed what their chain then reverted: its timelock takes the lane out of what can be
    /// reported, and opens another.
    function test_aDisownedLaneIsNotReported() public {
        IReportRecipient.FalseCheckpoint memory claim = _claim(SOURCE, 2, 9, "reverted");
        IGateway.CheckpointProof memory proof;
        bytes32 lane = _lane(SOURCE, 2);
        _on(SOURCE);
        vm.prank(STRANGER);
        vm.expectRevert();
        gateways[SOURCE].disown(lane);
        vm.prank(OWNER);
        gateways[SOURCE].disown(lane);
        _refused(claim, proof, abi.encodeWithSelector(IGateway.LaneDisowned.selector, lane));
        // Of the next generation, which the validators have not signed, everything can be.
        claim.generation = 2;
        _signClaim(SOURCE, claim, keys[0]);
        _report(claim, proof);
        assertTrue(_convicted(), "of the next lane");
    }

    /// @dev A gateway that was replaced still has outboxes that its former validators are held to.
    function test_aReplacedOrRemovedGatewayIsStillHeardAboutItsOutboxes() public {
        vm.startPrank(OWNER);
        registry.removeGateway(CHAINS[SOURCE]);
        registry.setGateway(CHAINS[2], address(0x1234), true);
        vm.stopPrank();
        _reportOf(SOURCE, 0);
        _reportOf(2, 1);
        _relay(SOURCE, 0);
        _relay(2, 0);
        _on(0);
        for (uint256 i = 0; i < 2; ++i) {
            assertTrue(_status(vm.addr(keys[i])) == IValidatorRegistry.Status.Convicted, "heard");
        }
        // About what epoch the network's gateway holds it has no say any more.
        _on(2);
        gateways[2].reportRotation(1);
        _relay(2, 0);
        assertEq(registry.gateway(CHAINS[2]).heldEpoch, 0);
    }

    /// @dev Evidence on its way when the network moved to another registry still reaches the one that holds the bonds.
    function test_evidenceReachesTheRegistryThatItWasSentTo() public {
        _reportOf(SOURCE, 0);
        _on(0);
        vm.startPrank(OWNER);
        gateways[0].setHub(CHAINS[0], address(0x1234));
        registry.retire();
        vm.stopPrank();
        assertTrue(_convicted(), "convicted");
        vm.expectRevert(IValidatorRegistry.IsRetired.selector);
        registry.makeEpoch();
    }

    /// @dev Attack: a liar leaves with its bond and has itself reported while the registry does not know it, so that what
    /// it signs after it came back cannot be reported for a week. It can, as soon as its new epoch is there.
    function test_whoComesBackIsHeldToAllItSignedAndNoReportShieldsIt() public {
        uint256 secret = keys[0];
        address key = vm.addr(secret);
        IReportRecipient.FalseCheckpoint memory claim = _claim(SOURCE, 2, 9, "x");
        IGateway.CheckpointProof memory proof;
        vm.prank(key);
        registry.exit(key);
        _later(EPOCH);
        _makeEpoch();
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
            _on(i);
            gateways[i].reportRotation(2);
        }
        _relay(1, 0);
        _relay(2, 0);
        _later(UNBONDING);
        _on(0);
        _makeEpoch();
        registry.withdraw(key);
        _report(claim, proof);
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
        }
        _relay(SOURCE, 0);
        assertTrue(_status(key) == IValidatorRegistry.Status.None, "gone");
        vm.prank(OWNER);
        registry.setAllowed(key, true);
        _bond(key);
        _later(PROBATION);
        _makeEpoch();
        assertTrue(_isIn(key), "back");
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
        }
        _refused(claim, proof, abi.encodeWithSelector(IGateway.AlreadyReported.selector));
        (claim.epoch,) = registry.epochs();
        (bytes memory set,,) = registry.epochSet(claim.epoch);
        while (QuorumLib.memberAt(set, proof.member) != key) ++proof.member;
        _report(claim, proof);
        _relay(SOURCE, 0);
        _on(0);
        assertTrue(_status(key) == IValidatorRegistry.Status.Convicted, "held to it");
        _refused(claim, proof, abi.encodeWithSelector(IGateway.AlreadyReported.selector));
    }

    /// @dev Attack: a liar that has signed the truth and a lie has the lie reported by a chain whose word needs
    /// confirmation, so that the equivocation, which needs none, counts for the same.
    function test_aReportDoesNotShieldTheEquivocationAtItsNonce() public {
        uint256 secret = keys[0];
        _reportOf(2, 0);
        _relay(2, 0);
        _on(0);
        bytes32 lane = _lane(2, 1);
        bytes memory lie = _checkpointBy(secret, lane, 9, "x");
        bytes memory truth = _checkpointBy(secret, lane, 9, "true");
        registry.proveEquivocation(lane, 9, "x", lie, "true", truth, STRANGER);
        assertTrue(!registry.conviction(vm.addr(secret)).needsConfirmation, "judged for the greater");
    }

    /// @dev Of three validators one is out by a chain's word, and the guardian is asked before a second is.
    function test_ofThreeAChainsWordPutsOneOut() public {
        _setUpRegistry(3, 1, address(0));
        for (uint256 i = 0; i < 2; ++i) {
            _reportOf(SOURCE, i);
        }
        _relay(SOURCE, 0);
        _on(0);
        assertTrue(_status(vm.addr(keys[0])) == IValidatorRegistry.Status.Convicted, "one");
        assertTrue(_status(vm.addr(keys[1])) == IValidatorRegistry.Status.Active, "and no more");
        vm.prank(GUARDIAN);
        registry.hear(CHAINS[SOURCE]);
        gateways[0].execute(_remote(SOURCE), sent[_lane(SOURCE, 0)][1]);
        assertTrue(_status(vm.addr(keys[1])) == IValidatorRegistry.Status.Convicted, "with the guardian's agreement");
    }

    /// @dev Attack: a forged report as an application's message, or from a contract that is no gateway.
    function test_onlyGatewaysReport() public {
        bytes memory payload = abi.encodePacked(REPORT_FALSE_CHECKPOINT, abi.encode(_claim(SOURCE, 2, 9, "x")));
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.NotGateway.selector, STRANGER));
        registry.receiveReport(0, "", payload);
        _on(SOURCE);
        gateways[SOURCE].send(CHAINS[0], LaneLib.toBytes32(address(registry)), 240_000, 0, payload);
        assertTrue(!_convicted(), "a call is no report");

        bytes memory stranger = InteroperableAddress.formatEvmV1(CHAINS[SOURCE], STRANGER);
        vm.startPrank(address(gateways[0]));
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorRegistry.UnknownGateway.selector, uint256(CHAINS[SOURCE]), STRANGER)
        );
        registry.receiveReport(0, stranger, payload);
        bytes memory known = InteroperableAddress.formatEvmV1(CHAINS[SOURCE], address(gateways[SOURCE]));
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.UnknownReport.selector, 3));
        registry.receiveReport(0, known, abi.encodePacked(uint256(3), "anything"));
        // A chain's gateway speaks for that chain alone.
        bytes memory elsewhere = InteroperableAddress.formatEvmV1(CHAINS[2], address(gateways[SOURCE]));
        vm.expectRevert(
            abi.encodeWithSelector(
                IValidatorRegistry.UnknownGateway.selector, uint256(CHAINS[2]), address(gateways[SOURCE])
            )
        );
        registry.receiveReport(0, elsewhere, payload);
        vm.stopPrank();
    }

    /// @dev Attack: a gateway's code was replaced, and it names a member that has signed nothing of the kind.
    function test_aGatewayCannotAccuseWhoHasNotSigned() public {
        IReportRecipient.FalseCheckpoint memory claim = _claim(SOURCE, 2, 9, "x");
        claim.signer = vm.addr(keys[1]);
        bytes memory sender = InteroperableAddress.formatEvmV1(CHAINS[SOURCE], address(gateways[SOURCE]));
        bytes memory payload = abi.encodePacked(REPORT_FALSE_CHECKPOINT, abi.encode(claim));
        vm.prank(address(gateways[0]));
        vm.expectRevert(IValidatorRegistry.NoLie.selector);
        registry.receiveReport(0, sender, payload);
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
