// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {G1Point} from "./Bn254.sol";

/// @title Committed points inside a proof
/// @notice A proof begins with the commitments of the columns that contracts compare (model, data, update, sum), 64 bytes each, at
/// offsets that the generated layout libraries name. These functions check nothing: callers check the proof's length first, and the
/// verifier checks that the points are on the curve.
library ProofPoints {
    /// @notice The point at `offset`.
    function pointAt(bytes calldata proof, uint256 offset) internal pure returns (G1Point memory point) {
        bytes calldata words = proof[offset:offset + 64];
        assembly ("memory-safe") {
            // A point in memory is its two words.
            calldatacopy(point, words.offset, 0x40)
        }
    }

    /// @notice The proof with `points` put in at `offset`.
    function insert(bytes calldata proof, uint256 offset, bytes memory points) internal pure returns (bytes memory) {
        return bytes.concat(proof[:offset], points, proof[offset:]);
    }

    /// @notice Commitment id of `count` points from `offset` on: the digest of their coordinates.
    function idOf(bytes calldata proof, uint256 offset, uint256 count) internal pure returns (bytes32) {
        return keccak256(proof[offset:offset + 64 * count]);
    }
}
