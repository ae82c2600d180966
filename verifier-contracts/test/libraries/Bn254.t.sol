// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {Test} from "../utils/Vm.sol";

contract Bn254Harness {
    function requirePoint(G1Point memory point) external pure {
        Bn254.requirePoint(point);
    }

    function mul(uint256 x, uint256 y, uint256 scalar) external view returns (G1Point memory) {
        return Bn254.mul(x, y, scalar);
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
        G1Point memory left = Bn254.add(Bn254.mul(1, 2, a), Bn254.mul(1, 2, b));
        G1Point memory right = Bn254.mul(1, 2, addmod(a, b, Bn254.R));
        vm.assertEq(left.x, right.x);
        vm.assertEq(left.y, right.y);
        vm.assume(addmod(a, b, Bn254.R) != 0);
        Bn254.requirePoint(right);
    }

    function testFuzz_NegationCancels(uint256 scalar) public view {
        vm.assume(scalar % Bn254.R != 0);
        G1Point memory point = Bn254.mul(1, 2, scalar);
        G1Point memory sum = Bn254.add(point, Bn254.negate(point));
        vm.assertEq(sum.x, 0);
        vm.assertEq(sum.y, 0);
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
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(7), 0));
        harness.mul(1, 3, 5);
    }
}
