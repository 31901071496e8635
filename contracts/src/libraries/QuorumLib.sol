// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Validator sets and the signatures of their quorum.
/// @notice A set is the concatenation of its members' 20-byte addresses, strictly ascending: no duplicate and no zero
/// address can occur. It is stored as contract code (SSTORE2: one zero byte, then the set).
///
/// Signatures are packed as a 32-byte bitmap (bit i = member i of the set signed) followed by one 64-byte EIP-2098
/// signature per set bit, in set order.
library QuorumLib {
    uint256 internal constant MAX_VALIDATORS = 128;

    /// @dev secp256k1 group order / 2; a larger `s` is the malleable twin of a smaller one (EIP-2).
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    error EmptySet();
    error SetTooLarge(uint256 validators);
    error MalformedSet();
    error SetNotAscending(uint256 index);
    error MalformedSignatures(uint256 length);
    error SignerOutsideSet();
    error BelowQuorum(uint256 signatures, uint256 quorum);
    error InvalidSignature();

    /// @notice ⌊2n/3⌋ + 1 of n validators.
    function quorum(uint256 validators) internal pure returns (uint256) {
        return (2 * validators) / 3 + 1;
    }

    /// @notice Reverts unless `set` is a well-formed, non-empty, strictly ascending set.
    function validate(bytes memory set) internal pure {
        uint256 length = set.length;
        if (length == 0) revert EmptySet();
        if (length % 20 != 0) revert MalformedSet();
        if (length / 20 > MAX_VALIDATORS) revert SetTooLarge(length / 20);
        uint256 previous = 0;
        for (uint256 i = 0; i < length; i += 20) {
            uint256 member;
            assembly ("memory-safe") {
                member := shr(96, mload(add(add(set, 0x20), i)))
            }
            if (member <= previous) revert SetNotAscending(i / 20);
            previous = member;
        }
    }

    /// @notice The member at a place of the set, which the caller has checked to be there.
    function memberAt(bytes memory set, uint256 index) internal pure returns (address member) {
        assembly ("memory-safe") {
            member := shr(96, mload(add(add(set, 0x20), mul(index, 20))))
        }
    }

    /// @notice Stores `set` as the code of a new contract.
    /// @dev Init code: PUSH2 size, DUP1, PUSH1 offset, PUSH0, CODECOPY, PUSH0, RETURN; then a STOP byte and the set.
    function store(bytes memory set) internal returns (address pointer) {
        bytes memory code = abi.encodePacked(hex"00", set);
        bytes memory init = abi.encodePacked(hex"61", uint16(code.length), hex"80600a5f395ff3", code);
        assembly ("memory-safe") {
            pointer := create(0, add(init, 0x20), mload(init))
        }
        require(pointer != address(0));
    }

    /// @notice Reads a stored set.
    function load(address pointer) internal view returns (bytes memory set) {
        assembly ("memory-safe") {
            let size := sub(extcodesize(pointer), 1)
            set := mload(0x40)
            mstore(set, size)
            extcodecopy(pointer, add(set, 0x20), 1, size)
            mstore(0x40, and(add(add(set, 0x3f), size), not(0x1f)))
        }
    }

    /// @notice Reverts unless `signatures` holds valid signatures over `digest` of a quorum of `set`.
    function verify(bytes memory set, bytes32 digest, bytes calldata signatures) internal view {
        uint256 validators = set.length / 20;
        if (signatures.length < 32 || (signatures.length - 32) % 64 != 0) {
            revert MalformedSignatures(signatures.length);
        }
        uint256 count = (signatures.length - 32) / 64;
        if (count < quorum(validators)) revert BelowQuorum(count, quorum(validators));

        uint256 bitmap;
        assembly ("memory-safe") {
            bitmap := calldataload(signatures.offset)
        }
        if (bitmap >> validators != 0) revert SignerOutsideSet();

        (uint256 used, bool valid) = _recover(set, digest, signatures, bitmap);
        if (used != count) revert MalformedSignatures(signatures.length);
        if (!valid) revert InvalidSignature();
    }

    /// @dev One ecrecover per set bit.
    /// @return used set bits seen. If they are more than signatures, what is read beyond these does not count.
    /// @return valid if every signature is that of its member, and not the malleable twin of one.
    function _recover(bytes memory set, bytes32 digest, bytes calldata signatures, uint256 bitmap)
        private
        view
        returns (uint256 used, bool valid)
    {
        assembly ("memory-safe") {
            // What the precompile takes: digest, v, r, s.
            let buffer := mload(0x40)
            mstore(buffer, digest)
            let first := add(signatures.offset, 32)
            let source := first
            let member := add(set, 0x20)
            let wrong := 0
            // Recovery that fails writes nothing: the word then still holds zero, or the member before, which is
            // another one, as a set is strictly ascending.
            mstore(0x00, 0)
            for {} bitmap { bitmap := shr(1, bitmap) } {
                if and(bitmap, 1) {
                    calldatacopy(add(buffer, 0x40), source, 0x40)
                    source := add(source, 0x40)
                    let vs := mload(add(buffer, 0x60))
                    let s := and(vs, 0x7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff)
                    mstore(add(buffer, 0x20), add(shr(255, vs), 27))
                    mstore(add(buffer, 0x60), s)
                    pop(staticcall(gas(), 1, buffer, 0x80, 0x00, 0x20))
                    wrong := or(wrong, or(xor(mload(0x00), shr(96, mload(member))), gt(s, HALF_ORDER)))
                }
                member := add(member, 20)
            }
            used := shr(6, sub(source, first))
            valid := iszero(wrong)
        }
    }
}
