// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ModExp} from "./ModExp.sol";

/// @title X25519, the Diffie-Hellman function of RFC 7748
/// @notice Keys and secrets are 32 bytes, little-endian, as everywhere else. A secret that comes here is public: nothing hides
/// it from timing or gas.
library X25519 {
    /// @notice Coordinates are below this prime.
    uint256 internal constant P = 2 ** 255 - 19;
    /// @dev The base point's coordinate, 9, as 32 little-endian bytes.
    bytes32 private constant BASE = bytes32(uint256(9) << 248);
    /// @dev Coordinates of the points of order 8 on the curve. Those of order 1, 2 and 4, on curve and twist, are 0, 1 and P - 1.
    uint256 private constant ORDER_8 = 325606250916557431795983626356110631294008115727848805560023387167927233504;
    uint256 private constant OTHER_ORDER_8 =
        39382357235489614581723060781553021112529911719440698176882885853963445705823;

    /// @notice Public key of a secret.
    function publicKey(bytes32 secret) internal view returns (bytes32) {
        return shared(secret, BASE);
    }

    /// @notice X25519(secret, key). It is zero for keys of small order, and for no other.
    /// @dev The key's top bit does not count, and a key from P on stands for its remainder, as RFC 7748 has it.
    function shared(bytes32 secret, bytes32 key) internal view returns (bytes32) {
        uint256 scalar = (_reversed(secret) & (2 ** 254 - 8)) | 2 ** 254;
        (uint256 x, uint256 z) = _ladder(scalar, (_reversed(key) & (2 ** 255 - 1)) % P);
        return bytes32(_reversed(bytes32(mulmod(x, ModExp.power(z, P - 2, P), P))));
    }

    /// @notice Whether a key may be used: a canonical coordinate, of no point of small order.
    function isAcceptable(bytes32 key) internal pure returns (bool) {
        uint256 u = _reversed(key);
        return u > 1 && u < P - 1 && u != ORDER_8 && u != OTHER_ORDER_8;
    }

    /// @dev The Montgomery ladder of RFC 7748, section 5: x and z of scalar * (u : 1), for a clamped scalar and u < P.
    ///
    /// Sums are not reduced: both summands are below P (a difference a - b is a + (P - b)), so they stay below 2 P < 2^256, and
    /// `mulmod` takes that. Instead of swapping the two points, the one to be doubled is chosen: their sum is symmetric.
    /// Assembly: checked arithmetic would take three times the gas.
    function _ladder(uint256 scalar, uint256 u) private pure returns (uint256 x2, uint256 z2) {
        assembly ("memory-safe") {
            let p := P
            // (x2 : z2) is the point doubled last, (x3 : z3) the one added last; in the beginning infinity and (u : 1).
            x2 := 1
            z2 := 0
            let x3 := u
            let z3 := 1
            // From the top bit on: whether bit t of the scalar differs from bit t + 1, for t from 254 down to 0. A last one marks
            // the end: when it is at the top, everything was shifted out.
            let flips := or(shl(1, xor(scalar, shr(1, scalar))), 1)
            for {} shl(1, flips) { flips := shl(1, flips) } {
                // A, B of the RFC, and C, D.
                let a := add(x2, z2)
                let b := add(x2, sub(p, z2))
                let c := add(x3, z3)
                let d := add(x3, sub(p, z3))
                // DA and CB: swapping the points swaps these two, and nothing depends on their order.
                x3 := mulmod(d, a, p)
                z3 := mulmod(c, b, p)
                // At a flip the other point is doubled.
                if slt(flips, 0) {
                    a := c
                    b := d
                }
                // AA and BB.
                a := mulmod(a, a, p)
                b := mulmod(b, b, p)
                x2 := mulmod(a, b, p)
                // E = AA - BB; z2 = E (AA + a24 E).
                b := add(a, sub(p, b))
                z2 := mulmod(b, add(a, mulmod(121665, b, p)), p)
                // x3 = (DA + CB)^2; z3 = u (DA - CB)^2.
                c := add(x3, z3)
                d := add(x3, sub(p, z3))
                x3 := mulmod(c, c, p)
                z3 := mulmod(u, mulmod(d, d, p), p)
            }
        }
    }

    /// @dev The number with its bytes in reverse: neighbours are swapped, then pairs, and so on.
    function _reversed(bytes32 word) private pure returns (uint256 v) {
        v = uint256(word);
        uint256 mask = 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        v = ((v >> 8) & mask) | ((v & mask) << 8);
        mask = 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
        v = ((v >> 16) & mask) | ((v & mask) << 16);
        mask = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
        v = ((v >> 32) & mask) | ((v & mask) << 32);
        mask = 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        v = ((v >> 64) & mask) | ((v & mask) << 64);
        v = (v >> 128) | (v << 128);
    }
}
