// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../interfaces/IGateway.sol";
import {OutboxStore} from "./OutboxStore.sol";

/// @title What a delivery costs, and what was paid for it.
/// @notice Fees are this contract's whole balance: the gateway holds no other value. A message may be sent unpaid:
/// whoever sent it delivers it, or it travels with later ones that are paid.
abstract contract Fees is OutboxStore {
    /// @notice A price older than this is not quoted, seconds.
    uint256 public constant MAX_PRICE_AGE = 1 days;
    /// @notice Shortest time between two updates of a price by the updater, seconds.
    uint256 public constant PRICE_INTERVAL = 1 minutes;
    /// @notice Gas for each byte of payload: its calldata (EIP-7623's floor) and the copies made of it.
    uint256 public constant GAS_PER_BYTE = 42;
    /// @notice Gas of a refund: recording, `expire`, and its delivery at the source, priced as at the destination.
    uint256 public constant REFUND_OVERHEAD = 250_000;

    /// @dev Prices are in 2^-16 wei.
    uint256 private constant PRICE_SHIFT = 16;

    /// @inheritdoc IGateway
    address public feeUpdater;
    /// @inheritdoc IGateway
    address public feeCollector;

    /// @inheritdoc IGateway
    function send(uint256 destinationChain, bytes32 recipient, uint32 gasLimit, uint64 deadline, bytes calldata payload)
        external
        payable
        returns (uint64 nonce)
    {
        uint64 chain = _chainId(destinationChain);
        (nonce,) = _send(chain, recipient, gasLimit, deadline, payload);
        if (msg.value != 0) {
            uint256 fee = quote(chain, gasLimit, deadline, payload.length);
            if (fee == 0) revert FeeNotNeeded(chain);
            if (msg.value < fee) revert FeeTooLow(msg.value, fee);
            emit FeePaid(chain, _outboxes[chain].generation, nonce, msg.value);
        }
    }

    /// @inheritdoc IGateway
    function payDelivery(uint64 chain, uint64 nonce) external payable {
        Outbox storage box = _outboxes[chain];
        if (box.accumulator == 0) revert LaneNotOpen(chain);
        if (nonce == 0 || nonce > box.nonce) revert UnknownMessage(nonce);
        if (msg.value == 0) revert FeeTooLow(0, 1);
        emit FeePaid(chain, box.generation, nonce, msg.value);
    }

    /// @inheritdoc IGateway
    function quote(uint64 chain, uint32 gasLimit, uint64 deadline, uint256 payloadLength)
        public
        view
        returns (uint256 fee)
    {
        Outbox storage box = _outboxes[chain];
        if (box.gateway == 0) revert LaneNotOpen(chain);
        uint256 price = box.price;
        if (price == 0) return 0;
        if (block.timestamp > box.pricedAt + MAX_PRICE_AGE) revert PriceStale(chain, box.pricedAt);
        uint256 gas = uint256(box.overheadGas) + gasLimit + payloadLength * GAS_PER_BYTE;
        if (deadline != 0) gas += REFUND_OVERHEAD;
        return (gas * price >> PRICE_SHIFT) + 1;
    }

    /// @inheritdoc IGateway
    function collectFees() external {
        address collector = feeCollector;
        uint256 amount = address(this).balance;
        emit FeesCollected(collector, amount);
        if (collector == address(0)) revert CollectorFailed(collector);
        (bool success,) = collector.call{value: amount}("");
        if (!success) revert CollectorFailed(collector);
    }

    /// @param bounded by what the updater may do; the owner is not.
    function _setPrice(uint64 chain, uint80 price, uint32 overheadGas, bool bounded) internal {
        Outbox storage box = _outboxes[chain];
        if (box.gateway == 0) revert LaneNotOpen(chain);
        if (bounded) {
            uint80 present = box.price;
            uint256 earliest = box.pricedAt + PRICE_INTERVAL;
            if (block.timestamp < earliest) revert PriceTooSoon(earliest);
            uint256 step = present / 4;
            if (price > present + step || price < present - step || overheadGas != box.overheadGas) {
                revert PriceStepTooLarge(price, present);
            }
        }
        box.price = price;
        box.pricedAt = uint40(block.timestamp);
        box.overheadGas = overheadGas;
        emit PriceSet(chain, price, overheadGas);
    }

    function _setFeeRoles(address updater, address collector) internal {
        feeUpdater = updater;
        feeCollector = collector;
        emit FeeRolesSet(updater, collector);
    }
}
