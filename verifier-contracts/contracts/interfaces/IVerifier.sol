// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Verifier of one circuit under one profile
/// @notice Generated from a verifying key. The key is data at an address whose code hash the verifier pins.
interface IVerifier {
    /// @notice Returns when the proof is valid for these instances and reverts with a custom error otherwise.
    /// @param proof Proof bytes; their number is fixed by the circuit.
    /// @param instances Public inputs; their number is fixed by the circuit, each is below the group order.
    function verify(bytes calldata proof, uint256[] calldata instances) external view;

    /// @notice Checks all but the pairing, so that several proofs can share one.
    /// @param proof As in `verify`.
    /// @param instances As in `verify`.
    /// @return points Two points (lhs.x, lhs.y, rhs.x, rhs.y): the proof is valid when their pairing equation holds.
    function accumulate(bytes calldata proof, uint256[] calldata instances)
        external
        view
        returns (uint256[4] memory points);
}
