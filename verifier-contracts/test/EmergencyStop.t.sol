// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ContributionRounds} from "../contracts/ContributionRounds.sol";
import {DatasetLayout} from "../contracts/generated/DatasetLayout.sol";
import {RoundLayout} from "../contracts/generated/RoundLayout.sol";
import {TrainingLayout} from "../contracts/generated/TrainingLayout.sol";
import {Claim, Finalization} from "../contracts/interfaces/IContributionRounds.sol";
import {Difference, Evidence, IEmergencyStop, StopReason} from "../contracts/interfaces/IEmergencyStop.sol";
import {Circuit, IVerifierRouter} from "../contracts/interfaces/IVerifierRouter.sol";
import {ProfileId} from "../contracts/interfaces/Ids.sol";
import {Bn254, G1Point} from "../contracts/libraries/Bn254.sol";
import {SHARD_TREE_DEPTH} from "../contracts/libraries/ShardTree.sol";
import {ClaimsFixture} from "./utils/ClaimsFixture.sol";
import {Curve} from "./utils/Curve.sol";
import {StandInVerifier} from "./utils/StandInVerifier.sol";
import {Vm} from "./utils/Vm.sol";

/// @notice What trips the stop, what does not, and what it stops. Accepted proofs of false statements are the stand-ins' word
/// here; the tests with a prover forge them.
contract EmergencyStopTest is ClaimsFixture {
    // The unit tests' commitment key has this secret, so here every commitment opens to anything.
    uint256 private constant TAU = 17;
    uint256 private constant ROW = 1;

    function _training(uint256 lossBound) private pure returns (Evidence memory evidence) {
        evidence.proof = _fill("", TrainingLayout.PROOF_BYTES);
        evidence.instances = new uint256[](3);
        (evidence.instances[0], evidence.instances[1], evidence.instances[2]) = (7, 2 ** 40, lossBound);
    }

    function _dataset(uint256 scalar) private view returns (Evidence memory evidence) {
        G1Point memory point = Curve.point(scalar);
        evidence.proof = _fill(abi.encode(point.x, point.y), DatasetLayout.PROOF_BYTES);
        evidence.instances = new uint256[](1);
    }

    function _round(uint256 model, uint256 sum, uint256 next, uint256 claims)
        private
        view
        returns (Evidence memory evidence)
    {
        evidence.proof = _roundProof(Curve.point(model), Curve.point(sum), Curve.point(next));
        evidence.instances = new uint256[](2);
        (evidence.instances[0], evidence.instances[1]) = (next, claims);
    }

    /// @dev The opening of the point `scalar` in a row to a value, by who knows the secret.
    function _open(uint256 scalar, uint256 row, uint256 value) private view returns (G1Point memory) {
        uint256 above = addmod(scalar, Bn254.R - value, Bn254.R);
        uint256 inverse = 1;
        uint256 base = addmod(TAU, Bn254.R - row, Bn254.R);
        for (uint256 exponent = Bn254.R - 2; exponent != 0; exponent >>= 1) {
            if (exponent & 1 == 1) inverse = mulmod(inverse, base, Bn254.R);
            base = mulmod(base, base, Bn254.R);
        }
        return Curve.point(mulmod(above, inverse, Bn254.R));
    }

    function _accept(StandInVerifier verifier, Evidence memory evidence) private returns (Evidence memory) {
        verifier.accept(evidence.proof, evidence.instances);
        return evidence;
    }

    /// @dev Two accepted proofs of one step to the next models 50 and 60, and an opening of their difference.
    function _contradiction() private returns (Evidence memory one, Evidence memory other, Difference memory cell) {
        one = _accept(roundVerifier, _round(MODEL, 9, 60, 2));
        other = _accept(roundVerifier, _round(MODEL, 9, 50, 2));
        cell = Difference(0, ROW, 3, _open(10, ROW, 3));
    }

    function _rejectsCanary(Circuit circuit, Evidence memory evidence, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        router.stopByCanary(PROFILE, circuit, evidence);
        vm.assertTrue(router.stopReason(PROFILE) == StopReason.None);
    }

    function _rejects(Evidence memory one, Evidence memory other, Difference memory cell, bytes4 selector) private {
        vm.expectPartialRevert(selector);
        router.stopByContradiction(PROFILE, one, other, cell);
        vm.assertTrue(router.stopReason(PROFILE) == StopReason.None);
    }

    function _stop() private {
        router.stopByCanary(PROFILE, Circuit.Training, _accept(trainingVerifier, _training(0)));
    }

    // -- canaries

    function test_AnyoneStopsByACanaryOfEachCircuit() public {
        Evidence[3] memory evidence = [
            _accept(datasetVerifier, _dataset(1)),
            _accept(trainingVerifier, _training(0)),
            _accept(roundVerifier, _round(MODEL, 9, 1, 1))
        ];
        for (uint256 i = 0; i < 3; ++i) {
            ProfileId profile = ProfileId.wrap(keccak256(abi.encode("other profile", i)));
            router.add(profile, Circuit.Dataset, address(datasetVerifier));
            router.add(profile, Circuit.Training, address(trainingVerifier));
            router.add(profile, Circuit.Round, address(roundVerifier));
            vm.recordLogs();
            vm.prank(BOB);
            router.stopByCanary(profile, Circuit(i), evidence[i]);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            vm.assertEq(logs.length, 1);
            vm.assertEq(logs[0].topics[0], IEmergencyStop.ProfileStopped.selector);
            vm.assertEq(logs[0].topics[1], ProfileId.unwrap(profile));
            vm.assertEq(uint256(logs[0].topics[2]), uint256(StopReason.Canary));
            vm.assertEq(uint256(logs[0].topics[3]), i);
            vm.assertEq(abi.decode(logs[0].data, (address)), BOB);
            for (uint256 j = 0; j < 3; ++j) {
                vm.expectRevert(
                    abi.encodeWithSelector(IVerifierRouter.ZkPocRouterStopped.selector, profile, StopReason.Canary)
                );
                router.verifierOf(profile, Circuit(j));
            }
            // Other profiles go on.
            router.requireLive(PROFILE);
        }
    }

    function test_RevertWhen_StatementCanBeTrue() public {
        _rejectsCanary(
            Circuit.Training, _accept(trainingVerifier, _training(1)), IEmergencyStop.ZkPocStopNotCanary.selector
        );
        Evidence memory norm = _training(2 ** 40);
        norm.instances[1] = 0;
        _rejectsCanary(Circuit.Training, _accept(trainingVerifier, norm), IEmergencyStop.ZkPocStopNotCanary.selector);
        _rejectsCanary(
            Circuit.Dataset, _accept(datasetVerifier, _dataset(2)), IEmergencyStop.ZkPocStopNotCanary.selector
        );
        // The generator as model or sum may be true; no claims may be true as well.
        _rejectsCanary(
            Circuit.Round, _accept(roundVerifier, _round(1, 1, 3, 1)), IEmergencyStop.ZkPocStopNotCanary.selector
        );
        _rejectsCanary(
            Circuit.Round, _accept(roundVerifier, _round(MODEL, 9, 3, 0)), IEmergencyStop.ZkPocStopNotCanary.selector
        );
    }

    function test_RevertWhen_CanaryIsNotProven() public {
        bytes4 rejected = StandInVerifier.StandInRejects.selector;
        _rejectsCanary(Circuit.Training, _training(0), rejected);
        _rejectsCanary(Circuit.Dataset, _dataset(1), rejected);
        _rejectsCanary(Circuit.Round, _round(MODEL, 9, 1, 1), rejected);
        // Proofs that other circuits' verifiers accept.
        Evidence memory evidence = _accept(datasetVerifier, _training(0));
        _rejectsCanary(Circuit.Training, evidence, rejected);
    }

    function test_RevertWhen_CanaryIsMalformed() public {
        Evidence memory evidence = _training(0);
        evidence.proof = bytes.concat(evidence.proof, hex"00");
        _accept(trainingVerifier, evidence);
        _rejectsCanary(Circuit.Training, evidence, IEmergencyStop.ZkPocStopProofLength.selector);
        _rejectsCanary(Circuit.Dataset, evidence, IEmergencyStop.ZkPocStopProofLength.selector);
        _rejectsCanary(Circuit.Round, evidence, IEmergencyStop.ZkPocStopProofLength.selector);
        evidence = _training(0);
        evidence.instances = new uint256[](2);
        _rejectsCanary(
            Circuit.Training, _accept(trainingVerifier, evidence), IEmergencyStop.ZkPocStopNotCanary.selector
        );
    }

    function testFuzz_RevertWhen_EvidenceIsNotAccepted(uint8 circuit, bytes calldata junk) public {
        Evidence memory evidence = Evidence(junk, new uint256[](junk.length % 4));
        (bool stopped,) =
            address(router).call(abi.encodeCall(IEmergencyStop.stopByCanary, (PROFILE, Circuit(circuit % 3), evidence)));
        vm.assertFalse(stopped);
    }

    function test_RevertWhen_ProfileHasNoRouteOrIsStopped() public {
        Evidence memory evidence = _accept(trainingVerifier, _training(0));
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterNoRoute.selector);
        router.stopByCanary(ProfileId.wrap(SRS), Circuit.Training, evidence);
        router.stopByCanary(PROFILE, Circuit.Training, evidence);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterStopped.selector);
        router.stopByCanary(PROFILE, Circuit.Training, evidence);
    }

    // -- contradictions

    function test_AnyoneStopsByAContradiction() public {
        (Evidence memory one, Evidence memory other, Difference memory cell) = _contradiction();
        vm.recordLogs();
        vm.prank(BOB);
        router.stopByContradiction(PROFILE, one, other, cell);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(uint256(logs[0].topics[2]), uint256(StopReason.Contradiction));
        vm.assertTrue(router.stopReason(PROFILE) == StopReason.Contradiction);
    }

    function test_RevertWhen_OnlyThePointsDiffer() public {
        // The second next model is the first one plus a multiple of X^64 - 1, which is zero in every row.
        uint256 vanishing = 17 ** 32;
        vanishing = addmod(mulmod(vanishing, vanishing, Bn254.R), Bn254.R - 1, Bn254.R);
        Evidence memory one = _accept(roundVerifier, _round(MODEL, 9, addmod(60, vanishing, Bn254.R), 2));
        Evidence memory other = _accept(roundVerifier, _round(MODEL, 9, 60, 2));
        Difference memory cell = Difference(0, ROW, 0, _open(vanishing, ROW, 0));
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopValue.selector);
        // The true opening, called one to something else.
        cell.value = 3;
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopOpening.selector);
        cell.value = Bn254.R;
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopValue.selector);
    }

    function test_RevertWhen_StepsDiffer() public {
        (Evidence memory one,, Difference memory cell) = _contradiction();
        bytes4 selector = IEmergencyStop.ZkPocStopOtherStep.selector;
        _rejects(one, _accept(roundVerifier, _round(MODEL + 1, 9, 50, 2)), cell, selector);
        _rejects(one, _accept(roundVerifier, _round(MODEL, 8, 50, 2)), cell, selector);
        _rejects(one, _accept(roundVerifier, _round(MODEL, 9, 50, 3)), cell, selector);
        Evidence memory fewer = _round(MODEL, 9, 50, 2);
        fewer.instances = new uint256[](1);
        _rejects(one, _accept(roundVerifier, fewer), cell, selector);
    }

    function test_RevertWhen_NumberOfClaimsIsNone() public {
        uint256[2] memory numbers = [uint256(0), RoundLayout.MAX_CLAIMS + 1];
        for (uint256 i = 0; i < 2; ++i) {
            Evidence memory one = _accept(roundVerifier, _round(MODEL, 9, 60, numbers[i]));
            Evidence memory other = _accept(roundVerifier, _round(MODEL, 9, 50, numbers[i]));
            Difference memory cell = Difference(0, ROW, 3, _open(10, ROW, 3));
            _rejects(one, other, cell, IEmergencyStop.ZkPocStopClaims.selector);
        }
    }

    function test_RevertWhen_OneOfTheTwoIsNotProven() public {
        (Evidence memory one, Evidence memory other, Difference memory cell) = _contradiction();
        Evidence memory forged = _round(MODEL, 9, 50, 2);
        forged.instances[0] = 51;
        _rejects(one, forged, cell, StandInVerifier.StandInRejects.selector);
        forged = _round(MODEL, 9, 60, 2);
        forged.instances[0] = 51;
        _rejects(forged, other, cell, StandInVerifier.StandInRejects.selector);
    }

    function test_RevertWhen_DifferenceIsNotShown() public {
        (Evidence memory one, Evidence memory other, Difference memory cell) = _contradiction();
        cell.value = 4;
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopOpening.selector);
        cell = Difference(1, ROW, 3, _open(10, ROW, 3));
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopColumn.selector);
        // Not a row: every two polynomials differ almost everywhere else.
        cell = Difference(0, 2, 3, _open(10, 2, 3));
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopRow.selector);
        cell = Difference(0, Bn254.R + 1, 3, _open(10, ROW, 3));
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopRow.selector);
        cell = Difference(0, ROW, 3, G1Point(0, 0));
        _rejects(one, other, cell, Bn254.ZkPocCurvePoint.selector);
        other.proof = bytes.concat(other.proof, hex"00");
        _rejects(one, other, cell, IEmergencyStop.ZkPocStopProofLength.selector);
    }

    // -- what is stopped

    function test_StoppedPoolTakesNoClaimAndValidatesNoShard() public {
        Claim memory request = _aliceClaim();
        uint256 supply = token.totalSupply();
        (bytes memory proof, bytes memory link) = _datasetProof(root, 0, ALICE);
        G1Point memory point = _point(root, 0);
        bytes32[SHARD_TREE_DEPTH] memory path = _path(root, 0);
        _stop();
        _expectRevert(request, IVerifierRouter.ZkPocRouterStopped.selector);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterStopped.selector);
        registry.validateShard(root, 0, point, path, proof, link);
        vm.assertEq(token.totalSupply(), supply);
    }

    function test_StoppedPoolFinalizesNothing() public {
        _send(ALICE, _aliceClaim());
        _toDeadline();
        Finalization memory request = _finalization(1, 1, MODEL, 5);
        _stop();
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterStopped.selector);
        rounds.finalize(request);
    }

    function test_StoppedPoolOpensNoFirstRound() public {
        ContributionRounds another = _newRounds(policy);
        bytes memory proof = _genesisProof(another, MODEL);
        _stop();
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterStopped.selector);
        another.openGenesis(PROFILE, SEED, proof);
    }

    /// @dev A finalization of one of two claims that waits for its window to end.
    function _standing() private {
        _send(ALICE, _aliceClaim());
        _send(CAROL, _claim(1, CAROL, CAROLS, _carolsRoot(), MODEL));
        _toDeadline();
        rounds.finalize(_finalization(1, 1, MODEL, 5));
        vm.roll(block.number + WINDOW_BLOCKS);
    }

    function test_StandingFinalizationOfAStoppedPoolIsNeverPaid() public {
        _standing();
        uint256 supply = token.totalSupply();
        _stop();
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterStopped.selector);
        rounds.settle(1, recorded[1]);
        vm.roll(block.number + 10_000);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterStopped.selector);
        rounds.settle(1, recorded[1]);
        vm.assertEq(token.totalSupply(), supply);
        vm.assertEq(rounds.currentRound(), 1);
    }

    function test_StandingFinalizationIsNotPaidWhenAnyRouteIsFrozen() public {
        _standing();
        for (uint256 i = 0; i < 3; ++i) {
            ProfileId profile = ProfileId.wrap(keccak256(abi.encode("frozen", i)));
            for (uint256 j = 0; j < 3; ++j) {
                router.add(profile, Circuit(j), address(roundVerifier));
            }
            router.requireLive(profile);
            router.freeze(profile, Circuit(i));
            vm.expectRevert(abi.encodeWithSelector(IVerifierRouter.ZkPocRouterFrozen.selector, profile, Circuit(i)));
            router.requireLive(profile);
        }
        router.freeze(PROFILE, Circuit.Training);
        vm.expectPartialRevert(IVerifierRouter.ZkPocRouterFrozen.selector);
        rounds.settle(1, recorded[1]);
    }

    function test_WhatWasPaidStays() public {
        _nextRound(MODEL + 1);
        uint256 supply = token.totalSupply();
        vm.assertTrue(supply > 0);
        _stop();
        vm.assertEq(token.totalSupply(), supply);
        vm.assertEq(token.balanceOf(CAROL), supply);
        vm.prank(CAROL);
        token.transfer(ALICE, 1);
        vm.assertEq(token.balanceOf(ALICE), 1);
    }
}
