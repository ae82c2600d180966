// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {Test} from "../utils/Vm.sol";

contract Bn254Harness {
    function requirePoint(G1Point memory point) external pure {
        Bn254.requirePoint(point);
    }

    function add(G1Point memory sum, uint256 x, uint256 y) external view returns (G1Point memory) {
        Bn254.add(sum, x, y);
        return sum;
    }

    function addMul(G1Point memory sum, uint256 x, uint256 y, uint256 scalar) external view returns (G1Point memory) {
        Bn254.addMul(sum, x, y, scalar);
        return sum;
    }
}

contract Bn254Test is Test {
    Bn254Harness private harness;

    function setUp() public {
        harness = new Bn254Harness();
    }

    function testFuzz_MultiplesAreOnTheCurveAndAddUp(uint256 a, uint256 b) public view {
        a %= Bn254.R;
        b %= Bn254.R;
        G1Point memory left;
        Bn254.addMul(left, 1, 2, a);
        Bn254.addMul(left, 1, 2, b);
        G1Point memory right;
        Bn254.addMul(right, 1, 2, addmod(a, b, Bn254.R));
        vm.assertEq(left.x, right.x);
        vm.assertEq(left.y, right.y);
        vm.assume(addmod(a, b, Bn254.R) != 0);
        Bn254.requirePoint(right);
    }

    function testFuzz_NegativesCancel(uint256 scalar) public view {
        vm.assume(scalar % Bn254.R != 0);
        G1Point memory sum;
        Bn254.addMul(sum, 1, 2, scalar);
        Bn254.add(sum, sum.x, Bn254.Q - sum.y);
        vm.assertEq(sum.x, 0);
        vm.assertEq(sum.y, 0);
    }

    function test_KnownMultiples() public view {
        // 2 (1, 2) and 3 (1, 2), from an independent implementation.
        G1Point memory two = harness.add(G1Point(1, 2), 1, 2);
        vm.assertEq(two.x, 0x030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3);
        vm.assertEq(two.y, 0x15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4);
        G1Point memory three = harness.addMul(two, 1, 2, 1);
        vm.assertEq(three.x, 0x0769bf9ac56bea3ff40232bcb1b6bd159315d84715b8e679f2d355961915abf0);
        vm.assertEq(three.y, 0x2ab799bee0489429554fdb7c8d086475319e63b40b9c5b57cdf1ff3dd9fe2261);
    }

    function testFuzz_RevertWhen_OffTheCurve(uint256 x, uint256 y) public {
        x %= Bn254.Q;
        y %= Bn254.Q;
        vm.assume(mulmod(y, y, Bn254.Q) != addmod(mulmod(x, mulmod(x, x, Bn254.Q), Bn254.Q), 3, Bn254.Q));
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePoint.selector, x, y));
        harness.requirePoint(G1Point(x, y));
    }

    function test_RevertWhen_CoordinateIsNotReduced() public {
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, Bn254.Q + 1));
        harness.requirePoint(G1Point(Bn254.Q + 1, 2));
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, Bn254.Q + 2));
        harness.requirePoint(G1Point(1, Bn254.Q + 2));
    }

    function test_RevertWhen_PrecompileRefuses() public {
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(7)));
        harness.addMul(G1Point(1, 2), 1, 3, 5);
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(6)));
        harness.add(G1Point(1, 2), 1, 3);
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(6)));
        harness.addMul(G1Point(1, 3), 1, 2, 5);
    }
}
