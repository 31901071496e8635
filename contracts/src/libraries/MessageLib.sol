// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";

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
/// @dev The readers below take a message of at least the header's length, which `messageAt` has checked.
library MessageLib {
    /// @dev An application's message.
    uint8 internal constant KIND_CALL = 1;
    /// @dev A message that expired, on its way back: sender and recipient are changed round, and the payload is the
    /// expired message's id and payload. Only gateways create it.
    uint8 internal constant KIND_REFUND = 2;
    /// @dev A gateway's report on its way to the registry (see IReportRecipient). Only gateways create it.
    uint8 internal constant KIND_EVIDENCE = 3;

    uint256 internal constant HEADER_LENGTH = 85;
    uint256 internal constant MAX_PAYLOAD_LENGTH = 10_240;

    /// @notice The message of a batch that begins at `offset`, with its length before it.
    function messageAt(bytes calldata messages, uint256 offset) internal pure returns (bytes calldata message) {
        uint256 length;
        assembly ("memory-safe") {
            length := shr(240, calldataload(add(messages.offset, offset)))
            message.offset := add(add(messages.offset, offset), 2)
            message.length := length
        }
        // `offset` is at most the batch's length, so nothing here overflows.
        unchecked {
            if (length < HEADER_LENGTH || offset + 2 + length > messages.length) revert IGateway.MalformedMessages();
        }
    }

    function kind(bytes calldata message) internal pure returns (uint8) {
        return uint8(_word(message, 0) >> 248);
    }

    function nonce(bytes calldata message) internal pure returns (uint64) {
        return uint64(_word(message, 0) >> 184);
    }

    function deadline(bytes calldata message) internal pure returns (uint64) {
        return uint64(_word(message, 0) >> 120);
    }

    function gasLimit(bytes calldata message) internal pure returns (uint32) {
        return uint32(_word(message, 0) >> 88);
    }

    /// @notice Deadline and gas limit together, as 96 bits.
    function limits(bytes calldata message) internal pure returns (uint96) {
        return uint96(_word(message, 0) >> 88);
    }

    function sender(bytes calldata message) internal pure returns (bytes32) {
        return bytes32(_word(message, 21));
    }

    function recipient(bytes calldata message) internal pure returns (bytes32) {
        return bytes32(_word(message, 53));
    }

    /// @notice keccak256 of the message, through memory that is not kept.
    function leaf(bytes calldata message) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let buffer := mload(0x40)
            calldatacopy(buffer, message.offset, message.length)
            hash := keccak256(buffer, message.length)
        }
    }

    function _word(bytes calldata message, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(message.offset, offset))
        }
    }
}
