// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {ValidatorRegistry} from "../../src/ValidatorRegistry.sol";
import {RegistryTest} from "../utils/RegistryTest.sol";

/// @title What anybody may do to a registry, in any order.
/// @dev Its own test contract, so that helpers that sign are at hand.
contract RegistryActions is RegistryTest {
    uint256 public paidIn;
    uint256 public paidOut;
    address[] public everyone;
    uint256 private _newcomers;

    constructor() {
        _setUpRegistry(7, 4, address(0));
        for (uint256 i = 0; i < keys.length; ++i) {
            everyone.push(vm.addr(keys[i]));
            paidIn += BOND;
        }
    }

    /// @dev Not again: the constructor did.
    function setUp() public override {}

    function theRegistry() external view returns (ValidatorRegistry) {
        return registry;
    }

    function count() external view returns (uint256) {
        return everyone.length;
    }

    function join() external {
        if (_newcomers >= 20) return;
        everyone.push(_newcomer(++_newcomers));
        paidIn += BOND;
    }

    function topUp(uint256 who, uint128 amount) external {
        amount = uint128(bound(amount, 1, 1 ether));
        vm.deal(address(this), amount);
        registry.topUp{value: amount}(_pick(who), amount);
        paidIn += amount;
    }

    function goAway(uint256 who) external {
        address key = _pick(who);
        vm.prank(key);
        registry.exit(key);
    }

    /// @dev A quorum of the others finds one silent.
    function jail(uint256 who) external {
        address key = vm.addr(keys[who % keys.length]);
        (, uint64 signed) = registry.epochs();
        bytes32 digest = CheckpointLib.jailDigest(CheckpointLib.domainSeparator(NETWORK), key, signed);
        registry.jail(key, _sign(digest, _quorum()));
    }

    function unjail(uint256 who) external {
        vm.prank(_pick(who));
        registry.unjail();
    }

    function lie(uint256 who) external {
        // Two thirds of a set that lie are beyond what is claimed.
        if (keys.length <= 4) return;
        _equivocation(secrets[_pick(who)]);
    }

    function judge(uint256 who, bool veto) external {
        vm.prank(GUARDIAN);
        veto ? registry.veto(_pick(who)) : registry.confirm(_pick(who));
    }

    function refuse(uint256 who) external {
        vm.prank(GUARDIAN);
        registry.refuse(_pick(who));
    }

    function epoch() external {
        _makeEpoch();
    }

    /// @dev Epochs that wait for their signatures: evidence makes more of them meanwhile.
    function epochUnsigned() external {
        registry.makeEpoch();
    }

    function sign() external {
        _signNext();
    }

    function wait(uint256 time) external {
        _later(bound(time, 1 hours, 10 days));
    }

    function reportEpochs() external {
        for (uint256 i = 0; i < 3; ++i) {
            _catchUp(i);
            (, uint64 holds,,) = gateways[i].validatorSet();
            _on(i);
            if (holds > gateways[i].reportedEpoch()) gateways[i].reportRotation(holds);
        }
        _relay(1, 0);
        _relay(2, 0);
        _on(0);
    }

    function withdraw(uint256 who) external {
        _on(0);
        registry.withdraw(_pick(who));
    }

    function settle(uint256 who) external {
        registry.settle(_pick(who));
    }

    function claim(uint256 who) external {
        address account = who % 5 == 0 ? TREASURY : who % 5 == 1 ? STRANGER : _payout(_pick(who));
        uint256 before = account.balance;
        registry.claim(account);
        paidOut += account.balance - before;
    }

    function _pick(uint256 who) private view returns (address) {
        return everyone[who % everyone.length];
    }

    function dues() external view returns (uint256 sum) {
        sum = registry.due(TREASURY) + registry.due(STRANGER);
        for (uint256 i = 0; i < everyone.length; ++i) {
            sum += registry.due(_payout(everyone[i])) + registry.validator(everyone[i]).bond;
        }
    }
}

contract RegistryInvariants is RegistryTest {
    RegistryActions private _actions;

    function setUp() public override {
        _actions = new RegistryActions();
        targetContract(address(_actions));
    }

    function invariant_bondsInAreHeldOrPaidOut() public view {
        ValidatorRegistry target = _actions.theRegistry();
        assertEq(_actions.paidIn(), target.held() + _actions.paidOut());
        assertEq(target.held(), address(target).balance);
        assertEq(target.held(), _actions.dues());
    }

    function invariant_theSetIsWhoIsInIt() public view {
        ValidatorRegistry target = _actions.theRegistry();
        (uint64 newest,) = target.epochs();
        (bytes memory set,,) = target.epochSet(newest);
        uint256 inSet = 0;
        for (uint256 i = 0; i < _actions.count(); ++i) {
            IValidatorRegistry.Validator memory validator = target.validator(_actions.everyone(i));
            if (!validator.inSet) continue;
            ++inSet;
            bool found = false;
            for (uint256 j = 0; j < set.length / 20; ++j) {
                if (QuorumLib.memberAt(set, j) == _actions.everyone(i)) found = true;
            }
            assertTrue(found, "in the set");
        }
        assertEq(inSet, set.length / 20);
    }
}
