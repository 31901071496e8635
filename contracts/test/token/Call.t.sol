// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {TransferCodec} from "../../src/token/TransferCodec.sol";
import {Callback, TokenReverter, TokenSink} from "../utils/CoinReceivers.sol";
import {GasBurner, ReturnBomb} from "../utils/Receivers.sol";
import {TokenTest} from "../utils/TokenTest.sol";

contract CallTest is TokenTest {
    uint32 private constant GAS = 300_000;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _register(1);
        id = _tokenId();
    }

    /// @dev Message 2 of the lane: 100 for `to`, with a call. Above INLINE_GAS it waits for `execute`.
    function _putCall(address to, uint32 callGas) private {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        (d.to, d.callGas, d.call) = (_pad(to), callGas, "data");
        _put(0, d);
        _relay(0, 1);
    }

    function _told(bytes32 message) private view returns (bytes32) {
        return keccak256(abi.encode(address(bridges[1]), message, _wrapper(1), 100, CHAINS[0], ME, "data"));
    }

    function _packed(uint32 callGas) private pure returns (bytes memory) {
        return TransferCodec.encodeCall(ME, callGas, "data");
    }

    function test_recipientIsCreditedAndCalled() public {
        TokenSink sink = new TokenSink();
        _putCall(address(sink), GAS);
        assertTrue(_isRecorded(0, 1, 2), "above inline gas");
        _execute(0, 1, 2);
        assertEq(IERC20(_wrapper(1)).balanceOf(address(sink)), 100);
        assertEq(sink.told(), _told(_id(0, 1, 2)));
        assertEq(sink.count(), 1);
    }

    /// @dev Within the delivery. 10,000 gas are too few to keep anything: the call fails, the tokens stay.
    function test_smallCallRunsWithinTheDelivery() public {
        address sink = address(new TokenSink());
        _putCall(sink, 10_000);
        assertTrue(!_isRecorded(0, 1, 2), "executed");
        assertEq(IERC20(_wrapper(1)).balanceOf(sink), 100);
        assertEq(_events(ITokenBridge.CallFailed.selector), 1);
    }

    function test_tokensStayWhereTheCallFails() public {
        address[5] memory recipients = [
            address(new TokenReverter()),
            address(new GasBurner()),
            address(0xC0DE1E55),
            address(new ReturnBomb(true)),
            address(new ReturnBomb(false))
        ];
        for (uint256 i = 0; i < 5; ++i) {
            _putCall(recipients[i], GAS);
            // A bomb's return data is not copied; else it would take more than this.
            bytes memory message = _message(0, 1, i + 2);
            gateways[1].execute{gas: 700_000}(_remote(0), message);
            assertEq(IERC20(_wrapper(1)).balanceOf(recipients[i]), 100);
        }
        // The last one returned, which is no failure.
        assertEq(_events(ITokenBridge.CallFailed.selector), 4);
    }

    /// @dev Whoever executes brings enough for the call, or nothing happens.
    function testFuzz_gasBroughtNeverFailsTheCallAlone(uint256 brought) public {
        TokenSink sink = new TokenSink();
        _putCall(address(sink), GAS);
        bytes memory message = _message(0, 1, 2);
        brought = bound(brought, 50_000, 900_000);
        try gateways[1].execute{gas: brought}(_remote(0), message) {
            assertEq(sink.count(), 1);
            // Less the callee's own dispatch.
            assertTrue(sink.gasGiven() > GAS - 2000, "all of it");
        } catch {
            assertTrue(_isRecorded(0, 1, 2), "still recorded");
            assertEq(IERC20(_wrapper(1)).totalSupply(), 0);
        }
    }

    function testFuzz_gasBroughtNeverFailsTheCallOfAQueuedTransfer(uint256 brought) public {
        TokenSink sink = new TokenSink();
        _limit(1, 0, 0);
        _putCall(address(sink), GAS);
        _execute(0, 1, 2);
        bytes memory call = abi.encode(_id(0, 1, 2), CHAINS[0], _packed(GAS));
        _wait(WINDOW);
        brought = bound(brought, 4_500_000, 6_000_000);
        try bridges[1].release{gas: brought}(id, call) {
            assertEq(sink.count(), 1);
            assertTrue(sink.gasGiven() > GAS - 2000, "all of it");
        } catch {
            (uint64 head,,) = bridges[1].queueOf(id);
            assertEq(head, 0);
            assertEq(IERC20(_wrapper(1)).totalSupply(), 0);
        }
    }

    function test_queuedTransferIsCalledUponRelease() public {
        TokenSink sink = new TokenSink();
        _limit(1, 0, 0);
        _putCall(address(sink), GAS);
        _execute(0, 1, 2);
        assertEq(sink.count(), 0);
        _wait(WINDOW);
        bytes32 message = _id(0, 1, 2);
        bytes[4] memory wrong = [
            bytes(""),
            abi.encode(message, CHAINS[0], _packed(GAS - 1)),
            abi.encode(message, CHAINS[1], _packed(GAS)),
            abi.encode(bytes32(0), CHAINS[0], _packed(GAS))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectPartialRevert(ITokenBridge.WrongCall.selector);
            bridges[1].release(id, wrong[i]);
        }
        bridges[1].release(id, abi.encode(message, CHAINS[0], _packed(GAS)));
        assertEq(sink.told(), _told(message));
        assertEq(IERC20(_wrapper(1)).balanceOf(address(sink)), 100);
    }

    /// @dev Without a call, nobody adds one.
    function test_releaseWithACallThatWasNotSentIsRefused() public {
        _limit(1, 0, 0);
        _put(0, _d(address(token), 100, 1));
        _relay(0, 1);
        _wait(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.WrongCall.selector, bytes32(0)));
        bridges[1].release(id, abi.encode(bytes32(0), CHAINS[0], _packed(GAS)));
    }

    function test_refundMakesNoCall() public {
        TokenSink sink = new TokenSink();
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        (d.refundTo, d.callGas, d.call, d.deadline) = (_pad(address(sink)), GAS, "data", _soon());
        _put(0, d);
        _wait(MIN_DEADLINE + 1);
        _relay(0, 1);
        _expire(0, 1, 2);
        _relay(1, 0);
        assertEq(token.balanceOf(address(sink)), 100);
        assertEq(sink.count(), 0);
    }

    function test_impossibleCallsAreRefused() public {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        vm.startPrank(USER);
        token.approve(address(bridges[0]), 200);
        _on(0);
        (d.callGas, d.call) = (0, "data");
        vm.expectRevert(ITokenBridge.InvalidCall.selector);
        bridges[0].depositAndCall(d);
        d.callGas = 2_000_001;
        vm.expectRevert(ITokenBridge.InvalidCall.selector);
        bridges[0].depositAndCall(d);
        d.callGas = 2_000_000;
        bridges[0].depositAndCall(d);
    }

    /// @dev The callee is called while the gateway executes.
    function test_calleeDoesNotReenter() public {
        Callback attacker = new Callback();
        _putCall(address(attacker), 1_000_000);
        _putCall(address(attacker), 1_000_000);
        _put(0, _d(address(token), 1, 1));
        bytes memory deliver = abi.encodeCall(IGateway.deliver, (_delivery(0, 1, 4, 4, 4)));
        bytes memory execute = abi.encodeCall(IGateway.execute, (_remote(0), _message(0, 1, 3)));
        attacker.arm(address(gateways[1]), deliver);
        _execute(0, 1, 2);
        assertTrue(attacker.called() && !attacker.succeeded(), "no delivery");
        attacker.arm(address(gateways[1]), execute);
        _execute(0, 1, 3);
        assertTrue(attacker.called() && !attacker.succeeded(), "not executed twice");
        assertEq(IERC20(_wrapper(1)).balanceOf(address(attacker)), 200);
        // From outside both would have got through.
        (bool success,) = address(gateways[1]).call(deliver);
        assertTrue(success, "delivered");
    }

    /// @dev A broken bridge asks for more gas than any transaction has; its transfer must not stop the whole queue.
    function test_brokenRemoteDoesNotBlockTheQueue() public {
        _register(2);
        _deposit(0, 1, USER, 1000);
        _deposit(0, 2, USER, 1000);
        _relay(0, 1);
        _relay(0, 2);
        _limit(0, 1, 0);
        TransferCodec.Transfer memory t = TransferCodec.Transfer(id, 500, ME, ME, 0, 0, _packed(type(uint32).max));
        bytes memory payload = TransferCodec.encode(TransferCodec.TRANSFER, t);
        _on(2);
        vm.prank(address(bridges[2]));
        gateways[2].send(CHAINS[0], _pad(address(bridges[0])), 200_000, 0, payload);
        _relay(2, 0);
        // An honest transfer from another chain, behind it.
        ITokenBridge.Deposit memory d = _d(_wrapper(1), 500, 0);
        d.to = _pad(address(1001));
        _put(1, d);
        _relay(1, 0);
        _wait(WINDOW);
        bytes memory call = abi.encode(_id(2, 0, 1), CHAINS[2], t.call);
        (, uint64 tail,) = bridges[0].queueOf(id);
        // 2^24: EIP-7825's most for a transaction.
        if (tail == 2) bridges[0].release{gas: 1 << 24}(id, call);
        bridges[0].release{gas: 1 << 24}(id, "");
        assertEq(token.balanceOf(address(1001)), 500);
    }
}
