// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Gateway} from "../../src/Gateway.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Counter} from "../utils/Receivers.sol";

contract RotateTest is BridgeTest {
    function _digest(uint64 epoch, bytes memory set, uint64 hubTime) private pure returns (bytes32) {
        return CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), epoch, keccak256(set), hubTime);
    }

    function test_rotatesAndOldSignaturesNoLongerDeliver() public {
        Counter counter = new Counter();
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(counter)), 200_000, 0, "");
        IGateway.Delivery memory old = _delivery(0, 1, 1, 1, 1);
        bytes memory oldSet = _set(keys);

        uint256[] memory present = keys;
        _makeKeys(7);
        bytes memory newSet = _set(keys);
        uint256[] memory next = keys;
        keys = present;
        bytes memory signatures = _sign(_digest(2, newSet, 99), 3);
        keys = next;

        _on(1);
        gateways[1].rotate(newSet, 2, 99, signatures);
        (bytes memory set, uint64 epoch, uint64 hubTime,) = gateways[1].validatorSet();
        assertEq(set, newSet);
        assertEq(epoch, 2);
        assertEq(hubTime, 99);
        assertTrue(keccak256(set) != keccak256(oldSet), "changed");

        vm.expectRevert();
        gateways[1].deliver(old);
        IGateway.Delivery memory fresh = _delivery(0, 1, 1, 1, 1);
        _on(1);
        gateways[1].deliver(fresh);
        assertEq(counter.count(), 1);
    }

    function test_worksWhilePaused() public {
        vm.prank(GUARDIAN);
        gateways[0].pauseDeliveries();
        bytes memory set = _set(keys);
        gateways[0].rotate(set, 2, 0, _sign(_digest(2, set, 0), 3));
        (,,, bool paused) = gateways[0].validatorSet();
        assertTrue(paused, "pause survives rotation");
    }

    function test_refusesWrongEpoch() public {
        bytes memory set = _set(keys);
        bytes memory signatures = _sign(_digest(3, set, 0), 3);
        vm.expectRevert(abi.encodeWithSelector(IGateway.WrongEpoch.selector, 2));
        gateways[0].rotate(set, 3, 0, signatures);
    }

    function test_refusesBelowQuorumEmptyDuplicateUnsortedZeroOversized() public {
        bytes memory set = _set(keys);
        bytes memory two = _sign(_digest(2, set, 0), 2);
        vm.expectRevert(abi.encodeWithSelector(QuorumLib.BelowQuorum.selector, 2, 3));
        gateways[0].rotate(set, 2, 0, two);

        _refused("", QuorumLib.EmptySet.selector);
        _refused(hex"01", QuorumLib.MalformedSet.selector);
        _refused(abi.encodePacked(address(0)), QuorumLib.SetNotAscending.selector);
        _refused(abi.encodePacked(address(1), address(1)), QuorumLib.SetNotAscending.selector);
        _refused(abi.encodePacked(address(2), address(1)), QuorumLib.SetNotAscending.selector);
        bytes memory big;
        for (uint160 i = 1; i <= 129; ++i) {
            big = abi.encodePacked(big, address(i));
        }
        _refused(big, QuorumLib.SetTooLarge.selector);
    }

    function _refused(bytes memory set, bytes4 selector) private {
        bytes memory signatures = _sign(_digest(2, set, 0), 4);
        vm.expectPartialRevert(selector);
        gateways[0].rotate(set, 2, 0, signatures);
        vm.expectPartialRevert(selector);
        this.newGateway(NETWORK, OWNER, 1, set);
    }
}
