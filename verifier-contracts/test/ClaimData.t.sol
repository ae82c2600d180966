// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Claim, IContributionRounds} from "../contracts/interfaces/IContributionRounds.sol";
import {Attestation, IDataRegistry} from "../contracts/interfaces/IDataRegistry.sol";
import {ProfileId, Root, Subject} from "../contracts/interfaces/Ids.sol";
import {Bn254, G1Point} from "../contracts/libraries/Bn254.sol";
import {SHARD_TREE_DEPTH} from "../contracts/libraries/ShardTree.sol";
import {Curve} from "./utils/Curve.sol";
import {ClaimsFixture} from "./utils/ClaimsFixture.sol";
import {Tree} from "./utils/Tree.sol";

/// @notice Which shard of which dataset a claim may be for.
contract ClaimDataTest is ClaimsFixture {
    // -- an honest claim

    function test_PaysAnHonestClaimWhenTheRoundEnds() public {
        _send(ALICE, _aliceClaim());
        vm.assertEq(token.balanceOf(ALICE), 0);
        vm.assertEq(rounds.roundInfo(1).remaining, BUDGET - REWARD);
        vm.assertEq(rounds.roundInfo(1).claims, 1);
        bytes32 leaf = _leaf(PROFILE, rounds.drawnIndex(1, root), _point(root, rounds.drawnIndex(1, root)));
        bytes32 nullifier = keccak256(abi.encode(keccak256("zkpoc.nullifier.v1"), _modelId(MODEL), SUBJECT, leaf));
        vm.assertEq(rounds.claimedIn(nullifier), 1);
        vm.assertFalse(rounds.isSpent(nullifier));
        _endRound(4);
        vm.assertEq(token.balanceOf(ALICE), REWARD);
        vm.assertTrue(rounds.isSpent(nullifier));
    }

    function test_ValidatesInTheSameCall() public {
        Subject subject = Subject.wrap(keccak256("Bob's source"));
        Root other = _commit(2, SHARDS);
        _register(BOB, subject, other, 1);
        _nextRound(4);
        Claim memory request = _claim(2, BOB, subject, other, 4);
        vm.prank(BOB);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNotValidated.selector);
        rounds.claim(request);

        (request.datasetProof, request.datasetLink) = _datasetProof(other, rounds.drawnIndex(2, other), BOB);
        _send(BOB, request);
        vm.assertEq(rounds.roundInfo(2).claims, 1);
        vm.assertTrue(registry.isValidated(PROFILE, request.commitment));
    }

    function test_PaysTheNextRoundsModelToo() public {
        _send(ALICE, _aliceClaim());
        _nextRound(4);
        _send(ALICE, _claim(2, ALICE, SUBJECT, root, 4));
        _endRound(5);
        vm.assertEq(token.balanceOf(ALICE), 2 * REWARD);
    }

    // -- which shard

    function test_RevertWhen_FavouriteLeafIsClaimedAsTheDrawnOne() public {
        uint256 drawn = rounds.drawnIndex(1, root);
        for (uint256 i = 0; i < SHARDS; ++i) {
            if (i == drawn) continue;
            _expectRevert(
                _claimAt(1, ALICE, SUBJECT, root, i, MODEL), IContributionRounds.ZkPocRoundsNotInRoot.selector
            );
        }
    }

    function test_RevertWhen_SecondLeafHasTheDrawnIndex() public {
        // A tree in which two leaves name the same index: only the one at that place counts.
        uint256 drawn = rounds.drawnIndex(1, root);
        G1Point memory favourite = Curve.point(99);
        bytes32[] memory leaves = new bytes32[](SHARDS);
        for (uint256 i = 0; i < SHARDS; ++i) {
            leaves[i] = _leaf(PROFILE, i, _point(root, i));
        }
        uint256 place = drawn == 0 ? 1 : 0;
        leaves[place] = _leaf(PROFILE, drawn, favourite);
        (bytes32[SHARD_TREE_DEPTH] memory path,) = Tree.pathOf(leaves, place);
        Claim memory request = _aliceClaim();
        request.commitment = favourite;
        request.path = path;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotInRoot.selector);
    }

    function test_RevertWhen_TwoLeavesWithOneIndexAreAttested() public {
        // Even a root that an attestor signed with such a tree gives no choice.
        Subject subject = Subject.wrap(keccak256("Bob's source"));
        G1Point memory favourite = Curve.point(99);
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (_leaf(PROFILE, 0, Curve.point(98)), _leaf(PROFILE, 0, favourite));
        (bytes32[SHARD_TREE_DEPTH] memory path, Root doubled) = Tree.pathOf(leaves, 1);
        Attestation memory attestation = _attestation(BOB, subject, doubled, 1);
        attestation.shardCount = 1;
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(BOB);
        registry.register(attestation, signature);
        _nextRound(4);
        Claim memory request = _aliceClaim();
        (request.round, request.root, request.commitment, request.path) = (2, doubled, favourite, path);
        vm.prank(BOB);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNotInRoot.selector);
        rounds.claim(request);
    }

    function test_RevertWhen_CommitmentCoordinateIsNotReduced() public {
        Claim memory request = _aliceClaim();
        request.commitment.x += Bn254.Q;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotInRoot.selector);
    }

    // -- whose data, and when

    function test_RevertWhen_SenderIsAnother() public {
        Claim memory request = _aliceClaim();
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNotOwner.selector, ALICE, BOB));
        rounds.claim(request);
    }

    function test_RevertWhen_RootIsUnknown() public {
        Claim memory request = _aliceClaim();
        request.root = Root.wrap(keccak256("unknown"));
        _expectRevert(request, IDataRegistry.ZkPocRegistryUnknownRoot.selector);
    }

    function test_RevertWhen_RootIsRegisteredAfterTheModel() public {
        Subject subject = Subject.wrap(keccak256("another source"));
        Root late = _commit(2, SHARDS);
        _register(ALICE, subject, late, 1);
        Claim memory request = _claim(1, ALICE, subject, late, MODEL);
        _expectRevert(request, IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        // A new round with the same model changes nothing: the model was known when there were claims about it.
        _send(CAROL, _claim(1, CAROL, CAROLS, _carolsRoot(), MODEL));
        _voidRound();
        request = _claim(2, ALICE, subject, late, MODEL);
        _expectRevert(request, IContributionRounds.ZkPocRoundsRegisteredLate.selector);
    }

    function test_DataRegisteredInARoundWithoutClaimsCountFromTheNextOneOn() public {
        Subject subject = Subject.wrap(keccak256("another source"));
        Root late = _commit(2, SHARDS);
        _register(ALICE, subject, late, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(late, i, ALICE);
        }
        _expectRevert(_claim(1, ALICE, subject, late, MODEL), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        _voidRound();
        _send(ALICE, _claim(2, ALICE, subject, late, MODEL));
        // The older data count all the same.
        _send(CAROL, _claim(2, CAROL, CAROLS, _carolsRoot(), MODEL));
    }

    function test_SubjectHasOneRootInARoundWhoseModelWasRenewed() public {
        Root newer = _commit(3, SHARDS);
        _register(ALICE, SUBJECT, newer, 2);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(newer, i, ALICE);
        }
        // Round 1: the older root, and only it.
        _expectRevert(_claim(1, ALICE, SUBJECT, newer, MODEL), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        _voidRound();
        // Round 2: the newer root, and only it.
        _expectRevert(_claim(2, ALICE, SUBJECT, root, MODEL), IContributionRounds.ZkPocRoundsSuperseded.selector);
        _send(ALICE, _claim(2, ALICE, SUBJECT, newer, MODEL));
    }

    function test_RevertWhen_RegisteredInTheBlockThatRenewsTheModel() public {
        _toDeadline();
        vm.roll(block.number + FINALIZE_BLOCKS);
        Subject subject = Subject.wrap(keccak256("another source"));
        Root late = _commit(2, SHARDS);
        rounds.voidRound(1);
        _register(ALICE, subject, late, 1);
        _sealRound(2);
        _expectRevert(_claim(2, ALICE, subject, late, MODEL), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
    }

    /// @dev Nobody finalizes the current round; the next one is sealed.
    function _voidRound() private {
        uint256 number = rounds.currentRound();
        _toDeadline();
        vm.roll(block.number + FINALIZE_BLOCKS);
        rounds.voidRound(number);
        _sealRound(number + 1);
    }

    function test_RevertWhen_RootIsRegisteredInTheModelsBlock() public {
        // From the claim deadline on the next model can be known.
        _send(ALICE, _aliceClaim());
        _toDeadline();
        Subject subject = Subject.wrap(keccak256("another source"));
        Root late = _commit(2, SHARDS);
        _register(ALICE, subject, late, 1);
        vm.roll(block.number + 5);
        rounds.finalize(_finalization(1, 1, MODEL, 4));
        _sealRound(2);
        _expectRevert(_claim(2, ALICE, subject, late, 4), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
    }

    function test_OneRootOfASubjectCountsForEachModel() public {
        Root next = _commit(2, SHARDS);
        _register(ALICE, SUBJECT, next, 2);
        // This round's model is older than the new root: the old one still counts, the new one not yet.
        _expectRevert(_claim(1, ALICE, SUBJECT, next, MODEL), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        _send(ALICE, _aliceClaim());
        // For the next model it is the other way round.
        _nextRound(4);
        _expectRevert(_claim(2, ALICE, SUBJECT, root, 4), IContributionRounds.ZkPocRoundsSuperseded.selector);
        Claim memory request = _claim(2, ALICE, SUBJECT, next, 4);
        (request.datasetProof, request.datasetLink) = _datasetProof(next, rounds.drawnIndex(2, next), ALICE);
        _send(ALICE, request);
        vm.assertEq(rounds.roundInfo(2).claims, 1);
    }

    function test_RootSupersededInTheModelsBlockStillCounts() public {
        _send(ALICE, _aliceClaim());
        _toDeadline();
        Root next = _commit(2, SHARDS);
        _register(ALICE, SUBJECT, next, 2);
        rounds.finalize(_finalization(1, 1, MODEL, 4));
        _sealRound(2);
        _expectRevert(_claim(2, ALICE, SUBJECT, next, 4), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        _send(ALICE, _claim(2, ALICE, SUBJECT, root, 4));
        vm.assertEq(rounds.roundInfo(2).claims, 1);
    }

    function test_RevertWhen_SubjectHasTwoRootsInOneRound() public {
        // The second root is registered in the block after the model's: nothing makes both count for one model.
        uint64 epoch = 2;
        for (uint256 model = 4; model < 8; ++model) {
            Root before = registry.liveRoot(SUBJECT);
            Root next = _commit(model, SHARDS);
            if (model % 2 == 0) {
                _register(ALICE, SUBJECT, next, epoch++);
                _nextRound(model);
            } else {
                _nextRound(model);
                _register(ALICE, SUBJECT, next, epoch++);
            }
            uint256 round = rounds.currentRound();
            Root[2] memory roots = [before, next];
            uint256 paid = 0;
            for (uint256 i = 0; i < 2; ++i) {
                uint256 index = rounds.drawnIndex(round, roots[i]);
                if (!registry.isValidated(PROFILE, _point(roots[i], index))) _validate(roots[i], index, ALICE);
                Claim memory request = _claim(round, ALICE, SUBJECT, roots[i], model);
                try this.sendAs(ALICE, request) {
                    ++paid;
                } catch {}
            }
            vm.assertEq(paid, 1);
        }
    }

    function test_RevertWhen_AttestorIsRevoked() public {
        Claim memory request = _aliceClaim();
        registry.revokeRole(registry.ATTESTOR_ROLE(), vm.addr(ATTESTOR_KEY));
        _expectRevert(request, IDataRegistry.ZkPocRegistryNotAttestor.selector);
    }

    function test_RevertWhen_DatasetIsForAnotherProfile() public {
        Root other = _commit(2, SHARDS);
        Attestation memory attestation = _attestation(ALICE, Subject.wrap(keccak256("another source")), other, 1);
        attestation.profileId = ProfileId.wrap(keccak256("another profile"));
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(ALICE);
        registry.register(attestation, signature);
        _nextRound(4);
        _expectRevert(
            _claim(2, ALICE, Subject.wrap(keccak256("another source")), other, 4),
            IContributionRounds.ZkPocRoundsProfile.selector
        );
    }
}
