// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BridgeERC20} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC20.sol";
import {BridgeERC7802} from "@openzeppelin/contracts/crosschain/bridges/BridgeERC7802.sol";
import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";
import {ERC20Crosschain} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Crosschain.sol";

/// @title OpenZeppelin's cross-chain contracts as they are, with a public way to link them.
abstract contract Linkable is CrosschainLinked {
    function link(address gateway, bytes memory counterpart) external {
        _setLink(gateway, counterpart, false);
    }
}

contract LockingBridge is BridgeERC20, Linkable {
    constructor(IERC20 token_) BridgeERC20(token_) CrosschainLinked(new Link[](0)) {}
}

contract MintingBridge is BridgeERC7802, Linkable {
    constructor(IERC7802 token_) BridgeERC7802(token_) CrosschainLinked(new Link[](0)) {}
}

contract CrosschainToken is ERC20Crosschain, Linkable {
    constructor(address holder, uint256 supply) ERC20("Crosschain", "XC") CrosschainLinked(new Link[](0)) {
        _mint(holder, supply);
    }
}

contract BridgeableToken is ERC20Bridgeable {
    address private _bridge;

    constructor() ERC20("Bridgeable", "BR") {}

    function setBridge(address bridge) external {
        require(_bridge == address(0));
        _bridge = bridge;
    }

    function _checkTokenBridge(address caller) internal view override {
        require(caller == _bridge, "bridge");
    }
}

/// @dev Sends any payload to its counterpart, and keeps what comes.
contract Pen is Linkable {
    bytes public received;
    bytes32 public receivedId;

    constructor() CrosschainLinked(new Link[](0)) {}

    function write(bytes memory chain, bytes memory payload, bytes[] memory attributes) external returns (bytes32) {
        return _sendMessageToCounterpart(chain, payload, attributes);
    }

    function _processMessage(address, bytes32 id, bytes calldata, bytes calldata payload) internal override {
        received = payload;
        receivedId = id;
    }
}
