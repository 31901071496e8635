// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Keeps 1 % of every transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        super._update(from, address(0xFEE), value / 100);
        super._update(from, to, value - value / 100);
    }
}

/// @dev A token whose metadata is as long as told.
contract NamedToken is ERC20 {
    constructor(string memory name_, string memory symbol_) ERC20(name_, symbol_) {}
}

/// @dev Makes the call it is armed with, once, before a `transferFrom` (as an ERC-777 sender's hook can).
contract HookToken is ERC20("Hook", "HOOK") {
    address private _target;
    bytes private _call;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        address target = _target;
        _target = address(0);
        if (target != address(0)) {
            (bool success, bytes memory data) = target.call(_call);
            if (!success) {
                assembly {
                    revert(add(data, 0x20), mload(data))
                }
            }
        }
        return super.transferFrom(from, to, value);
    }
}
