// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The payloads that token bridges exchange; packed, integers big-endian.
///
/// Transfer:     `0x01 ‖ tokenId (32) ‖ amount (16) ‖ to (32) ‖ refundTo (32) ‖ call`: from home, or to it.
/// Registration: `0x02 ‖ homeToken (32) ‖ decimals (1) ‖ length of name (1) ‖ name ‖ symbol`.
/// Forward:      as a transfer, with `final chain (8) ‖ deadline of the second leg (8)` before `call`: to home.
/// Forwarded:    as a transfer, with `origin chain (8)` before `call`: from home, on behalf of another chain.
///
/// `call`, if it is not empty: `from (32) ‖ gas (4) ‖ data`.
library TransferCodec {
    uint8 internal constant TRANSFER = 1;
    uint8 internal constant REGISTRATION = 2;
    uint8 internal constant FORWARD = 3;
    uint8 internal constant FORWARDED = 4;

    uint256 internal constant TRANSFER_LENGTH = 113;
    uint256 internal constant CALL_HEADER = 36;
    uint256 internal constant MAX_NAME_LENGTH = 64;
    uint256 internal constant MAX_SYMBOL_LENGTH = 32;

    struct Transfer {
        bytes32 tokenId;
        uint128 amount;
        bytes32 to;
        bytes32 refundTo;
        /// Forward: the final chain. Forwarded: the chain of origin. Else 0.
        uint64 chain;
        /// Forward: of the second leg.
        uint64 deadline;
        /// Empty, or who calls, with how much gas, and what.
        bytes call;
    }

    error MalformedTransfer();

    function encode(uint8 kind, Transfer memory t) internal pure returns (bytes memory) {
        bytes memory head = abi.encodePacked(kind, t.tokenId, t.amount, t.to, t.refundTo);
        if (kind == FORWARD) return abi.encodePacked(head, t.chain, t.deadline, t.call);
        if (kind == FORWARDED) return abi.encodePacked(head, t.chain, t.call);
        return t.call.length == 0 ? head : abi.encodePacked(head, t.call);
    }

    function decode(uint8 kind, bytes calldata payload) internal pure returns (Transfer memory t) {
        uint256 end = TRANSFER_LENGTH;
        if (kind == FORWARD) end += 16;
        if (kind == FORWARDED) end += 8;
        if (payload.length < end) revert MalformedTransfer();
        if (payload.length != end && payload.length < end + CALL_HEADER) revert MalformedTransfer();
        t.tokenId = bytes32(payload[1:33]);
        t.amount = uint128(bytes16(payload[33:49]));
        t.to = bytes32(payload[49:81]);
        t.refundTo = bytes32(payload[81:113]);
        if (kind != TRANSFER) t.chain = uint64(bytes8(payload[113:121]));
        if (kind == FORWARD) t.deadline = uint64(bytes8(payload[121:129]));
        if (payload.length != end) t.call = payload[end:];
    }

    function encodeCall(bytes32 from, uint32 gas, bytes memory data) internal pure returns (bytes memory) {
        return abi.encodePacked(from, gas, data);
    }

    /// @notice Gas of an attached call.
    /// @param packed empty: no gas.
    function gasOf(bytes memory packed) internal pure returns (uint32 callGas) {
        if (packed.length == 0) return 0;
        assembly ("memory-safe") {
            callGas := shr(224, mload(add(packed, 0x40)))
        }
    }

    /// @param packed not empty.
    function decodeCall(bytes memory packed) internal pure returns (bytes32 from, uint32 callGas, bytes memory data) {
        assembly ("memory-safe") {
            from := mload(add(packed, 0x20))
            callGas := shr(224, mload(add(packed, 0x40)))
        }
        uint256 length = packed.length - CALL_HEADER;
        data = new bytes(length);
        assembly ("memory-safe") {
            mcopy(add(data, 0x20), add(packed, 0x44), length)
        }
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
