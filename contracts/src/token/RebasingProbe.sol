// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Tells tokens whose balances change by themselves by the functions that such tokens have.
/// @notice A vault that holds a rebasing token owes more, or less, than it has. No standard marks these tokens; this
/// knows the common families. One that it does not know can be stopped by the guardian.
library RebasingProbe {
    uint256 private constant PROBE_GAS = 50_000;

    function isRebasing(address token) internal view returns (bool) {
        return _answers(token, abi.encodeWithSignature("scaledBalanceOf(address)", token)) // Aave, Ampleforth
            || _answers(token, abi.encodeWithSignature("sharesOf(address)", token)) // Lido
            || _answers(token, abi.encodeWithSignature("shares(address)", token)) // ether.fi
            || _answers(token, abi.encodeWithSignature("getSharePrice()")) // Blast
            || _answers(token, abi.encodeWithSignature("rebasingCreditsPerToken()")) // Origin
            || _answers(token, abi.encodeWithSignature("gonsForBalance(uint256)", 1)); // Olympus
    }

    /// @dev The token may answer anything: at most one word is copied.
    function _answers(address token, bytes memory data) private view returns (bool answered) {
        assembly ("memory-safe") {
            answered := staticcall(PROBE_GAS, token, add(data, 0x20), mload(data), 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
        }
    }
}
