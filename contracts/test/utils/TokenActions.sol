// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {CheckpointLib} from "../../src/libraries/CheckpointLib.sol";
import {CoinRefuser} from "./CoinReceivers.sol";
import {TokenTest} from "./TokenTest.sol";

/// @title Moves a token and native coin between three chains at random. Whatever may be refused is tried.
contract TokenActions is TokenTest {
    uint256 internal constant COIN = 1e24;
    uint128 private constant LIMIT = 2000;
    address internal constant COLLECTOR = address(0xFEE5);

    /// @dev The token and the coin, both at home on chain 0.
    bytes32[2] internal ids;
    /// @dev Takes no coin: what it is sent becomes a claim.
    address internal refuser;
    /// @dev How often a message was executed or refunded.
    mapping(bytes32 id => uint256) internal done;
    uint256 internal feesPaid;
    uint64 private epoch = 1;

    constructor() {
        _setUp(4);
        _register(1);
        _register(2);
        ids[0] = _tokenId();
        ids[1] = _registerAny(0, 1, address(wrapped[0]));
        _registerAny(0, 2, address(wrapped[0]));
        refuser = address(new CoinRefuser());
        vm.deal(USER, COIN);
        // Every chain has some of each to begin with.
        for (uint256 i = 1; i < 3; ++i) {
            _put(0, _d(address(token), 20_000, i));
            ITokenBridge.Deposit memory d = _d(address(wrapped[0]), 20_000, i);
            vm.prank(USER);
            bridges[0].depositNative{value: 20_000}(d);
            _relay(0, i);
        }
        for (uint256 i = 0; i < 3; ++i) {
            _limitOf(ids[0], i, LIMIT, 0);
            _limitOf(ids[1], i, LIMIT, 0);
            vm.prank(OWNER);
            gateways[i].setFeeRoles(address(0), COLLECTOR);
        }
        // All that has been sent so far has been executed.
        for (uint256 i = 1; i < 3; ++i) {
            for (uint256 n = 1; n <= _count(0, i); ++n) {
                done[_id(0, i, n)] = 1;
            }
        }
    }

    function selectors() external pure returns (bytes4[] memory list) {
        list = new bytes4[](11);
        (list[0], list[1], list[2], list[3]) =
        (this.deposit.selector, this.depositAndDeliver.selector, this.deliver.selector, this.execute.selector);
        (list[4], list[5], list[6], list[7]) =
        (this.expire.selector, this.release.selector, this.claim.selector, this.wait_.selector);
        (list[8], list[9], list[10]) = (this.pause.selector, this.rotate.selector, this.collectFees.selector);
    }

    /// @dev All the way, if nothing is in its way.
    function depositAndDeliver(uint8 from, uint8 to, uint16 amount, uint8 options) external {
        deposit(from, to, amount, options);
        for (uint256 lane = 0; lane < 8; ++lane) {
            (uint256 source, uint256 destination) = _ends(lane % 4);
            uint256 left = _count(source, destination) - _position(source, destination);
            if (left != 0) _deliver(source, destination, left - 1, 0);
        }
    }

    function deposit(uint8 from, uint8 to, uint16 amount, uint8 options) public {
        uint256 source = from % 3;
        uint256 destination = (source + 1 + to % 2) % 3;
        bool coin = options & 1 != 0;
        address local = address(_local(source, ids[coin ? 1 : 0]));
        ITokenBridge.Deposit memory d = _d(local, 1 + amount % 3000, destination);
        if (options & 2 != 0) d.deadline = uint64(_now() + bound(options, 1, 4) * MIN_DEADLINE);
        if (coin && options & 4 != 0) d.to = _pad(refuser);
        if (coin && source == 0 && options & 8 != 0) d.refundTo = _pad(refuser);
        // A fee for some, at a price that is set now.
        uint256 fee = 0;
        _on(source);
        if (options & 16 != 0) {
            vm.startPrank(OWNER);
            for (uint256 i = 0; i < 3; ++i) {
                if (i != source) gateways[source].setPrice(CHAINS[i], 1 << 16, 1000);
            }
            vm.stopPrank();
            fee = bridges[source].quote(d);
        }
        vm.prank(USER);
        if (coin && source == 0) {
            try bridges[0].depositNative{value: fee + d.amount}(d) {
                feesPaid += fee;
            } catch {}
        } else {
            try bridges[source].depositAndCall{value: fee}(d) {
                feesPaid += fee;
            } catch {}
        }
        _collect();
    }

    /// @dev A part of what is outstanding, under a checkpoint that may lie ahead of it.
    function deliver(uint8 lane, uint8 length, uint8 tail) external {
        (uint256 from, uint256 to) = _ends(lane);
        _deliver(from, to, length, tail);
    }

    function execute(uint8 lane, uint16 index) external {
        (uint256 from, uint256 to) = _ends(lane);
        uint256 count = _count(from, to);
        if (count != 0) _tryExecute(from, to, 1 + index % count);
    }

    function expire(uint8 lane, uint16 index) external {
        (uint256 from, uint256 to) = _ends(lane);
        uint256 count = _count(from, to);
        if (count != 0) _tryExpire(from, to, 1 + index % count);
    }

    function release(uint8 chain, uint8 which) external {
        _on(chain % 3);
        try bridges[chain % 3].release(ids[which % 2], "") {} catch {}
    }

    function claim(uint8 chain) external {
        _on(chain % 3);
        try bridges[chain % 3].claim(ids[1], refuser, refuser) {} catch {}
    }

    function wait_(uint16 time) external {
        _wait(time % 4 == 0 ? WINDOW : time % (2 * MIN_DEADLINE));
    }

    /// @dev Resumed more often than paused, so that most things get through.
    function pause(uint8 chain, uint8 what, uint8 choice) external {
        uint256 i = chain % 3;
        bool on = choice % 3 == 0;
        _on(i);
        vm.startPrank(on ? GUARDIAN : OWNER);
        if (what % 4 == 0) {
            on ? gateways[i].pauseDeliveries() : gateways[i].resumeDeliveries();
        } else if (what % 4 == 1) {
            uint64 to = CHAINS[(i + 1 + what / 4 % 2) % 3];
            on ? gateways[i].pauseSending(to) : gateways[i].resumeSending(to);
        } else {
            bytes32 id = ids[what / 4 % 2];
            bool deposits = what % 4 == 2;
            on ? bridges[i].pause(id, deposits, !deposits) : bridges[i].unpause(id, false, false);
        }
        vm.stopPrank();
    }

    /// @dev To a set of another size and back again, on all chains at once.
    function rotate() external {
        uint256[] memory present = keys;
        uint256 signers = _quorum();
        _makeKeys(present.length == 4 ? 7 : 4);
        uint256[] memory next = keys;
        bytes memory set = _set(next);
        ++epoch;
        bytes32 digest =
            CheckpointLib.setDigest(CheckpointLib.domainSeparator(NETWORK), epoch, keccak256(set), uint64(_now()));
        keys = present;
        bytes memory signatures = _sign(digest, signers);
        keys = next;
        for (uint256 i = 0; i < 3; ++i) {
            gateways[i].rotate(set, epoch, uint64(_now()), signatures);
        }
    }

    function collectFees(uint8 chain) external {
        gateways[chain % 3].collectFees();
    }

    /// @dev The lanes between home and another chain: tokens take no other.
    function _ends(uint256 lane) internal pure returns (uint256 from, uint256 to) {
        uint256 remote = 1 + lane / 2 % 2;
        return lane % 2 == 0 ? (uint256(0), remote) : (remote, uint256(0));
    }

    function _deliver(uint256 from, uint256 to, uint256 length, uint256 tail) internal {
        uint256 newest = _count(from, to);
        uint256 first = _position(from, to) + 1;
        (,,, bool paused) = gateways[to].validatorSet();
        if (first > newest || paused) return;
        uint256 last = bound(length, first, newest);
        IGateway.Delivery memory delivery = _delivery(from, to, first, last, bound(tail, last, newest));
        _on(to);
        gateways[to].deliver(delivery);
        _collect();
        for (uint256 n = first; n <= last; ++n) {
            if (!_isRecorded(from, to, n)) ++done[_id(from, to, n)];
        }
    }

    /// @dev How many messages of a lane have been delivered.
    function _position(uint256 from, uint256 to) internal view returns (uint256 position) {
        bytes32 lane = _lane(from, to);
        bytes32 inbox = gateways[to].inbox(lane);
        if (inbox == lane) return 0;
        while (accumulators[lane][position] != inbox) ++position;
    }

    function _tryExecute(uint256 from, uint256 to, uint256 n) internal {
        bytes memory message = _message(from, to, n);
        _on(to);
        try gateways[to].execute(_remote(from), message) {
            ++done[_id(from, to, n)];
        } catch {}
        _collect();
    }

    function _tryExpire(uint256 from, uint256 to, uint256 n) internal {
        bytes memory message = _message(from, to, n);
        _on(to);
        try gateways[to].expire(_remote(from), message) {
            ++done[_id(from, to, n)];
        } catch {}
        _collect();
    }

    /// @dev Only actions are to be driven.
    function setUp() public override {}
}
