// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The identity of a lane: one direction between two gateways.
/// @notice A lane id is also the accumulator of the lane before its first message (`acc_0 = lane`), so every
/// accumulator commits to network, chains, gateways and generation.
library LaneLib {
    /// @dev keccak256("iCrossChain lane v1"). Its first byte (0x90) is no message kind, so a lane's preimage can never
    /// be read as an encoded message.
    bytes32 internal constant LANE_TAG = keccak256("iCrossChain lane v1");

    /// @notice The lane from one gateway to another.
    /// @param networkId names the deployment; the same on all its chains.
    /// @param sourceChain EIP-155 chain id (or an assigned number for another chain family).
    /// @param sourceGateway address of the sending gateway, left-padded to 32 bytes.
    /// @param destinationChain as `sourceChain`.
    /// @param destinationGateway as `sourceGateway`.
    /// @param generation starts at 1; a closed lane is succeeded by the next generation.
    function id(
        bytes32 networkId,
        uint64 sourceChain,
        bytes32 sourceGateway,
        uint64 destinationChain,
        bytes32 destinationGateway,
        uint32 generation
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                LANE_TAG, networkId, sourceChain, sourceGateway, destinationChain, destinationGateway, generation
            )
        );
    }

    /// @notice The accumulator after one more message: keccak256(accumulator ‖ leaf).
    function fold(bytes32 accumulator, bytes32 leaf) internal pure returns (bytes32 next) {
        assembly ("memory-safe") {
            mstore(0x00, accumulator)
            mstore(0x20, leaf)
            next := keccak256(0x00, 0x40)
        }
    }

    /// @notice An EVM address in the 32-byte form that lanes and messages use.
    function toBytes32(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /// @notice True if `account` is the 32-byte form of a non-zero EVM address.
    function isEvmAddress(bytes32 account) internal pure returns (bool) {
        return account != 0 && uint256(account) >> 160 == 0;
    }
}
