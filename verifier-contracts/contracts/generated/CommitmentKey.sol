// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The commitment key's size and its point of G2
/// @dev The values here (2^6 rows, tau = 17) are those of the unit tests, which can open every commitment to anything; the
/// generator writes this file anew for a profile and its commitment key.
library CommitmentKey {
    /// @notice log2 of the number of rows.
    uint256 internal constant LOG_ROWS = 6;
    /// @notice [tau]_2: x = X0 + X1 u, y = Y0 + Y1 u.
    uint256 internal constant TAU_X0 = 5571996575954125260736435753480252954196528247617148060558631406349160775832;
    uint256 internal constant TAU_X1 = 15577308679414974642168536368096450326086203870944559758314800234684337462316;
    uint256 internal constant TAU_Y0 = 11302850696403459405052467769487663388868168369318255751101607320138145101673;
    uint256 internal constant TAU_Y1 = 3949072583587836530885517791345259776526014207612010591436388615095276192789;
}
