// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {TransferCodec} from "../../src/token/TransferCodec.sol";
import {TokenSink} from "../utils/CoinReceivers.sol";
import {TokenTest} from "../utils/TokenTest.sol";

/// @dev From chain 1 to chain 2 through home, chain 0.
contract ForwardTest is TokenTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _register(1);
        id = _tokenId();
        _deposit(0, 1, USER, 100);
        _relay(0, 1);
    }

    function _dForward(uint256 amount) private view returns (ITokenBridge.Deposit memory) {
        return _d(_wrapper(1), amount, 2);
    }

    function _balance(uint256 chain) private view returns (uint256) {
        return IERC20(_wrapper(chain)).balanceOf(USER);
    }

    function _held(uint256 on1, uint256 on2) private view {
        assertEq(bridges[0].held(id, CHAINS[1]), on1);
        assertEq(bridges[0].held(id, CHAINS[2]), on2);
        _assertSolvent(0, id);
    }

    function test_tokensMoveFromRemoteToRemote() public {
        _register(2);
        _put(1, _dForward(60));
        _held(100, 0);
        _relay(1, 0);
        _held(40, 60);
        _relay(0, 2);
        assertEq(_balance(2), 60);
        assertEq(_balance(1), 40);
        // And from there back home.
        _put(2, _d(_wrapper(2), 60, 0));
        _relay(2, 0);
        _held(40, 0);
    }

    function test_secondLegPastItsDeadlineIsMintedAgainWhereItCameFrom() public {
        _register(2);
        ITokenBridge.Deposit memory d = _dForward(60);
        d.refundTo = _pad(address(0xCAFE));
        // Enough for the second leg to be begun.
        d.deadline = uint64(_now() + 3 * MIN_DEADLINE);
        _put(1, d);
        _relay(1, 0);
        _pause(2, id, false, true);
        _relay(0, 2);
        uint256 n = _count(0, 2);
        assertTrue(_isRecorded(0, 2, n), "recorded");
        _wait(3 * MIN_DEADLINE + 1);
        _expire(0, 2, n);
        _held(40, 60);
        _relay(2, 0);
        _held(100, 0);
        _relay(0, 1);
        assertEq(IERC20(_wrapper(1)).balanceOf(address(0xCAFE)), 60);
        assertEq(IERC20(_wrapper(1)).totalSupply(), 100);
        assertEq(IERC20(_wrapper(2)).totalSupply(), 0);
    }

    function test_firstLegPastItsDeadlineIsMintedAgain() public {
        _register(2);
        ITokenBridge.Deposit memory d = _dForward(60);
        d.deadline = _soon();
        _put(1, d);
        _wait(MIN_DEADLINE + 1);
        _relay(1, 0);
        _expire(1, 0, 1);
        _relay(0, 1);
        assertEq(_balance(1), 100);
        _held(100, 0);
    }

    /// @dev The first leg took so long that the second cannot be refunded in time.
    function test_deadlineTooNearForTheSecondLegComesBack() public {
        _register(2);
        ITokenBridge.Deposit memory d = _dForward(60);
        d.deadline = uint64(_now() + 2 * MIN_DEADLINE);
        _put(1, d);
        _wait(MIN_DEADLINE + 1);
        _comesBack();
    }

    function test_unregisteredDestinationComesBackAtOnce() public {
        _put(1, _dForward(60));
        _comesBack();
    }

    function test_chainWithoutALaneComesBackAtOnce() public {
        ITokenBridge.Deposit memory d = _dForward(60);
        d.chain = 7777;
        _put(1, d);
        _comesBack();
    }

    function test_pausedLaneComesBackAtOnce() public {
        _register(2);
        _put(1, _dForward(60));
        _on(0);
        vm.prank(GUARDIAN);
        gateways[0].pauseSending(CHAINS[2]);
        _comesBack();
    }

    function test_pausedDepositsAtHomeComeBackAtOnce() public {
        _register(2);
        _put(1, _dForward(60));
        _pause(0, id, true, false);
        _comesBack();
    }

    function _comesBack() private {
        assertEq(_balance(1), 40);
        _relay(1, 0);
        assertTrue(!_isRecorded(1, 0, 1), "executed");
        _held(100, 0);
        assertEq(_events(ITokenBridge.Returned.selector), 1);
        _relay(0, 1);
        assertEq(_balance(1), 100);
    }

    /// @dev Paused releases hold thefts up: they stop what passes through, too.
    function test_pausedReleasesAtHomeHoldForwardsUp() public {
        _register(2);
        _put(1, _dForward(60));
        _pause(0, id, false, true);
        _relay(1, 0);
        assertTrue(_isRecorded(1, 0, 1), "recorded");
        _unpause(0, id);
        _execute(1, 0, 1);
        _held(40, 60);
    }

    function test_quoteCoversBothLegsAndLessIsRefused() public {
        _register(2);
        _on(1);
        vm.startPrank(OWNER);
        gateways[1].setPrice(CHAINS[0], 1 << 16, 10_000);
        gateways[1].setPrice(CHAINS[2], 5 << 16, 10_000);
        vm.stopPrank();
        vm.deal(USER, 1 ether);
        ITokenBridge.Deposit memory d = _dForward(60);
        uint256 fee = bridges[1].quote(d);
        uint256 first = gateways[1].quote(CHAINS[0], 180_000, 0, 129);
        assertEq(fee, first + gateways[1].quote(CHAINS[2], 180_000, 0, 129));
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.FeeTooLow.selector, fee - 1, fee));
        bridges[1].depositAndCall{value: fee - 1}(d);
        vm.prank(USER);
        bridges[1].depositAndCall{value: fee}(d);
        assertEq(address(gateways[1]).balance, fee);
        // Free: he delivers both legs by himself.
        d.amount = 40;
        _put(1, d);
    }

    /// @dev A chain that home can reach and this one cannot: the second leg is taken to cost what the first does.
    function test_quoteWithoutALaneCountsTheFirstLegTwice() public {
        _on(1);
        vm.prank(OWNER);
        gateways[1].setPrice(CHAINS[0], 1 << 16, 10_000);
        ITokenBridge.Deposit memory d = _dForward(60);
        d.chain = 7777;
        assertEq(bridges[1].quote(d), 2 * gateways[1].quote(CHAINS[0], 180_000, 0, 129));
    }

    /// @dev What is quoted can be paid, also if only one of the two legs costs anything.
    function test_quoteCanBePaidWhereTheFirstLegIsFree() public {
        _register(2);
        _on(1);
        vm.prank(OWNER);
        gateways[1].setPrice(CHAINS[2], 1 << 16, 10_000);
        vm.deal(USER, 1 ether);
        ITokenBridge.Deposit memory d = _dForward(60);
        uint256 fee = bridges[1].quote(d);
        vm.prank(USER);
        bridges[1].depositAndCall{value: fee}(d);
    }

    function test_callTravelsWithTheTokens() public {
        _register(2);
        TokenSink sink = new TokenSink();
        ITokenBridge.Deposit memory d = _dForward(60);
        d.to = _pad(address(sink));
        d.callGas = 200_000;
        d.call = "hello";
        _put(1, d);
        _relay(1, 0);
        _relay(0, 2);
        uint256 n = _count(0, 2);
        _execute(0, 2, n);
        assertEq(IERC20(_wrapper(2)).balanceOf(address(sink)), 60);
        // The origin is where it was deposited, not home.
        assertEq(
            sink.told(),
            keccak256(abi.encode(address(bridges[2]), _id(0, 2, n), _wrapper(2), 60, CHAINS[1], ME, "hello"))
        );
    }

    /// @dev A broken bridge on chain 1 passes on no more than chain 1 holds, and cannot pass itself off as home.
    function test_brokenRemotePassesOnOnlyWhatItHolds() public {
        _register(2);
        TransferCodec.Transfer memory t = TransferCodec.Transfer(id, 101, ME, ME, CHAINS[2], 0, "");
        _sendAs(1, 0, TransferCodec.encode(TransferCodec.FORWARD, t));
        _fails(1, 0, abi.encodeWithSelector(ITokenBridge.HeldTooLittle.selector, CHAINS[1], 100, 101));
        t.amount = 1;
        bytes memory forwarded = TransferCodec.encode(TransferCodec.FORWARDED, t);
        _sendAs(1, 2, forwarded);
        _fails(1, 2, abi.encodeWithSelector(ITokenBridge.NotHome.selector, CHAINS[0]));
        _sendAs(1, 0, forwarded);
        _fails(1, 0, abi.encodeWithSelector(ITokenBridge.NotHome.selector, CHAINS[1]));
        _held(100, 0);
    }

    function _sendAs(uint256 from, uint256 to, bytes memory payload) private {
        _on(from);
        vm.prank(address(bridges[from]));
        gateways[from].send(CHAINS[to], _pad(address(bridges[to])), 180_000, 0, payload);
        _relay(from, to);
    }

    function _fails(uint256 from, uint256 to, bytes memory reason) private {
        bytes memory message = _message(from, to, _count(from, to));
        _on(to);
        vm.expectRevert(abi.encodeWithSelector(IGateway.ExecutionFailed.selector, reason));
        gateways[to].execute(_remote(from), message);
    }
}
