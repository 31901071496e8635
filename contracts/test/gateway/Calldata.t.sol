// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";
import {Counter} from "../utils/Receivers.sol";

/// @dev What an ABI encoder would never produce. Words of `deliver`'s calldata: 0 offset of the struct; from word 1:
/// chain, generation, gateway, nonce, accumulator, startAccumulator, then the offsets of signatures, messages, tail.
contract CalldataTest is BridgeTest {
    Counter private counter;
    bytes private call;

    function setUp() public override {
        super.setUp();
        counter = new Counter();
        _on(0);
        for (uint256 i = 0; i < 2; ++i) {
            gateways[0].send(CHAINS[1], LaneLib.toBytes32(address(counter)), 200_000, 0, abi.encode(i));
        }
        call = abi.encodeCall(IGateway.deliver, (_delivery(0, 1, 1, 2, 2)));
        _on(1);
    }

    function test_refusesDirtyHighBits() public {
        uint256[2] memory words = [uint256(1), 2];
        for (uint256 i = 0; i < words.length; ++i) {
            for (uint256 bit = i == 1 ? 32 : 64; bit < 256; bit += 37) {
                _refused(words[i], _word(words[i]) ^ (1 << bit));
            }
        }
    }

    /// @dev Offsets are signed in solc's reading of them; whatever they point at, what is folded is what is run.
    function testFuzz_strangeOffsetsDeliverNothingElse(uint256 which, uint256 offset, bool far) public {
        which = bound(which, 5, 7);
        unchecked {
            offset = far ? offset : bound(offset, 0, call.length * 2) - call.length;
        }
        if (offset == _word(which)) return;
        (bool success,) = address(gateways[1]).call(_with(which, offset));
        // An empty tail may be had from elsewhere.
        assertTrue(!success || which == 7, "delivered");
        assertEq(counter.count(), success ? 2 : 0);
    }

    function test_refusesTruncatedCalldata() public {
        bytes memory short = call;
        for (uint256 length = short.length - 1; length > 4; length -= 7) {
            assembly {
                mstore(short, length)
            }
            (bool success,) = address(gateways[1]).call(short);
            // The last word is the (empty) tail's length; zeros beyond the end do not count.
            assertTrue(!success, "delivered");
            if (length < 12) break;
        }
    }

    function _refused(uint256 index, uint256 value) private {
        (bool success,) = address(gateways[1]).call(_with(index, value));
        assertTrue(!success, "delivered");
    }

    function _word(uint256 index) private view returns (uint256 value) {
        bytes memory data = call;
        assembly {
            value := mload(add(add(data, 0x24), mul(index, 0x20)))
        }
    }

    function _with(uint256 index, uint256 value) private view returns (bytes memory data) {
        data = call;
        assembly {
            mstore(add(add(data, 0x24), mul(index, 0x20)), value)
        }
    }
}
