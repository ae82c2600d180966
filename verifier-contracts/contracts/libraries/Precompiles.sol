// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254, G1Point} from "./Bn254.sol";

/// @title A test of the precompiles that verification needs, at deployment
/// @notice Some chains lack the precompiles of EIP-196 to EIP-198, or answer otherwise at their addresses. No proof would verify
/// there, so constructors call this and the deployment fails.
library Precompiles {
    uint256 private constant TRIAL_GAS = 300_000;

    /// @notice Reverts unless exponentiation, addition, multiplication and pairing give what they must.
    function requireAll() internal view {
        bytes memory inverse = _call(5, abi.encode(32, 32, 32, 3, Bn254.R - 2, Bn254.R), 32);
        if (mulmod(abi.decode(inverse, (uint256)), 3, Bn254.R) != 1) revert Bn254.ZkPocCurvePrecompile(address(5));
        G1Point memory sum = G1Point(1, 2);
        Bn254.add(sum, 1, 2);
        Bn254.requirePoint(sum);
        G1Point memory product;
        Bn254.addMul(product, 1, 2, 2);
        if (sum.x != product.x || sum.y != product.y) revert Bn254.ZkPocCurvePrecompile(address(7));
        // The generators' pairing is not one; times that with the negative it is.
        bytes memory pair = abi.encode(1, 2, Bn254.G2_X1, Bn254.G2_X0, Bn254.G2_Y1, Bn254.G2_Y0);
        bytes memory negative = abi.encode(1, Bn254.Q - 2, Bn254.G2_X1, Bn254.G2_X0, Bn254.G2_Y1, Bn254.G2_Y0);
        bool one = abi.decode(_call(8, pair, 32), (uint256)) == 1;
        bool both = abi.decode(_call(8, bytes.concat(pair, negative), 32), (uint256)) == 1;
        if (one || !both) revert Bn254.ZkPocCurvePrecompile(address(8));
    }

    function _call(uint160 precompile, bytes memory input, uint256 length) private view returns (bytes memory output) {
        bool success;
        (success, output) = address(precompile).staticcall{gas: TRIAL_GAS}(input);
        if (!success || output.length != length) revert Bn254.ZkPocCurvePrecompile(address(precompile));
    }
}
