// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../interfaces/IGateway.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {OutboxStore} from "./OutboxStore.sol";
import {ValidatorSets} from "./ValidatorSets.sol";

/// @title Receiving: the inboxes of a gateway, delivery, and execution of recorded messages.
abstract contract InboxStore is OutboxStore, ValidatorSets {
    mapping(bytes32 lane => bytes32 accumulator) private _inboxes;
    mapping(bytes32 id => bool) private _recorded;

    /// @dev Shared by `deliver` and `execute`: neither can run inside the other.
    bool private transient _locked;

    /// @notice Messages with at most this gas limit execute within the delivery.
    uint256 public constant INLINE_GAS = 250_000;
    /// @notice Most leaves between the last delivered message and its checkpoint.
    uint256 public constant MAX_TAIL = 64;

    /// @dev What a call costs its caller besides the gas it forwards: two cold accounts (EIP-2929; the second is what
    /// an EIP-7702 account delegates to), and as much again in case they become dearer.
    uint256 private constant CALL_OVERHEAD = 10_000;

    modifier locked() {
        if (_locked) revert Reentered();
        _locked = true;
        _;
        _locked = false;
    }

    /// @inheritdoc IGateway
    function inbox(bytes32 lane) external view returns (bytes32) {
        return _inboxes[lane];
    }

    /// @inheritdoc IGateway
    function isRecorded(bytes32 id) external view returns (bool) {
        return _recorded[id];
    }

    /// @inheritdoc IGateway
    function laneFrom(Remote calldata remote) public view returns (bytes32) {
        return LaneLib.id(
            networkId,
            remote.chain,
            remote.gateway,
            uint64(block.chainid),
            LaneLib.toBytes32(address(this)),
            remote.generation
        );
    }

    /// @inheritdoc IGateway
    function deliver(Delivery calldata delivery) external locked {
        bytes32 lane = laneFrom(delivery.source);
        _verifyCheckpoint(lane, delivery.nonce, delivery.accumulator, delivery.signatures);
        (uint256 offset, bytes32 accumulator, uint64 toNonce) = _connect(lane, delivery);

        bytes calldata messages = delivery.messages;
        uint64 fromNonce = _nonceAt(messages, offset);
        // The one write of the inbox, before any call.
        _inboxes[lane] = accumulator;
        emit Delivered(lane, fromNonce, toNonce, accumulator);

        bytes memory prefix = _senderPrefix(delivery.source.chain);
        while (offset < messages.length) {
            bytes calldata message = _messageAt(messages, offset);
            offset += 2 + message.length;
            _executeOrRecord(lane, prefix, message);
        }
    }

    /// @inheritdoc IGateway
    function execute(Remote calldata source, bytes calldata message) external locked {
        _requireDeliveriesRun();
        bytes32 lane = laneFrom(source);
        bytes32 id = LaneLib.fold(lane, keccak256(message));
        if (!_recorded[id]) revert NotRecorded(id);
        // Cleared before the call; a failure reverts, which records it again.
        _recorded[id] = false;

        MessageLib.Header memory header = MessageLib.decode(message);
        if (header.kind != MessageLib.KIND_CALL) revert ExecutionFailed("unsupported kind");
        if (!_isCallable(header.recipient)) revert InvalidRecipient(header.recipient);
        if (header.deadline != 0 && block.timestamp > header.deadline) revert ExecutionFailed("expired");
        // All the gas there is, less EIP-150's 1/64: more than `gasLimit` may be needed by now.
        bool success = _call(id, _senderPrefix(source.chain), header, type(uint256).max, message);
        if (!success) revert ExecutionFailed(_returnData());
        emit Executed(lane, header.nonce, id);
    }

    function _openInbox(Remote calldata remote) internal returns (bytes32 lane) {
        lane = laneFrom(remote);
        if (_inboxes[lane] != 0) revert LaneAlreadyOpen(remote.chain);
        _inboxes[lane] = lane;
    }

    /// @dev Folds messages and tail into the checkpoint, and finds the message at which the fold meets the inbox.
    /// @return offset in `messages` of the first message that is not delivered yet.
    /// @return accumulator after the last message: the new inbox.
    /// @return nonce of the last message.
    function _connect(bytes32 lane, Delivery calldata delivery)
        private
        view
        returns (uint256 offset, bytes32 accumulator, uint64 nonce)
    {
        bytes32 delivered = _inboxes[lane];
        if (delivered == 0) revert LaneClosed(lane);
        bytes32[] calldata tail = delivery.tail;
        if (tail.length > MAX_TAIL) revert TailTooLong(tail.length);

        bytes calldata messages = delivery.messages;
        accumulator = delivery.startAccumulator;
        offset = type(uint256).max;
        uint256 cursor = 0;
        uint256 last = 0;
        while (cursor < messages.length) {
            if (accumulator == delivered) offset = cursor;
            bytes calldata message = _messageAt(messages, cursor);
            last = cursor;
            cursor += 2 + message.length;
            accumulator = LaneLib.fold(accumulator, _leaf(message));
        }
        if (offset == type(uint256).max) {
            if (accumulator == delivered) revert NothingToDeliver();
            revert NotConnected(delivered);
        }

        bytes32 end = accumulator;
        for (uint256 i = 0; i < tail.length; ++i) {
            end = LaneLib.fold(end, tail[i]);
        }
        nonce = _nonceAt(messages, last);
        if (end != delivery.accumulator || nonce + tail.length != delivery.nonce) revert CheckpointMismatch();
    }

    /// @dev Runs a message just delivered, or records it. What happens depends on the message alone; a submitter who
    /// brings too little gas reverts the whole delivery.
    function _executeOrRecord(bytes32 lane, bytes memory prefix, bytes calldata message) private {
        bytes32 id = LaneLib.fold(lane, _leaf(message));
        MessageLib.Header memory header = MessageLib.decode(message);
        Reason reason;
        if (header.kind != MessageLib.KIND_CALL) {
            reason = Reason.UnsupportedKind;
        } else if (!_isCallable(header.recipient)) {
            reason = Reason.InvalidRecipient;
        } else if (header.deadline != 0 && block.timestamp > header.deadline) {
            reason = Reason.Expired;
        } else if (header.gasLimit > INLINE_GAS) {
            reason = Reason.AboveInlineGas;
        } else {
            if (_call(id, prefix, header, header.gasLimit, message)) return;
            reason = Reason.CallFailed;
        }
        _recorded[id] = true;
        emit Recorded(lane, header.nonce, id, reason);
    }

    /// @dev Calls the recipient by ERC-7786. The message's gas limit must be there, checked after memory expansion.
    /// At most 32 bytes of return data are copied.
    /// @param forwarded gas handed to the call; more than there is means all but EIP-150's 1/64.
    /// @return success if the call succeeded and returned `receiveMessage`'s selector. An account without code
    /// returns nothing and so fails.
    function _call(
        bytes32 id,
        bytes memory prefix,
        MessageLib.Header memory header,
        uint256 forwarded,
        bytes calldata message
    ) private returns (bool success) {
        bytes memory data = abi.encodeCall(
            IERC7786Recipient.receiveMessage,
            (id, abi.encodePacked(prefix, address(uint160(uint256(header.sender)))), message[MessageLib.HEADER_LENGTH:])
        );
        _requireGas(header.gasLimit);
        bytes32 recipient = header.recipient;
        bytes4 selector = IERC7786Recipient.receiveMessage.selector;
        assembly ("memory-safe") {
            success := call(forwarded, recipient, 0, add(data, 0x20), mload(data), 0x00, 0x20)
            success := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0x00), selector))
        }
    }

    /// @dev Reverts unless `gasLimit` can be forwarded under EIP-150's 63/64 rule.
    function _requireGas(uint256 gasLimit) private view {
        uint256 required = gasLimit + gasLimit / 63 + CALL_OVERHEAD;
        if (gasleft() < required) revert InsufficientGas(gasleft(), required);
    }

    /// @dev The first 256 bytes of the return data of the last call.
    function _returnData() private pure returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            let size := returndatasize()
            if gt(size, 256) { size := 256 }
            mstore(data, size)
            returndatacopy(add(data, 0x20), 0, size)
            mstore(0x40, add(data, 0x140))
        }
    }

    function _isCallable(bytes32 recipient) private view returns (bool) {
        return LaneLib.isEvmAddress(recipient) && recipient != LaneLib.toBytes32(address(this));
    }

    /// @dev What precedes the 20-byte address in the ERC-7930 form of any account of an EVM chain.
    function _senderPrefix(uint64 chain) private pure returns (bytes memory) {
        bytes memory chainOnly = InteroperableAddress.formatEvmV1(chain);
        chainOnly[chainOnly.length - 1] = bytes1(uint8(20));
        return chainOnly;
    }

    /// @dev keccak256 of calldata, through memory that is not kept.
    function _leaf(bytes calldata message) private pure returns (bytes32 leaf) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, message.offset, message.length)
            leaf := keccak256(buffer, message.length)
        }
    }

    function _messageAt(bytes calldata messages, uint256 offset) private pure returns (bytes calldata message) {
        if (offset + 2 > messages.length) revert MalformedMessages();
        uint256 length = uint16(bytes2(messages[offset:offset + 2]));
        if (length < MessageLib.HEADER_LENGTH || offset + 2 + length > messages.length) revert MalformedMessages();
        return messages[offset + 2:offset + 2 + length];
    }

    function _nonceAt(bytes calldata messages, uint256 offset) private pure returns (uint64) {
        return uint64(bytes8(messages[offset + 3:offset + 11]));
    }
}
