// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {MessageLib} from "../../src/libraries/MessageLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {MessageEncoder} from "../utils/MessageEncoder.sol";
import {RefundLedger} from "../utils/RefundLedger.sol";
import {Vm} from "../utils/Vm.sol";

/// @dev The `Sent` event is written by hand, where memory may be dirty: every byte of it is compared with what the
/// ABI encoder makes of the same message.
contract EncodingTest is BridgeTest {
    uint256 private constant NOW = 1_000_000;

    function setUp() public override {
        super.setUp();
        vm.warp(NOW);
        _on(0);
    }

    function _payload(bytes32 seed, uint256 length) private pure returns (bytes memory payload) {
        payload = new bytes(length);
        for (uint256 i = 0; i < length; i += 32) {
            bytes32 word = keccak256(abi.encode(seed, i));
            for (uint256 j = i; j < length && j < i + 32; ++j) {
                payload[j] = word[j - i];
            }
        }
    }

    /// @dev The newest `Sent` event: its topics and the bytes of its data.
    function _checkSent(uint256 from, uint256 to, MessageEncoder.Header memory header, bytes memory payload) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 last = logs.length - 1;
        while (logs[last].topics[0] != IGateway.Sent.selector) --last;
        bytes memory message = MessageEncoder.encode(header, payload);
        assertEq(logs[last].emitter, address(gateways[from]));
        assertEq(logs[last].topics.length, 3);
        assertEq(uint256(logs[last].topics[1]), CHAINS[to]);
        assertEq(uint256(logs[last].topics[2]), 1);
        // Offset, length, message and zeros up to a whole word.
        assertEq(logs[last].data, abi.encode(message));
        assertEq(abi.decode(logs[last].data, (bytes)), message);
    }

    function testFuzz_everyFieldOfAMessage(
        bytes32 recipient,
        uint32 gasLimit,
        uint64 deadline,
        uint64 nonce,
        address sender,
        bytes32 seed,
        uint16 length
    ) public {
        vm.assume(recipient != 0);
        gasLimit %= 15_000_001;
        deadline = uint64(bound(deadline, NOW + MIN_DEADLINE, type(uint64).max));
        // The nonce is a field too: the outbox's second word begins with it.
        nonce = uint64(bound(nonce, 0, type(uint64).max - 1));
        bytes32 slot = bytes32(uint256(keccak256(abi.encode(CHAINS[1], uint256(0)))) + 1);
        bytes32 word = vm.load(address(gateways[0]), slot);
        IStore(address(vm)).store(address(gateways[0]), slot, bytes32((uint256(word) >> 64 << 64) | nonce));
        bytes memory payload = _payload(seed, length % 2000);
        vm.prank(sender);
        assertEq(gateways[0].send(CHAINS[1], recipient, gasLimit, deadline, payload), nonce + 1);
        MessageEncoder.Header memory header = MessageEncoder.Header(
            MessageLib.KIND_CALL, nonce + 1, deadline, gasLimit, LaneLib.toBytes32(sender), recipient
        );
        _checkSent(0, 1, header, payload);
    }

    /// @dev All lengths around the words of a message (its header ends 21 bytes after a whole word), and the longest.
    function test_everyLengthIsPaddedWithZeros() public {
        bytes32 recipient = bytes32(type(uint256).max);
        MessageEncoder.Header memory header = MessageEncoder.Header(
            MessageLib.KIND_CALL, 0, type(uint64).max, 15_000_000, LaneLib.toBytes32(address(this)), recipient
        );
        for (uint256 i = 0; i <= 132; ++i) {
            uint256 length = i <= 100 ? i : 10_240 - (132 - i);
            bytes memory payload = _payload(bytes32(i), length);
            bytes32 before = gateways[0].outbox(CHAINS[1]).accumulator;
            ++header.nonce;
            gateways[0].send(CHAINS[1], recipient, 15_000_000, type(uint64).max, payload);
            _checkSent(0, 1, header, payload);
            bytes32 leaf = keccak256(MessageEncoder.encode(header, payload));
            assertEq(gateways[0].outbox(CHAINS[1]).accumulator, keccak256(abi.encodePacked(before, leaf)));
        }
    }

    function testFuzz_erc7786WritesTheSameMessage(bytes32 seed, uint16 length, address recipient) public {
        vm.assume(recipient != address(0));
        bytes memory payload = _payload(seed, length % 500);
        // Attributes leave memory dirty.
        bytes[] memory attributes = new bytes[](2);
        attributes[0] = abi.encodeWithSignature("minGasLimit(uint256)", 7);
        attributes[1] = abi.encodeWithSignature("minGasLimit(uint256)", 123_456);
        gateways[0].sendMessage(InteroperableAddress.formatEvmV1(CHAINS[1], recipient), payload, attributes);
        MessageEncoder.Header memory header = MessageEncoder.Header(
            MessageLib.KIND_CALL, 1, 0, 123_456, LaneLib.toBytes32(address(this)), LaneLib.toBytes32(recipient)
        );
        _checkSent(0, 1, header, payload);
    }

    /// @dev A refund is written with its id before the payload, in memory that the expired message has dirtied.
    function testFuzz_refundIsWrittenWithoutDirt(bytes32 seed, uint16 length) public {
        RefundLedger app = new RefundLedger();
        bytes32 sender = LaneLib.toBytes32(address(app));
        bytes32 recipient = bytes32(uint256(0x1234));
        bytes memory payload = _payload(seed, length % 500);
        vm.prank(address(app));
        gateways[0].send(CHAINS[1], recipient, 300_000, uint64(NOW + MIN_DEADLINE), payload);
        _relay(0, 1);
        vm.warp(NOW + MIN_DEADLINE + 1);
        bytes memory message = sent[_lane(0, 1)][0];
        gateways[1].expire(_remote(0), message);
        bytes32 id = LaneLib.fold(_lane(0, 1), keccak256(message));
        MessageEncoder.Header memory header =
            MessageEncoder.Header(MessageLib.KIND_REFUND, 1, 0, 200_000, recipient, sender);
        _checkSent(1, 0, header, abi.encodePacked(id, payload));
    }
}

interface IStore {
    function store(address target, bytes32 slot, bytes32 value) external;
}
