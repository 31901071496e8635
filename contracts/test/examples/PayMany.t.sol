// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {PayMany} from "../../src/examples/PayMany.sol";
import {TokenTest} from "../utils/TokenTest.sol";

contract PayManyTest is TokenTest {
    PayMany private payer;

    function setUp() public override {
        super.setUp();
        _register(1);
        _on(0);
        payer = new PayMany(bridges[0]);
        vm.prank(USER);
        token.approve(address(payer), type(uint256).max);
    }

    function _payments(uint256 count) private pure returns (PayMany.Payment[] memory payments) {
        payments = new PayMany.Payment[](count);
        for (uint256 i = 0; i < count; ++i) {
            payments[i] = PayMany.Payment(_pad(address(uint160(0x1000 + i))), i + 1);
        }
    }

    function test_PaysEachAndKeepsNothing() public {
        uint256 before = token.balanceOf(USER);
        vm.prank(USER);
        payer.pay(token, CHAINS[1], _payments(5), ME, 0);
        assertEq(token.balanceOf(USER), before - 15);
        assertEq(token.balanceOf(address(payer)), 0);
        assertEq(token.allowance(address(payer), address(bridges[0])), 0);
        _relay(0, 1);
        for (uint256 i = 0; i < 5; ++i) {
            assertEq(_local(1, _tokenId()).balanceOf(address(uint160(0x1000 + i))), i + 1);
        }
        _assertSolvent(0, _tokenId());
    }

    function test_AllOrNone() public {
        PayMany.Payment[] memory payments = _payments(3);
        payments[2].to = 0;
        vm.prank(USER);
        vm.expectRevert();
        payer.pay(token, CHAINS[1], payments, ME, 0);
        assertEq(token.balanceOf(address(payer)), 0);
    }

    function test_RefusesAnUnevenFee() public {
        vm.deal(USER, 1 ether);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(PayMany.UnevenFee.selector, 7, 3));
        payer.pay{value: 7}(token, CHAINS[1], _payments(3), ME, 0);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(PayMany.UnevenFee.selector, 7, 0));
        payer.pay{value: 7}(token, CHAINS[1], _payments(0), ME, 0);
    }
}
