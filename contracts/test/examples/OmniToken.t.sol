// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {OmniToken} from "../../src/examples/OmniToken.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

contract OmniTokenTest is BridgeTest {
    uint256 private constant SUPPLY = 1000 ether;
    OmniToken[2] private omni;
    bytes32 private tokenId;

    function setUp() public override {
        super.setUp();
        bytes32 home;
        for (uint256 i = 0; i < 2; ++i) {
            _on(i);
            omni[i] = new OmniToken("Omni", "OMNI", address(bridges[i]), i == 0 ? SUPPLY : 0, USER);
            if (i == 0) home = LaneLib.toBytes32(address(omni[0]));
        }
        vm.prank(OWNER);
        bridges[1].linkToken(CHAINS[0], home, address(omni[1]), ITokenBridge.Kind.Erc7802, 18);
        tokenId = keccak256(abi.encode(CHAINS[0], home));
        _on(0);
        bridges[0].registerToken(address(omni[0]), CHAINS[1]);
        _relay(0, 1);
        gateways[1].execute(_remote(0), sent[_lane(0, 1)][0]);
        for (uint256 i = 0; i < 2; ++i) {
            _on(i);
            vm.prank(OWNER);
            bridges[i].setLimits(tokenId, AMPLE, AMPLE);
        }
    }

    function _move(uint256 from, uint256 amount) private {
        bytes32 to = LaneLib.toBytes32(USER);
        _on(from);
        vm.startPrank(USER);
        // Where it is burned, no allowance is needed: the token trusts the bridge.
        if (from == 0) omni[0].approve(address(bridges[0]), amount);
        bridges[from].deposit(address(omni[from]), amount, CHAINS[1 - from], to, to, 0);
        vm.stopPrank();
        _relay(from, 1 - from);
    }

    function testFuzz_movesAndKeepsTheSupply(uint128 out, uint128 back) public {
        out = uint128(bound(out, 1, SUPPLY));
        back = uint128(bound(back, 1, out));
        _move(0, out);
        assertEq(omni[1].balanceOf(USER), out);
        assertEq(omni[0].balanceOf(USER), SUPPLY - out);
        _move(1, back);
        assertEq(omni[0].balanceOf(USER), SUPPLY - out + back);
        // What there is away is locked at home, and counted.
        assertEq(omni[0].totalSupply(), SUPPLY);
        assertEq(omni[0].balanceOf(address(bridges[0])), omni[1].totalSupply());
        assertEq(bridges[0].held(tokenId, CHAINS[1]), omni[1].totalSupply());
    }

    function test_onlyTheTokenBridgeMintsAndBurns() public {
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(OmniToken.NotTokenBridge.selector, OWNER));
        omni[0].crosschainMint(OWNER, 1);
        vm.expectRevert(abi.encodeWithSelector(OmniToken.NotTokenBridge.selector, OWNER));
        omni[0].crosschainBurn(USER, 1);
    }

    function test_nobodyMovesTheTokensOfOthers() public {
        bytes32 to = LaneLib.toBytes32(OWNER);
        _on(0);
        vm.prank(OWNER);
        vm.expectRevert();
        bridges[0].deposit(address(omni[0]), 1, CHAINS[1], to, to, 0);
        assertEq(omni[0].balanceOf(USER), SUPPLY);
    }
}
