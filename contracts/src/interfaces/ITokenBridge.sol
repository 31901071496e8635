// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

/// @title Moves ERC-20 tokens over the gateway: locked at home, minted elsewhere.
/// @notice A token's id is keccak256(abi.encode(uint64 homeChain, bytes32 homeToken)). Amounts are in the home
/// token's smallest unit, at most 2^128 − 1, on every chain.
interface ITokenBridge is IERC7786Recipient {
    /// @notice Tokens left this chain. `nonce` is that of the carrying message.
    event Deposited(
        bytes32 indexed tokenId, uint64 indexed destinationChain, uint64 nonce, address from, bytes32 to, uint128 amount
    );
    /// @notice Tokens arrived on this chain. `id` is that of the carrying message.
    event Released(bytes32 indexed tokenId, uint64 indexed sourceChain, bytes32 id, address indexed to, uint128 amount);
    /// @notice A registration left for a remote chain.
    event RegistrationSent(bytes32 indexed tokenId, uint64 indexed destinationChain, uint64 nonce, address token);
    /// @notice A registration arrived, and the wrapper was made.
    event TokenRegistered(bytes32 indexed tokenId, address wrapper);
    event PeerSet(uint64 indexed chain, bytes32 peer);

    error NotGateway();
    error UnknownPeer();
    error PeerAlreadySet(uint64 chain);
    error InvalidPeer();
    error UnknownToken(bytes32 tokenId);
    error TokenNotRegistered(bytes32 tokenId, uint64 chain);
    error AlreadyRegistered(bytes32 tokenId, uint64 chain);
    error NoCode(address token);
    error InvalidMetadata();
    error InvalidRecipient(bytes32 to);
    error InvalidAmount();
    error NotHome(uint64 homeChain);
    error HeldTooLittle(uint64 chain, uint256 held, uint256 amount);
    error HeldTooMuch(uint64 chain);
    error MalformedPayload();
    error Reentered();
    error OwnerRequired();

    /// @notice Registers a token of this chain down a lane. Anyone may; the metadata is the token's own, bounded.
    /// @return nonce of the carrying message.
    function registerToken(address token, uint64 destinationChain) external returns (uint64 nonce);

    /// @notice Moves tokens to another chain: from their home to any, from elsewhere to their home.
    /// @param token the token as it is on this chain (home token or wrapper).
    /// @param amount in home units; what arrives here is what is counted (fee-on-transfer tokens).
    /// @param to 32-byte form of the recipient.
    /// @param refundTo 32-byte form of the account on this chain that a refund would go to.
    /// @return nonce of the carrying message.
    function deposit(address token, uint256 amount, uint64 destinationChain, bytes32 to, bytes32 refundTo)
        external
        returns (uint64 nonce);

    /// @notice Names the token bridge of a remote chain, once. Timelock only.
    function setPeer(uint64 chain, bytes32 peer) external;

    /// @notice What a remote chain holds of a home token: locked here on its behalf.
    function held(bytes32 tokenId, uint64 chain) external view returns (uint128);
    /// @notice The token on this chain, its home chain, or zeros when unknown.
    function tokenOf(bytes32 tokenId) external view returns (address local, uint64 homeChain);
    /// @notice The id of a home token or wrapper of this chain, or zero.
    function idOf(address token) external view returns (bytes32 tokenId);
    function isRegistered(bytes32 tokenId, uint64 chain) external view returns (bool);
    function peerOf(uint64 chain) external view returns (bytes32);
    /// @notice Where the wrapper of a token is, or will be, on this chain.
    function wrapperAddress(bytes32 tokenId) external view returns (address);
}
