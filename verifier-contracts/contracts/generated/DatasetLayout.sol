// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Where the committed point lies in a proof of the dataset circuit
/// @dev The values here are those of the unit tests; the generator writes this file anew for a profile.
library DatasetLayout {
    /// @notice Length of a proof.
    uint256 internal constant PROOF_BYTES = 1600;
    /// @notice Number of public inputs: context.
    uint256 internal constant INSTANCES = 1;
    /// @notice The data point.
    uint256 internal constant DATA_OFFSET = 0;
}
