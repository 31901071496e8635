// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {CheckpointLib} from "../src/libraries/CheckpointLib.sol";
import {LaneLib} from "../src/libraries/LaneLib.sol";
import {QuorumLib} from "../src/libraries/QuorumLib.sol";
import {MessageLib} from "../src/libraries/MessageLib.sol";
import {MessageEncoder} from "./utils/MessageEncoder.sol";
import {Test} from "./utils/Test.sol";

/// @title Solidity and Rust agree on every format: each checks what the other has made.
/// @dev `ICC_WRITE_VECTORS=true forge test --match-contract Vectors` makes vectors/from-solidity.json anew.
contract VectorsTest is Test {
    struct Inputs {
        bytes32 network;
        uint64 sourceChain;
        bytes32 sourceGateway;
        uint64 destinationChain;
        bytes32 destinationGateway;
        uint32 generation;
        MessageEncoder.Header header;
        bytes payload;
        bytes32 before;
        uint64 epoch;
        uint64 hubTime;
        bytes set;
    }

    struct Outputs {
        bytes32 lane;
        bytes encoded;
        bytes32 leaf;
        bytes32 messageId;
        bytes32 accumulator;
        bytes32 checkpointDigest;
        bytes32 setHash;
        bytes32 setDigest;
        /// Of the set's first member, and the epoch.
        bytes32 jailDigest;
        bytes32 refuseDigest;
    }

    uint256 private constant CASES = 12;
    string private constant OURS = "../vectors/from-solidity.json";

    function test_rustsVectorsAreWhatWeCompute() public view {
        string memory json = vm.readFile("../vectors/from-rust.json");
        for (uint256 i = 0; i < CASES; ++i) {
            string memory path = string.concat(".cases[", vm.toString(i), "].");
            Outputs memory computed = _compute(_read(json, path));
            assertEq(computed.lane, vm.parseJsonBytes32(json, string.concat(path, "lane")));
            assertEq(computed.encoded, vm.parseJsonBytes(json, string.concat(path, "encoded")));
            assertEq(computed.leaf, vm.parseJsonBytes32(json, string.concat(path, "leaf")));
            assertEq(computed.messageId, vm.parseJsonBytes32(json, string.concat(path, "messageId")));
            assertEq(computed.accumulator, vm.parseJsonBytes32(json, string.concat(path, "accumulator")));
            assertEq(computed.checkpointDigest, vm.parseJsonBytes32(json, string.concat(path, "checkpointDigest")));
            assertEq(computed.setHash, vm.parseJsonBytes32(json, string.concat(path, "setHash")));
            assertEq(computed.setDigest, vm.parseJsonBytes32(json, string.concat(path, "setDigest")));
            assertEq(computed.jailDigest, vm.parseJsonBytes32(json, string.concat(path, "jailDigest")));
            assertEq(computed.refuseDigest, vm.parseJsonBytes32(json, string.concat(path, "refuseDigest")));
        }
    }

    function test_ourVectorsAreWhatWeCompute() public {
        string memory json = '{"cases":[';
        for (uint256 i = 0; i < CASES; ++i) {
            Inputs memory inputs = _make(i);
            json = string.concat(json, i == 0 ? "" : ",", _write(inputs, _compute(inputs)));
        }
        json = string.concat(json, "]}\n");
        if (vm.envOr("ICC_WRITE_VECTORS", false)) vm.writeFile(OURS, json);
        assertEq(bytes(vm.readFile(OURS)), bytes(json));
    }

    function _compute(Inputs memory inputs) private pure returns (Outputs memory out) {
        out.lane = LaneLib.id(
            inputs.network,
            inputs.sourceChain,
            inputs.sourceGateway,
            inputs.destinationChain,
            inputs.destinationGateway,
            inputs.generation
        );
        out.encoded = MessageEncoder.encode(inputs.header, inputs.payload);
        out.leaf = keccak256(out.encoded);
        out.messageId = LaneLib.fold(out.lane, out.leaf);
        out.accumulator = LaneLib.fold(inputs.before, out.leaf);
        bytes32 domain = CheckpointLib.domainSeparator(inputs.network);
        out.checkpointDigest = CheckpointLib.digest(domain, out.lane, inputs.header.nonce, out.accumulator);
        out.setHash = keccak256(inputs.set);
        out.setDigest = CheckpointLib.setDigest(domain, inputs.epoch, out.setHash, inputs.hubTime);
        address first = QuorumLib.memberAt(inputs.set, 0);
        out.jailDigest = CheckpointLib.jailDigest(domain, first, inputs.epoch);
        out.refuseDigest = CheckpointLib.refuseDigest(domain, first, inputs.epoch);
    }

    function _make(uint256 seed) private pure returns (Inputs memory inputs) {
        inputs.network = _hash("network", seed);
        inputs.sourceChain = uint64(uint256(_hash("source", seed)));
        inputs.sourceGateway = _hash("source gateway", seed);
        inputs.destinationChain = uint64(uint256(_hash("destination", seed)));
        inputs.destinationGateway = _hash("destination gateway", seed);
        inputs.generation = uint32(uint256(_hash("generation", seed)));
        inputs.header = MessageEncoder.Header({
            kind: uint8(1 + seed % 3),
            nonce: seed == 0 ? type(uint64).max : uint64(uint256(_hash("nonce", seed))),
            deadline: uint64(uint256(_hash("deadline", seed))),
            gasLimit: uint32(uint256(_hash("gas", seed))),
            sender: _hash("sender", seed),
            recipient: _hash("recipient", seed)
        });
        for (uint256 i = 0; i < seed; ++i) {
            inputs.payload = abi.encodePacked(inputs.payload, _hash("payload", i), uint8(i));
        }
        inputs.before = _hash("before", seed);
        inputs.epoch = uint64(uint256(_hash("epoch", seed)));
        inputs.hubTime = uint64(uint256(_hash("hub time", seed)));
        for (uint160 i = 0; i <= seed; ++i) {
            inputs.set = abi.encodePacked(inputs.set, address((i + 1) << 150 | uint160(uint256(_hash("set", i))) >> 16));
        }
    }

    function _hash(string memory what, uint256 seed) private pure returns (bytes32) {
        return keccak256(abi.encode(what, seed));
    }

    function _read(string memory json, string memory path) private pure returns (Inputs memory inputs) {
        inputs.network = vm.parseJsonBytes32(json, string.concat(path, "network"));
        inputs.sourceChain = uint64(vm.parseJsonUint(json, string.concat(path, "sourceChain")));
        inputs.sourceGateway = vm.parseJsonBytes32(json, string.concat(path, "sourceGateway"));
        inputs.destinationChain = uint64(vm.parseJsonUint(json, string.concat(path, "destinationChain")));
        inputs.destinationGateway = vm.parseJsonBytes32(json, string.concat(path, "destinationGateway"));
        inputs.generation = uint32(vm.parseJsonUint(json, string.concat(path, "generation")));
        inputs.header.kind = uint8(vm.parseJsonUint(json, string.concat(path, "kind")));
        inputs.header.nonce = uint64(vm.parseJsonUint(json, string.concat(path, "nonce")));
        inputs.header.deadline = uint64(vm.parseJsonUint(json, string.concat(path, "deadline")));
        inputs.header.gasLimit = uint32(vm.parseJsonUint(json, string.concat(path, "gasLimit")));
        inputs.header.sender = vm.parseJsonBytes32(json, string.concat(path, "sender"));
        inputs.header.recipient = vm.parseJsonBytes32(json, string.concat(path, "recipient"));
        inputs.payload = vm.parseJsonBytes(json, string.concat(path, "payload"));
        inputs.before = vm.parseJsonBytes32(json, string.concat(path, "before"));
        inputs.epoch = uint64(vm.parseJsonUint(json, string.concat(path, "epoch")));
        inputs.hubTime = uint64(vm.parseJsonUint(json, string.concat(path, "hubTime")));
        inputs.set = vm.parseJsonBytes(json, string.concat(path, "set"));
    }

    function _write(Inputs memory inputs, Outputs memory out) private pure returns (string memory json) {
        json = string.concat(
            _field("{", "network", vm.toString(inputs.network)),
            _field(",", "sourceChain", vm.toString(uint256(inputs.sourceChain))),
            _field(",", "sourceGateway", vm.toString(inputs.sourceGateway)),
            _field(",", "destinationChain", vm.toString(uint256(inputs.destinationChain))),
            _field(",", "destinationGateway", vm.toString(inputs.destinationGateway)),
            _field(",", "generation", vm.toString(uint256(inputs.generation))),
            _field(",", "lane", vm.toString(out.lane)),
            _field(",", "kind", vm.toString(uint256(inputs.header.kind))),
            _field(",", "nonce", vm.toString(uint256(inputs.header.nonce)))
        );
        json = string.concat(
            json,
            _field(",", "deadline", vm.toString(uint256(inputs.header.deadline))),
            _field(",", "gasLimit", vm.toString(uint256(inputs.header.gasLimit))),
            _field(",", "sender", vm.toString(inputs.header.sender)),
            _field(",", "recipient", vm.toString(inputs.header.recipient)),
            _field(",", "payload", vm.toString(inputs.payload)),
            _field(",", "encoded", vm.toString(out.encoded)),
            _field(",", "leaf", vm.toString(out.leaf)),
            _field(",", "messageId", vm.toString(out.messageId))
        );
        json = string.concat(
            json,
            _field(",", "before", vm.toString(inputs.before)),
            _field(",", "accumulator", vm.toString(out.accumulator)),
            _field(",", "checkpointDigest", vm.toString(out.checkpointDigest)),
            _field(",", "epoch", vm.toString(uint256(inputs.epoch))),
            _field(",", "hubTime", vm.toString(uint256(inputs.hubTime))),
            _field(",", "set", vm.toString(inputs.set)),
            _field(",", "setHash", vm.toString(out.setHash)),
            _field(",", "setDigest", vm.toString(out.setDigest)),
            _field(",", "jailDigest", vm.toString(out.jailDigest))
        );
        json = string.concat(json, _field(",", "refuseDigest", vm.toString(out.refuseDigest)), "}");
    }

    function _field(string memory before, string memory name, string memory value)
        private
        pure
        returns (string memory)
    {
        return string.concat(before, "\n\"", name, "\": \"", value, "\"");
    }
}
