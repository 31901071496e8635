// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IValidatorRegistry} from "../interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../libraries/CheckpointLib.sol";
import {QuorumLib} from "../libraries/QuorumLib.sol";

/// @title The sets of all epochs, each immutable once made, and how far a quorum has signed them.
/// @dev First in the registry's inheritance, so that its mapping is storage slot 0: validators prove the two words at
/// `keccak256(abi.encode(epoch, 0))` against finalized state roots before they sign a set.
abstract contract EpochStore is IValidatorRegistry {
    struct Epoch {
        bytes32 setHash;
        uint64 hubTime;
        address pointer;
    }

    mapping(uint64 epoch => Epoch) private _epochs;
    /// @dev Contracts whose code is the signatures: nodes forget logs, and a gateway may have slept for long.
    mapping(uint64 epoch => address) private _signatures;
    uint64 internal _newest;
    uint64 internal _signed;
    uint64 private immutable _first;
    bytes32 internal immutable _domain;
    /// @notice The deployment.
    bytes32 public immutable networkId;

    constructor(bytes32 networkId_, uint64 first, bytes memory set, uint64 hubTime) {
        if (networkId_ == 0 || first == 0 || hubTime > block.timestamp) revert InvalidParameters();
        networkId = networkId_;
        _domain = CheckpointLib.domainSeparator(networkId_);
        _first = first;
        _newest = first - 1;
        _storeEpoch(set, hubTime);
        // The gateways were deployed with it.
        _signed = first;
    }

    /// @inheritdoc IValidatorRegistry
    function epochs() external view returns (uint64 newest, uint64 signed) {
        return (_newest, _signed);
    }

    /// @inheritdoc IValidatorRegistry
    function epochSet(uint64 epoch) external view returns (bytes memory set, bytes32 setHash, uint64 hubTime) {
        Epoch memory record = _epoch(epoch);
        return (QuorumLib.load(record.pointer), record.setHash, record.hubTime);
    }

    /// @inheritdoc IValidatorRegistry
    function epochSignatures(uint64 epoch) external view returns (bytes memory) {
        address pointer = _signatures[epoch];
        return pointer == address(0) ? bytes("") : QuorumLib.load(pointer);
    }

    /// @inheritdoc IValidatorRegistry
    function postSignatures(uint64 epoch, bytes calldata signatures) external {
        if (epoch != _signed + 1) revert UnknownEpoch(_signed + 1);
        Epoch memory record = _epoch(epoch);
        bytes32 digest = CheckpointLib.setDigest(_domain, epoch, record.setHash, record.hubTime);
        QuorumLib.verify(QuorumLib.load(_epochs[epoch - 1].pointer), digest, signatures);
        _signed = epoch;
        _signatures[epoch] = QuorumLib.store(signatures);
        emit EpochSigned(epoch);
    }

    /// @dev Reverts unless a quorum of the newest signed epoch has signed.
    function _requireQuorum(bytes32 digest, bytes calldata signatures) internal view {
        QuorumLib.verify(QuorumLib.load(_epochs[_signed].pointer), digest, signatures);
    }

    function _storeEpoch(bytes memory set, uint64 hubTime) internal returns (uint64 epoch) {
        QuorumLib.validate(set);
        epoch = ++_newest;
        bytes32 setHash = keccak256(set);
        _epochs[epoch] = Epoch(setHash, hubTime, QuorumLib.store(set));
        emit EpochMade(epoch, setHash, hubTime, set);
    }

    function _newestEpoch() internal view returns (Epoch memory) {
        return _epochs[_newest];
    }

    /// @dev Whether such a set is not the epoch's. Only of epochs that this registry has made can it tell: the first was
    /// there before, and later ones may be another registry's.
    function _isFalseSet(uint64 epoch, bytes32 setHash, uint64 hubTime) internal view returns (bool) {
        Epoch storage record = _epochs[epoch];
        return epoch > _first && epoch <= _newest && (record.setHash != setHash || record.hubTime != hubTime);
    }

    /// @dev How many members the newest epoch has.
    function _members() internal view returns (uint256) {
        return (_epochs[_newest].pointer.code.length - 1) / 20;
    }

    function _epoch(uint64 epoch) private view returns (Epoch memory record) {
        record = _epochs[epoch];
        if (record.setHash == 0) revert UnknownEpoch(epoch);
    }
}
