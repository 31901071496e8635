// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IValidatorRegistry} from "../interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../libraries/CheckpointLib.sol";
import {Bonds} from "./Bonds.sol";
import {EpochStore} from "./EpochStore.sol";

/// @title Coming and going: who waits for the next epochs, and who leaves with them.
abstract contract Members is EpochStore, Bonds {
    uint256 private constant MAX_WAITING = 64;
    uint256 private constant MAX_GATEWAYS = 64;
    uint256 private constant MAX_URL_LENGTH = 200;
    /// @dev After so long, a bond no longer waits for gateways: what a gateway that slept since holds has long been stale.
    uint256 private constant LONGEST_LOCK = 90 days;

    address[] internal _waiting;
    /// @dev Members that asked to leave or were jailed, in order; also such as have meanwhile been convicted.
    address[] internal _leaving;
    mapping(uint64 chain => GatewayRecord) internal _gateways;
    uint64[] internal _chains;

    /// @notice When the owner ended this registry; zero: not.
    uint40 public retiredAt;
    /// @dev Gateways that were named once: what they say of their outboxes still counts.
    mapping(uint64 chain => mapping(address gateway => bool)) internal _wasGateway;

    /// @notice Who may register while admission is not open.
    mapping(address key => bool) public allowed;
    /// @notice True: anyone may register.
    bool public open;
    /// @notice May refuse who waits, and judge convictions.
    address public guardian;
    uint40 private immutable _deployedAt = uint40(block.timestamp);

    uint40 public immutable epochLength;
    uint40 public immutable probation;
    uint40 public immutable unbonding;
    uint40 public immutable jailTime;
    uint16 public immutable floor;
    uint128 public immutable minBond;

    modifier onlyGuardian() {
        if (msg.sender != guardian) revert NotGuardian();
        _;
    }

    constructor(Parameters memory parameters, bytes memory set) {
        if (parameters.floor == 0 || parameters.minBond == 0) revert InvalidParameters();
        // Until a set is too old for the gateways, a bond has to be there.
        if (parameters.unbonding <= 7 days || parameters.epochLength == 0 || parameters.epochLength > 3 days) {
            revert InvalidParameters();
        }
        if (parameters.floor > set.length / 20) revert InvalidParameters();
        epochLength = parameters.epochLength;
        probation = parameters.probation;
        unbonding = parameters.unbonding;
        jailTime = parameters.jailTime;
        floor = parameters.floor;
        minBond = parameters.minBond;
        for (uint256 i = 0; i < set.length; i += 20) {
            address member;
            assembly ("memory-safe") {
                member := shr(96, mload(add(add(set, 0x20), i)))
            }
            _validators[member].status = Status.Active;
            _validators[member].inSet = true;
        }
    }

    /// @inheritdoc IValidatorRegistry
    function register(string calldata url, address payout, uint128 amount) external payable {
        Validator storage record = _validators[msg.sender];
        if (payout == address(0)) revert InvalidAddress();
        if (retiredAt != 0) revert IsRetired();
        bool founding = record.inSet && record.payout == address(0)
            && (record.status == Status.Active || record.status == Status.Leaving);
        if (founding) {
            // Expelled, and not out yet.
            if (record.status == Status.Leaving) _stayAfterAll(msg.sender);
        } else {
            if (record.status != Status.None) revert WrongStatus(msg.sender, record.status);
            if (!open && !allowed[msg.sender]) revert NotAllowed(msg.sender);
            record.status = Status.Waiting;
            if (_waiting.length >= MAX_WAITING) revert QueueFull();
            _enqueue(msg.sender, uint40(block.timestamp) + probation);
        }
        record.payout = payout;
        _setUrl(record, url);
        emit Registered(msg.sender, payout, url);
        _addToBond(msg.sender, amount);
        if (record.bond < minBond) revert BondTooSmall(record.bond, minBond);
    }

    /// @inheritdoc IValidatorRegistry
    function setUrl(string calldata url) external {
        Validator storage record = _validators[msg.sender];
        if (record.payout == address(0)) revert NotTheValidator();
        _setUrl(record, url);
        emit UrlChanged(msg.sender, url);
    }

    /// @inheritdoc IValidatorRegistry
    function topUp(address key, uint128 amount) external payable {
        Validator storage record = _validators[key];
        Status status = record.status;
        if (record.payout == address(0) || status == Status.None || status == Status.Left || status == Status.Convicted)
        {
            revert WrongStatus(key, status);
        }
        _addToBond(key, amount);
    }

    /// @inheritdoc IValidatorRegistry
    function refuse(address key) external onlyGuardian {
        _refuse(key);
    }

    /// @inheritdoc IValidatorRegistry
    function refuseByQuorum(address key, bytes calldata signatures) external {
        _requireFloor();
        _requireQuorum(CheckpointLib.refuseDigest(_domain, key, _signed), signatures);
        _refuse(key);
    }

    /// @inheritdoc IValidatorRegistry
    function exit(address key) external {
        Validator storage record = _validators[key];
        if (msg.sender != key && msg.sender != record.payout) revert NotTheValidator();
        Status status = record.status;
        if (record.inSet && (status == Status.Active || status == Status.Jailed)) {
            if (status == Status.Active) _leaving.push(key);
            record.status = Status.Leaving;
        } else if (status == Status.Waiting || status == Status.Jailed) {
            if (status == Status.Waiting) {
                _dequeue(key);
                // Not at once: places in the queue would cost nothing.
                if (record.outAt == 0) record.outAt = uint40(block.timestamp);
            }
            record.status = Status.Left;
        } else {
            revert WrongStatus(key, status);
        }
        emit ExitAsked(key);
    }

    /// @inheritdoc IValidatorRegistry
    function jail(address key, bytes calldata signatures) external {
        Validator storage record = _validators[key];
        if (record.status != Status.Active) revert WrongStatus(key, record.status);
        _requireFloor();
        _requireQuorum(CheckpointLib.jailDigest(_domain, key, _signed), signatures);
        record.status = Status.Jailed;
        record.since = uint40(block.timestamp) + jailTime;
        _leaving.push(key);
        emit Jailed(key, _signed);
    }

    /// @inheritdoc IValidatorRegistry
    function unjail() external {
        Validator storage record = _validators[msg.sender];
        if (record.status != Status.Jailed) revert WrongStatus(msg.sender, record.status);
        if (block.timestamp < record.since) revert TooSoon(record.since);
        if (record.bond < minBond) revert BondTooSmall(record.bond, minBond);
        if (record.inSet) {
            // The floor has kept it.
            _stayAfterAll(msg.sender);
        } else {
            // Whoever was in before finds a place, however long the queue is.
            record.status = Status.Waiting;
            _enqueue(msg.sender, uint40(block.timestamp));
        }
        emit Unjailed(msg.sender);
    }

    /// @inheritdoc IValidatorRegistry
    function expel(address key) external {
        Validator storage record = _validators[key];
        if (record.status != Status.Active || record.payout != address(0)) revert WrongStatus(key, record.status);
        uint256 earliest = uint256(_deployedAt) + probation;
        if (block.timestamp < earliest) revert TooSoon(earliest);
        record.status = Status.Leaving;
        _leaving.push(key);
        emit ExitAsked(key);
    }

    /// @inheritdoc IValidatorRegistry
    function withdraw(address key) external {
        Validator storage record = _validators[key];
        bool ended = retiredAt != 0 && record.status != Status.Convicted && record.status != Status.None;
        if (record.status != Status.Left && !ended) revert WrongStatus(key, record.status);
        _requireUnbonded(record);
        address payout = record.payout;
        uint128 amount = _freeBond(key, payout);
        delete _validators[key];
        emit BondFreed(key, amount);
    }

    /// @inheritdoc IValidatorRegistry
    function validator(address key) external view returns (Validator memory) {
        return _validators[key];
    }

    /// @inheritdoc IValidatorRegistry
    function gateway(uint64 chain) external view returns (GatewayRecord memory) {
        return _gateways[chain];
    }

    /// @inheritdoc IValidatorRegistry
    function chains() external view returns (uint64[] memory) {
        return _chains;
    }

    /// @inheritdoc IValidatorRegistry
    function waiting() external view returns (address[] memory) {
        return _waiting;
    }

    function _setGateway(uint64 chain, address gateway_, bool economicFinality) internal {
        if (chain == 0 || gateway_ == address(0)) revert InvalidAddress();
        GatewayRecord storage record = _gateways[chain];
        if (record.gateway == address(0)) {
            if (_chains.length >= MAX_GATEWAYS) revert TooManyGateways();
            _chains.push(chain);
        }
        // Another gateway may hold an earlier epoch.
        if (record.gateway != gateway_) record.heldEpoch = 0;
        _wasGateway[chain][gateway_] = true;
        (record.gateway, record.economicFinality) = (gateway_, economicFinality);
        emit GatewaySet(chain, gateway_, economicFinality);
    }

    function _removeGateway(uint64 chain) internal {
        if (_gateways[chain].gateway == address(0)) revert UnknownGateway(chain, address(0));
        delete _gateways[chain];
        uint256 last = _chains.length - 1;
        for (uint256 i = 0; i < last; ++i) {
            if (_chains[i] == chain) _chains[i] = _chains[last];
        }
        _chains.pop();
        emit GatewayRemoved(chain);
    }

    /// @dev Reverts until what the validator signed can no longer count anywhere, and a lie would have been seen.
    function _requireUnbonded(Validator storage record) internal view {
        // Never in a set: it has signed nothing that counts.
        uint256 out = record.outAt;
        if (out == 0 && record.inSet) out = retiredAt;
        if (out == 0) return;
        uint256 free = out + unbonding;
        if (block.timestamp < free) revert TooSoon(free);
        if (retiredAt != 0 || block.timestamp >= out + LONGEST_LOCK) return;
        for (uint256 i = 0; i < _chains.length; ++i) {
            uint64 heldEpoch = _gateways[_chains[i]].heldEpoch;
            if (heldEpoch < record.outEpoch) revert GatewayBehind(_chains[i], heldEpoch, record.outEpoch);
        }
    }

    /// @dev Out of the queue of who waits.
    function _dequeue(address key) internal {
        uint256 length = _waiting.length;
        bool found = false;
        for (uint256 i = 0; i < length; ++i) {
            if (found) _waiting[i - 1] = _waiting[i];
            else found = _waiting[i] == key;
        }
        if (found) _waiting.pop();
    }

    function _enqueue(address key, uint40 since) private {
        _waiting.push(key);
        _validators[key].since = since;
    }

    /// @dev A member that was to leave, and is still in, stays.
    function _stayAfterAll(address key) private {
        uint256 length = _leaving.length;
        bool found = false;
        for (uint256 i = 0; i < length; ++i) {
            if (found) _leaving[i - 1] = _leaving[i];
            else found = _leaving[i] == key;
        }
        if (found) _leaving.pop();
        _validators[key].status = Status.Active;
        emit Unjailed(key);
    }

    /// @dev With fewer members than the floor, their quorum decides about nobody.
    function _requireFloor() private view {
        if (_members() < floor) revert BelowFloor(_members(), floor);
    }

    function _refuse(address key) private {
        Validator storage record = _validators[key];
        // Who comes back from jail has been admitted before.
        if (record.status != Status.Waiting || record.outAt != 0) revert WrongStatus(key, record.status);
        _dequeue(key);
        record.status = Status.Left;
        emit Refused(key);
    }

    function _setUrl(Validator storage record, string calldata url) private {
        uint256 length = bytes(url).length;
        if (length == 0 || length > MAX_URL_LENGTH) revert InvalidUrl(length);
        record.url = url;
    }
}
