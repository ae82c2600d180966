// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Where the committed points lie in a proof of the round circuit
/// @dev The values here are those of the unit tests; the generator writes this file anew for a profile.
library RoundLayout {
    /// @notice Length of a proof.
    uint256 internal constant PROOF_BYTES = 2624;
    /// @notice Number of public inputs: context, number of claims.
    uint256 internal constant INSTANCES = 2;
    /// @notice The model's points.
    uint256 internal constant MODEL_OFFSET = 0;
    uint256 internal constant MODEL_POINTS = 1;
    /// @notice The points of the sum of updates.
    uint256 internal constant SUM_OFFSET = 64;
    uint256 internal constant SUM_POINTS = 1;
    /// @notice The next model's points.
    uint256 internal constant NEXT_OFFSET = 128;
    uint256 internal constant NEXT_POINTS = 1;
    /// @notice Most claims whose updates the circuit adds up and divides by.
    uint256 internal constant MAX_CLAIMS = 8;
}
