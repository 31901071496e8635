// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IRefundRecipient} from "../../src/interfaces/IRefundRecipient.sol";

/// @title Counts messages and refunds apart, and remembers the last refund.
contract RefundLedger is IERC7786Recipient, IRefundRecipient {
    uint256 public messages;
    uint256 public refunds;
    bytes32 public refundId;
    bytes public refundRecipient;
    bytes32 public refundPayloadHash;
    bool public refuses;

    function setRefuses(bool refuses_) external {
        refuses = refuses_;
    }

    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        require(!refuses, "refused");
        ++messages;
        return IERC7786Recipient.receiveMessage.selector;
    }

    function receiveRefund(bytes32 receiveId, bytes calldata recipient, bytes calldata payload)
        external
        returns (bytes4)
    {
        require(!refuses, "refused");
        ++refunds;
        refundId = receiveId;
        refundRecipient = recipient;
        refundPayloadHash = keccak256(payload);
        return IRefundRecipient.receiveRefund.selector;
    }
}
