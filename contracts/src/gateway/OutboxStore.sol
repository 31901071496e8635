// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";

/// @title Sending: the outboxes of a gateway.
/// @dev First in the gateway's inheritance, so that its mapping is storage slot 0: validators prove
/// `keccak256(abi.encode(destinationChain, 0))`, the accumulator's slot, against finalized state roots.
abstract contract OutboxStore is IGateway {
    mapping(uint64 chain => Outbox) internal _outboxes;
    mapping(bytes32 lane => mapping(uint64 index => bytes32)) internal _snapshots;

    /// @dev Every this many messages the accumulator is kept, which bounds the length of a fraud proof.
    uint64 internal constant SNAPSHOT_INTERVAL = 256;

    /// @notice Largest gas limit of a message: what `execute` can forward in one transaction (EIP-7825: 2^24 gas).
    uint32 public constant MAX_GAS_LIMIT = 15_000_000;

    /// @inheritdoc IGateway
    bytes32 public immutable networkId;
    /// @inheritdoc IGateway
    uint64 public immutable minDeadlineDelay;

    constructor(bytes32 networkId_, uint64 minDeadlineDelay_) {
        if (networkId_ == 0) revert InvalidLane();
        networkId = networkId_;
        minDeadlineDelay = minDeadlineDelay_;
    }

    /// @inheritdoc IGateway
    function outbox(uint64 chain) external view returns (Outbox memory) {
        return _outboxes[chain];
    }

    /// @inheritdoc IGateway
    function snapshot(bytes32 lane, uint64 index) external view returns (bytes32) {
        return _snapshots[lane][index];
    }

    /// @inheritdoc IGateway
    function laneTo(Remote calldata remote) public view returns (bytes32) {
        return _laneTo(remote.chain, remote.gateway, remote.generation);
    }

    /// @dev Appends an application's message, after all that an application's message must satisfy.
    function _send(uint64 chain, bytes32 recipient, uint32 gasLimit, uint64 deadline, bytes calldata payload)
        internal
        returns (uint64 nonce, bytes32 leaf)
    {
        if (recipient == 0) revert InvalidRecipient(recipient);
        if (gasLimit > MAX_GAS_LIMIT) revert InvalidGasLimit(gasLimit);
        if (payload.length > MessageLib.MAX_PAYLOAD_LENGTH) revert PayloadTooLong(payload.length);
        if (deadline != 0 && deadline < block.timestamp + minDeadlineDelay) {
            revert DeadlineTooSoon(deadline, block.timestamp + minDeadlineDelay);
        }
        uint256 flags = (uint256(deadline) << 32) | gasLimit;
        return
            _append(chain, MessageLib.KIND_CALL, flags, LaneLib.toBytes32(msg.sender), recipient, bytes32(0), payload);
    }

    /// @dev Appends a message of any kind to the lane's accumulator.
    /// @param limits deadline (64 bits) and gas limit (32 bits), as they stand in the encoded message.
    /// @param prefix precedes the payload unless it is zero.
    function _append(
        uint64 chain,
        uint8 kind,
        uint256 limits,
        bytes32 sender,
        bytes32 recipient,
        bytes32 prefix,
        bytes calldata payload
    ) internal returns (uint64 nonce, bytes32 leaf) {
        Outbox storage box = _outboxes[chain];
        bytes32 accumulator = box.accumulator;
        if (accumulator == 0) revert LaneNotOpen(chain);
        // The second slot, read and written once: nonce (64 bits, lowest), generation (32), paused (8), what fees need.
        uint256 packed;
        assembly ("memory-safe") {
            packed := sload(add(box.slot, 1))
        }
        if (kind == MessageLib.KIND_CALL && uint8(packed >> 96) != 0) revert SendingIsPaused(chain);
        uint32 generation = uint32(packed >> 64);
        bytes32 topic = Sent.selector;
        assembly ("memory-safe") {
            packed := add(packed, 1)
            nonce := and(packed, 0xffffffffffffffff)
            // The event's data (offset, length, message) is laid out once, and the leaf hashed in place.
            let data := mload(0x40)
            let message := add(data, 0x40)
            // kind (1), nonce (8), deadline and gas limit (12): 21 bytes.
            mstore(message, shl(88, or(shl(160, kind), or(shl(96, nonce), limits))))
            mstore(add(message, 21), sender)
            mstore(add(message, 53), recipient)
            let end := add(message, 85)
            if prefix {
                mstore(end, prefix)
                end := add(end, 32)
            }
            calldatacopy(end, payload.offset, payload.length)
            end := add(end, payload.length)
            let length := sub(end, message)
            mstore(end, 0) // padding
            leaf := keccak256(message, length)
            mstore(data, 0x20)
            mstore(add(data, 0x20), length)
            log3(data, add(0x40, and(add(length, 31), not(31))), topic, chain, generation)
            // As LaneLib.fold.
            mstore(0x00, accumulator)
            mstore(0x20, leaf)
            accumulator := keccak256(0x00, 0x40)
            sstore(box.slot, accumulator)
            sstore(add(box.slot, 1), packed)
        }
        if (nonce % SNAPSHOT_INTERVAL == 0) {
            _snapshots[_laneTo(chain, box.gateway, generation)][nonce / SNAPSHOT_INTERVAL] = accumulator;
        }
    }

    /// @dev A chain id as an application names it; one of more than 64 bits has no lane.
    function _chainId(uint256 chain) internal pure returns (uint64) {
        if (chain > type(uint64).max) revert LaneNotOpen(type(uint64).max);
        return uint64(chain);
    }

    function _setSendingPaused(uint64 chain, bool paused) internal {
        if (_outboxes[chain].accumulator == 0) revert LaneNotOpen(chain);
        _outboxes[chain].paused = paused;
        emit SendingPaused(chain, paused);
    }

    /// @dev The lane a message to `chain` leaves on, for ERC-7786's send id.
    function _outboundLane(uint64 chain) internal view returns (bytes32) {
        Outbox storage box = _outboxes[chain];
        return _laneTo(chain, box.gateway, box.generation);
    }

    function _laneTo(uint64 chain, bytes32 gateway, uint32 generation) internal view returns (bytes32) {
        return
            LaneLib.id(networkId, uint64(block.chainid), LaneLib.toBytes32(address(this)), chain, gateway, generation);
    }
}
