// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {ITokenBridge} from "../interfaces/ITokenBridge.sol";

/// @title Pays many people on another chain in one transaction: the transaction, the outbox's slots and the approval are
/// paid for once. Holds nothing between calls.
contract PayMany {
    using SafeERC20 for IERC20;

    /// @notice One payment: an account on the other chain, and units in the token's own decimals.
    struct Payment {
        bytes32 to;
        uint256 amount;
    }

    /// @notice The value must be a multiple of the number of payments: each carries the same fee.
    error UnevenFee(uint256 value, uint256 payments);

    ITokenBridge public immutable BRIDGE;

    constructor(ITokenBridge bridge) {
        BRIDGE = bridge;
    }

    /// @notice Takes the sum from the caller and deposits each payment; all of them, or none.
    /// @param refundTo gets back what is not delivered by `deadline`.
    function pay(IERC20 token, uint64 chain, Payment[] calldata payments, bytes32 refundTo, uint64 deadline)
        external
        payable
    {
        uint256 sum;
        for (uint256 i = 0; i < payments.length; ++i) {
            sum += payments[i].amount;
        }
        uint256 fee = payments.length == 0 ? 0 : msg.value / payments.length;
        if (fee * payments.length != msg.value) {
            revert UnevenFee(msg.value, payments.length);
        }
        token.safeTransferFrom(msg.sender, address(this), sum);
        token.forceApprove(address(BRIDGE), sum);
        for (uint256 i = 0; i < payments.length; ++i) {
            BRIDGE.deposit{value: fee}(address(token), payments[i].amount, chain, payments[i].to, refundTo, deadline);
        }
    }
}
