// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The encoded message, whose keccak256 is the leaf.
/// @notice Fixed header, then the payload; integers are big-endian.
///
/// | offset | bytes | field                                                        |
/// |-------:|------:|--------------------------------------------------------------|
/// |      0 |     1 | kind                                                         |
/// |      1 |     8 | nonce, from 1, without gaps within a lane                    |
/// |      9 |     8 | deadline, UNIX seconds at the destination; 0 = none          |
/// |     17 |     4 | gas limit of the call at the destination                     |
/// |     21 |    32 | sender at the source                                         |
/// |     53 |    32 | recipient at the destination                                 |
/// |     85 |   any | payload                                                      |
///
/// In `deliver` each encoded message is preceded by its length as two bytes. The length prefix is not hashed.
library MessageLib {
    /// @dev An application's message.
    uint8 internal constant KIND_CALL = 1;
    /// @dev Reserved: a message that expired undelivered, on its way back. Only gateways create it.
    uint8 internal constant KIND_REFUND = 2;
    /// @dev Reserved: a proof of a false checkpoint on its way to the registry. Only gateways create it.
    uint8 internal constant KIND_EVIDENCE = 3;

    uint256 internal constant HEADER_LENGTH = 85;
    uint256 internal constant MAX_PAYLOAD_LENGTH = 10_240;

    /// @notice The fields of a message without its payload.
    struct Header {
        uint8 kind;
        uint64 nonce;
        uint64 deadline;
        uint32 gasLimit;
        bytes32 sender;
        bytes32 recipient;
    }

    error MessageTooShort(uint256 length);

    /// @notice Encodes a message (the leaf's preimage).
    function encode(Header memory header, bytes memory payload) internal pure returns (bytes memory) {
        return abi.encodePacked(
            header.kind, header.nonce, header.deadline, header.gasLimit, header.sender, header.recipient, payload
        );
    }

    /// @notice Reads the header of an encoded message.
    function decode(bytes calldata message) internal pure returns (Header memory header) {
        if (message.length < HEADER_LENGTH) revert MessageTooShort(message.length);
        uint256 first;
        bytes32 sender;
        bytes32 recipient;
        assembly ("memory-safe") {
            first := calldataload(message.offset)
            sender := calldataload(add(message.offset, 21))
            recipient := calldataload(add(message.offset, 53))
        }
        header.kind = uint8(first >> 248);
        header.nonce = uint64(first >> 184);
        header.deadline = uint64(first >> 120);
        header.gasLimit = uint32(first >> 88);
        header.sender = sender;
        header.recipient = recipient;
    }
}
