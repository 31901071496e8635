// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ITokenBridge} from "../interfaces/ITokenBridge.sol";
import {ITokenReceiver} from "../interfaces/ITokenReceiver.sol";
import {Flow, RateLimit} from "./RateLimit.sol";
import {TransferCodec} from "./TransferCodec.sol";
import {Vault} from "./Vault.sol";

/// @title What arrives is paid out within the rate limit, waits above it, and becomes a claim if it cannot be paid out.
/// @notice A queued transfer waits for one rate window. By then it is paid out whatever its size: the window is the
/// time in which a theft can be seen, releases paused, and the theft cancelled behind the timelock.
abstract contract ReleaseQueue is Vault {
    using RateLimit for Flow;

    struct Queue {
        uint64 head;
        uint64 tail;
        uint128 waiting;
    }

    /// @notice Most gas for a call attached to a transfer.
    uint32 public constant MAX_CALL_GAS = 2_000_000;
    /// @dev What must be there to pay out: less, and whoever releases could choose what fails. Of a token that burns all
    /// it is given, EIP-150's 1/64 is left, which must do for the claim: its queue goes on in any case.
    uint256 private constant PAYOUT_GAS = 5_000_000;

    /// @inheritdoc ITokenBridge
    uint64 public immutable rateWindow;

    mapping(bytes32 tokenId => Flow) private _flows;
    mapping(bytes32 tokenId => Queue) private _queues;
    mapping(bytes32 tokenId => mapping(uint64 index => Queued)) private _queued;
    mapping(bytes32 tokenId => mapping(address account => uint128)) private _claims;
    mapping(bytes32 tokenId => uint128) private _claimed;

    constructor(uint64 rateWindow_) {
        if (rateWindow_ == 0 || rateWindow_ > 365 days) revert InvalidAmount();
        rateWindow = rateWindow_;
    }

    /// @inheritdoc ITokenBridge
    function release(bytes32 tokenId, bytes calldata call) external {
        Queue storage queue = _queues[tokenId];
        uint64 index = queue.head;
        if (index == queue.tail) revert QueueEmpty(tokenId);
        Queued memory entry = _queued[tokenId][index];
        // Removed before anything is called.
        queue.head = index + 1;
        delete _queued[tokenId][index];
        if (entry.cancelled) {
            emit QueueReleased(tokenId, index, false);
            return;
        }
        if (_flows[tokenId].has(RateLimit.RELEASES_PAUSED)) revert ReleasesPaused(tokenId);
        if (block.timestamp < entry.releaseAt) revert NotYet(entry.releaseAt);
        if (entry.callHash != (call.length == 0 ? bytes32(0) : keccak256(call))) revert WrongCall(entry.callHash);
        queue.waiting -= entry.amount;
        _requireGas(PAYOUT_GAS);
        Token memory token = _tokens[tokenId];
        bool paid = _payOut(token, entry.to, entry.amount);
        emit QueueReleased(tokenId, index, !paid);
        if (!paid) {
            _addClaim(tokenId, entry.to, entry.amount);
        } else if (call.length != 0) {
            (bytes32 id, uint64 origin, bytes memory attached) = abi.decode(call, (bytes32, uint64, bytes));
            _callRecipient(token, id, origin, entry.to, entry.amount, attached);
        }
    }

    /// @inheritdoc ITokenBridge
    function claim(bytes32 tokenId, address account, address recipient) external {
        if (recipient != account && msg.sender != account) revert NotClaimant(account);
        if (_flows[tokenId].has(RateLimit.RELEASES_PAUSED)) revert ReleasesPaused(tokenId);
        uint128 amount = _claims[tokenId][account];
        if (amount == 0) revert NothingToClaim();
        _claims[tokenId][account] = 0;
        _claimed[tokenId] -= amount;
        Token memory token = _tokens[tokenId];
        bool paid = token.kind == Kind.Vault && token.local == wrappedNative
            ? _payWrapped(recipient, amount)
            : _payOut(token, recipient, amount);
        if (!paid) revert PayoutFailed(tokenId, recipient);
        emit Claimed(tokenId, account, recipient, amount);
    }

    /// @inheritdoc ITokenBridge
    function queueOf(bytes32 tokenId) external view returns (uint64 head, uint64 tail, uint128 waiting) {
        Queue memory queue = _queues[tokenId];
        return (queue.head, queue.tail, queue.waiting);
    }

    /// @inheritdoc ITokenBridge
    function queuedAt(bytes32 tokenId, uint64 index) external view returns (Queued memory) {
        return _queued[tokenId][index];
    }

    /// @inheritdoc ITokenBridge
    function claimOf(bytes32 tokenId, address account) external view returns (uint128) {
        return _claims[tokenId][account];
    }

    /// @inheritdoc ITokenBridge
    function claimsOf(bytes32 tokenId) external view returns (uint128) {
        return _claimed[tokenId];
    }

    /// @inheritdoc ITokenBridge
    function flowOf(bytes32 tokenId)
        external
        view
        returns (uint256 arrivals, uint256 departures, int256 net, bool depositsPaused, bool releasesPaused)
    {
        Flow flow = _flows[tokenId];
        (arrivals, departures) = flow.limits();
        net = flow.netFlow(rateWindow);
        depositsPaused = flow.has(RateLimit.DEPOSITS_PAUSED);
        releasesPaused = flow.has(RateLimit.RELEASES_PAUSED);
    }

    /// @dev Pays out what arrived from `lane` chain, or lets it wait. At home the count has been lowered already.
    /// @param origin where it was deposited; differs from `sourceChain` if home passed it on.
    function _arrive(
        bytes32 id,
        uint64 sourceChain,
        uint64 origin,
        Token memory token,
        TransferCodec.Transfer memory t,
        address to
    ) internal {
        bytes32 tokenId = t.tokenId;
        Flow flow = _flows[tokenId];
        if (flow.has(RateLimit.RELEASES_PAUSED)) revert ReleasesPaused(tokenId);
        bool within;
        (flow, within) = flow.arrive(t.amount, rateWindow);
        if (!within) {
            _enqueue(id, sourceChain, origin, t, to);
            return;
        }
        _flows[tokenId] = flow;
        if (!_payOut(token, to, t.amount)) {
            // Native coin is the recipient's to refuse, which must not send the transfer back or hold it up. A token
            // that refuses leaves the message recorded: it can be tried again, and is refunded past its deadline.
            if (token.local != wrappedNative || token.kind != Kind.Vault) revert PayoutFailed(tokenId, to);
            _addClaim(tokenId, to, t.amount);
        } else if (t.call.length != 0) {
            _callRecipient(token, id, origin, to, t.amount, t.call);
        }
    }

    /// @dev Counts a deposit.
    function _depart(bytes32 tokenId, uint128 amount) internal {
        Flow flow = _flows[tokenId];
        if (flow.has(RateLimit.DEPOSITS_PAUSED)) revert DepositsPaused(tokenId);
        (Flow next, bool within) = flow.depart(amount, rateWindow);
        if (!within) {
            (, uint256 departures) = flow.limits();
            revert DepositAboveLimit(departures);
        }
        if (Flow.unwrap(next) != Flow.unwrap(flow)) _flows[tokenId] = next;
    }

    function _isPaused(bytes32 tokenId, uint256 flag) internal view returns (bool) {
        return _flows[tokenId].has(flag);
    }

    function _setLimits(bytes32 tokenId, uint128 arrivals, uint128 departures) internal {
        Flow flow = _flows[tokenId].withLimits(arrivals, departures, rateWindow);
        _flows[tokenId] = flow;
        (uint256 a, uint256 d) = flow.limits();
        emit LimitsSet(tokenId, a, d);
    }

    function _setPaused(bytes32 tokenId, bool deposits, bool releases) internal {
        _flows[tokenId] =
            _flows[tokenId].withFlag(RateLimit.DEPOSITS_PAUSED, deposits).withFlag(RateLimit.RELEASES_PAUSED, releases);
        emit Paused(tokenId, deposits, releases);
    }

    function _cancel(bytes32 tokenId, uint64 index) internal {
        Queue storage queue = _queues[tokenId];
        Queued storage entry = _queued[tokenId][index];
        if (index < queue.head || index >= queue.tail || entry.cancelled) revert NotQueued(index);
        entry.cancelled = true;
        queue.waiting -= entry.amount;
        // The chain it was taken from holds it again. Elsewhere a mint is dropped: home's count was never moved.
        Token memory token = _tokens[tokenId];
        if (token.kind == Kind.Vault) _raiseHeld(tokenId, entry.sourceChain, entry.amount);
        emit QueueCancelled(tokenId, index);
    }

    function _enqueue(bytes32 id, uint64 sourceChain, uint64 origin, TransferCodec.Transfer memory t, address to)
        private
    {
        Queue storage queue = _queues[t.tokenId];
        uint64 index = queue.tail;
        uint40 releaseAt = uint40(block.timestamp + rateWindow);
        bytes32 callHash = t.call.length == 0 ? bytes32(0) : keccak256(abi.encode(id, origin, t.call));
        _queued[t.tokenId][index] = Queued(to, releaseAt, false, t.amount, sourceChain, callHash);
        queue.tail = index + 1;
        queue.waiting += t.amount;
        emit TransferQueued(t.tokenId, index, id, to, t.amount, releaseAt);
    }

    function _addClaim(bytes32 tokenId, address account, uint128 amount) private {
        _claims[tokenId][account] += amount;
        _claimed[tokenId] += amount;
        emit ClaimAdded(tokenId, account, amount);
    }

    /// @dev The call attached to a transfer: it gets the gas that was asked for, or everything reverts; whatever it
    /// does with it, the tokens stay. No return data is copied.
    function _callRecipient(
        Token memory token,
        bytes32 id,
        uint64 origin,
        address to,
        uint128 amount,
        bytes memory attached
    ) private {
        (bytes32 from, uint32 callGas, bytes memory data) = TransferCodec.decodeCall(attached);
        bytes memory callData = abi.encodeCall(
            ITokenReceiver.onTokensReceived, (id, token.local, uint256(amount) * 10 ** token.scale, origin, from, data)
        );
        _requireGas(uint256(callGas) + callGas / 63 + 10_000);
        bool success;
        assembly ("memory-safe") {
            success := call(callGas, to, 0, add(callData, 0x20), mload(callData), 0x00, 0x00)
        }
        if (!success || to.code.length == 0) emit CallFailed(id);
    }

    function _requireGas(uint256 required) private view {
        if (gasleft() < required) revert OutOfGas(gasleft(), required);
    }
}

