// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {IGateway} from "../interfaces/IGateway.sol";
import {IRefundRecipient} from "../interfaces/IRefundRecipient.sol";
import {IReportRecipient} from "../interfaces/IReportRecipient.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {MessageLib} from "../libraries/MessageLib.sol";
import {HubLink} from "./HubLink.sol";
import {OutboxStore} from "./OutboxStore.sol";
import {ValidatorSets} from "./ValidatorSets.sol";

/// @title What becomes of a delivered message: executed, recorded, refunded.
/// @notice A recorded message is executed or refunded, never both: either clears the record first, and the deadline
/// separates them.
abstract contract Execution is OutboxStore, ValidatorSets, HubLink {
    mapping(bytes32 id => bool) private _recorded;

    /// @dev Shared by `deliver`, `execute` and `expire`: none can run inside another.
    bool private transient _locked;

    /// @notice Messages with at most this gas limit execute within the delivery.
    uint256 public constant INLINE_GAS = 250_000;
    /// @notice Gas limit of a refund, which so executes within its delivery.
    uint32 public constant REFUND_GAS = 200_000;

    /// @dev What a call costs its caller besides the gas it forwards: two cold accounts (EIP-2929; the second is what
    /// an EIP-7702 account delegates to), and as much again in case they become dearer.
    uint256 private constant CALL_OVERHEAD = 10_000;

    modifier locked() {
        if (_locked) revert Reentered();
        _locked = true;
        _;
        _locked = false;
    }

    /// @inheritdoc IGateway
    function isRecorded(bytes32 id) external view returns (bool) {
        return _recorded[id];
    }

    /// @inheritdoc IGateway
    function laneFrom(Remote calldata remote) public view returns (bytes32) {
        return _inboundLane(remote.chain, remote.gateway, remote.generation);
    }

    /// @inheritdoc IGateway
    function execute(Remote calldata source, bytes calldata message) external locked {
        (bytes32 lane, bytes32 id) = _takeRecord(source, message);
        uint8 kind = MessageLib.kind(message);
        bytes32 recipient = MessageLib.recipient(message);
        (bool supported, bool callable) = _accepts(kind, recipient);
        if (!supported) revert ExecutionFailed("unsupported kind");
        if (!callable) revert InvalidRecipient(recipient);
        if (_isExpired(message)) revert ExecutionFailed("expired");
        // All the gas there is, less EIP-150's 1/64: more than the limit may be needed by now.
        bool success = _call(id, source.chain, kind, type(uint256).max, message);
        if (!success) revert ExecutionFailed(_returnData());
        emit Executed(lane, MessageLib.nonce(message), id);
    }

    /// @inheritdoc IGateway
    function expire(Remote calldata source, bytes calldata message) external locked {
        (bytes32 lane, bytes32 id) = _takeRecord(source, message);
        if (MessageLib.kind(message) != MessageLib.KIND_CALL) revert ExecutionFailed("unsupported kind");
        if (!_isExpired(message)) revert NotExpired(MessageLib.deadline(message));
        // The lane back may be of another generation by now, but must lead to the gateway that knows the sender.
        if (_outboxes[source.chain].gateway != source.gateway) revert LaneNotOpen(source.chain);
        (uint64 refundNonce,) = _append(
            source.chain,
            MessageLib.KIND_REFUND,
            REFUND_GAS,
            MessageLib.recipient(message),
            MessageLib.sender(message),
            id,
            message[MessageLib.HEADER_LENGTH:]
        );
        emit Expired(lane, MessageLib.nonce(message), id, refundNonce);
    }

    function _strike(bytes32 id) internal {
        if (!_recorded[id]) revert NotRecorded(id);
        _recorded[id] = false;
        emit Struck(id);
    }

    /// @dev Runs a message just delivered, or records it. What happens depends on the message alone; a submitter who
    /// brings too little gas reverts the whole delivery.
    function _executeOrRecord(bytes32 lane, uint64 chain, bytes32 leaf, bytes calldata message) internal {
        bytes32 id = LaneLib.fold(lane, leaf);
        uint8 kind = MessageLib.kind(message);
        Reason reason;
        (bool supported, bool callable) = _accepts(kind, MessageLib.recipient(message));
        if (!supported) {
            reason = Reason.UnsupportedKind;
        } else if (!callable) {
            reason = Reason.InvalidRecipient;
        } else if (_isExpired(message)) {
            reason = Reason.Expired;
        } else {
            uint256 gasLimit = MessageLib.gasLimit(message);
            if (gasLimit > INLINE_GAS) {
                reason = Reason.AboveInlineGas;
            } else {
                if (_call(id, chain, kind, gasLimit, message)) return;
                reason = Reason.CallFailed;
            }
        }
        _recorded[id] = true;
        emit Recorded(lane, MessageLib.nonce(message), id, reason);
    }

    function _inboundLane(uint64 chain, bytes32 gateway, uint32 generation) internal view returns (bytes32) {
        return
            LaneLib.id(networkId, chain, gateway, uint64(block.chainid), LaneLib.toBytes32(address(this)), generation);
    }

    /// @dev Clears the record before anything is done; a failure reverts, which records it again.
    function _takeRecord(Remote calldata source, bytes calldata message) private returns (bytes32 lane, bytes32 id) {
        _requireDeliveriesRun();
        if (message.length < MessageLib.HEADER_LENGTH) revert MalformedMessages();
        lane = laneFrom(source);
        id = LaneLib.fold(lane, MessageLib.leaf(message));
        if (!_recorded[id]) revert NotRecorded(id);
        _recorded[id] = false;
    }

    /// @dev Calls the recipient by ERC-7786 (or with a refund, whose function has the same shape). The message's gas
    /// limit must be there, checked after memory expansion. At most 32 bytes of return data are copied.
    /// @param forwarded gas handed to the call; more than there is means all but EIP-150's 1/64.
    /// @return success if the call succeeded and returned the called function's selector. An account without code
    /// returns nothing and so fails.
    function _call(bytes32 id, uint64 chain, uint8 kind, uint256 forwarded, bytes calldata message)
        private
        returns (bool success)
    {
        bytes4 selector = kind == MessageLib.KIND_CALL
            ? IERC7786Recipient.receiveMessage.selector
            : kind == MessageLib.KIND_REFUND
                ? IRefundRecipient.receiveRefund.selector
                : IReportRecipient.receiveReport.selector;
        (uint256 data, uint256 length) = _callData(selector, id, chain, message);
        _requireGas(MessageLib.gasLimit(message));
        bytes32 recipient = MessageLib.recipient(message);
        assembly ("memory-safe") {
            success := call(forwarded, recipient, 0, data, length, 0x00, 0x20)
            success := and(and(success, gt(returndatasize(), 0x1f)), eq(mload(0x00), selector))
        }
    }

    /// @dev selector(id, sender, payload), with the sender in ERC-7930 form: version 1 (2 bytes), chain type EVM (2),
    /// length of the chain's reference (1), the chain id without leading zeros, length of the address (1), address.
    /// Written at the free memory pointer, which is not moved: the next message writes over it.
    function _callData(bytes4 selector, bytes32 id, uint64 chain, bytes calldata message)
        private
        pure
        returns (uint256 data, uint256 length)
    {
        uint256 header = MessageLib.HEADER_LENGTH;
        bytes32 sender = MessageLib.sender(message);
        assembly ("memory-safe") {
            let chainBytes := add(1, add(gt(chain, 0xff), add(gt(chain, 0xffff), gt(chain, 0xffffff))))
            if shr(32, chain) {
                chainBytes := add(
                    5,
                    add(gt(chain, 0xffffffffff), add(gt(chain, 0xffffffffffff), gt(chain, 0xffffffffffffff)))
                )
            }
            data := mload(0x40)
            mstore(data, selector)
            let arguments := add(data, 0x04)
            mstore(arguments, id)
            mstore(add(arguments, 0x20), 0x60)
            mstore(add(arguments, 0x60), add(26, chainBytes))
            let cursor := add(arguments, 0x80)
            // At most 34 bytes in two words; the second word's end is zero before anything is written after it.
            mstore(add(cursor, 0x20), 0)
            mstore(
                cursor,
                shl(sub(216, shl(3, chainBytes)), or(shl(shl(3, chainBytes), or(0x0001000000, chainBytes)), chain))
            )
            cursor := add(cursor, add(5, chainBytes))
            mstore(cursor, shl(88, or(shl(160, 20), and(sender, 0xffffffffffffffffffffffffffffffffffffffff))))
            cursor := add(add(arguments, 0xa0), shl(5, gt(chainBytes, 6)))
            mstore(add(arguments, 0x40), sub(cursor, arguments))
            let size := sub(message.length, header)
            mstore(cursor, size)
            cursor := add(cursor, 0x20)
            calldatacopy(cursor, add(message.offset, header), size)
            mstore(add(cursor, size), 0)
            length := sub(add(cursor, and(add(size, 31), not(31))), data)
        }
    }

    /// @dev Reverts unless `gasLimit` can be forwarded under EIP-150's 63/64 rule.
    function _requireGas(uint256 gasLimit) private view {
        uint256 required;
        // A message's limit has 32 bits.
        unchecked {
            required = gasLimit + gasLimit / 63 + CALL_OVERHEAD;
        }
        if (gasleft() < required) revert InsufficientGas(gasleft(), required);
    }

    /// @dev The first 256 bytes of the return data of the last call.
    function _returnData() private pure returns (bytes memory data) {
        assembly ("memory-safe") {
            data := mload(0x40)
            let size := returndatasize()
            if gt(size, 256) { size := 256 }
            mstore(data, size)
            returndatacopy(add(data, 0x20), 0, size)
            mstore(0x40, add(data, 0x140))
        }
    }

    /// @dev Whether a kind is executed here, and may call a recipient: reports are for the hub, and reach a registry alone.
    function _accepts(uint8 kind, bytes32 recipient) private view returns (bool supported, bool callable) {
        if (kind == MessageLib.KIND_EVIDENCE) return (_isHub(), _isRegistry(recipient));
        supported = kind == MessageLib.KIND_CALL || kind == MessageLib.KIND_REFUND;
        callable = LaneLib.isEvmAddress(recipient) && recipient != LaneLib.toBytes32(address(this));
    }

    function _isExpired(bytes calldata message) private view returns (bool) {
        uint64 deadline = MessageLib.deadline(message);
        return deadline != 0 && block.timestamp > deadline;
    }
}
