// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "../../contracts/libraries/Bn254.sol";
import {X25519} from "../../contracts/libraries/X25519.sol";
import {Test} from "../utils/Vm.sol";

contract X25519Harness {
    function shared(bytes32 secret, bytes32 key) external view returns (bytes32) {
        return X25519.shared(secret, key);
    }
}

contract X25519Test is Test {
    bytes32 private constant BASE = 0x0900000000000000000000000000000000000000000000000000000000000000;
    uint256 private constant P = 2 ** 255 - 19;

    function _littleEndian(uint256 number) private pure returns (bytes32 word) {
        for (uint256 i = 0; i < 32; ++i) {
            word |= bytes32(((number >> (8 * i)) & 0xff) << (248 - 8 * i));
        }
    }

    function _smallOrder() private pure returns (uint256[5] memory) {
        return [
            0,
            1,
            325606250916557431795983626356110631294008115727848805560023387167927233504,
            39382357235489614581723060781553021112529911719440698176882885853963445705823,
            P - 1
        ];
    }

    function test_VectorsOfSection5_2() public view {
        vm.assertEq(
            X25519.shared(
                0xa546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4,
                0xe6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c
            ),
            bytes32(0xc3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552)
        );
        // This one's top bit is set.
        vm.assertEq(
            X25519.shared(
                0x4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d,
                0xe5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493
            ),
            bytes32(0x95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957)
        );
    }

    function test_IterationsOfSection5_2() public view {
        (bytes32 secret, bytes32 key) = (BASE, BASE);
        for (uint256 i = 0; i < 1_000; ++i) {
            (secret, key) = (X25519.shared(secret, key), secret);
            if (i == 0) {
                vm.assertEq(secret, bytes32(0x422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079));
            }
        }
        vm.assertEq(secret, bytes32(0x684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51));
    }

    function test_DiffieHellmanOfSection6_1() public view {
        bytes32 alice = 0x77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a;
        bytes32 alices = 0x8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a;
        bytes32 bob = 0x5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb;
        bytes32 bobs = 0xde9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f;
        bytes32 secret = 0x4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742;
        vm.assertEq(X25519.publicKey(alice), alices);
        vm.assertEq(X25519.publicKey(bob), bobs);
        vm.assertEq(X25519.shared(alice, bobs), secret);
        vm.assertEq(X25519.shared(bob, alices), secret);
    }

    function testFuzz_BothEndsAgree(bytes32 one, bytes32 other) public view {
        (bytes32 left, bytes32 right) = (X25519.publicKey(one), X25519.publicKey(other));
        bytes32 secret = X25519.shared(one, right);
        vm.assertEq(secret, X25519.shared(other, left));
        vm.assertNotEq(secret, bytes32(0));
        vm.assertTrue(X25519.isAcceptable(left));
        vm.assertTrue(X25519.isAcceptable(right));
    }

    function testFuzz_ClampedBitsOfASecretDoNotCount(bytes32 secret, bytes32 key) public view {
        // Bits 0 to 2 of the first byte, the two top bits of the last one.
        bytes32 clamped = secret & ~bytes32(uint256(7) << 248 | 0xc0);
        vm.assertEq(X25519.shared(secret, key), X25519.shared(clamped, key));
    }

    function testFuzz_KeysOfSmallOrderGiveZero(bytes32 secret) public view {
        uint256[5] memory keys = _smallOrder();
        for (uint256 i = 0; i < 5; ++i) {
            vm.assertEq(X25519.shared(secret, _littleEndian(keys[i])), bytes32(0));
            vm.assertFalse(X25519.isAcceptable(_littleEndian(keys[i])));
            // Another spelling of the number, where there is one, and the top bit.
            if (keys[i] < 19) {
                vm.assertEq(X25519.shared(secret, _littleEndian(P + keys[i])), bytes32(0));
                vm.assertFalse(X25519.isAcceptable(_littleEndian(P + keys[i])));
            }
            vm.assertEq(X25519.shared(secret, _littleEndian(2 ** 255 + keys[i])), bytes32(0));
            vm.assertFalse(X25519.isAcceptable(_littleEndian(2 ** 255 + keys[i])));
        }
    }

    function testFuzz_OtherSpellingsAreReadButNotAcceptable(bytes32 secret, uint256 u) public view {
        u = u % 2 ** 255 % P;
        bytes32 expected = X25519.shared(secret, _littleEndian(u));
        vm.assertEq(X25519.shared(secret, _littleEndian(2 ** 255 + u)), expected);
        vm.assertFalse(X25519.isAcceptable(_littleEndian(2 ** 255 + u)));
        uint256 small = u % 19;
        vm.assertEq(X25519.shared(secret, _littleEndian(P + small)), X25519.shared(secret, _littleEndian(small)));
        vm.assertFalse(X25519.isAcceptable(_littleEndian(P + small)));
    }

    function test_AcceptsNeighboursOfWhatIsNotAcceptable() public pure {
        uint256[5] memory keys = _smallOrder();
        vm.assertTrue(X25519.isAcceptable(_littleEndian(2)));
        vm.assertTrue(X25519.isAcceptable(_littleEndian(keys[2] - 1)));
        vm.assertTrue(X25519.isAcceptable(_littleEndian(keys[2] + 1)));
        vm.assertTrue(X25519.isAcceptable(_littleEndian(keys[3] - 1)));
        vm.assertTrue(X25519.isAcceptable(_littleEndian(keys[3] + 1)));
        vm.assertTrue(X25519.isAcceptable(_littleEndian(P - 2)));
        vm.assertTrue(X25519.isAcceptable(BASE));
    }

    function test_RevertWhen_ExponentiationIsMissing() public {
        X25519Harness harness = new X25519Harness();
        vm.mockCall(address(5), "", "");
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(5)));
        harness.shared(BASE, BASE);
    }

    function test_Gas() public view {
        bytes32 secret = 0x77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a;
        uint256 before = gasleft();
        X25519.shared(secret, BASE);
        vm.assertTrue(before - gasleft() < 110_000);
    }
}
