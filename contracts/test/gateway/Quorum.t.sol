// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {QuorumLib} from "../../src/libraries/QuorumLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

contract QuorumTest is BridgeTest {
    bytes32 private constant DIGEST = keccak256("digest");
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function verify(bytes memory set, bytes calldata signatures) external view {
        QuorumLib.verify(set, DIGEST, signatures);
    }

    function test_threshold() public pure {
        assertEq(QuorumLib.quorum(1), 1);
        assertEq(QuorumLib.quorum(3), 3);
        assertEq(QuorumLib.quorum(4), 3);
        assertEq(QuorumLib.quorum(19), 13);
        assertEq(QuorumLib.quorum(128), 86);
    }

    /// @dev Any subset of at least a quorum passes, any smaller one does not.
    function testFuzz_subsets(uint8 size, uint256 bitmap) public {
        uint256 validators = bound(size, 1, 20);
        _makeKeys(validators);
        bitmap &= (1 << validators) - 1;
        bytes memory packed = abi.encodePacked(bitmap);
        uint256 count = 0;
        for (uint256 i = 0; i < validators; ++i) {
            if (bitmap >> i & 1 == 0) continue;
            ++count;
            packed = abi.encodePacked(packed, _signature(keys[i], DIGEST));
        }
        if (count < QuorumLib.quorum(validators)) vm.expectPartialRevert(QuorumLib.BelowQuorum.selector);
        this.verify(_set(keys), packed);
    }

    function test_storedSetReadsBack() public {
        _makeKeys(19);
        assertEq(QuorumLib.load(QuorumLib.store(_set(keys))), _set(keys));
    }

    function test_refusesForged() public {
        bytes memory forged = abi.encodePacked(uint256(7), _signature(keys[0], DIGEST), _signature(keys[1], DIGEST));
        forged = abi.encodePacked(forged, _signature(uint256(keccak256("outsider")), DIGEST));
        vm.expectRevert(QuorumLib.InvalidSignature.selector);
        this.verify(_set(keys), forged);
    }

    function test_refusesOneSignatureForTwoMembers() public {
        bytes memory one = _signature(keys[0], DIGEST);
        vm.expectRevert(QuorumLib.InvalidSignature.selector);
        this.verify(_set(keys), abi.encodePacked(uint256(7), one, one, one));
    }

    function test_refusesUnsorted() public {
        bytes memory packed = abi.encodePacked(
            uint256(7), _signature(keys[1], DIGEST), _signature(keys[0], DIGEST), _signature(keys[2], DIGEST)
        );
        vm.expectRevert(QuorumLib.InvalidSignature.selector);
        this.verify(_set(keys), packed);
    }

    function test_refusesBitsOutsideTheSet() public {
        bytes memory packed = abi.encodePacked(
            uint256(1 << 4 | 3), _signature(keys[0], DIGEST), _signature(keys[1], DIGEST), _signature(keys[2], DIGEST)
        );
        vm.expectRevert(QuorumLib.SignerOutsideSet.selector);
        this.verify(_set(keys), packed);
    }

    function test_refusesHighS() public {
        (, bytes32 r, bytes32 s) = vm.sign(keys[0], DIGEST);
        uint256 high = ORDER - uint256(s);
        // EIP-2098 keeps 255 bits of s, so a high s loses its top bit to the parity; neither reading may pass.
        for (uint256 parity = 0; parity < 2; ++parity) {
            bytes memory malleable = abi.encodePacked(r, bytes32((high & (type(uint256).max >> 1)) | (parity << 255)));
            bytes memory packed =
                abi.encodePacked(uint256(7), malleable, _signature(keys[1], DIGEST), _signature(keys[2], DIGEST));
            vm.expectRevert(QuorumLib.InvalidSignature.selector);
            this.verify(_set(keys), packed);
        }
    }

    function test_refusesCountsThatDisagree() public {
        bytes memory three = _sign(DIGEST, 3);
        vm.expectPartialRevert(QuorumLib.MalformedSignatures.selector);
        this.verify(_set(keys), abi.encodePacked(uint256(15), _tail(three)));
        vm.expectPartialRevert(QuorumLib.MalformedSignatures.selector);
        this.verify(_set(keys), abi.encodePacked(uint256(3), _tail(three)));
        vm.expectPartialRevert(QuorumLib.MalformedSignatures.selector);
        this.verify(_set(keys), abi.encodePacked(three, hex"00"));
        vm.expectPartialRevert(QuorumLib.MalformedSignatures.selector);
        this.verify(_set(keys), "");
    }

    function _tail(bytes memory packed) private pure returns (bytes memory tail) {
        tail = new bytes(packed.length - 32);
        for (uint256 i = 0; i < tail.length; ++i) {
            tail[i] = packed[i + 32];
        }
    }
}
