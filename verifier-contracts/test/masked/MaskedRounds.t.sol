// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../../contracts/ContributionRounds.sol";
import {FlatRewardPolicy} from "../../contracts/FlatRewardPolicy.sol";
import {
    Claim,
    ClaimRecord,
    Finalization,
    IContributionRounds,
    RoundStatus
} from "../../contracts/interfaces/IContributionRounds.sol";
import {IRewardPolicy} from "../../contracts/interfaces/IRewardPolicy.sol";
import {ISecureAggregation, Post} from "../../contracts/interfaces/ISecureAggregation.sol";
import {ModelId, Root, Subject} from "../../contracts/interfaces/Ids.sol";
import {LinkVerifier} from "../../contracts/libraries/LinkVerifier.sol";
import {MaskedMembers} from "../utils/MaskedMembers.sol";
import {PoolFixture} from "../utils/PoolFixture.sol";
import {StandInVerifier} from "../utils/StandInVerifier.sol";
import {Vm} from "../utils/Vm.sol";

/// @notice Groups in a pool's rounds: claims with a key, finalizations, payment.
contract MaskedRoundsTest is PoolFixture, MaskedMembers {
    uint256 private constant MODEL = 3;
    uint256 private constant PAY = 5 ether;
    uint256 private constant MEMBERS = 6;

    address[MEMBERS] private _members;
    Root[MEMBERS] private _roots;

    /// @dev Six members with validated data; round 1 is open and sealed.
    function setUp() public override {
        super.setUp();
        (sums, facts) = (aggregation, masks);
        for (uint256 i = 0; i < MEMBERS; ++i) {
            _members[i] = _newAccount(i);
            keys[_members[i]] = signers[_members[i]];
            _roots[i] = _commit(700 + i, SHARDS);
            _register(_members[i], Subject.wrap(bytes32(700 + i)), _roots[i], 1);
            for (uint256 j = 0; j < SHARDS; ++j) {
                _validate(_roots[i], j, _members[i]);
            }
        }
        vm.roll(block.number + 1);
        _openGenesis(rounds, MODEL);
        _sealRound(1);
    }

    /// @dev A budget for eight claims.
    function _newRounds(IRewardPolicy) internal override returns (ContributionRounds) {
        return super._newRounds(new FlatRewardPolicy(PAY, NORM_LOG2, 253));
    }

    function _requestOf(uint256 round, uint256 member, bytes32 key) private returns (Claim memory) {
        Root root = _roots[member];
        uint256 index = rounds.drawnIndex(round, root);
        return _maskedClaimAt(round, _members[member], Subject.wrap(bytes32(700 + member)), root, index, MODEL, key);
    }

    function _claims(uint256 round, uint256 member, bytes32 key) private {
        _send(_members[member], _requestOf(round, member, key));
        claims[round].push(recorded[round][recorded[round].length - 1]);
    }

    function _masked(uint256 round, uint256 member) private {
        _claims(round, member, _newKey(round * 100 + member));
    }

    /// @dev Claim 0 is open, the others of round 1 are masked; their group is drawn.
    function _openBesideGroup(uint256 masked) private {
        _claims(1, 0, 0);
        for (uint256 i = 1; i <= masked; ++i) {
            _masked(1, i);
        }
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(1, recorded[1]);
    }

    function _toD2() private {
        (, uint256 d2,,) = sums.deadlinesOf(1);
        vm.roll(d2);
    }

    function _refuses(uint256 included, bytes4 selector) private {
        Finalization memory request = _finalization(1, included, MODEL, 5);
        vm.expectPartialRevert(selector);
        rounds.finalize(request);
    }

    // -- claims with a key

    function test_ClaimKeepsItsKey() public {
        bytes32 key = _newKey(1);
        Claim memory request = _requestOf(1, 0, key);
        uint256 index = rounds.drawnIndex(1, request.root);
        vm.assertNotEq(
            rounds.trainingContext(1, _members[0], Subject.wrap(bytes32(uint256(700))), request.root, index, key),
            rounds.trainingContext(1, _members[0], Subject.wrap(bytes32(uint256(700))), request.root, index, 0)
        );
        // The hash of all claims is compared in there.
        _send(_members[0], request);
        vm.assertEq(recorded[1][0].maskKey, key);
    }

    /// @notice Who relays a claim cannot put in another key, nor take it out, nor put one in.
    function test_RevertWhen_ARelayerChangesTheKey() public {
        bytes32 strangers = _newKey(666);
        for (uint256 kind = 0; kind < 3; ++kind) {
            Claim[] memory batch = new Claim[](1);
            batch[0] = _requestOf(1, kind, kind == 2 ? bytes32(0) : _newKey(kind));
            bytes32 right = batch[0].maskKey;
            batch[0].maskKey = kind == 1 ? bytes32(0) : strangers;
            vm.prank(BOB);
            vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNoneAccepted.selector);
            rounds.claimMany(batch);
            vm.prank(_members[kind]);
            vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
            rounds.claim(batch[0]);
            batch[0].maskKey = right;
            vm.prank(BOB);
            vm.assertEq(rounds.claimMany(batch), 1);
        }
    }

    /// @notice A link for the changed context does not help whoever has no proof for it.
    function test_RevertWhen_OnlyTheLinkIsMadeForAnotherKey() public {
        Claim memory request = _requestOf(1, 0, _newKey(1));
        bytes memory proof = request.proof;
        request = _requestOf(1, 0, _newKey(2));
        request.proof = proof;
        vm.prank(_members[0]);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        rounds.claim(request);
    }

    function test_BatchOfMaskedClaimsFormsAGroup() public {
        Claim[] memory batch = new Claim[](3);
        for (uint256 i = 0; i < 3; ++i) {
            batch[i] = _requestOf(1, i, _newKey(i));
        }
        vm.recordLogs();
        vm.prank(BOB);
        vm.assertEq(rounds.claimMany(batch), 7);
        _keepAll();
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(1, claims[1]);
        vm.assertEq(sums.groupInfo(1, 0).members, 7);
    }

    function _keepAll() private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IContributionRounds.ContributionProven.selector) continue;
            (, ClaimRecord memory record) = _recordOf(logs[i]);
            claims[1].push(record);
        }
    }

    // -- finalizations

    function test_GroupIsFinalizedSettledAndPaid() public {
        _openBesideGroup(3);
        _postAll(1, 0, 0);
        _toD2();
        rounds.finalize(_finalization(1, 15, MODEL, 5));
        vm.assertTrue(rounds.roundInfo(1).status == RoundStatus.Settled);
        vm.assertEq(token.totalSupply(), 4 * PAY);
        (,,, uint256 d4) = sums.deadlinesOf(1);
        vm.roll(d4);
        for (uint256 i = 1; i < 4; ++i) {
            sums.withdrawBond(1, 0, i);
            vm.assertEq(_members[i].balance, BOND);
        }
        vm.assertEq(address(sums).balance, 0);
    }

    function test_RevertWhen_AGroupIsFinalizedBeforeD2() public {
        _openBesideGroup(3);
        _postAll(1, 0, 0);
        _toD2();
        vm.roll(block.number - 1);
        _refuses(15, ISecureAggregation.ZkPocAggregationTooEarly.selector);
        _refuses(14, ISecureAggregation.ZkPocAggregationTooEarly.selector);
        // Plain claims need not wait.
        rounds.finalize(_finalization(1, 1, MODEL, 5));
    }

    function test_RevertWhen_PartOfAGroupIsFinalized() public {
        _openBesideGroup(4);
        _postAll(1, 0, 0);
        _toD2();
        for (uint256 included = 2; included < 32; ++included) {
            if (included >> 1 == 15) continue;
            _refuses(included, ISecureAggregation.ZkPocAggregationPartly.selector);
        }
        rounds.finalize(_finalization(1, 30, MODEL, 5));
    }

    function test_RevertWhen_GroupsWereNotDrawn() public {
        for (uint256 i = 0; i < 3; ++i) {
            _masked(1, i);
        }
        _toD2();
        _refuses(7, ISecureAggregation.ZkPocAggregationOutside.selector);
        vm.expectPartialRevert(ISecureAggregation.ZkPocAggregationTooLate.selector);
        sums.fixRoster(1, recorded[1]);
    }

    function test_DropoutIsNotPaid() public {
        _openBesideGroup(4);
        _postAll(1, 0, 1 << 2);
        _toD2();
        uint256 included = 1 + 2 + 8 + 16;
        _refuses(included, ISecureAggregation.ZkPocAggregationUnrevealed.selector);
        _revealAll(1, 0);
        _refuses(31, ISecureAggregation.ZkPocAggregationPartly.selector);
        rounds.finalize(_finalization(1, included, MODEL, 5));
        vm.roll(block.number + WINDOW_BLOCKS);
        rounds.settle(1, recorded[1]);
        vm.assertEq(token.totalSupply(), 4 * PAY);
        vm.assertEq(token.balanceOf(_members[2]), 0);
    }

    /// @notice Plain claims first; the group on top takes their place.
    function test_FinalizationsDifferByAWholeGroup() public {
        _openBesideGroup(3);
        rounds.finalize(_finalization(1, 1, MODEL, 5));
        // However early it came, the group has until D3 and the window.
        (,, uint256 d3,) = sums.deadlinesOf(1);
        vm.assertEq(rounds.proposalOf(1).settleFrom, d3 + WINDOW_BLOCKS);
        _postAll(1, 0, 0);
        _toD2();
        _refuses(1 + 2, ISecureAggregation.ZkPocAggregationPartly.selector);
        rounds.finalize(_finalization(1, 14, MODEL, 6));
        rounds.finalize(_finalization(1, 15, MODEL, 7));
        vm.assertEq(ModelId.unwrap(rounds.roundInfo(2).modelId), ModelId.unwrap(_modelId(7)));
        vm.assertEq(token.totalSupply(), 4 * PAY);
    }

    function test_FaultySharesAreNotIncluded() public {
        _openBesideGroup(4);
        _postAll(1, 0, 16);
        (,, uint256 d3,) = sums.deadlinesOf(1);
        vm.roll(d3);
        // Nobody revealed: the first one loses its bond, and the group is out.
        sums.faultUnrevealed(1, 0, 1);
        _refuses(14, ISecureAggregation.ZkPocAggregationUnrevealed.selector);
        rounds.finalize(_finalization(1, 1, MODEL, 5));
    }

    function test_RevertWhen_VotedMissingButIncluded() public {
        _openBesideGroup(3);
        _postAll(1, 0, 0);
        _toD2();
        rounds.finalize(_finalization(1, 14, MODEL, 5));
        bytes[] memory votes = _votes(1, 1, 12);
        (,, uint256 d3,) = sums.deadlinesOf(1);
        vm.roll(d3);
        vm.expectRevert(abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationIncluded.selector, 1));
        sums.faultMissing(1, 0, 1, 12, votes);
    }

    // -- rounds that come to nothing

    /// @notice A void round's shards can be claimed again, but not summed up in another group.
    function test_VoidRoundsSharesAreNotPostedAgain() public {
        for (uint256 i = 0; i < 3; ++i) {
            _masked(1, i);
        }
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(1, recorded[1]);
        _postAll(1, 0, 0);
        (uint256 d1,,,) = sums.deadlinesOf(1);
        vm.roll(d1 + FINALIZE_BLOCKS);
        rounds.voidRound(1);
        uint256 again = _roundOfTheSameShard();
        for (uint256 i = 0; i < 3; ++i) {
            _masked(again, i);
        }
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(again, recorded[again]);
        Post memory request = _post(again, 0, 0);
        vm.deal(_members[0], BOND);
        vm.prank(_members[0]);
        vm.expectRevert(
            abi.encodeWithSelector(ISecureAggregation.ZkPocAggregationPosted.selector, recorded[1][0].nullifier)
        );
        sums.postShare{value: BOND}(request);
    }

    /// @notice In a group of which too few posted nobody publishes anything: its members may post again.
    function test_TooFewPostsDoNotBindAShard() public {
        for (uint256 i = 0; i < 3; ++i) {
            _masked(1, i);
        }
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(1, recorded[1]);
        _postAll(1, 0, 1 << 2);
        bytes32 nullifier = recorded[1][0].nullifier;
        _toD2();
        vm.roll(block.number - 1);
        vm.assertTrue(sums.isPosted(nullifier));
        _toD2();
        vm.assertFalse(sums.isPosted(nullifier));
        (uint256 d1,,,) = sums.deadlinesOf(1);
        vm.roll(d1 + FINALIZE_BLOCKS);
        rounds.voidRound(1);
        uint256 again = _roundOfTheSameShard();
        for (uint256 i = 0; i < 3; ++i) {
            _masked(again, i);
        }
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(again, recorded[again]);
        _postAll(again, 0, 0);
        vm.assertTrue(sums.isPosted(nullifier));
        // For good now.
        vm.roll(block.number + 10_000);
        vm.assertTrue(sums.isPosted(nullifier));
    }

    /// @dev A round that draws the first member's shard of round 1 again; rounds without claims are void.
    function _roundOfTheSameShard() private returns (uint256 number) {
        uint256 index = rounds.drawnIndex(1, _roots[0]);
        while (true) {
            number = rounds.currentRound();
            _sealRound(number);
            if (rounds.drawnIndex(number, _roots[0]) == index) return number;
            _toDeadline();
            vm.roll(block.number + FINALIZE_BLOCKS);
            rounds.voidRound(number);
        }
    }

    function test_TooFewClaimsWithKeysCanBeClaimedOpenlyLater() public {
        _masked(1, 0);
        _masked(1, 1);
        _toDeadline();
        vm.roll(block.number + 1);
        sums.fixRoster(1, recorded[1]);
        _toD2();
        _refuses(3, ISecureAggregation.ZkPocAggregationOutside.selector);
        (uint256 d1,,,) = sums.deadlinesOf(1);
        vm.roll(d1 + FINALIZE_BLOCKS);
        rounds.voidRound(1);
        _sealRound(2);
        _claims(2, 0, 0);
        _toDeadline();
        rounds.finalize(_finalization(2, 1, MODEL, 5));
        vm.assertEq(token.balanceOf(_members[0]), PAY);
    }
}
