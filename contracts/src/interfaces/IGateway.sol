// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IReportRecipient} from "./IReportRecipient.sol";

/// @title The gateway of one chain: an outbox per destination and an inbox per source.
/// @notice Messages leave through the outbox, which keeps a running hash (the accumulator) per lane. Validators sign
/// checkpoints of it, and `deliver` extends the inbox of the other end by whatever a quorum has signed: exactly once
/// and in order, whoever submits.
interface IGateway {
    /// @notice The far end of a lane.
    struct Remote {
        /// EIP-155 chain id.
        uint64 chain;
        /// Lane generation, from 1.
        uint32 generation;
        /// Address of the far gateway, left-padded to 32 bytes.
        bytes32 gateway;
    }

    /// @notice What is kept per destination.
    struct Outbox {
        /// keccak256 chain over all messages; the lane id before the first. Zero: closed.
        bytes32 accumulator;
        /// Messages sent so far; the nonce of the newest one.
        uint64 nonce;
        /// Generation of the lane; of a closed one, the last.
        uint32 generation;
        /// Set by the guardian: sending reverts. Refunds still leave.
        bool paused;
        /// What a unit of gas at the destination costs, in 2^-16 wei of this chain's coin. Zero: delivery is free.
        uint80 price;
        /// When the price was set, UNIX seconds.
        uint40 pricedAt;
        /// Gas that a delivery takes besides the message's own limit.
        uint32 overheadGas;
        /// Address of the far gateway, left-padded to 32 bytes.
        bytes32 gateway;
    }

    /// @notice Where a closed lane ended.
    struct End {
        /// The outbox's last accumulator; zero: the lane was never closed.
        bytes32 accumulator;
        /// The outbox's last nonce.
        uint64 nonce;
        /// True once a message was sent again.
        bool resending;
        /// From where on its messages may be sent again (see `allowResend`); zero: nowhere.
        bytes32 resendFrom;
    }

    /// @notice A batch of messages under one signed checkpoint. The checkpoint itself follows from them: what messages
    /// and tail fold to, and the last message's nonce with the tail's length.
    struct Delivery {
        /// The lane's source.
        Remote source;
        /// The accumulator just before the first of `messages`.
        bytes32 startAccumulator;
        /// Signer bitmap and EIP-2098 signatures (see QuorumLib).
        bytes signatures;
        /// Encoded messages (see MessageLib), each preceded by its length as two bytes.
        bytes messages;
        /// Leaves of the messages between the last of `messages` and the checkpoint, at most 64.
        bytes32[] tail;
    }

    /// @notice The validators that a gateway begins with.
    struct InitialSet {
        uint64 epoch;
        /// When the epoch was made, UNIX seconds by the hub's clock.
        uint64 hubTime;
        /// With fewer validators in a set, deliveries stop.
        uint16 minValidators;
        /// 20 bytes each, ascending (see QuorumLib).
        bytes set;
    }

    /// @notice Shows that a checkpoint is not what an outbox says.
    struct CheckpointProof {
        /// The signer's place in the set of the claimed epoch.
        uint256 member;
        /// The true accumulator at the claimed nonce; zero if there is none.
        bytes32 accumulator;
        /// The leaves after it, up to where the outbox stands or ended, or to a nonce that is a multiple of 256.
        bytes32[] leaves;
    }

    /// @notice Why a delivered message has been recorded for `execute` instead of executed.
    enum Reason {
        /// Its gas limit is above INLINE_GAS.
        AboveInlineGas,
        /// The call reverted, ran out of its gas limit, or did not return the expected selector (no code included).
        CallFailed,
        /// The recipient is no address of this chain, or is the gateway itself.
        InvalidRecipient,
        /// Its kind is not executed by this gateway.
        UnsupportedKind,
        /// Its deadline had passed.
        Expired
    }

    /// @notice A message left. The encoded message is the leaf's preimage; its nonce is in it.
    event Sent(uint64 indexed destinationChain, uint32 indexed generation, bytes message);
    /// @notice Messages `fromNonce..=toNonce` of a lane were delivered; the inbox now is `accumulator`.
    event Delivered(bytes32 indexed lane, uint64 fromNonce, uint64 toNonce, bytes32 accumulator);
    /// @notice A delivered message waits for `execute`. `id` = keccak256(lane ‖ leaf).
    event Recorded(bytes32 indexed lane, uint64 indexed nonce, bytes32 id, Reason reason);
    /// @notice A recorded message is past its deadline: a refund left for its sender, under `refundNonce` of the lane
    /// in the other direction.
    event Expired(bytes32 indexed lane, uint64 indexed nonce, bytes32 id, uint64 refundNonce);
    /// @notice A recorded message has been executed.
    event Executed(bytes32 indexed lane, uint64 indexed nonce, bytes32 id);
    /// @notice Both directions between this gateway and a remote one are open.
    event LaneOpened(
        uint64 indexed chain, uint32 indexed generation, bytes32 gateway, bytes32 outboundLane, bytes32 inboundLane
    );
    /// @notice Both directions of a generation are closed. The outbox ended at `outboxNonce`, the inbox at `inbox`.
    event LaneEnded(
        uint64 indexed chain,
        uint32 indexed generation,
        bytes32 outboundLane,
        bytes32 inboundLane,
        uint64 outboxNonce,
        bytes32 inbox
    );
    /// @notice The messages of an ended lane after the accumulator `from` may be sent again in the next generation.
    event ResendAllowed(bytes32 indexed lane, bytes32 from);
    /// @notice The delivery of a message was paid for (more than once: added up).
    event FeePaid(uint64 indexed chain, uint32 indexed generation, uint64 indexed nonce, uint256 amount);
    /// @notice What a unit of gas at the destination costs from now on.
    event PriceSet(uint64 indexed chain, uint80 price, uint32 overheadGas);
    event FeesCollected(address indexed collector, uint256 amount);
    event FeeRolesSet(address updater, address collector);
    /// @notice The owner struck a recorded message: it is neither executed nor refunded.
    event Struck(bytes32 indexed id);
    /// @notice The validator set of an epoch; `set` is packed (see QuorumLib), so that nobody has to read code for it.
    event SetRotated(uint64 indexed epoch, bytes32 setHash, uint64 hubTime, bytes set);
    /// @notice Somebody proved that a validator's checkpoint contradicts this gateway's outbox.
    event FalseCheckpointReported(
        address indexed signer, bytes32 indexed lane, uint64 nonce, bytes32 accumulator, address reporter
    );
    event HubSet(uint64 chain, address registry);
    event SetApproved(bytes32 indexed digest);
    event Disowned(bytes32 indexed lane);
    event DeliveriesPaused(bool paused);
    event SendingPaused(uint64 indexed chain, bool paused);
    event GuardianChanged(address guardian);

    error LaneNotOpen(uint64 chain);
    error LaneClosed(bytes32 lane);
    error LaneAlreadyOpen(uint64 chain);
    error InvalidLane();
    error SendingIsPaused(uint64 chain);
    error DeliveriesArePaused();
    error PayloadTooLong(uint256 length);
    error InvalidRecipient(bytes32 recipient);
    error InvalidGasLimit(uint256 gasLimit);
    /// @notice The deadline is nearer than the earliest one that can be kept.
    error DeadlineTooSoon(uint64 deadline, uint256 earliest);
    error NotExpired(uint64 deadline);
    error LaneNotEnded(bytes32 lane);
    error NothingToResend(bytes32 lane);
    error FeeTooLow(uint256 paid, uint256 fee);
    /// @notice Delivery to this chain is free.
    error FeeNotNeeded(uint64 chain);
    error PriceStale(uint64 chain, uint40 pricedAt);
    error PriceStepTooLarge(uint80 price, uint80 present);
    error PriceTooSoon(uint256 earliest);
    error NotFeeUpdater();
    error UnknownMessage(uint64 nonce);
    error CollectorFailed(address collector);
    error TailTooLong(uint256 length);
    error MalformedMessages();
    error NothingToDeliver();
    error NotConnected(bytes32 inbox);
    error CheckpointMismatch();
    error InsufficientGas(uint256 available, uint256 required);
    error NotRecorded(bytes32 id);
    error ExecutionFailed(bytes reason);
    error Reentered();
    error OwnerRequired();
    error NotGuardian();
    error WrongEpoch(uint64 expected);
    error InvalidHubTime(uint64 hubTime);
    error ValueNotSupported();
    /// @notice The set was made too long ago: a newer epoch has to be rotated in first.
    error SetIsStale(uint64 hubTime);
    error TooFewValidators(uint256 validators, uint256 least);
    error HubNotSet();
    /// @notice The present set is below the minimum: the owner has to approve the next one.
    error SetNotApproved(bytes32 digest);
    error NotAMember(address signer, uint64 epoch);
    error AlreadyReported();
    /// @notice The owner took the lane's reports back: its chain has reverted what was final.
    error LaneDisowned(bytes32 lane);
    /// @notice The claimed checkpoint is what the outbox says.
    error CheckpointIsTrue();

    /// @notice Sends a message (kind: call). Costs less than ERC-7786's `sendMessage`.
    /// @param destinationChain EIP-155 chain id.
    /// @param recipient 32-byte form of the contract that receives it by ERC-7786's `receiveMessage`.
    /// @param gasLimit of that call. Up to INLINE_GAS it runs within the delivery; above, it waits for `execute`.
    /// @param deadline UNIX seconds of the destination's clock, after which the message is refunded instead of
    /// executed (see IRefundRecipient); 0: none, it can be executed for ever. At least `minDeadlineDelay` ahead.
    /// @param payload at most 10,240 bytes.
    /// @return nonce of the message in its lane.
    /// @dev Payable: nothing (the sender delivers by himself, or pays later), or at least `quote`. What is above it is
    /// not given back.
    function send(uint256 destinationChain, bytes32 recipient, uint32 gasLimit, uint64 deadline, bytes calldata payload)
        external
        payable
        returns (uint64 nonce);

    /// @notice Pays for the delivery of a message sent before, or adds to what was paid.
    function payDelivery(uint64 chain, uint64 nonce) external payable;

    /// @notice What the delivery of a message costs, in wei of this chain; with a deadline, the refund is included.
    /// @param payloadLength bytes.
    function quote(uint64 chain, uint32 gasLimit, uint64 deadline, uint256 payloadLength)
        external
        view
        returns (uint256 fee);

    /// @notice Sets what gas costs at a destination. The owner may set anything; the updater moves the price by at
    /// most a quarter, once a minute, and leaves `overheadGas` alone.
    function setPrice(uint64 chain, uint80 price, uint32 overheadGas) external;

    /// @notice Timelock: who may update prices, and who gets the fees.
    function setFeeRoles(address updater, address collector) external;

    /// @notice Hands all fees to the collector. Anyone may call.
    function collectFees() external;

    /// @notice Delivers messages under a checkpoint that a quorum of the current set has signed.
    /// @dev Execution starts where the fold of `messages` meets the inbox, so a batch whose first part somebody else
    /// has just delivered still delivers the rest.
    function deliver(Delivery calldata delivery) external;

    /// @notice Executes a recorded message; reverts if its call fails, and may then be tried again with more gas.
    function execute(Remote calldata source, bytes calldata message) external;

    /// @notice Sends the refund of a recorded message whose deadline has passed. Anyone may call.
    function expire(Remote calldata source, bytes calldata message) external;

    /// @notice Replaces the validator set by one that a quorum of the present set has signed.
    function rotate(bytes calldata newSet, uint64 epoch, uint64 hubTime, bytes calldata signatures) external;

    /// @notice Proves that a validator signed what this gateway's outbox contradicts, and reports it to the registry.
    /// Anyone may, at no fee, once a week for each validator; and once for each epoch while that is the present one, as
    /// what was reported before may have come too early for the registry.
    function reportFalseCheckpoint(IReportRecipient.FalseCheckpoint calldata claim, CheckpointProof calldata proof)
        external;

    /// @notice Reports to the registry which epoch is held here: without that, bonds of who left are not freed.
    function reportRotation(uint64 epoch) external;

    /// @notice Timelock: approves a rotation (by the digest that validators sign) while the present set is below the minimum.
    function approveSet(bytes32 digest) external;

    /// @notice Timelock: nothing about a lane is reported any more, because this chain has reverted what was final: what
    /// honest validators signed before is not what the outbox says now.
    function disown(bytes32 lane) external;

    /// @notice Timelock: where the registry is.
    function setHub(uint64 chain, address registry_) external;

    /// @notice Opens both directions to a remote gateway. Timelock only.
    function openLane(Remote calldata remote) external;

    /// @notice Closes both directions of the open generation, for good. Timelock only. What had been sent and not
    /// delivered can be sent again in the next generation, once `allowResend` says from where.
    function closeLane(uint64 chain) external;

    /// @notice Timelock: strikes a recorded message that a stolen quorum forged. Rotation alone would leave it to be
    /// executed once deliveries resume.
    function strike(bytes32 id) external;

    /// @notice Timelock: names the accumulator that the far end's inbox of an ended lane stopped at, as reconciled in
    /// public. The messages after it may be sent again.
    function allowResend(Remote calldata ended, bytes32 from) external;

    /// @notice Sends messages of an ended lane again, in its successor. Anyone may call.
    /// @param ended the far end and generation of the ended lane.
    /// @param messages the next ones to be sent again, as in a delivery.
    /// @param tail leaves from the last of them to the lane's end, or to a nonce that is a multiple of 256.
    function resend(Remote calldata ended, bytes calldata messages, bytes32[] calldata tail) external;

    /// @notice Guardian: stops deliveries and executions. Rotation stays possible.
    function pauseDeliveries() external;
    /// @notice Timelock: resumes them.
    function resumeDeliveries() external;
    /// @notice Guardian: stops sending to a chain.
    function pauseSending(uint64 chain) external;
    /// @notice Timelock: resumes it.
    function resumeSending(uint64 chain) external;
    /// @notice Timelock: replaces the guardian.
    function setGuardian(address newGuardian) external;

    /// @notice The chain of the registry; zero if there is none yet.
    function hubChain() external view returns (uint64);
    function registry() external view returns (address);
    /// @notice The newest epoch that was reported to the registry.
    function reportedEpoch() external view returns (uint64);
    /// @notice Deliveries stop if the set has fewer.
    function minValidators() external view returns (uint256);
    function networkId() external view returns (bytes32);
    function guardian() external view returns (address);
    function outbox(uint64 chain) external view returns (Outbox memory);
    /// @notice Accumulator of what has been delivered on a lane; zero: closed.
    function inbox(bytes32 lane) external view returns (bytes32);
    /// @notice Where a closed lane of this gateway's outbox ended.
    function endOf(bytes32 lane) external view returns (End memory);
    /// @notice The last accumulator of a closed inbox.
    function lastInbox(bytes32 lane) external view returns (bytes32);
    /// @notice A deadline must be at least this many seconds ahead when a message is sent.
    function minDeadlineDelay() external view returns (uint64);
    function feeUpdater() external view returns (address);
    function feeCollector() external view returns (address);
    /// @notice True while a delivered message waits for `execute`.
    function isRecorded(bytes32 id) external view returns (bool);
    /// @notice Accumulator of a lane's outbox at nonce 256 × index.
    function snapshot(bytes32 lane, uint64 index) external view returns (bytes32);
    function laneTo(Remote calldata remote) external view returns (bytes32);
    function laneFrom(Remote calldata remote) external view returns (bytes32);
    /// @notice The current set (20 bytes each, ascending), its epoch, hub time, and whether deliveries are paused.
    function validatorSet()
        external
        view
        returns (bytes memory set, uint64 epoch, uint64 hubTime, bool deliveriesPaused);
}
