// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {SignatureLib} from "../../src/libraries/SignatureLib.sol";
import {RegistryTest} from "../utils/RegistryTest.sol";

/// @title Lies that the hub proves by itself, and what becomes of who told them.
contract EquivocationTest is RegistryTest {
    function test_anEquivocatorIsOutAtOnceAndLosesItsBond() public {
        uint256 secret = keys[4];
        address liar = vm.addr(secret);
        _equivocation(secret);
        assertTrue(_status(liar) == IValidatorRegistry.Status.Convicted, "convicted");
        // No epoch is due by time.
        _makeEpoch();
        assertTrue(!_isIn(liar), "out");
        assertEq(keys.length, 9);
        vm.expectRevert();
        registry.settle(liar);
        _later(DEFEAT);
        vm.prank(STRANGER);
        registry.settle(liar);
        registry.claim(STRANGER);
        registry.claim(TREASURY);
        assertEq(STRANGER.balance, BOND / 10);
        assertEq(TREASURY.balance, BOND - BOND / 10);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.NotConvicted.selector, liar));
        registry.settle(liar);
    }

    function test_theKeyNeverComesBack() public {
        uint256 secret = keys[4];
        address liar = vm.addr(secret);
        _equivocation(secret);
        _makeEpoch();
        vm.prank(OWNER);
        registry.setAllowed(liar, true);
        vm.deal(liar, 2 * BOND);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(liar);
            vm.expectRevert(_wrong(liar));
            registry.register{value: BOND}("https://x", liar, BOND);
            vm.prank(liar);
            vm.expectRevert(_wrong(liar));
            registry.unjail();
            vm.prank(liar);
            vm.expectRevert(_wrong(liar));
            registry.exit(liar);
            vm.expectRevert(_wrong(liar));
            registry.withdraw(liar);
            vm.prank(liar);
            vm.expectRevert(_wrong(liar));
            registry.topUp{value: 1}(liar, 1);
            _later(DEFEAT);
            if (i == 0) registry.settle(liar);
        }
    }

    function test_whoLeftIsHeldToWhatItSignedWhileItsBondIsThere() public {
        uint256 secret = keys[4];
        address liar = vm.addr(secret);
        vm.prank(liar);
        registry.exit(liar);
        _later(EPOCH);
        _makeEpoch();
        assertTrue(_status(liar) == IValidatorRegistry.Status.Left, "left");
        _equivocation(secret);
        (uint64 newest,) = registry.epochs();
        (bool isDue,) = registry.epochDue();
        assertTrue(!isDue && newest == 2, "nobody to evict");
        _later(UNBONDING + DEFEAT);
        vm.expectRevert(_wrong(liar));
        registry.withdraw(liar);
        registry.settle(liar);
        assertEq(registry.due(STRANGER), BOND / 10);
    }

    function test_threeLiarsAtOnceAreOutWithOneEpochWhateverChurnAndFloorSay() public {
        _setUpRegistry(10, 9, address(0));
        uint256[3] memory secretsOf = [keys[0], keys[5], keys[9]];
        for (uint256 i = 0; i < 3; ++i) {
            _equivocation(secretsOf[i]);
        }
        // Who asked to leave before does not go under the floor.
        address leaver = vm.addr(keys[1]);
        vm.prank(leaver);
        registry.exit(leaver);
        // By time as well: churn and floor are asked.
        _later(EPOCH);
        _makeEpoch();
        assertEq(keys.length, 7);
        assertTrue(_isIn(leaver), "waits");
    }

    function test_evidenceDoesNotWaitForAnEpochsSignatures() public {
        _newcomer(1);
        _later(PROBATION);
        registry.makeEpoch();
        _later(EPOCH);
        _equivocation(keys[2]);
        assertEq(registry.makeEpoch(), 3);
        _signNext();
        _signNext();
        assertEq(keys.length, 10);
    }

    function test_whoWaitsIsConvictedToo() public {
        address key = _newcomer(1);
        _equivocation(secrets[key]);
        assertEq(registry.waiting().length, 0);
        _later(PROBATION);
        vm.expectRevert(IValidatorRegistry.NothingChanges.selector);
        registry.makeEpoch();
        assertTrue(!_isIn(key), "never");
    }

    function test_twoOfTheSameAreNoLie() public {
        bytes32 lane = _lane(0, 1);
        bytes memory a = _checkpointBy(keys[0], lane, 7, "a");
        vm.expectRevert(IValidatorRegistry.NoLie.selector);
        registry.proveEquivocation(lane, 7, "a", a, "a", a, STRANGER);
    }

    function test_twoKeysOrTwoNoncesOrTwoNetworksAreNoLie() public {
        bytes32 lane = _lane(0, 1);
        bytes memory a = _checkpointBy(keys[0], lane, 7, "a");
        bytes memory other = _checkpointBy(keys[1], lane, 7, "b");
        vm.expectRevert(IValidatorRegistry.NoLie.selector);
        registry.proveEquivocation(lane, 7, "a", a, "b", other, STRANGER);
        bytes memory next = _checkpointBy(keys[0], lane, 8, "b");
        vm.expectRevert();
        registry.proveEquivocation(lane, 7, "a", a, "b", next, STRANGER);
        bytes32 elsewhere =
            CheckpointLib.digest(CheckpointLib.domainSeparator(keccak256("another network")), lane, 7, "b");
        bytes memory foreign = _signature(keys[0], elsewhere);
        vm.expectRevert();
        registry.proveEquivocation(lane, 7, "a", a, "b", foreign, STRANGER);
    }

    function test_aMalleableTwinIsNoSignature() public {
        bytes32 lane = _lane(0, 1);
        // The least s that is too high (EIP-2); EIP-2098 leaves room for few that are.
        uint256 s = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A1;
        bytes memory high = abi.encodePacked(keccak256("r"), bytes32(s));
        bytes memory b = _checkpointBy(keys[0], lane, 7, "b");
        vm.expectRevert(SignatureLib.InvalidSignature.selector);
        registry.proveEquivocation(lane, 7, "a", high, "b", b, STRANGER);
        vm.expectRevert(SignatureLib.InvalidSignature.selector);
        registry.proveEquivocation(lane, 7, "a", "", "b", b, STRANGER);
    }

    function test_aSetThatIsNotItsEpochsIsALie() public {
        _newcomer(1);
        _later(PROBATION);
        _makeEpoch();
        (, bytes32 setHash, uint64 hubTime) = registry.epochSet(2);
        bytes32 domain = CheckpointLib.domainSeparator(NETWORK);
        bytes memory honest = _signature(keys[0], CheckpointLib.setDigest(domain, 2, setHash, hubTime));
        vm.expectRevert(IValidatorRegistry.NoLie.selector);
        registry.proveFalseSet(2, setHash, hubTime, honest, STRANGER);

        bytes memory set = _signature(keys[0], CheckpointLib.setDigest(domain, 2, "other", hubTime));
        registry.proveFalseSet(2, "other", hubTime, set, STRANGER);
        bytes memory time = _signature(keys[1], CheckpointLib.setDigest(domain, 2, setHash, hubTime + 1));
        registry.proveFalseSet(2, setHash, hubTime + 1, time, STRANGER);
        _makeEpoch();
        assertEq(keys.length, 9);
    }

    /// @dev Another registry may make them, after a move; and what no gateway takes is no danger.
    function test_ofEpochsThatWereNotMadeHereNothingIsALie() public {
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 2, "any", 5);
        bytes memory signature = _signature(keys[0], digest);
        vm.expectRevert(IValidatorRegistry.NoLie.selector);
        registry.proveFalseSet(2, "any", 5, signature, STRANGER);
    }

    function test_ofEpochsBeforeTheRegistryNothingIsALie() public {
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 0, "any", 5);
        bytes memory signature = _signature(keys[0], digest);
        vm.expectRevert(IValidatorRegistry.NoLie.selector);
        registry.proveFalseSet(0, "any", 5, signature, STRANGER);
    }

    function test_aVetoFreesTheBondAndNotTheKey() public {
        uint256 secret = keys[4];
        address liar = vm.addr(secret);
        _equivocation(secret);
        _makeEpoch();
        vm.prank(STRANGER);
        vm.expectRevert(IValidatorRegistry.NotGuardian.selector);
        registry.veto(liar);
        vm.prank(GUARDIAN);
        registry.veto(liar);
        _later(UNBONDING);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.GatewayBehind.selector, CHAINS[0], 0, 2));
        registry.settle(liar);
        _makeEpoch();
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
            _on(i);
            gateways[i].reportRotation(3);
        }
        _relay(1, 0);
        _relay(2, 0);
        _on(0);
        registry.settle(liar);
        registry.claim(_payout(liar));
        assertEq(_payout(liar).balance, BOND);
        assertTrue(_status(liar) == IValidatorRegistry.Status.Convicted, "still out");
    }

    function test_theGuardianSpeaksInTheWindowOrNotAtAll() public {
        uint256 secret = keys[4];
        _equivocation(secret);
        _later(DEFEAT);
        uint256 over = vm.getBlockTimestamp();
        vm.prank(GUARDIAN);
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.WindowOver.selector, over));
        registry.veto(vm.addr(secret));
    }

    function test_aStrangersKeyCannotBeConvicted() public {
        bytes32 lane = _lane(0, 1);
        bytes memory a = _checkpointBy(99, lane, 7, "a");
        bytes memory b = _checkpointBy(99, lane, 7, "b");
        vm.expectRevert(
            abi.encodeWithSelector(IValidatorRegistry.WrongStatus.selector, vm.addr(99), IValidatorRegistry.Status.None)
        );
        registry.proveEquivocation(lane, 7, "a", a, "b", b, STRANGER);
    }

    function test_twiceForTheSameIsRefused() public {
        _equivocation(keys[0]);
        bytes32 lane = _lane(0, 1);
        bytes memory a = _checkpointBy(keys[0], lane, 7, "a");
        bytes memory b = _checkpointBy(keys[0], lane, 7, "b");
        vm.expectRevert(abi.encodeWithSelector(IValidatorRegistry.AlreadyConvicted.selector, vm.addr(keys[0])));
        registry.proveEquivocation(lane, 7, "a", a, "b", b, USER);
    }

    function _wrong(address key) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IValidatorRegistry.WrongStatus.selector, key, IValidatorRegistry.Status.Convicted);
    }
}
