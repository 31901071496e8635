// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "./BridgeTest.sol";

/// @title What tests of the token bridge have in common: any token, deposits in full, messages by their nonce.
abstract contract TokenTest is BridgeTest {
    bytes32 internal constant ME = bytes32(uint256(uint160(USER)));

    function _pad(address account) internal pure returns (bytes32) {
        return LaneLib.toBytes32(account);
    }

    function _now() internal view returns (uint256) {
        return vm.getBlockTimestamp();
    }

    function _wait(uint256 time) internal {
        vm.warp(_now() + time);
    }

    /// @dev The nearest deadline there can be.
    function _soon() internal view returns (uint64) {
        return uint64(_now() + MIN_DEADLINE);
    }

    /// @dev A deposit of USER for USER, for ever and without a call.
    function _d(address local, uint256 amount, uint256 to) internal view returns (ITokenBridge.Deposit memory) {
        return ITokenBridge.Deposit(local, amount, CHAINS[to], ME, ME, 0, 0, "");
    }

    /// @dev Deposits as USER; returns the nonce.
    function _put(uint256 from, ITokenBridge.Deposit memory d) internal returns (uint64) {
        _on(from);
        vm.prank(USER);
        IERC20(d.token).approve(address(bridges[from]), type(uint256).max);
        vm.prank(USER);
        return bridges[from].depositAndCall(d);
    }

    /// @dev Registers any token from its home on another chain, with limits that nothing reaches.
    function _registerAny(uint256 home, uint256 to, address local) internal returns (bytes32 tokenId) {
        _on(home);
        bridges[home].registerToken(local, CHAINS[to]);
        _relay(home, to);
        _execute(home, to, _count(home, to));
        tokenId = bridges[home].idOf(local);
        _limitOf(tokenId, home, AMPLE, AMPLE);
        _limitOf(tokenId, to, AMPLE, AMPLE);
        _on(home);
    }

    function _limitOf(bytes32 tokenId, uint256 chain, uint128 arrivals, uint128 departures) internal {
        _on(chain);
        vm.prank(OWNER);
        bridges[chain].setLimits(tokenId, arrivals, departures);
    }

    function _pause(uint256 chain, bytes32 tokenId, bool deposits, bool releases) internal {
        _on(chain);
        vm.prank(GUARDIAN);
        bridges[chain].pause(tokenId, deposits, releases);
    }

    function _unpause(uint256 chain, bytes32 tokenId) internal {
        _on(chain);
        vm.prank(OWNER);
        bridges[chain].unpause(tokenId, false, false);
    }

    /// @dev Messages that left on a lane so far.
    function _count(uint256 from, uint256 to) internal returns (uint256) {
        _collect();
        return sent[_lane(from, to)].length;
    }

    function _message(uint256 from, uint256 to, uint256 nonce) internal returns (bytes memory) {
        _collect();
        return sent[_lane(from, to)][nonce - 1];
    }

    function _execute(uint256 from, uint256 to, uint256 nonce) internal {
        bytes memory message = _message(from, to, nonce);
        _on(to);
        gateways[to].execute(_remote(from), message);
    }

    function _expire(uint256 from, uint256 to, uint256 nonce) internal {
        bytes memory message = _message(from, to, nonce);
        _on(to);
        gateways[to].expire(_remote(from), message);
    }

    function _isRecorded(uint256 from, uint256 to, uint256 nonce) internal returns (bool) {
        return gateways[to].isRecorded(_id(from, to, nonce));
    }

    function _id(uint256 from, uint256 to, uint256 nonce) internal returns (bytes32) {
        return LaneLib.fold(_lane(from, to), keccak256(_message(from, to, nonce)));
    }

    function _events(bytes32 topic) internal returns (uint256) {
        _collect();
        return emitted[topic];
    }

    function _local(uint256 chain, bytes32 tokenId) internal view returns (IERC20) {
        (address local,) = bridges[chain].tokenOf(tokenId);
        return IERC20(local);
    }

    /// @dev The vault at home has exactly what it owes: to the chains, to the queue, to claimants.
    function _assertSolvent(uint256 home, bytes32 tokenId) internal view {
        uint256 owed = bridges[home].claimsOf(tokenId);
        (,, uint128 waiting) = bridges[home].queueOf(tokenId);
        owed += waiting;
        for (uint256 i = 0; i < 3; ++i) {
            owed += bridges[home].held(tokenId, CHAINS[i]);
        }
        assertEq(_local(home, tokenId).balanceOf(address(bridges[home])), owed);
    }
}
