// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title One signature in EIP-2098 form.
library SignatureLib {
    /// @dev secp256k1 group order / 2 (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    error InvalidSignature();

    /// @notice Who signed; reverts if nobody did, or by the malleable twin of a signature.
    /// @param signature r (32 bytes), then s with v in its highest bit (32).
    function recover(bytes32 digest, bytes calldata signature) internal pure returns (address signer) {
        if (signature.length != 64) revert InvalidSignature();
        return recover(digest, bytes32(signature[0:32]), bytes32(signature[32:64]));
    }

    /// @notice The same, with the signature's two words.
    function recover(bytes32 digest, bytes32 r, bytes32 packed) internal pure returns (address signer) {
        uint256 vs = uint256(packed);
        uint256 s = vs & type(uint256).max >> 1;
        if (s > HALF_ORDER) revert InvalidSignature();
        signer = ecrecover(digest, uint8(vs >> 255) + 27, r, bytes32(s));
        if (signer == address(0)) revert InvalidSignature();
    }
}
