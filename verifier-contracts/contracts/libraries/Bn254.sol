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

    /// @dev Price of the addition is 150 (EIP-1108), it was 500 before.
    uint256 private constant ADD_GAS = 1_000;
    /// @dev Price of the multiplication is 6,000 (EIP-1108).
    uint256 private constant MUL_GAS = 12_000;

    /// @notice A coordinate is not below the field's prime.
    error ZkPocCurveCoordinate(uint256 below, uint256 got);
    /// @notice The point is not on the curve; (0, 0) stands for the identity and is not accepted either.
    error ZkPocCurvePoint(uint256 x, uint256 y);
    /// @notice A precompile failed or answered with another number of bytes.
    error ZkPocCurvePrecompile(address precompile, uint256 returned);

    /// @notice Reverts unless the point is canonical, on the curve and not the identity.
    function requirePoint(G1Point memory point) internal pure {
        (uint256 x, uint256 y) = (point.x, point.y);
        if (x >= Q) revert ZkPocCurveCoordinate(Q, x);
        if (y >= Q) revert ZkPocCurveCoordinate(Q, y);
        // (0, 0) fails too: 0 is not 3.
        if (mulmod(y, y, Q) != addmod(mulmod(x, mulmod(x, x, Q), Q), 3, Q)) revert ZkPocCurvePoint(x, y);
    }

    /// @notice The point's inverse; the point is canonical and not the identity.
    function negate(G1Point memory point) internal pure returns (G1Point memory) {
        // y is never 0: the group's order is odd.
        return G1Point(point.x, Q - point.y);
    }

    /// @notice a + b.
    function add(G1Point memory a, G1Point memory b) internal view returns (G1Point memory) {
        return _call(address(6), ADD_GAS, abi.encode(a.x, a.y, b.x, b.y));
    }

    /// @notice scalar * point.
    function mul(uint256 x, uint256 y, uint256 scalar) internal view returns (G1Point memory) {
        return _call(address(7), MUL_GAS, abi.encode(x, y, scalar));
    }

    function _call(address precompile, uint256 gasLimit, bytes memory input) private view returns (G1Point memory) {
        (bool success, bytes memory output) = precompile.staticcall{gas: gasLimit}(input);
        // On a chain without the precompile the call succeeds and returns nothing.
        if (!success || output.length != 64) revert ZkPocCurvePrecompile(precompile, output.length);
        return abi.decode(output, (G1Point));
    }
}
