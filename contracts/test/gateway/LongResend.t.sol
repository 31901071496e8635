// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {GenerationTest} from "../utils/GenerationTest.sol";

/// @dev A lane may end with any number of messages undelivered: whoever sends many must not keep those of others from
/// leaving again. With a tail to the lane's end, 2^24 gas (EIP-7825) is enough for some 13,000 messages only
/// (EIP-7623: 40 gas for each byte of calldata); a tail to the next snapshot is never longer than 255 leaves.
contract LongResendTest is GenerationTest {
    function test_tailReachesTheNextSnapshotOnly() public {
        bytes32[] memory none;
        _on(0);
        for (uint256 i = 0; i < 600; ++i) {
            gateways[0].send(CHAINS[1], bytes32(uint256(0x1234)), 0, 0, "");
        }
        _gather();
        _close();
        _open(2);
        bytes32 lane = _laneOf(0, 1, 1);
        _on(0);
        vm.prank(OWNER);
        gateways[0].allowResend(_remoteOf(1, 1), lane);
        gateways[0].resend(_remoteOf(1, 1), _batch(lane, 1, 10), _leaves(lane, 11, 256));
        gateways[0].resend(_remoteOf(1, 1), _batch(lane, 11, 256), none);
        gateways[0].resend(_remoteOf(1, 1), _batch(lane, 257, 300), _leaves(lane, 301, 512));
        gateways[0].resend(_remoteOf(1, 1), _batch(lane, 301, 600), none);
        assertEq(gateways[0].outbox(CHAINS[1]).nonce, 600);
        assertEq(gateways[0].endOf(lane).resendFrom, accumulators[lane][600]);
    }
}
