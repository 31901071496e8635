// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";

import {IGateway} from "../interfaces/IGateway.sol";
import {IRefundRecipient} from "../interfaces/IRefundRecipient.sol";

/// @title Example: short texts from chain to chain, by the gateway's own `send`, and what became of them.
/// @notice Shows the three things that an application with deadlines needs: a list of peers, a number of its own for
/// each message, and `receiveRefund`.
contract Chat is Ownable, IERC7786Recipient, IRefundRecipient {
    /// @notice Sent: on its way or arrived. NotDelivered: it never arrives.
    enum State {
        None,
        Sent,
        NotDelivered
    }

    /// @notice Longest text, bytes.
    uint256 public constant MAX_LENGTH = 2000;
    /// @notice What `receiveMessage` needs for the longest text, with room to spare.
    uint32 public constant GAS_LIMIT = 100_000;

    IGateway public immutable gateway;

    /// @notice The chat of another chain, as the gateway names senders: ERC-7930. Empty: none.
    mapping(uint64 chain => bytes) public peers;
    /// @notice Messages sent to a chain so far; the number of the newest one.
    mapping(uint64 chain => uint64) public count;
    mapping(uint64 chain => mapping(uint64 number => State)) public stateOf;

    event PeerSet(uint64 indexed chain, address peer);
    event Posted(uint64 indexed chain, uint64 indexed number, address indexed author, string text);
    event Received(bytes peer, uint64 indexed number, address indexed author, string text);
    event NotDelivered(uint64 indexed chain, uint64 indexed number);

    error NotGateway();
    error NotPeer(bytes account);
    error PeerAlreadySet(uint64 chain);
    error UnknownPeer(uint64 chain);
    error TooLong(uint256 length);
    error UnknownMessage(uint64 chain, uint64 number);

    constructor(IGateway gateway_, address owner_) Ownable(owner_) {
        gateway = gateway_;
    }

    /// @notice Names the chat of another chain, once: whoever replaces a peer can speak in its name.
    function setPeer(uint64 chain, address peer) external onlyOwner {
        if (peers[chain].length != 0) revert PeerAlreadySet(chain);
        peers[chain] = InteroperableAddress.formatEvmV1(chain, peer);
        emit PeerSet(chain, peer);
    }

    /// @notice Posts a text on another chain. The value is nothing (the author delivers by himself) or at least `fee`.
    /// @param deadline UNIX seconds after which the text is not wanted any more; 0: it may arrive at any time.
    function post(uint64 chain, string calldata text, uint64 deadline) external payable returns (uint64 number) {
        if (bytes(text).length > MAX_LENGTH) revert TooLong(bytes(text).length);
        bytes memory peer = peers[chain];
        if (peer.length == 0) revert UnknownPeer(chain);
        (, address account) = InteroperableAddress.parseEvmV1(peer);
        // A number of our own: if the lane ends and messages are sent again in its next generation, the gateway's
        // nonce and id change. The payload does not, and a refund brings it back.
        number = ++count[chain];
        stateOf[chain][number] = State.Sent;
        gateway.send{value: msg.value}(
            chain, bytes32(uint256(uint160(account))), GAS_LIMIT, deadline, abi.encode(number, msg.sender, text)
        );
        emit Posted(chain, number, msg.sender, text);
    }

    /// @notice What the delivery of a text costs, in wei.
    /// @param length bytes of the text.
    function fee(uint64 chain, uint256 length, uint64 deadline) external view returns (uint256) {
        // abi.encode(number, author, text): three words, the text's length, and the text in whole words.
        return gateway.quote(chain, GAS_LIMIT, deadline, 128 + (length + 31) / 32 * 32);
    }

    /// @inheritdoc IERC7786Recipient
    /// @dev Both checks are needed: without the first anyone could claim to be a peer; without the second anyone
    /// could speak through the gateway. If this reverts, the gateway keeps the message, and anyone may execute it
    /// again until its deadline. No message is executed twice.
    function receiveMessage(bytes32, bytes calldata sender, bytes calldata payload) external payable returns (bytes4) {
        _requirePeer(sender);
        (uint64 number, address author, string memory text) = abi.decode(payload, (uint64, address, string));
        emit Received(sender, number, author, text);
        return IERC7786Recipient.receiveMessage.selector;
    }

    /// @inheritdoc IRefundRecipient
    /// @dev `recipient` is the peer that the message was for. The payload begins with the message's id (32 bytes);
    /// then follows what we sent.
    function receiveRefund(bytes32, bytes calldata recipient, bytes calldata payload) external returns (bytes4) {
        uint64 chain = _requirePeer(recipient);
        (uint64 number,,) = abi.decode(payload[32:], (uint64, address, string));
        if (stateOf[chain][number] != State.Sent) revert UnknownMessage(chain, number);
        stateOf[chain][number] = State.NotDelivered;
        emit NotDelivered(chain, number);
        return IRefundRecipient.receiveRefund.selector;
    }

    /// @dev The caller is the gateway, and the account it names a peer.
    function _requirePeer(bytes calldata account) private view returns (uint64 chain) {
        if (msg.sender != address(gateway)) revert NotGateway();
        (uint256 id,) = InteroperableAddress.parseEvmV1Calldata(account);
        // The gateway's chain ids are below 2^64; cut off, another one would not give the same bytes.
        chain = uint64(id);
        if (keccak256(account) != keccak256(peers[chain])) revert NotPeer(account);
    }
}
