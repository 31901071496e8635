// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Flow, RateLimit} from "../../src/token/RateLimit.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {TokenTest} from "../utils/TokenTest.sol";

/// @dev The arithmetic alone, for amounts and limits of any size, and what it does to deposits and releases.
contract RateLimitTest is TokenTest {
    using RateLimit for Flow;

    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _register(1);
        id = _tokenId();
    }

    /// @dev `view` and external, so that the clock is read anew.
    function depart(Flow flow, uint128 amount) external view returns (Flow next, bool within) {
        return flow.depart(amount, WINDOW);
    }

    function arrive(Flow flow, uint128 amount) external view returns (Flow next, bool within) {
        return flow.arrive(amount, WINDOW);
    }

    function net(Flow flow) external view returns (int256) {
        return flow.netFlow(WINDOW);
    }

    function _flow(uint128 arrivals, uint128 departures) private view returns (Flow) {
        return Flow.wrap(0).withLimits(arrivals, departures, WINDOW);
    }

    /// @dev Kept rounded down by less than 2^-31, and never above what was asked for.
    function testFuzz_limitsAreKeptAlmostExactly(uint128 arrivals, uint128 departures) public view {
        (uint256 a, uint256 d) = _flow(arrivals, departures).limits();
        _near(arrivals, a);
        _near(departures, d);
    }

    function _near(uint256 asked, uint256 kept) private pure {
        if (asked > uint128(type(int128).max)) asked = uint128(type(int128).max);
        assertTrue(kept <= asked, "not above");
        assertTrue(asked - kept <= asked >> 31, "not far below");
    }

    /// @dev The net flow stays within its bounds through any sequence, and nothing overflows.
    function testFuzz_netFlowStaysWithinItsBounds(
        uint128 arrivals,
        uint128 departures,
        uint128[8] calldata amounts,
        uint32[8] calldata times,
        uint8 directions
    ) public {
        Flow flow = _flow(arrivals, departures);
        (uint256 most, uint256 least) = flow.limits();
        if (departures == 0) least = most;
        for (uint256 i = 0; i < 8; ++i) {
            flow = _moved(flow, directions >> i & 1 == 0, amounts[i]);
            int256 net_ = this.net(flow);
            assertTrue(net_ <= int256(most) && net_ >= -int256(least), "within");
            {
                (uint256 a, uint256 d) = flow.limits();
                assertTrue(a == most && (departures == 0 || d == least), "limits kept");
            }
            _wait(times[i] % (2 * WINDOW));
            int256 later = this.net(flow);
            assertTrue(net_ >= 0 ? later >= 0 && later <= net_ : later <= 0 && later >= net_, "time moves it to zero");
        }
        _wait(WINDOW);
        assertTrue(this.net(flow) == 0, "after a window all is forgotten");
    }

    /// @dev One arrival or departure; it is counted if it was let through, and otherwise changes nothing.
    function _moved(Flow flow, bool arriving, uint128 amount) private view returns (Flow next) {
        bool within;
        (next, within) = arriving ? this.arrive(flow, amount) : this.depart(flow, amount);
        int256 moved = this.net(next) - this.net(flow);
        if (!within) {
            assertTrue(Flow.unwrap(next) == Flow.unwrap(flow), "unchanged");
        } else if (arriving) {
            assertTrue(moved == int256(uint256(amount)), "counted");
        } else if (Flow.unwrap(flow) != 0) {
            assertTrue(moved <= 0 && uint256(-moved) <= amount, "counted at most");
        }
    }

    /// @dev Pauses, limits and the net flow share a slot.
    function testFuzz_flagsLimitsAndFlowDoNotTouchEachOther(uint128 arrivals, uint128 amount, bool deposits)
        public
        view
    {
        vm.assume(arrivals != 0);
        Flow flow = _flow(arrivals, 0);
        (flow,) = this.depart(flow, amount);
        int256 before = this.net(flow);
        uint256 flag = deposits ? RateLimit.DEPOSITS_PAUSED : RateLimit.RELEASES_PAUSED;
        Flow flagged = flow.withFlag(flag, true);
        assertTrue(flagged.has(flag) && !flagged.has(3 - flag), "one flag");
        assertTrue(this.net(flagged) == before, "same flow");
        flagged = flagged.withLimits(type(uint128).max, type(uint128).max, WINDOW);
        assertTrue(flagged.has(flag) && !flagged.has(3 - flag) && this.net(flagged) == before, "kept by new limits");
        assertTrue(Flow.unwrap(flow.withFlag(flag, true).withFlag(flag, false)) == Flow.unwrap(flow), "back");
    }

    /// @dev Half a window returns half a limit.
    function test_timeRestoresALimitAtASteadyPace() public {
        Flow flow = _flow(1000, 500);
        (flow,) = this.arrive(flow, 1000);
        (, bool within) = this.arrive(flow, 1);
        assertTrue(!within, "full");
        _wait(WINDOW / 2);
        assertTrue(this.net(flow) == 500, "half");
        (, within) = this.arrive(flow, 501);
        assertTrue(!within, "half and one");
        (flow, within) = this.arrive(flow, 500);
        assertTrue(within, "half");
        (flow, within) = this.depart(flow, 1500);
        assertTrue(within && this.net(flow) == -500, "departures make room");
        (, within) = this.depart(flow, 1);
        assertTrue(!within, "departures are full");
    }

    function test_departuresAboveTheLimitAreRefused() public {
        _limit(0, 1000, 100);
        _put(0, _d(address(token), 70, 1));
        ITokenBridge.Deposit memory d = _d(address(token), 31, 1);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.DepositAboveLimit.selector, 100));
        bridges[0].depositAndCall(d);
        _wait(WINDOW / 2);
        _put(0, d);
        _assertSolvent(0, id);
    }

    function test_depositsMakeRoomForArrivalsAndTimeTakesItAway() public {
        _put(0, _d(address(token), 1000, 1));
        _relay(0, 1);
        _wait(WINDOW);
        _limit(0, 100, 0);
        // 60 more leave home, so 150 are within the limit of 100... but one transfer of more than 100 never is.
        _put(0, _d(address(token), 60, 1));
        _home(150);
        _waiting(150);
        _home(100);
        _home(60);
        _waiting(150);
        _home(1);
        _waiting(151);
        // What had left counts for a window only.
        _wait(2 * WINDOW);
        _put(0, _d(address(token), 100, 1));
        _wait(WINDOW);
        _home(100);
        _waiting(151);
        _home(1);
        _waiting(152);
    }

    function _home(uint256 amount) private {
        _put(1, _d(_wrapper(1), amount, 0));
        _relay(1, 0);
    }

    function _waiting(uint256 expected) private view {
        (,, uint128 waiting) = bridges[0].queueOf(id);
        assertEq(waiting, expected);
    }
}
