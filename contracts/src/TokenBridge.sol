// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";

import {IGateway} from "./interfaces/IGateway.sol";
import {ITokenBridge} from "./interfaces/ITokenBridge.sol";
import {Arrivals} from "./token/Arrivals.sol";
import {RateLimit} from "./token/RateLimit.sol";
import {ReleaseQueue} from "./token/ReleaseQueue.sol";
import {TokenRegistry} from "./token/TokenRegistry.sol";
import {Vault} from "./token/Vault.sol";

/// @title The token application on the gateway: what its owner (a timelock) and the gateway's guardian may do.
/// @notice Accepts messages only from the gateway, and from its peers only. Home counts what each remote chain holds
/// and never releases more to it: a remote chain that breaks cannot take what belongs to another.
contract TokenBridge is Arrivals, Ownable2Step {
    /// @param wrappedNative_ the chain's wrapped coin; zero: native coin is not bridged.
    /// @param rateWindow_ seconds over which limits count, and for which a transfer above them waits.
    constructor(IGateway gateway_, address owner_, address wrappedNative_, uint64 rateWindow_)
        TokenRegistry(gateway_)
        Vault(wrappedNative_)
        ReleaseQueue(rateWindow_)
        Ownable(owner_)
    {}

    /// @inheritdoc ITokenBridge
    function setPeer(uint64 chain, bytes32 peer) external onlyOwner {
        _setPeer(chain, peer);
    }

    /// @inheritdoc ITokenBridge
    function linkToken(uint64 homeChain, bytes32 homeToken, address local, Kind kind, uint8 homeDecimals)
        external
        onlyOwner
    {
        _linkToken(homeChain, homeToken, local, kind, homeDecimals);
    }

    /// @inheritdoc ITokenBridge
    function setLimits(bytes32 tokenId, uint128 arrivals, uint128 departures) external onlyOwner {
        _setLimits(tokenId, arrivals, departures);
    }

    /// @inheritdoc ITokenBridge
    function cancel(bytes32 tokenId, uint64 index) external onlyOwner {
        _cancel(tokenId, index);
    }

    /// @inheritdoc ITokenBridge
    function pause(bytes32 tokenId, bool deposits, bool releases) external {
        if (msg.sender != gateway.guardian()) revert NotGuardian();
        // Adds to what is paused: resuming is the timelock's.
        _setPaused(
            tokenId,
            deposits || _isPaused(tokenId, RateLimit.DEPOSITS_PAUSED),
            releases || _isPaused(tokenId, RateLimit.RELEASES_PAUSED)
        );
    }

    /// @inheritdoc ITokenBridge
    function unpause(bytes32 tokenId, bool deposits, bool releases) external onlyOwner {
        _setPaused(tokenId, deposits, releases);
    }

    /// @notice Refused: without an owner, a pause could never be lifted and no limit set.
    function renounceOwnership() public view override onlyOwner {
        revert OwnerRequired();
    }
}
