// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IReportRecipient, REPORT_EPOCH, REPORT_FALSE_CHECKPOINT} from "../interfaces/IReportRecipient.sol";
import {IValidatorRegistry} from "../interfaces/IValidatorRegistry.sol";
import {CheckpointLib} from "../libraries/CheckpointLib.sol";
import {LaneLib} from "../libraries/LaneLib.sol";
import {SignatureLib} from "../libraries/SignatureLib.sol";
import {Epochs} from "./Epochs.sol";

/// @title Lies: proved here, or by a gateway about its own outbox; judged after a window.
abstract contract Convictions is Epochs, IReportRecipient {
    /// @dev How many members are out by a chain's word, since when, and of how many.
    struct Toll {
        uint40 since;
        uint16 count;
        uint16 members;
    }

    uint8 private constant MAX_REOPENED = 3;

    mapping(address key => Conviction) private _convictions;
    mapping(uint64 chain => Toll) private _tolls;
    /// @notice Chains whose reports the guardian does not listen to at present.
    mapping(uint64 chain => bool) public deaf;

    /// @notice The hub's gateway, through which other gateways report.
    address public hubGateway;
    /// @notice Gets what is left of a taken bond.
    address public treasury;
    uint40 public immutable defeatWindow;
    uint16 public immutable reporterShare;

    constructor(Parameters memory parameters) {
        // A liar that reports itself must not come out of it well.
        if (parameters.reporterShare > 5000 || parameters.defeatWindow < 1) revert InvalidParameters();
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
        bytes32 subject = keccak256(abi.encode(lane, nonce));
        if (!_convict(signer, reporter, Lie.Equivocation, false, subject)) revert AlreadyConvicted(signer);
        emit Convicted(signer, Lie.Equivocation, 0, lane, nonce, reporter);
    }

    /// @inheritdoc IValidatorRegistry
    function proveFalseSet(uint64 epoch, bytes32 setHash, uint64 hubTime, bytes calldata signature, address reporter)
        external
    {
        if (!_isFalseSet(epoch, setHash, hubTime)) revert NoLie();
        address signer = SignatureLib.recover(CheckpointLib.setDigest(_domain, epoch, setHash, hubTime), signature);
        uint64 hub = uint64(block.chainid);
        bool wasIn = _validators[signer].inSet && _validators[signer].status != Status.Convicted;
        bytes32 subject = keccak256(abi.encode(setHash, epoch));
        if (!_convict(signer, reporter, Lie.FalseSet, !_gateways[hub].economicFinality, subject)) {
            revert AlreadyConvicted(signer);
        }
        // A hub that has reverted what was final makes honest signatures look like this.
        if (wasIn) _count(hub);
        emit Convicted(signer, Lie.FalseSet, hub, setHash, epoch, reporter);
    }

    /// @inheritdoc IReportRecipient
    function receiveReport(bytes32, bytes calldata sender, bytes calldata payload) external returns (bytes4) {
        if (msg.sender != hubGateway) revert NotGateway(msg.sender);
        (uint256 anyChain, address from) = InteroperableAddress.parseEvmV1Calldata(sender);
        uint64 chain = uint64(anyChain);
        if (chain != anyChain || !_wasGateway[chain][from]) revert UnknownGateway(anyChain, from);
        uint256 kind = uint256(bytes32(payload[0:32]));
        if (kind == REPORT_FALSE_CHECKPOINT) {
            _receiveFalseCheckpoint(chain, from, abi.decode(payload[32:], (FalseCheckpoint)));
        } else if (kind == REPORT_EPOCH) {
            GatewayRecord storage record = _gateways[chain];
            if (record.gateway != from) revert UnknownGateway(anyChain, from);
            uint64 epoch = abi.decode(payload[32:], (uint64));
            if (epoch > record.heldEpoch) {
                record.heldEpoch = epoch;
                emit EpochHeld(chain, epoch);
            }
        } else {
            revert UnknownReport(kind);
        }
        return IReportRecipient.receiveReport.selector;
    }

    /// @inheritdoc IValidatorRegistry
    function setDeaf(uint64 chain, bool isDeaf) external onlyGuardian {
        deaf[chain] = isDeaf;
        emit DeafSet(chain, isDeaf);
    }

    /// @inheritdoc IValidatorRegistry
    function hear(uint64 chain) external onlyGuardian {
        _tolls[chain] = Toll(uint40(block.timestamp), 0, uint16(_members()));
        emit Heard(chain);
    }

    /// @dev A chain is believed about its own outbox alone, and about less than a third of the validators: one that lies,
    /// or has reverted what was final, must not be able to hand the set to the few that are left.
    function _receiveFalseCheckpoint(uint64 chain, address from, FalseCheckpoint memory claim_) private {
        if (deaf[chain]) revert ChainIsDeaf(chain);
        bytes32 lane = LaneLib.id(
            networkId,
            chain,
            LaneLib.toBytes32(from),
            claim_.destinationChain,
            claim_.destinationGateway,
            claim_.generation
        );
        bytes32 digest = CheckpointLib.digest(_domain, lane, claim_.nonce, claim_.accumulator);
        if (SignatureLib.recover(digest, claim_.r, claim_.vs) != claim_.signer) revert NoLie();
        Validator storage record = _validators[claim_.signer];
        // Gone with its bond. Who came back is held to all that it ever signed: when that was, nothing shows.
        if (record.status == Status.None) return;
        bool wasIn = record.inSet && record.status != Status.Convicted;
        bytes32 subject = keccak256(abi.encode(lane, claim_.nonce));
        bool needsConfirmation = !_gateways[chain].economicFinality;
        // Somebody may have been quicker, elsewhere or here: then there is nothing to do.
        if (!_convict(claim_.signer, claim_.reporter, Lie.FalseCheckpoint, needsConfirmation, subject)) return;
        if (wasIn) _count(chain);
        emit Convicted(claim_.signer, Lie.FalseCheckpoint, chain, lane, claim_.nonce, claim_.reporter);
    }

    /// @dev One more member is out by a chain's word.
    function _count(uint64 chain) private {
        Toll memory toll = _tolls[chain];
        if (toll.members == 0 || block.timestamp >= uint256(toll.since) + unbonding) {
            toll = Toll(uint40(block.timestamp), 0, uint16(_members()));
        }
        ++toll.count;
        if (toll.count > _churn(toll.members)) revert GuardianNeeded(chain);
        _tolls[chain] = toll;
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
        // Still in the newest set; of a registry that has ended there will be no other.
        if (_validators[key].inSet && retiredAt == 0) revert WrongStatus(key, Status.Convicted);
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

    /// @dev Out for good, with the bond frozen. A lie that needs nobody's confirmation outweighs one that does, and of those
    /// that do, a few more open the window again: a small lie must not cover a great one. The first reporter stays.
    /// @return news false if that key stands convicted of as much already.
    function _convict(address key, address reporter, Lie lie, bool needsConfirmation, bytes32 subject)
        private
        returns (bool news)
    {
        if (reporter == address(0)) revert InvalidAddress();
        Validator storage record = _validators[key];
        Status status = record.status;
        if (status == Status.None) revert WrongStatus(key, status);
        Conviction memory known = _convictions[key];
        if (status == Status.Convicted) {
            if (known.settled || !known.needsConfirmation) return false;
            if (needsConfirmation && (known.subject == subject || known.reopened >= MAX_REOPENED)) return false;
            (reporter, known.reopened) = (known.reporter, known.reopened + 1);
        } else {
            if (status == Status.Waiting) _dequeue(key);
            if (record.inSet) ++_evictions;
            record.status = Status.Convicted;
            known.reopened = 0;
        }
        _convictions[key] = Conviction({
            reporter: reporter,
            provedAt: uint40(block.timestamp),
            lie: lie,
            needsConfirmation: needsConfirmation,
            confirmed: false,
            vetoed: false,
            settled: false,
            reopened: known.reopened,
            subject: subject
        });
        return true;
    }
}
