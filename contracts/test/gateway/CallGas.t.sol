// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {IERC7786Recipient} from "@openzeppelin/contracts/interfaces/draft-IERC7786.sol";
import {IGateway} from "../../src/interfaces/IGateway.sol";
import {LaneLib} from "../../src/libraries/LaneLib.sol";
import {BridgeTest} from "../utils/BridgeTest.sol";

/// @dev The least gas with which a delivery passes still hands the recipient all that the message asks for.
contract CallGasTest is BridgeTest {
    uint32 private constant GAS = 100_000;
    address private constant PROBE = address(0x960BE);
    address private constant ACCOUNT = address(0xACC0);

    function setUp() public override {
        super.setUp();
        // sstore(0, gas()), then return receiveMessage's selector.
        vm.etch(
            PROBE,
            abi.encodePacked(hex"5a5f557f", bytes32(IERC7786Recipient.receiveMessage.selector), hex"5f5260205ff3")
        );
        // EIP-7702: the call also pays for the cold account delegated to.
        vm.etch(ACCOUNT, abi.encodePacked(hex"ef0100", PROBE));
    }

    function test_contractGetsAllOfTheMessagesGas() public {
        _leastGas(PROBE, "");
    }

    function test_contractGetsAllOfTheMessagesGasAfterMemoryExpansion() public {
        _leastGas(PROBE, new bytes(10_240));
    }

    function test_delegatedAccountGetsAllOfTheMessagesGas() public {
        _leastGas(ACCOUNT, "");
    }

    /// @dev Each failed attempt is rolled back, so the recipient is as cold at the first success.
    function _leastGas(address recipient, bytes memory payload) private {
        _on(0);
        gateways[0].send(CHAINS[1], LaneLib.toBytes32(recipient), GAS, 0, payload);
        IGateway.Delivery memory delivery = _delivery(0, 1, 1, 1, 1);
        bytes memory data = abi.encodeCall(IGateway.deliver, (delivery));
        address gateway = address(gateways[1]);
        _on(1);
        bool done = false;
        for (uint256 brought = GAS; !done; brought += 16) {
            assertTrue(brought < 300_000, "delivered");
            assembly {
                done := call(brought, gateway, 0, add(data, 0x20), mload(data), 0, 0)
            }
        }
        // GAS itself costs 2.
        uint256 received = uint256(vm.load(recipient, 0)) + 2;
        assertTrue(received == GAS, vm.toString(received));
    }
}
