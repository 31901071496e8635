// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @dev What a report is about: the first word of its payload; the rest is the struct of that name, ABI-encoded.
uint256 constant REPORT_FALSE_CHECKPOINT = 1;
uint256 constant REPORT_EPOCH = 2;

/// @title What gateways report to the network's registry, by messages that only gateways make (kind: evidence).
interface IReportRecipient {
    /// @notice A checkpoint that the reporting gateway's own outbox contradicts. The registry believes the gateway about
    /// its outbox and nothing else: who signed what follows from the signature.
    struct FalseCheckpoint {
        address signer;
        /// Who proved it, and gets the reporter's share.
        address reporter;
        /// The far end of the lane, which begins at the reporting gateway.
        uint64 destinationChain;
        bytes32 destinationGateway;
        uint32 generation;
        uint64 nonce;
        bytes32 accumulator;
        /// An epoch in which the signer was a member.
        uint64 epoch;
        /// EIP-2098 signature over the checkpoint.
        bytes32 r;
        bytes32 vs;
    }

    /// @notice A report of a gateway. Called by the hub's gateway alone.
    /// @param receiveId id of the message; zero if the hub's gateway reports itself.
    /// @param sender the reporting gateway in ERC-7930 form.
    /// @return this function's selector.
    function receiveReport(bytes32 receiveId, bytes calldata sender, bytes calldata payload) external returns (bytes4);
}
