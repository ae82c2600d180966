// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CommitmentKey} from "../generated/CommitmentKey.sol";
import {Bn254, G1Point} from "./Bn254.sol";

/// @title Opening of one committed column in one row
/// @notice A column is the polynomial p of degree below n with its cells as values on the domain of n-th roots of unity. For the
/// commitment C = [p(tau)]_1, the point P = [(p(tau) - v) / (tau - z)]_1 shows that p(z) = v:
/// e(C - v [1]_1 + z P, [1]_2) = e(P, [tau]_2). Source: Kate, Zaverucha, Goldberg, ASIACRYPT 2010.
library KzgOpening {
    /// @dev Price of a pairing of two pairs is 113,000 (EIP-1108).
    uint256 private constant PAIRING_GAS = 250_000;

    /// @notice Whether `z` is the point of a row: z^n = 1.
    function isRow(uint256 z) internal pure returns (bool) {
        if (z >= Bn254.R) return false;
        uint256 power = z;
        for (uint256 i = 0; i < CommitmentKey.LOG_ROWS; ++i) {
            power = mulmod(power, power, Bn254.R);
        }
        return power == 1;
    }

    /// @notice Whether `opening` shows that the column behind `commitment` has `value` at `z`; value and z are below the order.
    function holds(G1Point memory commitment, uint256 z, uint256 value, G1Point memory opening)
        internal
        view
        returns (bool)
    {
        Bn254.requirePoint(opening);
        G1Point memory left = G1Point(commitment.x, commitment.y);
        Bn254.addMul(left, 1, 2, value == 0 ? 0 : Bn254.R - value);
        Bn254.addMul(left, opening.x, opening.y, z);
        // No point of the curve has y = 0, so Q - y is the negative.
        uint256[12] memory pairs = [
            left.x,
            left.y,
            Bn254.G2_X1,
            Bn254.G2_X0,
            Bn254.G2_Y1,
            Bn254.G2_Y0,
            opening.x,
            Bn254.Q - opening.y,
            CommitmentKey.TAU_X1,
            CommitmentKey.TAU_X0,
            CommitmentKey.TAU_Y1,
            CommitmentKey.TAU_Y0
        ];
        bool good;
        uint256[1] memory out;
        assembly ("memory-safe") {
            good := staticcall(PAIRING_GAS, 0x08, pairs, 0x180, out, 0x20)
            // On a chain without the precompile the call succeeds and returns nothing.
            good := and(good, eq(returndatasize(), 0x20))
        }
        if (!good) revert Bn254.ZkPocCurvePrecompile(address(8));
        return out[0] == 1;
    }
}
