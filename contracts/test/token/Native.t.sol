// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IGateway} from "../../src/interfaces/IGateway.sol";
import {ITokenBridge} from "../../src/interfaces/ITokenBridge.sol";
import {Callback, CoinBurner, CoinRefuser} from "../utils/CoinReceivers.sol";
import {TokenTest} from "../utils/TokenTest.sol";

contract NativeTest is TokenTest {
    IERC20 private coin;
    bytes32 private id;

    function setUp() public override {
        super.setUp();
        coin = IERC20(address(wrapped[0]));
        id = _registerAny(0, 1, address(coin));
        vm.deal(USER, 100 ether);
    }

    function _putCoin(uint256 amount, uint256 value) private {
        ITokenBridge.Deposit memory d = _d(address(coin), amount, 1);
        _on(0);
        vm.prank(USER);
        bridges[0].depositNative{value: value}(d);
    }

    /// @dev Sends wrappers of chain 1 home to `to`; the transfer is message `n` of that lane.
    function _bringHome(uint256 amount, address to) private {
        ITokenBridge.Deposit memory d = _d(address(_local(1, id)), amount, 0);
        d.to = _pad(to);
        _put(1, d);
        _relay(1, 0);
    }

    function test_coinGoesOutAndComesBackAsCoin() public {
        _putCoin(3 ether, 3 ether);
        assertEq(coin.balanceOf(address(bridges[0])), 3 ether);
        _relay(0, 1);
        assertEq(_local(1, id).balanceOf(USER), 3 ether);
        _bringHome(2 ether, USER);
        assertEq(USER.balance, 99 ether);
        assertEq(bridges[0].held(id, CHAINS[1]), 1 ether);
        _assertSolvent(0, id);
    }

    function test_coinIsTakenAsWrappedCoinToo() public {
        _on(0);
        vm.prank(USER);
        wrapped[0].deposit{value: 5 ether}();
        _put(0, _d(address(coin), 5 ether, 1));
        _relay(0, 1);
        assertEq(_local(1, id).balanceOf(USER), 5 ether);
        _assertSolvent(0, id);
    }

    function test_feeComesOnTopOfTheAmount() public {
        _on(0);
        vm.prank(OWNER);
        gateways[0].setPrice(CHAINS[1], 1 << 16, 50_000);
        uint256 fee = bridges[0].quote(_d(address(coin), 1 ether, 1));
        // 1 wei a unit of gas.
        assertTrue(fee > 230_000, "a fee");
        _putCoin(1 ether, 1 ether + fee);
        assertEq(address(gateways[0]).balance, fee);
        assertEq(bridges[0].held(id, CHAINS[1]), 1 ether);
        _assertSolvent(0, id);
        ITokenBridge.Deposit memory d = _d(address(coin), 1 ether, 1);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(IGateway.FeeTooLow.selector, fee - 1, fee));
        bridges[0].depositNative{value: 1 ether + fee - 1}(d);
    }

    function test_tooLittleValueIsRefused() public {
        ITokenBridge.Deposit memory d = _d(address(coin), 1 ether, 1);
        _on(0);
        vm.prank(USER);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.ValueTooLow.selector, 1 ether - 1, 1 ether));
        bridges[0].depositNative{value: 1 ether - 1}(d);
    }

    function test_onlyTheWrappedCoinIsDepositedAsCoin() public {
        _register(1);
        ITokenBridge.Deposit memory d = _d(address(token), 1, 1);
        _on(0);
        vm.startPrank(USER);
        vm.expectRevert(ITokenBridge.NotVault.selector);
        bridges[0].depositNative{value: 1}(d);
        // Nor does the bridge take coin that nobody counts.
        (bool success,) = address(bridges[0]).call{value: 1}("");
        assertTrue(!success, "refused");
    }

    function test_whoRefusesCoinClaimsWrappedCoin() public {
        _refused(address(new CoinRefuser()));
    }

    function test_whoBurnsAllGasClaimsWrappedCoin() public {
        _refused(address(new CoinBurner()));
    }

    function _refused(address recipient) private {
        _putCoin(3 ether, 3 ether);
        _relay(0, 1);
        _bringHome(2 ether, recipient);
        // Within the delivery: the gas limit is enough for the failure, too.
        assertTrue(!_isRecorded(1, 0, 1), "executed");
        assertEq(bridges[0].claimOf(id, recipient), 2 ether);
        _assertSolvent(0, id);
        vm.expectRevert(abi.encodeWithSelector(ITokenBridge.NotClaimant.selector, recipient));
        bridges[0].claim(id, recipient, USER);
        bridges[0].claim(id, recipient, recipient);
        assertEq(coin.balanceOf(recipient), 2 ether);
        assertEq(bridges[0].claimsOf(id), 0);
        _assertSolvent(0, id);
        vm.expectRevert(ITokenBridge.NothingToClaim.selector);
        bridges[0].claim(id, recipient, recipient);
    }

    function test_claimantNamesAnotherRecipient() public {
        address refuser = address(new CoinRefuser());
        _putCoin(3 ether, 3 ether);
        _relay(0, 1);
        _bringHome(2 ether, refuser);
        vm.prank(refuser);
        bridges[0].claim(id, refuser, USER);
        assertEq(coin.balanceOf(USER), 2 ether);
    }

    function test_queuedCoinThatIsRefusedBecomesAClaim() public {
        address refuser = address(new CoinRefuser());
        _putCoin(3 ether, 3 ether);
        _relay(0, 1);
        _limitOf(id, 0, 1, 0);
        _bringHome(2 ether, refuser);
        _wait(WINDOW);
        bridges[0].release(id, "");
        assertEq(bridges[0].claimOf(id, refuser), 2 ether);
        _assertSolvent(0, id);
    }

    /// @dev From within the payout: each of these would pay or count a second time if it got through.
    function test_coinRecipientDoesNotReenter() public {
        Callback attacker = new Callback();
        _putCoin(10 ether, 10 ether);
        _relay(0, 1);
        // Something to claim and something to release.
        _bringHome(1 ether, address(new CoinRefuser()));
        _limitOf(id, 0, 1, 0);
        _bringHome(1 ether, address(attacker));
        _limitOf(id, 0, AMPLE, AMPLE);
        _wait(WINDOW);

        ITokenBridge.Deposit memory d = _d(address(coin), 1 ether, 1);
        _put(1, _d(address(_local(1, id)), 1 ether, 0));
        bytes[4] memory calls = [
            abi.encodeCall(ITokenBridge.release, (id, "")),
            abi.encodeCall(ITokenBridge.claim, (id, address(attacker), address(attacker))),
            abi.encodeCall(ITokenBridge.depositAndCall, (d)),
            abi.encodeCall(IGateway.deliver, (_delivery(1, 0, 3, 3, 3)))
        ];
        for (uint256 i = 0; i < 4; ++i) {
            attacker.arm(address(i == 3 ? address(gateways[0]) : address(bridges[0])), calls[i]);
            // Had the call got through, the attacker would have reverted and got a claim.
            uint128 claimed = bridges[0].claimOf(id, address(attacker));
            _bringHome(1 ether, address(attacker));
            assertEq(bridges[0].claimOf(id, address(attacker)), claimed);
            _assertSolvent(0, id);
        }
        assertEq(address(attacker).balance, 4 ether);
        (uint64 head,,) = bridges[0].queueOf(id);
        assertEq(head, 0);
    }
}
