// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";

import {TransferCodec} from "../../src/token/TransferCodec.sol";
import {CoinBurner} from "../utils/CoinReceivers.sol";
import {TokenTest} from "../utils/TokenTest.sol";

/// @dev Does each kind of arrival fit the gas that its message carries, in its dearest form? What the measured call
/// finds is prepared in `setUp`, a transaction of its own: all accounts and slots are cold.
contract GasTest is TokenTest {
    uint256 private constant TRANSFER_GAS = 180_000;
    uint256 private constant REFUND_GAS = 200_000;
    address private constant FRESH = address(0xF4E54);
    bytes32 private id;
    bytes32 private coinId;
    address private burner;

    event log_named_uint(string key, uint256 value);

    function setUp() public override {
        super.setUp();
        id = _tokenId();
        _register(1);
        _register(2);
        coinId = _registerAny(0, 1, address(wrapped[0]));
        burner = address(new CoinBurner());
        _deposit(0, 1, USER, 1000);
        vm.deal(USER, 100);
        vm.prank(USER);
        bridges[0].depositNative{value: 100}(_d(address(wrapped[0]), 100, 1));
        // The next messages from home are the 256th of their lanes: each also stores a snapshot.
        for (uint256 i = 1; i < 3; ++i) {
            bytes32 slot = bytes32(uint256(keccak256(abi.encode(CHAINS[i], 0))) + 1);
            bytes32 word = vm.load(address(gateways[0]), slot);
            vm.store(address(gateways[0]), slot, bytes32(uint256(word) & ~uint256(type(uint64).max) | 255));
        }
        _on(0);
    }

    function _payload(uint8 kind, bytes32 tokenId, address to, uint256 length) private view returns (bytes memory) {
        uint64 far = kind == TransferCodec.FORWARD ? CHAINS[2] : CHAINS[1];
        bytes memory call = length == 0 ? bytes("") : TransferCodec.encodeCall(ME, 1, _filled(length));
        return TransferCodec.encode(kind, TransferCodec.Transfer(tokenId, 50, _pad(to), ME, far, 0, call));
    }

    function _filled(uint256 length) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            data[i] = 0xff;
        }
    }

    /// @dev As the gateway calls it: with the message's gas limit.
    function _fits(string memory what, uint256 chain, uint256 from, bool refund, bytes memory payload) private {
        bytes memory peer = InteroperableAddress.formatEvmV1(CHAINS[from], address(bridges[from]));
        bytes memory data = refund
            ? abi.encodeCall(bridges[chain].receiveRefund, (bytes32(0), peer, abi.encodePacked(bytes32(0), payload)))
            : abi.encodeCall(bridges[chain].receiveMessage, (bytes32(0), peer, payload));
        address bridge = address(bridges[chain]);
        _on(chain);
        vm.prank(address(gateways[chain]));
        uint256 limit = refund ? REFUND_GAS : TRANSFER_GAS;
        uint256 used = gasleft();
        (bool success,) = bridge.call{gas: limit}(data);
        used -= gasleft();
        emit log_named_uint(what, used);
        assertTrue(success, what);
    }

    function test_firstMint() public {
        _fits("mint", 1, 0, false, _payload(1, id, FRESH, 0));
    }

    function test_firstForwardedMint() public {
        _fits("forwarded mint", 1, 0, false, _payload(4, id, FRESH, 0));
    }

    function test_coinToAFreshAccount() public {
        _fits("coin", 0, 1, false, _payload(1, coinId, FRESH, 0));
    }

    function test_coinThatIsRefused() public {
        _fits("coin refused", 0, 1, false, _payload(1, coinId, burner, 0));
    }

    function test_refundOfCoinThatIsRefused() public {
        bytes memory payload = TransferCodec.encode(
            1,
            TransferCodec.Transfer(coinId, 50, ME, _pad(burner), 0, 0, TransferCodec.encodeCall(ME, 1, _filled(10_000)))
        );
        _fits("refund of coin refused", 0, 1, true, payload);
    }

    function test_queuedWithTheLargestCall() public {
        _limitless();
        _fits("queued with the largest call", 1, 0, false, _payload(4, id, FRESH, 10_240 - 121 - 36));
    }

    function _limitless() private {
        // 2,000 gas or so are saved by this being warm; the test has that much to spare.
        _limit(1, 1, 0);
    }

    function test_forward() public {
        _fits("forward", 0, 1, false, _payload(3, id, FRESH, 0));
    }

    function test_forwardWithALargeCall() public {
        _fits("forward with 4 KiB", 0, 1, false, _payload(3, id, FRESH, 4096));
    }

    function test_forwardWithTheLargestCall() public {
        _fits("forward with the largest call", 0, 1, false, _payload(3, id, FRESH, 10_240 - 129 - 36));
    }

    function test_forwardOfTheLargestCallThatComesBack() public {
        vm.prank(GUARDIAN);
        gateways[0].pauseSending(CHAINS[2]);
        _fits("forward that comes back", 0, 1, false, _payload(3, id, FRESH, 10_240 - 129 - 36));
    }

    function test_refundOfTheSecondLeg() public {
        _on(0);
        // What chain 2 was sent, to come back to chain 1.
        _deposit(0, 2, USER, 50);
        _fits("refund of the second leg", 0, 2, true, _payload(4, id, FRESH, 10_240 - 121 - 36));
    }
}
