// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IPermit2} from "../../src/interfaces/IExternal.sol";

/// @title Permit2's SignatureTransfer for one token, after its published source: EIP-712 types, unordered nonces, and
/// the caller as the spender that was signed for.
contract Permit2Double is IPermit2 {
    bytes32 private constant TOKEN_PERMISSIONS = keccak256("TokenPermissions(address token,uint256 amount)");
    bytes32 private constant PERMIT_TRANSFER_FROM = keccak256(
        "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)"
    );
    bytes32 private constant DOMAIN = keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");

    mapping(address owner => mapping(uint256 word => uint256 bits)) public nonceBitmap;

    error SignatureExpired(uint256 signatureDeadline);
    error InvalidAmount(uint256 maxAmount);
    error InvalidNonce();
    error InvalidSigner();

    function permitTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata details,
        address owner,
        bytes calldata signature
    ) external {
        if (block.timestamp > permit.deadline) {
            revert SignatureExpired(permit.deadline);
        }
        if (details.requestedAmount > permit.permitted.amount) revert InvalidAmount(permit.permitted.amount);
        uint256 bit = 1 << (permit.nonce & 0xff);
        uint256 flipped = nonceBitmap[owner][permit.nonce >> 8] ^= bit;
        if (flipped & bit == 0) revert InvalidNonce();
        bytes32 digest = digestOf(permit, msg.sender);
        if (ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64])) != owner) {
            revert InvalidSigner();
        }
        require(IERC20(permit.permitted.token).transferFrom(owner, details.to, details.requestedAmount));
    }

    function digestOf(PermitTransferFrom memory permit, address spender) public view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(DOMAIN, keccak256("Permit2"), block.chainid, address(this)));
        bytes32 permitted = keccak256(abi.encode(TOKEN_PERMISSIONS, permit.permitted.token, permit.permitted.amount));
        return keccak256(
            abi.encodePacked(
                hex"1901",
                domain,
                keccak256(abi.encode(PERMIT_TRANSFER_FROM, permitted, spender, permit.nonce, permit.deadline))
            )
        );
    }
}
