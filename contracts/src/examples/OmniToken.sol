// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title Example: an issuer's own token on every chain, by ERC-7802.
/// @notice Deployed once per chain. All of the supply is made on the home chain, and locked there while it is away;
/// elsewhere the token bridge mints and burns it. Before the token is registered from home (`registerToken`), the
/// token bridge's owner links it on every other chain (`linkToken` with `Kind.Erc7802`): otherwise a wrapper is made.
/// @dev Whoever may mint can mint without end, so the bridge is fixed at deployment and nobody can add another. At home
/// no more comes back than went out: with tokens locked rather than burned there, the bridge counts what each chain
/// holds. Its rate limits (`setLimits`) bound what could be lost at once.
contract OmniToken is ERC20Bridgeable, ERC20Permit {
    /// @notice The only account that may mint and burn.
    address public immutable tokenBridge;

    error NotTokenBridge(address caller);

    /// @param supply all of it at home; zero on every other chain.
    /// @param holder gets the supply.
    constructor(string memory name_, string memory symbol_, address tokenBridge_, uint256 supply, address holder)
        ERC20(name_, symbol_)
        ERC20Permit(name_)
    {
        tokenBridge = tokenBridge_;
        if (supply != 0) _mint(holder, supply);
    }

    /// @dev ERC-7802's `crosschainBurn` takes from any account without an allowance. This is safe with a bridge that
    /// burns nobody's tokens but its caller's, as ours does.
    function _checkTokenBridge(address caller) internal view override {
        if (caller != tokenBridge) revert NotTokenBridge(caller);
    }
}
