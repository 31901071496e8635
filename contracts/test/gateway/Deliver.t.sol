// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Counter, GasBurner, Reenterer, ReturnBomb, Reverter, WrongSelector} from "../utils/Receivers.sol";
import {Vm} from "../utils/Vm.sol";

contract DeliverTest is BridgeTest {
    Counter private counter;

    function setUp() public override {
        super.setUp();
        counter = new Counter();
    }

    function _send(address recipient, uint32 gasLimit, uint256 count) private {
        _on(0);
        for (uint256 i = 0; i < count; ++i) {
            gateways[0].send(CHAINS[1], LaneLib.toBytes32(recipient), gasLimit, 0, abi.encode(i));
        }
    }

    function test_deliversOnceAndInOrder() public {
        _send(address(counter), 200_000, 3);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 3, 3);
        _on(1);
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 3);
        assertEq(counter.lastPayload(), abi.encode(2));
        assertEq(counter.lastSender(), InteroperableAddress.formatEvmV1(CHAINS[0], address(this)));
        assertEq(gateways[1].inbox(_lane(0, 1)), gateways[0].outbox(CHAINS[1]).accumulator);
        vm.expectRevert(IGateway.NothingToDeliver.selector);
        gateways[1].deliver(delivery);
    }

    function test_deliversTheRestOfAPartlyDeliveredBatch() public {
        _send(address(counter), 200_000, 6);
        IGateway.Delivery memory stranger = _delivery(0, 1, 1, 2, 6);
        IGateway.Delivery memory ours = _delivery(0, 1, 1, 6, 6);
        _on(1);
        gateways[1].deliver(stranger);
        assertEq(counter.count(), 2);
        gateways[1].deliver(ours);
        assertEq(counter.count(), 6);
    }

    function test_tailConnectsToALaterCheckpoint() public {
        _send(address(counter), 200_000, 66);
        IGateway.Delivery memory tooLong = _delivery(0, 1, 1, 1, 66);
        IGateway.Delivery memory longest = _delivery(0, 1, 1, 2, 66);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.TailTooLong.selector, 65));
        gateways[1].deliver(tooLong);
        gateways[1].deliver(longest);
        assertEq(counter.count(), 2);
    }

    function test_refusesAGap() public {
        _send(address(counter), 200_000, 4);
        IGateway.Delivery memory gap = _delivery(0, 1, 2, 4, 4);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotConnected.selector, _lane(0, 1)));
        gateways[1].deliver(gap);
    }

    function test_refusesEmptyBatch() public {
        _send(address(counter), 200_000, 1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        delivery.messages = "";
        _on(1);
        vm.expectRevert(IGateway.NothingToDeliver.selector);
        gateways[1].deliver(delivery);
    }

    function test_refusesOtherNonce() public {
        _send(address(counter), 200_000, 2);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 2, 2);
        bytes32 accumulator = gateways[0].outbox(CHAINS[1]).accumulator;
        delivery.signatures = _sign(_checkpointDigest(_lane(0, 1), 3, accumulator), 3);
        _on(1);
        vm.expectRevert(QuorumLib.InvalidSignature.selector);
        gateways[1].deliver(delivery);
    }

    function testFuzz_refusesMutatedMessages(uint256 position, uint8 flip) public {
        vm.assume(flip != 0);
        _send(address(counter), 200_000, 3);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 3, 3);
        position = bound(position, 0, delivery.messages.length - 1);
        delivery.messages[position] ^= bytes1(flip);
        _on(1);
        vm.expectRevert();
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 0);
    }

    function testFuzz_refusesMutatedSignatures(uint256 position, uint8 flip) public {
        vm.assume(flip != 0);
        _send(address(counter), 200_000, 1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        position = bound(position, 0, delivery.signatures.length - 1);
        delivery.signatures[position] ^= bytes1(flip);
        _on(1);
        vm.expectRevert();
        gateways[1].deliver(delivery);
    }

    function test_refusesReplayOnOtherChainGatewayGenerationOrNetwork() public {
        _send(address(counter), 200_000, 1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(2);
        vm.expectRevert();
        gateways[2].deliver(delivery);
        _on(1);
        delivery.source.generation = 2;
        vm.expectRevert();
        gateways[1].deliver(delivery);
        delivery.source = _remote(2);
        vm.expectRevert();
        gateways[1].deliver(delivery);
    }

    function test_recordsWhatFails() public {
        address[6] memory recipients = [
            address(new Reverter()),
            address(new WrongSelector()),
            address(new ReturnBomb(true)),
            address(new ReturnBomb(false)),
            address(new GasBurner()),
            address(0xC0DE1E55)
        ];
        for (uint256 i = 0; i < recipients.length; ++i) {
            _send(recipients[i], 100_000, 1);
        }
        _send(address(gateways[1]), 100_000, 1);
        _on(0);
        gateways[0].send(CHAINS[1], bytes32(type(uint256).max), 100_000, 0, "");
        _send(address(counter), 200_000, 1);
        _relay(0, 1);
        assertEq(counter.count(), 1);
        bytes32 lane = _lane(0, 1);
        for (uint256 n = 1; n <= 9; ++n) {
            bytes32 id = LaneLib.fold(lane, keccak256(sent[lane][n - 1]));
            assertTrue(gateways[1].isRecorded(id) == (n != 9), "recorded");
        }
    }

    function test_aboveInlineGasIsRecordedWhateverTheSubmitterBrings() public {
        _send(address(counter), 250_001, 1);
        _send(address(counter), 250_000, 1);
        _relay(0, 1);
        assertEq(counter.count(), 1);
    }

    /// @dev A submitter cannot make a call fail by bringing too little gas: the delivery reverts, or the call gets
    /// all that the message asks for.
    function testFuzz_gasGriefing(uint256 gasBrought) public {
        _send(address(counter), 240_000, 1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        gasBrought = bound(gasBrought, 20_000, 600_000);
        try gateways[1].deliver{gas: gasBrought}(delivery) {
            assertEq(counter.count(), 1);
            assertTrue(counter.lastGas() > 239_000, "gas forwarded");
        } catch {
            assertEq(gateways[1].inbox(_lane(0, 1)), _lane(0, 1));
        }
    }

    function test_doesNotReenter() public {
        Reenterer reenterer = new Reenterer(gateways[1]);
        _send(address(reenterer), 250_000, 2);
        reenterer.arm(abi.encodeCall(IGateway.deliver, (_delivery(0, 1, 1, 2, 2))));
        IGateway.Delivery memory first = _delivery(0, 1, 1, 1, 2);
        _on(1);
        gateways[1].deliver(first);
        assertEq(reenterer.result(), abi.encodeWithSelector(IGateway.Reentered.selector));
    }

    function test_pausedDeliveriesRefuseAndResume() public {
        _send(address(counter), 200_000, 1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        vm.expectRevert(IGateway.NotGuardian.selector);
        gateways[1].pauseDeliveries();
        vm.prank(GUARDIAN);
        gateways[1].pauseDeliveries();
        vm.expectRevert(IGateway.DeliveriesArePaused.selector);
        gateways[1].deliver(delivery);
        vm.prank(GUARDIAN);
        vm.expectRevert();
        gateways[1].resumeDeliveries();
        vm.prank(OWNER);
        gateways[1].resumeDeliveries();
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 1);
    }
}
