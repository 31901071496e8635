// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {WrappedToken} from "../../src/token/WrappedToken.sol";
import {BlockingToken, DoublingToken, OldToken, RebasingToken} from "../utils/OddTokens.sol";
import {TokenTest} from "../utils/TokenTest.sol";

/// @dev Vault tokens that do not do what ERC-20 says, or do more.
contract KindsTest is TokenTest {
    function test_oldTokensMetadataAndMissingReturnValues() public {
        OldToken old = new OldToken(USER, 1000);
        bytes32 id = _registerAny(0, 1, address(old));
        WrappedToken wrapper = WrappedToken(address(_local(1, id)));
        assertEq(bytes(wrapper.name()), "Old");
        assertEq(bytes(wrapper.symbol()), "OLD");
        assertEq(wrapper.decimals(), 6);
        ITokenBridge.Deposit memory d = _d(address(old), 600, 1);
        vm.prank(USER);
        old.approve(address(bridges[0]), 600);
        vm.prank(USER);
        bridges[0].depositAndCall(d);
        _relay(0, 1);
        assertEq(wrapper.balanceOf(USER), 600);
        _put(1, _d(address(wrapper), 200, 0));
        _relay(1, 0);
        assertEq(old.balanceOf(USER), 600);
        _assertSolvent(0, id);
    }

    /// @dev One function of each family.
    function test_knownRebasingTokensAreRefused() public {
        string[6] memory signatures = [
            "scaledBalanceOf(address)",
            "sharesOf(address)",
            "shares(address)",
            "getSharePrice()",
            "rebasingCreditsPerToken()",
            "gonsForBalance(uint256)"
        ];
        _on(0);
        for (uint256 i = 0; i < 6; ++i) {
            address rebasing = address(new RebasingToken(bytes4(keccak256(bytes(signatures[i])))));
            vm.expectRevert(abi.encodeWithSelector(ITokenBridge.RebasingToken.selector, rebasing));
            bridges[0].registerToken(rebasing, CHAINS[1]);
        }
        // The same token with another function more is taken: it is these functions that tell.
        address harmless = address(new RebasingToken(bytes4(keccak256("harmless()"))));
        bridges[0].registerToken(harmless, CHAINS[1]);
    }

    /// @dev More arrives than was sent.
    function test_unknownRebasingTokenIsNoticedWhenItGrows() public {
        DoublingToken growing = new DoublingToken(USER, 1000);
        bytes32 id = _registerAny(0, 1, address(growing));
        _put(0, _d(address(growing), 100, 1));
        growing.arm();
        ITokenBridge.Deposit memory d = _d(address(growing), 100, 1);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.RebasingToken.selector, address(growing)));
        bridges[0].depositAndCall(d);
        _assertSolvent(0, id);
    }

    /// @dev The token's `no` is not the bridge's: the message stays, and is tried again.
    function test_pausedTokenIsHandedOutLater() public {
        BlockingToken blocking = new BlockingToken(USER, 1000);
        bytes32 id = _bringBack(blocking, 0);
        blocking.setPaused(true);
        _relay(1, 0);
        assertTrue(_isRecorded(1, 0, 1), "recorded");
        assertEq(bridges[0].held(id, CHAINS[1]), 100);
        blocking.setPaused(false);
        _execute(1, 0, 1);
        assertEq(blocking.balanceOf(USER), 960);
        _assertSolvent(0, id);
    }

    function test_blockedRecipientsTransferIsRefundedAfterItsDeadline() public {
        BlockingToken blocking = new BlockingToken(USER, 1000);
        bytes32 id = _bringBack(blocking, _soon());
        blocking.setBlocked(USER, true);
        _relay(1, 0);
        assertTrue(_isRecorded(1, 0, 1), "recorded");
        _wait(MIN_DEADLINE + 1);
        _expire(1, 0, 1);
        _relay(0, 1);
        assertEq(_local(1, id).balanceOf(USER), 100);
        assertEq(bridges[0].held(id, CHAINS[1]), 100);
        _assertSolvent(0, id);
    }

    /// @dev In the queue there is no going back; others must not wait behind it.
    function test_blockedRecipientInTheQueueGetsAClaim() public {
        BlockingToken blocking = new BlockingToken(USER, 1000);
        bytes32 id = _bringBack(blocking, 0);
        _limitOf(id, 0, 1, 0);
        _relay(1, 0);
        blocking.setBlocked(USER, true);
        _wait(WINDOW);
        bridges[0].release(id, "");
        assertEq(bridges[0].claimOf(id, USER), 60);
        _assertSolvent(0, id);
        vm.expectPartialRevert(ITokenBridge.PayoutFailed.selector);
        bridges[0].claim(id, USER, USER);
        assertEq(bridges[0].claimOf(id, USER), 60);
        vm.prank(USER);
        bridges[0].claim(id, USER, address(0xA11));
        assertEq(blocking.balanceOf(address(0xA11)), 60);
        _assertSolvent(0, id);
    }

    /// @dev 100 go out, 60 are on their way back.
    function _bringBack(BlockingToken blocking, uint64 deadline) private returns (bytes32 id) {
        id = _registerAny(0, 1, address(blocking));
        _put(0, _d(address(blocking), 100, 1));
        _relay(0, 1);
        ITokenBridge.Deposit memory d = _d(address(_local(1, id)), 60, 0);
        d.deadline = deadline;
        _put(1, d);
    }
}
