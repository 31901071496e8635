// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {LaneLib} from "../libraries/LaneLib.sol";

/// @title Where the network's registry is.
abstract contract HubLink is IGateway {
    /// @inheritdoc IGateway
    uint64 public hubChain;
    /// @inheritdoc IGateway
    address public registry;

    /// @dev Registries that were named once: evidence on its way to one still arrives.
    mapping(bytes32 registry => bool) private _wasRegistry;

    function _setHub(uint64 chain, address registry_) internal {
        if (chain == 0 || registry_ == address(0)) revert HubNotSet();
        (hubChain, registry) = (chain, registry_);
        _wasRegistry[LaneLib.toBytes32(registry_)] = true;
        emit HubSet(chain, registry_);
    }

    /// @dev Whether a message's recipient is a registry.
    function _isRegistry(bytes32 recipient) internal view returns (bool) {
        return _wasRegistry[recipient];
    }

    /// @dev Whether reports arrive here.
    function _isHub() internal view returns (bool) {
        return hubChain == block.chainid;
    }
}
