// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Vm} from "../utils/Vm.sol";

/// @dev Takes fees, unless told not to.
contract Collector {
    bool public closed;

    function setClosed(bool closed_) external {
        closed = closed_;
    }

    receive() external payable {
        require(!closed, "closed");
    }
}

contract FeesTest is BridgeTest {
    bytes32 private constant TO = bytes32(uint256(0x1234));
    uint256 private constant NOW = 1_000_000;
    /// @dev 3 wei for a unit of gas.
    uint80 private constant PRICE = 3 << 16;
    uint32 private constant OVERHEAD = 60_000;
    address private constant UPDATER = address(0x09DA7E);
    Collector private collector;

    function setUp() public override {
        super.setUp();
        collector = new Collector();
        _on(0);
        vm.warp(NOW);
        vm.startPrank(OWNER);
        gateways[0].setPrice(CHAINS[1], PRICE, OVERHEAD);
        gateways[0].setFeeRoles(UPDATER, address(collector));
        vm.stopPrank();
    }

    function _quote(uint32 gasLimit, uint64 deadline, uint256 length) private view returns (uint256) {
        return gateways[0].quote(CHAINS[1], gasLimit, deadline, length);
    }

    function _pay(uint256 value) private returns (uint64) {
        return gateways[0].send{value: value}(CHAINS[1], TO, 100_000, 0, "12345");
    }

    function _setPrice(uint80 price) private {
        vm.prank(UPDATER);
        gateways[0].setPrice(CHAINS[1], price, OVERHEAD);
    }

    /// @dev The sum of `FeePaid` for one message since the last call.
    function _paidFor(uint64 nonce) private returns (uint256 total) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGateway.FeePaid.selector || uint256(logs[i].topics[3]) != nonce) continue;
            assertEq(uint256(logs[i].topics[1]), CHAINS[1]);
            assertEq(uint256(logs[i].topics[2]), 1);
            total += abi.decode(logs[i].data, (uint256));
        }
    }

    function test_quoteCountsGasBytesAndTheRefund() public view {
        assertEq(_quote(0, 0, 0), 3 * 60_000 + 1);
        assertEq(_quote(100_000, 0, 0), 3 * 160_000 + 1);
        assertEq(_quote(100_000, 0, 10), 3 * (160_000 + 420) + 1);
        assertEq(_quote(100_000, 1, 10), 3 * (160_000 + 420 + 250_000) + 1);
    }

    function test_quoteOfAnUnknownChainIsRefused() public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, 77));
        gateways[0].quote(77, 0, 0, 0);
    }

    function test_unpaidSendIsAccepted() public {
        assertEq(_pay(0), 1);
        assertEq(_paidFor(1), 0);
    }

    function test_paidSendNeedsTheWholeFee() public {
        uint256 fee = _quote(100_000, 0, 5);
        vm.expectRevert(abi.encodeWithSelector(IGateway.FeeTooLow.selector, fee - 1, fee));
        _pay(fee - 1);
        assertEq(_pay(fee), 1);
        assertEq(_paidFor(1), fee);
        // What is above the fee is kept, and counted.
        assertEq(_pay(fee + 7), 2);
        assertEq(_paidFor(2), fee + 7);
        assertEq(address(gateways[0]).balance, 2 * fee + 7);
    }

    function test_deadlineMakesTheMinimumDearer() public {
        uint256 fee = _quote(100_000, 0, 5);
        uint64 deadline = uint64(NOW + MIN_DEADLINE);
        vm.expectPartialRevert(IGateway.FeeTooLow.selector);
        gateways[0].send{value: fee}(CHAINS[1], TO, 100_000, deadline, "12345");
        gateways[0].send{value: fee + 3 * 250_000}(CHAINS[1], TO, 100_000, deadline, "12345");
    }

    function test_freeChainRefusesValue() public {
        assertEq(gateways[0].quote(CHAINS[2], 100_000, 1, 10_240), 0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.FeeNotNeeded.selector, CHAINS[2]));
        gateways[0].send{value: 1}(CHAINS[2], TO, 100_000, 0, "");
        gateways[0].send(CHAINS[2], TO, 100_000, 0, "");
    }

    function test_deliveryCanBePaidLaterByAnyoneAndAddedTo() public {
        _pay(0);
        payable(USER).transfer(10);
        vm.prank(USER);
        gateways[0].payDelivery{value: 4}(CHAINS[1], 1);
        gateways[0].payDelivery{value: 5}(CHAINS[1], 1);
        assertEq(_paidFor(1), 9);
    }

    function test_payDeliveryRefusesUnknownMessagesAndNothing() public {
        vm.expectRevert(abi.encodeWithSelector(IGateway.UnknownMessage.selector, 1));
        gateways[0].payDelivery{value: 1}(CHAINS[1], 1);
        _pay(0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.UnknownMessage.selector, 0));
        gateways[0].payDelivery{value: 1}(CHAINS[1], 0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.FeeTooLow.selector, 0, 1));
        gateways[0].payDelivery(CHAINS[1], 1);
    }

    function test_stalePriceRefusesQuotesAndPaidSendsButNotUnpaidOnes() public {
        uint256 fee = _quote(100_000, 0, 5);
        vm.warp(NOW + 1 days);
        _pay(fee);
        vm.warp(NOW + 1 days + 1);
        bytes memory stale = abi.encodeWithSelector(IGateway.PriceStale.selector, CHAINS[1], NOW);
        vm.expectRevert(stale);
        _quote(100_000, 0, 5);
        vm.expectRevert(stale);
        _pay(fee);
        assertEq(_pay(0), 2);
        gateways[0].payDelivery{value: 1}(CHAINS[1], 2);
        // The updater brings it back.
        _setPrice(PRICE);
        _pay(fee);
    }

    function test_feesGoToTheCollectorWhoeverAsks() public {
        _pay(_quote(100_000, 0, 5));
        uint256 held = address(gateways[0]).balance;
        vm.prank(USER);
        gateways[0].collectFees();
        assertEq(address(collector).balance, held);
        assertEq(address(gateways[0]).balance, 0);
        assertEq(USER.balance, 0);
    }

    function test_failingOrMissingCollectorLeavesTheFeesWhereTheyAre() public {
        _pay(_quote(100_000, 0, 5));
        uint256 held = address(gateways[0]).balance;
        collector.setClosed(true);
        vm.expectRevert(abi.encodeWithSelector(IGateway.CollectorFailed.selector, address(collector)));
        gateways[0].collectFees();
        vm.prank(OWNER);
        gateways[0].setFeeRoles(UPDATER, address(0));
        vm.expectRevert(abi.encodeWithSelector(IGateway.CollectorFailed.selector, address(0)));
        gateways[0].collectFees();
        assertEq(address(gateways[0]).balance, held);
    }

    function testFuzz_feesInAreFeesOutAndHeld(uint256 seed) public {
        uint256 paid = 0;
        uint64 messages = 0;
        for (uint256 i = 0; i < 12; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 value = _quote(100_000, 0, 5) + (seed >> 8) % 1e18;
            if (seed % 4 == 0 || messages == 0) {
                messages = _pay(value);
                paid += value;
            } else if (seed % 4 == 1) {
                gateways[0].payDelivery{value: value}(CHAINS[1], uint64((seed >> 100) % messages) + 1);
                paid += value;
            } else if (seed % 4 == 2) {
                gateways[0].collectFees();
            } else {
                vm.expectPartialRevert(IGateway.FeeTooLow.selector);
                _pay(1);
            }
            assertEq(address(gateways[0]).balance + address(collector).balance, paid);
        }
    }

    function testFuzz_roundingIsNeverFree(uint80 price, uint32 overhead, uint32 gasLimit, uint16 length) public {
        price = uint80(bound(price, 1, type(uint80).max));
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], price, overhead);
        uint256 fee = _quote(gasLimit, 0, length);
        // fee is above gas × price, by one wei at most.
        uint256 exact = (uint256(overhead) + gasLimit + uint256(length) * 42) * price;
        assertTrue(fee << 16 > exact, "covers the price");
        assertTrue((fee - 1) << 16 <= exact, "by one wei at most");
    }

    function test_largestValuesDoNotOverflow() public {
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], type(uint80).max, type(uint32).max);
        uint256 gas = 2 * uint256(type(uint32).max) + 10_240 * 42 + 250_000;
        assertEq(_quote(type(uint32).max, type(uint64).max, 10_240), ((gas * uint256(type(uint80).max)) >> 16) + 1);
        vm.expectRevert();
        _quote(0, 0, type(uint256).max);
    }
}
