// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {DatasetLayout} from "./generated/DatasetLayout.sol";
import {RoundLayout} from "./generated/RoundLayout.sol";
import {TrainingLayout} from "./generated/TrainingLayout.sol";
import {Difference, Evidence, IEmergencyStop, StopReason} from "./interfaces/IEmergencyStop.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Circuit} from "./interfaces/IVerifierRouter.sol";
import {ProfileId} from "./interfaces/Ids.sol";
import {Bn254, G1Point} from "./libraries/Bn254.sol";
import {KzgOpening} from "./libraries/KzgOpening.sol";
import {ProofPoints} from "./libraries/ProofPoints.sol";

/// @title Emergency stop: anyone who shows that forged proofs are accepted takes a profile out of use
/// @notice Whoever can forge proofs can take every round's budget. Whoever finds such a flaw and is honest can end it here, by
/// presenting a proof that the verifier accepts although its statement is false. The pattern is that of RISC Zero's emergency stop.
///
/// The stop must be impossible unless the proof system, a circuit or the commitment key is broken. Whoever presents evidence chooses
/// model, data and sum freely, and may know more powers of tau than a circuit has rows (ceremony files hold them). So the argument
/// rests on two facts only: an accepted proof means that the prover knows columns that open the committed points and satisfy every
/// gate on every row; and nobody knows two polynomials with the same commitment.
///
/// A canary is a statement that is false for every witness. By circuit:
/// - **Training: a loss bound of zero.** The loss is a sum of squares of integers that are sums of looked-up limbs, whatever
///   model and data are, so it is an integer below 2^126. With bound zero the bucket's cell is -1 - loss. It is also a sum of
///   looked-up limbs, hence an integer below 2^247, and -1 - loss is none modulo the group's order. (A norm bound of zero is no
///   canary: the data column is free in this circuit alone, and field elements have squares that add up to -1.)
/// - **Dataset: the data point is the generator** [1]_1. It commits to the column of all ones, and nobody knows another
///   opening. That column is no shard: padding must be zero, all labels of a record cannot be one, records must differ.
/// - **Round: the first point of the next model is the generator.** In the column of all ones padding is not zero. (A number of
///   claims of zero is no canary: with it every weight may be the least one, by a sum of zero.)
///
/// Contradiction: for 1 to MAX_CLAIMS claims every cell of the next model is a function of model, sum and number, for any
/// field elements in model and sum: two next weights v < v' of one cell with remainders rem and rem' have
/// D (v' - v) = rem' - rem as integers, but rem >= 0 as v is not the largest weight, and rem' < D as v' is not the least one.
/// Different *points* would not do: with more powers of tau anyone adds a multiple of X^n - 1 to the next model's polynomial,
/// which changes its point and no cell, and the proof of it is accepted. Therefore the difference of the two points must be
/// opened in a row, to something that is not zero.
///
/// Points are read by the layout that this contract was compiled with: every profile routed here must have that layout.
abstract contract EmergencyStop is IEmergencyStop {
    /// @inheritdoc IEmergencyStop
    function stopByCanary(ProfileId profileId, Circuit circuit, Evidence calldata evidence) external {
        if (!_isCanary(circuit, evidence)) revert ZkPocStopNotCanary(circuit);
        _verify(profileId, circuit, evidence);
        _stop(profileId, StopReason.Canary, circuit);
    }

    /// @inheritdoc IEmergencyStop
    function stopByContradiction(
        ProfileId profileId,
        Evidence calldata one,
        Evidence calldata other,
        Difference calldata difference
    ) external {
        _requireLength(RoundLayout.PROOF_BYTES, one.proof);
        _requireLength(RoundLayout.PROOF_BYTES, other.proof);
        _requireSameStep(one, other);
        _requireDifference(one.proof, other.proof, difference);
        _verify(profileId, Circuit.Round, one);
        _verify(profileId, Circuit.Round, other);
        _stop(profileId, StopReason.Contradiction, Circuit.Round);
    }

    /// @inheritdoc IEmergencyStop
    function stopReason(ProfileId profileId) public view virtual returns (StopReason);

    /// @dev Takes every circuit of the profile out of use, for good.
    function _markStopped(ProfileId profileId, StopReason reason) internal virtual;

    /// @dev The verifier in use; reverts when there is none, it is frozen, or the profile is stopped.
    function verifierOf(ProfileId profileId, Circuit circuit) public view virtual returns (address);

    function _isCanary(Circuit circuit, Evidence calldata evidence) private pure returns (bool) {
        if (circuit == Circuit.Training) {
            _requireLength(TrainingLayout.PROOF_BYTES, evidence.proof);
            // The loss bound is the last of the public inputs.
            return evidence.instances.length == TrainingLayout.INSTANCES
                && evidence.instances[TrainingLayout.INSTANCES - 1] == 0;
        }
        bool dataset = circuit == Circuit.Dataset;
        _requireLength(dataset ? DatasetLayout.PROOF_BYTES : RoundLayout.PROOF_BYTES, evidence.proof);
        G1Point memory point =
            ProofPoints.pointAt(evidence.proof, dataset ? DatasetLayout.DATA_OFFSET : RoundLayout.NEXT_OFFSET);
        return point.x == 1 && point.y == 2;
    }

    function _requireLength(uint256 expected, bytes calldata proof) private pure {
        if (proof.length != expected) revert ZkPocStopProofLength(expected, proof.length);
    }

    /// @dev Equal models, sums and numbers of claims. Contexts may differ.
    function _requireSameStep(Evidence calldata one, Evidence calldata other) private pure {
        if (one.instances.length != RoundLayout.INSTANCES || other.instances.length != RoundLayout.INSTANCES) {
            revert ZkPocStopOtherStep();
        }
        uint256 claims = one.instances[1];
        if (claims == 0 || claims > RoundLayout.MAX_CLAIMS) revert ZkPocStopClaims(RoundLayout.MAX_CLAIMS, claims);
        bool same = claims == other.instances[1]
            && _id(one.proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS)
                == _id(other.proof, RoundLayout.MODEL_OFFSET, RoundLayout.MODEL_POINTS)
            && _id(one.proof, RoundLayout.SUM_OFFSET, RoundLayout.SUM_POINTS)
                == _id(other.proof, RoundLayout.SUM_OFFSET, RoundLayout.SUM_POINTS);
        if (!same) revert ZkPocStopOtherStep();
    }

    function _id(bytes calldata proof, uint256 offset, uint256 count) private pure returns (bytes32) {
        return ProofPoints.idOf(proof, offset, count);
    }

    /// @dev The next models differ in a cell. The precompiles refuse points that are not on the curve.
    function _requireDifference(bytes calldata one, bytes calldata other, Difference calldata difference) private view {
        if (difference.column >= RoundLayout.NEXT_POINTS) {
            revert ZkPocStopColumn(RoundLayout.NEXT_POINTS, difference.column);
        }
        if (!KzgOpening.isRow(difference.row)) revert ZkPocStopRow(difference.row);
        if (difference.value == 0 || difference.value >= Bn254.R) revert ZkPocStopValue(difference.value);
        uint256 offset = RoundLayout.NEXT_OFFSET + 64 * difference.column;
        G1Point memory sum = ProofPoints.pointAt(one, offset);
        G1Point memory second = ProofPoints.pointAt(other, offset);
        Bn254.requirePoint(sum);
        Bn254.requirePoint(second);
        Bn254.add(sum, second.x, Bn254.Q - second.y);
        if (!KzgOpening.holds(sum, difference.row, difference.value, difference.opening)) revert ZkPocStopOpening();
    }

    /// @dev The verifier reverts on whatever is not a valid proof; then nothing is stopped.
    function _verify(ProfileId profileId, Circuit circuit, Evidence calldata evidence) private view {
        IVerifier(verifierOf(profileId, circuit)).verify(evidence.proof, evidence.instances);
    }

    function _stop(ProfileId profileId, StopReason reason, Circuit circuit) private {
        _markStopped(profileId, reason);
        emit ProfileStopped(profileId, reason, circuit, msg.sender);
    }
}
