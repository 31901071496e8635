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
        _verifyCheckpoint(lane, delivery.nonce, delivery.accumulator, delivery.signatures);
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

    /// @dev Folds messages and tail into the checkpoint, and finds the message at which the fold meets the inbox.
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
        uint256 last = 0;
        while (cursor < messages.length) {
            if (accumulator == delivered) (offset, leaves) = (cursor, leaf);
            bytes calldata message = MessageLib.messageAt(messages, cursor);
            bytes32 hash = MessageLib.leaf(message);
            last = cursor;
            assembly ("memory-safe") {
                mstore(leaf, hash)
            }
            unchecked {
                cursor += 2 + message.length;
                leaf += 0x20;
            }
            accumulator = LaneLib.fold(accumulator, hash);
        }
        if (offset == type(uint256).max) {
            if (accumulator == delivered) revert NothingToDeliver();
            revert NotConnected(delivered);
        }

        bytes32 end = accumulator;
        for (uint256 i = 0; i < tail.length; ++i) {
            end = LaneLib.fold(end, tail[i]);
        }
        nonce = MessageLib.nonce(MessageLib.messageAt(messages, last));
        if (end != delivery.accumulator || nonce + tail.length != delivery.nonce) revert CheckpointMismatch();
    }
}
