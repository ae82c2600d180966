// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Commitment id of the model whose weights are all zero: where a first model starts from
/// @dev The value here (the id of the generator of the curve) is that of the unit tests; the generator writes this file anew
/// for a profile and its commitment key.
library ZeroModel {
    bytes32 internal constant ID = keccak256(abi.encode(uint256(1), uint256(2)));
}
