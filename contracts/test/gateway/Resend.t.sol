// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {GenerationTest} from "../utils/GenerationTest.sol";
import {RefundLedger} from "../utils/RefundLedger.sol";
import {Vm} from "../utils/Vm.sol";

/// @dev Five messages left on generation 1, two arrived; then it was closed and generation 2 opened.
contract ResendTest is GenerationTest {
    uint256 private constant NOW = 1_000_000;
    uint64 private constant DEADLINE = uint64(NOW + MIN_DEADLINE);
    bytes32[] private none;
    RefundLedger private app;
    RefundLedger private peer;
    bytes32 private lane;

    function setUp() public override {
        super.setUp();
        app = new RefundLedger();
        peer = new RefundLedger();
        lane = _laneOf(0, 1, 1);
        vm.warp(NOW);
        for (uint256 i = 1; i <= 5; ++i) {
            _send(abi.encode(i));
        }
        _deliver(0, 1, 1, 1, 2);
        _close();
        _open(2);
        _on(0);
    }

    function _send(bytes memory payload) private {
        _on(0);
        vm.prank(address(app));
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(peer)), 200_000, DEADLINE, payload);
    }

    function _allow(bytes32 from) private {
        vm.prank(OWNER);
        gateways[0].allowResend(_remoteOf(1, 1), from);
    }

    function _resend(bytes memory messages, bytes32[] memory tail) private {
        gateways[0].resend(_remoteOf(1, 1), messages, tail);
    }

    function test_onlyTheOwnerAllows() public {
        IGateway.Remote memory ended = _remoteOf(1, 1);
        vm.prank(GUARDIAN);
        vm.expectRevert();
        gateways[0].allowResend(ended, accumulators[lane][2]);
        _allow(accumulators[lane][2]);
        assertEq(gateways[0].endOf(lane).resendFrom, accumulators[lane][2]);
    }

    function test_onlyAnEndedLaneAndAPointAreAllowed() public {
        IGateway.Remote memory open = _remoteOf(1, 2);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotEnded.selector, _laneOf(0, 1, 2)));
        gateways[0].allowResend(open, bytes32(uint256(1)));
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingToResend.selector, lane));
        gateways[0].allowResend(_remoteOf(1, 1), 0);
    }

    function test_nothingIsSentAgainUnlessAllowed() public {
        bytes memory messages = _batch(lane, 3, 5);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingToResend.selector, lane));
        _resend(messages, none);
    }

    function test_messagesLeaveAgainOnceAndInOrderInParts() public {
        _allow(accumulators[lane][2]);
        _resend(_batch(lane, 3, 3), _leaves(lane, 4, 5));
        assertEq(gateways[0].endOf(lane).resendFrom, accumulators[lane][3]);
        _gather();
        // The same part again does not fold to the lane's end.
        bytes memory again = _batch(lane, 3, 3);
        bytes32[] memory tail = _leaves(lane, 4, 5);
        vm.expectRevert(IGateway.CheckpointMismatch.selector);
        _resend(again, tail);
        // Forge records the events of reverted calls, too.
        vm.getRecordedLogs();
        _resend(_batch(lane, 4, 5), none);
        _gather();
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingToResend.selector, lane));
        _resend("", none);
        assertEq(gateways[0].outbox(CHAINS[1]).nonce, 3);

        bytes32 next = _laneOf(0, 1, 2);
        for (uint256 i = 0; i < 3; ++i) {
            // All but the nonce is as it was.
            bytes memory message = sent[lane][2 + i];
            message[8] = bytes1(uint8(i + 1));
            assertEq(sent[next][i], message);
        }
        _deliver(0, 1, 2, 1, 3);
        assertEq(peer.messages(), 5);
    }

    function test_forgedMessageIsRefused() public {
        _allow(accumulators[lane][2]);
        bytes memory messages = _batch(lane, 3, 5);
        for (uint256 i = 2; i < messages.length; i += 31) {
            messages[i] ^= 0x01;
            vm.expectRevert();
            _resend(messages, none);
            messages[i] ^= 0x01;
        }
        _resend(messages, none);
    }

    function test_skippedMessageIsRefused() public {
        _allow(accumulators[lane][2]);
        bytes memory messages = _batch(lane, 4, 5);
        vm.expectRevert(IGateway.CheckpointMismatch.selector);
        _resend(messages, none);
    }

    function test_wrongTailIsRefused() public {
        _allow(accumulators[lane][2]);
        bytes memory messages = _batch(lane, 3, 3);
        bytes32[] memory short = _leaves(lane, 4, 4);
        vm.expectRevert(IGateway.CheckpointMismatch.selector);
        _resend(messages, short);
        bytes32[] memory swapped = _leaves(lane, 4, 5);
        (swapped[0], swapped[1]) = (swapped[1], swapped[0]);
        vm.expectRevert(IGateway.CheckpointMismatch.selector);
        _resend(messages, swapped);
    }

    function test_moreMessagesThanLeftAreRefused() public {
        _allow(accumulators[lane][2]);
        bytes memory messages = abi.encodePacked(_batch(lane, 3, 5), _batch(lane, 5, 5));
        vm.expectRevert(IGateway.CheckpointMismatch.selector);
        _resend(messages, none);
    }

    function test_pointIsCorrectedBeforeTheFirstMessageAndNotAfter() public {
        _allow(accumulators[lane][1]);
        _allow(accumulators[lane][5]);
        _allow(accumulators[lane][2]);
        _resend(_batch(lane, 3, 3), _leaves(lane, 4, 5));
        bytes32 from = accumulators[lane][2];
        vm.expectRevert(abi.encodeWithSelector(IGateway.NothingToResend.selector, lane));
        _allow(from);
    }

    /// @dev A stranger who sends nothing again must not settle a point that is still to be corrected.
    function test_emptyResendDoesNotSettleThePoint() public {
        _allow(accumulators[lane][3]);
        bytes32[] memory tail = _leaves(lane, 4, 5);
        vm.prank(USER);
        try gateways[0].resend(_remoteOf(1, 1), "", tail) {} catch {}
        assertTrue(!gateways[0].endOf(lane).resending, "nothing was sent again");
        _allow(accumulators[lane][2]);
    }

    function test_nothingIsSentAgainToAnotherGatewayOrAClosedLane() public {
        _allow(accumulators[lane][2]);
        bytes memory messages = _batch(lane, 3, 5);
        vm.startPrank(OWNER);
        gateways[0].closeLane(CHAINS[1]);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[1]));
        _resend(messages, none);
        gateways[0].openLane(IGateway.Remote(CHAINS[1], 3, bytes32(uint256(0x999))));
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[1]));
        _resend(messages, none);
    }

    function test_endedAgainBeforeAllWereSentAgainTheRestFollows() public {
        _allow(accumulators[lane][2]);
        _resend(_batch(lane, 3, 3), _leaves(lane, 4, 5));
        _gather();
        _close();
        _open(3);
        _on(0);
        // The rest of generation 1, and the one message of generation 2 that did not arrive.
        _resend(_batch(lane, 4, 5), none);
        bytes32 second = _laneOf(0, 1, 2);
        vm.prank(OWNER);
        gateways[0].allowResend(_remoteOf(1, 2), second);
        gateways[0].resend(_remoteOf(1, 2), _batch(second, 1, 1), none);
        _deliver(0, 1, 3, 1, 3);
        assertEq(peer.messages(), 5);
    }

    function test_messagePastItsDeadlineIsRefundedAfterAll() public {
        _allow(accumulators[lane][2]);
        vm.warp(DEADLINE + 1);
        _resend(_batch(lane, 3, 5), none);
        _deliver(0, 1, 2, 1, 3);
        bytes32 next = _laneOf(0, 1, 2);
        for (uint256 i = 0; i < 3; ++i) {
            gateways[1].expire(_remoteOf(0, 2), sent[next][i]);
        }
        _deliver(1, 0, 2, 1, 3);
        assertEq(peer.messages(), 2);
        assertEq(app.refunds(), 3);
        bytes32 id = LaneLib.fold(next, keccak256(sent[next][2]));
        assertEq(app.refundPayloadHash(), keccak256(abi.encodePacked(id, abi.encode(5))));
    }

    function test_refundsLeaveAgainAsRefunds() public {
        // On generation 2 a message arrives, waits and expires; its refund does not arrive before the lane ends.
        _on(0);
        vm.prank(address(app));
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(peer)), 300_000, DEADLINE, "late");
        _deliver(0, 1, 2, 1, 1);
        vm.warp(DEADLINE + 1);
        bytes memory message = sent[_laneOf(0, 1, 2)][0];
        gateways[1].expire(_remoteOf(0, 2), message);
        _gather();
        bytes32 back = _laneOf(1, 0, 2);
        _close();
        _open(3);
        _on(1);
        vm.prank(OWNER);
        gateways[1].allowResend(_remoteOf(0, 2), back);
        gateways[1].resend(_remoteOf(0, 2), _batch(back, 1, 1), none);
        _deliver(1, 0, 3, 1, 1);
        assertEq(app.refunds(), 1);
        bytes32 id = LaneLib.fold(_laneOf(0, 1, 2), keccak256(message));
        assertEq(app.refundPayloadHash(), keccak256(abi.encodePacked(id, "late")));
    }

    /// @dev The guardian's brake while a point turns out to be wrong: resending is sending.
    function test_pausedSendingStopsResending() public {
        _allow(accumulators[lane][2]);
        bytes memory messages = _batch(lane, 3, 5);
        vm.prank(GUARDIAN);
        gateways[0].pauseSending(CHAINS[1]);
        vm.expectRevert(abi.encodeWithSelector(IGateway.SendingIsPaused.selector, CHAINS[1]));
        _resend(messages, none);
        vm.prank(OWNER);
        gateways[0].resumeSending(CHAINS[1]);
        _resend(messages, none);
    }

    function test_allowingIsAnnounced() public {
        vm.getRecordedLogs();
        _allow(accumulators[lane][2]);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs[0].topics[0], IGateway.ResendAllowed.selector);
        assertEq(logs[0].topics[1], lane);
        assertEq(logs[0].data, abi.encode(accumulators[lane][2]));
    }
}
