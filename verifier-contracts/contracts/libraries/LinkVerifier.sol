// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LinkBases} from "../generated/LinkBases.sol";
import {Bn254, G1Point} from "./Bn254.sol";

/// @notice The equation of a link, R = sum of z_i B_i + e (C' - C), in nine words.
/// @param differenceX C' - C.
/// @param differenceY Its other coordinate.
/// @param nonceX R.
/// @param nonceY Its other coordinate.
/// @param challenge e.
/// @param z0 Answer for the first base, as the others for theirs.
struct Link {
    uint256 differenceX;
    uint256 differenceY;
    uint256 nonceX;
    uint256 nonceY;
    uint256 challenge;
    uint256 z0;
    uint256 z1;
    uint256 z2;
    uint256 z3;
}

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
        Link memory equation = read(context, registered, copy, link);
        G1Point memory sum = _right(equation);
        if (!_isNonce(sum, equation)) revert ZkPocLinkInvalid(equation.nonceX, sum.x);
    }

    /// @notice The equation of a link; reverts unless points and scalars are good. The parameters are those of `verify`.
    function read(uint256 context, G1Point memory registered, G1Point memory copy, bytes calldata link)
        internal
        view
        returns (Link memory equation)
    {
        if (link.length != LINK_BYTES) revert ZkPocLinkLength(LINK_BYTES, link.length);
        uint256[6] memory words;
        assembly ("memory-safe") {
            // The length is that of the six words.
            calldatacopy(words, link.offset, 0xc0)
        }
        Bn254.requirePoint(registered);
        Bn254.requirePoint(copy);
        Bn254.requirePoint(G1Point(words[0], words[1]));
        if (registered.x == copy.x && registered.y == copy.y) revert ZkPocLinkSameCommitment(copy.x, copy.y);
        _requireScalar(words[2]);
        _requireScalar(words[3]);
        _requireScalar(words[4]);
        _requireScalar(words[5]);
        equation.challenge = uint256(
            keccak256(abi.encode(LINK_TAG, context, registered.x, registered.y, copy.x, copy.y, words[0], words[1]))
        ) % Bn254.R;
        (equation.nonceX, equation.nonceY) = (words[0], words[1]);
        (equation.z0, equation.z1, equation.z2, equation.z3) = (words[2], words[3], words[4], words[5]);
        G1Point memory difference = G1Point(copy.x, copy.y);
        // No point has y = 0, so this is the negative of C.
        Bn254.add(difference, registered.x, Bn254.Q - registered.y);
        (equation.differenceX, equation.differenceY) = (difference.x, difference.y);
    }

    /// @notice Whether an equation holds.
    function holds(Link memory equation) internal view returns (bool) {
        return _isNonce(_right(equation), equation);
    }

    /// @notice Whether all equations hold: whether their sum with powers of a challenge does.
    /// @dev The challenge is a hash of all equations. One that is wrong leaves a polynomial in the challenge that is not zero, of
    /// degree below their number: it has fewer zeros than there are equations, of r values.
    function hold(Link[] memory equations) internal view returns (bool) {
        bytes32 all;
        for (uint256 i = 0; i < equations.length; ++i) {
            all = keccak256(abi.encode(all, equations[i]));
        }
        uint256 rho = uint256(all) % Bn254.R;
        uint256 weight = 1;
        Link memory sum;
        G1Point memory left;
        G1Point memory right;
        for (uint256 i = 0; i < equations.length; ++i) {
            Link memory equation = equations[i];
            sum.z0 = addmod(sum.z0, mulmod(weight, equation.z0, Bn254.R), Bn254.R);
            sum.z1 = addmod(sum.z1, mulmod(weight, equation.z1, Bn254.R), Bn254.R);
            sum.z2 = addmod(sum.z2, mulmod(weight, equation.z2, Bn254.R), Bn254.R);
            sum.z3 = addmod(sum.z3, mulmod(weight, equation.z3, Bn254.R), Bn254.R);
            Bn254.addMul(
                right,
                equation.differenceX,
                equation.differenceY,
                mulmod(weight, equation.challenge, Bn254.R)
            );
            if (i == 0) (left.x, left.y) = (equation.nonceX, equation.nonceY);
            else Bn254.addMul(left, equation.nonceX, equation.nonceY, weight);
            weight = mulmod(weight, rho, Bn254.R);
        }
        _addBases(right, sum);
        return left.x == right.x && left.y == right.y;
    }

    function _requireScalar(uint256 scalar) private pure {
        if (scalar >= Bn254.R) revert ZkPocLinkScalar(Bn254.R, scalar);
    }

    /// @dev sum of z_i B_i + e (C' - C). The sum begins as the identity.
    function _right(Link memory equation) private view returns (G1Point memory sum) {
        Bn254.addMul(sum, equation.differenceX, equation.differenceY, equation.challenge);
        _addBases(sum, equation);
    }

    function _addBases(G1Point memory sum, Link memory equation) private view {
        Bn254.addMul(sum, LinkBases.B0_X, LinkBases.B0_Y, equation.z0);
        Bn254.addMul(sum, LinkBases.B1_X, LinkBases.B1_Y, equation.z1);
        Bn254.addMul(sum, LinkBases.B2_X, LinkBases.B2_Y, equation.z2);
        Bn254.addMul(sum, LinkBases.B3_X, LinkBases.B3_Y, equation.z3);
    }

    function _isNonce(G1Point memory sum, Link memory equation) private pure returns (bool) {
        return sum.x == equation.nonceX && sum.y == equation.nonceY;
    }
}
