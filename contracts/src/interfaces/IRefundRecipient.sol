// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title What an application implements that sends messages with a deadline.
interface IRefundRecipient {
    /// @notice A message that this contract sent was not executed before its deadline and never will be. Called by
    /// the gateway alone: an implementation checks that, and that `recipient` is its own counterpart.
    /// @param receiveId id of the refund itself.
    /// @param recipient the contract the message was for, in ERC-7930 form.
    /// @param payload id of the message (32 bytes: keccak256(lane ‖ leaf), ERC-7786's send id unless it was sent again in a
    /// lane's next generation), then its payload.
    /// @return this function's selector.
    function receiveRefund(bytes32 receiveId, bytes calldata recipient, bytes calldata payload)
        external
        returns (bytes4);
}
