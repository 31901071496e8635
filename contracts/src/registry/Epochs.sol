// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IValidatorRegistry} from "../interfaces/IValidatorRegistry.sol";
import {QuorumLib} from "../libraries/QuorumLib.sol";
import {Members} from "./Members.sol";

/// @title How one epoch's set follows from the one before.
abstract contract Epochs is Members {
    /// @notice An epoch that changes nothing is made only when the newest one is this old, in seconds.
    uint256 public constant RENEW_AFTER = 3 days;

    /// @dev Convicted members that the newest set still has.
    uint256 internal _evictions;

    /// @inheritdoc IValidatorRegistry
    function makeEpoch() external returns (uint64 epoch) {
        if (retiredAt != 0) revert IsRetired();
        bool regular = _isTime();
        if (!regular && _evictions == 0) revert TooSoon(uint256(_newestEpoch().hubTime) + epochLength);
        // Evidence does not wait for signatures; everything else does, so that no epoch is outrun.
        if (regular && _signed != _newest) {
            if (_evictions == 0) revert EpochNotSigned(_newest);
            regular = false;
        }
        // Every gateway has to go through every epoch.
        if (regular && _evictions == 0 && !_wouldChange() && !_isOld()) revert NothingChanges();
        epoch = _newest + 1;
        address[] memory set = _unpack(QuorumLib.load(_newestEpoch().pointer));
        uint256 members = set.length - _evictions;
        uint256 changes = regular ? _churn(set.length) : 0;
        if (regular) (members, changes) = _markLeavers(members, changes);
        _evictions = 0;

        address[] memory next = new address[](set.length + changes);
        uint256 length = _stay(set, next, epoch);
        if (regular) length = _join(next, length, changes, epoch);
        _storeEpoch(_pack(next, length), uint64(block.timestamp));
    }

    /// @inheritdoc IValidatorRegistry
    function epochDue() external view returns (bool isDue, bool changes) {
        bool regular = _isTime() && _signed == _newest;
        isDue = _evictions != 0 || regular;
        changes = _evictions != 0 || (regular && _wouldChange());
        isDue = isDue && retiredAt == 0 && (changes || _isOld());
    }

    /// @dev How many may come and go, or be out by one chain's word: less than a third of the set (of three or fewer: one).
    function _churn(uint256 members) internal pure returns (uint256) {
        return members < 4 ? 1 : (members - 1) / 3;
    }

    /// @dev Decides who leaves, first come, first served, as far as churn and floor allow. Marked by `outAt`.
    function _markLeavers(uint256 members, uint256 changes) private returns (uint256, uint256) {
        uint256 kept = 0;
        uint256 length = _leaving.length;
        for (uint256 i = 0; i < length; ++i) {
            address key = _leaving[i];
            Validator storage record = _validators[key];
            // Convicted meanwhile, and so counted as that.
            if (record.status != Status.Leaving && record.status != Status.Jailed) continue;
            if (changes > 0 && members > floor) {
                --changes;
                --members;
                record.outAt = uint40(block.timestamp);
            } else {
                _leaving[kept++] = key;
            }
        }
        while (_leaving.length > kept) _leaving.pop();
        return (members, changes);
    }

    /// @dev Copies who stays, in order; the others are out.
    function _stay(address[] memory set, address[] memory next, uint64 epoch) private returns (uint256 length) {
        for (uint256 i = 0; i < set.length; ++i) {
            Validator storage record = _validators[set[i]];
            Status status = record.status;
            if (status == Status.Convicted || record.outAt != 0) {
                record.inSet = false;
                record.outAt = uint40(block.timestamp);
                record.outEpoch = epoch;
                if (status == Status.Leaving) record.status = Status.Left;
                emit WentOut(set[i], epoch, record.status);
            } else {
                next[length++] = set[i];
            }
        }
    }

    /// @dev Lets those in that have waited long enough, first come, first served.
    function _join(address[] memory next, uint256 length, uint256 changes, uint64 epoch) private returns (uint256) {
        uint256 kept = 0;
        uint256 waiters = _waiting.length;
        for (uint256 i = 0; i < waiters; ++i) {
            address key = _waiting[i];
            Validator storage record = _validators[key];
            if (changes > 0 && block.timestamp >= record.since && length < QuorumLib.MAX_VALIDATORS) {
                --changes;
                (record.status, record.inSet) = (Status.Active, true);
                (record.outAt, record.outEpoch) = (0, 0);
                // Into its place in the ascending order.
                uint256 place = length++;
                while (place > 0 && next[place - 1] > key) {
                    next[place] = next[place - 1];
                    --place;
                }
                next[place] = key;
                emit Joined(key, epoch);
            } else {
                if (kept != i) _waiting[kept] = key;
                ++kept;
            }
        }
        while (_waiting.length > kept) _waiting.pop();
        return length;
    }

    function _isTime() private view returns (bool) {
        return block.timestamp >= uint256(_newestEpoch().hubTime) + epochLength;
    }

    function _wouldChange() private view returns (bool) {
        return _leaving.length != 0 || _someoneReady();
    }

    /// @dev An unchanged set is renewed before gateways refuse it.
    function _isOld() private view returns (bool) {
        return block.timestamp >= uint256(_newestEpoch().hubTime) + RENEW_AFTER;
    }

    function _someoneReady() private view returns (bool) {
        for (uint256 i = 0; i < _waiting.length; ++i) {
            if (block.timestamp >= _validators[_waiting[i]].since) return true;
        }
        return false;
    }

    function _unpack(bytes memory set) private pure returns (address[] memory members) {
        members = new address[](set.length / 20);
        for (uint256 i = 0; i < members.length; ++i) {
            assembly ("memory-safe") {
                mstore(add(add(members, 0x20), shl(5, i)), shr(96, mload(add(add(set, 0x20), mul(i, 20)))))
            }
        }
    }

    function _pack(address[] memory members, uint256 length) private pure returns (bytes memory set) {
        // A word more than is kept: the last address is written with the zeros after it.
        set = new bytes(length * 20 + 12);
        for (uint256 i = 0; i < length; ++i) {
            assembly ("memory-safe") {
                mstore(add(add(set, 0x20), mul(i, 20)), shl(96, mload(add(add(members, 0x20), shl(5, i)))))
            }
        }
        assembly ("memory-safe") {
            mstore(set, mul(length, 20))
        }
    }
}
