// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title What a contract implements that wants to act on tokens sent to it with a call attached.
interface ITokenReceiver {
    /// @notice Tokens have just been credited to this contract. It must check that the token bridge calls. If it
    /// reverts, the tokens stay with it all the same.
    /// @param id of the message that carried them.
    /// @param token on this chain. Native coin has arrived as coin; `token` is then the wrapped coin's contract.
    /// @param amount in this chain's units.
    /// @param sourceChain where they were deposited.
    /// @param from who deposited them there, 32-byte form.
    /// @param data as given at the deposit.
    function onTokensReceived(
        bytes32 id,
        address token,
        uint256 amount,
        uint64 sourceChain,
        bytes32 from,
        bytes calldata data
    ) external;
}
