// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {DemoToken} from "../../src/examples/DemoToken.sol";
import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {RegistryTest} from "../utils/RegistryTest.sol";

contract AdmissionTest is RegistryTest {
    function test_registersWaitsAndJoins() public {
        address key = _newcomer(1);
        assertTrue(_status(key) == IValidatorRegistry.Status.Waiting, "waits");
        assertEq(registry.validator(key).bond, BOND);
        _later(EPOCH);
        // Not before its probation is over.
        vm.expectRevert(IValidatorRegistry.NothingChanges.selector);
        registry.makeEpoch();
        _later(EPOCH);
        uint64 epoch = _makeEpoch();
        assertTrue(_isIn(key), "joined");
        (bytes memory set,,) = registry.epochSet(epoch);
        assertEq(set.length, 11 * 20);
        QuorumLib.validate(set);
    }

    function test_admissionIsByAllowlistUntilOpen() public {
        vm.deal(STRANGER, 2 * BOND);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.NotAllowed.selector, STRANGER));
        registry.register{value: BOND}("https://x", STRANGER, BOND);
        vm.prank(OWNER);
        registry.setOpen(true);
        vm.prank(STRANGER);
        registry.register{value: BOND}("https://x", STRANGER, BOND);
        vm.prank(STRANGER);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorRegistry.WrongStatus.selector, STRANGER, IValidatorRegistry.Status.Waiting)
        );
        registry.register{value: BOND}("https://x", STRANGER, BOND);
    }

    function test_refusesBadBondsUrlsAndPayouts() public {
        vm.prank(OWNER);
        registry.setOpen(true);
        vm.deal(STRANGER, 2 * BOND);
        vm.startPrank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.BondTooSmall.selector, BOND - 1, BOND));
        registry.register{value: BOND - 1}("https://x", STRANGER, BOND - 1);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.WrongValue.selector, BOND - 1, BOND));
        registry.register{value: BOND - 1}("https://x", STRANGER, BOND);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.InvalidUrl.selector, 0));
        registry.register{value: BOND}("", STRANGER, BOND);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.InvalidUrl.selector, 201));
        registry.register{value: BOND}(string(new bytes(201)), STRANGER, BOND);
        vm.expectRevert(IValidatorRegistry.InvalidAddress.selector);
        registry.register{value: BOND}("https://x", address(0), BOND);
        vm.stopPrank();
    }

    function test_guardianOrQuorumRefusesWhoWaitsAndTheBondIsFreeAtOnce() public {
        address first = _newcomer(1);
        address second = _newcomer(2);
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.NotGuardian.selector);
        registry.refuse(first);
        vm.prank(GUARDIAN);
        registry.refuse(first);
        registry.withdraw(first);
        registry.claim(_payout(first));
        assertEq(_payout(first).balance, BOND);

        bytes32 digest = CheckpointLib.refuseDigest(CheckpointLib.domainSeparator(NETWORK), second, 1);
        bytes memory six = _sign(digest, 6);
        vm.expectRevert(abi.encodeWithSelector(QuorumLib.BelowQuorum.selector, 6, 7));
        registry.refuseByQuorum(second, six);
        registry.refuseByQuorum(second, _sign(digest, 7));
        assertTrue(_status(second) == IValidatorRegistry.Status.Left, "refused");
        assertEq(registry.waiting().length, 0);
    }

    function test_refusesNobodyWhoIsIn() public {
        address member = vm.addr(keys[0]);
        vm.prank(GUARDIAN);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorRegistry.WrongStatus.selector, member, IValidatorRegistry.Status.Active)
        );
        registry.refuse(member);
    }

    function test_aFounderThatNeverBondsIsExpelled() public {
        _setUpRegistry(5, 2, address(1));
        address founder = vm.addr(keys[0]);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, vm.getBlockTimestamp() + PROBATION));
        registry.expel(founder);
        _later(PROBATION);
        registry.expel(founder);
        _makeEpoch();
        assertTrue(!_isIn(founder), "out");
        assertEq(keys.length, 4);
    }

    /// @dev Attack: taking all places in the queue and leaving them at no cost.
    function test_whoLeavesTheQueueWaitsForItsBond() public {
        address key = _newcomer(1);
        vm.prank(key);
        registry.exit(key);
        assertEq(registry.waiting().length, 0);
        uint256 free = vm.getBlockTimestamp() + UNBONDING;
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, free));
        registry.withdraw(key);
        _later(UNBONDING);
        registry.withdraw(key);
        registry.claim(_payout(key));
        assertEq(_payout(key).balance, BOND);
        // And may come again.
        _bond(key);
        assertTrue(_status(key) == IValidatorRegistry.Status.Waiting, "again");
    }

    function test_bondsInAToken() public {
        address holder = address(0x401D);
        DemoToken coin = DemoToken(_create("DemoToken", abi.encode("Bond", "BOND", 100 ether, holder)));
        _setUpRegistry(5, 2, address(coin));
        address founder = vm.addr(keys[0]);
        vm.prank(holder);
        coin.transfer(founder, BOND);
        vm.deal(founder, 1 ether);
        vm.startPrank(founder);
        coin.approve(address(registry), BOND);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.WrongValue.selector, 1 ether, 0));
        registry.register{value: 1 ether}("https://x", founder, BOND);
        registry.register("https://x", founder, BOND);
        vm.stopPrank();
        assertEq(coin.balanceOf(address(registry)), BOND);
        assertEq(registry.held(), BOND);
        _equivocation(keys[0]);
        _makeEpoch();
        _later(DEFEAT);
        registry.settle(founder);
        registry.claim(STRANGER);
        registry.claim(TREASURY);
        assertEq(coin.balanceOf(STRANGER), BOND / 10);
        assertEq(coin.balanceOf(TREASURY), BOND - BOND / 10);
        assertEq(registry.held(), 0);
    }

    /// @dev Expelled for not bonding, and bonds before it is out: it stays.
    function test_aLateFounderStays() public {
        address holder = address(0x401D);
        DemoToken coin = DemoToken(_create("DemoToken", abi.encode("Bond", "BOND", 100 ether, holder)));
        _setUpRegistry(5, 2, address(coin));
        address founder = vm.addr(keys[0]);
        _later(PROBATION);
        registry.expel(founder);
        vm.prank(holder);
        coin.transfer(founder, BOND);
        vm.startPrank(founder);
        coin.approve(address(registry), BOND);
        registry.register("https://x", founder, BOND);
        vm.stopPrank();
        vm.expectRevert(IValidatorRegistry.NothingChanges.selector);
        registry.makeEpoch();
        assertTrue(_isIn(founder) && _status(founder) == IValidatorRegistry.Status.Active, "stays");
    }

    function test_theQueueIsBounded() public {
        for (uint256 i = 0; i < 64; ++i) {
            _newcomer(i);
        }
        vm.prank(OWNER);
        registry.setOpen(true);
        vm.deal(STRANGER, BOND);
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.QueueFull.selector);
        registry.register{value: BOND}("https://x", STRANGER, BOND);
    }

    function test_anyoneTopsUpAndTheKeyAloneChangesItsUrl() public {
        address key = vm.addr(keys[0]);
        vm.deal(STRANGER, 1 ether);
        vm.prank(STRANGER);
        registry.topUp{value: 1 ether}(key, 1 ether);
        assertEq(registry.validator(key).bond, BOND + 1 ether);
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.NotTheValidator.selector);
        registry.setUrl("https://elsewhere");
        vm.prank(key);
        registry.setUrl("https://elsewhere");
        assertEq(bytes(registry.validator(key).url), bytes("https://elsewhere"));
    }
}
