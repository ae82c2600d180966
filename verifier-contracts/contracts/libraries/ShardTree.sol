// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ProfileId, Root} from "../interfaces/Ids.sol";
import {G1Point} from "./Bn254.sol";

/// @dev Levels of the tree above the leaves: a path has as many siblings. Wherever a path is passed or stored its type is
/// `bytes32[SHARD_TREE_DEPTH]`.
uint256 constant SHARD_TREE_DEPTH = 10;

/// @title Ordered Merkle tree of a dataset's shards
/// @notice The depth is fixed. The bits of a leaf's index, lowest first, say at each level whether the node is the left or the right
/// child, so a path proves the leaf's position too. (A tree that sorts the two children proves membership only: a claimant could
/// present any leaf as the drawn one.)
/// A leaf is tagged, so it is never taken for an inner node; missing leaves are zero.
library ShardTree {
    /// @notice Levels above the leaves.
    uint256 internal constant DEPTH = SHARD_TREE_DEPTH;
    /// @notice Most shards that fit.
    uint256 internal constant CAPACITY = 2 ** DEPTH;
    /// @notice Tag of a leaf.
    bytes32 internal constant LEAF_TAG = keccak256("zkpoc.leaf.v1");

    /// @notice The leaf of a shard.
    function leafOf(ProfileId profileId, uint256 index, G1Point calldata commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(LEAF_TAG, profileId, index, commitment.x, commitment.y));
    }

    /// @notice The root that a path leads to from a leaf at `index`, which is below CAPACITY.
    /// @dev Assembly: ten levels cost half of what they do with checked reads of the path.
    function rootOf(bytes32 leaf, uint256 index, bytes32[SHARD_TREE_DEPTH] calldata path)
        internal
        pure
        returns (Root node)
    {
        node = Root.wrap(leaf);
        assembly ("memory-safe") {
            for { let level := 0 } lt(level, DEPTH) { level := add(level, 1) } {
                // Scratch space holds the pair: the node in front where the index's bit is 0, behind its sibling where it is 1.
                let place := shl(5, and(shr(level, index), 1))
                mstore(place, node)
                mstore(xor(place, 0x20), calldataload(add(path, shl(5, level))))
                node := keccak256(0, 0x40)
            }
        }
    }

    /// @notice The shard that a beacon draws from a dataset of `count` shards.
    function drawnIndex(bytes32 beacon, Root root, address owner, uint256 count) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(beacon, root, owner))) % count;
    }
}
