// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {IPermit2, IWrappedNative} from "../interfaces/IExternal.sol";
import {IGateway} from "../interfaces/IGateway.sol";
import {ITokenBridge} from "../interfaces/ITokenBridge.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {ReleaseQueue} from "./ReleaseQueue.sol";
import {TransferCodec} from "./TransferCodec.sol";

/// @title Deposits: several ways to bring tokens in, one way on from there.
abstract contract Deposits is ReleaseQueue {
    /// @notice Gas for what a transfer does at the destination: a mint, a release, a place in the queue, or passing on.
    uint32 public constant TRANSFER_GAS = 180_000;
    /// @notice Permit2, at the same address on every chain that has it.
    IPermit2 public constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    /// @dev Where a deposit goes.
    struct Path {
        bytes32 tokenId;
        /// The chain the message goes to: the final one, or the token's home.
        uint64 next;
        Kind kind;
        uint8 scale;
    }

    /// @inheritdoc ITokenBridge
    function deposit(
        address token,
        uint256 amount,
        uint64 destinationChain,
        bytes32 to,
        bytes32 refundTo,
        uint64 deadline
    ) external payable returns (uint64 nonce) {
        Deposit memory d = Deposit(token, amount, destinationChain, to, refundTo, deadline, 0, "");
        Path memory path = _path(token, destinationChain);
        return _send(d, path, _take(token, path.kind, path.scale, amount), msg.value);
    }

    /// @inheritdoc ITokenBridge
    function depositAndCall(Deposit calldata d) external payable returns (uint64 nonce) {
        Path memory path = _path(d.token, d.chain);
        return _send(d, path, _take(d.token, path.kind, path.scale, d.amount), msg.value);
    }

    /// @inheritdoc ITokenBridge
    function depositNative(Deposit calldata d) external payable returns (uint64 nonce) {
        if (d.token != wrappedNative || d.token == address(0)) revert NotVault();
        if (msg.value < d.amount) revert ValueTooLow(msg.value, d.amount);
        Path memory path = _path(d.token, d.chain);
        if (path.kind != Kind.Vault) revert NotVault();
        uint256 before = _beginMeasure(d.token);
        IWrappedNative(d.token).deposit{value: d.amount}();
        return _send(d, path, _endMeasure(d.token, before, d.amount), msg.value - d.amount);
    }

    /// @inheritdoc ITokenBridge
    function depositWithPermit(Deposit calldata d, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s)
        external
        payable
        returns (uint64 nonce)
    {
        Path memory path = _path(d.token, d.chain);
        // Anyone may have used the permit before, to spoil this call: what counts is the allowance.
        try IERC20Permit(d.token).permit(msg.sender, address(this), d.amount, permitDeadline, v, r, s) {} catch {}
        return _send(d, path, _take(d.token, path.kind, path.scale, d.amount), msg.value);
    }

    /// @inheritdoc ITokenBridge
    function depositWithPermit2(Deposit calldata d, uint256 nonce, uint256 signatureDeadline, bytes calldata signature)
        external
        payable
        returns (uint64 messageNonce)
    {
        Path memory path = _path(d.token, d.chain);
        if (path.kind != Kind.Vault) revert NotVault();
        uint256 before = _beginMeasure(d.token);
        // The owner is the caller, so the signature need not name the destination.
        PERMIT2.permitTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(d.token, d.amount), nonce, signatureDeadline),
            IPermit2.SignatureTransferDetails(address(this), d.amount),
            msg.sender,
            signature
        );
        return _send(d, path, _endMeasure(d.token, before, d.amount), msg.value);
    }

    /// @inheritdoc ITokenBridge
    function quote(Deposit calldata d) external view returns (uint256 fee) {
        Path memory path = _path(d.token, d.chain);
        (uint8 kind, bytes memory payload) = _encode(d, path, 1);
        fee = gateway.quote(path.next, _transferGas(kind, d.callGas), d.deadline, payload.length);
        // Where the first leg is free, nothing can be paid.
        if (kind == TransferCodec.FORWARD && fee != 0) fee += _secondLegFee(d, payload.length);
    }

    /// @dev The one way on: what was taken is counted, and a message leaves.
    function _send(Deposit memory d, Path memory path, uint128 counted, uint256 fee) private returns (uint64 nonce) {
        bytes32 peer = _peer(path.next);
        if (!LaneLib.isEvmAddress(d.to) || d.to == (path.next == d.chain ? peer : _peers[d.chain])) {
            revert InvalidRecipient(d.to);
        }
        if (!LaneLib.isEvmAddress(d.refundTo) || d.refundTo == LaneLib.toBytes32(address(this))) {
            revert InvalidRecipient(d.refundTo);
        }
        if (d.callGas > MAX_CALL_GAS || (d.callGas == 0 && d.call.length != 0)) revert InvalidCall();
        _depart(path.tokenId, counted);
        if (path.kind == Kind.Vault) _raiseHeld(path.tokenId, d.chain, counted);

        if (path.next == d.chain && d.callGas == 0) return _sendPlain(d, path, peer, counted, fee);
        (uint8 kind, bytes memory payload) = _encode(d, path, counted);
        if (kind == TransferCodec.FORWARD && fee != 0) {
            uint256 both =
                gateway.quote(path.next, TRANSFER_GAS, d.deadline, payload.length) + _secondLegFee(d, payload.length);
            if (fee < both) revert FeeTooLow(fee, both);
        }
        nonce = gateway.send{value: fee}(path.next, peer, _transferGas(kind, d.callGas), d.deadline, payload);
    }

    /// @dev gateway.send of a transfer without a call, the most common: its payload (see TransferCodec) is written where
    /// it is sent from, not copied there twice.
    function _sendPlain(Deposit memory d, Path memory path, bytes32 peer, uint128 counted, uint256 fee)
        private
        returns (uint64 nonce)
    {
        address to = address(gateway);
        bytes4 selector = IGateway.send.selector;
        uint256 gasLimit = TRANSFER_GAS;
        (uint64 next, uint64 deadline) = (path.next, d.deadline);
        (bytes32 tokenId, bytes32 recipient, bytes32 refundTo) = (path.tokenId, d.to, d.refundTo);
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), next)
            mstore(add(data, 0x24), peer)
            mstore(add(data, 0x44), gasLimit)
            mstore(add(data, 0x64), deadline)
            mstore(add(data, 0x84), 0xa0)
            mstore(add(data, 0xa4), 113)
            let payload := add(data, 0xc4)
            mstore8(payload, 1)
            mstore(add(payload, 1), tokenId)
            mstore(add(payload, 33), shl(128, counted))
            mstore(add(payload, 49), recipient)
            mstore(add(payload, 81), refundTo)
            mstore(add(payload, 113), 0) // padding
            if iszero(call(gas(), to, fee, data, 0x144, 0x00, 0x20)) {
                returndatacopy(data, 0, returndatasize())
                revert(data, returndatasize())
            }
            nonce := mload(0x00)
        }
    }

    /// @dev At home any chain where the token is registered; elsewhere home, and any chain through it.
    function _path(address local, uint64 chain) private view returns (Path memory path) {
        bytes32 tokenId = _tokenId(_here(), LaneLib.toBytes32(local));
        Kind kind = _routes[tokenId][chain].kind;
        if (kind != Kind.None) return Path(tokenId, chain, kind, 0);

        tokenId = _ids[local];
        if (tokenId == 0) revert UnknownToken(tokenId);
        Token memory token = _tokens[tokenId];
        if (token.homeChain == _here() || chain == _here()) revert TokenNotRegistered(tokenId, chain);
        // A wrapper that an issuer's token has superseded.
        if (local != token.local) return Path(tokenId, token.homeChain, Kind.Wrapper, 0);
        return Path(tokenId, token.homeChain, token.kind, token.scale);
    }

    function _encode(Deposit memory d, Path memory path, uint128 counted)
        private
        view
        returns (uint8 kind, bytes memory payload)
    {
        kind = path.next == d.chain ? TransferCodec.TRANSFER : TransferCodec.FORWARD;
        bytes memory call =
            d.callGas == 0 ? bytes("") : TransferCodec.encodeCall(LaneLib.toBytes32(msg.sender), d.callGas, d.call);
        payload = TransferCodec.encode(
            kind, TransferCodec.Transfer(path.tokenId, counted, d.to, d.refundTo, d.chain, d.deadline, call)
        );
    }

    /// @dev Of the message from home to the final chain; where this chain has no price for that one, as much again as
    /// the first leg.
    function _secondLegFee(Deposit memory d, uint256 payloadLength) private view returns (uint256) {
        uint32 gas = _transferGas(TransferCodec.FORWARDED, d.callGas);
        uint64 priced = gateway.outbox(d.chain).gateway == 0 ? _tokens[_ids[d.token]].homeChain : d.chain;
        return gateway.quote(priced, gas, d.deadline, payloadLength);
    }

    /// @dev The first leg of two makes no call.
    function _transferGas(uint8 kind, uint32 callGas) internal pure returns (uint32) {
        if (callGas == 0 || kind == TransferCodec.FORWARD) return TRANSFER_GAS;
        return TRANSFER_GAS + callGas + callGas / 63 + 20_000;
    }
}
