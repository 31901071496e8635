// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {Execution} from "./Execution.sol";

/// @title Receiving: the inboxes of a gateway, and delivery under a signed checkpoint.
abstract contract InboxStore is Execution {
    mapping(bytes32 lane => bytes32 accumulator) private _inboxes;

    /// @notice Most leaves between the last delivered message and its checkpoint.
    uint256 public constant MAX_TAIL = 64;

    /// @inheritdoc IGateway
    function inbox(bytes32 lane) public view returns (bytes32) {
        return _inboxes[lane];
    }

    /// @inheritdoc IGateway
    function deliver(Delivery calldata delivery) external locked {
        bytes32 lane = laneFrom(delivery.source);
        (uint256 offset, uint256 leaves, bytes32 accumulator, uint64 toNonce) = _connect(lane, delivery);

        bytes calldata messages = delivery.messages;
        // The one write of the inbox, before any call.
        _inboxes[lane] = accumulator;
        emit Delivered(lane, MessageLib.nonce(MessageLib.messageAt(messages, offset)), toNonce, accumulator);

        uint64 chain = delivery.source.chain;
        while (offset < messages.length) {
            bytes calldata message = MessageLib.messageAt(messages, offset);
            bytes32 leaf;
            assembly ("memory-safe") {
                leaf := mload(leaves)
            }
            unchecked {
                offset += 2 + message.length;
                leaves += 0x20;
            }
            _executeOrRecord(lane, chain, leaf, message);
        }
    }

    function _setInbox(bytes32 lane, bytes32 accumulator) internal {
        _inboxes[lane] = accumulator;
    }

    /// @dev Folds messages and tail into the checkpoint, checks the quorum's signatures on it, and finds the message at which the fold meets the inbox.
    /// @return offset in `messages` of the first message that is not delivered yet.
    /// @return leaves where in memory the leaves from that message on are.
    /// @return accumulator after the last message: the new inbox.
    /// @return nonce of the last message.
    function _connect(bytes32 lane, Delivery calldata delivery)
        private
        view
        returns (uint256 offset, uint256 leaves, bytes32 accumulator, uint64 nonce)
    {
        bytes32 delivered = _inboxes[lane];
        if (delivered == 0) revert LaneClosed(lane);
        bytes32[] calldata tail = delivery.tail;
        if (tail.length > MAX_TAIL) revert TailTooLong(tail.length);

        bytes calldata messages = delivery.messages;
        // Room for the leaves: no message is shorter than a header.
        uint256 leaf;
        assembly ("memory-safe") {
            leaf := mload(0x40)
            mstore(0x40, add(leaf, shl(5, add(1, div(messages.length, 87)))))
        }
        accumulator = delivery.startAccumulator;
        offset = type(uint256).max;
        uint256 cursor = 0;
        while (cursor < messages.length) {
            if (accumulator == delivered) (offset, leaves) = (cursor, leaf);
            bytes calldata message = MessageLib.messageAt(messages, cursor);
            nonce = MessageLib.nonce(message);
            unchecked {
                cursor += 2 + message.length;
            }
            // The message's hash, kept for its execution, and the fold with it (as MessageLib.leaf and LaneLib.fold).
            assembly ("memory-safe") {
                let buffer := mload(0x40)
                calldatacopy(buffer, message.offset, message.length)
                let hash := keccak256(buffer, message.length)
                mstore(leaf, hash)
                leaf := add(leaf, 0x20)
                mstore(0x00, accumulator)
                mstore(0x20, hash)
                accumulator := keccak256(0x00, 0x40)
            }
        }
        if (offset == type(uint256).max) {
            if (accumulator == delivered) revert NothingToDeliver();
            revert NotConnected(delivered);
        }

        bytes32 end = accumulator;
        for (uint256 i = 0; i < tail.length; ++i) {
            end = LaneLib.fold(end, tail[i]);
        }
        // Whatever was folded, a quorum must have signed exactly that.
        _verifyCheckpoint(lane, nonce + uint64(tail.length), end, delivery.signatures);
    }
}
