// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "../libraries/Bn254.sol";
import {Circuit} from "./IVerifierRouter.sol";
import {ProfileId} from "./Ids.sol";

/// @notice Why a profile was stopped.
/// @dev Canary: a statement that is false for every witness was proven. Contradiction: two different next models were proven for
/// the same step.
enum StopReason {
    None,
    Canary,
    Contradiction
}

/// @notice A proof with its public inputs.
/// @param proof Proof bytes, as the circuit's verifier takes them.
/// @param instances Its public inputs.
struct Evidence {
    bytes proof;
    uint256[] instances;
}

/// @notice That two commitments differ in a cell.
/// @param column Which of the next model's columns.
/// @param row The root of unity that stands for the cell's row.
/// @param value Cell of the first column less that of the second one; not zero.
/// @param opening Opening of the difference of the two commitments, at `row` to `value`.
struct Difference {
    uint256 column;
    uint256 row;
    uint256 value;
    G1Point opening;
}

/// @title Emergency stop: anyone who shows that forged proofs are accepted takes a profile out of use
interface IEmergencyStop {
    /// @notice No proof of this profile counts any more, for good.
    /// @param circuit The circuit of the evidence.
    /// @param tripper Who presented it.
    event ProfileStopped(
        ProfileId indexed profileId, StopReason indexed reason, Circuit indexed circuit, address tripper
    );

    /// @notice The statement may be true: a proof of it shows nothing.
    error ZkPocStopNotCanary(Circuit circuit);
    /// @notice The proof has another length than the circuit's.
    error ZkPocStopProofLength(uint256 expected, uint256 got);
    /// @notice The two proofs start from different models, sums or numbers of claims.
    error ZkPocStopOtherStep();
    /// @notice A round has 1 to `max` claims; for other numbers the next model is no function of the rest.
    error ZkPocStopClaims(uint256 max, uint256 got);
    /// @notice The next model has no such column.
    error ZkPocStopColumn(uint256 columns, uint256 got);
    /// @notice Not a root of unity that stands for a row.
    error ZkPocStopRow(uint256 got);
    /// @notice The value is zero or not below the group's order: no difference.
    error ZkPocStopValue(uint256 got);
    /// @notice The opening does not show that the columns differ in this cell.
    error ZkPocStopOpening();

    /// @notice Stops a profile by a proof of a statement that is false for every witness. Anyone may call it.
    /// @param profileId The profile.
    /// @param circuit The circuit that the proof is of.
    /// @param evidence The proof; which statements are canaries is said at the implementation.
    function stopByCanary(ProfileId profileId, Circuit circuit, Evidence calldata evidence) external;

    /// @notice Stops a profile by two proofs of the round circuit that lead from the same model, by the same sum and number of
    /// claims, to next models that differ in a cell. Anyone may call it.
    /// @param profileId The profile.
    /// @param one The first proof.
    /// @param other The second proof.
    /// @param difference Where the next models differ.
    function stopByContradiction(
        ProfileId profileId,
        Evidence calldata one,
        Evidence calldata other,
        Difference calldata difference
    ) external;

    /// @notice Why a profile was stopped; none when it was not.
    /// @param profileId The profile.
    function stopReason(ProfileId profileId) external view returns (StopReason);
}
