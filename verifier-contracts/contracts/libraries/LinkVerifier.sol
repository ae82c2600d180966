// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LinkBases} from "../generated/LinkBases.sol";
import {Bn254, G1Point} from "./Bn254.sol";

/// @title Link proof: two commitments open to the same data
/// @notice A registered commitment C and its freshly blinded copy C' in a proof differ in the last four rows only:
/// C - C' = sum of d_i B_i, where B_i commits to the i-th of these rows alone. The proof is Schnorr's proof of knowledge
/// of the d_i: (R, z_0..z_3) with sum of z_i B_i = R + e (C - C') for the challenge e over tag, context, C, C' and R.
library LinkVerifier {
    /// @notice R and four scalars.
    uint256 internal constant LINK_BYTES = 192;
    /// @notice Tag of the challenge.
    bytes32 internal constant LINK_TAG = keccak256("zkpoc.link.v1");

    /// @notice The link has another length.
    error ZkPocLinkLength(uint256 expected, uint256 got);
    /// @notice A scalar is not below the group's order.
    error ZkPocLinkScalar(uint256 below, uint256 got);
    /// @notice A registered commitment must not occur in a proof: that would spend its blinding.
    error ZkPocLinkSameCommitment(uint256 x, uint256 y);
    /// @notice The equation does not hold.
    error ZkPocLinkInvalid(uint256 expectedX, uint256 gotX);

    /// @notice Reverts unless the link is valid.
    /// @param context What the link is bound to, the same as the proof.
    /// @param registered The registered commitment C.
    /// @param copy The proof's data point C'.
    /// @param link R.x, R.y, z_0 .. z_3.
    function verify(uint256 context, G1Point memory registered, G1Point memory copy, bytes calldata link)
        internal
        view
    {
        if (link.length != LINK_BYTES) revert ZkPocLinkLength(LINK_BYTES, link.length);
        uint256[6] memory words = abi.decode(link, (uint256[6]));
        G1Point memory nonce = G1Point(words[0], words[1]);
        Bn254.requirePoint(registered);
        Bn254.requirePoint(copy);
        Bn254.requirePoint(nonce);
        if (registered.x == copy.x && registered.y == copy.y) revert ZkPocLinkSameCommitment(copy.x, copy.y);
        uint256 challenge = uint256(
            keccak256(abi.encode(LINK_TAG, context, registered.x, registered.y, copy.x, copy.y, nonce.x, nonce.y))
        ) % Bn254.R;

        // With R on its own side: R = sum of z_i B_i + e (C' - C). The sum begins as the identity.
        G1Point memory difference = G1Point(copy.x, copy.y);
        // No point has y = 0, so this is the negative of C.
        Bn254.add(difference, registered.x, Bn254.Q - registered.y);
        G1Point memory sum;
        Bn254.addMul(sum, difference.x, difference.y, challenge);
        _addTerm(sum, LinkBases.B0_X, LinkBases.B0_Y, words[2]);
        _addTerm(sum, LinkBases.B1_X, LinkBases.B1_Y, words[3]);
        _addTerm(sum, LinkBases.B2_X, LinkBases.B2_Y, words[4]);
        _addTerm(sum, LinkBases.B3_X, LinkBases.B3_Y, words[5]);
        if (sum.x != nonce.x || sum.y != nonce.y) revert ZkPocLinkInvalid(nonce.x, sum.x);
    }

    function _addTerm(G1Point memory sum, uint256 x, uint256 y, uint256 scalar) private view {
        if (scalar >= Bn254.R) revert ZkPocLinkScalar(Bn254.R, scalar);
        Bn254.addMul(sum, x, y, scalar);
    }
}
