// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ClaimRecord, RoundStatus} from "../../contracts/interfaces/IContributionRounds.sol";
import {IMaskCommitments} from "../../contracts/interfaces/IMaskCommitments.sol";
import {Group, ISecureAggregation} from "../../contracts/interfaces/ISecureAggregation.sol";
import {AggregationConfig} from "../../contracts/masked/Rosters.sol";
import {SecureAggregation} from "../../contracts/masked/SecureAggregation.sol";
import {GroupFixture} from "../utils/GroupFixture.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice Who sums up with whom.
contract RostersTest is GroupFixture {
    // -- construction

    function test_RevertWhen_ConstructedBadly() public {
        bytes memory zero = abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationZeroArgument.selector);
        vm.expectRevert(zero);
        new SecureAggregation(AggregationConfig(IMaskCommitments(address(0)), 1, 1, 1, 1));
        for (uint256 i = 0; i < 4; ++i) {
            uint40[4] memory a = [uint40(1), 1, 1, 1];
            a[i] = 0;
            vm.expectRevert(zero);
            new SecureAggregation(AggregationConfig(facts, a[0], a[1], a[2], a[3]));
        }
        uint40 most = type(uint32).max;
        for (uint256 i = 0; i < 3; ++i) {
            uint40[3] memory b = [uint40(1), 1, 1];
            b[i] = most + 1;
            vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationPhase.selector, most, most + 1));
            new SecureAggregation(AggregationConfig(facts, b[0], b[1], b[2], 1));
        }
        SecureAggregation made = new SecureAggregation(AggregationConfig(facts, most, most - 1, most - 2, 3));
        vm.assertEq(address(made.MASKS()), address(facts));
        vm.assertEq(made.SHARE_BLOCKS(), most);
        vm.assertEq(made.REVEAL_BLOCKS(), most - 1);
        vm.assertEq(made.DISPUTE_BLOCKS(), most - 2);
        vm.assertEq(made.BOND(), 3);
    }

    function test_BindsTheFirstRoundsContractOnly() public {
        SecureAggregation fresh = new SecureAggregation(AggregationConfig(facts, 5, 6, 7, 1));
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationPhases.selector, 11, 11));
        fresh.bind(9, 11);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationNotBound.selector));
        fresh.deadlinesOf(1);
        fresh.bind(9, 12);
        vm.assertEq(fresh.rounds(), address(this));
        vm.assertEq(fresh.claimBlocks(), 9);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationBound.selector, address(this)));
        fresh.bind(9, 12);
    }

    // -- drawing groups

    function test_ThreeFormAGroup() public {
        vm.assertFalse(sums.isFixed(ROUND));
        _group(3);
        vm.assertTrue(sums.isFixed(ROUND));
        vm.assertEq(sums.groupCount(ROUND), 1);
        Group memory group = sums.groupInfo(ROUND, 0);
        vm.assertEq(group.members, 7);
        (, bytes32[] memory leaves) = _rosterOf(ROUND, 0);
        vm.assertEq(group.rosterHash, keccak256(abi.encodePacked(leaves)));
        vm.assertEq(group.posted | group.revealed | group.faulty, 0);
        (uint256 d1, uint256 d2, uint256 d3, uint256 d4) = sums.deadlinesOf(ROUND);
        vm.assertEq(d1, 1000 + CLAIM_BLOCKS);
        vm.assertEq(d2, d1 + SHARE_BLOCKS);
        vm.assertEq(d3, d2 + REVEAL_BLOCKS);
        vm.assertEq(d4, d3 + DISPUTE_BLOCKS);
    }

    function test_TwoFormNone() public {
        vm.recordLogs();
        _claim(ROUND, 0);
        _group(2);
        vm.assertEq(vm.getRecordedLogs().length, 0);
        vm.assertTrue(sums.isFixed(ROUND));
        vm.assertEq(sums.groupCount(ROUND), 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationGroup.selector, 0, 0));
        sums.groupInfo(ROUND, 0);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationFixed.selector, ROUND));
        sums.fixRoster(ROUND, claims[ROUND]);
    }

    function test_RoundWithoutClaimsHasNoGroup() public {
        _open(ROUND);
        _fix(ROUND);
        vm.assertEq(sums.groupCount(ROUND), 0);
    }

    /// @notice Plain claims and keys that give no secret are left out.
    function test_UnacceptableKeysAreInNoGroup() public {
        bytes32[5] memory bad = [
            bytes32(0),
            bytes32(uint256(1) << 248),
            bytes32(0xe0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800),
            bytes32(0xecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f),
            // 2^255 - 10: nine, not canonical.
            bytes32(0xf6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f)
        ];
        for (uint256 i = 0; i < 5; ++i) {
            _claim(ROUND, bad[i]);
            if (i < 4) _maskedClaim(ROUND);
        }
        _open(ROUND);
        _fix(ROUND);
        vm.assertEq(sums.groupInfo(ROUND, 0).members, 2 + 8 + 32 + 128);
    }

    /// @dev The draw of the specification, written again.
    function _draw(bytes32 hash, uint256 count) private pure returns (uint256[] memory order) {
        order = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            order[i] = i;
        }
        if (count <= 16) return order;
        bytes32 seed = keccak256(abi.encode(hash, ROUND));
        for (uint256 i = count - 1; i > 0; --i) {
            uint256 j = uint256(keccak256(abi.encode(seed, i))) % (i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }

    function _requireDrawn(uint256 count, bytes32 hash) private {
        for (uint256 i = 0; i < count; ++i) {
            _claim(ROUND, keccak256(abi.encode(i)) << 8);
        }
        _open(ROUND);
        (uint256 d1,,,) = sums.deadlinesOf(ROUND);
        vm.roll(d1 + 2);
        vm.setBlockhash(d1, hash);
        vm.recordLogs();
        sums.fixRoster(ROUND, claims[ROUND]);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256[] memory order = _draw(hash, count);
        uint256 groups = (count + 15) / 16;
        vm.assertEq(sums.groupCount(ROUND), groups);
        vm.assertEq(logs.length, groups);
        uint256 next = 0;
        for (uint256 g = 0; g < groups; ++g) {
            uint256 members = 0;
            uint256 size = count / groups + (g < count % groups ? 1 : 0);
            vm.assertTrue(size >= 3 && size <= 16);
            for (uint256 i = 0; i < size; ++i) {
                members |= uint256(1) << order[next++];
            }
            (, bytes32[] memory leaves) = _rosterOf(ROUND, g);
            vm.assertEq(sums.groupInfo(ROUND, g).members, members);
            vm.assertEq(sums.groupInfo(ROUND, g).rosterHash, keccak256(abi.encodePacked(leaves)));
            vm.assertEq(logs[g].topics[0], ISecureAggregation.RosterFixed.selector);
            vm.assertEq(uint256(logs[g].topics[1]), ROUND);
            vm.assertEq(uint256(logs[g].topics[2]), g);
            vm.assertEq(keccak256(logs[g].data), keccak256(abi.encode(members, keccak256(abi.encodePacked(leaves)))));
        }
        vm.assertEq(next, count);
    }

    function test_SixteenFormOneGroupAndSeventeenTwo() public {
        uint256 snapshot = vm.snapshotState();
        _requireDrawn(16, keccak256("any"));
        vm.revertToState(snapshot);
        _requireDrawn(17, keccak256("any"));
    }

    function test_AsManyClaimsAsASetHoldsFormSixteenGroups() public {
        _requireDrawn(256, keccak256("many"));
    }

    function testFuzz_GroupsAreDrawnAsSpecified(uint8 count, bytes32 hash) public {
        vm.assume(hash != 0);
        _requireDrawn(3 + uint256(count) % 90, hash);
    }

    function test_AnotherBlockHashDrawsOtherGroups() public {
        uint256 snapshot = vm.snapshotState();
        _requireDrawn(40, keccak256("one"));
        uint256 first = sums.groupInfo(ROUND, 0).members;
        vm.revertToState(snapshot);
        _requireDrawn(40, keccak256("other"));
        vm.assertNotEq(sums.groupInfo(ROUND, 0).members, first);
    }

    // -- when, and of what

    function _prepare(uint256 count) private {
        for (uint256 i = 0; i < count; ++i) {
            _maskedClaim(ROUND);
        }
        _open(ROUND);
    }

    function test_RevertWhen_ClaimsAreNotOver() public {
        _prepare(3);
        (uint256 d1,,,) = sums.deadlinesOf(ROUND);
        for (uint256 i = 0; i < 3; ++i) {
            _roll(ROUND, 1, 0);
            vm.roll(block.number - i);
            vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationTooEarly.selector, d1 + 1, d1 - i));
            sums.fixRoster(ROUND, claims[ROUND]);
        }
    }

    function test_RevertWhen_PostsAreOver() public {
        _prepare(3);
        _roll(ROUND, 2, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationTooLate.selector, block.number, block.number));
        sums.fixRoster(ROUND, claims[ROUND]);
    }

    function test_RevertWhen_TheDrawingBlockIsForgotten() public {
        _prepare(3);
        (uint256 d1,,,) = sums.deadlinesOf(ROUND);
        vm.roll(d1 + 257);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationNoDraw.selector, d1, d1 + 257));
        sums.fixRoster(ROUND, claims[ROUND]);
        vm.roll(d1 + 256);
        sums.fixRoster(ROUND, claims[ROUND]);
        vm.assertEq(sums.groupCount(ROUND), 1);
    }

    function test_RevertWhen_RoundIsNotOpen() public {
        bytes4 selector = ISecureAggregation.ZkPocAggregationNotOpen.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, ROUND, RoundStatus.None));
        sums.fixRoster(ROUND, claims[ROUND]);
        _prepare(3);
        _roll(ROUND, 1, 1);
        pool.end(ROUND, RoundStatus.Void);
        vm.expectRevert(abi.encodeWithSelector(selector, ROUND, RoundStatus.Void));
        sums.fixRoster(ROUND, claims[ROUND]);
        pool.end(ROUND, RoundStatus.Settled);
        vm.expectRevert(abi.encodeWithSelector(selector, ROUND, RoundStatus.Settled));
        sums.fixRoster(ROUND, claims[ROUND]);
    }

    function test_RevertWhen_FixedTwice() public {
        _group(3);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationFixed.selector, ROUND));
        sums.fixRoster(ROUND, claims[ROUND]);
    }

    function test_RevertWhen_RecordsAreNotTheRounds() public {
        _prepare(4);
        _maskedClaim(ROUND + 1);
        _open(ROUND + 1);
        _roll(ROUND, 1, 1);
        bytes4 selector = ISecureAggregation.ZkPocAggregationRecords.selector;
        for (uint256 kind = 0; kind < 10; ++kind) {
            ClaimRecord[] memory records = claims[ROUND];
            if (kind == 0) records[1].claimant = records[0].claimant;
            if (kind == 1) records[1].reward += 1;
            if (kind == 2) records[1].nullifier = records[0].nullifier;
            if (kind == 3) records[1].maskKey = records[0].maskKey;
            if (kind == 4) records[1].maskKey = 0;
            if (kind == 5) records[1].update = records[0].update;
            if (kind == 6) (records[1], records[0]) = (records[0], records[1]);
            if (kind == 7) records[1] = records[0];
            if (kind == 8) records = claims[ROUND + 1];
            if (kind == 9) records = new ClaimRecord[](0);
            vm.expectPartialRevert(selector);
            sums.fixRoster(ROUND, records);
        }
        ClaimRecord[] memory some = new ClaimRecord[](3);
        (some[0], some[1], some[2]) = (claims[ROUND][0], claims[ROUND][1], claims[ROUND][2]);
        vm.expectPartialRevert(selector);
        sums.fixRoster(ROUND, some);
    }
}
