// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

/// @dev Who may set prices, and how far.
contract PricesTest is BridgeTest {
    uint256 private constant NOW = 1_000_000;
    /// @dev 3 wei for a unit of gas.
    uint80 private constant PRICE = 3 << 16;
    uint32 private constant OVERHEAD = 60_000;
    address private constant UPDATER = address(0x09DA7E);
    address private constant COLLECTOR = address(0xC011EC7);

    function setUp() public override {
        super.setUp();
        _on(0);
        vm.warp(NOW);
        vm.startPrank(OWNER);
        gateways[0].setPrice(CHAINS[1], PRICE, OVERHEAD);
        gateways[0].setFeeRoles(UPDATER, COLLECTOR);
        vm.stopPrank();
    }

    function _setPrice(uint80 price) private {
        vm.prank(UPDATER);
        gateways[0].setPrice(CHAINS[1], price, OVERHEAD);
    }

    function test_ownerSetsAnyPriceAtAnyTime() public {
        vm.startPrank(OWNER);
        gateways[0].setPrice(CHAINS[1], PRICE * 100, 7);
        assertEq(gateways[0].quote(CHAINS[1], 0, 0, 0), 7 * 300 + 1);
        gateways[0].setPrice(CHAINS[1], 0, 0);
        assertEq(gateways[0].quote(CHAINS[1], 0, 0, 0), 0);
    }

    function test_updaterMovesThePriceByAtMostAQuarter() public {
        uint80 quarter = PRICE / 4;
        vm.warp(NOW + 1 minutes);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PriceStepTooLarge.selector, PRICE + quarter + 1, PRICE));
        _setPrice(PRICE + quarter + 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PriceStepTooLarge.selector, PRICE - quarter - 1, PRICE));
        _setPrice(PRICE - quarter - 1);
        _setPrice(PRICE + quarter);
        assertEq(gateways[0].outbox(CHAINS[1]).price, PRICE + quarter);
    }

    function test_updaterMovesThePriceOnceAMinute() public {
        vm.warp(NOW + 1 minutes - 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PriceTooSoon.selector, NOW + 1 minutes));
        _setPrice(PRICE);
        vm.warp(NOW + 1 minutes);
        _setPrice(PRICE - PRICE / 4);
        vm.expectRevert(abi.encodeWithSelector(IGateway.PriceTooSoon.selector, NOW + 2 minutes));
        _setPrice(PRICE);
    }

    function test_updaterLeavesOverheadAndFreeChainsAlone() public {
        vm.warp(NOW + 1 minutes);
        vm.startPrank(UPDATER);
        vm.expectPartialRevert(IGateway.PriceStepTooLarge.selector);
        gateways[0].setPrice(CHAINS[1], PRICE, OVERHEAD + 1);
        vm.expectPartialRevert(IGateway.PriceStepTooLarge.selector);
        gateways[0].setPrice(CHAINS[2], 1, 0);
    }

    /// @dev However often the updater lowers a price, the chain does not become free.
    function testFuzz_updaterNeverMakesAChainFree(uint80 price) public {
        price = uint80(bound(price, 1, type(uint80).max));
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], price, OVERHEAD);
        vm.warp(NOW + 1 minutes);
        vm.expectPartialRevert(IGateway.PriceStepTooLarge.selector);
        _setPrice(0);
    }

    function test_updaterLowersEvenTheHighestPrice() public {
        uint80 price = type(uint80).max;
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], price, OVERHEAD);
        vm.warp(NOW + 1 minutes);
        _setPrice(price - price / 4);
        assertEq(gateways[0].outbox(CHAINS[1]).price, price - price / 4);
    }

    function test_othersSetNoPriceAndNoRoles() public {
        vm.startPrank(USER);
        vm.expectRevert(IGateway.NotFeeUpdater.selector);
        gateways[0].setPrice(CHAINS[1], PRICE, OVERHEAD);
        vm.expectRevert();
        gateways[0].setFeeRoles(USER, USER);
        vm.stopPrank();
        vm.prank(UPDATER);
        vm.expectRevert();
        gateways[0].setFeeRoles(UPDATER, UPDATER);
        assertEq(gateways[0].feeUpdater(), UPDATER);
        assertEq(gateways[0].feeCollector(), COLLECTOR);
    }

    function test_priceOfAnUnknownChainIsRefused() public {
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, 77));
        gateways[0].setPrice(77, PRICE, OVERHEAD);
    }
}
