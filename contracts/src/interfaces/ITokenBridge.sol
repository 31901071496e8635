// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {IRefundRecipient} from "./IRefundRecipient.sol";

/// @title Moves tokens over the gateway: locked at home, minted elsewhere.
/// @notice A token's id is keccak256(abi.encode(uint64 homeChain, bytes32 homeToken)). Amounts travel in the home
/// token's smallest unit, at most 2^128 − 1. Away from home wrappers have the home token's decimals; a linked token
/// may have more, and what does not make a whole unit at home (dust) is refused.
/// @dev A deposit and an arrival have no event here, which would cost 2,500 gas each to say again what is said: the
/// gateway's `Sent` holds the transfer (see TransferCodec), `Delivered` and `Executed` tell its arrival, and the token's
/// `Transfer` who gave and got it.
interface ITokenBridge is IERC7786Recipient, IRefundRecipient {
    /// @notice How a token leaves and enters this chain.
    enum Kind {
        None,
        /// At home: locked and released. The wrapped native coin is unwrapped when released.
        Vault,
        /// Elsewhere: a wrapper of ours, burned and minted.
        Wrapper,
        /// An issuer's token by ERC-7802: crosschainBurn and crosschainMint.
        Erc7802,
        /// An issuer's token by ERC-7281 (xERC20): burn and mint, within the limits it gives this bridge.
        XErc20
    }

    struct Token {
        /// On this chain.
        address local;
        uint64 homeChain;
        Kind kind;
        /// Decimals here above those at home.
        uint8 scale;
    }

    /// @notice What a home token's chain knows about another chain.
    struct Route {
        /// What that chain holds of the token: locked here on its behalf.
        uint128 held;
        /// None: not registered there. The token's kind otherwise.
        Kind kind;
    }

    struct Deposit {
        /// The token as it is on this chain.
        address token;
        /// In this chain's units; of a fee-on-transfer token, what arrives is what is counted.
        uint256 amount;
        /// Where to: any chain, also from one remote chain to another.
        uint64 chain;
        /// 32-byte form of the recipient.
        bytes32 to;
        /// 32-byte form of the account on this chain that a refund goes to.
        bytes32 refundTo;
        /// UNIX seconds after which a transfer that could not be executed is refunded; 0: it can be executed for ever.
        uint64 deadline;
        /// Gas for the recipient's `onTokensReceived` (see ITokenReceiver), up to 2,000,000.
        uint32 callGas;
        /// Data for it. Empty with `callGas` 0: no call.
        bytes call;
    }

    /// @notice A transfer above the rate limit, waiting.
    struct Queued {
        address to;
        /// UNIX seconds.
        uint40 releaseAt;
        bool cancelled;
        /// In home units.
        uint128 amount;
        /// The chain it came from: at home, what it is counted under again if it is cancelled.
        uint64 sourceChain;
        /// Zero, or keccak256(abi.encode(id, origin chain, call)).
        bytes32 callHash;
    }

    /// @notice Home passed tokens on from one remote chain to another, under a new message of the lane there.
    event Forwarded(bytes32 indexed tokenId, bytes32 indexed id, uint64 toChain, uint64 nonce);
    /// @notice The second leg could not be begun, or was refunded: a new message brings the tokens back.
    event Returned(bytes32 indexed tokenId, bytes32 indexed id, uint64 toChain, uint64 nonce);
    /// @notice A transfer above the rate limit waits in its token's queue.
    event TransferQueued(
        bytes32 indexed tokenId, uint64 indexed index, bytes32 indexed id, address to, uint128 amount, uint40 releaseAt
    );
    /// @notice The head of a token's queue was paid out, or set aside as a claim (`claimable`), or had been cancelled.
    event QueueReleased(bytes32 indexed tokenId, uint64 indexed index, bool claimable);
    event QueueCancelled(bytes32 indexed tokenId, uint64 indexed index);
    /// @notice What could not be handed over waits to be claimed.
    event ClaimAdded(bytes32 indexed tokenId, address indexed account, uint128 amount);
    event Claimed(bytes32 indexed tokenId, address indexed account, address recipient, uint128 amount);
    /// @notice The call attached to a transfer failed; the tokens are with the recipient.
    event CallFailed(bytes32 indexed id);
    /// @notice A registration left for a remote chain.
    event RegistrationSent(bytes32 indexed tokenId, uint64 indexed destinationChain, uint64 nonce, address token);
    /// @notice A token of another chain is known here.
    event TokenRegistered(bytes32 indexed tokenId, address local);
    event PeerSet(uint64 indexed chain, bytes32 peer);
    event LimitsSet(bytes32 indexed tokenId, uint256 arrivals, uint256 departures);
    event Paused(bytes32 indexed tokenId, bool deposits, bool releases);

    error NotGateway();
    error NotGuardian();
    error UnknownPeer();
    error PeerAlreadySet(uint64 chain);
    error InvalidPeer();
    error UnknownToken(bytes32 tokenId);
    error TokenNotRegistered(bytes32 tokenId, uint64 chain);
    error AlreadyRegistered(bytes32 tokenId, uint64 chain);
    error NoCode(address token);
    error RebasingToken(address token);
    error InvalidMetadata();
    error InvalidLink();
    error InvalidRecipient(bytes32 to);
    error InvalidAmount();
    error InvalidCall();
    /// @notice The amount is no multiple of the home token's smallest unit.
    error Dust(uint256 unit);
    error NotHome(uint64 homeChain);
    error NotVault();
    error HeldTooLittle(uint64 chain, uint256 held, uint256 amount);
    error HeldTooMuch(uint64 chain);
    error MalformedPayload();
    error Reentered();
    error OwnerRequired();
    error DepositsPaused(bytes32 tokenId);
    error ReleasesPaused(bytes32 tokenId);
    error DepositAboveLimit(uint256 limit);
    error FeeTooLow(uint256 paid, uint256 fee);
    error ValueTooLow(uint256 value, uint256 amount);
    error PayoutFailed(bytes32 tokenId, address to);
    error QueueEmpty(bytes32 tokenId);
    error NotYet(uint40 releaseAt);
    error WrongCall(bytes32 callHash);
    error NotQueued(uint64 index);
    error NothingToClaim();
    error NotClaimant(address account);
    error OutOfGas(uint256 available, uint256 required);

    /// @notice Registers a token of this chain down a lane. Anyone may; the metadata is the token's own, bounded. The
    /// value, if any, pays for the delivery. Until the timelock sets a limit, arrivals wait for the rate window.
    /// @return nonce of the carrying message.
    function registerToken(address token, uint64 destinationChain) external payable returns (uint64 nonce);

    /// @notice Moves tokens to another chain. The value, if any, pays for the delivery (see `quote`); without, the
    /// user delivers by himself.
    /// @param token amount destinationChain to refundTo deadline as in Deposit.
    /// @return nonce of the carrying message.
    function deposit(
        address token,
        uint256 amount,
        uint64 destinationChain,
        bytes32 to,
        bytes32 refundTo,
        uint64 deadline
    ) external payable returns (uint64 nonce);

    /// @notice As `deposit`, with a call attached.
    function depositAndCall(Deposit calldata d) external payable returns (uint64 nonce);

    /// @notice Wraps native coin and deposits it. `d.token` is the wrapped coin; the value is the amount and the fee.
    function depositNative(Deposit calldata d) external payable returns (uint64 nonce);

    /// @notice Approves by ERC-2612 and deposits. If somebody else has used the permit already, the approval counts.
    function depositWithPermit(Deposit calldata d, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s)
        external
        payable
        returns (uint64 nonce);

    /// @notice Deposits by a signature for Permit2 (`permitTransferFrom`).
    function depositWithPermit2(Deposit calldata d, uint256 nonce, uint256 signatureDeadline, bytes calldata signature)
        external
        payable
        returns (uint64 messageNonce);

    /// @notice What the delivery of a deposit costs, in wei; of both legs, if it goes through home.
    function quote(Deposit calldata d) external view returns (uint256 fee);

    /// @notice Pays out the head of a token's queue, once its time has come. Anyone may.
    /// @param call empty, or abi.encode(id, origin chain, call) as its `callHash` says.
    function release(bytes32 tokenId, bytes calldata call) external;

    /// @notice Pays out what could not be handed over. Anyone may; only the account itself may name another recipient.
    /// Native coin is paid as the wrapped coin.
    function claim(bytes32 tokenId, address account, address recipient) external;

    /// @notice Timelock: strikes a theft from a queue. At home its amount is counted under its source chain again.
    function cancel(bytes32 tokenId, uint64 index) external;

    /// @notice Timelock: limits of a token on this chain, in home units per rate window (see RateLimit).
    /// @param arrivals 0: every arrival waits. @param departures 0: no limit.
    function setLimits(bytes32 tokenId, uint128 arrivals, uint128 departures) external;

    /// @notice Guardian: stops deposits, or releases, or both, of a token here.
    function pause(bytes32 tokenId, bool deposits, bool releases) external;
    /// @notice Timelock: says what stays paused.
    function unpause(bytes32 tokenId, bool deposits, bool releases) external;

    /// @notice Names the token bridge of a remote chain, once. Timelock only.
    function setPeer(uint64 chain, bytes32 peer) external;

    /// @notice Timelock: makes an issuer's token the form of a home token on this chain. A wrapper registered before is
    /// superseded; what there is of it can go home. At home (`homeChain` = this chain), sets the kind of a token before
    /// it is registered anywhere.
    function linkToken(uint64 homeChain, bytes32 homeToken, address local, Kind kind, uint8 homeDecimals) external;

    /// @notice What a remote chain holds of a home token.
    function held(bytes32 tokenId, uint64 chain) external view returns (uint128);
    /// @notice The token on this chain, its home chain, or zeros when unknown.
    function tokenOf(bytes32 tokenId) external view returns (address local, uint64 homeChain);
    function tokenInfo(bytes32 tokenId) external view returns (Token memory);
    /// @notice The id of a home token or wrapper of this chain, or zero.
    function idOf(address token) external view returns (bytes32 tokenId);
    function isRegistered(bytes32 tokenId, uint64 chain) external view returns (bool);
    function peerOf(uint64 chain) external view returns (bytes32);
    /// @notice Where the wrapper of a token is, or will be, on this chain.
    function wrapperAddress(bytes32 tokenId) external view returns (address);
    /// @notice A token's limits here, its present net flow (positive: arrivals), and what is paused.
    function flowOf(bytes32 tokenId)
        external
        view
        returns (uint256 arrivals, uint256 departures, int256 net, bool depositsPaused, bool releasesPaused);
    /// @notice Indices of a token's queue: `head..tail` wait. `waiting` is their sum without the cancelled, home units.
    function queueOf(bytes32 tokenId) external view returns (uint64 head, uint64 tail, uint128 waiting);
    function queuedAt(bytes32 tokenId, uint64 index) external view returns (Queued memory);
    /// @notice What an account can claim, in home units; and all claims of a token together.
    function claimOf(bytes32 tokenId, address account) external view returns (uint128);
    function claimsOf(bytes32 tokenId) external view returns (uint128);
    function rateWindow() external view returns (uint64);
    function wrappedNative() external view returns (address);
}
