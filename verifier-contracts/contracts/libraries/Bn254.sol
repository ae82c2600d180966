// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice An affine point of BN254's G1. The precompiles write (0, 0) for the identity.
struct G1Point {
    uint256 x;
    uint256 y;
}

/// @title Points of BN254's G1, by the precompiles of EIP-196
/// @notice A precompile that refuses its input takes all the gas it was given, so each call is given little more than it needs.
library Bn254 {
    /// @notice Coordinates are below this prime.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;
    /// @notice Order of the group; scalars and public inputs are below this prime.
    uint256 internal constant R = 21888242871839275222246405745257275088548364400416034343698204186575808495617;

    /// @notice Generator of G2; the precompile takes each coordinate's part 1 before part 0.
    uint256 internal constant G2_X0 = 10857046999023057135944570762232829481370756359578518086990519993285655852781;
    uint256 internal constant G2_X1 = 11559732032986387107991004021392285783925812861821192530917403151452391805634;
    uint256 internal constant G2_Y0 = 8495653923123431417604973247489272438418190587263600148770280649306958101930;
    uint256 internal constant G2_Y1 = 4082367875863433681332203403145435568316851327593401208105741076214120093531;

    /// @dev Price of the addition is 150 (EIP-1108), it was 500 before.
    uint256 private constant ADD_GAS = 1_000;
    /// @dev Price of the multiplication is 6,000 (EIP-1108).
    uint256 private constant MUL_GAS = 12_000;

    /// @notice A coordinate is not below the field's prime.
    error ZkPocCurveCoordinate(uint256 below, uint256 got);
    /// @notice The point is not on the curve; (0, 0) stands for the identity and is not accepted either.
    error ZkPocCurvePoint(uint256 x, uint256 y);
    /// @notice A precompile failed or answered with another number of bytes.
    error ZkPocCurvePrecompile(address precompile);

    /// @notice Reverts unless the point is canonical, on the curve and not the identity.
    function requirePoint(G1Point memory point) internal pure {
        (uint256 x, uint256 y) = (point.x, point.y);
        if (x >= Q) revert ZkPocCurveCoordinate(Q, x);
        if (y >= Q) revert ZkPocCurveCoordinate(Q, y);
        // (0, 0) fails too: 0 is not 3.
        if (mulmod(y, y, Q) != addmod(mulmod(x, mulmod(x, x, Q), Q), 3, Q)) revert ZkPocCurvePoint(x, y);
    }

    /// @notice sum += (x, y), in place.
    /// @dev Assembly here and in `addMul`: a link is eleven calls, and calling a precompile the high-level way costs 900 gas
    /// more each time.
    function add(G1Point memory sum, uint256 x, uint256 y) internal view {
        bool good;
        assembly ("memory-safe") {
            // Scratch behind the free memory pointer: sum.x, sum.y, x, y.
            let scratch := mload(0x40)
            mstore(scratch, mload(sum))
            mstore(add(scratch, 0x20), mload(add(sum, 0x20)))
            mstore(add(scratch, 0x40), x)
            mstore(add(scratch, 0x60), y)
            good := staticcall(ADD_GAS, 0x06, scratch, 0x80, sum, 0x40)
            // On a chain without the precompile the call succeeds and returns nothing.
            good := and(good, eq(returndatasize(), 0x40))
        }
        if (!good) revert ZkPocCurvePrecompile(address(6));
    }

    /// @notice sum += scalar * (x, y), in place.
    function addMul(G1Point memory sum, uint256 x, uint256 y, uint256 scalar) internal view {
        bool good;
        assembly ("memory-safe") {
            // Scratch behind the free memory pointer: sum.x, sum.y, then x, y, scalar; the product takes the place of x, y.
            let scratch := mload(0x40)
            let product := add(scratch, 0x40)
            mstore(product, x)
            mstore(add(scratch, 0x60), y)
            mstore(add(scratch, 0x80), scalar)
            // On a chain without the precompile the call succeeds and returns nothing.
            good := and(eq(returndatasize(), 0x40), staticcall(MUL_GAS, 0x07, product, 0x60, product, 0x40))
        }
        if (!good) revert ZkPocCurvePrecompile(address(7));
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            mstore(scratch, mload(sum))
            mstore(add(scratch, 0x20), mload(add(sum, 0x20)))
            // The product of the block before lies behind the sum.
            good := and(eq(returndatasize(), 0x40), staticcall(ADD_GAS, 0x06, scratch, 0x80, sum, 0x40))
        }
        if (!good) revert ZkPocCurvePrecompile(address(6));
    }
}
