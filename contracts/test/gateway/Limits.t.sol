// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Counter} from "../utils/Receivers.sol";

/// @dev No message that can be sent may block its lane or be out of reach of one transaction (2^24 gas by EIP-7825).
contract LimitsTest is BridgeTest {
    /// @dev Less what the transaction itself and 10.5 kB of calldata cost.
    uint256 private constant GAS_LEFT = (1 << 24) - 21_000 - 16 * 10_500;

    /// @dev Small recipients are precompiles.
    function testFuzz_anyMessageIsDelivered(bytes32 recipient, bool precompile, uint32 gasLimit, uint256 length)
        public
    {
        recipient = precompile ? bytes32(uint256(recipient) % 0x101 + 1) : recipient;
        vm.assume(recipient != 0);
        _on(0);
        gateways[0].send(CHAINS[1], recipient, gasLimit % 250_001, 0, new bytes(bound(length, 0, 10_240)));
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        _on(1);
        gateways[1].deliver{gas: 500_000}(delivery);
        assertTrue(gateways[1].isRecorded(LaneLib.fold(_lane(0, 1), keccak256(sent[_lane(0, 1)][0]))), "recorded");
    }

    function test_largestGasLimitIsExecutedInOneTransaction() public {
        Counter counter = new Counter();
        bytes32 recipient = LaneLib.toBytes32(address(counter));
        _on(0);
        vm.expectRevert(abi.encodeWithSelector(IGateway.InvalidGasLimit.selector, 15_000_001));
        gateways[0].send(CHAINS[1], recipient, 15_000_001, 0, "");
        gateways[0].send(CHAINS[1], recipient, 15_000_000, 0, new bytes(10_240));
        _relay(0, 1);
        gateways[1].execute{gas: GAS_LEFT}(_remote(0), sent[_lane(0, 1)][0]);
        assertEq(counter.count(), 1);
    }
}
