// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {CheckpointLib} from "../libraries/CheckpointLib.sol";
import {QuorumLib} from "../libraries/QuorumLib.sol";

/// @title The validator set of a gateway: stored as contract code, replaced whole by a quorum of the present one.
abstract contract ValidatorSets is IGateway {
    /// @dev All that a delivery reads besides the inbox, in one storage slot.
    struct Current {
        address pointer;
        uint40 epoch;
        uint40 hubTime;
        bool deliveriesPaused;
    }

    Current private _current;
    /// @dev All sets so far: what a member of an earlier one signed can still be held against it.
    mapping(uint64 epoch => address pointer) private _sets;
    /// @dev Rotations that the owner has approved, for a set below the minimum.
    mapping(bytes32 digest => bool) private _approvedSets;
    bytes32 private immutable _domain;

    /// @notice Deliveries stop when the set is older than this, in seconds: bonds stay locked for longer.
    uint256 public constant MAX_SET_AGE = 7 days;
    /// @inheritdoc IGateway
    uint256 public immutable minValidators;
    /// @dev Bytes of a set of as many.
    uint256 private immutable _minLength;

    constructor(bytes32 networkId_, InitialSet memory initial) {
        if (initial.epoch == 0) revert WrongEpoch(1);
        (minValidators, _minLength) = (initial.minValidators, 20 * uint256(initial.minValidators));
        _domain = CheckpointLib.domainSeparator(networkId_);
        _install(initial.set, initial.epoch, initial.hubTime);
    }

    /// @inheritdoc IGateway
    function rotate(bytes calldata newSet, uint64 epoch, uint64 hubTime, bytes calldata signatures) external {
        Current memory current = _current;
        if (epoch != uint64(current.epoch) + 1) revert WrongEpoch(uint64(current.epoch) + 1);
        bytes32 digest = CheckpointLib.setDigest(_domain, epoch, keccak256(newSet), hubTime);
        bytes memory set = QuorumLib.load(current.pointer);
        // Of a set that has lost so many, what is left is not what a quorum was to mean.
        if (set.length < _minLength && !_approvedSets[digest]) revert SetNotApproved(digest);
        QuorumLib.verify(set, digest, signatures);
        _install(newSet, epoch, hubTime);
    }

    /// @inheritdoc IGateway
    function validatorSet()
        external
        view
        returns (bytes memory set, uint64 epoch, uint64 hubTime, bool deliveriesPaused)
    {
        Current memory current = _current;
        return (QuorumLib.load(current.pointer), current.epoch, current.hubTime, current.deliveriesPaused);
    }

    /// @dev Reverts unless deliveries run and a quorum of the current set has signed the checkpoint.
    function _verifyCheckpoint(bytes32 lane, uint64 nonce, bytes32 accumulator, bytes calldata signatures)
        internal
        view
    {
        (address pointer, uint40 hubTime, bool paused) = (_current.pointer, _current.hubTime, _current.deliveriesPaused);
        if (paused) revert DeliveriesArePaused();
        // 40 bits and a week: no overflow.
        unchecked {
            if (block.timestamp > uint256(hubTime) + MAX_SET_AGE) revert SetIsStale(hubTime);
        }
        bytes memory set = QuorumLib.load(pointer);
        if (set.length < _minLength) revert TooFewValidators(set.length / 20, minValidators);
        QuorumLib.verify(set, CheckpointLib.digest(_domain, lane, nonce, accumulator), signatures);
    }

    function _checkpointDigest(bytes32 lane, uint64 nonce, bytes32 accumulator) internal view returns (bytes32) {
        return CheckpointLib.digest(_domain, lane, nonce, accumulator);
    }

    function _approveSet(bytes32 digest) internal {
        _approvedSets[digest] = true;
        emit SetApproved(digest);
    }

    function _currentEpoch() internal view returns (uint64) {
        return _current.epoch;
    }

    /// @dev Whether an account is the `index`th member of an epoch's set that was installed here.
    function _isMember(address account, uint64 epoch, uint256 index) internal view returns (bool) {
        address pointer = _sets[epoch];
        if (pointer == address(0)) return false;
        bytes memory set = QuorumLib.load(pointer);
        return index < set.length / 20 && QuorumLib.memberAt(set, index) == account;
    }

    function _requireDeliveriesRun() internal view {
        if (_current.deliveriesPaused) revert DeliveriesArePaused();
    }

    function _setDeliveriesPaused(bool paused) internal {
        _current.deliveriesPaused = paused;
        emit DeliveriesPaused(paused);
    }

    function _install(bytes memory set, uint64 epoch, uint64 hubTime) private {
        QuorumLib.validate(set);
        if (epoch > type(uint40).max) revert WrongEpoch(epoch);
        if (hubTime > type(uint40).max) revert InvalidHubTime(hubTime);
        address pointer = QuorumLib.store(set);
        _sets[epoch] = pointer;
        _current.pointer = pointer;
        _current.epoch = uint40(epoch);
        _current.hubTime = uint40(hubTime);
        emit SetRotated(epoch, keccak256(set), hubTime, set);
    }
}
