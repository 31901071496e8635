// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {Erc7802Token, XErc20Token} from "../utils/IssuerTokens.sol";
import {DecimalsToken} from "../utils/OddTokens.sol";
import {TokenTest} from "../utils/TokenTest.sol";

/// @dev Tokens of issuers, linked behind the timelock.
contract IssuersTest is TokenTest {
    DecimalsToken private six;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        six = new DecimalsToken(USER, 1e12, 6);
        id = keccak256(abi.encode(CHAINS[0], _pad(address(six))));
    }

    function _link(uint256 chain, address local, ITokenBridge.Kind kind, uint8 homeDecimals) private {
        _on(chain);
        vm.prank(OWNER);
        bridges[chain].linkToken(CHAINS[0], _pad(address(six)), local, kind, homeDecimals);
        _registerAny(0, chain, address(six));
    }

    function test_erc7802TokenIsMintedAndBurned() public {
        Erc7802Token issued = new Erc7802Token(address(bridges[1]), 6);
        _link(1, address(issued), ITokenBridge.Kind.Erc7802, 6);
        assertEq(address(_local(1, id)), address(issued));
        _put(0, _d(address(six), 1e6, 1));
        _relay(0, 1);
        assertEq(issued.balanceOf(USER), 1e6);
        _put(1, _d(address(issued), 4e5, 0));
        _relay(1, 0);
        assertEq(issued.totalSupply(), 6e5);
        assertEq(six.balanceOf(USER), 1e12 - 6e5);
        _assertSolvent(0, id);
    }

    function test_moreDecimalsThanHomeAreScaledAndDustIsRefused() public {
        Erc7802Token issued = new Erc7802Token(address(bridges[1]), 18);
        _link(1, address(issued), ITokenBridge.Kind.Erc7802, 6);
        _put(0, _d(address(six), 7, 1));
        _relay(0, 1);
        assertEq(issued.balanceOf(USER), 7e12);
        ITokenBridge.Deposit memory d = _d(address(issued), 7e12 - 1, 0);
        _on(1);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.Dust.selector, 1e12));
        bridges[1].depositAndCall(d);
        _put(1, _d(address(issued), 6e12, 0));
        _relay(1, 0);
        assertEq(six.balanceOf(USER), 1e12 - 1);
        assertEq(bridges[0].held(id, CHAINS[1]), 1);
    }

    function test_xErc20IsBurnedByAllowanceWithinTheIssuersLimits() public {
        XErc20Token issued = new XErc20Token();
        issued.setLimits(address(bridges[1]), 1e20, 1e18);
        _link(1, address(issued), ITokenBridge.Kind.XErc20, 6);
        _put(0, _d(address(six), 3e6, 1));
        _relay(0, 1);
        assertEq(issued.balanceOf(USER), 3e18);
        ITokenBridge.Deposit memory d = _d(address(issued), 1e18, 0);
        _on(1);
        // Without the holder's allowance the issuer does not let the bridge burn.
        vm.prank(USER);
        vm.expectPartialRevert(bytes4(keccak256("ERC20InsufficientAllowance(address,uint256,uint256)")));
        bridges[1].depositAndCall(d);
        _put(1, d);
        _relay(1, 0);
        assertEq(six.balanceOf(USER), 1e12 - 2e6);
        // Above the issuer's burning limit.
        _on(1);
        vm.prank(USER);
        vm.expectRevert(XErc20Token.IXERC20_NotHighEnoughLimits.selector);
        bridges[1].depositAndCall(d);
        _assertSolvent(0, id);
    }

    function test_whatExceedsTheIssuersLimitIsRecordedAndLaterMinted() public {
        XErc20Token issued = _limited();
        _put(0, _d(address(six), 2, 1));
        _relay(0, 1);
        assertTrue(_isRecorded(0, 1, 2), "recorded");
        bytes memory message = _message(0, 1, 2);
        vm.expectPartialRevert(bytes4(keccak256("ExecutionFailed(bytes)")));
        gateways[1].execute(_remote(0), message);
        issued.setLimits(address(bridges[1]), 1e20, 0);
        _execute(0, 1, 2);
        assertEq(issued.balanceOf(USER), 2e12);
    }

    function test_whatExceedsTheIssuersLimitIsRefundedAfterTheDeadline() public {
        XErc20Token issued = _limited();
        ITokenBridge.Deposit memory d = _d(address(six), 2, 1);
        d.deadline = _soon();
        _put(0, d);
        _relay(0, 1);
        _wait(MIN_DEADLINE + 1);
        _expire(0, 1, 2);
        _relay(1, 0);
        assertEq(six.balanceOf(USER), 1e12);
        assertEq(issued.totalSupply(), 0);
        assertEq(bridges[0].held(id, CHAINS[1]), 0);
        _assertSolvent(0, id);
    }

    function test_whatExceedsTheIssuersLimitInTheQueueBecomesAClaim() public {
        XErc20Token issued = _limited();
        _limitOf(id, 1, 0, 0);
        _put(0, _d(address(six), 2, 1));
        _relay(0, 1);
        _wait(WINDOW);
        _on(1);
        bridges[1].release(id, "");
        assertEq(bridges[1].claimOf(id, USER), 2);
        issued.setLimits(address(bridges[1]), 1e20, 0);
        bridges[1].claim(id, USER, USER);
        assertEq(issued.balanceOf(USER), 2e12);
    }

    /// @dev Mints one unit of home a day.
    function _limited() private returns (XErc20Token issued) {
        issued = new XErc20Token();
        issued.setLimits(address(bridges[1]), 1e12, 0);
        _link(1, address(issued), ITokenBridge.Kind.XErc20, 6);
    }

    /// @dev An issuer may mint and burn at home, too: then nothing is locked, and nothing is counted.
    function test_issuersTokenAtHomeIsBurnedThere() public {
        XErc20Token atHome = new XErc20Token();
        atHome.setLimits(address(bridges[0]), 1e20, 1e20);
        atHome.setLimits(address(this), 1e18, 0);
        atHome.mint(USER, 1e18);
        _on(0);
        vm.prank(OWNER);
        bridges[0].linkToken(CHAINS[0], _pad(address(atHome)), address(atHome), ITokenBridge.Kind.XErc20, 18);
        bytes32 linked = _registerAny(0, 1, address(atHome));
        _put(0, _d(address(atHome), 1e18, 1));
        assertEq(atHome.totalSupply(), 0);
        assertEq(bridges[0].held(linked, CHAINS[1]), 0);
        _relay(0, 1);
        _put(1, _d(address(_local(1, linked)), 4e17, 0));
        _relay(1, 0);
        assertEq(atHome.balanceOf(USER), 4e17);
    }

    function test_linksThatCannotBeKeptAreRefused() public {
        Erc7802Token issued = new Erc7802Token(address(bridges[1]), 6);
        bytes32 home = _pad(address(six));
        _on(1);
        vm.expectRevert(abi.encodeWithSignature("OwnableUnauthorizedAccount(address)", address(this)));
        bridges[1].linkToken(CHAINS[0], home, address(issued), ITokenBridge.Kind.Erc7802, 6);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NoCode.selector, address(0xDEAD)));
        bridges[1].linkToken(CHAINS[0], home, address(0xDEAD), ITokenBridge.Kind.Erc7802, 6);
        // Fewer decimals than home cannot hold what home has.
        vm.expectRevert(ITokenBridge.InvalidLink.selector);
        bridges[1].linkToken(CHAINS[0], home, address(issued), ITokenBridge.Kind.Erc7802, 7);
        ITokenBridge.Kind[3] memory kinds = [ITokenBridge.Kind.None, ITokenBridge.Kind.Vault, ITokenBridge.Kind.Wrapper];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(ITokenBridge.InvalidLink.selector);
            bridges[1].linkToken(CHAINS[0], home, address(issued), kinds[i], 6);
        }
        bridges[1].linkToken(CHAINS[0], home, address(issued), ITokenBridge.Kind.Erc7802, 6);
        // One token, one id; and no second link of either.
        vm.expectPartialRevert(ITokenBridge.AlreadyRegistered.selector);
        bridges[1].linkToken(CHAINS[2], home, address(issued), ITokenBridge.Kind.Erc7802, 6);
        vm.expectPartialRevert(ITokenBridge.AlreadyRegistered.selector);
        bridges[1].linkToken(CHAINS[0], home, address(wrapped[1]), ITokenBridge.Kind.Erc7802, 6);
    }

    /// @dev Wrapped coin that is an issuer's token here would be wrapped and never burned: nobody's, and paid out at
    /// home.
    function test_linkedWrappedCoinIsNotDepositedAsCoin() public {
        _register(2);
        address coin = address(wrapped[1]);
        _on(1);
        vm.prank(OWNER);
        bridges[1].linkToken(CHAINS[0], _pad(address(token)), coin, ITokenBridge.Kind.Erc7802, 18);
        ITokenBridge.Deposit memory d = _d(coin, 100, 0);
        vm.deal(USER, 100);
        vm.prank(USER);
        vm.expectRevert(ITokenBridge.NotVault.selector);
        bridges[1].depositNative{value: 100}(d);
    }

    /// @dev Links wait in the timelock, where anybody can see them come: a registration put in before must not prevent
    /// one for ever. Who has wrappers by then brings them home all the same.
    function test_registrationPutInBeforeDoesNotPreventALink() public {
        Erc7802Token issued = new Erc7802Token(address(bridges[1]), 6);
        _registerAny(0, 1, address(six));
        address old = address(_local(1, id));
        _put(0, _d(address(six), 100, 1));
        _relay(0, 1);
        _on(1);
        vm.prank(OWNER);
        bridges[1].linkToken(CHAINS[0], _pad(address(six)), address(issued), ITokenBridge.Kind.Erc7802, 6);
        _put(0, _d(address(six), 50, 1));
        _relay(0, 1);
        assertEq(issued.balanceOf(USER), 50);
        _put(1, _d(old, 100, 0));
        _put(1, _d(address(issued), 50, 0));
        _relay(1, 0);
        assertEq(six.balanceOf(USER), 1e12);
        assertEq(bridges[0].held(id, CHAINS[1]), 0);
    }
}
