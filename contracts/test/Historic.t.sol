// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../src/interfaces/IGateway.sol";
import {CheckpointLib} from "../src/libraries/CheckpointLib.sol";
import {QuorumLib} from "../src/libraries/QuorumLib.sol";
import {Counter, ReturnBomb} from "./utils/Receivers.sol";
import {TokenTest} from "./utils/TokenTest.sol";

/// @title What broke other bridges' messaging, tried on this one. Tokens: HistoricTokens.t.sol.
contract HistoricTest is TokenTest {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    Counter private counter;

    function setUp() public override {
        super.setUp();
        counter = new Counter();
    }

    function _sendToCounter(uint256 times) private {
        _on(0);
        for (uint256 i = 0; i < times; ++i) {
            gateways[0].send(CHAINS[1], _pad(address(counter)), 200_000, 0, abi.encode(i));
        }
    }

    function _refused(IGateway.Delivery memory delivery, bytes4 reason) private {
        _on(1);
        vm.expectPartialRevert(reason);
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 0);
    }

    /// @dev Nomad, 2022: the zero root was a trusted one, so what was never proven passed as proven.
    function test_nomad_zeroIsNoAccumulatorAndUnprovenIsNotExecuted() public {
        _sendToCounter(1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        bytes memory message = _message(0, 1, 1);
        // Before any delivery: nothing to execute.
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].execute(_remote(0), message);
        // A lane that nobody opened has the inbox zero; a batch that starts at zero does not fit it.
        delivery.source.generation = 2;
        delivery.startAccumulator = 0;
        bytes32 accumulator = keccak256(abi.encode(bytes32(0), keccak256(message)));
        _on(1);
        bytes32 lane = gateways[1].laneFrom(delivery.source);
        delivery.signatures = _sign(_checkpointDigest(lane, 1, accumulator), 4);
        _refused(delivery, IGateway.LaneClosed.selector);
        // Nor the one that is open.
        delivery.source.generation = 1;
        delivery.signatures = _sign(_checkpointDigest(_lane(0, 1), 1, accumulator), 4);
        _refused(delivery, IGateway.NotConnected.selector);
    }

    /// @dev Ronin, 2024: an upgrade left the threshold zero, so no signature was needed.
    function test_ronin2024_thereIsNoEmptySetAndNoZeroThreshold() public {
        vm.expectRevert(QuorumLib.EmptySet.selector);
        this.newGateway(NETWORK, OWNER, 1, "");
        bytes memory set = _set(keys);
        vm.expectPartialRevert(IGateway.WrongEpoch.selector);
        this.newGateway(NETWORK, OWNER, 0, set);
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 2, keccak256(""), 0);
        bytes memory signatures = _sign(digest, 4);
        vm.expectRevert(QuorumLib.EmptySet.selector);
        gateways[1].rotate("", 2, 0, signatures);
        _sendToCounter(1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        delivery.signatures = "";
        _refused(delivery, QuorumLib.MalformedSignatures.selector);
        delivery.signatures = abi.encode(0);
        _refused(delivery, QuorumLib.BelowQuorum.selector);
    }

    /// @dev Wormhole, 2022: forged signatures; and the ways to make few signatures look like many.
    function test_wormhole_forgedDuplicateUnsortedOutsideHighS() public {
        _sendToCounter(1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        bytes32 digest = _checkpointDigest(_lane(0, 1), 1, accumulators[_lane(0, 1)][1]);
        bytes memory a = _signature(keys[0], digest);
        bytes memory b = _signature(keys[1], digest);
        bytes memory forged = _signature(uint256(keccak256("outsider")), digest);
        (, bytes32 r, bytes32 s) = vm.sign(keys[2], digest);
        uint256 high = ORDER - uint256(s);
        bytes memory high0 = abi.encodePacked(r, high & (type(uint256).max >> 1));
        bytes memory high1 = abi.encodePacked(r, high | (1 << 255));
        bytes memory nobody = new bytes(64);
        bytes[7] memory thirds = [forged, a, b, high0, high1, nobody, _signature(keys[2], ~digest)];
        for (uint256 i = 0; i < thirds.length; ++i) {
            delivery.signatures = abi.encodePacked(uint256(7), a, b, thirds[i]);
            _refused(delivery, QuorumLib.InvalidSignature.selector);
        }
        delivery.signatures = abi.encodePacked(uint256(7), b, a, _signature(keys[2], digest));
        _refused(delivery, QuorumLib.InvalidSignature.selector);
        delivery.signatures = abi.encodePacked(uint256(19), a, b, forged);
        _refused(delivery, QuorumLib.SignerOutsideSet.selector);
        // The same two and a true third pass.
        delivery.signatures = abi.encodePacked(uint256(7), a, b, _signature(keys[2], digest));
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 1);
    }

    /// @dev BNB Chain, 2022: a proof with a node added still proved its root, and something else besides.
    function test_bnb_batchesWithAnythingAddedAreRefused() public {
        _sendToCounter(3);
        IGateway.Delivery memory good = _delivery(0, 1, 1, 2, 3);
        IGateway.Delivery memory bad = _delivery(0, 1, 1, 2, 3);
        bytes memory message = _message(0, 1, 2);
        bad.messages = abi.encodePacked(good.messages, uint16(message.length), message);
        _refused(bad, QuorumLib.InvalidSignature.selector);
        bad.messages = abi.encodePacked(good.messages, hex"00");
        _refused(bad, IGateway.MalformedMessages.selector);
        // The last message made longer than the batch; and one that takes in its neighbour.
        bad.messages = bytes.concat(good.messages);
        bad.messages[bad.messages.length - message.length - 1] = 0xff;
        _refused(bad, IGateway.MalformedMessages.selector);
        bad.messages = abi.encodePacked(uint16(2 * message.length + 2), message, uint16(message.length), message);
        _refused(bad, QuorumLib.InvalidSignature.selector);
        bad.messages = good.messages;
        bad.tail = new bytes32[](2);
        bad.tail[0] = good.tail[0];
        _refused(bad, QuorumLib.InvalidSignature.selector);
        bad.tail = new bytes32[](65);
        _refused(bad, IGateway.TailTooLong.selector);
        // Leaves for messages: what is skipped over is not delivered as empty.
        bad = _delivery(0, 1, 3, 3, 3);
        _refused(bad, IGateway.NotConnected.selector);
        gateways[1].deliver(good);
        assertEq(counter.count(), 2);
    }

    /// @dev One signature of a quorum serves one lane of one network.
    function test_replay_acrossChainGatewayGenerationAndNetwork() public {
        _sendToCounter(1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        bytes memory set = _set(keys);
        // Another chain; another gateway on the same chain, open to the same source. A batch of one lane does not fit
        // another's inbox, and made to fit, it is not what was signed.
        _on(2);
        vm.expectPartialRevert(IGateway.NotConnected.selector);
        gateways[2].deliver(delivery);
        delivery.startAccumulator = gateways[2].laneFrom(delivery.source);
        vm.expectRevert(QuorumLib.InvalidSignature.selector);
        gateways[2].deliver(delivery);
        _on(1);
        IGateway second = _newGateway(NETWORK, OWNER, 1, set);
        vm.prank(OWNER);
        second.openLane(_remote(0));
        delivery.startAccumulator = second.laneFrom(delivery.source);
        vm.expectRevert(QuorumLib.InvalidSignature.selector);
        second.deliver(delivery);
        delivery.startAccumulator = _lane(0, 1);
        // The same network's name in another domain.
        bytes32 other = CheckpointLib.digest(
            CheckpointLib.domainSeparator(keccak256("other")), _lane(0, 1), 1, accumulators[_lane(0, 1)][1]
        );
        bytes memory signatures = delivery.signatures;
        delivery.signatures = _sign(other, 3);
        _refused(delivery, QuorumLib.InvalidSignature.selector);
        delivery.signatures = signatures;
        // Its generation, ended; and its successor.
        IGateway.Remote memory next = _remote(0);
        next.generation = 2;
        vm.startPrank(OWNER);
        gateways[1].closeLane(CHAINS[0]);
        gateways[1].openLane(next);
        vm.stopPrank();
        _refused(delivery, IGateway.LaneClosed.selector);
        delivery.source.generation = 2;
        delivery.startAccumulator = gateways[1].laneFrom(next);
        _refused(delivery, QuorumLib.InvalidSignature.selector);
        // Once delivered, never again.
        assertEq(gateways[1].inbox(gateways[1].laneFrom(next)), gateways[1].laneFrom(next));
    }

    function test_replay_ofADeliveredBatch() public {
        _sendToCounter(2);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 2, 2);
        _on(1);
        gateways[1].deliver(delivery);
        vm.expectRevert(IGateway.NothingToDeliver.selector);
        gateways[1].deliver(delivery);
        delivery = _delivery(0, 1, 1, 1, 2);
        vm.expectPartialRevert(IGateway.NotConnected.selector);
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 2);
    }

    /// @dev A recipient that returns megabytes, by return or by revert, costs its own gas limit and no more.
    function test_returnBombsAreNotCopied() public {
        _on(0);
        for (uint256 i = 0; i < 2; ++i) {
            gateways[0].send(CHAINS[1], _pad(address(new ReturnBomb(i == 0))), 60_000, 0, "");
        }
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 2, 2);
        _on(1);
        gateways[1].deliver{gas: 300_000}(delivery);
        bytes memory message = _message(0, 1, 1);
        // The reason that is shown is bounded, too.
        try gateways[1].execute{gas: 150_000}(_remote(0), message) {
            assertTrue(false, "executed");
        } catch (bytes memory reason) {
            assertEq(bytes32(bytes4(reason)), bytes32(IGateway.ExecutionFailed.selector));
            assertTrue(reason.length < 400, "bounded");
        }
    }

    /// @dev In a batch, too, a submitter does not choose which message fails: all get their gas, or none is delivered.
    function testFuzz_gasGriefingInABatch(uint256 brought) public {
        _sendToCounter(3);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 3, 3);
        brought = bound(brought, 100_000, 900_000);
        _on(1);
        try gateways[1].deliver{gas: brought}(delivery) {
            assertEq(counter.count(), 3);
        } catch {
            assertEq(gateways[1].inbox(_lane(0, 1)), _lane(0, 1));
            assertEq(counter.count(), 0);
        }
    }

    /// @dev Sent under one set, delivered under the next; what the old set had signed and nobody delivered is void.
    function test_rotationWithMessagesInFlight() public {
        _on(0);
        gateways[0].send(CHAINS[1], _pad(address(counter)), 300_000, 0, "");
        _relay(0, 1);
        _sendToCounter(1);
        IGateway.Delivery memory old = _delivery(0, 1, 2, 2, 2);
        uint256[] memory present = keys;
        _makeKeys(7);
        uint256[] memory next = keys;
        bytes memory set = _set(next);
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 2, keccak256(set), 5);
        keys = present;
        bytes memory signatures = _sign(digest, 3);
        _on(1);
        gateways[1].rotate(set, 2, 5, signatures);
        vm.expectPartialRevert(IGateway.WrongEpoch.selector);
        gateways[1].rotate(set, 2, 5, signatures);
        _refused(old, QuorumLib.BelowQuorum.selector);
        keys = next;
        _execute(0, 1, 1);
        _relay(0, 1);
        assertEq(counter.count(), 2);
    }
}
