// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {IRefundRecipient} from "../interfaces/IRefundRecipient.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {Deposits} from "./Deposits.sol";
import {RateLimit} from "./RateLimit.sol";
import {TransferCodec} from "./TransferCodec.sol";

/// @title What the gateway brings: transfers, registrations, refunds. From the gateway and from peers only.
abstract contract Arrivals is Deposits {
    /// @inheritdoc IERC7786Recipient
    function receiveMessage(bytes32 receiveId, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        uint64 chain = _authenticate(sender);
        if (payload.length == 0) revert MalformedPayload();
        uint8 kind = uint8(payload[0]);
        if (kind == TransferCodec.TRANSFER || kind == TransferCodec.FORWARDED) {
            _receiveTransfer(receiveId, chain, kind, TransferCodec.decode(kind, payload));
        } else if (kind == TransferCodec.FORWARD) {
            _forward(receiveId, chain, TransferCodec.decode(kind, payload));
        } else if (kind == TransferCodec.REGISTRATION) {
            _receiveRegistration(chain, payload);
        } else {
            revert MalformedPayload();
        }
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc IRefundRecipient
    function receiveRefund(bytes32 receiveId, bytes calldata recipient, bytes calldata payload)
        external
        returns (bytes4)
    {
        uint64 chain = _authenticate(recipient);
        if (payload.length < 33) revert MalformedPayload();
        // After the 32 bytes of the refunded message's id: what this contract itself had sent.
        bytes calldata sent = payload[32:];
        uint8 kind = uint8(sent[0]);
        if (kind != TransferCodec.TRANSFER && kind != TransferCodec.FORWARD && kind != TransferCodec.FORWARDED) {
            revert MalformedPayload();
        }
        TransferCodec.Transfer memory t = TransferCodec.decode(kind, sent);
        t.call = "";
        Token memory token = _knownToken(t.tokenId);
        if (kind == TransferCodec.FORWARDED) {
            // The second leg of two: back to where the tokens came from, to be minted there again.
            if (token.homeChain != _here()) revert NotHome(token.homeChain);
            if (token.kind == Kind.Vault) _lowerHeld(t.tokenId, chain, t.amount);
            _return(receiveId, token, t, t.chain);
        } else {
            _takeOffCount(token, t.tokenId, chain, t.amount);
            _arrive(receiveId, chain, chain, token, t, _recipient(t.refundTo));
        }
        return IRefundRecipient.receiveRefund.selector;
    }

    /// @dev The gateway calls, with a message of a peer. Returns the peer's chain.
    function _authenticate(bytes calldata account) private view returns (uint64 chain) {
        if (msg.sender != address(gateway)) revert NotGateway();
        return _requirePeer(account);
    }

    function _receiveTransfer(bytes32 id, uint64 chain, uint8 kind, TransferCodec.Transfer memory t) private {
        Token memory token = _knownToken(t.tokenId);
        // Whatever a broken chain asks for: in the queue, it would keep all behind it waiting for ever.
        if (TransferCodec.gasOf(t.call) > MAX_CALL_GAS) revert InvalidCall();
        _takeOffCount(token, t.tokenId, chain, t.amount);
        // Only home passes on.
        if (kind == TransferCodec.FORWARDED && token.homeChain == _here()) revert NotHome(chain);
        _arrive(id, chain, kind == TransferCodec.FORWARDED ? t.chain : chain, token, t, _recipient(t.to));
    }

    /// @dev At home: moves the count from one remote chain to another and sends onward. What cannot be sent onward now
    /// goes back at once.
    function _forward(bytes32 id, uint64 from, TransferCodec.Transfer memory t) private {
        Token memory token = _knownToken(t.tokenId);
        if (token.homeChain != _here()) revert NotHome(token.homeChain);
        if (_isPaused(t.tokenId, RateLimit.RELEASES_PAUSED)) revert ReleasesPaused(t.tokenId);
        if (token.kind == Kind.Vault) _lowerHeld(t.tokenId, from, t.amount);

        uint64 to = t.chain;
        if (_routes[t.tokenId][to].kind != Kind.None && !_isPaused(t.tokenId, RateLimit.DEPOSITS_PAUSED)) {
            uint32 callGas = TransferCodec.gasOf(t.call);
            t.chain = from;
            bytes memory payload = TransferCodec.encode(TransferCodec.FORWARDED, t);
            if (callGas <= MAX_CALL_GAS && to != from) {
                try gateway.send(
                    to, _peers[to], _transferGas(TransferCodec.FORWARDED, callGas), t.deadline, payload
                ) returns (
                    uint64 nonce
                ) {
                    if (token.kind == Kind.Vault) _raiseHeld(t.tokenId, to, t.amount);
                    emit Forwarded(t.tokenId, id, to, nonce);
                    return;
                } catch {}
            }
        }
        _return(id, token, t, from);
    }

    /// @dev Sends tokens back to the chain they came from, to `refundTo`, for ever: no deadline, no call.
    function _return(bytes32 id, Token memory token, TransferCodec.Transfer memory t, uint64 to) private {
        if (token.kind == Kind.Vault) _raiseHeld(t.tokenId, to, t.amount);
        t.to = t.refundTo;
        t.call = "";
        bytes memory payload = TransferCodec.encode(TransferCodec.TRANSFER, t);
        uint64 nonce = gateway.send(to, _peer(to), TRANSFER_GAS, 0, payload);
        emit Returned(t.tokenId, id, to, nonce);
    }

    /// @dev At home, a chain gives back no more than it holds. Elsewhere only home has a say over a token.
    function _takeOffCount(Token memory token, bytes32 tokenId, uint64 chain, uint128 amount) private {
        if (token.homeChain == _here()) {
            if (token.kind == Kind.Vault) _lowerHeld(tokenId, chain, amount);
        } else if (chain != token.homeChain) {
            revert NotHome(token.homeChain);
        }
    }

    function _knownToken(bytes32 tokenId) private view returns (Token memory token) {
        token = _tokens[tokenId];
        if (token.local == address(0)) revert UnknownToken(tokenId);
    }

    /// @dev Paid out to this contract itself, tokens would be nobody's.
    function _recipient(bytes32 account) private view returns (address) {
        if (!LaneLib.isEvmAddress(account) || account == LaneLib.toBytes32(address(this))) {
            revert InvalidRecipient(account);
        }
        return address(uint160(uint256(account)));
    }
}
