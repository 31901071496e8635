// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

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
        /// keccak256 chain over all messages; the lane id before the first. Zero: never opened.
        bytes32 accumulator;
        /// Messages sent so far; the nonce of the newest one.
        uint64 nonce;
        /// Generation of the lane.
        uint32 generation;
        /// Set by the guardian: sending reverts.
        bool paused;
        /// Address of the far gateway, left-padded to 32 bytes.
        bytes32 gateway;
    }

    /// @notice A batch of messages under one signed checkpoint.
    struct Delivery {
        /// The lane's source.
        Remote source;
        /// The checkpoint: newest nonce it covers, and the accumulator at that nonce.
        uint64 nonce;
        bytes32 accumulator;
        /// The accumulator just before the first of `messages`.
        bytes32 startAccumulator;
        /// Signer bitmap and EIP-2098 signatures (see QuorumLib).
        bytes signatures;
        /// Encoded messages (see MessageLib), each preceded by its length as two bytes.
        bytes messages;
        /// Leaves of the messages between the last of `messages` and the checkpoint, at most 64.
        bytes32[] tail;
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
    /// @notice A recorded message has been executed.
    event Executed(bytes32 indexed lane, uint64 indexed nonce, bytes32 id);
    /// @notice Both directions between this gateway and a remote one are open.
    event LaneOpened(
        uint64 indexed chain, uint32 indexed generation, bytes32 gateway, bytes32 outboundLane, bytes32 inboundLane
    );
    /// @notice The validator set of an epoch; `set` is packed (see QuorumLib), so that nobody has to read code for it.
    event SetRotated(uint64 indexed epoch, bytes32 setHash, uint64 hubTime, bytes set);
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
    error DeadlineNotSupported();
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

    /// @notice Sends a message (kind: call). Costs less than ERC-7786's `sendMessage`.
    /// @param destinationChain EIP-155 chain id.
    /// @param recipient 32-byte form of the contract that receives it by ERC-7786's `receiveMessage`.
    /// @param gasLimit of that call. Up to INLINE_GAS it runs within the delivery; above, it waits for `execute`.
    /// @param deadline UNIX seconds; must be 0 (none) until refunds exist.
    /// @param payload at most 10,240 bytes.
    /// @return nonce of the message in its lane.
    function send(uint64 destinationChain, bytes32 recipient, uint32 gasLimit, uint64 deadline, bytes calldata payload)
        external
        returns (uint64 nonce);

    /// @notice Delivers messages under a checkpoint that a quorum of the current set has signed.
    /// @dev Execution starts where the fold of `messages` meets the inbox, so a batch whose first part somebody else
    /// has just delivered still delivers the rest.
    function deliver(Delivery calldata delivery) external;

    /// @notice Executes a recorded message; reverts if its call fails, and may then be tried again with more gas.
    function execute(Remote calldata source, bytes calldata message) external;

    /// @notice Replaces the validator set by one that a quorum of the present set has signed.
    function rotate(bytes calldata newSet, uint64 epoch, uint64 hubTime, bytes calldata signatures) external;

    /// @notice Opens both directions to a remote gateway. Timelock only.
    function openLane(Remote calldata remote) external;

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

    function networkId() external view returns (bytes32);
    function guardian() external view returns (address);
    function outbox(uint64 chain) external view returns (Outbox memory);
    /// @notice Accumulator of what has been delivered on a lane; zero: closed.
    function inbox(bytes32 lane) external view returns (bytes32);
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
