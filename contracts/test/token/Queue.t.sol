// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {GreedyToken} from "../utils/OddTokens.sol";
import {TokenTest} from "../utils/TokenTest.sol";

contract QueueTest is TokenTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _register(1);
        id = _tokenId();
        _deposit(0, 1, USER, 1000);
        _relay(0, 1);
        _wait(WINDOW);
        _limit(0, 100, 0);
    }

    function _home(uint256 amount, address to) private {
        ITokenBridge.Deposit memory d = _d(_wrapper(1), amount, 0);
        d.to = _pad(to);
        _put(1, d);
        _relay(1, 0);
        _assertSolvent(0, id);
    }

    function test_withinTheLimitPassesAboveItWaits() public {
        _home(100, address(1001));
        assertEq(token.balanceOf(address(1001)), 100);
        _home(1, address(1002));
        assertEq(token.balanceOf(address(1002)), 0);
        ITokenBridge.Queued memory entry = bridges[0].queuedAt(id, 0);
        assertEq(entry.to, address(1002));
        assertEq(entry.amount, 1);
        assertEq(entry.sourceChain, CHAINS[1]);
        assertEq(entry.releaseAt, _now() + WINDOW);
        assertEq(bridges[0].held(id, CHAINS[1]), 899);
    }

    function test_anyoneReleasesInOrderAndNotBeforeTime() public {
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.QueueEmpty.selector, id));
        bridges[0].release(id, "");
        _home(200, address(1001));
        _wait(WINDOW / 4);
        _home(300, address(1002));
        _wait(3 * WINDOW / 4 - 1);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotYet.selector, _now() + 1));
        bridges[0].release(id, "");
        _wait(1);
        vm.prank(address(0xA11));
        bridges[0].release(id, "");
        assertEq(token.balanceOf(address(1001)), 200);
        vm.expectPartialRevert(ITokenBridge.NotYet.selector);
        bridges[0].release(id, "");
        _wait(WINDOW / 4);
        bridges[0].release(id, "");
        assertEq(token.balanceOf(address(1002)), 300);
        _assertSolvent(0, id);
        // Waiting took the place of the limit: releases do not count in it.
        (,, int256 net,,) = bridges[0].flowOf(id);
        assertTrue(net == 0, "not counted");
    }

    /// @dev Anyone can register a token that burns all gas when it is paid out: its queue goes on with what is left.
    function test_greedyTokenBecomesAClaimWithTheLeastGasThatMayBeBrought() public {
        _on(0);
        GreedyToken greedy = new GreedyToken(USER, 10);
        bytes32 other = _registerAny(0, 1, address(greedy));
        _put(0, _d(address(greedy), 10, 1));
        _relay(0, 1);
        _limitOf(other, 0, 0, 0);
        (address wrapper,) = bridges[1].tokenOf(other);
        _put(1, _d(wrapper, 10, 0));
        _relay(1, 0);
        _wait(WINDOW);
        greedy.setGreedy();
        bridges[0].release{gas: 5_030_000}(other, "");
        assertEq(bridges[0].claimOf(other, USER), 10);
    }

    function test_unsetLimitLetsEverythingWait() public {
        _limit(0, 0, 0);
        _home(1, USER);
        (,, uint128 waiting) = bridges[0].queueOf(id);
        assertEq(waiting, 1);
    }

    function test_cancelledTheftIsHeldByItsChainAgain() public {
        _home(600, address(0xBAD));
        _home(150, address(1002));
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", address(this)));
        bridges[0].cancel(id, 0);
        vm.startPrank(OWNER);
        bridges[0].cancel(id, 0);
        assertEq(bridges[0].held(id, CHAINS[1]), 850);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotQueued.selector, 0));
        bridges[0].cancel(id, 0);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotQueued.selector, 2));
        bridges[0].cancel(id, 2);
        vm.stopPrank();
        _assertSolvent(0, id);
        // The cancelled one is passed over at once; the one behind it waits for its own time.
        bridges[0].release(id, "");
        vm.expectPartialRevert(ITokenBridge.NotYet.selector);
        bridges[0].release(id, "");
        _wait(WINDOW);
        bridges[0].release(id, "");
        assertEq(token.balanceOf(address(0xBAD)), 0);
        assertEq(token.balanceOf(address(1002)), 150);
        _assertSolvent(0, id);
    }

    function test_releasedCannotBeCancelled() public {
        _home(600, USER);
        _wait(WINDOW);
        bridges[0].release(id, "");
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotQueued.selector, 0));
        bridges[0].cancel(id, 0);
    }

    /// @dev Away from home no count was moved: cancelling a mint that nobody paid for drops it.
    function test_cancelledMintIsDropped() public {
        _limit(1, 10, 0);
        _put(0, _d(address(token), 60, 1));
        _relay(0, 1);
        vm.prank(OWNER);
        bridges[1].cancel(id, 0);
        _wait(WINDOW);
        bridges[1].release(id, "");
        assertEq(IERC20(_wrapper(1)).totalSupply(), 1000);
    }

    function test_pausedReleasesStopQueueClaimsAndArrivals() public {
        _home(600, USER);
        _wait(WINDOW);
        _pause(0, id, false, true);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.ReleasesPaused.selector, id));
        bridges[0].release(id, "");
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.ReleasesPaused.selector, id));
        bridges[0].claim(id, USER, USER);
        _home(1, USER);
        assertTrue(_isRecorded(1, 0, 2), "recorded");
        // Deposits go on: they are paused apart.
        _put(0, _d(address(token), 1, 1));
        _unpause(0, id);
        bridges[0].release(id, "");
        _execute(1, 0, 2);
        _assertSolvent(0, id);
    }

    function test_pausedDepositsDoNotStopReleases() public {
        _pause(0, id, true, false);
        ITokenBridge.Deposit memory d = _d(address(token), 1, 1);
        vm.startPrank(USER);
        token.approve(address(bridges[0]), 1);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.DepositsPaused.selector, id));
        bridges[0].depositAndCall(d);
        vm.stopPrank();
        _home(50, address(1001));
        assertEq(token.balanceOf(address(1001)), 50);
    }

    function test_guardianPausesOwnerResumes() public {
        _on(0);
        vm.expectRevert(ITokenBridge.NotGuardian.selector);
        bridges[0].pause(id, true, true);
        _pause(0, id, true, false);
        // Adds to what is paused.
        _pause(0, id, false, true);
        (,,, bool deposits, bool releases) = bridges[0].flowOf(id);
        assertTrue(deposits && releases, "both");
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", GUARDIAN));
        bridges[0].unpause(id, false, false);
        vm.prank(OWNER);
        bridges[0].unpause(id, true, false);
        (,,, deposits, releases) = bridges[0].flowOf(id);
        assertTrue(deposits && !releases, "one");
    }
}
