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
    bytes32 private immutable _domain;

    constructor(bytes32 networkId_, uint64 epoch, bytes memory initialSet) {
        if (epoch == 0) revert WrongEpoch(1);
        _domain = CheckpointLib.domainSeparator(networkId_);
        _install(initialSet, epoch, 0);
    }

    /// @inheritdoc IGateway
    function rotate(bytes calldata newSet, uint64 epoch, uint64 hubTime, bytes calldata signatures) external {
        Current memory current = _current;
        if (epoch != uint64(current.epoch) + 1) revert WrongEpoch(uint64(current.epoch) + 1);
        bytes32 digest = CheckpointLib.setDigest(_domain, epoch, keccak256(newSet), hubTime);
        QuorumLib.verify(QuorumLib.load(current.pointer), digest, signatures);
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
        (address pointer, bool paused) = (_current.pointer, _current.deliveriesPaused);
        if (paused) revert DeliveriesArePaused();
        bytes32 digest = CheckpointLib.digest(_domain, lane, nonce, accumulator);
        QuorumLib.verify(QuorumLib.load(pointer), digest, signatures);
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
        _current.pointer = QuorumLib.store(set);
        _current.epoch = uint40(epoch);
        _current.hubTime = uint40(hubTime);
        emit SetRotated(epoch, keccak256(set), hubTime, set);
    }
}
