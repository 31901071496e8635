// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ITokenReceiver} from "../../src/interfaces/ITokenReceiver.sol";

/// @title Recipients of tokens and coin that behave in one way each.
contract CoinRefuser {}

contract CoinBurner {
    receive() external payable {
        while (true) {}
    }
}

/// @dev Makes the call it is armed with whenever coin or tokens arrive, with all the gas it has.
contract Callback is ITokenReceiver {
    address private _target;
    bytes private _call;
    bool public called;
    bool public succeeded;

    function arm(address target, bytes calldata call) external {
        (_target, _call, called) = (target, call, false);
    }

    receive() external payable {
        (bool success,) = _target.call(_call);
        // Only 30,000 gas come with coin: nothing can be kept but this, transiently.
        if (success) revert("re-entered");
    }

    function onTokensReceived(bytes32, address, uint256, uint64, bytes32, bytes calldata) external {
        called = true;
        (succeeded,) = _target.call(_call);
    }
}

/// @dev Keeps what it was told.
contract TokenSink is ITokenReceiver {
    uint256 public count;
    bytes32 public told;
    uint256 public gasGiven;

    function onTokensReceived(
        bytes32 id,
        address token,
        uint256 amount,
        uint64 sourceChain,
        bytes32 from,
        bytes calldata data
    ) external {
        gasGiven = gasleft();
        ++count;
        told = keccak256(abi.encode(msg.sender, id, token, amount, sourceChain, from, data));
    }
}

contract TokenReverter {
    fallback() external payable {
        revert("no");
    }
}
