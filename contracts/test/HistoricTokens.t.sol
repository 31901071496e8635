// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../src/interfaces/ITokenBridge.sol";
import {WrappedToken} from "../src/token/WrappedToken.sol";
import {HookedPayoutToken} from "./utils/OddTokens.sol";
import {TokenTest} from "./utils/TokenTest.sol";

/// @title What broke other bridges' tokens, tried on this one.
contract HistoricTokensTest is TokenTest {
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        _register(1);
        id = _tokenId();
    }

    /// @dev Poly Network, 2021: a message called the contract that kept the keys, with a payload that chose new ones.
    function test_poly_messagesAimedAtOwnFunctionsDoNothing() public {
        bytes[3] memory payloads = [
            abi.encodeWithSignature("transferOwnership(address)", USER),
            abi.encodeCall(ITokenBridge.setPeer, (7, ME)),
            abi.encodeCall(IGateway.setGuardian, (USER))
        ];
        address[3] memory targets = [address(gateways[1]), address(bridges[1]), _wrapper(1)];
        for (uint256 i = 0; i < 9; ++i) {
            _on(0);
            vm.prank(USER);
            gateways[0].send(CHAINS[1], _pad(targets[i / 3]), 240_000, 0, payloads[i % 3]);
        }
        _relay(0, 1);
        for (uint256 n = 2; n <= 10; ++n) {
            assertTrue(_isRecorded(0, 1, n), "refused");
        }
        assertEq(gateways[1].owner(), OWNER);
        assertEq(gateways[1].pendingOwner(), address(0));
        assertEq(bridges[1].pendingOwner(), address(0));
        assertEq(bridges[1].peerOf(7), 0);
        assertEq(gateways[1].guardian(), GUARDIAN);
        bytes memory message = _message(0, 1, 2);
        vm.expectPartialRevert(IGateway.InvalidRecipient.selector);
        gateways[1].execute(_remote(0), message);
    }

    /// @dev The same by a call attached to tokens: the bridge is the caller, but of one function only.
    function test_poly_attachedCallsReachOneFunctionOnly() public {
        address[2] memory targets = [address(gateways[1]), _wrapper(1)];
        for (uint256 i = 0; i < 2; ++i) {
            ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
            (d.to, d.callGas) = (_pad(targets[i]), 300_000);
            d.call = abi.encodeCall(WrappedToken.mint, (USER, 1e18));
            _put(0, d);
            _relay(0, 1);
            _execute(0, 1, 2 + i);
        }
        assertEq(_events(ITokenBridge.CallFailed.selector), 2);
        assertEq(IERC20(_wrapper(1)).totalSupply(), 200);
        assertEq(IERC20(_wrapper(1)).balanceOf(USER), 0);
    }

    /// @dev Qubit, 2022: transferring a token without code "succeeded". Meter, 2022: coin's wrapper took a second way.
    function test_qubitAndMeter_everyDepositPathTakesWhatItCounts() public {
        _on(0);
        for (uint160 i = 0; i < 2; ++i) {
            // The zero address and one without code: unknown on every path, and not to be registered.
            address codeless = address(i * 0xDEAD);
            ITokenBridge.Deposit memory d = _d(codeless, 1, 1);
            vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NoCode.selector, codeless));
            bridges[0].registerToken(codeless, CHAINS[1]);
            vm.expectPartialRevert(ITokenBridge.UnknownToken.selector);
            bridges[0].depositAndCall(d);
            vm.expectPartialRevert(ITokenBridge.UnknownToken.selector);
            bridges[0].depositWithPermit(d, 0, 27, 0, 0);
            vm.expectPartialRevert(ITokenBridge.UnknownToken.selector);
            bridges[0].depositWithPermit2(d, 0, 0, "");
            vm.expectRevert(ITokenBridge.NotVault.selector);
            bridges[0].depositNative(d);
        }
        // As coin and as wrapped coin: the same count for the same vault.
        address coin = address(wrapped[0]);
        bytes32 coinId = _registerAny(0, 1, coin);
        vm.deal(USER, 20);
        vm.prank(USER);
        wrapped[0].deposit{value: 10}();
        _put(0, _d(coin, 10, 1));
        assertEq(bridges[0].held(coinId, CHAINS[1]), 10);
        vm.prank(USER);
        bridges[0].depositNative{value: 10}(_d(coin, 10, 1));
        assertEq(bridges[0].held(coinId, CHAINS[1]), 20);
        _assertSolvent(0, coinId);
        // Value that comes with wrapped coin is a fee, and never counted as coin.
        vm.deal(USER, 20);
        ITokenBridge.Deposit memory free = _d(coin, 10, 1);
        vm.prank(USER);
        vm.expectRevert();
        bridges[0].depositAndCall{value: 10}(free);
    }

    /// @dev Qubit again: a token whose code is gone after it was registered.
    function test_qubit_vanishedTokenIsNotCounted() public {
        ITokenBridge.Deposit memory d = _d(address(token), 100, 1);
        vm.etch(address(token), "");
        _on(0);
        vm.prank(USER);
        vm.expectRevert();
        bridges[0].depositAndCall(d);
        assertEq(bridges[0].held(id, CHAINS[1]), 0);
    }

    /// @dev Secret and Axelar, 2026: what came from one chain was taken as coming from another.
    function test_secretAxelar2026_rightAddressOnTheWrongChainIsNotAPeer() public {
        _register(2);
        _put(0, _d(address(token), 100, 1));
        bytes memory payload = _transfer(id, 100, ME, ME);
        // Chain 2's gateway lets anybody send; only the sender tells who it was.
        _on(2);
        vm.prank(address(bridges[1]));
        gateways[2].send(CHAINS[0], _pad(address(bridges[0])), 180_000, 0, payload);
        _on(1);
        vm.prank(USER);
        gateways[1].send(CHAINS[0], _pad(address(bridges[0])), 180_000, 0, payload);
        _relay(2, 0);
        _relay(1, 0);
        assertTrue(_isRecorded(2, 0, 1) && _isRecorded(1, 0, 1), "refused");
        // A true peer, but of a kind that there is not.
        for (uint8 kind = 0; kind < 8; ++kind) {
            if (kind >= 1 && kind <= 4) continue;
            bytes memory other = payload;
            other[0] = bytes1(kind);
            vm.prank(address(gateways[0]));
            vm.expectRevert(ITokenBridge.MalformedPayload.selector);
            bridges[0].receiveMessage(0, InteroperableAddress.formatEvmV1(CHAINS[1], address(bridges[1])), other);
        }
        assertEq(bridges[0].held(id, CHAINS[1]), 100);
        assertEq(token.balanceOf(USER), 1e30 - 100);
    }

    /// @dev CrossCurve, 2026: one receiving function did not ask who called it.
    function test_crossCurve2026_everyEntryPointAsksWhoCalls() public {
        _put(0, _d(address(token), 100, 1));
        bytes memory peer = InteroperableAddress.formatEvmV1(CHAINS[1], address(bridges[1]));
        bytes memory payload = _transfer(id, 100, ME, ME);
        bytes memory refund = abi.encodePacked(bytes32(0), payload);
        address bridge = address(bridges[0]);
        _refuses(bridge, abi.encodeCall(ITokenBridge(bridge).receiveMessage, (bytes32(0), peer, payload)));
        _refuses(bridge, abi.encodeCall(ITokenBridge(bridge).receiveRefund, (bytes32(0), peer, refund)));
        _refuses(bridge, abi.encodeCall(ITokenBridge.setPeer, (7, ME)));
        ITokenBridge.Kind kind = ITokenBridge.Kind.Vault;
        _refuses(bridge, abi.encodeCall(ITokenBridge.linkToken, (CHAINS[0], ME, address(token), kind, 18)));
        _refuses(bridge, abi.encodeCall(ITokenBridge.setLimits, (id, 1, 1)));
        _refuses(bridge, abi.encodeCall(ITokenBridge.cancel, (id, 0)));
        _refuses(bridge, abi.encodeCall(ITokenBridge.pause, (id, true, true)));
        _refuses(bridge, abi.encodeCall(ITokenBridge.unpause, (id, false, false)));

        address gateway = address(gateways[0]);
        _refuses(gateway, abi.encodeCall(IGateway.openLane, (IGateway.Remote(7, 1, ME))));
        _refuses(gateway, abi.encodeCall(IGateway.closeLane, (CHAINS[1])));
        _refuses(gateway, abi.encodeCall(IGateway.allowResend, (_remote(1), ME)));
        _refuses(gateway, abi.encodeCall(IGateway.strike, (id)));
        _refuses(gateway, abi.encodeCall(IGateway.setPrice, (CHAINS[1], 0, 0)));
        _refuses(gateway, abi.encodeCall(IGateway.setFeeRoles, (USER, USER)));
        _refuses(gateway, abi.encodeCall(IGateway.pauseDeliveries, ()));
        _refuses(gateway, abi.encodeCall(IGateway.resumeDeliveries, ()));
        _refuses(gateway, abi.encodeCall(IGateway.pauseSending, (CHAINS[1])));
        _refuses(gateway, abi.encodeCall(IGateway.resumeSending, (CHAINS[1])));
        _refuses(gateway, abi.encodeCall(IGateway.setGuardian, (USER)));
        address[2] memory both = [bridge, gateway];
        for (uint256 i = 0; i < 2; ++i) {
            _refuses(both[i], abi.encodeWithSignature("transferOwnership(address)", USER));
            _refuses(both[i], abi.encodeWithSignature("acceptOwnership()"));
            _refuses(both[i], abi.encodeWithSignature("renounceOwnership()"));
        }
        assertEq(token.balanceOf(bridge), 100);
    }

    /// @dev Refused because of who calls, and not because there is no such function: each reason has an argument or
    /// a name.
    function _refuses(address target, bytes memory data) private {
        _on(0);
        vm.prank(USER);
        (bool success, bytes memory reason) = target.call(data);
        assertTrue(!success && reason.length >= 4, "refused");
        bytes4 selector = bytes4(reason);
        assertTrue(
            selector == ITokenBridge.NotGateway.selector || selector == ITokenBridge.NotGuardian.selector
                || selector == IGateway.NotFeeUpdater.selector
                || selector == bytes4(keccak256("OwnableUnauthorizedAccount(address)")),
            vm.toString(bytes32(selector))
        );
    }

    /// @dev Parity and others: who initialises a second time owns what the first one made.
    function test_reinitialisationOfWrapperAndImplementation() public {
        WrappedToken wrapper = WrappedToken(_wrapper(1));
        WrappedToken implementation = WrappedToken(bridges[1].wrapperImplementation());
        vm.expectRevert(WrappedToken.NotBridge.selector);
        wrapper.initialize("Mine", "MINE", 0);
        vm.expectRevert(WrappedToken.NotBridge.selector);
        implementation.initialize("Mine", "MINE", 0);
        vm.startPrank(address(bridges[1]));
        vm.expectRevert(WrappedToken.AlreadyInitialized.selector);
        wrapper.initialize("Mine", "MINE", 0);
        vm.expectRevert(WrappedToken.AlreadyInitialized.selector);
        implementation.initialize("Mine", "MINE", 0);
        vm.stopPrank();
        // A registration that comes a second time makes nothing new.
        bytes memory registration = abi.encodePacked(uint8(2), _pad(address(token)), uint8(6), uint8(1), "MM");
        _on(1);
        bytes memory peer = InteroperableAddress.formatEvmV1(CHAINS[0], address(bridges[0]));
        vm.prank(address(gateways[1]));
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.AlreadyRegistered.selector, id, CHAINS[0]));
        bridges[1].receiveMessage(0, peer, registration);
        assertEq(bytes(wrapper.name()), "Demo");
    }

    /// @dev imBTC, Cream and others: the recipient of a token is called before the books are closed.
    function test_reentrancyThroughTheRecipientsHook() public {
        HookedPayoutToken hooked = new HookedPayoutToken(USER, 1000);
        bytes32 hookedId = _registerAny(0, 1, address(hooked));
        _put(0, _d(address(hooked), 500, 1));
        _relay(0, 1);
        address wrapper = address(_local(1, hookedId));
        _limitOf(hookedId, 0, 0, 0);
        _put(1, _d(wrapper, 100, 0));
        _put(1, _d(wrapper, 100, 0));
        _relay(1, 0);
        _limitOf(hookedId, 0, AMPLE, AMPLE);
        _put(1, _d(wrapper, 50, 0));
        _put(1, _d(wrapper, 50, 0));
        bytes memory another = abi.encodeCall(IGateway.deliver, (_delivery(1, 0, 3, 4, 4)));
        _wait(WINDOW);
        _on(0);
        // Released from within a release: the next in the queue, once.
        hooked.arm(address(bridges[0]), abi.encodeCall(ITokenBridge.release, (hookedId, "")));
        bridges[0].release(hookedId, "");
        assertEq(hooked.balanceOf(USER), 700);
        (uint64 head, uint64 tail, uint128 waiting) = bridges[0].queueOf(hookedId);
        assertTrue(head == 2 && tail == 2 && waiting == 0, "both, once");
        // A delivery within a delivery is refused, and with it the transfer whose hook tried.
        hooked.arm(address(gateways[0]), another);
        _relay(1, 0);
        assertTrue(_isRecorded(1, 0, 3) && _isRecorded(1, 0, 4), "recorded");
        _assertSolvent(0, hookedId);
        hooked.arm(address(0), "");
        _execute(1, 0, 3);
        _execute(1, 0, 4);
        assertEq(hooked.balanceOf(USER), 800);
        _assertSolvent(0, hookedId);
    }
}
