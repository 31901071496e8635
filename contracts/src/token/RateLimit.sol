// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

/// @notice All that limits one token on one chain, in one storage slot: net flow (int128, high), when it was computed
/// (40 bits), arrival limit (40), departure limit (40), flags (8, low).
type Flow is uint256;

/// @title The net flow of a token, and its limits.
/// @notice Arrivals (mints, releases) raise the net flow, departures (deposits) lower it, and time moves it to zero: by
/// a limit's whole amount in one window. An arrival is within the limit while the net flow stays at or under the
/// arrival limit, a departure while it stays at or above minus the departure limit. So at any moment at most the
/// arrival limit can leave beyond what has come in within the last window, and that is at most counted up to the
/// departure limit (the arrival limit, if departures are not limited).
/// @dev Limits are kept as floating-point numbers of 32 bits' mantissa and 8 bits' exponent, rounded down.
library RateLimit {
    uint256 internal constant DEPOSITS_PAUSED = 1;
    uint256 internal constant RELEASES_PAUSED = 2;

    uint256 private constant MASK_40 = type(uint40).max;

    /// @return next with the amount counted, if it is within the limit; else unchanged.
    /// @return within the limit. An arrival limit of zero lets nothing pass.
    function arrive(Flow flow, uint128 amount, uint256 window) internal view returns (Flow next, bool within) {
        (int256 arrivals, int256 departures) = _limits(flow);
        // Both are under 2^128.
        unchecked {
            int256 net = _netFlow(flow, arrivals, departures, window) + int256(uint256(amount));
            if (net > arrivals || int256(uint256(amount)) > arrivals) return (flow, false);
            return (_with(flow, net), true);
        }
    }

    /// @return next with the amount counted, if it is within the limit; else unchanged.
    /// @return within the limit. A departure limit of zero is none.
    function depart(Flow flow, uint128 amount, uint256 window) internal view returns (Flow next, bool within) {
        (int256 arrivals, int256 departures) = _limits(flow);
        // Nothing to count by.
        if (arrivals | departures == 0) return (flow, true);
        unchecked {
            int256 net = _netFlow(flow, arrivals, departures, window) - int256(uint256(amount));
            if (departures != 0 && net < -departures) return (flow, false);
            if (departures == 0 && net < -arrivals) net = -arrivals;
            return (_with(flow, net), true);
        }
    }

    /// @notice The net flow at this moment; positive: more has arrived.
    function netFlow(Flow flow, uint256 window) internal view returns (int256 net) {
        (int256 arrivals, int256 departures) = _limits(flow);
        return _netFlow(flow, arrivals, departures, window);
    }

    function _netFlow(Flow flow, int256 arrivals, int256 departures, uint256 window) private view returns (int256 net) {
        // A limit is under 2^127 and a time under 2^40.
        unchecked {
            uint256 word = Flow.unwrap(flow);
            net = int256(word) >> 128;
            if (net == 0) return 0;
            uint256 elapsed = block.timestamp - ((word >> 88) & MASK_40);
            if (elapsed == 0) return net;
            if (elapsed >= window) return 0;
            int256 limit = net > 0 || departures == 0 ? arrivals : departures;
            int256 decay = limit * int256(elapsed) / int256(window);
            if (net > 0) return net > decay ? net - decay : int256(0);
            return -net > decay ? net + decay : int256(0);
        }
    }

    /// @notice The limits as they are kept; 0 is nothing for arrivals, and no limit for departures.
    function limits(Flow flow) internal pure returns (uint256 arrivals, uint256 departures) {
        (int256 a, int256 d) = _limits(flow);
        return (uint256(a), uint256(d));
    }

    /// @notice The same flow under other limits.
    function withLimits(Flow flow, uint128 arrivals, uint128 departures, uint256 window) internal view returns (Flow) {
        int256 net = netFlow(flow, window);
        uint256 flags = Flow.unwrap(flow) & 0xff;
        return _with(Flow.wrap((_compress(arrivals) << 48) | (_compress(departures) << 8) | flags), net);
    }

    function has(Flow flow, uint256 flag) internal pure returns (bool) {
        return Flow.unwrap(flow) & flag != 0;
    }

    function withFlag(Flow flow, uint256 flag, bool value) internal pure returns (Flow) {
        uint256 word = Flow.unwrap(flow) & ~flag;
        return Flow.wrap(value ? word | flag : word);
    }

    function _with(Flow flow, int256 net) private view returns (Flow) {
        uint256 kept = Flow.unwrap(flow) & ((1 << 88) - 1);
        return Flow.wrap((uint256(net) << 128) | (uint256(uint40(block.timestamp)) << 88) | kept);
    }

    function _limits(Flow flow) private pure returns (int256 arrivals, int256 departures) {
        uint256 word = Flow.unwrap(flow);
        arrivals = int256(_expand((word >> 48) & MASK_40));
        departures = int256(_expand((word >> 8) & MASK_40));
    }

    /// @dev Limits are under 2^127, so that the net flow fits 128 bits with its sign.
    function _compress(uint128 value) private pure returns (uint256) {
        uint256 capped = value > uint128(type(int128).max) ? uint128(type(int128).max) : value;
        uint256 exponent = 0;
        while (capped >> exponent > type(uint32).max) ++exponent;
        return ((capped >> exponent) << 8) | exponent;
    }

    function _expand(uint256 compressed) private pure returns (uint256) {
        return (compressed >> 8) << (compressed & 0xff);
    }
}
