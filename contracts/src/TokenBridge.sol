// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IERC20, IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {LibClone} from "solady/utils/LibClone.sol";

import {IGateway} from "./interfaces/IGateway.sol";
import {ITokenBridge} from "./interfaces/ITokenBridge.sol";
import {LaneLib} from "./libraries/LaneLib.sol";
import {TransferCodec} from "./token/TransferCodec.sol";
import {WrappedToken} from "./token/WrappedToken.sol";

/// @title The token application on the gateway.
/// @notice Accepts messages only from the gateway, and from its peers only. Home counts what each remote chain holds
/// and never releases more to it: a remote chain that breaks cannot take what belongs to another.
contract TokenBridge is ITokenBridge, Ownable2Step {
    using SafeERC20 for IERC20;

    struct Token {
        address local;
        uint64 homeChain;
    }

    /// @notice Gas for a mint or a release at the destination.
    uint32 public constant TRANSFER_GAS = 150_000;
    /// @notice Gas for a registration: above the gateway's INLINE_GAS, so that no delivery ever deploys code.
    uint32 public constant REGISTRATION_GAS = 800_000;

    IGateway public immutable gateway;
    /// @notice The implementation that wrappers are clones of.
    address public immutable wrapperImplementation;

    mapping(bytes32 tokenId => Token) private _tokens;
    mapping(address local => bytes32 tokenId) private _ids;
    mapping(bytes32 tokenId => mapping(uint64 chain => bool)) private _registered;
    mapping(bytes32 tokenId => mapping(uint64 chain => uint128)) private _held;
    mapping(uint64 chain => bytes32) private _peers;
    /// @dev keccak256 of a peer's ERC-7930 address → its chain: one read tells whether to trust, and whence.
    mapping(bytes32 peerHash => uint64 chain) private _chainOfPeer;

    /// @dev The token whose deposit is being measured: its transfer hook must not come back in with another deposit.
    /// It may come back with a delivery, which must not fail for it (whoever delivers would choose what fails); what
    /// that releases of the same token is added to the measure.
    address private transient _measuring;
    uint256 private transient _releasedMeanwhile;

    constructor(IGateway gateway_, address owner_) Ownable(owner_) {
        gateway = gateway_;
        wrapperImplementation = address(new WrappedToken());
    }

    /// @inheritdoc ITokenBridge
    function registerToken(address token, uint64 destinationChain) external returns (uint64 nonce) {
        if (token.code.length == 0) revert NoCode(token);
        bytes32 tokenId = _ids[token];
        if (tokenId == 0) {
            tokenId = _tokenId(_here(), LaneLib.toBytes32(token));
            _ids[token] = tokenId;
            _tokens[tokenId] = Token(token, _here());
        } else if (_tokens[tokenId].homeChain != _here()) {
            // Only home registers: a wrapper of a wrapper would have no count.
            revert NotHome(_tokens[tokenId].homeChain);
        }
        if (_registered[tokenId][destinationChain]) revert AlreadyRegistered(tokenId, destinationChain);
        _registered[tokenId][destinationChain] = true;

        bytes memory name = bytes(IERC20Metadata(token).name());
        bytes memory symbol = bytes(IERC20Metadata(token).symbol());
        // Empty: most likely a proxy not initialised yet, whose decimals are wrong too. A registration is for good.
        if (
            name.length == 0 || name.length > TransferCodec.MAX_NAME_LENGTH || symbol.length == 0
                || symbol.length > TransferCodec.MAX_SYMBOL_LENGTH
        ) {
            revert InvalidMetadata();
        }
        bytes memory payload =
            TransferCodec.encodeRegistration(LaneLib.toBytes32(token), IERC20Metadata(token).decimals(), name, symbol);
        nonce = _sendToPeer(destinationChain, REGISTRATION_GAS, payload);
        emit RegistrationSent(tokenId, destinationChain, nonce, token);
    }

    /// @inheritdoc ITokenBridge
    function deposit(address token, uint256 amount, uint64 destinationChain, bytes32 to, bytes32 refundTo)
        external
        returns (uint64 nonce)
    {
        if (!LaneLib.isEvmAddress(to) || to == _peers[destinationChain]) revert InvalidRecipient(to);
        if (!LaneLib.isEvmAddress(refundTo)) revert InvalidRecipient(refundTo);
        bytes32 tokenId = _ids[token];
        uint64 homeChain = _tokens[tokenId].homeChain;
        if (tokenId == 0) revert UnknownToken(tokenId);

        uint128 counted;
        if (homeChain == _here()) {
            if (!_registered[tokenId][destinationChain]) revert TokenNotRegistered(tokenId, destinationChain);
            counted = _lock(token, amount);
            uint256 heldAfter = uint256(_held[tokenId][destinationChain]) + counted;
            if (heldAfter > type(uint128).max) revert HeldTooMuch(destinationChain);
            _held[tokenId][destinationChain] = uint128(heldAfter);
        } else {
            if (destinationChain != homeChain) revert NotHome(homeChain);
            counted = _nonZero(amount);
            WrappedToken(token).burn(msg.sender, counted);
        }
        nonce =
            _sendToPeer(destinationChain, TRANSFER_GAS, TransferCodec.encodeTransfer(tokenId, counted, to, refundTo));
        emit Deposited(tokenId, destinationChain, nonce, msg.sender, to, counted);
    }

    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32 receiveId, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        if (msg.sender != address(gateway)) revert NotGateway();
        uint64 sourceChain = _chainOfPeer[keccak256(sender)];
        if (sourceChain == 0) revert UnknownPeer();
        if (payload.length == 0) revert MalformedPayload();

        uint8 kind = uint8(payload[0]);
        if (kind == TransferCodec.TRANSFER) {
            _receiveTransfer(receiveId, sourceChain, payload);
        } else if (kind == TransferCodec.REGISTRATION) {
            _receiveRegistration(sourceChain, payload);
        } else {
            revert MalformedPayload();
        }
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc ITokenBridge
    function setPeer(uint64 chain, bytes32 peer) external onlyOwner {
        if (chain == 0 || chain == block.chainid || !LaneLib.isEvmAddress(peer)) revert InvalidPeer();
        // Replacing a peer would hand its count to another contract.
        if (_peers[chain] != 0) revert PeerAlreadySet(chain);
        _peers[chain] = peer;
        _chainOfPeer[keccak256(InteroperableAddress.formatEvmV1(chain, address(uint160(uint256(peer)))))] = chain;
        emit PeerSet(chain, peer);
    }

    /// @notice Refused: without an owner, a pause could never be lifted and no lane opened.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerRequired();
    }

    /// @inheritdoc ITokenBridge
    function held(bytes32 tokenId, uint64 chain) external view returns (uint128) {
        return _held[tokenId][chain];
    }

    /// @inheritdoc ITokenBridge
    function tokenOf(bytes32 tokenId) external view returns (address local, uint64 homeChain) {
        Token memory token = _tokens[tokenId];
        return (token.local, token.homeChain);
    }

    /// @inheritdoc ITokenBridge
    function idOf(address token) external view returns (bytes32 tokenId) {
        return _ids[token];
    }

    /// @inheritdoc ITokenBridge
    function isRegistered(bytes32 tokenId, uint64 chain) external view returns (bool) {
        return _registered[tokenId][chain];
    }

    /// @inheritdoc ITokenBridge
    function peerOf(uint64 chain) external view returns (bytes32) {
        return _peers[chain];
    }

    /// @inheritdoc ITokenBridge
    function wrapperAddress(bytes32 tokenId) external view returns (address) {
        return LibClone.predictDeterministicAddress(wrapperImplementation, tokenId, address(this));
    }

    function _receiveTransfer(bytes32 id, uint64 sourceChain, bytes calldata payload) private {
        (bytes32 tokenId, uint128 amount, bytes32 to32) = TransferCodec.decodeTransfer(payload);
        address to = address(uint160(uint256(to32)));
        // Released to itself, tokens would be nobody's.
        if (!LaneLib.isEvmAddress(to32) || to == address(this)) revert InvalidRecipient(to32);
        Token memory token = _tokens[tokenId];
        if (token.local == address(0)) revert UnknownToken(tokenId);

        if (token.homeChain == _here()) {
            uint256 heldBefore = _held[tokenId][sourceChain];
            if (amount > heldBefore) revert HeldTooLittle(sourceChain, heldBefore, amount);
            _held[tokenId][sourceChain] = uint128(heldBefore - amount);
            if (token.local == _measuring) _releasedMeanwhile += amount;
            IERC20(token.local).safeTransfer(to, amount);
        } else {
            // Only home mints: another chain has no say over this token.
            if (sourceChain != token.homeChain) revert NotHome(token.homeChain);
            WrappedToken(token.local).mint(to, amount);
        }
        emit Released(tokenId, sourceChain, id, to, amount);
    }

    function _receiveRegistration(uint64 sourceChain, bytes calldata payload) private {
        (bytes32 homeToken, uint8 decimals, string memory name, string memory symbol) =
            TransferCodec.decodeRegistration(payload);
        bytes32 tokenId = _tokenId(sourceChain, homeToken);
        if (_tokens[tokenId].local != address(0)) revert AlreadyRegistered(tokenId, sourceChain);
        address wrapper = LibClone.cloneDeterministic(wrapperImplementation, tokenId);
        WrappedToken(wrapper).initialize(name, symbol, decimals);
        _tokens[tokenId] = Token(wrapper, sourceChain);
        _ids[wrapper] = tokenId;
        emit TokenRegistered(tokenId, wrapper);
    }

    /// @dev Pulls tokens in and returns what arrived.
    function _lock(address token, uint256 amount) private returns (uint128) {
        if (_measuring != address(0)) revert Reentered();
        _measuring = token;
        _releasedMeanwhile = 0;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), amount);
        uint256 arrived = IERC20(token).balanceOf(address(this)) + _releasedMeanwhile - before;
        _measuring = address(0);
        return _nonZero(arrived);
    }

    function _sendToPeer(uint64 chain, uint32 gasLimit, bytes memory payload) private returns (uint64) {
        bytes32 peer = _peers[chain];
        if (peer == 0) revert UnknownPeer();
        return gateway.send(chain, peer, gasLimit, 0, payload);
    }

    function _nonZero(uint256 amount) private pure returns (uint128) {
        if (amount == 0 || amount > type(uint128).max) revert InvalidAmount();
        return uint128(amount);
    }

    function _tokenId(uint64 homeChain, bytes32 homeToken) private pure returns (bytes32) {
        return keccak256(abi.encode(homeChain, homeToken));
    }

    function _here() private view returns (uint64) {
        return uint64(block.chainid);
    }
}
