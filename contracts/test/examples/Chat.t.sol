// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {Chat} from "../../src/examples/Chat.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Vm} from "../utils/Vm.sol";

contract ChatTest is BridgeTest {
    uint256 private constant NOW = 1_000_000;
    uint64 private constant DEADLINE = uint64(NOW + MIN_DEADLINE);
    Chat[2] private chats;

    function setUp() public override {
        super.setUp();
        vm.warp(NOW);
        for (uint256 i = 0; i < 2; ++i) {
            chats[i] = new Chat(gateways[i], OWNER);
        }
        vm.startPrank(OWNER);
        chats[0].setPeer(CHAINS[1], address(chats[1]));
        chats[1].setPeer(CHAINS[0], address(chats[0]));
        vm.stopPrank();
        _on(0);
    }

    function _post(string memory text) private returns (uint64) {
        _on(0);
        vm.prank(USER);
        return chats[0].post(CHAINS[1], text, DEADLINE);
    }

    /// @dev Relays 0 → 1 and says whether the peer heard exactly this.
    function _heard(uint64 number, string memory text) private returns (bool heard) {
        _relay(0, 1);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != Chat.Received.selector) continue;
            assertEq(logs[i].emitter, address(chats[1]));
            assertEq(uint256(logs[i].topics[1]), number);
            assertEq(address(uint160(uint256(logs[i].topics[2]))), USER);
            assertEq(logs[i].data, abi.encode(InteroperableAddress.formatEvmV1(CHAINS[0], address(chats[0])), text));
            heard = true;
        }
    }

    function test_textArrives() public {
        assertEq(_post("hello"), 1);
        assertTrue(_heard(1, "hello"), "heard");
        assertTrue(chats[0].stateOf(CHAINS[1], 1) == Chat.State.Sent, "sent");
    }

    function test_longestTextArrivesWithinItsGas() public {
        string memory text = string(new bytes(2000));
        _post(text);
        assertTrue(_heard(1, text), "heard");
        vm.expectRevert(abi.encodeWithSelector(Chat.TooLong.selector, 2001));
        _post(string(new bytes(2001)));
    }

    function test_feeIsWhatTheGatewayTakes() public {
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], 1 << 16, 60_000);
        uint256 fee = chats[0].fee(CHAINS[1], 5, 0);
        vm.expectRevert();
        chats[0].post{value: fee - 1}(CHAINS[1], "12345", 0);
        chats[0].post{value: fee}(CHAINS[1], "12345", 0);
        assertEq(address(gateways[0]).balance, fee);
        assertEq(chats[0].count(CHAINS[1]), 1);
    }

    function test_textNotDeliveredIsMarked() public {
        _post("first");
        _relay(0, 1);
        _post("second");
        vm.warp(DEADLINE + 1);
        _relay(0, 1);
        gateways[1].expire(_remote(0), sent[_lane(0, 1)][1]);
        _relay(1, 0);
        assertTrue(chats[0].stateOf(CHAINS[1], 1) == Chat.State.Sent, "first");
        assertTrue(chats[0].stateOf(CHAINS[1], 2) == Chat.State.NotDelivered, "second");
    }

    function test_onlyTheGatewayIsHeard() public {
        bytes memory peer = InteroperableAddress.formatEvmV1(CHAINS[1], address(chats[1]));
        bytes memory payload = abi.encode(1, USER, "x");
        _post("x");
        vm.expectRevert(Chat.NotGateway.selector);
        chats[0].receiveMessage(0, peer, payload);
        vm.expectRevert(Chat.NotGateway.selector);
        chats[0].receiveRefund(0, peer, abi.encodePacked(bytes32(0), payload));
    }

    function test_onlyPeersAreHeardThroughTheGateway() public {
        bytes memory stranger = InteroperableAddress.formatEvmV1(CHAINS[1], USER);
        bytes memory payload = abi.encode(1, USER, "x");
        _post("x");
        vm.startPrank(address(gateways[0]));
        vm.expectRevert(abi.encodeWithSelector(Chat.NotPeer.selector, stranger));
        chats[0].receiveMessage(0, stranger, payload);
        vm.expectRevert(abi.encodeWithSelector(Chat.NotPeer.selector, stranger));
        chats[0].receiveRefund(0, stranger, abi.encodePacked(bytes32(0), payload));
        vm.stopPrank();
        // As it really comes: recorded, and never executed.
        _on(1);
        gateways[1].send(CHAINS[0], LaneLib.toBytes32(address(chats[0])), 100_000, 0, payload);
        _relay(1, 0);
        bytes memory message = sent[_lane(1, 0)][0];
        assertTrue(gateways[0].isRecorded(LaneLib.fold(_lane(1, 0), keccak256(message))), "recorded");
    }

    function test_peersAreNamedOnceByTheOwner() public {
        vm.expectRevert();
        chats[0].setPeer(CHAINS[2], USER);
        vm.startPrank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(Chat.PeerAlreadySet.selector, CHAINS[1]));
        chats[0].setPeer(CHAINS[1], USER);
        vm.expectRevert(abi.encodeWithSelector(Chat.UnknownPeer.selector, CHAINS[2]));
        chats[0].post(CHAINS[2], "x", 0);
    }
}
