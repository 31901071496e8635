// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {InboxStore} from "./InboxStore.sol";

/// @title The life of a lane pair: opened, closed, succeeded by its next generation.
/// @notice A generation is closed when its two ends no longer agree (a chain reverted its own finality) or a gateway
/// is retired. What had left and not arrived is not lost: after a public reconciliation it is sent again.
abstract contract Lanes is InboxStore {
    mapping(bytes32 lane => End) private _ends;
    mapping(bytes32 lane => bytes32) private _lastInboxes;

    /// @inheritdoc IGateway
    function endOf(bytes32 lane) external view returns (End memory) {
        return _ends[lane];
    }

    /// @inheritdoc IGateway
    function lastInbox(bytes32 lane) external view returns (bytes32) {
        return _lastInboxes[lane];
    }

    /// @inheritdoc IGateway
    function resend(Remote calldata ended, bytes calldata messages, bytes32[] calldata tail) external {
        bytes32 lane = laneTo(ended);
        End storage end = _ends[lane];
        bytes32 accumulator = end.resendFrom;
        if (accumulator == 0 || accumulator == end.accumulator) revert NothingToResend(lane);
        // Sent again it must reach the same gateway: another one's applications are not the same either.
        if (_outboxes[ended.chain].gateway != ended.gateway) revert LaneNotOpen(ended.chain);

        // Without a message, a stranger could settle a point that is still to be corrected.
        if (messages.length == 0) revert MalformedMessages();
        uint256 cursor = 0;
        uint64 nonce;
        while (cursor < messages.length) {
            bytes calldata message = MessageLib.messageAt(messages, cursor);
            nonce = MessageLib.nonce(message);
            cursor += 2 + message.length;
            accumulator = LaneLib.fold(accumulator, keccak256(message));
            _append(
                ended.chain,
                MessageLib.kind(message),
                MessageLib.limits(message),
                MessageLib.sender(message),
                MessageLib.recipient(message),
                bytes32(0),
                message[MessageLib.HEADER_LENGTH:]
            );
        }
        end.resendFrom = accumulator;
        end.resending = true;
        // What was appended is undone by this unless it belongs to the ended lane: it must fold to where the lane
        // ended or, however many messages follow, to a snapshot taken on the way.
        for (uint256 i = 0; i < tail.length; ++i) {
            accumulator = LaneLib.fold(accumulator, tail[i]);
        }
        if (
            accumulator != end.accumulator
                && accumulator != _snapshots[lane][uint64((nonce + tail.length) / SNAPSHOT_INTERVAL)]
        ) revert CheckpointMismatch();
    }

    function _endOf(bytes32 lane) internal view returns (bytes32 accumulator, uint64 nonce) {
        End storage end = _ends[lane];
        return (end.accumulator, end.nonce);
    }

    function _openLane(Remote calldata remote) internal {
        if (remote.chain == 0 || remote.chain == block.chainid || remote.gateway == 0 || remote.generation == 0) {
            revert InvalidLane();
        }
        Outbox storage box = _outboxes[remote.chain];
        if (box.accumulator != 0) revert LaneAlreadyOpen(remote.chain);
        // A generation that has ended stays ended: its inbox would take the same messages again.
        if (remote.generation <= box.generation) revert InvalidLane();
        bytes32 outbound = laneTo(remote);
        box.accumulator = outbound;
        box.nonce = 0;
        box.generation = remote.generation;
        box.gateway = remote.gateway;
        bytes32 inbound = laneFrom(remote);
        _setInbox(inbound, inbound);
        emit LaneOpened(remote.chain, remote.generation, remote.gateway, outbound, inbound);
    }

    function _closeLane(uint64 chain) internal {
        Outbox storage box = _outboxes[chain];
        if (box.accumulator == 0) revert LaneNotOpen(chain);
        bytes32 outbound = _outboundLane(chain);
        bytes32 inbound = _inboundLane(chain, box.gateway, box.generation);
        bytes32 last = inbox(inbound);
        _ends[outbound] = End(box.accumulator, box.nonce, false, 0);
        _lastInboxes[inbound] = last;
        box.accumulator = 0;
        _setInbox(inbound, 0);
        emit LaneEnded(chain, box.generation, outbound, inbound, box.nonce, last);
    }

    /// @dev May be corrected until the first message left again; after that, messages could leave twice.
    function _allowResend(bytes32 lane, bytes32 from) internal {
        End storage end = _ends[lane];
        if (end.accumulator == 0) revert LaneNotEnded(lane);
        if (end.resending || from == 0) revert NothingToResend(lane);
        end.resendFrom = from;
        emit ResendAllowed(lane, from);
    }
}
