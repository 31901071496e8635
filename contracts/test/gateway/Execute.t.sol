// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Counter, Reenterer, Reverter} from "../utils/Receivers.sol";

contract ExecuteTest is BridgeTest {
    Counter private counter;

    function setUp() public override {
        super.setUp();
        counter = new Counter();
    }

    function _record(address recipient, uint32 gasLimit) private returns (bytes memory message) {
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(recipient), gasLimit, 0, "payload");
        _relay(0, 1);
        bytes[] storage messages = sent[_lane(0, 1)];
        return messages[messages.length - 1];
    }

    function test_executesOnce() public {
        bytes memory message = _record(address(counter), 300_000);
        assertEq(counter.count(), 0);
        gateways[1].execute(_remote(0), message);
        assertEq(counter.count(), 1);
        bytes32 id = LaneLib.fold(_lane(0, 1), keccak256(message));
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotRecorded.selector, id));
        gateways[1].execute(_remote(0), message);
    }

    function test_failureStaysRecordedAndCanBeTriedAgain() public {
        Reverter reverter = new Reverter();
        bytes memory message = _record(address(reverter), 100_000);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGateway.ExecutionFailed.selector, abi.encodeWithSignature("Error(string)", "closed")
            )
        );
        gateways[1].execute(_remote(0), message);
        assertTrue(gateways[1].isRecorded(LaneLib.fold(_lane(0, 1), keccak256(message))), "still recorded");
        reverter.setOpen(true);
        gateways[1].execute(_remote(0), message);
    }

    function test_requiresTheMessagesGas() public {
        bytes memory message = _record(address(counter), 300_000);
        vm.expectPartialRevert(IGateway.InsufficientGas.selector);
        gateways[1].execute{gas: 300_000}(_remote(0), message);
        gateways[1].execute{gas: 400_000}(_remote(0), message);
        assertTrue(counter.lastGas() > 299_000, "gas");
    }

    function test_refusesWhatWasNotDelivered() public {
        bytes memory message = _record(address(counter), 300_000);
        IGateway.Remote memory source = _remote(0);
        source.generation = 2;
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].execute(source, message);
        message[message.length - 1] ^= 0x01;
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].execute(_remote(0), message);
    }

    function test_doesNotReenter() public {
        Reenterer reenterer = new Reenterer(gateways[1]);
        bytes memory other = _record(address(counter), 300_000);
        bytes memory message = _record(address(reenterer), 300_000);
        reenterer.arm(abi.encodeCall(IGateway.execute, (_remote(0), other)));
        gateways[1].execute(_remote(0), message);
        assertEq(reenterer.result(), abi.encodeWithSelector(IGateway.Reentered.selector));
        assertEq(counter.count(), 0);
    }

    function test_pausedDeliveriesStopExecution() public {
        bytes memory message = _record(address(counter), 300_000);
        vm.prank(GUARDIAN);
        gateways[1].pauseDeliveries();
        vm.expectRevert(IGateway.DeliveriesArePaused.selector);
        gateways[1].execute(_remote(0), message);
    }
}
