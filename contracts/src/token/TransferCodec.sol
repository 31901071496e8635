// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The payloads that token bridges exchange; packed, integers big-endian.
///
/// Transfer: `0x01 ‖ tokenId (32) ‖ amount (16) ‖ to (32) ‖ refundTo (32) ‖ data (any)`; `data` must be empty for now.
/// Registration: `0x02 ‖ homeToken (32) ‖ decimals (1) ‖ length of name (1) ‖ name ‖ symbol`.
library TransferCodec {
    uint8 internal constant TRANSFER = 1;
    uint8 internal constant REGISTRATION = 2;

    uint256 internal constant TRANSFER_LENGTH = 113;
    uint256 internal constant MAX_NAME_LENGTH = 64;
    uint256 internal constant MAX_SYMBOL_LENGTH = 32;

    error MalformedTransfer();

    function encodeTransfer(bytes32 tokenId, uint128 amount, bytes32 to, bytes32 refundTo)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(TRANSFER, tokenId, amount, to, refundTo);
    }

    /// @return tokenId amount to: as encoded; `refundTo` is of use to the source alone.
    function decodeTransfer(bytes calldata payload)
        internal
        pure
        returns (bytes32 tokenId, uint128 amount, bytes32 to)
    {
        if (payload.length != TRANSFER_LENGTH) {
            revert MalformedTransfer();
        }
        return (bytes32(payload[1:33]), uint128(bytes16(payload[33:49])), bytes32(payload[49:81]));
    }

    function encodeRegistration(bytes32 homeToken, uint8 decimals, bytes memory name, bytes memory symbol)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodePacked(REGISTRATION, homeToken, decimals, uint8(name.length), name, symbol);
    }

    function decodeRegistration(bytes calldata payload)
        internal
        pure
        returns (bytes32 homeToken, uint8 decimals, string memory name, string memory symbol)
    {
        if (payload.length < 35) revert MalformedTransfer();
        uint256 nameEnd = 35 + uint8(payload[34]);
        if (payload.length < nameEnd || payload.length > nameEnd + MAX_SYMBOL_LENGTH) revert MalformedTransfer();
        homeToken = bytes32(payload[1:33]);
        decimals = uint8(payload[33]);
        name = string(payload[35:nameEnd]);
        symbol = string(payload[nameEnd:]);
    }
}
