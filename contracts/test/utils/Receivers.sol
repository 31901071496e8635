// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";

/// @title Receivers that behave in one way each.
contract Counter is IERC7786Recipient {
    uint256 public count;
    bytes32 public lastId;
    bytes public lastSender;
    bytes public lastPayload;
    uint256 public lastGas;

    function receiveMessage(bytes32 id, bytes calldata sender, bytes calldata payload)
        external
        payable
        returns (bytes4)
    {
        lastGas = gasleft();
        ++count;
        lastId = id;
        lastSender = sender;
        lastPayload = payload;
        return IERC7786Recipient.receiveMessage.selector;
    }
}

/// @dev Remembers every id it was called with.
contract Ledger is IERC7786Recipient {
    mapping(bytes32 id => bool) public seen;
    uint256 public count;
    bool public ranTwice;

    function receiveMessage(bytes32 id, bytes calldata, bytes calldata) external payable returns (bytes4) {
        if (seen[id]) ranTwice = true;
        seen[id] = true;
        ++count;
        return IERC7786Recipient.receiveMessage.selector;
    }
}

contract NoOp is IERC7786Recipient {
    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        return IERC7786Recipient.receiveMessage.selector;
    }
}

contract Reverter is IERC7786Recipient {
    bool public open;

    function setOpen(bool open_) external {
        open = open_;
    }

    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        require(open, "closed");
        return IERC7786Recipient.receiveMessage.selector;
    }
}

contract WrongSelector {
    fallback() external {
        assembly {
            mstore(0, 1)
            return(0, 32)
        }
    }
}

/// @dev Returns a megabyte of data, by revert or by return.
contract ReturnBomb {
    bool private immutable _reverts;

    constructor(bool reverts) {
        _reverts = reverts;
    }

    fallback() external {
        bool reverts = _reverts;
        assembly {
            if reverts { revert(0, 20000) }
            return(0, 20000)
        }
    }
}

contract GasBurner {
    fallback() external {
        while (true) {}
    }
}

/// @dev Calls back into `deliver` or `execute` with what it was told.
contract Reenterer is IERC7786Recipient {
    IGateway private immutable _gateway;
    bytes private _call;
    bytes public result;

    constructor(IGateway gateway) {
        _gateway = gateway;
    }

    function arm(bytes calldata call) external {
        _call = call;
    }

    function receiveMessage(bytes32, bytes calldata, bytes calldata) external payable returns (bytes4) {
        (bool success, bytes memory data) = address(_gateway).call(_call);
        require(!success);
        result = data;
        return IERC7786Recipient.receiveMessage.selector;
    }
}
