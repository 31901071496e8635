// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Another number of decimals than 18.
contract DecimalsToken is ERC20("Decimals", "DEC") {
    uint8 private immutable _decimals;

    constructor(address holder, uint256 supply, uint8 decimals_) {
        _decimals = decimals_;
        _mint(holder, supply);
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }
}

/// @dev As MKR's first token: name and symbol are bytes32; and as USDT: functions return nothing, an approval is only
/// given after the one before was taken back.
contract OldToken {
    bytes32 public constant name = "Old";
    bytes32 public constant symbol = "OLD";
    uint8 public constant decimals = 6;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    constructor(address holder, uint256 supply) {
        balanceOf[holder] = supply;
    }

    function approve(address spender, uint256 value) external {
        require(value == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = value;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        allowance[from][msg.sender] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// @dev As USDC: the issuer can stop all transfers, or those of an account.
contract BlockingToken is ERC20("Blocking", "BLK") {
    bool private _paused;
    mapping(address => bool) private _blocked;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function setPaused(bool paused) external {
        _paused = paused;
    }

    function setBlocked(address account, bool blocked) external {
        _blocked[account] = blocked;
    }

    function _update(address from, address to, uint256 value) internal override {
        require(!_paused && !_blocked[from] && !_blocked[to], "blocked");
        super._update(from, to, value);
    }
}

/// @dev Once told to, burns all the gas that a transfer is given.
contract GreedyToken is ERC20("Greedy", "GRD") {
    bool private _greedy;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function setGreedy() external {
        _greedy = true;
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        while (_greedy) {}
        return super.transfer(to, value);
    }
}

/// @dev Answers one function more than others, as families of rebasing tokens do.
contract RebasingToken is ERC20("Rebasing", "REB") {
    bytes4 private immutable _answered;

    constructor(bytes4 answered) {
        _answered = answered;
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        require(bytes4(data) == _answered);
        return abi.encode(0);
    }
}

/// @dev Balances double when told: a rebasing token that no probe knows.
contract DoublingToken is ERC20("Doubling", "DBL") {
    bool private _armed;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function arm() external {
        _armed = true;
    }

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        if (_armed) _mint(to, balanceOf(to));
        return super.transferFrom(from, to, value);
    }
}

/// @dev Makes the call it is armed with, once, before a `transfer` (as an ERC-777 recipient's hook can).
contract HookedPayoutToken is ERC20("Hooked", "HKD") {
    address private _target;
    bytes private _call;

    constructor(address holder, uint256 supply) {
        _mint(holder, supply);
    }

    function arm(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function transfer(address to, uint256 value) public override returns (bool) {
        address target = _target;
        _target = address(0);
        if (target != address(0)) {
            (bool success,) = target.call(_call);
            require(success, "hook");
        }
        return super.transfer(to, value);
    }
}
