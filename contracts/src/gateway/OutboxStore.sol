// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";

/// @title Sending: the outboxes of a gateway.
/// @dev First in the gateway's inheritance, so that its mapping is storage slot 0: validators prove
/// `keccak256(abi.encode(destinationChain, 0))`, the accumulator's slot, against finalized state roots.
abstract contract OutboxStore is IGateway {
    mapping(uint64 chain => Outbox) private _outboxes;
    mapping(bytes32 lane => mapping(uint64 index => bytes32)) private _snapshots;

    /// @dev Every this many messages the accumulator is kept, which bounds the length of a fraud proof.
    uint64 internal constant SNAPSHOT_INTERVAL = 256;

    /// @notice Largest gas limit of a message: what `execute` can forward in one transaction (EIP-7825: 2^24 gas).
    uint32 public constant MAX_GAS_LIMIT = 15_000_000;

    /// @inheritdoc IGateway
    bytes32 public immutable networkId;

    constructor(bytes32 networkId_) {
        if (networkId_ == 0) revert InvalidLane();
        networkId = networkId_;
    }

    /// @inheritdoc IGateway
    function send(uint64 destinationChain, bytes32 recipient, uint32 gasLimit, uint64 deadline, bytes calldata payload)
        external
        returns (uint64 nonce)
    {
        if (deadline != 0) revert DeadlineNotSupported();
        (nonce,) = _send(destinationChain, recipient, gasLimit, payload);
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

    /// @dev Appends a message of kind call to the lane's accumulator.
    function _send(uint64 chain, bytes32 recipient, uint32 gasLimit, bytes calldata payload)
        internal
        returns (uint64 nonce, bytes32 leaf)
    {
        Outbox storage box = _outboxes[chain];
        bytes32 accumulator = box.accumulator;
        if (accumulator == 0) revert LaneNotOpen(chain);
        if (box.paused) revert SendingIsPaused(chain);
        if (recipient == 0) revert InvalidRecipient(recipient);
        if (gasLimit > MAX_GAS_LIMIT) revert InvalidGasLimit(gasLimit);
        if (payload.length > MessageLib.MAX_PAYLOAD_LENGTH) revert PayloadTooLong(payload.length);

        nonce = box.nonce + 1;
        uint32 generation = box.generation;
        bytes memory message = abi.encodePacked(
            MessageLib.KIND_CALL, nonce, uint64(0), gasLimit, LaneLib.toBytes32(msg.sender), recipient, payload
        );
        leaf = keccak256(message);
        accumulator = LaneLib.fold(accumulator, leaf);
        box.accumulator = accumulator;
        box.nonce = nonce;
        if (nonce % SNAPSHOT_INTERVAL == 0) {
            _snapshots[_laneTo(chain, box.gateway, generation)][nonce / SNAPSHOT_INTERVAL] = accumulator;
        }
        emit Sent(chain, generation, message);
    }

    /// @dev Opens the outbox; the first accumulator is the lane id itself.
    function _openOutbox(Remote calldata remote) internal returns (bytes32 lane) {
        Outbox storage box = _outboxes[remote.chain];
        if (box.accumulator != 0) revert LaneAlreadyOpen(remote.chain);
        lane = laneTo(remote);
        box.accumulator = lane;
        box.generation = remote.generation;
        box.gateway = remote.gateway;
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

    function _laneTo(uint64 chain, bytes32 gateway, uint32 generation) private view returns (bytes32) {
        return
            LaneLib.id(networkId, uint64(block.chainid), LaneLib.toBytes32(address(this)), chain, gateway, generation);
    }
}
