// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {InteroperableAddress} from "@openzeppelin/contracts/utils/draft-InteroperableAddress.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IRefundRecipient} from "../../src/interfaces/IRefundRecipient.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {MessageLib} from "../../src/libraries/MessageLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {MessageEncoder} from "../utils/MessageEncoder.sol";

/// @dev Keeps the calldata it was called with, and returns its selector.
contract Recorder {
    bytes public data;

    fallback() external {
        data = msg.data;
        bytes4 selector = msg.sig;
        assembly {
            mstore(0, selector)
            return(0, 32)
        }
    }
}

/// @dev The recipient's calldata is written by hand: every byte of it is compared with what the ABI encoder and
/// OpenZeppelin's InteroperableAddress make of it, for chain ids of one to eight bytes.
contract Erc7930Test is BridgeTest {
    bytes32 private constant GATEWAY = bytes32(uint256(0x6A7E));
    Recorder private recorder;

    function setUp() public override {
        super.setUp();
        recorder = new Recorder();
        _on(1);
    }

    /// @dev Delivers messages of chain `chain`, which needs no gateway there: the quorum signs them. The first
    /// dirties the memory that the second is called from.
    function _arrive(uint64 chain, uint8 kind, address sender, bytes memory payload) private returns (bytes32 id) {
        IGateway.Remote memory source = IGateway.Remote(chain, 1, GATEWAY);
        vm.prank(OWNER);
        gateways[1].openLane(source);
        bytes32 lane = gateways[1].laneFrom(source);
        MessageEncoder.Header memory header = MessageEncoder.Header(
            kind, 1, 0, 0, bytes32(uint256(uint160(sender))), LaneLib.toBytes32(address(0xDEAD0001))
        );
        bytes memory dirt = MessageEncoder.encode(header, _dirt());
        header.nonce = 2;
        header.gasLimit = 0;
        header.recipient = LaneLib.toBytes32(address(recorder));
        bytes memory message = MessageEncoder.encode(header, payload);
        IGateway.Delivery memory delivery;
        delivery.source = source;
        delivery.startAccumulator = lane;
        bytes32 accumulator = LaneLib.fold(LaneLib.fold(lane, keccak256(dirt)), keccak256(message));
        delivery.messages = abi.encodePacked(uint16(dirt.length), dirt, uint16(message.length), message);
        delivery.tail = new bytes32[](0);
        delivery.signatures = _sign(_checkpointDigest(lane, 2, accumulator), 3);
        gateways[1].deliver(delivery);
        id = LaneLib.fold(lane, keccak256(message));
        // With a gas limit of 0 it is recorded, and executed with all the gas there is.
        gateways[1].execute(source, message);
    }

    function _dirt() private pure returns (bytes memory dirt) {
        dirt = new bytes(1000);
        for (uint256 i = 0; i < dirt.length; ++i) {
            dirt[i] = 0xff;
        }
    }

    function _check(uint64 chain, bool refund, address sender, bytes memory payload) private {
        bytes32 id = _arrive(chain, refund ? MessageLib.KIND_REFUND : MessageLib.KIND_CALL, sender, payload);
        bytes memory account = InteroperableAddress.formatEvmV1(chain, sender);
        bytes memory expected = refund
            ? abi.encodeCall(IRefundRecipient.receiveRefund, (id, account, payload))
            : abi.encodeCall(IERC7786Recipient.receiveMessage, (id, account, payload));
        assertEq(recorder.data(), expected);
    }

    function testFuzz_callOfAnyChainAndSender(
        uint64 chain,
        uint8 size,
        bool refund,
        address sender,
        bytes memory payload
    ) public {
        // As many chain ids of each length.
        chain >>= 8 * (size % 8);
        vm.assume(chain != 0 && (chain < CHAINS[0] || chain > CHAINS[2]) && payload.length <= 10_272);
        _check(chain, refund, sender, payload);
    }

    function test_smallestAndLargestChainIdOfEachLength() public {
        for (uint256 size = 1; size <= 8; ++size) {
            uint64 smallest = uint64(1 << (8 * (size - 1)));
            _check(smallest, false, address(type(uint160).max), "payload");
            _check(uint64((1 << (8 * size)) - 1), true, address(1), "");
        }
    }
}
