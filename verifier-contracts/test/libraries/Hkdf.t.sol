// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Hkdf} from "../../contracts/libraries/Hkdf.sol";
import {Test} from "../utils/Vm.sol";

/// @notice Test cases of RFC 5869 with SHA-256: the first 32 bytes of their output.
contract HkdfTest is Test {
    /// @dev `length` bytes that count up from `first`.
    function _counting(uint256 first, uint256 length) private pure returns (bytes memory out) {
        out = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            out[i] = bytes1(uint8(first + i));
        }
    }

    function test_Case1() public pure {
        bytes memory ikm = hex"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
        vm.assertEq(
            Hkdf.derive(_counting(0, 13), ikm, _counting(0xf0, 10)),
            bytes32(0x3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf)
        );
    }

    function test_Case2SaltIsLongerThanABlock() public pure {
        vm.assertEq(
            Hkdf.derive(_counting(0x60, 80), _counting(0, 80), _counting(0xb0, 80)),
            bytes32(0xb11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c)
        );
    }

    function test_Case3SaltAndInfoAreEmpty() public pure {
        bytes memory ikm = hex"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
        vm.assertEq(
            Hkdf.derive("", ikm, ""), bytes32(0x8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d)
        );
    }

    function test_SeedOfAPair() public pure {
        // The shared secret of RFC 7748, section 6.1; computed with Python's hmac.
        bytes memory secret = hex"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
        vm.assertEq(
            Hkdf.derive("zkpoc.mask.v1", secret, "info"),
            bytes32(0x4082754b59dd70498b8c06ea674dcedc7b438467149d01f8817543dda8e71328)
        );
    }

    function testFuzz_ZerosBehindAShortSaltDoNotCount(bytes memory ikm, bytes memory info) public pure {
        vm.assertEq(Hkdf.derive("salt", ikm, info), Hkdf.derive(bytes.concat("salt", new bytes(60)), ikm, info));
        vm.assertNotEq(Hkdf.derive("salt", ikm, info), Hkdf.derive(bytes.concat("salt", new bytes(61)), ikm, info));
    }

    function testFuzz_EveryInputCounts(bytes memory ikm, bytes memory info) public pure {
        bytes32 out = Hkdf.derive("salt", ikm, info);
        vm.assertNotEq(out, Hkdf.derive("salt2", ikm, info));
        vm.assertNotEq(out, Hkdf.derive("salt", bytes.concat(ikm, hex"00"), info));
        vm.assertNotEq(out, Hkdf.derive("salt", ikm, bytes.concat(info, hex"00")));
    }
}
