// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {RoundStatus} from "../../contracts/interfaces/IContributionRounds.sol";
import {ISecureAggregation, PairDispute, Post} from "../../contracts/interfaces/ISecureAggregation.sol";
import {G1Point} from "../../contracts/libraries/Bn254.sol";
import {Curve} from "../utils/Curve.sol";
import {GroupFixture} from "../utils/GroupFixture.sol";

/// @notice Which sets of claims a finalization may include.
contract SecureAggregationTest is GroupFixture {
    function _requires(uint256 included, uint256 masked, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        sums.requireWhole(ROUND, included, masked);
    }

    function test_WholeGroupIsTakenFromD2On() public {
        _group(3);
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 2, 0);
        vm.roll(block.number - 1);
        _requires(7, 7, ISecureAggregation.ZkPocAggregationTooEarly.selector);
        vm.roll(block.number + 1);
        sums.requireWhole(ROUND, 7, 7);
        _roll(ROUND, 4, 1000);
        sums.requireWhole(ROUND, 7, 7);
    }

    function test_RevertWhen_RoundDoesNotExist() public {
        vm.expectRevert(
            abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationNotOpen.selector, ROUND, RoundStatus.None)
        );
        sums.requireWhole(ROUND, 1, 1);
    }

    function testFuzz_PartOfAGroupIsNeverTaken(uint8 part) public {
        _group(8);
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 2, 0);
        if (part == 0 || part == 255) sums.requireWhole(ROUND, part, 255);
        else _requires(part, 255, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    function test_DropoutsAreLeftOutWhenAllSeedsAreThere() public {
        _group(5);
        _postAll(ROUND, 0, 1 << 1);
        _roll(ROUND, 2, 0);
        uint256 posted = 1 + 4 + 8 + 16;
        for (uint256 number = 0; number < 5; ++number) {
            if (number == 1) continue;
            vm.expectRevert(
                _error(
                    ISecureAggregation.ZkPocAggregationUnrevealed.selector, posted, sums.groupInfo(ROUND, 0).revealed
                )
            );
            sums.requireWhole(ROUND, posted, 31);
            _reveal(ROUND, 0, number);
        }
        sums.requireWhole(ROUND, posted, 31);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationPartly.selector, posted, 31));
        sums.requireWhole(ROUND, 31, 31);
        _requires(posted - 1, 31, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    function test_RevertWhen_FewerThanThreePosted() public {
        _group(4);
        _postAll(ROUND, 0, 12);
        _roll(ROUND, 2, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationTooFew.selector, 3, 2));
        sums.requireWhole(ROUND, 3, 15);
        _requires(15, 15, ISecureAggregation.ZkPocAggregationPartly.selector);
        _requires(1, 15, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    function test_RevertWhen_NobodyPosted() public {
        _group(3);
        _roll(ROUND, 2, 0);
        _requires(7, 7, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    function test_RevertWhen_AMemberIsFaulty() public {
        _group(3);
        _postAll(ROUND, 0, 2);
        Post memory wrong = _post(ROUND, 0, 1);
        G1Point memory point = Curve.point(7);
        bytes memory rest = abi.encode(_mask(_seed(ROUND, 0, 1, 2)));
        wrong.masks = bytes.concat(abi.encode(point.x, point.y), rest);
        _pay(wrong);
        _roll(ROUND, 2, 0);
        // Nobody would publish a share here; what is on chain is complete.
        sums.requireWhole(ROUND, 7, 7);
        PairDispute memory request = _pairDispute(ROUND, 0, 0, 1, true);
        request.secondMasks = wrong.masks;
        sums.disputePair(request);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationSpoilt.selector, 0, 2));
        sums.requireWhole(ROUND, 7, 7);
        _requires(5, 7, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    function test_OpenClaimsStandBesideAGroup() public {
        _claim(ROUND, 0);
        for (uint256 i = 0; i < 3; ++i) {
            _maskedClaim(ROUND);
        }
        _claim(ROUND, 0);
        _open(ROUND);
        _fix(ROUND);
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 2, 0);
        uint256[4] memory sets = [uint256(14), 15, 30, 31];
        for (uint256 i = 0; i < 4; ++i) {
            sums.requireWhole(ROUND, sets[i], 14);
        }
        _requires(17 + 6, 14, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    /// @notice Seventeen claims are two groups: none, one, the other or both.
    function test_SetsDifferByWholeGroups() public {
        for (uint256 i = 0; i < 17; ++i) {
            _maskedClaim(ROUND);
        }
        _open(ROUND);
        _fix(ROUND);
        _postAll(ROUND, 0, 0);
        _postAll(ROUND, 1, 0);
        _roll(ROUND, 2, 0);
        uint256 masked = _span(0, 17);
        uint256 one = sums.groupInfo(ROUND, 0).members;
        uint256 other = sums.groupInfo(ROUND, 1).members;
        vm.assertEq(one | other, masked);
        vm.assertEq(one & other, 0);
        sums.requireWhole(ROUND, one, masked);
        sums.requireWhole(ROUND, other, masked);
        sums.requireWhole(ROUND, masked, masked);
        uint256 least = other & (~other + 1);
        _requires(one | least, masked, ISecureAggregation.ZkPocAggregationPartly.selector);
        _requires(masked ^ least, masked, ISecureAggregation.ZkPocAggregationPartly.selector);
        _requires(least, masked, ISecureAggregation.ZkPocAggregationPartly.selector);
    }

    /// @notice A finalization without a group that can still be whole must leave it its time.
    function test_LeftOutGroupHasItsTime() public {
        _claim(ROUND, 0);
        _group(4);
        (, uint256 d2, uint256 d3,) = sums.deadlinesOf(ROUND);
        vm.assertEq(sums.requireWhole(ROUND, 1, 30), d3);
        _postAll(ROUND, 0, 16);
        vm.roll(d2 - 1);
        vm.assertEq(sums.requireWhole(ROUND, 1, 30), d3);
        vm.roll(d2);
        vm.assertEq(sums.requireWhole(ROUND, 1, 30), d3);
        _revealAll(ROUND, 0);
        vm.assertEq(sums.requireWhole(ROUND, 1, 30), d3);
        // With the group in it there is nothing to wait for.
        vm.assertEq(sums.requireWhole(ROUND, 15, 30), 0);
        vm.roll(d3 - 1);
        vm.assertEq(sums.requireWhole(ROUND, 1, 30), d3);
        vm.roll(d3);
        vm.assertEq(sums.requireWhole(ROUND, 1, 30), 0);
    }

    function test_VoidGroupIsNotWaitedFor() public {
        _group(4);
        (, uint256 d2,,) = sums.deadlinesOf(ROUND);
        _postAll(ROUND, 0, 12);
        vm.roll(d2);
        vm.assertEq(sums.requireWhole(ROUND, 0, 15), 0);
    }

    function test_RevertWhen_ClaimsAreInNoGroup() public {
        // Two with keys are too few, and one has a key that gives no secret.
        _maskedClaim(ROUND);
        _maskedClaim(ROUND);
        _claim(ROUND, bytes32(uint256(1) << 248));
        _claim(ROUND, 0);
        _open(ROUND);
        // Before the groups are drawn there are none either.
        _roll(ROUND, 2, 0);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationOutside.selector, 0, 3));
        sums.requireWhole(ROUND, 3 + 8, 7);
        _fixLate();
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationOutside.selector, 0, 4));
        sums.requireWhole(ROUND, 4 + 8, 7);
        sums.requireWhole(ROUND, 8, 7);
    }

    function _fixLate() private {
        uint256 now_ = block.number;
        _fix(ROUND);
        vm.roll(now_);
    }

    function test_RevertWhen_AnUnacceptableKeyIsTakenWithAGroup() public {
        _claim(ROUND, bytes32(uint256(1) << 248));
        _group(3);
        _postAll(ROUND, 0, 0);
        _roll(ROUND, 2, 0);
        sums.requireWhole(ROUND, 14, 15);
        vm.expectRevert(_error(ISecureAggregation.ZkPocAggregationOutside.selector, 14, 15));
        sums.requireWhole(ROUND, 15, 15);
    }
}
