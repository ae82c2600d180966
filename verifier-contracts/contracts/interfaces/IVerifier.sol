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

    /// @notice Checks all but the pairing and the share of the key's points in it.
    /// @param proof As in `verify`.
    /// @param instances As in `verify`.
    /// @return accumulator What `decide` takes; the same number of words for every proof.
    function defer(bytes calldata proof, uint256[] calldata instances)
        external
        view
        returns (uint256[] memory accumulator);

    /// @notice Returns when the proofs behind all accumulators are valid and reverts with a custom error otherwise.
    /// @param accumulators Results of `defer`, one behind the other. Only the caller can know that they are.
    function decide(uint256[] calldata accumulators) external view;
}
