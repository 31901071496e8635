// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {WrappedToken} from "../../src/token/WrappedToken.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {HookToken} from "../utils/Tokens.sol";

contract ReentrancyTest is BridgeTest {
    bytes32 private constant ME = bytes32(uint256(uint160(USER)));

    /// @dev A hook called while the bridge measures a deposit.
    HookToken private hooked;

    function _hooked(uint256 home, uint256 other) private {
        _on(home);
        hooked = new HookToken(USER, 1000);
        bridges[home].registerToken(address(hooked), CHAINS[other]);
        _execute(home, other);
        _limit(bridges[home].idOf(address(hooked)), home);
        _limit(bridges[home].idOf(address(hooked)), other);
        _on(home);
        vm.prank(USER);
        hooked.approve(address(bridges[home]), type(uint256).max);
    }

    function _limit(bytes32 tokenId, uint256 chain) private {
        _on(chain);
        vm.prank(OWNER);
        bridges[chain].setLimits(tokenId, AMPLE, AMPLE);
    }

    function _execute(uint256 from, uint256 to) private {
        _relay(from, to);
        bytes[] storage messages = sent[_lane(from, to)];
        gateways[to].execute(_remote(from), messages[messages.length - 1]);
    }

    function _depositHooked(uint256 home, uint256 other, uint256 amount) private {
        _on(home);
        vm.prank(USER);
        bridges[home].deposit(address(hooked), amount, CHAINS[other], ME, ME, 0);
    }

    /// @dev Whoever delivers must not be able to make other people's transfers fail by holding the bridge's lock.
    function test_submitterCannotFailTransfersFromWithinADeposit() public {
        _register(1);
        _hooked(1, 0);
        _deposit(0, 1, USER, 100);
        IGateway.Delivery memory victims = _delivery(0, 1, 2, 2, 2);
        hooked.arm(address(gateways[1]), abi.encodeCall(IGateway.deliver, (victims)));
        _depositHooked(1, 0, 1);
        assertEq(WrappedToken(_wrapper(1)).balanceOf(USER), 100);
    }

    /// @dev A release of the very token that is being measured.
    function testFuzz_releaseWithinADepositIsNotCountedAgainstIt(uint256 back, uint256 amount) public {
        back = bound(back, 1, 100);
        amount = bound(amount, 1, 900);
        _hooked(0, 1);
        _depositHooked(0, 1, 100);
        _relay(0, 1);
        bytes32 tokenId = bridges[0].idOf(address(hooked));
        (address wrapper,) = bridges[1].tokenOf(tokenId);
        _on(1);
        vm.prank(USER);
        bridges[1].deposit(wrapper, back, CHAINS[0], ME, ME, 0);
        IGateway.Delivery memory release = _delivery(1, 0, 1, 1, 1);
        hooked.arm(address(gateways[0]), abi.encodeCall(IGateway.deliver, (release)));
        _depositHooked(0, 1, amount);
        assertEq(bridges[0].held(tokenId, CHAINS[1]), 100 - back + amount);
        assertEq(hooked.balanceOf(address(bridges[0])), 100 - back + amount);
    }

    /// @dev Measured twice, the inner deposit would be counted twice.
    function test_noDepositWithinADeposit() public {
        _hooked(0, 1);
        hooked.arm(
            address(bridges[0]), abi.encodeCall(ITokenBridge.deposit, (address(hooked), 1, CHAINS[1], ME, ME, 0))
        );
        _on(0);
        vm.prank(USER);
        vm.expectRevert(ITokenBridge.Reentered.selector);
        bridges[0].deposit(address(hooked), 10, CHAINS[1], ME, ME, 0);
    }
}
