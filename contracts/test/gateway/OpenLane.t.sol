// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Gateway} from "../../src/Gateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {Timelock} from "../../src/Timelock.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

contract OpenLaneTest is BridgeTest {
    function test_opensBothDirectionsAtTheLaneItself() public view {
        assertEq(gateways[0].outbox(CHAINS[1]).accumulator, _lane(0, 1));
        assertEq(gateways[0].inbox(_lane(1, 0)), _lane(1, 0));
        assertEq(gateways[0].inbox(_lane(0, 1)), 0);
    }

    function test_onlyTheOwner() public {
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, GUARDIAN));
        gateways[0].openLane(IGateway.Remote(7, 1, bytes32(uint256(1))));
    }

    function test_refusesZerosItselfAndTwice() public {
        _on(0);
        vm.startPrank(OWNER);
        vm.expectRevert(IGateway.InvalidLane.selector);
        gateways[0].openLane(IGateway.Remote(0, 1, bytes32(uint256(1))));
        vm.expectRevert(IGateway.InvalidLane.selector);
        gateways[0].openLane(IGateway.Remote(CHAINS[0], 1, bytes32(uint256(1))));
        vm.expectRevert(IGateway.InvalidLane.selector);
        gateways[0].openLane(IGateway.Remote(7, 0, bytes32(uint256(1))));
        vm.expectRevert(IGateway.InvalidLane.selector);
        gateways[0].openLane(IGateway.Remote(7, 1, 0));
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneAlreadyOpen.selector, CHAINS[1]));
        gateways[0].openLane(_remote(1));
    }

    function test_refusesZeroNetwork() public {
        bytes memory set = _set(keys);
        vm.expectRevert(IGateway.InvalidLane.selector);
        this.newGateway(0, OWNER, 1, set);
    }

    function test_timelockedOwnerWaits() public {
        address[] memory actors = new address[](1);
        actors[0] = USER;
        Timelock timelock = Timelock(payable(_create("Timelock", abi.encode(1 days, actors, actors))));
        Gateway gateway = _newGateway(NETWORK, address(timelock), 1, _set(keys));
        bytes memory call = abi.encodeCall(IGateway.openLane, (IGateway.Remote(7, 1, bytes32(uint256(1)))));
        vm.startPrank(USER);
        timelock.schedule(address(gateway), 0, call, 0, 0, 1 days);
        vm.expectRevert();
        timelock.execute(address(gateway), 0, call, 0, 0);
        vm.warp(block.timestamp + 1 days);
        timelock.execute(address(gateway), 0, call, 0, 0);
        assertEq(gateway.outbox(7).generation, 1);
    }

    function test_ownershipMovesInTwoSteps() public {
        vm.prank(OWNER);
        gateways[0].transferOwnership(USER);
        assertEq(gateways[0].owner(), OWNER);
        vm.prank(USER);
        gateways[0].acceptOwnership();
        assertEq(gateways[0].owner(), USER);
    }

    function test_ownershipCannotBeGivenUp() public {
        vm.startPrank(OWNER);
        vm.expectRevert(IGateway.OwnerRequired.selector);
        gateways[0].renounceOwnership();
        vm.expectRevert(ITokenBridge.OwnerRequired.selector);
        bridges[0].renounceOwnership();
    }
}
