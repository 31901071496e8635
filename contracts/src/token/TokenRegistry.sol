// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {LibClone} from "solady/utils/LibClone.sol";
import {MetadataReaderLib} from "solady/utils/MetadataReaderLib.sol";

import {IGateway} from "../interfaces/IGateway.sol";
import {ITokenBridge} from "../interfaces/ITokenBridge.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {RebasingProbe} from "./RebasingProbe.sol";
import {TransferCodec} from "./TransferCodec.sol";
import {WrappedToken} from "./WrappedToken.sol";

/// @title Which tokens, peers and routes there are.
abstract contract TokenRegistry is ITokenBridge {
    /// @notice Gas for a registration: above the gateway's INLINE_GAS, so that no delivery ever deploys code.
    uint32 public constant REGISTRATION_GAS = 800_000;

    IGateway public immutable gateway;
    /// @notice The implementation that wrappers are clones of.
    address public immutable wrapperImplementation;

    mapping(bytes32 tokenId => Token) internal _tokens;
    mapping(address local => bytes32 tokenId) internal _ids;
    mapping(bytes32 tokenId => mapping(uint64 chain => Route)) internal _routes;
    mapping(uint64 chain => bytes32) internal _peers;
    /// @dev keccak256 of a peer's ERC-7930 address → its chain: one read tells whether to trust, and whence.
    mapping(bytes32 peerHash => uint64 chain) private _chainOfPeer;

    constructor(IGateway gateway_) {
        if (address(gateway_).code.length == 0) revert NoCode(address(gateway_));
        gateway = gateway_;
        wrapperImplementation = address(new WrappedToken());
    }

    /// @inheritdoc ITokenBridge
    function registerToken(address token, uint64 destinationChain) external payable returns (uint64 nonce) {
        if (token.code.length == 0) revert NoCode(token);
        bytes32 tokenId = _ids[token];
        Kind kind = Kind.Vault;
        if (tokenId == 0) {
            if (RebasingProbe.isRebasing(token)) revert RebasingToken(token);
            tokenId = _tokenId(_here(), LaneLib.toBytes32(token));
            _ids[token] = tokenId;
            _tokens[tokenId] = Token(token, _here(), Kind.Vault, 0);
        } else {
            // Only home registers: a wrapper of a wrapper would have no count.
            if (_tokens[tokenId].homeChain != _here()) revert NotHome(_tokens[tokenId].homeChain);
            kind = _tokens[tokenId].kind;
        }
        Route storage route = _routes[tokenId][destinationChain];
        if (route.kind != Kind.None) revert AlreadyRegistered(tokenId, destinationChain);
        route.kind = kind;

        // One byte more than allowed, to see that there is more. Also reads old tokens' bytes32.
        bytes memory name = bytes(MetadataReaderLib.readName(token, TransferCodec.MAX_NAME_LENGTH + 1));
        bytes memory symbol = bytes(MetadataReaderLib.readSymbol(token, TransferCodec.MAX_SYMBOL_LENGTH + 1));
        // Empty: most likely a proxy not initialised yet, whose decimals are wrong too. A registration is for good.
        if (
            name.length == 0 || name.length > TransferCodec.MAX_NAME_LENGTH || symbol.length == 0
                || symbol.length > TransferCodec.MAX_SYMBOL_LENGTH
        ) {
            revert InvalidMetadata();
        }
        bytes memory payload =
            TransferCodec.encodeRegistration(LaneLib.toBytes32(token), IERC20Metadata(token).decimals(), name, symbol);
        nonce = gateway.send{value: msg.value}(destinationChain, _peer(destinationChain), REGISTRATION_GAS, 0, payload);
        emit RegistrationSent(tokenId, destinationChain, nonce, token);
    }

    /// @inheritdoc ITokenBridge
    function tokenOf(bytes32 tokenId) external view returns (address local, uint64 homeChain) {
        return (_tokens[tokenId].local, _tokens[tokenId].homeChain);
    }

    /// @inheritdoc ITokenBridge
    function tokenInfo(bytes32 tokenId) external view returns (Token memory) {
        return _tokens[tokenId];
    }

    /// @inheritdoc ITokenBridge
    function idOf(address token) external view returns (bytes32 tokenId) {
        return _ids[token];
    }

    /// @inheritdoc ITokenBridge
    function held(bytes32 tokenId, uint64 chain) external view returns (uint128) {
        return _routes[tokenId][chain].held;
    }

    /// @inheritdoc ITokenBridge
    function isRegistered(bytes32 tokenId, uint64 chain) external view returns (bool) {
        return _routes[tokenId][chain].kind != Kind.None;
    }

    /// @inheritdoc ITokenBridge
    function peerOf(uint64 chain) external view returns (bytes32) {
        return _peers[chain];
    }

    /// @inheritdoc ITokenBridge
    function wrapperAddress(bytes32 tokenId) external view returns (address) {
        return LibClone.predictDeterministicAddress(wrapperImplementation, tokenId, address(this));
    }

    function _receiveRegistration(uint64 sourceChain, bytes calldata payload) internal {
        (bytes32 homeToken, uint8 decimals, string memory name, string memory symbol) =
            TransferCodec.decodeRegistration(payload);
        bytes32 tokenId = _tokenId(sourceChain, homeToken);
        Token memory known = _tokens[tokenId];
        // An issuer's token was linked before: nothing is left to do.
        if (known.kind == Kind.Erc7802 || known.kind == Kind.XErc20) return;
        if (known.local != address(0)) revert AlreadyRegistered(tokenId, sourceChain);
        address wrapper = LibClone.cloneDeterministic(wrapperImplementation, tokenId);
        WrappedToken(wrapper).initialize(name, symbol, decimals);
        _addToken(tokenId, Token(wrapper, sourceChain, Kind.Wrapper, 0));
    }

    function _linkToken(uint64 homeChain, bytes32 homeToken, address local, Kind kind, uint8 homeDecimals) internal {
        if (local.code.length == 0) revert NoCode(local);
        bytes32 tokenId = _tokenId(homeChain, homeToken);
        bool atHome = homeChain == _here();
        uint8 decimals = IERC20Metadata(local).decimals();
        if (
            kind == Kind.None || kind == Kind.Wrapper || decimals < homeDecimals || decimals - homeDecimals > 38
                || (atHome && (decimals != homeDecimals || homeToken != LaneLib.toBytes32(local)))
                || (!atHome && kind == Kind.Vault)
        ) revert InvalidLink();
        // A registration that came first, which anybody can send, must not keep the issuer's token out: its wrapper is
        // superseded, and what was minted of it can still go home.
        Kind present = _tokens[tokenId].kind;
        if ((present != Kind.None && present != Kind.Wrapper) || _ids[local] != 0) {
            revert AlreadyRegistered(tokenId, homeChain);
        }
        _addToken(tokenId, Token(local, homeChain, kind, decimals - homeDecimals));
    }

    function _setPeer(uint64 chain, bytes32 peer) internal {
        if (chain == 0 || chain == block.chainid || !LaneLib.isEvmAddress(peer)) revert InvalidPeer();
        // Replacing a peer would hand its count to another contract.
        if (_peers[chain] != 0) revert PeerAlreadySet(chain);
        _peers[chain] = peer;
        _chainOfPeer[keccak256(InteroperableAddress.formatEvmV1(chain, address(uint160(uint256(peer)))))] = chain;
        emit PeerSet(chain, peer);
    }

    /// @dev The chain whose token bridge an ERC-7930 address is.
    function _requirePeer(bytes calldata account) internal view returns (uint64 chain) {
        chain = _chainOfPeer[keccak256(account)];
        if (chain == 0) revert UnknownPeer();
    }

    function _peer(uint64 chain) internal view returns (bytes32 peer) {
        peer = _peers[chain];
        if (peer == 0) revert UnknownPeer();
    }

    function _raiseHeld(bytes32 tokenId, uint64 chain, uint128 amount) internal {
        Route storage route = _routes[tokenId][chain];
        uint256 raised = uint256(route.held) + amount;
        if (raised > type(uint128).max) revert HeldTooMuch(chain);
        route.held = uint128(raised);
    }

    function _lowerHeld(bytes32 tokenId, uint64 chain, uint128 amount) internal {
        Route storage route = _routes[tokenId][chain];
        uint128 present = route.held;
        if (amount > present) revert HeldTooLittle(chain, present, amount);
        route.held = present - amount;
    }

    /// @dev keccak256(abi.encode(homeChain, homeToken)).
    function _tokenId(uint64 homeChain, bytes32 homeToken) internal pure returns (bytes32 tokenId) {
        assembly ("memory-safe") {
            mstore(0x00, homeChain)
            mstore(0x20, homeToken)
            tokenId := keccak256(0x00, 0x40)
        }
    }

    function _here() internal view returns (uint64) {
        return uint64(block.chainid);
    }

    function _addToken(bytes32 tokenId, Token memory token) private {
        _tokens[tokenId] = token;
        _ids[token.local] = tokenId;
        emit TokenRegistered(tokenId, token.local);
    }
}
