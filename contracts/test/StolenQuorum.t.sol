// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../src/interfaces/ITokenBridge.sol";
import {LaneLib} from "../src/libraries/LaneLib.sol";
import {TransferCodec} from "../src/token/TransferCodec.sol";
import {MessageEncoder} from "./utils/MessageEncoder.sol";
import {TokenTest} from "./utils/TokenTest.sol";

/// @title Ronin 2022, Harmony, Orbit: the attacker has all the validators' keys. What he can still not do.
contract StolenQuorumTest is TokenTest {
    bytes32 private constant THIEF = bytes32(uint256(0xBAD));
    uint128 private constant LIMIT = 100;
    bytes32 private id;
    /// @dev Nonces of what the attacker forged, per source.
    uint64[3] private forged;

    function setUp() public override {
        super.setUp();
        _register(1);
        _register(2);
        id = _tokenId();
        _deposit(0, 1, USER, 1000);
        _deposit(0, 2, USER, 500);
        _relay(0, 1);
        _relay(0, 2);
        _wait(WINDOW);
        _limit(0, LIMIT, 0);
    }

    /// @dev Signs and delivers a message that nobody sent: from the token bridge of `from` to that of `to`.
    function _forge(uint256 from, uint256 to, bytes memory payload) private returns (bytes memory message) {
        uint64 nonce = ++forged[from];
        message = MessageEncoder.encode(
            MessageEncoder.Header(1, nonce, 0, 180_000, _pad(address(bridges[from])), _pad(address(bridges[to]))),
            payload
        );
        bytes32 lane = _lane(from, to);
        IGateway.Delivery memory delivery;
        delivery.source = _remote(from);
        delivery.startAccumulator = gateways[to].inbox(lane);
        bytes32 accumulator = LaneLib.fold(delivery.startAccumulator, keccak256(message));
        delivery.messages = abi.encodePacked(uint16(message.length), message);
        delivery.signatures = _sign(_checkpointDigest(lane, nonce, accumulator), keys.length);
        _on(to);
        gateways[to].deliver(delivery);
    }

    function _steal(uint256 from, uint128 amount) private returns (bytes memory) {
        return _forge(from, 0, _transfer(id, amount, THIEF, THIEF));
    }

    function _stolen() private view returns (uint256) {
        return token.balanceOf(address(uint160(uint256(THIEF))));
    }

    function _waiting() private view returns (uint256 waiting) {
        (,, waiting) = bridges[0].queueOf(id);
    }

    /// @dev However the thefts are cut and from wherever they claim to come.
    function testFuzz_atMostTheLimitAndWhatCameInLeavesAtOnce(uint128 honest, uint16[12] calldata amounts) public {
        honest = uint128(bound(honest, 0, 1000));
        if (honest != 0) _put(0, _d(address(token), honest, 1));
        for (uint256 i = 0; i < 12; ++i) {
            uint256 from = 1 + i % 2;
            uint128 held = bridges[0].held(id, CHAINS[from]);
            if (held != 0) _steal(from, uint128(bound(amounts[i], 1, held)));
        }
        // What came in counts up to the limit itself, as the departures are not limited.
        assertTrue(_stolen() <= LIMIT + (honest < LIMIT ? honest : LIMIT), "bounded");
        _assertSolvent(0, id);
    }

    function test_timeAloneReleasesMoreOnlyAtTheLimitsPace() public {
        uint256 start = _now();
        for (uint256 i = 0; i < 24; ++i) {
            _steal(1, 5);
            _steal(1, 20);
            _wait(WINDOW / 24);
        }
        assertTrue(_stolen() <= LIMIT + LIMIT * (_now() - start) / WINDOW, "limit and pace");
        // Nothing of the queue has come due yet.
        assertEq(_stolen() + _waiting(), 600);
    }

    function test_noChainLosesMoreThanItHolds() public {
        _limit(0, AMPLE, 0);
        _steal(2, 500);
        bytes memory message = _steal(2, 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IGateway.ExecutionFailed.selector,
                abi.encodeWithSelector(ITokenBridge.HeldTooLittle.selector, CHAINS[2], 0, 1)
            )
        );
        gateways[0].execute(_remote(2), message);
        assertEq(_stolen(), 500);
        assertEq(bridges[0].held(id, CHAINS[1]), 1000);
        _assertSolvent(0, id);
    }

    /// @dev Refunds and forwards that nobody sent take no other way out.
    function test_forgedForwardsAndRefundsMeetTheSameCounts() public {
        TransferCodec.Transfer memory t = TransferCodec.Transfer(id, 600, THIEF, THIEF, CHAINS[1], 0, "");
        _forge(2, 0, TransferCodec.encode(TransferCodec.FORWARD, t));
        assertEq(bridges[0].held(id, CHAINS[1]), 1000);
        // Within its count a forward moves from chain to chain, and no further: the sum stays.
        t.amount = 400;
        _forge(2, 0, TransferCodec.encode(TransferCodec.FORWARD, t));
        assertEq(bridges[0].held(id, CHAINS[1]), 1400);
        assertEq(bridges[0].held(id, CHAINS[2]), 100);
        _assertSolvent(0, id);
        assertEq(_stolen(), 0);
    }

    function test_pausingAndCancellingStopsTheRest() public {
        _steal(1, LIMIT);
        _steal(1, 300);
        _steal(2, 400);
        assertEq(_stolen(), LIMIT);
        _pause(0, id, true, true);
        vm.prank(GUARDIAN);
        gateways[0].pauseDeliveries();
        // The timelock may take longer than the window: paused, nothing leaves.
        _wait(10 * WINDOW);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.ReleasesPaused.selector, id));
        bridges[0].release(id, "");
        vm.startPrank(OWNER);
        bridges[0].cancel(id, 0);
        bridges[0].cancel(id, 1);
        vm.stopPrank();
        _unpause(0, id);
        bridges[0].release(id, "");
        bridges[0].release(id, "");
        assertEq(_stolen(), LIMIT);
        assertEq(bridges[0].held(id, CHAINS[1]), 1000 - LIMIT);
        assertEq(bridges[0].held(id, CHAINS[2]), 500);
        _assertSolvent(0, id);
    }

    /// @dev Forged with more gas than runs inline, or while releases are paused, thefts are recorded. They have no
    /// deadline and outlive rotation and the lane: unless the timelock can strike them, they are executed whenever
    /// releases are resumed, a limit's worth a window.
    function test_recordedTheftsAreStruckBehindTheTimelock() public {
        _pause(0, id, false, true);
        bytes memory message = _steal(1, LIMIT);
        bytes32 theft = LaneLib.fold(_lane(1, 0), keccak256(message));
        assertTrue(gateways[0].isRecorded(theft), "recorded");
        vm.startPrank(OWNER);
        gateways[0].closeLane(CHAINS[1]);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", address(this)));
        gateways[0].strike(theft);
        vm.prank(OWNER);
        gateways[0].strike(theft);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotRecorded.selector, theft));
        gateways[0].strike(theft);
        _unpause(0, id);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[0].execute(_remote(1), message);
        assertEq(_stolen(), 0);
        assertEq(bridges[0].held(id, CHAINS[1]), 1000);
    }
}
