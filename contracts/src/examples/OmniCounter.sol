// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {CrosschainLinked} from "@openzeppelin/contracts/crosschain/CrosschainLinked.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {IGateway} from "../interfaces/IGateway.sol";

/// @title Example: a counter on every chain, by ERC-7786 and OpenZeppelin's CrosschainLinked.
/// @notice Anyone increments a counterpart's counter on another chain. The owner asks for its value: the counterpart
/// answers with a message of its own, and pays for it out of what it holds.
/// @dev CrosschainLinked checks that the gateway calls and that a counterpart has sent. Messages are ERC-7786's; only
/// the payment of their delivery, which ERC-7786 leaves open, is the gateway's own.
contract OmniCounter is CrosschainLinked, Ownable {
    /// @dev What a message asks for: its payload is abi.encode(Action, value).
    enum Action {
        Increment,
        Ask,
        Answer
    }

    /// @dev ERC-7786 attribute: gas for the call at the destination. Ask needs the most: it sends the answer.
    bytes4 private constant MIN_GAS_LIMIT = bytes4(keccak256("minGasLimit(uint256)"));
    uint32 private constant GAS_LIMIT = 200_000;
    uint256 private constant PAYLOAD_LENGTH = 64;

    IGateway public immutable gateway;
    uint256 public count;
    /// @notice The last answer of a chain's counterpart.
    mapping(uint64 chain => uint256) public answerOf;

    event Incremented(uint256 count);
    event AnswerSent(uint64 indexed chain, bool paid);
    event Answered(uint64 indexed chain, uint256 count);

    error FeeTooLow(uint256 paid, uint256 fee);
    error FeeNotNeeded();
    error WithdrawalFailed();

    constructor(IGateway gateway_, address owner_) CrosschainLinked(new Link[](0)) Ownable(owner_) {
        gateway = gateway_;
    }

    /// @notice Pays for answers.
    receive() external payable {}

    /// @notice Names the counterpart of another chain, once.
    function link(uint64 chain, address counterpart) external onlyOwner {
        _setLink(address(gateway), InteroperableAddress.formatEvmV1(chain, counterpart), false);
    }

    /// @notice Increments the counter of another chain. The value is nothing, or at least `fee`.
    function increment(uint64 chain) external payable {
        _sendPaid(chain, Action.Increment);
    }

    /// @notice Asks for the value of another chain's counter; it comes to `answerOf`.
    /// @dev Only the owner, because the counterpart pays for the answer.
    function ask(uint64 chain) external payable onlyOwner {
        _sendPaid(chain, Action.Ask);
    }

    /// @notice What `increment` and `ask` cost, in wei.
    function fee(uint64 chain) public view returns (uint256) {
        return gateway.quote(chain, GAS_LIMIT, 0, PAYLOAD_LENGTH);
    }

    /// @notice Takes back what is held for answers.
    function withdraw(address payable to) external onlyOwner {
        (bool success,) = to.call{value: address(this).balance}("");
        if (!success) revert WithdrawalFailed();
    }

    /// @dev The sender is a counterpart: CrosschainLinked has checked it. A revert here loses nothing: the gateway
    /// keeps the message, and anyone may execute it again.
    function _processMessage(address, bytes32, bytes calldata sender, bytes calldata payload) internal override {
        (uint256 from,) = InteroperableAddress.parseEvmV1Calldata(sender);
        uint64 chain = uint64(from);
        (Action action, uint256 value) = abi.decode(payload, (Action, uint256));
        if (action == Action.Increment) {
            emit Incremented(++count);
        } else if (action == Action.Ask) {
            _answer(chain);
        } else {
            answerOf[chain] = value;
            emit Answered(chain, value);
        }
    }

    /// @dev The answer leaves in any case. Unpaid it waits for whoever delivers it; a stale price or an empty purse
    /// must not keep the question from being executed.
    function _answer(uint64 chain) private {
        _send(chain, Action.Answer, count);
        bool paid = false;
        try this.fee(chain) returns (uint256 amount) {
            if (amount != 0 && amount <= address(this).balance) {
                gateway.payDelivery{value: amount}(chain, gateway.outbox(chain).nonce);
                paid = true;
            }
        } catch {}
        emit AnswerSent(chain, paid);
    }

    function _sendPaid(uint64 chain, Action action) private {
        _send(chain, action, 0);
        if (msg.value == 0) return;
        uint256 amount = fee(chain);
        if (amount == 0) revert FeeNotNeeded();
        if (msg.value < amount) revert FeeTooLow(msg.value, amount);
        // The message just sent is the newest one of its lane.
        gateway.payDelivery{value: msg.value}(chain, gateway.outbox(chain).nonce);
    }

    function _send(uint64 chain, Action action, uint256 value) private {
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = abi.encodeWithSelector(MIN_GAS_LIMIT, GAS_LIMIT);
        _sendMessageToCounterpart(InteroperableAddress.formatEvmV1(chain), abi.encode(action, value), attributes);
    }
}
