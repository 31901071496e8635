// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../interfaces/IGateway.sol";
import {IReportRecipient, REPORT_EPOCH, REPORT_FALSE_CHECKPOINT} from "../interfaces/IReportRecipient.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {Lanes} from "./Lanes.sol";

/// @title What a gateway tells the registry on the hub: who signed what its outboxes contradict, and its epoch.
/// @notice On the hub by a call, from elsewhere by a message of kind evidence, which nobody pays for: so there is at
/// most one for each epoch, and of a validator one a week and with each epoch whose set has it.
abstract contract Reports is Lanes {
    /// @notice Gas limit of a report, which so executes within its delivery.
    uint32 public constant REPORT_GAS = 240_000;

    /// @notice After this many seconds a report may be sent again: it may have been lost with a gateway or a registry.
    uint256 public constant REPORT_AGAIN = 7 days;

    struct Reported {
        uint64 time;
        uint64 epoch;
    }

    /// @dev When a signer, or this gateway's epoch (the zero address), was last reported to a registry, and as whose member.
    mapping(address registry => mapping(address subject => Reported)) private _reported;
    mapping(bytes32 lane => bool) private _disowned;

    /// @inheritdoc IGateway
    function reportFalseCheckpoint(IReportRecipient.FalseCheckpoint calldata claim, CheckpointProof calldata proof)
        external
    {
        Remote memory destination = Remote(claim.destinationChain, claim.generation, claim.destinationGateway);
        bytes32 lane = _laneTo(destination.chain, destination.gateway, destination.generation);
        if (_disowned[lane]) revert LaneDisowned(lane);
        if (claim.reporter == address(0)) revert InvalidRecipient(0);
        bytes32 digest = _checkpointDigest(lane, claim.nonce, claim.accumulator);
        if (SignatureLib.recover(digest, claim.r, claim.vs) != claim.signer) revert SignatureLib.InvalidSignature();
        if (!_isMember(claim.signer, claim.epoch, proof.member)) revert NotAMember(claim.signer, claim.epoch);
        _noteReport(claim.signer, claim.epoch);
        _requireFalse(lane, destination, claim, proof);

        // A static struct lies in the calldata as it is encoded.
        bytes calldata encoded;
        assembly ("memory-safe") {
            encoded.offset := claim
            encoded.length := 320
        }
        _report(REPORT_FALSE_CHECKPOINT, encoded);
        emit FalseCheckpointReported(claim.signer, lane, claim.nonce, claim.accumulator, claim.reporter);
    }

    /// @inheritdoc IGateway
    function reportRotation(uint64 epoch) external {
        if (epoch != _currentEpoch()) revert WrongEpoch(_currentEpoch());
        _noteReport(address(0), epoch);
        bytes calldata encoded;
        assembly ("memory-safe") {
            encoded.offset := 4
            encoded.length := 32
        }
        _report(REPORT_EPOCH, encoded);
    }

    /// @inheritdoc IGateway
    function reportedEpoch() external view returns (uint64) {
        return _reported[registry][address(0)].epoch;
    }

    function _disown(bytes32 lane) internal {
        _disowned[lane] = true;
        emit Disowned(lane);
    }

    /// @dev The same again only after a while. As of a newer epoch at once, if that is the present one: a liar that has
    /// itself reported while the registry does not know it must not be safe when it comes back.
    function _noteReport(address subject, uint64 epoch) private {
        Reported storage last = _reported[registry][subject];
        bool isNews = epoch == _currentEpoch() && epoch > last.epoch;
        if (last.time != 0 && !isNews && block.timestamp < last.time + REPORT_AGAIN) revert AlreadyReported();
        (last.time, last.epoch) = (uint64(block.timestamp), epoch);
    }

    /// @dev Reverts unless the claimed checkpoint is not what this outbox says or said.
    ///
    /// The outbox's accumulator at nonce m is known where the outbox stands, where the lane ended, and at multiples of
    /// 256. `proof.accumulator` is that of the claim's nonce if it folds with the next leaves to a known one: two
    /// different ones cannot (keccak256), nor can one of another nonce, as m follows from the number of leaves.
    function _requireFalse(
        bytes32 lane,
        Remote memory destination,
        IReportRecipient.FalseCheckpoint calldata claim,
        CheckpointProof calldata proof
    ) private view {
        (bytes32 last, uint64 lastNonce) = _lastOf(destination, lane);
        // Of a lane that never was, or beyond what was sent.
        if (last == 0 || claim.nonce > lastNonce) return;
        if (proof.accumulator == claim.accumulator) revert CheckpointIsTrue();
        if (proof.leaves.length > SNAPSHOT_INTERVAL) revert TailTooLong(proof.leaves.length);
        bytes32 accumulator = proof.accumulator;
        for (uint256 i = 0; i < proof.leaves.length; ++i) {
            accumulator = LaneLib.fold(accumulator, proof.leaves[i]);
        }
        uint64 nonce = claim.nonce + uint64(proof.leaves.length);
        if (nonce == lastNonce && accumulator == last) return;
        if (nonce == 0 && accumulator == lane) return;
        if (nonce % SNAPSHOT_INTERVAL == 0 && nonce != 0) {
            if (accumulator == _snapshots[lane][nonce / SNAPSHOT_INTERVAL]) return;
        }
        revert CheckpointMismatch();
    }

    /// @dev Where a lane of this gateway stands or ended; zero if there never was one.
    function _lastOf(Remote memory destination, bytes32 lane) private view returns (bytes32, uint64) {
        Outbox storage box = _outboxes[destination.chain];
        if (box.accumulator != 0 && box.generation == destination.generation && box.gateway == destination.gateway) {
            return (box.accumulator, box.nonce);
        }
        return _endOf(lane);
    }

    function _report(uint256 kind, bytes calldata encoded) private {
        if (registry == address(0)) revert HubNotSet();
        if (_isHub()) {
            bytes memory sender = InteroperableAddress.formatEvmV1(block.chainid, address(this));
            IReportRecipient(registry).receiveReport(0, sender, abi.encodePacked(kind, encoded));
        } else {
            _append(
                hubChain,
                MessageLib.KIND_EVIDENCE,
                REPORT_GAS,
                LaneLib.toBytes32(address(this)),
                LaneLib.toBytes32(registry),
                bytes32(kind),
                encoded
            );
        }
    }
}
