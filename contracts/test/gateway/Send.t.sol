// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {MessageLib} from "../../src/libraries/MessageLib.sol";
import {MessageEncoder} from "../utils/MessageEncoder.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Counter} from "../utils/Receivers.sol";

contract SendTest is BridgeTest {
    bytes32 private constant TO = bytes32(uint256(0x1234));

    function test_accumulatorIsTheFoldOfAllLeaves() public {
        _on(0);
        for (uint256 i = 1; i <= 5; ++i) {
            assertEq(gateways[0].send(CHAINS[1], TO, 100_000, 0, abi.encode(i)), i);
        }
        _collect();
        IGateway.Outbox memory box = gateways[0].outbox(CHAINS[1]);
        assertEq(box.nonce, 5);
        assertEq(box.accumulator, accumulators[_lane(0, 1)][5]);
    }

    function test_accumulatorIsWhereValidatorsProveIt() public {
        _on(0);
        gateways[0].send(CHAINS[1], TO, 100_000, 0, "x");
        bytes32 slot = keccak256(abi.encode(CHAINS[1], uint256(0)));
        assertEq(vm.load(address(gateways[0]), slot), gateways[0].outbox(CHAINS[1]).accumulator);
    }

    function testFuzz_headerFields(bytes32 recipient, uint32 gasLimit, bytes calldata payload) public {
        gasLimit %= 15_000_001;
        vm.assume(recipient != 0 && payload.length <= MessageLib.MAX_PAYLOAD_LENGTH);
        _on(0);
        vm.prank(USER);
        gateways[0].send(CHAINS[1], recipient, gasLimit, 0, payload);
        _collect();
        bytes memory expected = MessageEncoder.encode(
            MessageEncoder.Header(MessageLib.KIND_CALL, 1, 0, gasLimit, LaneLib.toBytes32(USER), recipient), payload
        );
        assertEq(sent[_lane(0, 1)][0], expected);
    }

    function test_snapshotEvery256th() public {
        _on(0);
        for (uint256 i = 0; i < 256; ++i) {
            gateways[0].send(CHAINS[1], TO, 0, 0, "");
        }
        assertEq(gateways[0].snapshot(_lane(0, 1), 1), gateways[0].outbox(CHAINS[1]).accumulator);
    }

    function test_refusesClosedLane() public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, 77));
        gateways[0].send(77, TO, 0, 0, "");
    }

    function test_refusesZeroRecipient() public {
        vm.expectPartialRevert(IGateway.InvalidRecipient.selector);
        gateways[0].send(CHAINS[1], 0, 0, 0, "");
    }

    function test_refusesLongPayload() public {
        gateways[0].send(CHAINS[1], TO, 0, 0, new bytes(10_240));
        vm.expectRevert(abi.encodeWithSelector(IGateway.PayloadTooLong.selector, 10_241));
        gateways[0].send(CHAINS[1], TO, 0, 0, new bytes(10_241));
    }

    function test_pausedSendingRefusesAndResumes() public {
        vm.prank(GUARDIAN);
        gateways[0].pauseSending(CHAINS[1]);
        vm.expectRevert(abi.encodeWithSelector(IGateway.SendingIsPaused.selector, CHAINS[1]));
        gateways[0].send(CHAINS[1], TO, 0, 0, "");
        gateways[0].send(CHAINS[2], TO, 0, 0, "");
        vm.prank(OWNER);
        gateways[0].resumeSending(CHAINS[1]);
        gateways[0].send(CHAINS[1], TO, 0, 0, "");
    }

    function test_erc7786SendsTheSameMessage() public {
        Counter counter = new Counter();
        _on(0);
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = abi.encodeWithSignature("minGasLimit(uint256)", 240_000);
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], address(counter));
        vm.prank(USER);
        bytes32 sendId = gateways[0].sendMessage(recipient, "hello", attributes);
        _relay(0, 1);
        assertEq(counter.lastId(), sendId);
        assertEq(counter.lastSender(), InteroperableAddress.formatEvmV1(CHAINS[0], USER));
        assertEq(counter.lastPayload(), "hello");
        assertTrue(gateways[0].supportsAttribute(bytes4(keccak256("minGasLimit(uint256)"))), "attribute");
    }

    function test_erc7786RefusesUnknownAttributesAndValue() public {
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], address(1));
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = hex"11223344";
        vm.expectRevert(abi.encodeWithSelector(IERC7786GatewaySource.UnsupportedAttribute.selector, bytes4(0x11223344)));
        gateways[0].sendMessage(recipient, "", attributes);
        vm.expectRevert(IGateway.ValueNotSupported.selector);
        gateways[0].sendMessage{value: 1}(recipient, "", new bytes[](0));
    }
}
