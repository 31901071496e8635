// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IReportRecipient, REPORT_EPOCH, REPORT_FALSE_CHECKPOINT} from "../interfaces/IReportRecipient.sol";
import {IValidatorRegistry} from "../interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../libraries/CheckpointLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {Epochs} from "./Epochs.sol";

/// @title Lies: proved here, or by a gateway about its own outbox; judged after a window.
abstract contract Convictions is Epochs, IReportRecipient {
    mapping(address key => Conviction) private _convictions;

    /// @notice The hub's gateway, through which other gateways report.
    address public hubGateway;
    /// @notice Gets what is left of a taken bond.
    address public treasury;
    uint40 public immutable defeatWindow;
    uint16 public immutable reporterShare;

    constructor(Parameters memory parameters) {
        if (parameters.reporterShare > 10_000) revert InvalidParameters();
        // A conviction is judged while the bond is still there.
        if (parameters.defeatWindow > parameters.unbonding) revert InvalidParameters();
        (defeatWindow, reporterShare) = (parameters.defeatWindow, parameters.reporterShare);
    }

    /// @inheritdoc IValidatorRegistry
    function conviction(address key) external view returns (Conviction memory) {
        return _convictions[key];
    }

    /// @inheritdoc IValidatorRegistry
    function proveEquivocation(
        bytes32 lane,
        uint64 nonce,
        bytes32 accumulatorA,
        bytes calldata signatureA,
        bytes32 accumulatorB,
        bytes calldata signatureB,
        address reporter
    ) external {
        if (accumulatorA == accumulatorB) revert NoLie();
        address signer = SignatureLib.recover(CheckpointLib.digest(_domain, lane, nonce, accumulatorA), signatureA);
        address other = SignatureLib.recover(CheckpointLib.digest(_domain, lane, nonce, accumulatorB), signatureB);
        if (signer != other) revert NoLie();
        // An honest validator's journal has one accumulator for a nonce, whatever its chain does.
        if (!_convict(signer, reporter, Lie.Equivocation, false)) revert AlreadyConvicted(signer);
        emit Convicted(signer, Lie.Equivocation, 0, lane, nonce, reporter);
    }

    /// @inheritdoc IValidatorRegistry
    function proveFalseSet(uint64 epoch, bytes32 setHash, uint64 hubTime, bytes calldata signature, address reporter)
        external
    {
        if (_isTrueSet(epoch, setHash, hubTime)) revert NoLie();
        address signer = SignatureLib.recover(CheckpointLib.setDigest(_domain, epoch, setHash, hubTime), signature);
        bool needsConfirmation = !_gateways[uint64(block.chainid)].economicFinality;
        if (!_convict(signer, reporter, Lie.FalseSet, needsConfirmation)) revert AlreadyConvicted(signer);
        emit Convicted(signer, Lie.FalseSet, uint64(block.chainid), setHash, epoch, reporter);
    }

    /// @inheritdoc IReportRecipient
    function receiveReport(bytes32, bytes calldata sender, bytes calldata payload) external returns (bytes4) {
        if (msg.sender != hubGateway) revert NotGateway(msg.sender);
        (uint256 chain, address from) = InteroperableAddress.parseEvmV1Calldata(sender);
        if (chain > type(uint64).max || from == address(0) || _gateways[uint64(chain)].gateway != from) {
            revert UnknownGateway(chain, from);
        }
        uint256 kind = uint256(bytes32(payload[0:32]));
        if (kind == REPORT_FALSE_CHECKPOINT) {
            FalseCheckpoint memory claim_ = abi.decode(payload[32:], (FalseCheckpoint));
            bool needsConfirmation = !_gateways[uint64(chain)].economicFinality;
            // Somebody may have been quicker, elsewhere or here: then there is nothing to do.
            if (_convict(claim_.signer, claim_.reporter, Lie.FalseCheckpoint, needsConfirmation)) {
                emit Convicted(
                    claim_.signer, Lie.FalseCheckpoint, uint64(chain), claim_.lane, claim_.nonce, claim_.reporter
                );
            }
        } else if (kind == REPORT_EPOCH) {
            uint64 epoch = abi.decode(payload[32:], (uint64));
            GatewayRecord storage record = _gateways[uint64(chain)];
            if (epoch > record.heldEpoch) {
                record.heldEpoch = epoch;
                emit EpochHeld(uint64(chain), epoch);
            }
        } else {
            revert UnknownReport(kind);
        }
        return IReportRecipient.receiveReport.selector;
    }

    /// @inheritdoc IValidatorRegistry
    function veto(address key) external onlyGuardian {
        _inWindow(key).vetoed = true;
        emit Vetoed(key);
    }

    /// @inheritdoc IValidatorRegistry
    function confirm(address key) external onlyGuardian {
        _inWindow(key).confirmed = true;
        emit Confirmed(key);
    }

    /// @inheritdoc IValidatorRegistry
    function settle(address key) external {
        Conviction storage record = _convictions[key];
        if (record.provedAt == 0 || record.settled) revert NotConvicted(key);
        uint256 over = uint256(record.provedAt) + defeatWindow;
        if (block.timestamp < over) revert TooSoon(over);
        if (_validators[key].inSet) revert WrongStatus(key, Status.Convicted);
        if (!record.vetoed && (record.confirmed || !record.needsConfirmation)) {
            uint128 bond = _validators[key].bond;
            uint128 share = uint128(uint256(bond) * reporterShare / 10_000);
            record.settled = true;
            _freeBond(key, treasury);
            due[treasury] -= share;
            due[record.reporter] += share;
            emit BondTaken(key, share, bond - share);
        } else {
            _requireUnbonded(_validators[key]);
            record.settled = true;
            emit BondFreed(key, _freeBond(key, _validators[key].payout));
        }
    }

    /// @dev The guardian's time to speak.
    function _inWindow(address key) private view returns (Conviction storage record) {
        record = _convictions[key];
        if (record.provedAt == 0 || record.settled) revert NotConvicted(key);
        uint256 over = uint256(record.provedAt) + defeatWindow;
        if (block.timestamp >= over) revert WindowOver(over);
    }

    /// @dev Out for good, with the bond frozen. A lie that needs nobody's confirmation outweighs one that does.
    /// @return news false if that key stands convicted of as much already.
    function _convict(address key, address reporter, Lie lie, bool needsConfirmation) private returns (bool news) {
        if (reporter == address(0)) revert InvalidAddress();
        Validator storage record = _validators[key];
        Status status = record.status;
        if (status == Status.None) revert WrongStatus(key, status);
        if (status == Status.Convicted) {
            Conviction storage known = _convictions[key];
            if (known.settled || needsConfirmation || !known.needsConfirmation) return false;
        } else {
            if (status == Status.Waiting) _dequeue(key);
            if (record.inSet) ++_evictions;
            record.status = Status.Convicted;
        }
        _convictions[key] = Conviction(reporter, uint40(block.timestamp), lie, needsConfirmation, false, false, false);
        return true;
    }
}
