// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../src/interfaces/IGateway.sol";
import {LaneLib} from "../src/libraries/LaneLib.sol";
import {WrappedToken} from "../src/token/WrappedToken.sol";
import {BridgeTest} from "./utils/BridgeTest.sol";
import {Ledger} from "./utils/Receivers.sol";

/// @title Drives three chains at random: sends, deposits, partial and overlapping deliveries, executions, pauses.
contract Actions is BridgeTest {
    Ledger public ledger;
    uint256 public messagesSent;

    constructor() {
        _setUp(4);
        ledger = new Ledger();
        _register(1);
        _register(2);
    }

    function send(uint8 from, uint8 to, uint32 gasLimit, bytes calldata payload) external {
        (uint256 source, uint256 destination) = _pair(from, to);
        _on(source);
        gateways[source].send(CHAINS[destination], LaneLib.toBytes32(address(ledger)), gasLimit % 400_000, 0, payload);
        ++messagesSent;
    }

    function deposit(uint8 from, uint8 to, uint96 amount) external {
        (uint256 source, uint256 destination) = _pair(from, to);
        if (source != 0 && destination != 0) destination = 0;
        uint256 balance = source == 0 ? token.balanceOf(USER) : WrappedToken(_wrapper(source)).balanceOf(USER);
        if (balance == 0) return;
        _deposit(source, destination, USER, bound(amount, 1, balance));
    }

    function deliver(uint8 from, uint8 to, uint8 back, uint8 length, uint8 tail) external {
        (uint256 source, uint256 destination) = _pair(from, to);
        _collect();
        bytes32 lane = _lane(source, destination);
        uint256 newest = sent[lane].length;
        if (newest == 0) return;
        uint256 position = 0;
        while (accumulators[lane][position] != gateways[destination].inbox(lane)) ++position;
        uint256 first = position + 1 > back % 3 ? position + 1 - back % 3 : 1;
        if (first > newest) first = newest;
        uint256 last = bound(length, first, newest);
        uint256 signed = bound(tail, last, newest);
        IGateway.Delivery memory delivery = _delivery(source, destination, first, last, signed);
        _on(destination);
        gateways[destination].deliver(delivery);
    }

    function execute(uint8 from, uint8 to, uint16 index) external {
        (uint256 source, uint256 destination) = _pair(from, to);
        _collect();
        bytes32 lane = _lane(source, destination);
        if (sent[lane].length == 0) return;
        _on(destination);
        gateways[destination].execute(_remote(source), sent[lane][index % sent[lane].length]);
    }

    /// @dev Paused one time in eight, so that most deliveries get through.
    function pause(uint8 chain, uint8 choice) external {
        uint256 where = chain % 3;
        bool paused = choice % 8 == 0;
        vm.prank(paused ? GUARDIAN : OWNER);
        paused ? gateways[where].pauseDeliveries() : gateways[where].resumeDeliveries();
    }

    function checkInboxes() external {
        _collect();
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                if (i == j) continue;
                bytes32 lane = _lane(i, j);
                bytes32 inbox = gateways[j].inbox(lane);
                bool found = inbox == lane;
                for (uint256 n = 0; n < accumulators[lane].length && !found; ++n) {
                    found = accumulators[lane][n] == inbox;
                }
                assertTrue(found, "inbox is an accumulator of its outbox");
            }
        }
    }

    function checkSupply() external view {
        uint256 total = 0;
        for (uint256 i = 1; i < 3; ++i) {
            uint256 held = bridges[0].held(_tokenId(), CHAINS[i]);
            assertTrue(WrappedToken(_wrapper(i)).totalSupply() <= held, "minted <= held");
            total += held;
        }
        assertEq(token.balanceOf(address(bridges[0])), total);
    }

    function checkOnce() external view {
        assertTrue(!ledger.ranTwice() && ledger.count() <= messagesSent, "nothing runs twice");
    }

    function _pair(uint8 from, uint8 to) private pure returns (uint256 source, uint256 destination) {
        source = from % 3;
        destination = (source + 1 + to % 2) % 3;
    }

    /// @dev Only actions are to be driven.
    function setUp() public override {}
}

contract InvariantsTest is BridgeTest {
    Actions private actions;

    function setUp() public override {
        actions = new Actions();
        targetContract(address(actions));
    }

    function invariant_inboxIsSomeAccumulatorOfItsOutbox() public {
        actions.checkInboxes();
    }

    function invariant_mintedAtMostHeldEqualsLocked() public view {
        actions.checkSupply();
    }

    function invariant_nothingRunsTwice() public view {
        actions.checkOnce();
    }
}
