// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @notice The sum of cell / (point - 1) over rows, as a fraction; from row to row the point is multiplied by `step`.
/// @param seed Seed of the mask.
/// @param column The column.
/// @param step Factor from a row's point to the next row's; below the order.
/// @param point The next row's point; below the order and not zero. No row's point may be one.
/// @param above Numerator of the sum so far.
/// @param below Its denominator; one in the beginning.
struct MaskSum {
    bytes32 seed;
    uint256 column;
    uint256 step;
    uint256 point;
    uint256 above;
    uint256 below;
}

/// @title The cells of a mask
/// @notice A cell is the first of the numbers h_0, h_1, .. that is below the group's order: h_i is SHA-256 of seed (32 bytes),
/// column, row and i (4 bytes each, big-endian), big-endian and without its two top bits. So cells are uniform; the fourth try
/// is needed once in seventy times.
library MaskStream {
    /// @notice The cell of a seed in a column and row, both below 2^32.
    function cell(bytes32 seed, uint256 column, uint256 row) internal view returns (uint256) {
        // With point 2 and step 1 the fraction is the cell over one.
        MaskSum memory sum = MaskSum(seed, column, 1, 2, 0, 1);
        add(sum, row, 1);
        return sum.above;
    }

    /// @notice Adds the cells of `count` rows from `row` on; column and rows are below 2^32. The sum's point becomes that of the
    /// row behind them.
    /// @dev Assembly: a dispute goes through tens of thousands of cells, so gas counts here as nowhere else. Adding fractions,
    /// a / b + c / d = (a d + c b) / (b d), takes three multiplications and leaves one inversion for the end.
    function add(MaskSum memory sum, uint256 row, uint256 count) internal view {
        bool good = true;
        assembly ("memory-safe") {
            // Constants in variables: on the stack they cost less than where they are used.
            let r := 0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001
            let mask := 0x3fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff
            let nextRow := shl(192, 1)
            let step := mload(add(sum, 0x40))
            let point := mload(add(sum, 0x60))
            let above := mload(add(sum, 0x80))
            let below := mload(add(sum, 0xa0))
            // What is hashed lies in scratch space: the seed, then column, row and number of the try in the top bytes of a word.
            mstore(0x00, mload(sum))
            let word := or(shl(224, mload(add(sum, 0x20))), shl(192, row))
            let end := add(word, shl(192, count))
            for {} 1 {} {
                mstore(0x20, word)
                // The digest takes the place of that word.
                good := and(good, staticcall(gas(), 0x02, 0x00, 0x2c, 0x20, 0x20))
                let value := and(mask, mload(0x20))
                if iszero(lt(value, r)) {
                    for { let retry := word } 1 {} {
                        retry := add(retry, shl(160, 1))
                        mstore(0x20, retry)
                        good := and(good, staticcall(gas(), 0x02, 0x00, 0x2c, 0x20, 0x20))
                        value := and(mask, mload(0x20))
                        if lt(value, r) { break }
                    }
                }
                // The point is not zero: this does not wrap.
                let divisor := sub(point, 1)
                above := addmod(mulmod(above, divisor, r), mulmod(value, below, r), r)
                below := mulmod(below, divisor, r)
                point := mulmod(point, step, r)
                word := add(word, nextRow)
                if iszero(sub(word, end)) { break }
            }
            mstore(add(sum, 0x60), point)
            mstore(add(sum, 0x80), above)
            mstore(add(sum, 0xa0), below)
            // On a chain without the precompile the calls succeed and return nothing.
            good := and(good, eq(returndatasize(), 0x20))
        }
        if (!good) revert Bn254.ZkPocCurvePrecompile(address(2));
    }
}
