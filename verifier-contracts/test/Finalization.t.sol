// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {FlatRewardPolicy} from "../contracts/FlatRewardPolicy.sol";
import {RoundLayout} from "../contracts/generated/RoundLayout.sol";
import {
    Claim,
    ClaimRecord,
    Finalization,
    IContributionRounds,
    Proposal,
    RoundStatus
} from "../contracts/interfaces/IContributionRounds.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {ModelId, Root, Subject} from "../contracts/interfaces/Ids.sol";
import {Bn254, G1Point} from "../contracts/libraries/Bn254.sol";
import {ClaimsFixture} from "./utils/ClaimsFixture.sol";
import {Curve} from "./utils/Curve.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";

/// @notice How a round ends: who is included, what is proven, who is paid, and when.
contract FinalizationTest is ClaimsFixture {
    uint256 private constant NEXT = 4;
    Subject private constant BOBS = Subject.wrap(keccak256("Bob's source"));
    Root private bobsRoot;

    /// @dev Round 1 has three claims: Alice's, Bob's and Carol's.
    function setUp() public override {
        super.setUp();
        // Bob's data count for the second model only, so that round is the one with three claims.
        bobsRoot = _commit(2, SHARDS);
        _register(BOB, BOBS, bobsRoot, 1);
        for (uint256 i = 0; i < SHARDS; ++i) {
            _validate(bobsRoot, i, BOB);
        }
        _nextRound(MODEL + 10);
        _send(ALICE, _claim(2, ALICE, SUBJECT, root, MODEL + 10));
        _send(BOB, _claim(2, BOB, BOBS, bobsRoot, MODEL + 10));
        _send(CAROL, _claim(2, CAROL, CAROLS, _carolsRoot(), MODEL + 10));
        _toDeadline();
    }

    function _honest(uint256 included) private returns (Finalization memory) {
        return _finalization(2, included, MODEL + 10, NEXT);
    }

    function _rejects(Finalization memory request, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        rounds.finalize(request);
    }

    // -- the honest end

    function test_FinalizationOfAllClaimsPaysAtOnce() public {
        uint256 supply = token.totalSupply();
        rounds.finalize(_honest(7));
        vm.assertEq(token.totalSupply(), supply + 3 * REWARD);
        vm.assertEq(token.balanceOf(BOB), REWARD);
        vm.assertEq(rounds.currentRound(), 3);
        vm.assertEq(ModelId.unwrap(rounds.roundInfo(3).modelId), ModelId.unwrap(_modelId(NEXT)));
        vm.assertTrue(rounds.roundInfo(2).status == RoundStatus.Settled);
        for (uint256 i = 0; i < 3; ++i) {
            vm.assertTrue(rounds.isSpent(recorded[2][i].nullifier));
        }
    }

    function test_PartialFinalizationPaysItsClaimsAfterTheWindow() public {
        uint256 before = token.balanceOf(BOB);
        rounds.finalize(_honest(5));
        Proposal memory proposal = rounds.proposalOf(2);
        vm.assertEq(proposal.count, 2);
        vm.assertEq(proposal.settleFrom, block.number + WINDOW_BLOCKS);
        vm.assertEq(rounds.currentRound(), 2);
        vm.roll(proposal.settleFrom - 1);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsTooEarly.selector);
        rounds.settle(2, recorded[2]);
        vm.roll(proposal.settleFrom);
        rounds.settle(2, recorded[2]);
        vm.assertEq(token.balanceOf(BOB), before);
        vm.assertEq(token.balanceOf(ALICE), REWARD);
        vm.assertTrue(rounds.isSpent(recorded[2][0].nullifier));
        vm.assertFalse(rounds.isSpent(recorded[2][1].nullifier));
        vm.assertEq(ModelId.unwrap(rounds.roundInfo(3).modelId), ModelId.unwrap(_modelId(NEXT)));
    }

    function test_ModelIsAsOldAsTheClaimDeadlineOfItsRound() public {
        uint256 deadline = block.number;
        rounds.finalize(_honest(5));
        vm.roll(block.number + WINDOW_BLOCKS + 7);
        rounds.settle(2, recorded[2]);
        vm.assertEq(rounds.roundInfo(3).modelSetAt, deadline);
    }

    // -- the contract's own sum

    function test_RevertWhen_SumIsNotTheIncludedClaims() public {
        // Proofs that the verifier accepts, for the sums of other sets than the included one, under the context of this one.
        (, bytes32 setHash) = _sumOf(2, 3);
        for (uint256 other = 1; other < 8; ++other) {
            if (other == 3) continue;
            (G1Point memory sum,) = _sumOf(2, other);
            bytes memory proof = _roundProof(Curve.point(MODEL + 10), sum, Curve.point(6));
            uint256[] memory instances = new uint256[](2);
            (instances[0], instances[1]) = (rounds.roundContext(2, setHash), 2);
            roundVerifier.accept(proof, instances);
            Finalization memory request = _honest(3);
            request.proof = _without(proof, RoundLayout.SUM_OFFSET, 64);
            for (uint256 i = 0; i < 3; ++i) {
                request.acknowledgements[i] = _acknowledge(2, _modelId(6), request.records[i].claimant);
            }
            _rejects(request, StandInVerifier.StandInRejects.selector);
        }
        // The same with the right sum is accepted.
        rounds.finalize(_finalization(2, 3, MODEL + 10, 6));
    }

    function test_VerifierSeesTheSumInItsSlot() public {
        // `_honest` accepts exactly the proof with the sum of both points, computed apart from the contract.
        (G1Point memory sum,) = _sumOf(2, 6);
        G1Point memory expected;
        for (uint256 i = 1; i < 3; ++i) {
            (uint256 x, uint256 y) = abi.decode(recorded[2][i].update, (uint256, uint256));
            Bn254.add(expected, x, y);
        }
        vm.assertEq(sum.x, expected.x);
        rounds.finalize(_honest(6));
        vm.assertEq(rounds.proposalOf(2).included, 6);
    }

    function test_RevertWhen_NumberOfClaimsIsAnother() public {
        // A proof for the right sum divided by another number.
        (G1Point memory sum, bytes32 setHash) = _sumOf(2, 7);
        bytes memory proof = _roundProof(Curve.point(MODEL + 10), sum, Curve.point(6));
        for (uint256 n = 0; n < 5; ++n) {
            if (n == 3) continue;
            uint256[] memory instances = new uint256[](2);
            (instances[0], instances[1]) = (rounds.roundContext(2, setHash), n);
            roundVerifier.accept(proof, instances);
        }
        Finalization memory request = _finalization(2, 7, MODEL + 10, NEXT);
        request.proof = _without(proof, RoundLayout.SUM_OFFSET, 64);
        for (uint256 i = 0; i < 3; ++i) {
            request.acknowledgements[i] = _acknowledge(2, _modelId(6), request.records[i].claimant);
        }
        _rejects(request, StandInVerifier.StandInRejects.selector);
    }

    function test_RevertWhen_ProofIsForAnotherRoundSetOrContract() public {
        Finalization memory request = _honest(7);
        // The same proof for a smaller set.
        request.included = 3;
        _rejects(request, StandInVerifier.StandInRejects.selector);
        request = _honest(7);
        vm.chainId(1);
        for (uint256 i = 0; i < 3; ++i) {
            request.acknowledgements[i] = _acknowledge(2, _modelId(NEXT), request.records[i].claimant);
        }
        _rejects(request, StandInVerifier.StandInRejects.selector);
        vm.assertNotEq(bytes32(rounds.roundContext(2, SEED)), bytes32(rounds.roundContext(3, SEED)));
        vm.assertNotEq(bytes32(rounds.roundContext(2, SEED)), bytes32(twin.roundContext(2, SEED)));
        vm.assertNotEq(bytes32(rounds.roundContext(2, SEED)), bytes32(rounds.roundContext(2, ~SEED)));
    }

    function test_RevertWhen_ProofIsAboutAnotherModel() public {
        Finalization memory request = _finalization(2, 7, MODEL, NEXT);
        _rejects(request, IContributionRounds.ZkPocRoundsModel.selector);
    }

    function test_RevertWhen_RoundProofLengthDiffers() public {
        Finalization memory request = _honest(7);
        request.proof = bytes.concat(request.proof, hex"00");
        _rejects(request, IContributionRounds.ZkPocRoundsProofLength.selector);
    }

    function testFuzz_RevertWhen_RoundProofByteChanges(uint256 position, uint8 change) public {
        vm.assume(change != 0);
        Finalization memory request = _honest(7);
        position %= request.proof.length;
        request.proof[position] = bytes1(uint8(request.proof[position]) ^ change);
        (bool success,) = address(rounds).call(abi.encodeCall(IContributionRounds.finalize, (request)));
        vm.assertFalse(success);
    }

    function test_RevertWhen_RoundVerifierIsFrozen() public {
        Finalization memory request = _honest(7);
        router.freeze(PROFILE, Circuit.Round);
        _rejects(request, IVerifierRouter.ZkPocRouterFrozen.selector);
    }

    // -- the records

    function test_RevertWhen_RecordIsOmitted() public {
        Finalization memory request = _honest(3);
        ClaimRecord[] memory fewer = new ClaimRecord[](2);
        (fewer[0], fewer[1]) = (request.records[0], request.records[1]);
        request.records = fewer;
        _rejects(request, IContributionRounds.ZkPocRoundsRecords.selector);
    }

    function test_RevertWhen_RecordIsDoubledOrSwapped() public {
        Finalization memory request = _honest(7);
        request.records[1] = request.records[0];
        _rejects(request, IContributionRounds.ZkPocRoundsRecord.selector);
        request = _honest(7);
        (request.records[0], request.records[1]) = (request.records[1], request.records[0]);
        _rejects(request, IContributionRounds.ZkPocRoundsRecord.selector);
    }

    function test_RevertWhen_RecordIsTampered() public {
        for (uint256 field = 0; field < 6; ++field) {
            Finalization memory request = _honest(7);
            ClaimRecord memory record = request.records[1];
            if (field == 0) record.claimant = ALICE;
            if (field == 1) record.reward += 1;
            if (field == 2) record.nullifier = request.records[0].nullifier;
            if (field == 3) record.update = request.records[0].update;
            if (field == 4) record.update = bytes.concat(record.update, hex"00");
            if (field == 5) record.maskKey = bytes32(uint256(9) << 248);
            _rejects(request, IContributionRounds.ZkPocRoundsRecord.selector);
        }
    }

    function test_RevertWhen_SettledWithTamperedRecords() public {
        rounds.finalize(_honest(3));
        vm.roll(block.number + WINDOW_BLOCKS);
        for (uint256 field = 0; field < 6; ++field) {
            ClaimRecord[] memory records = recorded[2];
            if (field == 0) records[0].claimant = BOB;
            if (field == 1) records[0].reward += 1;
            if (field == 2) records[0].nullifier = records[1].nullifier;
            if (field == 3) records[2].update = records[1].update;
            if (field == 4) records[1] = records[0];
            if (field == 5) records[2].maskKey = bytes32(uint256(9) << 248);
            vm.expectPartialRevert(IContributionRounds.ZkPocRoundsRecord.selector);
            rounds.settle(2, records);
        }
        ClaimRecord[] memory fewer = new ClaimRecord[](2);
        (fewer[0], fewer[1]) = (recorded[2][0], recorded[2][1]);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsRecords.selector);
        rounds.settle(2, fewer);
    }

    function test_RevertWhen_RecordIsOfAnotherRound() public {
        // Carol's claim of round 1, in the place of her claim of round 2.
        Finalization memory request = _honest(7);
        request.records[2] = recorded[1][0];
        _rejects(request, IContributionRounds.ZkPocRoundsRecord.selector);
    }

    function test_RevertWhen_IncludedHasStrayBitsOrNone() public {
        Finalization memory request = _honest(7);
        request.included = 15;
        _rejects(request, IContributionRounds.ZkPocRoundsIncluded.selector);
        request.included = 0;
        _rejects(request, IContributionRounds.ZkPocRoundsNotMore.selector);
    }

    // -- the time

    function test_RevertWhen_FinalizedBeforeTheClaimDeadline() public {
        Finalization memory request = _honest(7);
        vm.roll(block.number - 1);
        _rejects(request, IContributionRounds.ZkPocRoundsTooEarly.selector);
    }

    function test_RevertWhen_FirstFinalizationIsLate() public {
        Finalization memory request = _honest(7);
        vm.roll(block.number + FINALIZE_BLOCKS);
        _rejects(request, IContributionRounds.ZkPocRoundsTooLate.selector);
        rounds.voidRound(2);
        _rejects(request, IContributionRounds.ZkPocRoundsNotOpen.selector);
    }

    function test_MoreClaimsTakeThePlaceOfFewerAndRestartTheWindow() public {
        rounds.finalize(_honest(1));
        vm.roll(block.number + WINDOW_BLOCKS - 1);
        rounds.finalize(_finalization(2, 6, MODEL + 10, 5));
        vm.assertEq(rounds.proposalOf(2).settleFrom, block.number + WINDOW_BLOCKS);
        vm.roll(block.number + WINDOW_BLOCKS - 1);
        rounds.finalize(_finalization(2, 7, MODEL + 10, 6));
        vm.assertEq(ModelId.unwrap(rounds.roundInfo(3).modelId), ModelId.unwrap(_modelId(6)));
    }

    function test_RevertWhen_FewerOrAsManyClaimsComeAfterMore() public {
        rounds.finalize(_honest(3));
        uint256[6] memory sets = [uint256(1), 2, 4, 3, 5, 6];
        for (uint256 i = 0; i < 6; ++i) {
            _rejects(_finalization(2, sets[i], MODEL + 10, 5), IContributionRounds.ZkPocRoundsNotMore.selector);
        }
    }

    function test_RevertWhen_ReplacedAfterTheWindow() public {
        rounds.finalize(_honest(3));
        Finalization memory request = _finalization(2, 7, MODEL + 10, 5);
        vm.roll(block.number + WINDOW_BLOCKS);
        _rejects(request, IContributionRounds.ZkPocRoundsTooLate.selector);
    }

    function test_RevertWhen_SettledTwiceOrWithoutFinalization() public {
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNoProposal.selector);
        rounds.settle(2, recorded[2]);
        rounds.finalize(_honest(3));
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsHasProposal.selector);
        rounds.voidRound(2);
        vm.roll(block.number + WINDOW_BLOCKS + FINALIZE_BLOCKS);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsHasProposal.selector);
        rounds.voidRound(2);
        rounds.settle(2, recorded[2]);
        vm.expectPartialRevert(IContributionRounds.ZkPocRoundsNotOpen.selector);
        rounds.settle(2, recorded[2]);
    }

    // -- the acknowledgements

    function test_MoreThanHalfOfAllClaimantsSuffice() public {
        Finalization memory request = _honest(1);
        request.acknowledgements[0] = "";
        rounds.finalize(request);
    }

    function test_RevertWhen_HalfOrFewerAcknowledge() public {
        Finalization memory request = _honest(7);
        (request.acknowledgements[0], request.acknowledgements[2]) = (bytes(""), bytes(""));
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsAcknowledged.selector, 2, 1));
        rounds.finalize(request);
        request.acknowledgements = new bytes[](2);
        _rejects(request, IContributionRounds.ZkPocRoundsRecords.selector);
        request.acknowledgements = new bytes[](0);
        _rejects(request, IContributionRounds.ZkPocRoundsRecords.selector);
    }

    function test_RevertWhen_AcknowledgementIsAnothers() public {
        Finalization memory request = _honest(7);
        // One claimant for two.
        request.acknowledgements[1] = request.acknowledgements[0];
        _rejects(request, IContributionRounds.ZkPocRoundsAcknowledgement.selector);
        request.acknowledgements[1] = _acknowledge(2, _modelId(5), BOB);
        _rejects(request, IContributionRounds.ZkPocRoundsAcknowledgement.selector);
        request.acknowledgements[1] = _acknowledge(1, _modelId(NEXT), BOB);
        _rejects(request, IContributionRounds.ZkPocRoundsAcknowledgement.selector);
    }

    function test_RevertWhen_AcknowledgementIsNotCanonical() public {
        Finalization memory request = _honest(7);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(BOB_KEY, rounds.acknowledgementDigest(2, _modelId(NEXT)));
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        request.acknowledgements[1] = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        (bool success,) = address(rounds).call(abi.encodeCall(IContributionRounds.finalize, (request)));
        vm.assertFalse(success);
        request.acknowledgements[1] = hex"1234";
        (success,) = address(rounds).call(abi.encodeCall(IContributionRounds.finalize, (request)));
        vm.assertFalse(success);
    }

    // -- paid once

    function test_VoidRoundsClaimsArePaidInALaterRoundOnce() public {
        vm.roll(block.number + FINALIZE_BLOCKS);
        rounds.voidRound(2);
        vm.assertEq(token.balanceOf(ALICE), 0);
        // The same model: the same shard can be drawn again, is claimed and paid once.
        uint256 drawn = rounds.drawnIndex(2, root);
        _sealRound(3);
        uint256 number = 3;
        while (rounds.drawnIndex(number, root) != drawn) {
            vm.roll(uint256(rounds.roundInfo(number).openedAt) + CLAIM_BLOCKS + FINALIZE_BLOCKS);
            rounds.voidRound(number++);
            _sealRound(number);
        }
        _send(ALICE, _claim(number, ALICE, SUBJECT, root, MODEL + 10));
        vm.assertEq(recorded[number][0].nullifier, recorded[2][0].nullifier);
        _toDeadline();
        // The next model is the same once more: nothing moved.
        rounds.finalize(_finalization(number, 1, MODEL + 10, MODEL + 10));
        vm.assertEq(token.balanceOf(ALICE), REWARD);
        uint256 after_ = ++number;
        _sealRound(after_);
        while (rounds.drawnIndex(after_, root) != drawn) {
            vm.roll(uint256(rounds.roundInfo(after_).openedAt) + CLAIM_BLOCKS + FINALIZE_BLOCKS);
            rounds.voidRound(after_++);
            _sealRound(after_);
        }
        Claim memory again = _claim(after_, ALICE, SUBJECT, root, MODEL + 10);
        _expectRevert(again, IContributionRounds.ZkPocRoundsNullifierUsed.selector);
    }

    function test_RevertWhen_RecordsOfAVoidRoundAreFinalizedInTheNext() public {
        vm.roll(block.number + FINALIZE_BLOCKS);
        rounds.voidRound(2);
        Finalization memory request = _honest(7);
        request.round = 3;
        _toDeadline();
        _rejects(request, IContributionRounds.ZkPocRoundsIncluded.selector);
    }

    function test_ClaimThatWasLeftOutCanBeMadeAgainForTheSameModel() public {
        // A finalization that moves nothing and leaves Bob out.
        rounds.finalize(_finalization(2, 5, MODEL + 10, MODEL + 10));
        vm.roll(block.number + WINDOW_BLOCKS);
        rounds.settle(2, recorded[2]);
        uint256 drawn = rounds.drawnIndex(2, bobsRoot);
        uint256 number = 3;
        _sealRound(number);
        while (rounds.drawnIndex(number, bobsRoot) != drawn) {
            vm.roll(uint256(rounds.roundInfo(number).openedAt) + CLAIM_BLOCKS + FINALIZE_BLOCKS);
            rounds.voidRound(number++);
            _sealRound(number);
        }
        _send(BOB, _claim(number, BOB, BOBS, bobsRoot, MODEL + 10));
        vm.assertEq(recorded[number][0].nullifier, recorded[2][1].nullifier);
    }

    function test_RevertWhen_RoundHasAsManyClaimsAsTheCircuitAddsUp() public {
        // A pool of small rewards, so that the budget is not what ends it.
        FlatRewardPolicy small = new FlatRewardPolicy(1 ether, NORM_LOG2, 253);
        rounds = _newRounds(small);
        token.grantRole(token.MINTER_ROLE(), address(rounds));
        delete recorded[1];
        delete hashes[1];
        uint256 most = RoundLayout.MAX_CLAIMS;
        address[] memory owners = new address[](most + 1);
        Root[] memory roots = new Root[](most + 1);
        for (uint256 i = 0; i <= most; ++i) {
            owners[i] = vm.addr(0x1000 + i);
            keys[owners[i]] = 0x1000 + i;
            roots[i] = _commit(100 + i, SHARDS);
            _register(owners[i], Subject.wrap(bytes32(100 + i)), roots[i], 1);
        }
        vm.roll(block.number + 1);
        _openGenesis(rounds, 50);
        _sealRound(1);
        for (uint256 i = 0; i <= most; ++i) {
            uint256 drawn = rounds.drawnIndex(1, roots[i]);
            _validate(roots[i], drawn, owners[i]);
            Claim memory request = _claim(1, owners[i], Subject.wrap(bytes32(100 + i)), roots[i], 50);
            if (i < most) {
                _send(owners[i], request);
            } else {
                vm.prank(owners[i]);
                vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsFull.selector, most));
                rounds.claim(request);
            }
        }
        _toDeadline();
        uint256 supply = token.totalSupply();
        rounds.finalize(_finalization(1, (uint256(1) << most) - 1, 50, 51));
        vm.assertEq(token.totalSupply(), supply + most * 1 ether);
    }
}
