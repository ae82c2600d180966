// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Where the committed points lie in a proof of the training circuit
/// @dev The values here are those of the unit tests; the generator writes this file anew for a profile.
library TrainingLayout {
    /// @notice Length of a proof.
    uint256 internal constant PROOF_BYTES = 2240;
    /// @notice Number of public inputs: context, norm bound, loss bound.
    uint256 internal constant INSTANCES = 3;
    /// @notice The model's points.
    uint256 internal constant MODEL_OFFSET = 0;
    uint256 internal constant MODEL_POINTS = 1;
    /// @notice The data point.
    uint256 internal constant DATA_OFFSET = 64;
    /// @notice The update's points.
    uint256 internal constant UPDATE_OFFSET = 128;
    uint256 internal constant UPDATE_POINTS = 1;
}
