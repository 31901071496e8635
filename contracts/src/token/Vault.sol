// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC7802} from "@openzeppelin/contracts/interfaces/draft-IERC7802.sol";

import {IWrappedNative, IXErc20} from "../interfaces/IExternal.sol";
import {TokenRegistry} from "./TokenRegistry.sol";
import {WrappedToken} from "./WrappedToken.sol";

/// @title How tokens of each kind are taken in and handed out. What the bridge holds is held here.
abstract contract Vault is TokenRegistry {
    using SafeERC20 for IERC20;

    /// @notice Gas handed to a recipient of native coin: a smart account's bookkeeping, but no more.
    uint256 public constant NATIVE_GAS = 30_000;

    /// @notice The wrapped native coin of this chain; zero: native coin is not bridged.
    address public immutable wrappedNative;

    /// @dev The token whose deposit is being measured: its transfer hook must not come back in with another deposit.
    /// It may come back with a delivery, which must not fail for it (whoever delivers would choose what fails); what
    /// that pays out of the same token is added to the measure.
    address private transient _measuring;
    uint256 private transient _releasedMeanwhile;

    constructor(address wrappedNative_) {
        wrappedNative = wrappedNative_;
    }

    /// @dev Only what is unwrapped comes in as coin.
    receive() external payable {
        if (msg.sender != wrappedNative) revert NotVault();
    }

    /// @dev Around a transfer of a vault token to this contract.
    function _beginMeasure(address token) internal returns (uint256 before) {
        if (_measuring != address(0)) revert Reentered();
        _measuring = token;
        return IERC20(token).balanceOf(address(this));
    }

    /// @return arrived what the vault has more than before. A token whose balances grow by themselves is refused.
    function _endMeasure(address token, uint256 before, uint256 amount) internal returns (uint128 arrived) {
        uint256 released = _releasedMeanwhile;
        uint256 difference = IERC20(token).balanceOf(address(this)) + released - before;
        _measuring = address(0);
        if (released != 0) _releasedMeanwhile = 0;
        if (difference > amount) revert RebasingToken(token);
        return _amount(difference);
    }

    /// @dev Takes the caller's tokens by allowance, or burns them.
    /// @return counted in home units.
    function _take(address local, Kind kind, uint8 scale, uint256 amount) internal returns (uint128 counted) {
        if (kind == Kind.Vault) {
            uint256 before = _beginMeasure(local);
            IERC20(local).safeTransferFrom(msg.sender, address(this), amount);
            return _endMeasure(local, before, amount);
        }
        uint256 unit = 10 ** scale;
        if (amount % unit != 0) revert Dust(unit);
        counted = _amount(amount / unit);
        if (kind == Kind.Wrapper) WrappedToken(local).burn(msg.sender, amount);
        else if (kind == Kind.Erc7802) IERC7802(local).crosschainBurn(msg.sender, amount);
        else IXErc20(local).burn(msg.sender, amount);
    }

    /// @dev Hands out tokens. Native coin that its recipient does not take stays here, wrapped.
    /// @param amount in home units.
    /// @return done false if the token or the recipient refused; nothing has moved then.
    function _payOut(Token memory token, address to, uint128 amount) internal returns (bool done) {
        if (token.kind == Kind.Vault) {
            if (token.local == wrappedNative) return _payNative(to, amount);
            done = IERC20(token.local).trySafeTransfer(to, amount);
            if (done && token.local == _measuring) _releasedMeanwhile += amount;
            return done;
        }
        uint256 units = uint256(amount) * 10 ** token.scale;
        bytes memory data = token.kind == Kind.Erc7802
            ? abi.encodeCall(IERC7802.crosschainMint, (to, units))
            : abi.encodeCall(IXErc20.mint, (to, units));
        address local = token.local;
        assembly ("memory-safe") {
            done := call(gas(), local, 0, add(data, 0x20), mload(data), 0x00, 0x00)
        }
        // A linked token's code was there when it was linked; if it is gone, nothing was minted.
        if (done && token.kind != Kind.Wrapper) done = local.code.length != 0;
    }

    /// @dev As wrapped coin, which its recipient cannot refuse.
    function _payWrapped(address to, uint128 amount) internal returns (bool done) {
        done = IERC20(wrappedNative).trySafeTransfer(to, amount);
        if (done && wrappedNative == _measuring) _releasedMeanwhile += amount;
    }

    function _amount(uint256 amount) internal pure returns (uint128) {
        if (amount == 0 || amount > type(uint128).max) revert InvalidAmount();
        return uint128(amount);
    }

    function _payNative(address to, uint128 amount) private returns (bool done) {
        IWrappedNative(wrappedNative).withdraw(amount);
        uint256 stipend = NATIVE_GAS;
        assembly ("memory-safe") {
            done := call(stipend, to, amount, 0x00, 0x00, 0x00, 0x00)
        }
        if (!done) IWrappedNative(wrappedNative).deposit{value: amount}();
        else if (wrappedNative == _measuring) _releasedMeanwhile += amount;
    }
}
