// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @title Encodes messages as MessageLib describes them, in another way than the gateway does.
library MessageEncoder {
    struct Header {
        uint8 kind;
        uint64 nonce;
        uint64 deadline;
        uint32 gasLimit;
        bytes32 sender;
        bytes32 recipient;
    }

    function encode(Header memory header, bytes memory payload) internal pure returns (bytes memory) {
        return abi.encodePacked(
            header.kind, header.nonce, header.deadline, header.gasLimit, header.sender, header.recipient, payload
        );
    }
}
