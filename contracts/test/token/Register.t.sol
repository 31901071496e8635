// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {WrappedToken} from "../../src/token/WrappedToken.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {NamedToken} from "../utils/Tokens.sol";

contract RegisterTest is BridgeTest {
    function test_wrapperIsWhereItWasSaidToBe() public {
        address predicted = bridges[1].wrapperAddress(_tokenId());
        _register(1);
        WrappedToken wrapper = WrappedToken(_wrapper(1));
        assertEq(address(wrapper), predicted);
        assertEq(bytes(wrapper.name()), bytes("Demo"));
        assertEq(bytes(wrapper.symbol()), bytes("DEMO"));
        assertEq(wrapper.decimals(), 18);
        assertEq(bridges[1].idOf(predicted), _tokenId());
    }

    function test_depositMadeBeforeTheWrapperExistsIsExecutedAfterIt() public {
        _on(0);
        bridges[0].registerToken(address(token), CHAINS[1]);
        _limit(1, AMPLE, AMPLE);
        _deposit(0, 1, USER, 5);
        _relay(0, 1);
        gateways[1].execute(_remote(0), sent[_lane(0, 1)][0]);
        gateways[1].execute(_remote(0), sent[_lane(0, 1)][1]);
        assertEq(WrappedToken(_wrapper(1)).balanceOf(USER), 5);
    }

    function test_refusesCodelessTwiceAndWrappers() public {
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NoCode.selector, address(0xDEAD)));
        bridges[0].registerToken(address(0xDEAD), CHAINS[1]);
        _register(1);
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.AlreadyRegistered.selector, _tokenId(), CHAINS[1]));
        bridges[0].registerToken(address(token), CHAINS[1]);
        _on(1);
        address wrapper = _wrapper(1);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotHome.selector, CHAINS[0]));
        bridges[1].registerToken(wrapper, CHAINS[2]);
    }

    function test_refusesLongMetadata() public {
        _on(0);
        string memory long = string(new bytes(65));
        address named = address(new NamedToken(long, "S"));
        vm.expectRevert(ITokenBridge.InvalidMetadata.selector);
        bridges[0].registerToken(named, CHAINS[1]);
        named = address(new NamedToken("N", string(new bytes(33))));
        vm.expectRevert(ITokenBridge.InvalidMetadata.selector);
        bridges[0].registerToken(named, CHAINS[1]);
    }

    function test_refusesEmptyMetadata() public {
        _on(0);
        address named = address(new NamedToken("", "S"));
        vm.expectRevert(ITokenBridge.InvalidMetadata.selector);
        bridges[0].registerToken(named, CHAINS[1]);
        named = address(new NamedToken("N", ""));
        vm.expectRevert(ITokenBridge.InvalidMetadata.selector);
        bridges[0].registerToken(named, CHAINS[1]);
    }

    function test_longestMetadataFitsTheRegistrationsGas() public {
        _on(0);
        address named = address(new NamedToken(string(new bytes(64)), string(new bytes(32))));
        bridges[0].registerToken(named, CHAINS[1]);
        _relay(0, 1);
        gateways[1].execute{gas: 850_000}(_remote(0), sent[_lane(0, 1)][0]);
    }

    function test_wrapperBelongsToItsBridge() public {
        _register(1);
        WrappedToken wrapper = WrappedToken(_wrapper(1));
        vm.expectRevert(WrappedToken.NotBridge.selector);
        wrapper.mint(USER, 1);
        vm.expectRevert(WrappedToken.NotBridge.selector);
        wrapper.burn(USER, 1);
        vm.expectRevert(WrappedToken.NotBridge.selector);
        wrapper.initialize("", "", 0);
        WrappedToken implementation = WrappedToken(bridges[1].wrapperImplementation());
        vm.startPrank(address(bridges[1]));
        vm.expectRevert(WrappedToken.AlreadyInitialized.selector);
        wrapper.initialize("", "", 0);
        vm.expectRevert(WrappedToken.AlreadyInitialized.selector);
        implementation.initialize("", "", 0);
    }

    function test_permit() public {
        _register(1);
        _on(1);
        WrappedToken wrapper = WrappedToken(_wrapper(1));
        uint256 key = keys[0];
        address holder = vm.addr(key);
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                holder,
                USER,
                7,
                0,
                block.timestamp
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", wrapper.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        wrapper.permit(holder, USER, 7, block.timestamp, v, r, s);
        assertEq(wrapper.allowance(holder, USER), 7);
    }
}
