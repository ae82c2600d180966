// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {MaskLayout} from "../../contracts/generated/MaskLayout.sol";
import {IMaskCommitments} from "../../contracts/interfaces/IMaskCommitments.sol";
import {Bn254, G1Point} from "../../contracts/libraries/Bn254.sol";
import {MaskStream} from "../../contracts/libraries/MaskStream.sol";
import {ModExp} from "../../contracts/libraries/ModExp.sol";
import {MaskCommitments} from "../../contracts/masked/MaskCommitments.sol";
import {Curve} from "../utils/Curve.sol";
import {Test, Vm} from "../utils/Vm.sol";

/// @notice Which facts are proven, and which false ones are not, however they are opened honestly. The openings here are honest
/// because the unit tests' commitment key has a known secret: with it every commitment opens to anything.
contract MaskCommitmentsTest is Test {
    uint256 private constant TAU = 17;
    uint256 private constant ROWS = 64;
    /// @dev Bytes 0 to 31.
    bytes32 private constant SEED = 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f;

    MaskCommitments private masks;

    function setUp() public {
        masks = new MaskCommitments();
    }

    /// @dev The rows of the layout, written down by hand.
    function _rows() private pure returns (uint256[] memory rows) {
        rows = new uint256[](MaskLayout.CELLS);
        uint8[18] memory data = [0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 18, 24, 25, 26];
        for (uint256 i = 0; i < 50; ++i) {
            rows[i] = i < 18 ? data[i] : i + 14;
        }
    }

    /// @dev A column of a seed's mask.
    function _mask(bytes32 seed, uint256 column) private view returns (uint256[] memory cells) {
        cells = new uint256[](ROWS);
        uint256[] memory rows = _rows();
        for (uint256 i = 0; i < rows.length; ++i) {
            cells[rows[i]] = MaskStream.cell(seed, column, rows[i]);
        }
    }

    function _inverse(uint256 a) private view returns (uint256) {
        return ModExp.power(a, Bn254.R - 2, Bn254.R);
    }

    /// @dev Value of the polynomial with these cells: (x^n - 1) / n * sum of m_i w^i / (x - w^i).
    function _evaluate(uint256[] memory cells, uint256 x) private view returns (uint256 value) {
        uint256 root = 1;
        for (uint256 i = 0; i < ROWS; ++i) {
            uint256 inverse = _inverse(addmod(x, Bn254.R - root, Bn254.R));
            value = addmod(value, mulmod(mulmod(cells[i], root, Bn254.R), inverse, Bn254.R), Bn254.R);
            root = mulmod(root, MaskLayout.OMEGA, Bn254.R);
        }
        value = mulmod(value, mulmod(_vanishing(x), _inverse(ROWS), Bn254.R), Bn254.R);
    }

    /// @dev x^n - 1.
    function _vanishing(uint256 x) private view returns (uint256) {
        return addmod(ModExp.power(x, ROWS, Bn254.R), Bn254.R - 1, Bn254.R);
    }

    function _commit(uint256[] memory cells) private view returns (G1Point memory) {
        return Curve.point(_evaluate(cells, TAU));
    }

    /// @dev The opening at z of a polynomial with these values at the secret and at z.
    function _opening(uint256 atSecret, uint256 atZ, uint256 z) private view returns (G1Point memory) {
        uint256 above = addmod(atSecret, Bn254.R - atZ, Bn254.R);
        return Curve.point(mulmod(above, _inverse(addmod(TAU, Bn254.R - z, Bn254.R)), Bn254.R));
    }

    function _open(uint256[] memory cells, uint256 z) private view returns (G1Point memory) {
        return _opening(_evaluate(cells, TAU), _evaluate(cells, z), z);
    }

    function _z(bytes32 seed, G1Point memory point) private view returns (uint256 z) {
        (, z) = masks.progressOf(seed, 0, point);
    }

    function _cellsDone(G1Point memory point) private view returns (uint256 cells) {
        (cells,) = masks.progressOf(SEED, 0, point);
    }

    /// @dev Everything but the end.
    function _sumUp(bytes32 seed, G1Point memory point) private {
        masks.begin(seed, 0, point);
        masks.advance(seed, 0, point, MaskLayout.CELLS);
    }

    /// @dev A column that is not the mask's first one, with an honest opening of its own.
    function _refuses(bytes32 seed, uint256[] memory cells) private {
        G1Point memory point = _commit(cells);
        _sumUp(seed, point);
        G1Point memory opening = _open(cells, _z(seed, point));
        vm.expectPartialRevert(IMaskCommitments.ZkPocMaskOpening.selector);
        masks.finish(seed, 0, point, opening);
        vm.assertFalse(masks.isProven(seed, 0, point));
    }

    // -- what is proven

    function test_CommitmentOfAMaskIsProven() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        masks.begin(SEED, 0, point);
        vm.assertEq(_cellsDone(point), 0);
        masks.advance(SEED, 0, point, MaskLayout.CELLS);
        vm.assertEq(_cellsDone(point), MaskLayout.CELLS);
        vm.assertFalse(masks.isProven(SEED, 0, point));
        vm.recordLogs();
        masks.finish(SEED, 0, point, _open(cells, _z(SEED, point)));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        vm.assertEq(logs.length, 1);
        vm.assertEq(logs[0].topics[0], IMaskCommitments.MaskProven.selector);
        vm.assertEq(logs[0].topics[1], SEED);
        vm.assertEq(uint256(logs[0].topics[2]), 0);
        vm.assertEq(keccak256(logs[0].data), keccak256(abi.encode(point)));
        vm.assertTrue(masks.isProven(SEED, 0, point));
        vm.assertEq(_cellsDone(point), MaskLayout.CELLS);
        // This and nothing else.
        vm.assertFalse(masks.isProven(~SEED, 0, point));
        vm.assertFalse(masks.isProven(SEED, 1, point));
        vm.assertFalse(masks.isProven(SEED, 0, G1Point(point.x, Bn254.Q - point.y)));
    }

    function test_KnownCommitment() public view {
        // Computed with Python: cells by hashlib, coefficients by an inverse transform, value at the secret by Horner's scheme.
        uint256 atSecret = 45026353900664783835724948795393773368080063832590489902699256023600557594;
        vm.assertEq(_evaluate(_mask(SEED, 0), TAU), atSecret);
    }

    function test_PointIsAHashOfSeedColumnAndCommitment() public view {
        G1Point memory point = Curve.point(5);
        bytes32 tag = keccak256("zkpoc.mask-check.v1");
        vm.assertEq(_z(SEED, point), uint256(keccak256(abi.encode(tag, SEED, uint256(0), point.x, point.y))) % Bn254.R);
    }

    function testFuzz_PortionsDoNotMatter(bytes32 seed, uint256 random) public {
        uint256[] memory cells = _mask(seed, 0);
        G1Point memory point = _commit(cells);
        masks.begin(seed, 0, point);
        uint256 done;
        while (done < MaskLayout.CELLS) {
            random = uint256(keccak256(abi.encode(random)));
            uint256 portion = 1 + random % 9;
            // Anyone goes on where another one stopped.
            vm.prank(address(uint160(random)));
            masks.advance(seed, 0, point, portion);
            done = done + portion < MaskLayout.CELLS ? done + portion : MaskLayout.CELLS;
            (uint256 counted,) = masks.progressOf(seed, 0, point);
            vm.assertEq(counted, done);
        }
        masks.finish(seed, 0, point, _open(cells, _z(seed, point)));
        vm.assertTrue(masks.isProven(seed, 0, point));
    }

    function test_CellByCell() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        masks.begin(SEED, 0, point);
        for (uint256 i = 0; i < MaskLayout.CELLS; ++i) {
            masks.advance(SEED, 0, point, 1);
        }
        masks.finish(SEED, 0, point, _open(cells, _z(SEED, point)));
        vm.assertTrue(masks.isProven(SEED, 0, point));
    }

    function test_MoreCellsThanThereAreMeansTheRest() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        masks.begin(SEED, 0, point);
        masks.advance(SEED, 0, point, 7);
        masks.advance(SEED, 0, point, type(uint256).max);
        vm.assertEq(_cellsDone(point), MaskLayout.CELLS);
        masks.finish(SEED, 0, point, _open(cells, _z(SEED, point)));
        vm.assertTrue(masks.isProven(SEED, 0, point));
    }

    function test_BeginningAgainChangesNothing() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        masks.begin(SEED, 0, point);
        masks.advance(SEED, 0, point, 20);
        masks.begin(SEED, 0, point);
        vm.assertEq(_cellsDone(point), 20);
        masks.advance(SEED, 0, point, 30);
        masks.finish(SEED, 0, point, _open(cells, _z(SEED, point)));
        masks.begin(SEED, 0, point);
        vm.assertTrue(masks.isProven(SEED, 0, point));
        vm.assertEq(_cellsDone(point), MaskLayout.CELLS);
    }

    function test_FactsDoNotMix() public {
        // Two seeds in turns; the sums are kept apart.
        uint256[] memory cells = _mask(SEED, 0);
        uint256[] memory others = _mask(~SEED, 0);
        (G1Point memory point, G1Point memory other) = (_commit(cells), _commit(others));
        masks.begin(SEED, 0, point);
        masks.begin(~SEED, 0, other);
        masks.advance(SEED, 0, point, 13);
        masks.advance(~SEED, 0, other, 29);
        masks.advance(SEED, 0, point, 37);
        masks.advance(~SEED, 0, other, 21);
        masks.finish(SEED, 0, point, _open(cells, _z(SEED, point)));
        vm.assertFalse(masks.isProven(~SEED, 0, other));
        masks.finish(~SEED, 0, other, _open(others, _z(~SEED, other)));
        vm.assertTrue(masks.isProven(~SEED, 0, other));
    }

    // -- what is not

    function testFuzz_RevertWhen_OneCellIsWrong(uint256 cell, uint256 by) public {
        uint256[] memory cells = _mask(SEED, 0);
        uint256 row = _rows()[cell % MaskLayout.CELLS];
        cells[row] = addmod(cells[row], 1 + by % (Bn254.R - 1), Bn254.R);
        _refuses(SEED, cells);
    }

    function test_RevertWhen_OneCellIsWrongByOne() public {
        uint256[] memory cells = _mask(SEED, 0);
        cells[0] = addmod(cells[0], 1, Bn254.R);
        _refuses(SEED, cells);
    }

    function test_RevertWhen_TailCellIsMissing() public {
        uint256[] memory cells = _mask(SEED, 0);
        cells[ROWS - 1] = 0;
        _refuses(SEED, cells);
    }

    function test_RevertWhen_RowOfNoRunIsFilled() public {
        uint256[] memory cells = _mask(SEED, 0);
        cells[4] = MaskStream.cell(SEED, 0, 4);
        _refuses(SEED, cells);
    }

    function test_RevertWhen_MaskIsAnotherSeeds() public {
        _refuses(SEED, _mask(~SEED, 0));
    }

    function test_RevertWhen_MaskIsAnotherColumns() public {
        _refuses(SEED, _mask(SEED, 1));
    }

    function test_RevertWhen_CellsAreShifted() public {
        uint256[] memory cells = _mask(SEED, 0);
        uint256[] memory shifted = new uint256[](ROWS);
        for (uint256 i = 0; i < ROWS; ++i) {
            shifted[(i + 1) % ROWS] = cells[i];
        }
        _refuses(SEED, shifted);
    }

    function test_RevertWhen_DegreeIsHigher() public {
        // The mask plus X^n - 1: the same cells, another point.
        uint256[] memory cells = _mask(SEED, 0);
        uint256 atSecret = addmod(_evaluate(cells, TAU), _vanishing(TAU), Bn254.R);
        G1Point memory point = Curve.point(atSecret);
        _sumUp(SEED, point);
        uint256 z = _z(SEED, point);
        G1Point memory opening = _opening(atSecret, addmod(_evaluate(cells, z), _vanishing(z), Bn254.R), z);
        vm.expectPartialRevert(IMaskCommitments.ZkPocMaskOpening.selector);
        masks.finish(SEED, 0, point, opening);
    }

    function test_RevertWhen_OpeningIsWrong() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        _sumUp(SEED, point);
        uint256 z = _z(SEED, point);
        bytes memory refused =
            abi.encodeWithSelector(IMaskCommitments.ZkPocMaskOpening.selector, z, _evaluate(cells, z));
        // At another point, to another value, and what opens another commitment.
        G1Point[3] memory openings = [
            _open(cells, z + 1),
            _opening(_evaluate(cells, TAU), addmod(_evaluate(cells, z), 1, Bn254.R), z),
            _open(_mask(~SEED, 0), z)
        ];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(refused);
            masks.finish(SEED, 0, point, openings[i]);
        }
        G1Point memory opening = _open(cells, z);
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePoint.selector, 0, 0));
        masks.finish(SEED, 0, point, G1Point(0, 0));
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, opening.x + Bn254.Q));
        masks.finish(SEED, 0, point, G1Point(opening.x + Bn254.Q, opening.y));
        // Failures leave no trace.
        masks.finish(SEED, 0, point, opening);
        vm.assertTrue(masks.isProven(SEED, 0, point));
    }

    // -- misuse

    function test_RevertWhen_FinishedEarly() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        masks.begin(SEED, 0, point);
        G1Point memory opening = _open(cells, _z(SEED, point));
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskIncomplete.selector, 50, 0));
        masks.finish(SEED, 0, point, opening);
        masks.advance(SEED, 0, point, 49);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskIncomplete.selector, 50, 49));
        masks.finish(SEED, 0, point, opening);
    }

    function test_RevertWhen_FinishedTwice() public {
        uint256[] memory cells = _mask(SEED, 0);
        G1Point memory point = _commit(cells);
        _sumUp(SEED, point);
        G1Point memory opening = _open(cells, _z(SEED, point));
        masks.finish(SEED, 0, point, opening);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskProven.selector, SEED, 0));
        masks.finish(SEED, 0, point, opening);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskComplete.selector, 50));
        masks.advance(SEED, 0, point, 1);
    }

    function test_RevertWhen_AdvancedByNothingOrBeyondTheEnd() public {
        G1Point memory point = Curve.point(5);
        masks.begin(SEED, 0, point);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskNoCells.selector));
        masks.advance(SEED, 0, point, 0);
        masks.advance(SEED, 0, point, 50);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskComplete.selector, 50));
        masks.advance(SEED, 0, point, 1);
    }

    function test_RevertWhen_NotBegun() public {
        G1Point memory point = Curve.point(5);
        masks.begin(~SEED, 0, point);
        bytes memory refused = abi.encodeWithSelector(IMaskCommitments.ZkPocMaskNotBegun.selector, SEED, 0);
        vm.expectRevert(refused);
        masks.advance(SEED, 0, point, 1);
        vm.expectRevert(refused);
        masks.finish(SEED, 0, point, point);
    }

    function test_RevertWhen_ColumnDoesNotExist() public {
        G1Point memory point = Curve.point(5);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskColumn.selector, 1, 1));
        masks.begin(SEED, 1, point);
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskNotBegun.selector, SEED, 1));
        masks.advance(SEED, 1, point, 1);
        // 2^32 is not taken for column 0.
        vm.expectRevert(abi.encodeWithSelector(IMaskCommitments.ZkPocMaskColumn.selector, 1, 2 ** 32));
        masks.begin(SEED, 2 ** 32, point);
    }

    function test_RevertWhen_CommitmentIsNoPoint() public {
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePoint.selector, 1, 3));
        masks.begin(SEED, 0, G1Point(1, 3));
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePoint.selector, 0, 0));
        masks.begin(SEED, 0, G1Point(0, 0));
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurveCoordinate.selector, Bn254.Q, Bn254.Q + 1));
        masks.begin(SEED, 0, G1Point(Bn254.Q + 1, 2));
    }

    function test_RevertWhen_DeployedWhereAPrecompileIsSomethingElse() public {
        vm.mockCall(address(2), "", abi.encode(1));
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(2)));
        new MaskCommitments();
    }
}
