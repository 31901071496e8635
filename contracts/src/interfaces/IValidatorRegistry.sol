// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The validators of a network: who they are, what they have bonded, and the sets of its epochs.
/// @notice One contract, on the hub chain. A key registers itself with a bond, waits out its probation, and joins with
/// an epoch; it leaves by asking, by silence (a quorum of the others jails it) or by proof of a lie, from anybody.
interface IValidatorRegistry {
    /// @notice Where a validator stands. Whether it is in the set is told apart from this: whoever leaves is still in
    /// it until an epoch without it is made.
    enum Status {
        /// Never registered, or gone with its bond.
        None,
        /// Bonded; may join once its probation is over.
        Waiting,
        /// In the set.
        Active,
        /// Asked to leave.
        Leaving,
        /// The others' quorum found it silent.
        Jailed,
        /// Out. The bond is free once `withdraw` says so.
        Left,
        /// Proved to have lied. For good.
        Convicted
    }

    /// @notice Of what a validator was convicted.
    enum Lie {
        /// Two checkpoints of one lane and nonce.
        Equivocation,
        /// A checkpoint that is not what its source's outbox says.
        FalseCheckpoint,
        /// A set that is not its epoch's.
        FalseSet
    }

    struct Validator {
        /// Who gets the bond back.
        address payout;
        Status status;
        /// True while the newest epoch's set has it.
        bool inSet;
        /// UNIX seconds: from when on it may join (Waiting), or be unjailed (Jailed).
        uint40 since;
        /// UNIX seconds at which the first epoch without it was made; zero if it was never in a set.
        uint40 outAt;
        /// That epoch.
        uint64 outEpoch;
        /// Smallest units of the bond's token, or wei.
        uint128 bond;
        /// Where it serves what it signs.
        string url;
    }

    struct Conviction {
        /// Who gets the reporter's share.
        address reporter;
        /// UNIX seconds.
        uint40 provedAt;
        Lie lie;
        /// The chain lied about has no economic finality: the bond is taken only if the guardian confirms.
        bool needsConfirmation;
        /// The guardian's word, for and against.
        bool confirmed;
        bool vetoed;
        /// The bond has been paid out, to whomever.
        bool settled;
        /// Further lies that opened the window again.
        uint8 reopened;
        /// What was lied about: a hash, to tell one lie from another.
        bytes32 subject;
    }

    /// @notice A gateway of the network.
    struct GatewayRecord {
        address gateway;
        /// False: a revert of this chain's finality costs nobody enough, so a false checkpoint of it may be honest.
        bool economicFinality;
        /// The newest epoch that the gateway is known to hold.
        uint64 heldEpoch;
    }

    /// @notice What cannot be changed once deployed. Times in seconds.
    struct Parameters {
        /// Least time between two epochs, evidence excepted.
        uint40 epochLength;
        uint40 probation;
        /// From leaving the set to a free bond.
        uint40 unbonding;
        /// In which the guardian may veto or confirm a conviction.
        uint40 defeatWindow;
        /// From jailing to unjailing, at least.
        uint40 jailTime;
        /// No validator leaves (unless convicted) if fewer would be left.
        uint16 floor;
        /// Of a taken bond, in 1/10,000, to who reported.
        uint16 reporterShare;
        uint128 minBond;
    }

    event Registered(address indexed validator, address payout, string url);
    event UrlChanged(address indexed validator, string url);
    event Bonded(address indexed validator, uint128 amount, uint128 bond);
    event Refused(address indexed validator);
    event ExitAsked(address indexed validator);
    event Jailed(address indexed validator, uint64 epoch);
    event Unjailed(address indexed validator);
    event Joined(address indexed validator, uint64 indexed epoch);
    event WentOut(address indexed validator, uint64 indexed epoch, Status status);
    /// @notice `set` is packed as in QuorumLib.
    event EpochMade(uint64 indexed epoch, bytes32 setHash, uint64 hubTime, bytes set);
    /// @notice A quorum of the epoch before has signed this one's set.
    event EpochSigned(uint64 indexed epoch);
    event EpochHeld(uint64 indexed chain, uint64 indexed epoch);
    event Convicted(address indexed validator, Lie lie, uint64 chain, bytes32 subject, uint64 nonce, address reporter);
    event Vetoed(address indexed validator);
    event Confirmed(address indexed validator);
    event BondTaken(address indexed validator, uint128 toReporter, uint128 toTreasury);
    event BondFreed(address indexed validator, uint128 amount);
    event Claimed(address indexed account, uint256 amount);
    event AllowedSet(address indexed validator, bool allowed);
    event OpenSet(bool open);
    event GuardianSet(address guardian);
    event TreasurySet(address treasury);
    event GatewaySet(uint64 indexed chain, address gateway, bool economicFinality);
    event GatewayRemoved(uint64 indexed chain);
    event DeafSet(uint64 indexed chain, bool isDeaf);
    event Heard(uint64 indexed chain);
    event Retired();

    error NotAllowed(address validator);
    error WrongStatus(address validator, Status status);
    error InvalidUrl(uint256 length);
    error InvalidAddress();
    error InvalidParameters();
    error BondTooSmall(uint256 bond, uint256 least);
    error WrongValue(uint256 sent, uint256 expected);
    error QueueFull();
    error NotGuardian();
    error NotTheValidator();
    error NotGateway(address caller);
    error UnknownGateway(uint256 chain, address gateway);
    error TooSoon(uint256 earliest);
    /// @notice The newest epoch has to be signed first.
    error EpochNotSigned(uint64 epoch);
    error UnknownEpoch(uint64 epoch);
    error GatewayBehind(uint64 chain, uint64 heldEpoch, uint64 neededEpoch);
    error NoLie();
    error AlreadyConvicted(address validator);
    error NotConvicted(address validator);
    error WindowOver(uint256 since);
    error NothingToClaim(address account);
    error TooManyGateways();
    error UnknownReport(uint256 kind);
    /// @notice The guardian does not listen to this chain at present; the report can be executed later.
    error ChainIsDeaf(uint64 chain);
    /// @notice By this chain's word alone, a third of the set or more would be out (of three or fewer: a second one): the
    /// guardian has to agree.
    error GuardianNeeded(uint64 chain);
    error IsRetired();
    error BelowFloor(uint256 members, uint256 floor);
    error NothingChanges();

    /// @notice Bonds and asks to join. The caller is the key that will sign. A member of the first set, who is in
    /// already, bonds by this too.
    /// @param url where it will serve what it signs; at most 200 bytes.
    /// @param payout gets the bond back.
    /// @param amount of the bond's token (approved before), or of native coin (sent along).
    function register(string calldata url, address payout, uint128 amount) external payable;

    function setUrl(string calldata url) external;

    /// @notice Adds to a validator's bond. Anyone may.
    function topUp(address key, uint128 amount) external payable;

    /// @notice Refuses a validator that waits: the guardian, or a quorum by `refuseByQuorum`. Its bond is free at once.
    function refuse(address key) external;

    /// @param signatures over `Refuse(address validator,uint64 epoch)` by a quorum of the newest signed epoch.
    function refuseByQuorum(address key, bytes calldata signatures) external;

    /// @notice Leaves. Called by the validator's key or the payout account.
    function exit(address key) external;

    /// @notice Puts a silent validator out with one of the next epochs.
    /// @param signatures over `Jail(address validator,uint64 epoch)` by a quorum of the newest signed epoch.
    function jail(address key, bytes calldata signatures) external;

    /// @notice Back into the queue, without probation. Called by the validator's key.
    function unjail() external;

    /// @notice Asks a member of the first set to leave that has not bonded in time. Anyone may.
    function expel(address key) external;

    /// @notice Frees the bond of a validator that left: after the unbonding time, and when every gateway holds an
    /// epoch without it. Anyone may.
    function withdraw(address key) external;

    /// @notice Pays out what is due to an account. Anyone may.
    function claim(address account) external;

    /// @notice Makes the next epoch: due by time, or at once if somebody in the set was convicted. Anyone may.
    function makeEpoch() external returns (uint64 epoch);

    /// @notice Posts a quorum's signatures over `ValidatorSet(epoch, setHash, hubTime)`, epoch by epoch. Anyone may.
    function postSignatures(uint64 epoch, bytes calldata signatures) external;

    /// @notice Two checkpoints of one lane and nonce by one key.
    /// @param signatureA, signatureB 64 bytes each (EIP-2098).
    function proveEquivocation(
        bytes32 lane,
        uint64 nonce,
        bytes32 accumulatorA,
        bytes calldata signatureA,
        bytes32 accumulatorB,
        bytes calldata signatureB,
        address reporter
    ) external;

    /// @notice A signed set that is not its epoch's.
    function proveFalseSet(uint64 epoch, bytes32 setHash, uint64 hubTime, bytes calldata signature, address reporter)
        external;

    /// @notice The guardian: the convicted one was honest, or its chain was not. The key stays out; the bond is freed.
    function veto(address key) external;

    /// @notice The guardian: the bond may be taken, although the chain lied about has no economic finality.
    function confirm(address key) external;

    /// @notice The guardian: reports of a chain that seems to lie itself wait, or no longer do.
    function setDeaf(uint64 chain, bool isDeaf) external;

    /// @notice The guardian: reports of a chain may put as many out again as without its agreement.
    function hear(uint64 chain) external;

    /// @notice Takes or frees a convicted validator's bond after the defeat window. Anyone may.
    function settle(address key) external;

    function validator(address key) external view returns (Validator memory);
    function conviction(address key) external view returns (Conviction memory);
    function gateway(uint64 chain) external view returns (GatewayRecord memory);
    /// @notice The chains whose gateways have to hold an epoch before a bond is freed.
    function chains() external view returns (uint64[] memory);
    /// @notice Who waits, in order.
    function waiting() external view returns (address[] memory);
    /// @notice What is due to an account.
    function due(address account) external view returns (uint256);
    /// @notice An epoch's set, packed, and when it was made.
    function epochSet(uint64 epoch) external view returns (bytes memory set, bytes32 setHash, uint64 hubTime);
    /// @notice The signatures with which any gateway rotates to an epoch; empty if there are none yet.
    function epochSignatures(uint64 epoch) external view returns (bytes memory);
    /// @notice The newest epoch, and the newest that a quorum has signed.
    function epochs() external view returns (uint64 newest, uint64 signed);
    /// @notice Whether `makeEpoch` would make one, and whether that would change the set.
    function epochDue() external view returns (bool isDue, bool changes);
}
