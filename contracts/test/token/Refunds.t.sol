// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {TokenTest} from "../utils/TokenTest.sol";

contract RefundsTest is TokenTest {
    address private constant REFUNDED = address(0xCAFE);
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _register(1);
        id = _tokenId();
    }

    /// @dev 100 leave home with a deadline (message 2), and chain 1 cannot hand them out.
    function _stuckAway() private {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        (d.refundTo, d.deadline) = (_pad(REFUNDED), _soon());
        _put(0, d);
        _pause(1, id, false, true);
        _relay(0, 1);
        assertTrue(_isRecorded(0, 1, 2), "recorded");
    }

    /// @dev 100 went to chain 1; 60 of them come back with a deadline (message 1), and home cannot hand them out.
    function _stuckAtHome() private {
        _deposit(0, 1, USER, 100);
        _relay(0, 1);
        ITokenBridge.Deposit memory d = _d(_wrapper(1), 60, 0);
        (d.refundTo, d.deadline) = (_pad(REFUNDED), _soon());
        _put(1, d);
        _pause(0, id, false, true);
        _relay(1, 0);
        assertTrue(_isRecorded(1, 0, 1), "recorded");
    }

    function test_refundAtHomeComesFromTheVault() public {
        _stuckAway();
        _wait(MIN_DEADLINE + 1);
        _expire(0, 1, 2);
        _relay(1, 0);
        assertEq(token.balanceOf(REFUNDED), 100);
        assertEq(bridges[0].held(id, CHAINS[1]), 0);
        _assertSolvent(0, id);
        assertEq(IERC20(_wrapper(1)).totalSupply(), 0);
    }

    function test_refundAtARemoteIsMintedAgain() public {
        _stuckAtHome();
        _wait(MIN_DEADLINE + 1);
        _expire(1, 0, 1);
        _relay(0, 1);
        assertEq(IERC20(_wrapper(1)).balanceOf(REFUNDED), 60);
        assertEq(IERC20(_wrapper(1)).totalSupply(), 100);
        assertEq(bridges[0].held(id, CHAINS[1]), 100);
        _assertSolvent(0, id);
    }

    function test_refundOrExecutionNeverBoth() public {
        _stuckAway();
        _unpause(1, id);
        bytes memory message = _message(0, 1, 2);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotExpired.selector, _soon()));
        gateways[1].expire(_remote(0), message);
        // At the deadline itself it still executes.
        _wait(MIN_DEADLINE);
        vm.expectPartialRevert(IGateway.NotExpired.selector);
        gateways[1].expire(_remote(0), message);
        _execute(0, 1, 2);
        _wait(1);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].expire(_remote(0), message);
        assertEq(IERC20(_wrapper(1)).totalSupply(), 100);
    }

    function test_executionAfterTheDeadlineIsRefused() public {
        _stuckAway();
        _unpause(1, id);
        bytes memory message = _message(0, 1, 2);
        _wait(MIN_DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ExecutionFailed.selector, "expired"));
        gateways[1].execute(_remote(0), message);
        _expire(0, 1, 2);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].expire(_remote(0), message);
        vm.expectPartialRevert(IGateway.NotRecorded.selector);
        gateways[1].execute(_remote(0), message);
        assertEq(_count(1, 0), 1);
    }

    /// @dev Delivered only after its deadline, it is never executed.
    function test_lateDeliveryIsRecordedAndRefunded() public {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        d.deadline = _soon();
        _put(0, d);
        _wait(MIN_DEADLINE + 1);
        _relay(0, 1);
        assertEq(IERC20(_wrapper(1)).totalSupply(), 0);
        _expire(0, 1, 2);
        _relay(1, 0);
        assertEq(token.balanceOf(USER), 1e30);
    }

    function test_deadlineTooSoonIsRefused() public {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        d.deadline = _soon() - 1;
        vm.startPrank(USER);
        token.approve(address(bridges[0]), 100);
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.DeadlineTooSoon.selector, d.deadline, d.deadline + 1));
        bridges[0].depositAndCall(d);
    }

    function test_withoutADeadlineThereIsNoRefund() public {
        _put(0, _d(address(token), 100, 1));
        _pause(1, id, false, true);
        _relay(0, 1);
        _wait(1000 days);
        bytes memory message = _message(0, 1, 2);
        vm.expectRevert(abi.encodeWithSelector(IGateway.NotExpired.selector, 0));
        gateways[1].expire(_remote(0), message);
        _unpause(1, id);
        _execute(0, 1, 2);
        assertEq(IERC20(_wrapper(1)).balanceOf(USER), 100);
    }

    /// @dev A lane that is stopped for new messages must not hold back what is owed.
    function test_refundPassesPausedSending() public {
        _stuckAway();
        _wait(MIN_DEADLINE + 1);
        vm.prank(GUARDIAN);
        gateways[1].pauseSending(CHAINS[0]);
        _expire(0, 1, 2);
        _relay(1, 0);
        assertEq(token.balanceOf(REFUNDED), 100);
    }

    function test_pausedDeliveriesStopRefunds() public {
        _stuckAway();
        bytes memory message = _message(0, 1, 2);
        _wait(MIN_DEADLINE + 1);
        vm.prank(GUARDIAN);
        gateways[1].pauseDeliveries();
        vm.expectRevert(IGateway.DeliveriesArePaused.selector);
        gateways[1].expire(_remote(0), message);
    }

    /// @dev A refund takes tokens out of the vault as any arrival does.
    function test_refundCountsInTheRateLimit() public {
        _limit(0, 1000, 0);
        _stuckAway();
        (,, int256 before,,) = bridges[0].flowOf(id);
        assertEq(uint256(-before), 100);
        _wait(WINDOW);
        _expire(0, 1, 2);
        _relay(1, 0);
        (,, int256 net,,) = bridges[0].flowOf(id);
        assertEq(uint256(net), 100);
    }

    function test_refundAboveTheLimitWaits() public {
        _limit(0, 50, 0);
        _stuckAway();
        _wait(WINDOW);
        _expire(0, 1, 2);
        _relay(1, 0);
        assertEq(token.balanceOf(REFUNDED), 0);
        _assertSolvent(0, id);
        _wait(WINDOW);
        bridges[0].release(id, "");
        assertEq(token.balanceOf(REFUNDED), 100);
        _assertSolvent(0, id);
    }

    function test_refundIsTriedAgainWhenReleasesAreResumed() public {
        _stuckAway();
        _wait(MIN_DEADLINE + 1);
        _expire(0, 1, 2);
        _pause(0, id, false, true);
        _relay(1, 0);
        assertTrue(_isRecorded(1, 0, 1), "recorded");
        assertEq(bridges[0].held(id, CHAINS[1]), 100);
        // A refund has no deadline: it cannot be sent round in circles.
        bytes memory message = _message(1, 0, 1);
        _on(0);
        vm.expectPartialRevert(IGateway.ExecutionFailed.selector);
        gateways[0].expire(_remote(1), message);
        _unpause(0, id);
        _execute(1, 0, 1);
        assertEq(token.balanceOf(REFUNDED), 100);
        _assertSolvent(0, id);
    }

    function test_onlyTheGatewayAndOnlyForPeersRefunds() public {
        _deposit(0, 1, USER, 100);
        bytes memory payload = abi.encodePacked(bytes32(0), _transfer(id, 100, ME, ME));
        _on(0);
        bytes memory peer = InteroperableAddress.formatEvmV1(CHAINS[1], address(bridges[1]));
        vm.prank(USER);
        vm.expectRevert(ITokenBridge.NotGateway.selector);
        bridges[0].receiveRefund(0, peer, payload);
        vm.startPrank(address(gateways[0]));
        // Not the bridge's counterpart; the counterpart's address, but on another chain.
        bytes memory other = InteroperableAddress.formatEvmV1(CHAINS[1], address(USER));
        vm.expectRevert(ITokenBridge.UnknownPeer.selector);
        bridges[0].receiveRefund(0, other, payload);
        other = InteroperableAddress.formatEvmV1(CHAINS[2], address(bridges[1]));
        vm.expectRevert(ITokenBridge.UnknownPeer.selector);
        bridges[0].receiveRefund(0, other, payload);
        // Another chain's refund does not touch what chain 1 holds.
        other = InteroperableAddress.formatEvmV1(CHAINS[2], address(bridges[2]));
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.HeldTooLittle.selector, CHAINS[2], 0, 100));
        bridges[0].receiveRefund(0, other, payload);
        bytes memory short = new bytes(32);
        vm.expectRevert(ITokenBridge.MalformedPayload.selector);
        bridges[0].receiveRefund(0, peer, short);
        // A registration is not tokens.
        bytes memory registration = abi.encodePacked(bytes32(0), uint8(2), payload);
        vm.expectRevert(ITokenBridge.MalformedPayload.selector);
        bridges[0].receiveRefund(0, peer, registration);
    }

    /// @dev Where the refund would be nobody's, the deposit is refused: it could never be handed out.
    function test_theBridgeItselfIsNoRefundAccount() public {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        d.refundTo = _pad(address(bridges[0]));
        _on(0);
        vm.startPrank(USER);
        token.approve(address(bridges[0]), 100);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.InvalidRecipient.selector, d.refundTo));
        bridges[0].depositAndCall(d);
    }
}
