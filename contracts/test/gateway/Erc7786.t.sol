// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {BridgeFungible} from "@openzeppelin/contracts/crosschain/bridges/abstract/BridgeFungible.sol";
import {IERC7786GatewaySource} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {BridgeableToken, CrosschainToken, Linkable, LockingBridge, MintingBridge, Pen} from "../utils/Crosschain.sol";
import {Vm} from "../utils/Vm.sol";

/// @dev OpenZeppelin's contracts, written for any ERC-7786 gateway, over ours.
contract Erc7786Test is BridgeTest {
    bytes[] private none;

    function _link(Linkable first, Linkable second) private {
        first.link(address(gateways[0]), InteroperableAddress.formatEvmV1(CHAINS[1], address(second)));
        second.link(address(gateways[1]), InteroperableAddress.formatEvmV1(CHAINS[0], address(first)));
    }

    function _transfer(uint256 from, BridgeFungible over, uint256 amount) private {
        _on(from);
        vm.prank(USER);
        over.crosschainTransfer(InteroperableAddress.formatEvmV1(CHAINS[1 - from], USER), amount);
        _relay(from, 1 - from);
    }

    function _pens() private returns (Pen first, Pen second) {
        (first, second) = (new Pen(), new Pen());
        _link(first, second);
        _on(0);
    }

    function test_lockedHereMintedThereAndBack() public {
        BridgeableToken minted = new BridgeableToken();
        LockingBridge lock = new LockingBridge(token);
        MintingBridge mint = new MintingBridge(minted);
        minted.setBridge(address(mint));
        _link(lock, mint);
        vm.prank(USER);
        token.approve(address(lock), 100);
        _transfer(0, lock, 100);
        assertEq(minted.balanceOf(USER), 100);
        assertEq(token.balanceOf(address(lock)), 100);
        uint256 balance = token.balanceOf(USER);
        _transfer(1, mint, 30);
        assertEq(minted.totalSupply(), 70);
        assertEq(token.balanceOf(address(lock)), 70);
        assertEq(token.balanceOf(USER), balance + 30);
    }

    function test_crosschainTokenMovesBothWays() public {
        CrosschainToken home = new CrosschainToken(USER, 100);
        CrosschainToken away = new CrosschainToken(USER, 0);
        _link(home, away);
        _transfer(0, home, 60);
        assertEq(home.totalSupply(), 40);
        assertEq(away.balanceOf(USER), 60);
        _transfer(1, away, 60);
        assertEq(home.balanceOf(USER), 100);
        assertEq(away.totalSupply(), 0);
    }

    function test_counterpartsHearEachOtherAndNobodyElse() public {
        (Pen first, Pen second) = _pens();
        bytes32 id = first.write(InteroperableAddress.formatEvmV1(CHAINS[1]), "hello", none);
        _relay(0, 1);
        assertEq(second.received(), "hello");
        assertEq(second.receivedId(), id);
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(second)), 200_000, 0, "forged");
        _relay(0, 1);
        assertEq(second.received(), "hello");
        second.write(InteroperableAddress.formatEvmV1(CHAINS[0]), "and back", none);
        _relay(1, 0);
        assertEq(first.received(), "and back");
    }

    /// @dev The standard's event, whose sendId is the id under which the message is received.
    function test_messageSentSaysAllOfTheMessage() public {
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], address(0x1234));
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = abi.encodeWithSignature("minGasLimit(uint256)", 1);
        _on(0);
        vm.prank(USER);
        bytes32 id = gateways[0].sendMessage(recipient, "payload", attributes);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 2);
        assertEq(logs[1].topics[0], IERC7786GatewaySource.MessageSent.selector);
        assertEq(logs[1].topics[1], id);
        bytes memory sender = InteroperableAddress.formatEvmV1(CHAINS[0], USER);
        assertEq(logs[1].data, abi.encode(sender, recipient, bytes("payload"), uint256(0), attributes));
        assertEq(id, LaneLib.fold(_lane(0, 1), keccak256(abi.decode(logs[0].data, (bytes)))));
    }

    function test_messageIsPaidForAfterwards() public {
        (Pen first,) = _pens();
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], 1 << 16, 1000);
        first.write(InteroperableAddress.formatEvmV1(CHAINS[1]), "x", none);
        gateways[0].payDelivery{value: 201_043}(CHAINS[1], 1);
        assertEq(address(gateways[0]).balance, gateways[0].quote(CHAINS[1], 200_000, 0, 1));
    }

    function testFuzz_gasLimitIsTheLastAttribute(uint256 first, uint256 last) public {
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], address(0x1234));
        bytes[] memory attributes = new bytes[](2);
        first = first % (1 << 32);
        last = last % 3 == 0 ? last : last % 30_000_000;
        attributes[0] = abi.encodeWithSignature("minGasLimit(uint256)", first);
        attributes[1] = abi.encodeWithSignature("minGasLimit(uint256)", last);
        _on(0);
        if (last > 15_000_000) vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidGasLimit.selector, last));
        gateways[0].sendMessage(recipient, "", attributes);
        if (last > 15_000_000) return;
        _collect();
        assertEq(uint32(uint256(bytes32(sent[_lane(0, 1)][0])) >> 88), last);
    }

    function test_withoutAttributesTheDefaultGasLimitHolds() public {
        _on(0);
        gateways[0].sendMessage(InteroperableAddress.formatEvmV1(CHAINS[1], USER), "", none);
        _collect();
        assertEq(uint32(uint256(bytes32(sent[_lane(0, 1)][0])) >> 88), 200_000);
    }

    function testFuzz_otherAttributesAreRefused(bytes4 selector, uint8 length) public {
        bytes4 known = bytes4(keccak256("minGasLimit(uint256)"));
        bytes memory attribute = abi.encodePacked(selector, new bytes(length));
        assertTrue(gateways[0].supportsAttribute(selector) == (selector == known), "supported");
        vm.assume(selector != known);
        _refuses(attribute, selector);
        if (length != 32) _refuses(abi.encodePacked(known, new bytes(length)), known);
    }

    function test_attributesShorterThanASelectorAreRefused() public {
        _refuses("", 0);
        _refuses(hex"a1b2c3", 0);
    }

    function _refuses(bytes memory attribute, bytes4 selector) private {
        bytes[] memory attributes = new bytes[](1);
        attributes[0] = attribute;
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], USER);
        vm.expectRevert(abi.encodeWithSelector(IERC7786GatewaySource.UnsupportedAttribute.selector, selector));
        gateways[0].sendMessage(recipient, "", attributes);
    }

    function test_valueIsRefused() public {
        bytes memory recipient = InteroperableAddress.formatEvmV1(CHAINS[1], USER);
        vm.expectRevert(IGateway.ValueNotSupported.selector);
        gateways[0].sendMessage{value: 1}(recipient, "", none);
    }

    function test_recipientsThatAreNoEvmAccountsAreRefused() public {
        _on(0);
        bytes memory tooLarge = InteroperableAddress.formatEvmV1(uint256(CHAINS[1]) + (1 << 64), USER);
        vm.expectRevert(abi.encodeWithSelector(IGateway.LaneNotOpen.selector, type(uint64).max));
        gateways[0].sendMessage(tooLarge, "", none);
        bytes memory nobody = InteroperableAddress.formatEvmV1(CHAINS[1], address(0));
        vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidRecipient.selector, bytes32(0)));
        gateways[0].sendMessage(nobody, "", none);
        bytes memory chainOnly = InteroperableAddress.formatEvmV1(CHAINS[1]);
        vm.expectRevert();
        gateways[0].sendMessage(chainOnly, "", none);
        // Another family's chain (Solana: chain type 2), with an account of 20 bytes.
        bytes memory other = InteroperableAddress.formatV1(0x0002, hex"03ea", abi.encodePacked(USER));
        vm.expectRevert();
        gateways[0].sendMessage(other, "", none);
    }
}
