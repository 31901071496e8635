// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {DemoToken} from "../../src/examples/DemoToken.sol";
import {WrappedNative} from "../../src/examples/WrappedNative.sol";
import {Gateway} from "../../src/Gateway.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {TransferCodec} from "../../src/token/TransferCodec.sol";
import {TokenBridge} from "../../src/TokenBridge.sol";
import {Test} from "./Test.sol";
import {Vm} from "./Vm.sol";

/// @title Three chains in one EVM: gateways and token bridges that differ by chain id, and a quorum that signs what
/// the outboxes really hold.
/// @dev `vm.chainId` moves between chains; `_on(i)` names the chain to be on.
abstract contract BridgeTest is Test {
    uint64[3] internal CHAINS = [uint64(1001), 1002, 1003];
    bytes32 internal constant NETWORK = keccak256("test network");
    address internal constant OWNER = address(0xA11CE);
    address internal constant GUARDIAN = address(0x60A2D);
    address internal constant USER = address(0xBEEF);
    /// @dev Limits that no test reaches by accident.
    uint128 internal constant AMPLE = 1 << 120;
    uint64 internal constant WINDOW = 1 days;
    uint64 internal constant MIN_DEADLINE = 1 hours;

    /// @dev Private keys in the order of their addresses.
    uint256[] internal keys;
    Gateway[3] internal gateways;
    TokenBridge[3] internal bridges;
    WrappedNative[3] internal wrapped;
    DemoToken internal token;

    /// @dev What left on a lane: encoded messages and the accumulator after each (index 0: the lane).
    mapping(bytes32 lane => bytes[]) internal sent;
    mapping(bytes32 lane => bytes32[]) internal accumulators;
    /// @dev How many events of each kind `_collect` has seen.
    mapping(bytes32 topic => uint256) internal emitted;
    /// @dev With fewer validators, new gateways deliver nothing.
    uint16 internal minValidators = 1;
    /// @dev When the first set was made, for new gateways: so late that it is too old in no test but those about that.
    uint64 internal madeAt = type(uint40).max;

    function setUp() public virtual {
        _setUp(4);
    }

    function _setUp(uint256 validators) internal {
        _makeKeys(validators);
        for (uint256 i = 0; i < 3; ++i) {
            _on(i);
            gateways[i] = _newGateway(NETWORK, OWNER, 1, _set(keys));
            wrapped[i] = WrappedNative(payable(_create("WrappedNative", "")));
            bridges[i] = TokenBridge(
                payable(_create("TokenBridge", abi.encode(gateways[i], OWNER, address(wrapped[i]), WINDOW)))
            );
        }
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                if (i == j) continue;
                _on(i);
                vm.startPrank(OWNER);
                gateways[i].openLane(_remote(j));
                bridges[i].setPeer(CHAINS[j], LaneLib.toBytes32(address(bridges[j])));
                vm.stopPrank();
            }
        }
        _on(0);
        token = DemoToken(_create("DemoToken", abi.encode("Demo", "DEMO", 1e30, USER)));
        vm.recordLogs();
    }

    function _newGateway(bytes32 network, address owner, uint64 epoch, bytes memory set) internal returns (Gateway) {
        IGateway.InitialSet memory initial = IGateway.InitialSet(epoch, madeAt, minValidators, set);
        return Gateway(_create("Gateway", abi.encode(network, owner, GUARDIAN, initial, MIN_DEADLINE)));
    }

    /// @dev As a call, for tests that expect it to revert.
    function newGateway(bytes32 network, address owner, uint64 epoch, bytes memory set) external returns (Gateway) {
        return _newGateway(network, owner, epoch, set);
    }

    /// @dev Deploys the bytecode that the default profile made of `src` (`make contracts-test` sees to it first), so
    /// that what is tested is what is deployed whatever profile compiles the tests; reverts are passed on.
    function _create(string memory name, bytes memory arguments) internal returns (address made) {
        bytes memory code = abi.encodePacked(vm.getCode(string.concat("out/", name, ".sol/", name, ".json")), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
            if iszero(made) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function _on(uint256 chain) internal {
        vm.chainId(CHAINS[chain]);
    }

    function _remote(uint256 chain) internal view returns (IGateway.Remote memory) {
        return IGateway.Remote(CHAINS[chain], 1, LaneLib.toBytes32(address(gateways[chain])));
    }

    function _lane(uint256 from, uint256 to) internal view returns (bytes32) {
        return LaneLib.id(
            NETWORK,
            CHAINS[from],
            LaneLib.toBytes32(address(gateways[from])),
            CHAINS[to],
            LaneLib.toBytes32(address(gateways[to])),
            1
        );
    }

    /// @dev Reads the `Sent` events since the last call into `sent` and `accumulators`.
    function _collect() internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics.length == 0) continue;
            ++emitted[logs[i].topics[0]];
            if (logs[i].topics[0] != IGateway.Sent.selector) continue;
            uint256 from = _indexOf(logs[i].emitter);
            uint256 to = uint256(logs[i].topics[1]) - CHAINS[0];
            bytes32 lane = _lane(from, to);
            if (accumulators[lane].length == 0) accumulators[lane].push(lane);
            bytes memory message = abi.decode(logs[i].data, (bytes));
            sent[lane].push(message);
            accumulators[lane].push(LaneLib.fold(accumulators[lane][accumulators[lane].length - 1], keccak256(message)));
        }
    }

    function _indexOf(address gateway) private view returns (uint256) {
        for (uint256 i = 0; i < 3; ++i) {
            if (address(gateways[i]) == gateway) return i;
        }
        revert Failed("unknown gateway");
    }

    /// @dev The delivery of messages `first..=last` (nonces) of a lane under a checkpoint at nonce `signed`.
    function _delivery(uint256 from, uint256 to, uint256 first, uint256 last, uint256 signed)
        internal
        returns (IGateway.Delivery memory delivery)
    {
        _collect();
        bytes32 lane = _lane(from, to);
        delivery.source = _remote(from);
        delivery.startAccumulator = accumulators[lane][first - 1];
        for (uint256 n = first; n <= last; ++n) {
            bytes memory message = sent[lane][n - 1];
            delivery.messages = abi.encodePacked(delivery.messages, uint16(message.length), message);
        }
        delivery.tail = new bytes32[](signed - last);
        for (uint256 n = last + 1; n <= signed; ++n) {
            delivery.tail[n - last - 1] = keccak256(sent[lane][n - 1]);
        }
        delivery.signatures = _sign(_checkpointDigest(lane, uint64(signed), accumulators[lane][signed]), _quorum());
    }

    function _checkpointDigest(bytes32 lane, uint64 nonce, bytes32 accumulator) internal pure returns (bytes32) {
        return CheckpointLib.digest(CheckpointLib.domainSeparator(NETWORK), lane, nonce, accumulator);
    }

    /// @dev Delivers all that is outstanding from one chain to another.
    function _relay(uint256 from, uint256 to) internal {
        _collect();
        bytes32 lane = _lane(from, to);
        uint256 last = sent[lane].length;
        uint256 first = 1;
        while (first <= last && accumulators[lane][first - 1] != gateways[to].inbox(lane)) ++first;
        if (first > last) return;
        IGateway.Delivery memory delivery = _delivery(from, to, first, last, last);
        _on(to);
        gateways[to].deliver(delivery);
    }

    function _quorum() internal view returns (uint256) {
        return keys.length * 2 / 3 + 1;
    }

    /// @dev Signatures of the first `count` validators over `digest`, packed.
    function _sign(bytes32 digest, uint256 count) internal view returns (bytes memory packed) {
        packed = abi.encodePacked((uint256(1) << count) - 1);
        for (uint256 i = 0; i < count; ++i) {
            packed = abi.encodePacked(packed, _signature(keys[i], digest));
        }
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, bytes32(uint256(s) | (uint256(v - 27) << 255)));
    }

    function _set(uint256[] memory ordered) internal pure returns (bytes memory set) {
        for (uint256 i = 0; i < ordered.length; ++i) {
            set = abi.encodePacked(set, vm.addr(ordered[i]));
        }
    }

    function _makeKeys(uint256 count) internal {
        delete keys;
        uint256[] memory unsorted = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            unsorted[i] = uint256(keccak256(abi.encode("validator", i)));
        }
        for (uint256 i = 0; i < count; ++i) {
            for (uint256 j = i + 1; j < count; ++j) {
                if (vm.addr(unsorted[j]) < vm.addr(unsorted[i])) {
                    (unsorted[i], unsorted[j]) = (unsorted[j], unsorted[i]);
                }
            }
            keys.push(unsorted[i]);
        }
    }

    /// @dev Registers the token from its home (chain 0) on another chain, executed there.
    function _register(uint256 chain) internal {
        _on(0);
        bridges[0].registerToken(address(token), CHAINS[chain]);
        _relay(0, chain);
        bytes[] storage messages = sent[_lane(0, chain)];
        gateways[chain].execute(_remote(0), messages[messages.length - 1]);
        _limit(0, AMPLE, AMPLE);
        _limit(chain, AMPLE, AMPLE);
    }

    /// @dev Limits of the token on one chain.
    function _limit(uint256 chain, uint128 arrivals, uint128 departures) internal {
        _on(chain);
        vm.prank(OWNER);
        bridges[chain].setLimits(_tokenId(), arrivals, departures);
    }

    /// @dev A transfer's payload without a call.
    function _transfer(bytes32 tokenId, uint128 amount, bytes32 to, bytes32 refundTo)
        internal
        pure
        returns (bytes memory)
    {
        return TransferCodec.encode(
            TransferCodec.TRANSFER, TransferCodec.Transfer(tokenId, amount, to, refundTo, 0, 0, "")
        );
    }

    function _tokenId() internal view returns (bytes32) {
        return keccak256(abi.encode(CHAINS[0], LaneLib.toBytes32(address(token))));
    }

    function _wrapper(uint256 chain) internal view returns (address local) {
        (local,) = bridges[chain].tokenOf(_tokenId());
    }

    function _deposit(uint256 from, uint256 to, address holder, uint256 amount) internal {
        _on(from);
        (address local,) = bridges[from].tokenOf(_tokenId());
        vm.startPrank(holder);
        if (from == 0) token.approve(address(bridges[0]), amount);
        bridges[from].deposit(local, amount, CHAINS[to], LaneLib.toBytes32(holder), LaneLib.toBytes32(holder), 0);
        vm.stopPrank();
    }
}
