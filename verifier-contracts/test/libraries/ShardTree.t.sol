// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ProfileId, Root} from "../../contracts/interfaces/Ids.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";
import {SHARD_TREE_DEPTH, ShardTree} from "../../contracts/libraries/ShardTree.sol";
import {Tree} from "../utils/Tree.sol";
import {Test} from "../utils/Vm.sol";

contract ShardTreeHarness {
    function leafOf(ProfileId profileId, uint256 index, G1Point calldata point) external pure returns (bytes32) {
        return ShardTree.leafOf(profileId, index, point);
    }

    function rootOf(bytes32 leaf, uint256 index, bytes32[SHARD_TREE_DEPTH] calldata path) external pure returns (Root) {
        return ShardTree.rootOf(leaf, index, path);
    }
}

contract ShardTreeTest is Test {
    ShardTreeHarness private harness;

    function setUp() public {
        harness = new ShardTreeHarness();
    }

    function _leaves(uint256 count) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](count);
        for (uint256 i = 0; i < count; ++i) {
            leaves[i] = keccak256(abi.encode("leaf", i));
        }
    }

    function testFuzz_EveryLeafLeadsToTheRootAtItsIndexOnly(uint256 count, uint256 index, uint256 other) public view {
        count = 1 + count % 33;
        index %= count;
        other %= 1024;
        bytes32[] memory leaves = _leaves(count);
        (bytes32[SHARD_TREE_DEPTH] memory path, Root root) = Tree.pathOf(leaves, index);
        vm.assertEq(Root.unwrap(harness.rootOf(leaves[index], index, path)), Root.unwrap(root));
        if (other != index) vm.assertNotEq(Root.unwrap(harness.rootOf(leaves[index], other, path)), Root.unwrap(root));
    }

    function test_LastIndexOfAFullTree() public view {
        bytes32[] memory leaves = _leaves(1024);
        (bytes32[SHARD_TREE_DEPTH] memory path, Root root) = Tree.pathOf(leaves, 1023);
        vm.assertEq(Root.unwrap(harness.rootOf(leaves[1023], 1023, path)), Root.unwrap(root));
    }

    function testFuzz_LeafBindsEveryField(ProfileId profile, uint256 index, uint256 x, uint256 y) public view {
        bytes32 leaf = harness.leafOf(profile, index, G1Point(x, y));
        unchecked {
            vm.assertNotEq(harness.leafOf(ProfileId.wrap(~ProfileId.unwrap(profile)), index, G1Point(x, y)), leaf);
            vm.assertNotEq(harness.leafOf(profile, index + 1, G1Point(x, y)), leaf);
            vm.assertNotEq(harness.leafOf(profile, index, G1Point(x + 1, y)), leaf);
            vm.assertNotEq(harness.leafOf(profile, index, G1Point(x, y + 1)), leaf);
        }
    }
}
