// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @dev What a report is about: the first word of its payload; the rest is the struct of that name, ABI-encoded.
uint256 constant REPORT_FALSE_CHECKPOINT = 1;
uint256 constant REPORT_EPOCH = 2;

/// @title What gateways report to the network's registry, by messages that only gateways make (kind: evidence).
interface IReportRecipient {
    /// @notice A checkpoint that the reporting gateway's own outbox contradicts.
    struct FalseCheckpoint {
        address signer;
        /// Who proved it, and gets the reporter's share.
        address reporter;
        bytes32 lane;
        uint64 nonce;
        bytes32 accumulator;
    }

    /// @notice A report of a gateway. Called by the hub's gateway alone.
    /// @param receiveId id of the message; zero if the hub's gateway reports itself.
    /// @param sender the reporting gateway in ERC-7930 form.
    /// @return this function's selector.
    function receiveReport(bytes32 receiveId, bytes calldata sender, bytes calldata payload) external returns (bytes4);
}
