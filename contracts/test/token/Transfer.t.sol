// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {TransferCodec} from "../../src/token/TransferCodec.sol";
import {WrappedToken} from "../../src/token/WrappedToken.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {FeeToken} from "../utils/Tokens.sol";

contract TransferTest is BridgeTest {
    bytes32 private constant ME = bytes32(uint256(uint160(USER)));

    function setUp() public override {
        super.setUp();
        _register(1);
        _register(2);
    }

    function testFuzz_thereAndBack(uint128 amount, uint128 back) public {
        vm.assume(amount > 0 && amount <= 1e30);
        back = uint128(bound(back, 1, amount));
        _deposit(0, 1, USER, amount);
        assertEq(token.balanceOf(address(bridges[0])), amount);
        _relay(0, 1);
        assertEq(WrappedToken(_wrapper(1)).balanceOf(USER), amount);
        assertEq(bridges[0].held(_tokenId(), CHAINS[1]), amount);
        _deposit(1, 0, USER, back);
        _relay(1, 0);
        assertEq(token.balanceOf(USER), 1e30 - amount + back);
        assertEq(WrappedToken(_wrapper(1)).totalSupply(), bridges[0].held(_tokenId(), CHAINS[1]));
    }

    function test_oneChainCannotTakeWhatAnotherHolds() public {
        _deposit(0, 1, USER, 100);
        _deposit(0, 2, USER, 50);
        // Chain 2's bridge is broken: it sends home a transfer of 51 that nobody burned.
        _on(2);
        vm.prank(address(bridges[2]));
        gateways[2].send(
            CHAINS[0], LaneLib.toBytes32(address(bridges[0])), 150_000, 0, _transfer(_tokenId(), 51, ME, ME)
        );
        _relay(2, 0);
        assertEq(token.balanceOf(USER), 1e30 - 150);
        assertEq(bridges[0].held(_tokenId(), CHAINS[2]), 50);
        bytes memory message = sent[_lane(2, 0)][0];
        vm.expectRevert(
            abi.encodeWithSelector(
                IGateway.ExecutionFailed.selector,
                abi.encodeWithSelector(ITokenBridge.HeldTooLittle.selector, CHAINS[2], 50, 51)
            )
        );
        gateways[0].execute(_remote(2), message);
    }

    function test_onlyHomeMints() public {
        _on(1);
        vm.prank(address(bridges[1]));
        gateways[1].send(
            CHAINS[2], LaneLib.toBytes32(address(bridges[2])), 150_000, 0, _transfer(_tokenId(), 1, ME, ME)
        );
        _relay(1, 2);
        assertEq(WrappedToken(_wrapper(2)).totalSupply(), 0);
    }

    function test_onlyGatewayAndPeersAreHeard() public {
        bytes memory payload = _transfer(_tokenId(), 1, ME, ME);
        vm.expectRevert(ITokenBridge.NotGateway.selector);
        bridges[1].receiveMessage(0, "", payload);
        vm.prank(address(gateways[1]));
        vm.expectRevert(ITokenBridge.UnknownPeer.selector);
        bridges[1].receiveMessage(0, hex"00010000010314", payload);

        _on(0);
        vm.prank(USER);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(bridges[1])), 150_000, 0, payload);
        _relay(0, 1);
        assertEq(WrappedToken(_wrapper(1)).totalSupply(), 0);
    }

    function test_badDeposits() public {
        _on(0);
        vm.startPrank(USER);
        token.approve(address(bridges[0]), type(uint256).max);
        vm.expectRevert(ITokenBridge.InvalidAmount.selector);
        bridges[0].deposit(address(token), 0, CHAINS[1], ME, ME, 0);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.InvalidRecipient.selector, bytes32(0)));
        bridges[0].deposit(address(token), 1, CHAINS[1], 0, ME, 0);
        bytes32 wide = bytes32(type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.InvalidRecipient.selector, wide));
        bridges[0].deposit(address(token), 1, CHAINS[1], wide, ME, 0);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.InvalidRecipient.selector, bytes32(0)));
        bridges[0].deposit(address(token), 1, CHAINS[1], ME, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.TokenNotRegistered.selector, _tokenId(), 77));
        bridges[0].deposit(address(token), 1, 77, ME, ME, 0);
        vm.expectPartialRevert(ITokenBridge.UnknownToken.selector);
        bridges[0].deposit(address(0xDEAD), 1, CHAINS[1], ME, ME, 0);
    }

    function test_bridgeIsNoRecipient() public {
        bytes32 home = bytes32(uint256(uint160(address(bridges[0]))));
        _deposit(0, 1, USER, 10);
        _relay(0, 1);
        _on(1);
        address wrapper = _wrapper(1);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.InvalidRecipient.selector, home));
        bridges[1].deposit(wrapper, 10, CHAINS[0], home, ME, 0);
        // Nor if the far bridge does not check.
        vm.prank(address(bridges[1]));
        gateways[1].send(CHAINS[0], home, 150_000, 0, _transfer(_tokenId(), 10, home, ME));
        _relay(1, 0);
        assertEq(bridges[0].held(_tokenId(), CHAINS[1]), 10);
    }

    function test_feeOnTransferIsCountedAsItArrives() public {
        _on(0);
        FeeToken fee = new FeeToken(USER, 1000);
        bridges[0].registerToken(address(fee), CHAINS[1]);
        vm.startPrank(USER);
        fee.approve(address(bridges[0]), 1000);
        bridges[0].deposit(address(fee), 1000, CHAINS[1], ME, ME, 0);
        vm.stopPrank();
        assertEq(bridges[0].held(bridges[0].idOf(address(fee)), CHAINS[1]), 990);
        assertEq(fee.balanceOf(address(bridges[0])), 990);
    }

    function test_peerIsNamedOnceByTheOwner() public {
        _on(0);
        vm.expectRevert();
        bridges[0].setPeer(7, ME);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.PeerAlreadySet.selector, CHAINS[1]));
        bridges[0].setPeer(CHAINS[1], ME);
        vm.expectRevert(ITokenBridge.InvalidPeer.selector);
        bridges[0].setPeer(7, 0);
    }
}
