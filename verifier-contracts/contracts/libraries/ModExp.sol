// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Powers modulo a number of 32 bytes, by the precompile of EIP-198
library ModExp {
    /// @notice base^exponent mod modulus.
    /// @dev Assembly: the call costs half of what it does with its input built in Solidity.
    function power(uint256 base, uint256 exponent, uint256 modulus) internal view returns (uint256 result) {
        bool good;
        assembly ("memory-safe") {
            // Behind the free memory pointer: three lengths of 32, then the numbers.
            let scratch := mload(0x40)
            mstore(scratch, 0x20)
            mstore(add(scratch, 0x20), 0x20)
            mstore(add(scratch, 0x40), 0x20)
            mstore(add(scratch, 0x60), base)
            mstore(add(scratch, 0x80), exponent)
            mstore(add(scratch, 0xa0), modulus)
            // The precompile refuses no input of this form, so it may have all the gas.
            good := staticcall(gas(), 0x05, scratch, 0xc0, 0x00, 0x20)
            // On a chain without the precompile the call succeeds and returns nothing.
            good := and(good, eq(returndatasize(), 0x20))
            result := mload(0x00)
        }
        if (!good) revert Bn254.ZkPocCurvePrecompile(address(5));
    }
}
