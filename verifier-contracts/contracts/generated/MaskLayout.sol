// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Which cells of an update's columns a mask covers
/// @dev The values here (64 rows, three runs) are those of the unit tests; the generator writes this file anew for a profile.
library MaskLayout {
    /// @notice Runs of rows, four words of four bytes each: first row, blocks, rows from one block to the next, rows used of a
    /// block. The last run is the tail. Every column has the same runs.
    bytes internal constant RUNS = hex"00000000000000030000000500000004000000100000000200000008000000030000002000000001"
        hex"0000000000000020";
    /// @notice Number of cells of a column, the tail included.
    uint256 internal constant CELLS = 50;
    /// @notice Number of columns.
    uint256 internal constant COLUMNS = 1;
    /// @notice Generator of the domain: a column has the cell of row i at OMEGA^i.
    uint256 internal constant OMEGA = 12799441450189702121232122059226990287081568291547011007819741462284200902087;
}
