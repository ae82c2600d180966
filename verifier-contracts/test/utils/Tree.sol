// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Root} from "../../contracts/interfaces/Ids.sol";
import {SHARD_TREE_DEPTH} from "../../contracts/libraries/ShardTree.sol";

/// @title The committer's side of the shard tree, written without the contracts' code
library Tree {
    /// @notice Path of `index` and the root, for leaves that stand at 0, 1, .. and zero leaves behind them.
    function pathOf(bytes32[] memory leaves, uint256 index)
        internal
        pure
        returns (bytes32[SHARD_TREE_DEPTH] memory path, Root root)
    {
        bytes32[] memory level = leaves;
        bytes32 empty = 0;
        for (uint256 depth = 0; depth < 10; ++depth) {
            uint256 sibling = index ^ 1;
            path[depth] = sibling < level.length ? level[sibling] : empty;
            bytes32[] memory above = new bytes32[]((level.length + 1) / 2);
            for (uint256 i = 0; i < above.length; ++i) {
                bytes32 right = 2 * i + 1 < level.length ? level[2 * i + 1] : empty;
                above[i] = keccak256(bytes.concat(level[2 * i], right));
            }
            empty = keccak256(bytes.concat(empty, empty));
            level = above;
            index >>= 1;
        }
        root = Root.wrap(level[0]);
    }
}
