// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IRefundRecipient} from "../../src/interfaces/IRefundRecipient.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {MessageLib} from "../../src/libraries/MessageLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {RefundLedger} from "../utils/RefundLedger.sol";
import {Vm} from "../utils/Vm.sol";

/// @dev `app` on chain 0 sends to `peer` on chain 1.
contract DeadlineTest is BridgeTest {
    uint256 private constant NOW = 1_000_000;
    uint64 private constant DEADLINE = uint64(NOW + MIN_DEADLINE);
    RefundLedger private app;
    RefundLedger private peer;

    function setUp() public override {
        super.setUp();
        app = new RefundLedger();
        peer = new RefundLedger();
        vm.warp(NOW);
    }

    function _send(uint32 gasLimit, bytes memory payload) private returns (bytes memory message, bytes32 id) {
        _on(0);
        vm.prank(address(app));
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(peer)), gasLimit, DEADLINE, payload);
        _collect();
        bytes[] storage messages = sent[_lane(0, 1)];
        message = messages[messages.length - 1];
        id = LaneLib.fold(_lane(0, 1), keccak256(message));
    }

    /// @dev A message recorded in time on chain 1.
    function _record(bytes memory payload) private returns (bytes memory message, bytes32 id) {
        (message, id) = _send(300_000, payload);
        _relay(0, 1);
    }

    /// @dev A recorded message, expired by `caller`.
    function _expire(bytes memory payload, address caller) private returns (bytes32 id) {
        bytes memory message;
        (message, id) = _record(payload);
        vm.warp(DEADLINE + 1);
        vm.prank(caller);
        gateways[1].expire(_remote(0), message);
    }

    function _newestRefund() private returns (bytes memory message, bytes32 id) {
        _collect();
        bytes[] storage messages = sent[_lane(1, 0)];
        message = messages[messages.length - 1];
        id = LaneLib.fold(_lane(1, 0), keccak256(message));
    }

    function test_deadlineTooSoonIsRefusedAndTheEarliestAccepted() public {
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.DeadlineTooSoon.selector, DEADLINE - 1, DEADLINE));
        gateways[0].send(CHAINS[1], bytes32(uint256(1)), 0, DEADLINE - 1, "");
        vm.expectRevert(abi.encodeWithSelector(IGateway.DeadlineTooSoon.selector, 1, DEADLINE));
        gateways[0].send(CHAINS[1], bytes32(uint256(1)), 0, 1, "");
        gateways[0].send(CHAINS[1], bytes32(uint256(1)), 0, DEADLINE, "");
        gateways[0].send(CHAINS[1], bytes32(uint256(1)), 0, type(uint64).max, "");
        _collect();
        assertEq(uint256(bytes32(sent[_lane(0, 1)][0])) >> 120 & type(uint64).max, DEADLINE);
        assertEq(uint256(bytes32(sent[_lane(0, 1)][1])) >> 120 & type(uint64).max, type(uint64).max);
    }

    function test_deliveryInTheLastSecondExecutes() public {
        _send(200_000, "");
        vm.warp(DEADLINE);
        _relay(0, 1);
        assertEq(peer.messages(), 1);
    }

    function test_deliveryASecondLaterRecordsAsExpired() public {
        (bytes memory message, bytes32 id) = _send(200_000, "");
        vm.warp(DEADLINE + 1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        gateways[1].deliver(delivery);
        assertEq(peer.messages(), 0);
        assertTrue(gateways[1].isRecorded(id), "recorded");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory recorded = logs[logs.length - 1];
        assertEq(recorded.topics[0], IGateway.Recorded.selector);
        assertEq(recorded.data, abi.encode(id, IGateway.Reason.Expired));
        gateways[1].expire(_remote(0), message);
        _relay(1, 0);
        assertEq(app.refunds(), 1);
    }

    function test_executionInTheLastSecondIsNoRefund() public {
        (bytes memory message,) = _record("");
        vm.warp(DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotExpired.selector, DEADLINE));
        gateways[1].expire(_remote(0), message);
        gateways[1].execute(_remote(0), message);
        assertEq(peer.messages(), 1);
        vm.warp(DEADLINE + 1);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].expire(_remote(0), message);
    }

    function test_refundASecondLaterIsNoExecution() public {
        (bytes memory message,) = _record("");
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ExecutionFailed.selector, bytes("expired")));
        gateways[1].execute(_remote(0), message);
        gateways[1].expire(_remote(0), message);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].execute(_remote(0), message);
        assertEq(peer.messages(), 0);
    }

    function test_messageWithoutADeadlineNeverExpires() public {
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(peer)), 300_000, 0, "");
        _relay(0, 1);
        vm.warp(1 << 60);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotExpired.selector, 0));
        gateways[1].expire(_remote(0), sent[_lane(0, 1)][0]);
        gateways[1].execute(_remote(0), sent[_lane(0, 1)][0]);
    }

    function test_refundTellsTheSenderWhatWasNotDelivered() public {
        bytes32 id = _expire("payload", USER);
        (, bytes32 refundId) = _newestRefund();
        _relay(1, 0);
        assertEq(app.refunds(), 1);
        assertEq(app.messages(), 0);
        assertEq(app.refundId(), refundId);
        assertEq(app.refundRecipient(), InteroperableAddress.formatEvmV1(CHAINS[1], address(peer)));
        assertEq(app.refundPayloadHash(), keccak256(abi.encodePacked(id, "payload")));
    }

    function test_expiredEventNamesMessageAndRefund() public {
        (bytes memory message, bytes32 id) = _record("");
        vm.warp(DEADLINE + 1);
        gateways[1].expire(_remote(0), message);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory expired = logs[logs.length - 1];
        assertEq(expired.topics[0], IGateway.Expired.selector);
        assertEq(expired.topics[1], _lane(0, 1));
        assertEq(uint256(expired.topics[2]), 1);
        assertEq(expired.data, abi.encode(id, 1));
    }

    function test_anyoneExpiresButOnce() public {
        _expire("", address(0xABCD));
        bytes memory message = sent[_lane(0, 1)][0];
        _on(1);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].expire(_remote(0), message);
        assertEq(gateways[1].outbox(CHAINS[0]).nonce, 1);
    }

    /// @dev Execution and refund are tried in any order at any time; one of them succeeds, once.
    function testFuzz_refundOrExecutionNeverBoth(uint256 seed, bool accepts) public {
        peer.setRefuses(!accepts);
        (bytes memory message,) = _record("x");
        uint256 time = NOW;
        for (uint256 i = 0; i < 10; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            time += seed % 900;
            vm.warp(time);
            if (seed >> 32 & 1 == 0) {
                try gateways[1].execute(_remote(0), message) {} catch {}
            } else {
                try gateways[1].expire(_remote(0), message) {} catch {}
            }
        }
        vm.warp(DEADLINE + 1);
        try gateways[1].expire(_remote(0), message) {} catch {}
        _relay(1, 0);
        assertEq(peer.messages() + app.refunds(), 1);
        if (!accepts) assertEq(app.refunds(), 1);
    }

    function test_refundPassesPausedSending() public {
        _on(1);
        vm.prank(GUARDIAN);
        gateways[1].pauseSending(CHAINS[0]);
        _expire("", USER);
        _relay(1, 0);
        assertEq(app.refunds(), 1);
    }

    function test_refundWaitsWhileDeliveriesArePaused() public {
        (bytes memory message,) = _record("");
        vm.warp(DEADLINE + 1);
        vm.prank(GUARDIAN);
        gateways[1].pauseDeliveries();
        vm.expectRevert(IGateway.DeliveriesArePaused.selector);
        gateways[1].expire(_remote(0), message);
        vm.prank(OWNER);
        gateways[1].resumeDeliveries();
        gateways[1].expire(_remote(0), message);
    }

    function test_refundIsNotRefundedAndCanBeExecutedForEver() public {
        app.setRefuses(true);
        _expire("", USER);
        _relay(1, 0);
        (bytes memory refund, bytes32 id) = _newestRefund();
        assertTrue(gateways[0].isRecorded(id), "recorded");
        vm.warp(1 << 60);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ExecutionFailed.selector, bytes("unsupported kind")));
        gateways[0].expire(_remote(1), refund);
        vm.expectPartialRevert(IGateway.ExecutionFailed.selector);
        gateways[0].execute(_remote(1), refund);
        assertTrue(gateways[0].isRecorded(id), "still recorded");
        app.setRefuses(false);
        gateways[0].execute(_remote(1), refund);
        assertEq(app.refunds(), 1);
    }

    function test_longestPayloadIsRefundedWithinTheDelivery() public {
        bytes memory payload = new bytes(10_240);
        for (uint256 i = 0; i < payload.length; i += 7) {
            payload[i] = bytes1(uint8(i));
        }
        bytes32 id = _expire(payload, USER);
        (bytes memory refund,) = _newestRefund();
        assertEq(refund.length, 85 + 32 + 10_240);
        _relay(1, 0);
        assertEq(app.refundPayloadHash(), keccak256(abi.encodePacked(id, payload)));
    }

    /// @dev Whatever an application sends arrives as a message: the kind is the gateway's.
    function testFuzz_noApplicationMessageArrivesAsARefund(bytes32 id, bytes calldata payload) public {
        vm.assume(payload.length < 1000);
        bytes memory forged = abi.encodePacked(MessageLib.KIND_REFUND, id, payload);
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(peer)), 200_000, 0, forged);
        bytes memory call = abi.encodeCall(IRefundRecipient.receiveRefund, (id, "", payload));
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], address(peer));
        gateways[0].sendMessage(recipient, call, new bytes[](0));
        _relay(0, 1);
        assertEq(peer.messages(), 2);
        assertEq(peer.refunds(), 0);
    }

    /// @dev A message to no EVM address can be refunded; the sender learns of the recipient as far as one would fit.
    function test_invalidRecipientIsRefunded() public {
        _on(0);
        vm.prank(address(app));
        gateways[0].send(CHAINS[1], bytes32(type(uint256).max), 200_000, DEADLINE, "");
        _relay(0, 1);
        vm.warp(DEADLINE + 1);
        gateways[1].expire(_remote(0), sent[_lane(0, 1)][0]);
        _relay(1, 0);
        assertEq(app.refunds(), 1);
    }
}
