// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IPermit2} from "../../src/interfaces/IExternal.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {WrappedToken} from "../../src/token/WrappedToken.sol";
import {Permit2Double} from "../utils/Permit2Double.sol";
import {TokenTest} from "../utils/TokenTest.sol";

contract PermitTest is TokenTest {
    Permit2Double private constant PERMIT2 = Permit2Double(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    uint256 private constant KEY = uint256(keccak256("holder"));
    bytes32 private constant PERMIT =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
    address private holder;

    function setUp() public override {
        super.setUp();
        _register(1);
        holder = vm.addr(KEY);
        _on(0);
        vm.prank(USER);
        token.transfer(holder, 1000);
        vm.etch(address(PERMIT2), address(new Permit2Double()).code);
        vm.prank(holder);
        token.approve(address(PERMIT2), type(uint256).max);
    }

    function _permit(uint256 value, uint256 nonce, uint256 deadline)
        private
        view
        returns (uint8 v, bytes32 r, bytes32 s)
    {
        bytes32 structHash = keccak256(abi.encode(PERMIT, holder, address(bridges[0]), value, nonce, deadline));
        return vm.sign(KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), structHash)));
    }

    function test_permitApprovesAndDepositsInOneCall() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(100, 0, _now());
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        uint256 deadline = _now();
        vm.prank(holder);
        bridges[0].depositWithPermit(d, deadline, v, r, s);
        assertEq(bridges[0].held(_tokenId(), CHAINS[1]), 100);
        assertEq(token.allowance(holder, address(bridges[0])), 0);
    }

    /// @dev Anybody can read the permit in the pool of waiting transactions and use it first.
    function test_permitUsedBySomebodyElseDoesNotSpoilTheDeposit() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(100, 0, _now());
        uint256 deadline = _now();
        token.permit(holder, address(bridges[0]), 100, deadline, v, r, s);
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        vm.prank(holder);
        bridges[0].depositWithPermit(d, deadline, v, r, s);
        assertEq(bridges[0].held(_tokenId(), CHAINS[1]), 100);
        // Without an allowance the same signature brings nothing.
        vm.prank(holder);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        bridges[0].depositWithPermit(d, deadline, v, r, s);
    }

    /// @dev The permit is its signer's: who submits it deposits own tokens, or none.
    function test_permitOfAnotherBringsTheCallerNothing() public {
        (uint8 v, bytes32 r, bytes32 s) = _permit(100, 0, _now());
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        uint256 deadline = _now();
        vm.prank(USER);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        bridges[0].depositWithPermit(d, deadline, v, r, s);
        assertEq(token.balanceOf(holder), 1000);
    }

    /// @dev A wrapper is burned by its bridge without an allowance; a permit given all the same does no harm.
    function test_wrapperWithPermitIsBurned() public {
        _deposit(0, 1, USER, 50);
        _relay(0, 1);
        ITokenBridge.Deposit memory d = _d(_wrapper(1), 50, 0);
        uint256 deadline = _now();
        vm.prank(USER);
        bridges[1].depositWithPermit(d, deadline, 27, 0, 0);
        assertEq(WrappedToken(_wrapper(1)).totalSupply(), 0);
    }

    function _signed(uint256 amount, uint256 nonce, address spender) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(
            KEY,
            PERMIT2.digestOf(
                IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(address(token), amount), nonce, _now()), spender
            )
        );
        return abi.encodePacked(r, s, v);
    }

    function _depositPermit2(address caller, uint256 amount, uint256 nonce, bytes memory signature, bytes4 refused)
        private
    {
        ITokenBridge.Deposit memory d = _d(address(token), amount, 1);
        uint256 deadline = _now();
        vm.prank(caller);
        if (refused != 0) vm.expectPartialRevert(refused);
        bridges[0].depositWithPermit2(d, nonce, deadline, signature);
    }

    function test_permit2DepositsBySignature() public {
        _depositPermit2(holder, 100, 777, _signed(100, 777, address(bridges[0])), 0);
        assertEq(bridges[0].held(_tokenId(), CHAINS[1]), 100);
        assertEq(token.balanceOf(holder), 900);
        _relay(0, 1);
        assertEq(WrappedToken(_wrapper(1)).balanceOf(USER), 100);
    }

    function test_permit2RefusesASecondUseAnotherAmountSpenderOrCaller() public {
        bytes memory signature = _signed(100, 777, address(bridges[0]));
        _depositPermit2(holder, 101, 777, signature, Permit2Double.InvalidSigner.selector);
        _depositPermit2(holder, 100, 778, signature, Permit2Double.InvalidSigner.selector);
        // Somebody else cannot send the holder's tokens where he likes.
        _depositPermit2(USER, 100, 777, signature, Permit2Double.InvalidSigner.selector);
        bytes memory other = _signed(100, 777, address(bridges[1]));
        _depositPermit2(holder, 100, 777, other, Permit2Double.InvalidSigner.selector);
        _depositPermit2(holder, 100, 777, signature, 0);
        _depositPermit2(holder, 100, 777, signature, Permit2Double.InvalidNonce.selector);
        assertEq(bridges[0].held(_tokenId(), CHAINS[1]), 100);
    }

    /// @dev What is burned needs no transfer, and Permit2 would leave it in the bridge.
    function test_permit2IsForVaultTokens() public {
        ITokenBridge.Deposit memory d = _d(_wrapper(1), 1, 0);
        _on(1);
        vm.prank(USER);
        vm.expectRevert(ITokenBridge.NotVault.selector);
        bridges[1].depositWithPermit2(d, 0, 1, "");
    }
}
