// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {LinkVerifier} from "../../contracts/libraries/LinkVerifier.sol";
import {Curve} from "../utils/Curve.sol";
import {Test} from "../utils/Vm.sol";

/// @dev Makes the library's calls external, so that their reverts can be expected.
contract LinkHarness {
    function verify(uint256 context, G1Point memory registered, G1Point memory copy, bytes calldata link)
        external
        view
    {
        LinkVerifier.verify(context, registered, copy, link);
    }
}

contract LinkVerifierTest is Test {
    uint256 private constant CONTEXT = 123456789;

    LinkHarness private harness;
    G1Point private registered;
    G1Point private copy;
    bytes private link;

    function setUp() public {
        harness = new LinkHarness();
        registered = Curve.point(42);
        uint256[4] memory delta = Curve.scalars(7);
        copy = Curve.reblind(registered, delta);
        link = Curve.link(CONTEXT, registered, copy, delta);
    }

    function _withWord(uint256 index, uint256 value) private view returns (bytes memory) {
        uint256[6] memory words = abi.decode(link, (uint256[6]));
        words[index] = value;
        return abi.encode(words);
    }

    function _word(uint256 index) private view returns (uint256) {
        return abi.decode(link, (uint256[6]))[index];
    }

    function test_AcceptsAnHonestLink() public view {
        harness.verify(CONTEXT, registered, copy, link);
    }

    function testFuzz_AcceptsHonestLinks(uint256 context, uint256 data, uint256 seed) public view {
        vm.assume(data % Bn254.R != 0);
        context %= Bn254.R;
        G1Point memory original = Curve.point(data);
        uint256[4] memory delta = Curve.scalars(seed);
        G1Point memory fresh = Curve.reblind(original, delta);
        harness.verify(context, original, fresh, Curve.link(context, original, fresh, delta));
    }

    function testFuzz_RevertWhen_AnyByteChanges(uint256 position, uint8 change) public {
        vm.assume(change != 0);
        bytes memory changed = link;
        position %= changed.length;
        changed[position] = bytes1(uint8(changed[position]) ^ change);
        (bool success,) =
            address(harness).call(abi.encodeCall(LinkHarness.verify, (CONTEXT, registered, copy, changed)));
        vm.assertFalse(success);
    }

    function testFuzz_RevertWhen_ContextDiffers(uint256 context) public {
        vm.assume(context != CONTEXT);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        harness.verify(context, registered, copy, link);
    }

    function test_RevertWhen_DataDiffers() public {
        // A copy of other data, with the same blinding and an otherwise honest link.
        uint256[4] memory delta = Curve.scalars(7);
        G1Point memory other = Curve.reblind(Curve.point(43), delta);
        bytes memory forged = Curve.link(CONTEXT, registered, other, delta);
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        harness.verify(CONTEXT, registered, other, forged);
    }

    function test_RevertWhen_RolesAreSwapped() public {
        vm.expectPartialRevert(LinkVerifier.ZkPocLinkInvalid.selector);
        harness.verify(CONTEXT, copy, registered, link);
    }

    function test_RevertWhen_CommitmentIsReused() public {
        uint256[4] memory none;
        bytes memory same = Curve.link(CONTEXT, registered, registered, none);
        vm.expectRevert(
            abi.encodeWithSelector(LinkVerifier.ZkPocLinkSameCommitment.selector, registered.x, registered.y)
        );
        harness.verify(CONTEXT, registered, registered, same);
    }

    function test_RevertWhen_LengthDiffers() public {
        vm.expectRevert(abi.encodeWithSelector(LinkVerifier.ZkPocLinkLength.selector, 192, 193));
        harness.verify(CONTEXT, registered, copy, bytes.concat(link, hex"00"));
        vm.expectRevert(abi.encodeWithSelector(LinkVerifier.ZkPocLinkLength.selector, 192, 0));
        harness.verify(CONTEXT, registered, copy, "");
    }

    function test_RevertWhen_ScalarIsNotReduced() public {
        for (uint256 i = 2; i < 6; ++i) {
            uint256 alias_ = _word(i) + Bn254.R;
            vm.expectRevert(abi.encodeWithSelector(LinkVerifier.ZkPocLinkScalar.selector, Bn254.R, alias_));
            harness.verify(CONTEXT, registered, copy, _withWord(i, alias_));
        }
    }

    function test_RevertWhen_NonceCoordinateIsNotReduced() public {
        for (uint256 i = 0; i < 2; ++i) {
            uint256 alias_ = _word(i) + Bn254.Q;
            vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, alias_));
            harness.verify(CONTEXT, registered, copy, _withWord(i, alias_));
        }
    }

    function test_RevertWhen_CommitmentCoordinateIsNotReduced() public {
        G1Point memory bad = G1Point(registered.x + Bn254.Q, registered.y);
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, bad.x));
        harness.verify(CONTEXT, bad, copy, link);
        bad = G1Point(copy.x, copy.y + Bn254.Q);
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, bad.y));
        harness.verify(CONTEXT, registered, bad, link);
    }

    function test_RevertWhen_NonceIsTheIdentity() public {
        bytes memory zero = abi.encode([uint256(0), 0, 1, 1, 1, 1]);
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePoint.selector, 0, 0));
        harness.verify(CONTEXT, registered, copy, zero);
    }

    function test_RevertWhen_PointIsOffTheCurve() public {
        uint256 x = _word(0) == 0 ? 1 : _word(0) - 1;
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePoint.selector, x, _word(1)));
        harness.verify(CONTEXT, registered, copy, _withWord(0, x));
    }

    function test_RevertWhen_PointIsOffTheCurve_WithoutBurningGas() public {
        bytes memory call = abi.encodeCall(LinkHarness.verify, (CONTEXT, G1Point(1, 3), copy, link));
        uint256 before = gasleft();
        (bool success,) = address(harness).call{gas: 5_000_000}(call);
        vm.assertFalse(success);
        vm.assertTrue(before - gasleft() < 50_000);
    }
}
