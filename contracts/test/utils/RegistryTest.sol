// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IReportRecipient} from "../../src/interfaces/IReportRecipient.sol";
import {IValidatorRegistry} from "../../src/interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {ValidatorRegistry} from "../../src/ValidatorRegistry.sol";
import {BridgeTest} from "./BridgeTest.sol";

/// @title A registry on chain 0, and validators that sign each epoch's set.
abstract contract RegistryTest is BridgeTest {
    uint40 internal constant EPOCH = 1 days;
    uint40 internal constant PROBATION = 2 days;
    uint40 internal constant UNBONDING = 21 days;
    uint40 internal constant DEFEAT = 3 days;
    uint40 internal constant JAIL_TIME = 1 days;
    uint16 internal constant SHARE = 1000;
    uint128 internal constant BOND = 10 ether;
    address internal constant TREASURY = address(0x7EA5);
    address internal constant STRANGER = address(0x57A6);

    ValidatorRegistry internal registry;
    /// @dev Private keys by address.
    mapping(address key => uint256) internal secrets;

    function setUp() public virtual override {
        _setUpRegistry(10, 4, address(0));
    }

    function _setUpRegistry(uint256 validators, uint16 floor, address bondToken) internal {
        vm.warp(1_000_000);
        minValidators = floor;
        madeAt = uint64(block.timestamp);
        _setUp(validators);
        _on(0);
        IValidatorRegistry.Parameters memory parameters = IValidatorRegistry.Parameters({
            epochLength: EPOCH,
            probation: PROBATION,
            unbonding: UNBONDING,
            defeatWindow: DEFEAT,
            jailTime: JAIL_TIME,
            floor: floor,
            reporterShare: SHARE,
            minBond: BOND
        });
        registry = ValidatorRegistry(
            _create(
                "ValidatorRegistry",
                abi.encode(
                    NETWORK, OWNER, GUARDIAN, TREASURY, bondToken, 1, _set(keys), uint64(block.timestamp), parameters
                )
            )
        );
        for (uint256 i = 0; i < 3; ++i) {
            _on(i);
            vm.prank(OWNER);
            gateways[i].setHub(CHAINS[0], address(registry));
            _on(0);
            vm.prank(OWNER);
            registry.setGateway(CHAINS[i], address(gateways[i]), i != 2);
        }
        for (uint256 i = 0; i < keys.length; ++i) {
            secrets[vm.addr(keys[i])] = keys[i];
            if (bondToken == address(0)) _bond(vm.addr(keys[i]));
        }
    }

    /// @dev Registers a key with the least bond in native coin.
    function _bond(address key) internal {
        _on(0);
        vm.deal(key, BOND);
        vm.prank(key);
        registry.register{value: BOND}("https://validator.example", _payout(key), BOND);
    }

    /// @dev A new key, allowed and registered.
    function _newcomer(uint256 number) internal returns (address key) {
        uint256 secret = uint256(keccak256(abi.encode("newcomer", number)));
        key = vm.addr(secret);
        secrets[key] = secret;
        _on(0);
        vm.prank(OWNER);
        registry.setAllowed(key, true);
        _bond(key);
    }

    function _payout(address key) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("payout", key)))));
    }

    /// @dev Makes the next epoch, signed by a quorum of the present one, without any gateway.
    function _makeEpoch() internal returns (uint64 epoch) {
        _on(0);
        epoch = registry.makeEpoch();
        _signNext();
    }

    /// @dev Has a quorum of the newest signed epoch sign the one after it.
    function _signNext() internal {
        _on(0);
        (, uint64 signed) = registry.epochs();
        registry.postSignatures(signed + 1, _setSignatures(signed + 1));
    }

    /// @dev What a quorum of the epoch before signs.
    function _setSignatures(uint64 epoch) internal returns (bytes memory) {
        (, bytes32 setHash, uint64 hubTime) = registry.epochSet(epoch);
        _useSet(epoch - 1);
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), epoch, setHash, hubTime);
        bytes memory signatures = _sign(digest, _quorum());
        _useSet(epoch);
        return signatures;
    }

    /// @dev Rotates a gateway through all signed epochs that it lacks.
    function _catchUp(uint256 chain) internal {
        (, uint64 signed) = registry.epochs();
        (, uint64 holds,,) = gateways[chain].validatorSet();
        while (holds < signed) {
            ++holds;
            (bytes memory set,, uint64 hubTime) = registry.epochSet(holds);
            bytes memory signatures = registry.epochSignatures(holds);
            _on(chain);
            gateways[chain].rotate(set, holds, hubTime, signatures);
        }
    }

    function _later(uint256 time) internal {
        vm.warp(vm.getBlockTimestamp() + time);
    }

    /// @dev `keys` are those of an epoch's set from now on.
    function _useSet(uint64 epoch) internal {
        (bytes memory set,,) = registry.epochSet(epoch);
        delete keys;
        for (uint256 i = 0; i < set.length / 20; ++i) {
            keys.push(secrets[QuorumLib.memberAt(set, i)]);
        }
    }

    function _isIn(address key) internal view returns (bool) {
        return registry.validator(key).inSet;
    }

    function _status(address key) internal view returns (IValidatorRegistry.Status) {
        return registry.validator(key).status;
    }

    function _checkpointBy(uint256 key, bytes32 lane, uint64 nonce, bytes32 accumulator)
        internal
        pure
        returns (bytes memory)
    {
        return _signature(key, _checkpointDigest(lane, nonce, accumulator));
    }

    /// @dev A stranger proves that a key signed two checkpoints of one nonce.
    function _equivocation(uint256 secret) internal {
        bytes32 lane = _lane(0, 1);
        bytes memory a = _checkpointBy(secret, lane, 7, "a");
        bytes memory b = _checkpointBy(secret, lane, 7, "b");
        _on(0);
        vm.prank(STRANGER);
        registry.proveEquivocation(lane, 7, "a", a, "b", b, STRANGER);
    }
}
