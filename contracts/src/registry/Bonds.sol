// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20, SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

import {IValidatorRegistry} from "../interfaces/IValidatorRegistry.sol";

/// @title What is held: bonds, and what is due to accounts.
/// @notice What came in is held or was paid out: `held` = the sum of all bonds and of all dues.
abstract contract Bonds is IValidatorRegistry {
    using SafeERC20 for IERC20;

    mapping(address key => Validator) internal _validators;
    /// @inheritdoc IValidatorRegistry
    mapping(address account => uint256) public due;

    /// @notice Zero: bonds are native coin.
    IERC20 public immutable bondToken;
    /// @notice All bonds and dues.
    uint256 public held;

    constructor(IERC20 bondToken_) {
        bondToken = bondToken_;
    }

    /// @inheritdoc IValidatorRegistry
    function claim(address account) external {
        uint256 amount = due[account];
        if (amount == 0) revert NothingToClaim(account);
        // Cleared before anything is called.
        due[account] = 0;
        held -= amount;
        emit Claimed(account, amount);
        if (address(bondToken) == address(0)) Address.sendValue(payable(account), amount);
        else bondToken.safeTransfer(account, amount);
    }

    /// @dev Takes `amount` from the caller and adds what has arrived to a bond.
    function _addToBond(address key, uint128 amount) internal {
        uint256 arrived = amount;
        if (address(bondToken) == address(0)) {
            if (msg.value != amount) revert WrongValue(msg.value, amount);
        } else {
            if (msg.value != 0) revert WrongValue(msg.value, 0);
            uint256 before = bondToken.balanceOf(address(this));
            bondToken.safeTransferFrom(msg.sender, address(this), amount);
            arrived = bondToken.balanceOf(address(this)) - before;
            // A token that hands over more than was asked for is none that we can count.
            if (arrived > amount) revert WrongValue(arrived, amount);
        }
        held += arrived;
        Validator storage record = _validators[key];
        record.bond += uint128(arrived);
        emit Bonded(key, uint128(arrived), record.bond);
    }

    /// @dev Makes a whole bond due to an account.
    function _freeBond(address key, address account) internal returns (uint128 amount) {
        amount = _validators[key].bond;
        _validators[key].bond = 0;
        due[account] += amount;
    }
}
