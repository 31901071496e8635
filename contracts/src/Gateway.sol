// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {Erc7786Source} from "./gateway/Erc7786Source.sol";
import {Fees} from "./gateway/Fees.sol";
import {OutboxStore} from "./gateway/OutboxStore.sol";
import {Reports} from "./gateway/Reports.sol";
import {ValidatorSets} from "./gateway/ValidatorSets.sol";
import {IGateway} from "./interfaces/IGateway.sol";

/// @title The gateway: what its owner (a timelock) and its guardian may do.
/// @notice There is no upgrade, no way to write an inbox other than `deliver`, and no way to replace the validator
/// set other than by its own quorum.
/// @dev OutboxStore comes first: its mapping is storage slot 0, which validators prove.
contract Gateway is OutboxStore, Fees, Reports, Erc7786Source, Ownable2Step {
    /// @inheritdoc IGateway
    address public guardian;

    /// @param networkId_ names the deployment; the same on all its chains.
    /// @param owner_ the timelock.
    /// @param guardian_ may pause; cannot resume.
    /// @param initial the network's present epoch. With an earlier number, rotations that a quorum signed in the past
    /// would be valid here and bring back keys that were removed since.
    /// @param minDeadlineDelay_ seconds: this chain's time to finality, and a margin for delivery.
    constructor(
        bytes32 networkId_,
        address owner_,
        address guardian_,
        InitialSet memory initial,
        uint64 minDeadlineDelay_
    ) OutboxStore(networkId_, minDeadlineDelay_) ValidatorSets(networkId_, initial) Ownable(owner_) {
        guardian = guardian_;
        emit GuardianChanged(guardian_);
    }

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian();
        _;
    }

    /// @notice Refused: without an owner, a pause could never be lifted and no lane opened.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerRequired();
    }

    /// @inheritdoc IGateway
    function openLane(Remote calldata remote) external onlyOwner {
        _openLane(remote);
    }

    /// @inheritdoc IGateway
    function closeLane(uint64 chain) external onlyOwner {
        _closeLane(chain);
    }

    /// @inheritdoc IGateway
    function approveSet(bytes32 digest) external onlyOwner {
        _approveSet(digest);
    }

    /// @inheritdoc IGateway
    function disown(bytes32 lane) external onlyOwner {
        _disown(lane);
    }

    /// @inheritdoc IGateway
    function setHub(uint64 chain, address registry_) external onlyOwner {
        _setHub(chain, registry_);
    }

    /// @inheritdoc IGateway
    function strike(bytes32 id) external onlyOwner {
        _strike(id);
    }

    /// @inheritdoc IGateway
    function allowResend(Remote calldata ended, bytes32 from) external onlyOwner {
        _allowResend(laneTo(ended), from);
    }

    /// @inheritdoc IGateway
    function setPrice(uint64 chain, uint80 price, uint32 overheadGas) external {
        bool isOwner = msg.sender == owner();
        if (!isOwner && msg.sender != feeUpdater) revert NotFeeUpdater();
        _setPrice(chain, price, overheadGas, !isOwner);
    }

    /// @inheritdoc IGateway
    function setFeeRoles(address updater, address collector) external onlyOwner {
        _setFeeRoles(updater, collector);
    }

    /// @inheritdoc IGateway
    function pauseDeliveries() external onlyGuardian {
        _setDeliveriesPaused(true);
    }

    /// @inheritdoc IGateway
    function resumeDeliveries() external onlyOwner {
        _setDeliveriesPaused(false);
    }

    /// @inheritdoc IGateway
    function pauseSending(uint64 chain) external onlyGuardian {
        _setSendingPaused(chain, true);
    }

    /// @inheritdoc IGateway
    function resumeSending(uint64 chain) external onlyOwner {
        _setSendingPaused(chain, false);
    }

    /// @inheritdoc IGateway
    function setGuardian(address newGuardian) external onlyOwner {
        guardian = newGuardian;
        emit GuardianChanged(newGuardian);
    }
}
