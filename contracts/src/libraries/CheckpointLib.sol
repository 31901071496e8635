// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title The EIP-712 digests that validators sign.
/// @notice Domain: `{name: "iCrossChain", version: "1", salt: networkId}`. It names neither chain nor contract on
/// purpose: a checkpoint's lane already commits to both ends, and one signature serves every gateway.
library CheckpointLib {
    bytes32 internal constant DOMAIN_TYPEHASH = keccak256("EIP712Domain(string name,string version,bytes32 salt)");
    bytes32 internal constant CHECKPOINT_TYPEHASH =
        keccak256("Checkpoint(bytes32 lane,uint64 nonce,bytes32 accumulator)");
    bytes32 internal constant VALIDATOR_SET_TYPEHASH =
        keccak256("ValidatorSet(uint64 epoch,bytes32 setHash,uint64 hubTime)");

    bytes32 internal constant JAIL_TYPEHASH = keccak256("Jail(address validator,uint64 epoch)");
    bytes32 internal constant REFUSE_TYPEHASH = keccak256("Refuse(address validator,uint64 epoch)");

    /// @notice The domain separator of a network.
    function domainSeparator(bytes32 networkId) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPEHASH, keccak256("iCrossChain"), keccak256("1"), networkId));
    }

    /// @notice Digest of `Checkpoint(lane, nonce, accumulator)`.
    function digest(bytes32 domain, bytes32 lane, uint64 nonce, bytes32 accumulator) internal pure returns (bytes32) {
        return _typed(domain, keccak256(abi.encode(CHECKPOINT_TYPEHASH, lane, nonce, accumulator)));
    }

    /// @notice Digest of `ValidatorSet(epoch, setHash, hubTime)`.
    function setDigest(bytes32 domain, uint64 epoch, bytes32 setHash, uint64 hubTime) internal pure returns (bytes32) {
        return _typed(domain, keccak256(abi.encode(VALIDATOR_SET_TYPEHASH, epoch, setHash, hubTime)));
    }

    /// @notice Digest of `Jail(validator, epoch)`.
    function jailDigest(bytes32 domain, address validator, uint64 epoch) internal pure returns (bytes32) {
        return _typed(domain, keccak256(abi.encode(JAIL_TYPEHASH, validator, epoch)));
    }

    /// @notice Digest of `Refuse(validator, epoch)`.
    function refuseDigest(bytes32 domain, address validator, uint64 epoch) internal pure returns (bytes32) {
        return _typed(domain, keccak256(abi.encode(REFUSE_TYPEHASH, validator, epoch)));
    }

    function _typed(bytes32 domain, bytes32 structHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }
}
