// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Bonds} from "./registry/Bonds.sol";
import {Convictions} from "./registry/Convictions.sol";
import {EpochStore} from "./registry/EpochStore.sol";
import {Members} from "./registry/Members.sol";

/// @title The registry: what its owner (a timelock) may do.
/// @notice The owner admits, names gateways and ends the registry. It can put nobody into a set. Naming a gateway is a
/// power over those that this gateway accuses, who must have signed what they are accused of: the timelock's delay and the
/// guardian stand between.
contract ValidatorRegistry is EpochStore, Convictions, Ownable2Step {
    /// @param networkId names the deployment; the same on all its chains.
    /// @param owner_ the timelock.
    /// @param guardian_ may refuse who waits, and judge convictions in their window.
    /// @param treasury_ gets what is taken, less the reporter's share.
    /// @param bondToken_ zero: native coin.
    /// @param epoch the network's present one.
    /// @param set its validators, which bond by `register`.
    /// @param hubTime when that epoch was made, as the gateways have it.
    constructor(
        bytes32 networkId,
        address owner_,
        address guardian_,
        address treasury_,
        IERC20 bondToken_,
        uint64 epoch,
        bytes memory set,
        uint64 hubTime,
        Parameters memory parameters
    )
        EpochStore(networkId, epoch, set, hubTime)
        Bonds(bondToken_)
        Members(parameters, set)
        Convictions(parameters)
        Ownable(owner_)
    {
        _setGuardian(guardian_);
        _setTreasury(treasury_);
    }

    /// @notice Refused: without an owner no chain could be added.
    function renounceOwnership() public view override onlyOwner {
        revert InvalidAddress();
    }

    function setAllowed(address key, bool isAllowed) external onlyOwner {
        allowed[key] = isAllowed;
        emit AllowedSet(key, isAllowed);
    }

    function setOpen(bool isOpen) external onlyOwner {
        open = isOpen;
        emit OpenSet(isOpen);
    }

    function setGuardian(address newGuardian) external onlyOwner {
        _setGuardian(newGuardian);
    }

    function setTreasury(address newTreasury) external onlyOwner {
        _setTreasury(newTreasury);
    }

    /// @notice Names a chain's gateway, and whether a revert of that chain's finality costs enough for a false
    /// checkpoint of it to be a lie for certain. The hub's own gateway is the one through which all report.
    function setGateway(uint64 chain, address gateway_, bool economicFinality) external onlyOwner {
        _setGateway(chain, gateway_, economicFinality);
        if (chain == block.chainid) hubGateway = gateway_;
    }

    /// @notice Of a chain that is no more: bonds no longer wait for it.
    function removeGateway(uint64 chain) external onlyOwner {
        _removeGateway(chain);
        if (chain == block.chainid) hubGateway = address(0);
    }

    /// @notice Ends this registry, for good: no more epochs, and every bond is free after the unbonding time. For a network
    /// that moves to another registry.
    function retire() external onlyOwner {
        if (retiredAt != 0) revert IsRetired();
        retiredAt = uint40(block.timestamp);
        emit Retired();
    }

    function _setGuardian(address newGuardian) private {
        guardian = newGuardian;
        emit GuardianSet(newGuardian);
    }

    function _setTreasury(address newTreasury) private {
        if (newTreasury == address(0)) revert InvalidAddress();
        treasury = newTreasury;
        emit TreasurySet(newTreasury);
    }
}
