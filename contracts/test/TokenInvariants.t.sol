// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {TokenActions} from "./utils/TokenActions.sol";
import {Test} from "./utils/Test.sol";

/// @title What holds after any actions, and what is left when all has been settled.
contract CheckedActions is TokenActions {
    /// @dev Every token is somewhere: with its holder, in a queue, with a claimant, or on its way.
    function check() external {
        for (uint256 k = 0; k < 2; ++k) {
            bytes32 id = ids[k];
            _assertSolvent(0, id);
            for (uint256 i = 0; i < 3; ++i) {
                _checkQueue(i, id);
            }
            for (uint256 i = 1; i < 3; ++i) {
                (,, uint128 waiting) = bridges[i].queueOf(id);
                uint256 there = _local(i, id).totalSupply() + waiting + bridges[i].claimsOf(id);
                assertEq(bridges[0].held(id, CHAINS[i]), there + _inFlight(0, i, id) + _inFlight(i, 0, id));
            }
        }
        assertEq(_fees(), feesPaid);
    }

    /// @dev Resumes everything; delivers, executes, refunds, releases and claims all there is.
    function settle() external {
        for (uint256 i = 0; i < 3; ++i) {
            vm.startPrank(OWNER);
            gateways[i].resumeDeliveries();
            for (uint256 j = 0; j < 3; ++j) {
                if (i != j) gateways[i].resumeSending(CHAINS[j]);
            }
            bridges[i].unpause(ids[0], false, false);
            bridges[i].unpause(ids[1], false, false);
            vm.stopPrank();
        }
        // A forward can take four messages: there, onward, refused, back.
        for (uint256 round = 0; round < 6; ++round) {
            for (uint256 lane = 0; lane < 4; ++lane) {
                (uint256 from, uint256 to) = _ends(lane);
                uint256 count = _count(from, to);
                uint256 delivered = _position(from, to);
                if (count != delivered) _deliver(from, to, count - delivered - 1, 0);
                for (uint256 n = 1; n <= count; ++n) {
                    if (!_isRecorded(from, to, n)) continue;
                    _tryExecute(from, to, n);
                    if (_isRecorded(from, to, n)) _tryExpire(from, to, n);
                }
            }
        }
        _wait(WINDOW);
        for (uint256 i = 0; i < 3; ++i) {
            _on(i);
            for (uint256 k = 0; k < 2; ++k) {
                (uint64 head, uint64 tail,) = bridges[i].queueOf(ids[k]);
                for (; head < tail; ++head) {
                    bridges[i].release(ids[k], "");
                }
            }
        }
        if (bridges[0].claimOf(ids[1], refuser) != 0) bridges[0].claim(ids[1], refuser, refuser);
    }

    function checkSettled() external {
        for (uint256 lane = 0; lane < 4; ++lane) {
            (uint256 from, uint256 to) = _ends(lane);
            for (uint256 n = 1; n <= _count(from, to); ++n) {
                assertEq(done[_id(from, to, n)], 1);
            }
        }
        uint256[2] memory home = [token.balanceOf(USER), USER.balance + wrapped[0].balanceOf(refuser) + feesPaid];
        uint256[2] memory initial = [uint256(1e30), COIN];
        for (uint256 k = 0; k < 2; ++k) {
            (,, uint128 waiting) = bridges[0].queueOf(ids[k]);
            assertEq(waiting + bridges[0].claimsOf(ids[k]), 0);
            uint256 total = home[k];
            for (uint256 i = 1; i < 3; ++i) {
                uint256 supply = _local(i, ids[k]).totalSupply();
                assertEq(bridges[0].held(ids[k], CHAINS[i]), supply);
                total += supply;
            }
            assertEq(total, initial[k]);
        }
    }

    function _checkQueue(uint256 chain, bytes32 id) private view {
        (uint64 head, uint64 tail, uint128 waiting) = bridges[chain].queueOf(id);
        uint256 sum = 0;
        for (; head < tail; ++head) {
            sum += bridges[chain].queuedAt(id, head).amount;
        }
        assertEq(sum, waiting);
    }

    /// @dev Of a token, what messages carry that were neither executed nor refunded. None was both.
    function _inFlight(uint256 from, uint256 to, bytes32 id) private returns (uint256 sum) {
        uint256 count = _count(from, to);
        for (uint256 n = 1; n <= count; ++n) {
            bytes memory message = _message(from, to, n);
            uint256 times = done[_id(from, to, n)];
            assertTrue(times <= 1, "once");
            if (times == 1) continue;
            // Behind the header, and in a refund behind the refunded message's id: kind, token, amount.
            uint256 start = message[0] == 0x02 ? 32 + 85 + 32 : 32 + 85;
            bytes32 carried;
            uint256 amount;
            assembly ("memory-safe") {
                carried := mload(add(message, add(start, 1)))
                amount := shr(128, mload(add(message, add(start, 33))))
            }
            if (carried == id) sum += amount;
        }
    }

    function _fees() private view returns (uint256 sum) {
        sum = COLLECTOR.balance;
        for (uint256 i = 0; i < 3; ++i) {
            sum += address(gateways[i]).balance;
        }
    }
}

contract TokenInvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    CheckedActions private actions;

    function setUp() public {
        actions = new CheckedActions();
        targetContract(address(actions));
    }

    /// @dev Forge's hook: the actions only.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actions), actions.selectors());
    }

    function invariant_everyTokenIsSomewhere() public {
        actions.check();
    }

    function afterInvariant() public {
        actions.settle();
        actions.check();
        actions.checkSettled();
    }
}
