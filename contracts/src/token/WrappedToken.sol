// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "solady/tokens/ERC20.sol";

/// @title A bridged token away from home: ERC-20 with ERC-2612, minted and burned by its token bridge alone.
/// @notice Instances are minimal clones at addresses that follow from the token's id.
contract WrappedToken is ERC20 {
    address public immutable bridge;

    string private _name;
    string private _symbol;
    uint8 private _decimals;
    bool private _initialized;

    error NotBridge();
    error AlreadyInitialized();

    /// @dev Deployed by the bridge as the clones' implementation. It is initialised for good here.
    constructor() {
        bridge = msg.sender;
        _initialized = true;
    }

    modifier onlyBridge() {
        if (msg.sender != bridge) revert NotBridge();
        _;
    }

    /// @notice Sets a new clone's metadata, once; the bridge calls it in the transaction that makes the clone.
    function initialize(string calldata name_, string calldata symbol_, uint8 decimals_) external onlyBridge {
        if (_initialized) revert AlreadyInitialized();
        _initialized = true;
        _name = name_;
        _symbol = symbol_;
        _decimals = decimals_;
    }

    function mint(address to, uint256 amount) external onlyBridge {
        _mint(to, amount);
    }

    /// @dev The bridge burns from its own caller only.
    function burn(address from, uint256 amount) external onlyBridge {
        _burn(from, amount);
    }

    function name() public view override returns (string memory) {
        return _name;
    }

    function symbol() public view override returns (string memory) {
        return _symbol;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    /// @dev No allowance that the holder has not given.
    function _givePermit2InfiniteAllowance() internal pure override returns (bool) {
        return false;
    }
}
