// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Names a profile: the digest of the circuits' shape and parameters that every proof of a pool is made with.
/// @dev The four ids of this file are `bytes32` in the ABI. As types of their own they cannot take each other's place. They have no
/// operators: `unwrap` where two are compared costs nothing, a function call does.
type ProfileId is bytes32;

/// @notice Names a model: the commitment id of its columns of weights, see ProofPoints.idOf.
type ModelId is bytes32;

/// @notice Names the source of a dataset's records, as its attestor does: opaque, the same for every dataset of that source.
type Subject is bytes32;

/// @notice Names a dataset: the root of the Merkle tree of its shards, see ShardTree.
type Root is bytes32;
