// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {Counter} from "../utils/Receivers.sol";
import {RegistryTest} from "../utils/RegistryTest.sol";

contract EpochsTest is RegistryTest {
    function test_isMadeByTimeAndOnlyOnTopOfASignedOne() public {
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, vm.getBlockTimestamp() + EPOCH));
        registry.makeEpoch();
        _later(EPOCH);
        vm.expectRevert(IValidatorRegistry.NothingChanges.selector);
        registry.makeEpoch();
        _newcomer(1);
        _later(PROBATION);
        vm.prank(STRANGER);
        assertEq(registry.makeEpoch(), 2);
        _newcomer(2);
        _later(PROBATION);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.EpochNotSigned.selector, 2));
        registry.makeEpoch();
        _signNext();
        assertEq(registry.makeEpoch(), 3);
    }

    /// @dev Gateways refuse sets of more than a week: one that nothing changes is renewed long before.
    function test_anUnchangedSetIsRenewedAfterThreeDays() public {
        _later(3 days - 1);
        (bool isDue,) = registry.epochDue();
        assertTrue(!isDue, "not yet");
        _later(1);
        bool changes;
        (isDue, changes) = registry.epochDue();
        assertTrue(isDue && !changes, "renewed");
        _makeEpoch();
        assertEq(keys.length, 10);
    }

    function test_validatorsFindAnEpochInSlotZero() public {
        _later(3 days);
        registry.makeEpoch();
        (, bytes32 setHash, uint64 hubTime) = registry.epochSet(2);
        uint256 slot = uint256(keccak256(abi.encode(2, 0)));
        assertEq(vm.load(address(registry), bytes32(slot)), setHash);
        assertEq(uint64(uint256(vm.load(address(registry), bytes32(slot + 1)))), hubTime);
    }

    function test_signaturesAreThoseOfTheEpochBefore() public {
        _later(3 days);
        registry.makeEpoch();
        (, bytes32 setHash, uint64 hubTime) = registry.epochSet(2);
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 2, setHash, hubTime);
        bytes memory few = _sign(digest, 6);
        vm.expectRevert(abi.encodeWithSelector(QuorumLib.BelowQuorum.selector, 6, 7));
        registry.postSignatures(2, few);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.UnknownEpoch.selector, 2));
        registry.postSignatures(3, few);
        registry.postSignatures(2, _sign(digest, 7));
    }

    function test_tenJoinAtOnceAndLessThanAThirdChangesWithEachEpoch() public {
        address[] memory newcomers = new address[](10);
        for (uint256 i = 0; i < 10; ++i) {
            newcomers[i] = _newcomer(i);
        }
        _later(PROBATION);
        uint256 members = 10;
        while (members < 20) {
            _makeEpoch();
            assertTrue((keys.length - members) * 3 < members, "churn");
            assertTrue(keys.length > members, "somebody joined");
            members = keys.length;
            _later(EPOCH);
        }
        for (uint256 i = 0; i < 10; ++i) {
            assertTrue(_isIn(newcomers[i]), "all joined");
        }
    }

    function test_comingAndGoingTogetherAreLessThanAThird() public {
        address[4] memory leavers;
        for (uint256 i = 0; i < 4; ++i) {
            leavers[i] = vm.addr(keys[2 * i]);
            vm.prank(leavers[i]);
            registry.exit(leavers[i]);
        }
        _newcomer(1);
        _later(PROBATION);
        _makeEpoch();
        assertEq(keys.length, 7);
        assertTrue(!_isIn(leavers[2]) && _isIn(leavers[3]), "in the order in which they asked");
        _later(EPOCH);
        _makeEpoch();
        assertEq(keys.length, 7);
        assertTrue(!_isIn(leavers[3]), "the last left, and the newcomer is in");
    }

    function test_nobodyLeavesBelowTheFloor() public {
        _setUpRegistry(5, 4, address(0));
        address first = vm.addr(keys[0]);
        address second = vm.addr(keys[1]);
        vm.prank(first);
        registry.exit(first);
        vm.prank(second);
        registry.exit(second);
        _later(EPOCH);
        _makeEpoch();
        assertTrue(!_isIn(first) && _isIn(second), "four stay");
        _later(EPOCH);
        _makeEpoch();
        assertTrue(_isIn(second), "still");
        _newcomer(1);
        _later(PROBATION);
        _makeEpoch();
        _later(EPOCH);
        _makeEpoch();
        assertTrue(!_isIn(second), "once somebody has taken its place");
    }

    function test_aGatewayThatSleptThroughFiveEpochsCatchesUp() public {
        Counter counter = new Counter();
        for (uint256 i = 0; i < 5; ++i) {
            _newcomer(i);
            _later(PROBATION);
            _makeEpoch();
        }
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(counter)), 200_000, 0, "");
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        vm.expectRevert();
        gateways[1].deliver(delivery);
        _catchUp(1);
        _on(1);
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 1);
        assertEq(keys.length, 15);
    }

    function test_aSetOlderThanAWeekDeliversNothingUntilItIsRenewed() public {
        Counter counter = new Counter();
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(counter)), 200_000, 0, "");
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        uint256 made = vm.getBlockTimestamp();
        _later(7 days + 1);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.SetIsStale.selector, made));
        gateways[1].deliver(delivery);
        // The set's own signatures still rotate it.
        _makeEpoch();
        _catchUp(1);
        delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 1);
    }

    function test_aSetIsGoodForAWeekToTheSecond() public {
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(USER), 200_000, 0, "");
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _later(7 days);
        _on(1);
        gateways[1].deliver(delivery);
    }

    function test_silentOnesAreJailedByAQuorumAndComeBack() public {
        address silent = vm.addr(keys[9]);
        bytes32 digest = CheckpointLib.jailDigest(CheckpointLib.domainSeparator(NETWORK), silent, 1);
        bytes memory six = _sign(digest, 6);
        vm.expectRevert(abi.encodeWithSelector(QuorumLib.BelowQuorum.selector, 6, 7));
        registry.jail(silent, six);
        bytes memory seven = _sign(digest, 7);
        registry.jail(silent, seven);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorRegistry.WrongStatus.selector, silent, IValidatorRegistry.Status.Jailed)
        );
        registry.jail(silent, seven);
        uint256 jailed = vm.getBlockTimestamp();
        vm.prank(silent);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, jailed + JAIL_TIME));
        registry.unjail();
        _later(EPOCH - 1);
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, jailed + EPOCH));
        registry.makeEpoch();
        _later(1);
        _makeEpoch();
        assertTrue(!_isIn(silent), "out");
        assertEq(registry.validator(silent).bond, BOND);
        vm.prank(silent);
        registry.unjail();
        _later(EPOCH);
        _makeEpoch();
        assertTrue(_isIn(silent), "back, without a probation");
        // The old quorum's word is of an old epoch.
        vm.expectRevert();
        registry.jail(silent, seven);
    }

    function test_aBondIsFreeAfterUnbondingAndWhenEveryGatewayHoldsTheRotation() public {
        address key = vm.addr(keys[3]);
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.NotTheValidator.selector);
        registry.exit(key);
        vm.prank(_payout(key));
        registry.exit(key);
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorRegistry.WrongStatus.selector, key, IValidatorRegistry.Status.Leaving)
        );
        registry.withdraw(key);
        _later(EPOCH);
        _makeEpoch();
        uint256 out = vm.getBlockTimestamp();
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, out + UNBONDING));
        registry.withdraw(key);
        _later(UNBONDING);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.GatewayBehind.selector, CHAINS[0], 0, 2));
        registry.withdraw(key);
        // Sets are too old to deliver anything: renew, and report from everywhere.
        _makeEpoch();
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
            _on(i);
            vm.prank(STRANGER);
            gateways[i].reportRotation(3);
            // It costs nobody anything: once a week.
            vm.expectRevert(IGateway.AlreadyReported.selector);
            gateways[i].reportRotation(3);
        }
        _relay(1, 0);
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.GatewayBehind.selector, CHAINS[2], 0, 2));
        registry.withdraw(key);
        _relay(2, 0);
        _on(0);
        registry.withdraw(key);
        registry.claim(_payout(key));
        assertEq(_payout(key).balance, BOND);
        assertTrue(_status(key) == IValidatorRegistry.Status.None, "gone");
        assertEq(registry.held(), address(registry).balance);
    }

    /// @dev What is left of a set that has lost too many is not what a quorum was to mean: it neither delivers nor
    /// hands over by itself, and decides about nobody.
    function test_belowTheMinimumTheOwnerApprovesTheNextSet() public {
        _setUpRegistry(5, 4, address(0));
        Counter counter = new Counter();
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(counter)), 200_000, 0, "");
        _equivocation(keys[0]);
        _equivocation(keys[1]);
        _makeEpoch();
        _catchUp(1);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.TooFewValidators.selector, 3, 4));
        gateways[1].deliver(delivery);

        _on(0);
        address newcomer = _newcomer(1);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.BelowFloor.selector, 3, 4));
        registry.refuseByQuorum(newcomer, "");
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.BelowFloor.selector, 3, 4));
        registry.jail(vm.addr(keys[0]), "");
        _later(PROBATION);
        _makeEpoch();
        (bytes memory set, bytes32 setHash, uint64 hubTime) = registry.epochSet(3);
        bytes memory signatures = registry.epochSignatures(3);
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 3, setHash, hubTime);
        _on(1);
        vm.expectRevert(abi.encodeWithSelector(IGateway.SetNotApproved.selector, digest));
        gateways[1].rotate(set, 3, hubTime, signatures);
        vm.prank(STRANGER);
        vm.expectRevert();
        gateways[1].approveSet(digest);
        vm.prank(OWNER);
        gateways[1].approveSet(digest);
        gateways[1].rotate(set, 3, hubTime, signatures);
        delivery = _delivery(0, 1, 1, 1, 1);
        gateways[1].deliver(delivery);
        assertEq(counter.count(), 1);
    }

    /// @dev A network can be ended: every bond is free after the unbonding time, whatever gateways hold.
    function test_aRetiredRegistryFreesAllBonds() public {
        vm.prank(STRANGER);
        vm.expectRevert();
        registry.retire();
        vm.prank(OWNER);
        registry.retire();
        address member = vm.addr(keys[0]);
        uint256 free = vm.getBlockTimestamp() + UNBONDING;
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.TooSoon.selector, free));
        registry.withdraw(member);
        _later(UNBONDING);
        for (uint256 i = 0; i < keys.length; ++i) {
            registry.withdraw(vm.addr(keys[i]));
        }
        registry.claim(_payout(member));
        assertEq(_payout(member).balance, BOND);
        assertEq(registry.held(), 9 * BOND);
    }

    /// @dev A gateway that never says what it holds does not lock bonds for ever.
    /// @dev Who was accused in the last set of all is judged as well: no epoch will be made without it.
    function test_aRetiredRegistryJudgesWhoWasInItsLastSet() public {
        (address vetoed, address liar) = (vm.addr(keys[0]), vm.addr(keys[1]));
        _equivocation(keys[0]);
        _equivocation(keys[1]);
        vm.prank(GUARDIAN);
        registry.veto(vetoed);
        vm.prank(OWNER);
        registry.retire();
        _later(DEFEAT);
        registry.settle(liar);
        assertEq(registry.due(STRANGER), BOND / 10);
        _later(UNBONDING);
        registry.settle(vetoed);
        assertEq(registry.due(_payout(vetoed)), BOND);
    }

    function test_aBondWaitsNinetyDaysForGatewaysAndNoLonger() public {
        address key = vm.addr(keys[3]);
        vm.prank(key);
        registry.exit(key);
        _later(EPOCH);
        _makeEpoch();
        _later(90 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.GatewayBehind.selector, CHAINS[0], 0, 2));
        registry.withdraw(key);
        _later(1);
        registry.withdraw(key);
    }

    /// @dev The largest set, with as many leaving and waiting as there can be, in a block of any chain.
    function test_theGreatestEpochFitsIntoABlock() public {
        _setUpRegistry(128, 4, address(0));
        for (uint256 i = 0; i < 64; ++i) {
            address leaver = vm.addr(keys[2 * i]);
            vm.prank(leaver);
            registry.exit(leaver);
            _newcomer(i);
        }
        _later(PROBATION);
        uint256 before = gasleft();
        registry.makeEpoch();
        uint256 used = before - gasleft();
        assertTrue(used < 10_000_000, "gas");
    }
}
