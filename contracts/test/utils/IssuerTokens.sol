// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Bridgeable} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC20Bridgeable.sol";

/// @dev ERC-7802, as OpenZeppelin implements it, with any number of decimals.
contract Erc7802Token is ERC20Bridgeable {
    address private immutable _bridge;
    uint8 private immutable _decimals;

    error NotBridge();

    constructor(address bridge, uint8 decimals_) ERC20("Issued", "ISS") {
        _bridge = bridge;
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function _checkTokenBridge(address caller) internal view override {
        if (caller != _bridge) revert NotBridge();
    }
}

/// @dev ERC-7281: limits per bridge, which refill over a day; a bridge burns by the holder's allowance.
contract XErc20Token is ERC20("XToken", "XT") {
    struct Bucket {
        uint256 max;
        uint256 left;
        uint256 since;
    }

    uint256 private constant DURATION = 1 days;
    mapping(address bridge => Bucket) private _minting;
    mapping(address bridge => Bucket) private _burning;

    error IXERC20_NotHighEnoughLimits();

    function setLimits(address bridge, uint256 minting, uint256 burning) external {
        _minting[bridge] = Bucket(minting, minting, block.timestamp);
        _burning[bridge] = Bucket(burning, burning, block.timestamp);
    }

    function mint(address user, uint256 amount) external {
        _use(_minting[msg.sender], amount);
        _mint(user, amount);
    }

    function burn(address user, uint256 amount) external {
        if (msg.sender != user) _spendAllowance(user, msg.sender, amount);
        _use(_burning[msg.sender], amount);
        _burn(user, amount);
    }

    function mintingCurrentLimitOf(address bridge) external view returns (uint256) {
        return _current(_minting[bridge]);
    }

    function burningCurrentLimitOf(address bridge) external view returns (uint256) {
        return _current(_burning[bridge]);
    }

    function _current(Bucket storage bucket) private view returns (uint256 left) {
        left = bucket.left + bucket.max * (block.timestamp - bucket.since) / DURATION;
        if (left > bucket.max) left = bucket.max;
    }

    function _use(Bucket storage bucket, uint256 amount) private {
        uint256 left = _current(bucket);
        if (left < amount) revert IXERC20_NotHighEnoughLimits();
        (bucket.left, bucket.since) = (left - amount, block.timestamp);
    }
}
