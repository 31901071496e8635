// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Gateway} from "../../src/Gateway.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

/// @dev A chain is added when the network is at epoch 3. Anyone may bring rotations that were signed for earlier epochs.
contract LateGatewayTest is BridgeTest {
    function test_pastRotationDoesNotBringBackARemovedKey() public {
        // Epoch 2 had a fourth member that was removed in epoch 3; three of the four stayed throughout.
        _makeKeys(5);
        uint256 removed = keys[3];
        bytes memory second = abi.encodePacked(vm.addr(keys[0]), vm.addr(keys[1]), vm.addr(keys[2]), vm.addr(removed));
        bytes memory third = abi.encodePacked(vm.addr(keys[0]), vm.addr(keys[1]), vm.addr(keys[2]), vm.addr(keys[4]));
        bytes32 digest = CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), 2, keccak256(second), 0);
        bytes memory published = _sign(digest, 3);

        Gateway late = _newGateway(NETWORK, OWNER, 3, third);
        vm.expectRevert(abi.encodeWithSelector(IGateway.WrongEpoch.selector, 4));
        late.rotate(second, 2, 0, published);
        (bytes memory set,,,) = late.validatorSet();
        assertEq(set, third);
    }
}
