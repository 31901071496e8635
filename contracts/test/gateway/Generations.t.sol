// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {GenerationTest} from "../utils/GenerationTest.sol";
import {RefundLedger} from "../utils/RefundLedger.sol";
import {Vm} from "../utils/Vm.sol";

contract GenerationsTest is GenerationTest {
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

    function _send(uint32 gasLimit) private returns (uint64) {
        _on(0);
        vm.prank(address(app));
        return gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(peer)), gasLimit, DEADLINE, "payload");
    }

    function test_closedLaneRefusesSendingAndDelivering() public {
        _send(200_000);
        IGateway.Delivery memory delivery = _deliveryOf(0, 1, 1, 1, 1);
        _close();
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[1]));
        _send(200_000);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneClosed.selector, _laneOf(0, 1, 1)));
        gateways[1].deliver(delivery);
        assertEq(gateways[1].inbox(_laneOf(0, 1, 1)), 0);
    }

    function test_onlyTheOwnerClosesAndOnlyWhatIsOpen() public {
        _on(0);
        vm.prank(GUARDIAN);
        vm.expectRevert();
        gateways[0].closeLane(CHAINS[1]);
        _close();
        _on(0);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[1]));
        gateways[0].closeLane(CHAINS[1]);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, 77));
        gateways[0].closeLane(77);
    }

    function test_otherLanesOfTheGatewayStayOpen() public {
        _close();
        _on(0);
        assertEq(gateways[0].send(CHAINS[2], bytes32(uint256(1)), 0, 0, ""), 1);
    }

    function test_endsAreKept() public {
        _send(200_000);
        _send(200_000);
        _deliver(0, 1, 1, 1, 1);
        bytes32 lane = _laneOf(0, 1, 1);
        _close();
        IGateway.End memory end = gateways[0].endOf(lane);
        assertEq(end.accumulator, accumulators[lane][2]);
        assertEq(end.nonce, 2);
        assertTrue(!end.resending && end.resendFrom == 0, "nothing to resend yet");
        assertEq(gateways[1].lastInbox(lane), accumulators[lane][1]);
        assertEq(gateways[0].outbox(CHAINS[1]).accumulator, 0);
        assertEq(gateways[0].outbox(CHAINS[1]).generation, 1);
    }

    function test_endingIsAnnounced() public {
        _send(200_000);
        _gather();
        _on(0);
        vm.prank(OWNER);
        gateways[0].closeLane(CHAINS[1]);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1);
        assertEq(logs[0].topics[0], IGateway.LaneEnded.selector);
        assertEq(uint256(logs[0].topics[1]), CHAINS[1]);
        assertEq(uint256(logs[0].topics[2]), 1);
        assertEq(logs[0].data, abi.encode(_laneOf(0, 1, 1), _laneOf(1, 0, 1), 1, _laneOf(1, 0, 1)));
    }

    function testFuzz_sameOrLowerGenerationIsNotReopened(uint32 ended, uint32 next, bytes32 gateway) public {
        ended = uint32(bound(ended, 2, type(uint32).max));
        vm.assume(gateway != 0);
        _close();
        _open(ended);
        _close();
        _on(0);
        vm.startPrank(OWNER);
        // Another gateway's address changes nothing: generations count per chain.
        if (next <= ended) vm.expectRevert(IGateway.InvalidLane.selector);
        gateways[0].openLane(IGateway.Remote(CHAINS[1], next, gateway));
        assertEq(gateways[0].outbox(CHAINS[1]).generation, next > ended ? next : ended);
    }

    function test_nextGenerationStartsAtItsLane() public {
        _send(200_000);
        _close();
        _open(2);
        IGateway.Outbox memory box = gateways[0].outbox(CHAINS[1]);
        assertEq(box.accumulator, _laneOf(0, 1, 2));
        assertEq(box.nonce, 0);
        assertEq(gateways[1].inbox(_laneOf(0, 1, 2)), _laneOf(0, 1, 2));
        assertEq(_send(200_000), 1);
        _deliver(0, 1, 2, 1, 1);
        assertEq(peer.messages(), 1);
    }

    function test_pauseAndPriceOutliveTheGeneration() public {
        _on(0);
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], 5 << 16, 7);
        vm.prank(GUARDIAN);
        gateways[0].pauseSending(CHAINS[1]);
        _close();
        _open(2);
        vm.expectRevert(abi.encodeWithSelector(IGateway.SendingIsPaused.selector, CHAINS[1]));
        _send(200_000);
        assertEq(gateways[0].quote(CHAINS[1], 0, 0, 0), 36);
    }

    function test_messagesOfAnEndedLaneAreNotDeliveredInTheNext() public {
        _send(200_000);
        _send(200_000);
        IGateway.Delivery memory second = _deliveryOf(0, 1, 1, 2, 2);
        _deliver(0, 1, 1, 1, 1);
        _close();
        _open(2);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneClosed.selector, _laneOf(0, 1, 1)));
        gateways[1].deliver(second);
        // Neither under the next generation's name, nor with its start.
        second.source.generation = 2;
        vm.expectRevert();
        gateways[1].deliver(second);
        second.startAccumulator = _laneOf(0, 1, 2);
        vm.expectRevert();
        gateways[1].deliver(second);
        assertEq(peer.messages(), 1);
    }

    function test_recordedMessageOfAnEndedLaneIsExecuted() public {
        _send(300_000);
        _deliver(0, 1, 1, 1, 1);
        _close();
        _on(1);
        gateways[1].execute(_remote(0), sent[_laneOf(0, 1, 1)][0]);
        assertEq(peer.messages(), 1);
    }

    function test_recordedMessageOfAnEndedLaneIsRefundedOnTheNext() public {
        _send(300_000);
        _deliver(0, 1, 1, 1, 1);
        _close();
        vm.warp(DEADLINE + 1);
        bytes memory message = sent[_laneOf(0, 1, 1)][0];
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[0]));
        gateways[1].expire(_remote(0), message);
        _open(2);
        _on(1);
        gateways[1].expire(_remote(0), message);
        _deliver(1, 0, 2, 1, 1);
        assertEq(app.refunds(), 1);
    }

    function test_refundDoesNotGoToAnotherGateway() public {
        _send(300_000);
        _deliver(0, 1, 1, 1, 1);
        _close();
        vm.warp(DEADLINE + 1);
        IGateway.Remote memory other = IGateway.Remote(CHAINS[0], 2, bytes32(uint256(0x999)));
        _on(1);
        vm.prank(OWNER);
        gateways[1].openLane(other);
        bytes memory message = sent[_laneOf(0, 1, 1)][0];
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[0]));
        gateways[1].expire(_remote(0), message);
    }

    function test_paymentForAnEndedLaneIsRefused() public {
        _send(200_000);
        _close();
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, CHAINS[1]));
        gateways[0].payDelivery{value: 1}(CHAINS[1], 1);
    }
}
