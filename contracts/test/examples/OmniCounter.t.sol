// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {OmniCounter} from "../../src/examples/OmniCounter.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

contract OmniCounterTest is BridgeTest {
    uint256 private constant NOW = 1_000_000;
    OmniCounter[2] private counters;

    function setUp() public override {
        super.setUp();
        vm.warp(NOW);
        for (uint256 i = 0; i < 2; ++i) {
            counters[i] = new OmniCounter(gateways[i], OWNER);
        }
        vm.startPrank(OWNER);
        counters[0].link(CHAINS[1], address(counters[1]));
        counters[1].link(CHAINS[0], address(counters[0]));
        vm.stopPrank();
        _on(0);
    }

    function _price(uint256 chain, uint256 to) private {
        vm.prank(OWNER);
        gateways[chain].setPrice(CHAINS[to], 1 << 16, 60_000);
    }

    function _ask() private {
        _on(0);
        vm.prank(OWNER);
        counters[0].ask(CHAINS[1]);
        _relay(0, 1);
        _relay(1, 0);
    }

    function test_anyoneIncrementsOnAnotherChain() public {
        counters[0].increment(CHAINS[1]);
        vm.prank(USER);
        counters[0].increment(CHAINS[1]);
        _relay(0, 1);
        assertEq(counters[1].count(), 2);
        assertEq(counters[0].count(), 0);
    }

    function test_valueComesBackWhenAsked() public {
        counters[0].increment(CHAINS[1]);
        counters[0].increment(CHAINS[1]);
        _ask();
        assertEq(counters[0].answerOf(CHAINS[1]), 2);
    }

    function test_questionAndAnswerArePaidFor() public {
        _price(0, 1);
        _price(1, 0);
        uint256 fee = counters[0].fee(CHAINS[1]);
        payable(address(counters[1])).transfer(10 * fee);
        payable(OWNER).transfer(2 * fee);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(OmniCounter.FeeTooLow.selector, fee - 1, fee));
        counters[0].ask{value: fee - 1}(CHAINS[1]);
        // Forge records the events of reverted calls, too.
        vm.getRecordedLogs();
        vm.prank(OWNER);
        counters[0].ask{value: fee}(CHAINS[1]);
        assertEq(address(gateways[0]).balance, fee);
        _relay(0, 1);
        uint256 answerFee = counters[1].fee(CHAINS[0]);
        assertEq(address(gateways[1]).balance, answerFee);
        assertEq(address(counters[1]).balance, 10 * fee - answerFee);
    }

    function test_answerLeavesWithoutMoneyAndWithAStalePrice() public {
        _price(1, 0);
        counters[0].increment(CHAINS[1]);
        _ask();
        assertEq(counters[0].answerOf(CHAINS[1]), 1);
        payable(address(counters[1])).transfer(1 ether);
        vm.warp(NOW + 2 days);
        counters[0].increment(CHAINS[1]);
        _on(0);
        _ask();
        assertEq(address(counters[1]).balance, 1 ether);
        assertEq(address(gateways[1]).balance, 0);
    }

    function test_onlyTheOwnerSpendsTheCounterpartsMoney() public {
        vm.expectRevert();
        counters[0].ask(CHAINS[1]);
        payable(address(counters[0])).transfer(5);
        vm.expectRevert();
        counters[0].withdraw(payable(USER));
        vm.prank(OWNER);
        counters[0].withdraw(payable(USER));
        assertEq(USER.balance, 5);
    }

    function test_freeChainRefusesValue() public {
        vm.expectRevert(OmniCounter.FeeNotNeeded.selector);
        counters[0].increment{value: 1}(CHAINS[1]);
    }

    function test_strangersAreNotHeard() public {
        bytes memory payload = abi.encode(OmniCounter.Action.Increment, 0);
        bytes memory peer = InteroperableAddress.formatEvmV1(CHAINS[0], address(counters[0]));
        vm.expectRevert();
        counters[1].receiveMessage(0, peer, payload);
        vm.prank(USER);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(counters[1])), 200_000, 0, payload);
        _relay(0, 1);
        assertEq(counters[1].count(), 0);
    }
}
