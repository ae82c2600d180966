// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LinkBases} from "../../contracts/generated/LinkBases.sol";
import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {LinkVerifier} from "../../contracts/libraries/LinkVerifier.sol";

/// @title The prover's side of links, on real points
library Curve {
    /// @notice scalar * generator.
    function point(uint256 scalar) internal view returns (G1Point memory) {
        G1Point memory out;
        Bn254.addMul(out, 1, 2, scalar);
        return out;
    }

    /// @notice sum of values_i B_i.
    function combine(uint256[4] memory values) internal view returns (G1Point memory sum) {
        Bn254.addMul(sum, LinkBases.B0_X, LinkBases.B0_Y, values[0]);
        Bn254.addMul(sum, LinkBases.B1_X, LinkBases.B1_Y, values[1]);
        Bn254.addMul(sum, LinkBases.B2_X, LinkBases.B2_Y, values[2]);
        Bn254.addMul(sum, LinkBases.B3_X, LinkBases.B3_Y, values[3]);
    }

    /// @notice Four scalars from a seed.
    function scalars(uint256 seed) internal pure returns (uint256[4] memory out) {
        for (uint256 i = 0; i < 4; ++i) {
            out[i] = uint256(keccak256(abi.encode(seed, i))) % Bn254.R;
        }
    }

    /// @notice The copy of a commitment with other blinding: C' = C - sum of d_i B_i.
    function reblind(G1Point memory registered, uint256[4] memory delta) internal view returns (G1Point memory) {
        G1Point memory difference = combine(delta);
        if (difference.y != 0) difference.y = Bn254.Q - difference.y;
        Bn254.add(difference, registered.x, registered.y);
        return difference;
    }

    /// @notice The challenge of a link.
    function challenge(uint256 context, G1Point memory registered, G1Point memory copy, G1Point memory nonce)
        internal
        pure
        returns (uint256)
    {
        return uint256(
            keccak256(
            abi.encode(LinkVerifier.LINK_TAG, context, registered.x, registered.y, copy.x, copy.y, nonce.x, nonce.y)
        )
        ) % Bn254.R;
    }

    /// @notice An honest link for C - C' = sum of delta_i B_i.
    function link(uint256 context, G1Point memory registered, G1Point memory copy, uint256[4] memory delta)
        internal
        view
        returns (bytes memory)
    {
        uint256[4] memory rho = scalars(uint256(keccak256(abi.encode(context, copy.x))));
        G1Point memory nonce = combine(rho);
        uint256 e = challenge(context, registered, copy, nonce);
        uint256[6] memory words;
        (words[0], words[1]) = (nonce.x, nonce.y);
        for (uint256 i = 0; i < 4; ++i) {
            words[2 + i] = addmod(rho[i], mulmod(e, delta[i], Bn254.R), Bn254.R);
        }
        return abi.encode(words);
    }
}
