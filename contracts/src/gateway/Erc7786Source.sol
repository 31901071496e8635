// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {LaneLib} from "../libraries/LaneLib.sol";
import {OutboxStore} from "./OutboxStore.sol";

/// @title Sending by ERC-7786, beside the lean native `send`.
/// @notice One attribute is understood: `minGasLimit(uint256)`. Recipients are EVM accounts in ERC-7930 form. No value
/// travels with a message; its delivery is paid for by `payDelivery`.
abstract contract Erc7786Source is IERC7786GatewaySource, OutboxStore {
    /// @notice Gas limit of a message sent without the attribute.
    uint32 public constant DEFAULT_GAS_LIMIT = 200_000;

    bytes4 private constant MIN_GAS_LIMIT = bytes4(keccak256("minGasLimit(uint256)"));

    /// @inheritdoc IERC7786GatewaySource
    function supportsAttribute(bytes4 selector) public pure returns (bool) {
        return selector == MIN_GAS_LIMIT;
    }

    /// @inheritdoc IERC7786GatewaySource
    /// @return sendId keccak256(lane ‖ leaf): the id under which the message is received.
    function sendMessage(bytes calldata recipient, bytes calldata payload, bytes[] calldata attributes)
        external
        payable
        returns (bytes32 sendId)
    {
        if (msg.value != 0) revert ValueNotSupported();
        (uint256 anyChain, address account) = InteroperableAddress.parseEvmV1Calldata(recipient);
        uint64 chain = _chainId(anyChain);
        (, bytes32 leaf) = _send(chain, LaneLib.toBytes32(account), _gasLimit(attributes), 0, payload);
        sendId = LaneLib.fold(_outboundLane(chain), leaf);
        emit MessageSent(
            sendId, InteroperableAddress.formatEvmV1(block.chainid, msg.sender), recipient, payload, 0, attributes
        );
    }

    function _gasLimit(bytes[] calldata attributes) private pure returns (uint32 gasLimit) {
        gasLimit = DEFAULT_GAS_LIMIT;
        for (uint256 i = 0; i < attributes.length; ++i) {
            bytes calldata attribute = attributes[i];
            bytes4 selector = attribute.length < 4 ? bytes4(0) : bytes4(attribute[:4]);
            if (!supportsAttribute(selector) || attribute.length != 36) revert UnsupportedAttribute(selector);
            uint256 value = uint256(bytes32(attribute[4:36]));
            if (value > type(uint32).max) revert InvalidGasLimit(value);
            gasLimit = uint32(value);
        }
    }
}
