// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {FlatRewardPolicy} from "../contracts/FlatRewardPolicy.sol";
import {TrainingLayout} from "../contracts/generated/TrainingLayout.sol";
import {Claim, IContributionRounds, RoundStatus} from "../contracts/interfaces/IContributionRounds.sol";
import {Attestation, IDataRegistry} from "../contracts/interfaces/IDataRegistry.sol";
import {IRewardPolicy} from "../contracts/interfaces/IRewardPolicy.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {Bn254, G1Point} from "../contracts/libraries/Bn254.sol";
import {LinkVerifier} from "../contracts/libraries/LinkVerifier.sol";
import {Curve} from "./utils/Curve.sol";
import {PoolFixture} from "./utils/PoolFixture.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";
import {Tree} from "./utils/Tree.sol";

/// @notice What a claim must show, and every way to show less.
contract ClaimsTest is PoolFixture {
    uint256 private constant MODEL = 3;
    bytes32 private root;
    // A second pool over the same registry, opened and sealed in the same blocks: its draws are the same.
    ContributionRounds private twin;

    /// @dev Alice's dataset is registered and validated, round 1 is open and sealed.
    function setUp() public override {
        super.setUp();
        root = _commit(1, SHARDS);
        _register(ALICE, SUBJECT, root, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(root, i, ALICE);
        }
        vm.roll(block.number + 1);
        FlatRewardPolicy lax = new FlatRewardPolicy(REWARD, 255, 255);
        twin = new ContributionRounds(address(this), registry, router, token, lax, BUDGET, MIN_LENGTH, BEACON_DELAY);
        token.grantRole(token.MINTER_ROLE(), address(twin));
        rounds.openGenesis(_modelId(MODEL), PROFILE);
        twin.openGenesis(_modelId(MODEL), PROFILE);
        _sealRound(1);
        twin.seal(1);
    }

    function _aliceClaim() private returns (Claim memory) {
        return _claim(1, ALICE, SUBJECT, root, MODEL);
    }

    function _send(address sender, Claim memory request) private {
        vm.prank(sender);
        rounds.claim(request);
    }

    function _expectRevert(Claim memory request, bytes4 selector) private {
        vm.prank(ALICE);
        vm.expectPartialRevert(selector);
        rounds.claim(request);
    }

    function _nextRound(uint256 model) private {
        vm.roll(block.number + MIN_LENGTH);
        rounds.closeRound();
        rounds.openRound(_modelId(model));
        _sealRound(rounds.currentRound());
    }

    /// @dev A link for the right context between the registered commitment and the proof's data point.
    function _linkFor(Claim memory request, address claimant, uint256 index) private view returns (bytes memory) {
        uint256 context = rounds.trainingContext(request.round, claimant, SUBJECT, request.root, index);
        uint256[4] memory delta = _delta(request.root, index, 2);
        return Curve.link(context, request.commitment, Curve.reblind(request.commitment, delta), delta);
    }

    // -- an honest claim

    function test_PaysAnHonestClaim() public {
        _send(ALICE, _aliceClaim());
        vm.assertEq(token.balanceOf(ALICE), REWARD);
        vm.assertEq(rounds.roundInfo(1).remaining, BUDGET - REWARD);
        vm.assertEq(rounds.roundInfo(1).claims, 1);
        bytes32 leaf = _leaf(PROFILE, rounds.drawnIndex(1, root), _point(root, rounds.drawnIndex(1, root)));
        vm.assertTrue(
            rounds.isSpent(keccak256(abi.encode(keccak256("zkpoc.nullifier.v1"), _modelId(MODEL), SUBJECT, leaf)))
        );
    }

    function test_ValidatesInTheSameCall() public {
        bytes32 subject = keccak256("Bob's source");
        bytes32 other = _commit(2, SHARDS);
        _register(BOB, subject, other, 1);
        _nextRound(4);
        Claim memory request = _claim(2, BOB, subject, other, 4);
        vm.prank(BOB);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNotValidated.selector);
        rounds.claim(request);

        (request.datasetProof, request.datasetLink) = _datasetProof(other, rounds.drawnIndex(2, other), BOB);
        _send(BOB, request);
        vm.assertEq(token.balanceOf(BOB), REWARD);
        vm.assertTrue(registry.isValidated(PROFILE, request.commitment));
    }

    function test_PaysTheNextRoundsModelToo() public {
        _send(ALICE, _aliceClaim());
        _nextRound(4);
        _send(ALICE, _claim(2, ALICE, SUBJECT, root, 4));
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
        (bytes32[10] memory path,) = Tree.pathOf(leaves, place);
        Claim memory request = _aliceClaim();
        request.commitment = favourite;
        request.path = path;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotInRoot.selector);
    }

    function test_RevertWhen_TwoLeavesWithOneIndexAreAttested() public {
        // Even a root that an attestor signed with such a tree gives no choice.
        bytes32 subject = keccak256("Bob's source");
        G1Point memory favourite = Curve.point(99);
        bytes32[] memory leaves = new bytes32[](2);
        (leaves[0], leaves[1]) = (_leaf(PROFILE, 0, Curve.point(98)), _leaf(PROFILE, 0, favourite));
        (bytes32[10] memory path, bytes32 doubled) = Tree.pathOf(leaves, 1);
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
        request.root = keccak256("unknown");
        _expectRevert(request, IDataRegistry.ZkPocRegistryUnknownRoot.selector);
    }

    function test_RevertWhen_RootIsRegisteredAfterTheModel() public {
        bytes32 subject = keccak256("another source");
        bytes32 late = _commit(2, SHARDS);
        _register(ALICE, subject, late, 1);
        Claim memory request = _claim(1, ALICE, subject, late, MODEL);
        _expectRevert(request, IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        // A new round with the same model changes nothing: the model was known.
        _nextRound(MODEL);
        request = _claim(2, ALICE, subject, late, MODEL);
        _expectRevert(request, IContributionRounds.ZkPocRoundsRegisteredLate.selector);
    }

    function test_RevertWhen_RootIsRegisteredInTheModelsBlock() public {
        vm.roll(block.number + MIN_LENGTH);
        rounds.closeRound();
        bytes32 subject = keccak256("another source");
        bytes32 late = _commit(2, SHARDS);
        _register(ALICE, subject, late, 1);
        rounds.openRound(_modelId(4));
        _sealRound(2);
        _expectRevert(_claim(2, ALICE, subject, late, 4), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
    }

    function test_OneRootOfASubjectCountsForEachModel() public {
        bytes32 next = _commit(2, SHARDS);
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
        vm.assertEq(token.balanceOf(ALICE), 2 * REWARD);
    }

    function test_RootSupersededInTheModelsBlockStillCounts() public {
        vm.roll(block.number + MIN_LENGTH);
        rounds.closeRound();
        bytes32 next = _commit(2, SHARDS);
        _register(ALICE, SUBJECT, next, 2);
        rounds.openRound(_modelId(4));
        _sealRound(2);
        _expectRevert(_claim(2, ALICE, SUBJECT, next, 4), IContributionRounds.ZkPocRoundsRegisteredLate.selector);
        _send(ALICE, _claim(2, ALICE, SUBJECT, root, 4));
        vm.assertEq(token.balanceOf(ALICE), REWARD);
    }

    function test_RevertWhen_SubjectHasTwoRootsInOneRound() public {
        // The second root is registered in the block after the model's: nothing makes both count for one model.
        uint64 epoch = 2;
        for (uint256 model = 4; model < 8; ++model) {
            bytes32 before = registry.liveRoot(SUBJECT);
            bytes32 next = _commit(model, SHARDS);
            if (model % 2 == 0) {
                _register(ALICE, SUBJECT, next, epoch++);
                _nextRound(model);
            } else {
                _nextRound(model);
                _register(ALICE, SUBJECT, next, epoch++);
            }
            uint256 round = rounds.currentRound();
            bytes32[2] memory roots = [before, next];
            uint256 paid = 0;
            for (uint256 i = 0; i < 2; ++i) {
                uint256 index = rounds.drawnIndex(round, roots[i]);
                if (!registry.isValidated(PROFILE, _point(roots[i], index))) _validate(roots[i], index, ALICE);
                Claim memory request = _claim(round, ALICE, SUBJECT, roots[i], model);
                vm.prank(ALICE);
                (bool success,) = address(rounds).call(abi.encodeCall(IContributionRounds.claim, (request)));
                if (success) ++paid;
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
        bytes32 other = _commit(2, SHARDS);
        Attestation memory attestation = _attestation(ALICE, keccak256("another source"), other, 1);
        attestation.profileId = keccak256("another profile");
        bytes memory signature = _sign(ATTESTOR_KEY, attestation);
        vm.prank(ALICE);
        registry.register(attestation, signature);
        _nextRound(4);
        _expectRevert(
            _claim(2, ALICE, keccak256("another source"), other, 4), IContributionRounds.ZkPocRoundsProfile.selector
        );
    }

    // -- which round

    function test_RevertWhen_BeaconIsNotKnown() public {
        Claim memory request = _aliceClaim();
        vm.roll(block.number + MIN_LENGTH);
        rounds.closeRound();
        rounds.openRound(_modelId(MODEL));
        request.round = 2;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotSealed.selector);
    }

    function test_RevertWhen_RoundIsClosedOrNone() public {
        Claim memory request = _aliceClaim();
        vm.roll(block.number + MIN_LENGTH);
        rounds.closeRound();
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNotOpen.selector, 1, RoundStatus.Closed));
        rounds.claim(request);
        request.round = 2;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotOpen.selector);
    }

    function test_RevertWhen_ClaimedTwice() public {
        Claim memory request = _aliceClaim();
        _send(ALICE, request);
        _expectRevert(request, IContributionRounds.ZkPocRoundsNullifierUsed.selector);
    }

    function test_RevertWhen_SameGradientIsClaimedInALaterRound() public {
        // Round 1 pays a shard; later rounds keep the model until they draw the same shard again.
        uint256 paid = rounds.drawnIndex(1, root);
        _send(ALICE, _aliceClaim());
        uint256 round = 1;
        do {
            _nextRound(MODEL);
            ++round;
        } while (rounds.drawnIndex(round, root) != paid);
        _expectRevert(_claim(round, ALICE, SUBJECT, root, MODEL), IContributionRounds.ZkPocRoundsNullifierUsed.selector);
    }

    function test_RevertWhen_ProofIsReplayedInAnotherRound() public {
        Claim memory request = _aliceClaim();
        uint256 drawn = rounds.drawnIndex(1, root);
        uint256 round = 1;
        do {
            _nextRound(MODEL);
            ++round;
        } while (rounds.drawnIndex(round, root) != drawn);
        request.round = round;
        _expectRevert(request, LinkVerifier.ZkPocLinkInvalid.selector);
        // With a new link, the proof is still the other round's.
        request.link = _linkFor(request, ALICE, drawn);
        _expectRevert(request, StandInVerifier.StandInRejects.selector);
    }

    function test_RevertWhen_ProofIsReplayedOnAnotherChain() public {
        Claim memory request = _aliceClaim();
        uint256 drawn = rounds.drawnIndex(1, root);
        vm.chainId(1);
        _expectRevert(request, LinkVerifier.ZkPocLinkInvalid.selector);
        request.link = _linkFor(request, ALICE, drawn);
        _expectRevert(request, StandInVerifier.StandInRejects.selector);
    }

    function test_RevertWhen_ProofIsReplayedAtAnotherContract() public {
        Claim memory request = _aliceClaim();
        vm.assertEq(twin.drawnIndex(1, root), rounds.drawnIndex(1, root));
        vm.prank(ALICE);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        twin.claim(request);
        uint256[4] memory delta = _delta(root, twin.drawnIndex(1, root), 2);
        uint256 context = twin.trainingContext(1, ALICE, SUBJECT, root, twin.drawnIndex(1, root));
        request.link = Curve.link(context, request.commitment, Curve.reblind(request.commitment, delta), delta);
        vm.prank(ALICE);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        twin.claim(request);
    }

    function testFuzz_ContextBindsEveryField(address claimant, bytes32 subject, bytes32 dataset, uint64 index)
        public
        view
    {
        uint256 context = rounds.trainingContext(1, claimant, subject, dataset, index);
        vm.assertTrue(context < Bn254.R);
        vm.assertNotEq(rounds.trainingContext(2, claimant, subject, dataset, index), context);
        vm.assertNotEq(rounds.trainingContext(1, address(uint160(claimant) ^ 1), subject, dataset, index), context);
        vm.assertNotEq(rounds.trainingContext(1, claimant, ~subject, dataset, index), context);
        vm.assertNotEq(rounds.trainingContext(1, claimant, subject, ~dataset, index), context);
        vm.assertNotEq(rounds.trainingContext(1, claimant, subject, dataset, uint256(index) + 1), context);
    }

    // -- which proof

    function test_RevertWhen_ModelIsAnother() public {
        _expectRevert(_claim(1, ALICE, SUBJECT, root, 4), IContributionRounds.ZkPocRoundsModel.selector);
    }

    function test_RevertWhen_DataIsNotLinked() public {
        Claim memory request = _aliceClaim();
        uint256[4] memory delta = _delta(root, 7, 7);
        uint256 context = rounds.trainingContext(1, ALICE, SUBJECT, root, rounds.drawnIndex(1, root));
        G1Point memory other = Curve.reblind(Curve.point(1234), delta);
        request.proof = _trainingProof(MODEL, other, 5);
        request.link = Curve.link(context, request.commitment, other, delta);
        _expectRevert(request, LinkVerifier.ZkPocLinkInvalid.selector);
    }

    function test_RevertWhen_BucketIsTampered() public {
        Claim memory request = _aliceClaim();
        request.normLog2 -= 1;
        _expectRevert(request, StandInVerifier.StandInRejects.selector);
        request = _aliceClaim();
        request.lossLog2 -= 1;
        _expectRevert(request, StandInVerifier.StandInRejects.selector);
    }

    function test_RevertWhen_NormBoundIsAboveThePolicy() public {
        Claim memory request = _aliceClaim();
        request.normLog2 = NORM_LOG2 + 1;
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IRewardPolicy.ZkPocPolicyNormBound.selector, NORM_LOG2, NORM_LOG2 + 1));
        rounds.claim(request);
    }

    function test_RevertWhen_BoundDoesNotFitTheField() public {
        // The twin's policy accepts every exponent; 2^254 is above the group's order.
        Claim memory request = _aliceClaim();
        request.normLog2 = 254;
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsBound.selector, 253, 254));
        twin.claim(request);
        (request.normLog2, request.lossLog2) = (253, 255);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsBound.selector, 253, 255));
        twin.claim(request);
        vm.assertTrue(2 ** uint256(rounds.MAX_BOUND_LOG2()) < Bn254.R);
        vm.assertTrue(2 ** (uint256(rounds.MAX_BOUND_LOG2()) + 1) > Bn254.R);
    }

    function testFuzz_RevertWhen_ProofByteChanges(uint256 position, uint8 change) public {
        vm.assume(change != 0);
        Claim memory request = _aliceClaim();
        position %= request.proof.length;
        request.proof[position] = bytes1(uint8(request.proof[position]) ^ change);
        vm.prank(ALICE);
        (bool success,) = address(rounds).call(abi.encodeCall(IContributionRounds.claim, (request)));
        vm.assertFalse(success);
    }

    function test_RevertWhen_ProofLengthDiffers() public {
        Claim memory request = _aliceClaim();
        request.proof = bytes.concat(request.proof, hex"00");
        vm.prank(ALICE);
        vm.expectRevert(
            abi.encodeWithSelector(
                IContributionRounds.ZkPocRoundsProofLength.selector,
                TrainingLayout.PROOF_BYTES,
                TrainingLayout.PROOF_BYTES + 1
            )
        );
        rounds.claim(request);
    }

    function test_RevertWhen_TrainingVerifierIsFrozen() public {
        Claim memory request = _aliceClaim();
        router.freeze(PROFILE, Circuit.Training);
        _expectRevert(request, IVerifierRouter.ZkPocRouterFrozen.selector);
    }

    // -- the money

    function test_RevertWhen_BudgetIsExhausted() public {
        // The budget pays two claims and a half.
        address[3] memory owners = [address(0x101), address(0x102), address(0x103)];
        bytes32[3] memory roots;
        for (uint256 i = 0; i < 3; ++i) {
            roots[i] = _commit(10 + i, SHARDS);
            _register(owners[i], bytes32(i + 1), roots[i], 1);
        }
        _nextRound(4);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 drawn = rounds.drawnIndex(2, roots[i]);
            _validate(roots[i], drawn, owners[i]);
            Claim memory request = _claim(2, owners[i], bytes32(i + 1), roots[i], 4);
            vm.prank(owners[i]);
            if (i == 2) {
                vm.expectRevert(
                    abi.encodeWithSelector(IContributionRounds.ZkPocRoundsBudget.selector, BUDGET - 2 * REWARD, REWARD)
                );
            }
            rounds.claim(request);
        }
        vm.assertEq(token.totalSupply(), 2 * REWARD);
    }

    function test_FailedClaimSpendsNothing() public {
        Claim memory request = _aliceClaim();
        bytes memory honest = request.link;
        request.link = bytes.concat(honest);
        request.link[100] ^= 0x01;
        _expectRevert(request, LinkVerifier.ZkPocLinkInvalid.selector);
        request.link = honest;
        _send(ALICE, request);
        vm.assertEq(token.balanceOf(ALICE), REWARD);
    }

    function test_RevertWhen_MinterRoleIsMissing() public {
        Claim memory request = _aliceClaim();
        token.revokeRole(token.MINTER_ROLE(), address(rounds));
        _expectRevert(request, IAccessControl.AccessControlUnauthorizedAccount.selector);
    }
}
