// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "./BridgeTest.sol";
import {Vm} from "./Vm.sol";

/// @title What BridgeTest knows of generation 1, for any generation. Not to be mixed with its `_collect`.
abstract contract GenerationTest is BridgeTest {
    function _remoteOf(uint256 chain, uint32 generation) internal view returns (IGateway.Remote memory remote) {
        remote = _remote(chain);
        remote.generation = generation;
    }

    function _laneOf(uint256 from, uint256 to, uint32 generation) internal view returns (bytes32) {
        return LaneLib.id(
            NETWORK,
            CHAINS[from],
            LaneLib.toBytes32(address(gateways[from])),
            CHAINS[to],
            LaneLib.toBytes32(address(gateways[to])),
            generation
        );
    }

    /// @dev Reads the `Sent` events since the last call, each under its generation.
    function _gather() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IGateway.Sent.selector) continue;
            uint256 from = 0;
            while (address(gateways[from]) != logs[i].emitter) ++from;
            uint256 to = uint256(logs[i].topics[1]) - CHAINS[0];
            bytes32 lane = _laneOf(from, to, uint32(uint256(logs[i].topics[2])));
            if (accumulators[lane].length == 0) accumulators[lane].push(lane);
            bytes memory message = abi.decode(logs[i].data, (bytes));
            sent[lane].push(message);
            accumulators[lane].push(LaneLib.fold(accumulators[lane][accumulators[lane].length - 1], keccak256(message)));
        }
    }

    /// @dev Messages `first..=last` of a lane as they stand in a delivery or in `resend`.
    function _batch(bytes32 lane, uint256 first, uint256 last) internal view returns (bytes memory batch) {
        for (uint256 n = first; n <= last; ++n) {
            batch = abi.encodePacked(batch, uint16(sent[lane][n - 1].length), sent[lane][n - 1]);
        }
    }

    /// @dev Leaves of messages `first..=last`.
    function _leaves(bytes32 lane, uint256 first, uint256 last) internal view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](last + 1 - first);
        for (uint256 n = first; n <= last; ++n) {
            leaves[n - first] = keccak256(sent[lane][n - 1]);
        }
    }

    /// @dev Messages `first..=last` under a checkpoint at the last of them.
    function _deliveryOf(uint256 from, uint256 to, uint32 generation, uint256 first, uint256 last)
        internal
        returns (IGateway.Delivery memory delivery)
    {
        _gather();
        bytes32 lane = _laneOf(from, to, generation);
        delivery.source = _remoteOf(from, generation);
        delivery.startAccumulator = accumulators[lane][first - 1];
        delivery.messages = _batch(lane, first, last);
        delivery.tail = new bytes32[](0);
        delivery.signatures = _sign(_checkpointDigest(lane, uint64(last), accumulators[lane][last]), _quorum());
    }

    function _deliver(uint256 from, uint256 to, uint32 generation, uint256 first, uint256 last) internal {
        IGateway.Delivery memory delivery = _deliveryOf(from, to, generation, first, last);
        _on(to);
        gateways[to].deliver(delivery);
    }

    /// @dev Closes both ends of chains 0 and 1.
    function _close() internal {
        for (uint256 i = 0; i < 2; ++i) {
            _on(i);
            vm.prank(OWNER);
            gateways[i].closeLane(CHAINS[1 - i]);
        }
    }

    /// @dev Opens both ends of chains 0 and 1.
    function _open(uint32 generation) internal {
        for (uint256 i = 0; i < 2; ++i) {
            _on(i);
            vm.prank(OWNER);
            gateways[i].openLane(_remoteOf(1 - i, generation));
        }
    }
}
