// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC7786Recipient} from "@openzeppelin/contracts/crosschain/ERC7786Recipient.sol";

/// @title The smallest receiving application: keeps the last message and counts them all.
contract MessageBoard is ERC7786Recipient {
    address public immutable gateway;
    uint256 public count;
    bytes public lastSender;
    bytes public lastPayload;

    event Posted(bytes32 indexed id, bytes sender, bytes payload);

    constructor(address gateway_) {
        gateway = gateway_;
    }

    function _isAuthorizedGateway(address caller, bytes calldata) internal view override returns (bool) {
        return caller == gateway;
    }

    function _processMessage(address, bytes32 id, bytes calldata sender, bytes calldata payload) internal override {
        ++count;
        lastSender = sender;
        lastPayload = payload;
        emit Posted(id, sender, payload);
    }
}
