// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.30;

import {WETH} from "solady/tokens/WETH.sol";

/// @title Wrapped native coin for chains that have none yet, and for development networks.
contract WrappedNative is WETH {}
