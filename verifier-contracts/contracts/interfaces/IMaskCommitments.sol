// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "../libraries/Bn254.sol";

/// @title Proven commitments of masks
/// @notice A seed determines a mask, and each column of a mask has one commitment. That a point is the commitment of a column of a
/// seed's mask is called a fact here. Anyone can prove a fact, in several transactions: `begin`, `advance` until every cell of the
/// column is summed up, `finish`. Faults needs facts to judge disputes.
/// @dev `begin` makes the seed public, and with it the mask.
interface IMaskCommitments {
    /// @notice The point commits to the column of the seed's mask.
    /// @param seed The seed.
    /// @param column The column.
    /// @param commitment The point.
    event MaskProven(bytes32 indexed seed, uint256 indexed column, G1Point commitment);

    /// @notice A mask has no such column.
    error ZkPocMaskColumn(uint256 columns, uint256 got);
    /// @notice The point that the polynomials are compared at is zero or that of a row. Nobody will see this.
    error ZkPocMaskPoint(uint256 got);
    /// @notice Nobody began with this seed, column and commitment.
    error ZkPocMaskNotBegun(bytes32 seed, uint256 column);
    /// @notice An advance by no cell.
    error ZkPocMaskNoCells();
    /// @notice All cells are summed up already.
    error ZkPocMaskComplete(uint256 cells);
    /// @notice Cells are missing.
    error ZkPocMaskIncomplete(uint256 expected, uint256 got);
    /// @notice The fact is proven already.
    error ZkPocMaskProven(bytes32 seed, uint256 column);
    /// @notice The opening does not show that the committed polynomial has this value at this point.
    error ZkPocMaskOpening(uint256 point, uint256 value);
    /// @notice The generated layout does not fit together: rows that overlap, descend or do not exist, another number of
    /// cells, or a generator of another domain.
    error ZkPocMaskLayout(uint256 expected, uint256 got);

    /// @notice Starts the proof of a fact. Does nothing when it was started before.
    /// @param seed The seed.
    /// @param column The column.
    /// @param commitment The point: canonical, on the curve, not the identity.
    function begin(bytes32 seed, uint256 column, G1Point calldata commitment) external;

    /// @notice Sums up more cells of the mask.
    /// @param seed As in `begin`.
    /// @param column As in `begin`.
    /// @param commitment As in `begin`.
    /// @param cells How many cells, at least one; when fewer are left, those.
    function advance(bytes32 seed, uint256 column, G1Point calldata commitment, uint256 cells) external;

    /// @notice Ends the proof, when all cells are summed up.
    /// @param seed As in `begin`.
    /// @param column As in `begin`.
    /// @param commitment As in `begin`.
    /// @param opening Opening of the commitment at the point that `progressOf` names.
    function finish(bytes32 seed, uint256 column, G1Point calldata commitment, G1Point calldata opening) external;

    /// @notice Whether the fact is proven.
    /// @param seed The seed.
    /// @param column The column.
    /// @param commitment The point.
    function isProven(bytes32 seed, uint256 column, G1Point calldata commitment) external view returns (bool);

    /// @notice How far the proof of a fact is.
    /// @param seed The seed.
    /// @param column The column.
    /// @param commitment The point.
    /// @return cells Number of cells summed up; all there are is `MaskLayout.CELLS`.
    /// @return z The point that the commitment is opened at.
    function progressOf(bytes32 seed, uint256 column, G1Point calldata commitment)
        external
        view
        returns (uint256 cells, uint256 z);
}
