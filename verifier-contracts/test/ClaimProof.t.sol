// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TrainingLayout} from "../contracts/generated/TrainingLayout.sol";
import {Claim, Finalization, IContributionRounds, RoundStatus} from "../contracts/interfaces/IContributionRounds.sol";
import {IRewardPolicy} from "../contracts/interfaces/IRewardPolicy.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {Root, Subject} from "../contracts/interfaces/Ids.sol";
import {Bn254, G1Point} from "../contracts/libraries/Bn254.sol";
import {LinkVerifier} from "../contracts/libraries/LinkVerifier.sol";
import {Curve} from "./utils/Curve.sol";
import {ClaimsFixture} from "./utils/ClaimsFixture.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";

/// @notice In which round, with which proof and for how much a claim is paid.
contract ClaimProofTest is ClaimsFixture {
    // -- which round

    function test_RevertWhen_BeaconIsNotKnown() public {
        Claim memory request = _aliceClaim();
        _endRound(MODEL);
        request.round = 2;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotSealed.selector);
    }

    function test_RevertWhen_RoundIsOverOrNone() public {
        Claim memory request = _aliceClaim();
        _toDeadline();
        _expectRevert(request, IContributionRounds.ZkPocRoundsTooLate.selector);
        vm.roll(block.number - 1);
        _send(ALICE, request);
        _endRound(4);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(IContributionRounds.ZkPocRoundsNotOpen.selector, 1, RoundStatus.Settled));
        rounds.claim(request);
        request.round = 3;
        _expectRevert(request, IContributionRounds.ZkPocRoundsNotOpen.selector);
    }

    function test_RevertWhen_ClaimedTwice() public {
        Claim memory request = _aliceClaim();
        _send(ALICE, request);
        _expectRevert(request, IContributionRounds.ZkPocRoundsAlreadyClaimed.selector);
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
        uint256 context = twin.trainingContext(1, ALICE, SUBJECT, root, twin.drawnIndex(1, root), 0);
        request.link = Curve.link(context, request.commitment, Curve.reblind(request.commitment, delta), delta);
        vm.prank(ALICE);
        vm.expectPartialRevert(StandInVerifier.StandInRejects.selector);
        twin.claim(request);
    }

    function testFuzz_ContextBindsEveryField(address claimant, Subject subject, Root dataset, uint64 index, bytes32 key)
        public
        view
    {
        uint256 context = rounds.trainingContext(1, claimant, subject, dataset, index, key);
        vm.assertTrue(context < Bn254.R);
        vm.assertNotEq(rounds.trainingContext(2, claimant, subject, dataset, index, key), context);
        vm.assertNotEq(rounds.trainingContext(1, address(uint160(claimant) ^ 1), subject, dataset, index, key), context);
        vm.assertNotEq(
            rounds.trainingContext(1, claimant, Subject.wrap(~Subject.unwrap(subject)), dataset, index, key), context
        );
        vm.assertNotEq(
            rounds.trainingContext(1, claimant, subject, Root.wrap(~Root.unwrap(dataset)), index, key), context
        );
        vm.assertNotEq(rounds.trainingContext(1, claimant, subject, dataset, uint256(index) + 1, key), context);
        vm.assertNotEq(rounds.trainingContext(1, claimant, subject, dataset, index, ~key), context);
    }

    // -- which proof

    function test_RevertWhen_ModelIsAnother() public {
        _expectRevert(_claim(1, ALICE, SUBJECT, root, 4), IContributionRounds.ZkPocRoundsModel.selector);
    }

    function test_RevertWhen_DataIsNotLinked() public {
        Claim memory request = _aliceClaim();
        uint256[4] memory delta = _delta(root, 7, 7);
        uint256 context = rounds.trainingContext(1, ALICE, SUBJECT, root, rounds.drawnIndex(1, root), 0);
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
        // The budget pays four claims and a half.
        address[5] memory owners = [address(0x101), address(0x102), address(0x103), address(0x104), address(0x105)];
        Root[5] memory roots;
        for (uint256 i = 0; i < 5; ++i) {
            roots[i] = _commit(10 + i, SHARDS);
            _register(owners[i], Subject.wrap(bytes32(i + 1)), roots[i], 1);
        }
        _nextRound(4);
        for (uint256 i = 0; i < 5; ++i) {
            uint256 drawn = rounds.drawnIndex(2, roots[i]);
            _validate(roots[i], drawn, owners[i]);
            Claim memory request = _claim(2, owners[i], Subject.wrap(bytes32(i + 1)), roots[i], 4);
            vm.prank(owners[i]);
            if (i == 4) {
                vm.expectRevert(
                    abi.encodeWithSelector(IContributionRounds.ZkPocRoundsBudget.selector, BUDGET - 4 * REWARD, REWARD)
                );
            }
            rounds.claim(request);
        }
        vm.assertEq(rounds.roundInfo(2).claims, 4);
    }

    function test_FailedClaimSpendsNothing() public {
        Claim memory request = _aliceClaim();
        bytes memory honest = request.link;
        request.link = bytes.concat(honest);
        request.link[100] ^= 0x01;
        _expectRevert(request, LinkVerifier.ZkPocLinkInvalid.selector);
        request.link = honest;
        _send(ALICE, request);
        vm.assertEq(rounds.roundInfo(1).claims, 1);
    }

    function test_RevertWhen_MinterRoleIsMissing() public {
        _send(ALICE, _aliceClaim());
        token.revokeRole(token.MINTER_ROLE(), address(rounds));
        _toDeadline();
        Finalization memory request = _finalization(1, 1, MODEL, 4);
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        rounds.finalize(request);
    }
}
