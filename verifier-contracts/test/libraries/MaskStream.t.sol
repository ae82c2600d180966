// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "../../contracts/libraries/Bn254.sol";
import {MaskStream, MaskSum} from "../../contracts/libraries/MaskStream.sol";
import {ModExp} from "../../contracts/libraries/ModExp.sol";
import {Test} from "../utils/Vm.sol";

contract MaskStreamHarness {
    function cell(bytes32 seed, uint256 column, uint256 row) external view returns (uint256) {
        return MaskStream.cell(seed, column, row);
    }
}

contract MaskStreamTest is Test {
    /// @dev Bytes 0 to 31.
    bytes32 private constant SEED = 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f;

    /// @dev A cell, written down as the definition has it.
    function _cell(bytes32 seed, uint256 column, uint256 row) private pure returns (uint256 value) {
        for (uint256 attempt = 0;; ++attempt) {
            bytes32 digest = sha256(abi.encodePacked(seed, uint32(column), uint32(row), uint32(attempt)));
            value = uint256(digest) % 2 ** 254;
            if (value < Bn254.R) return value;
        }
    }

    function test_KnownCells() public view {
        // Computed with Python's hashlib: found at the first try, the second, the fourth and the sixth.
        vm.assertEq(
            MaskStream.cell(SEED, 1, 0), 10384574312447852934607866008451348461635484845423505232064057180226953063653
        );
        vm.assertEq(
            MaskStream.cell(SEED, 0, 0), 2863010732828504748160201494315591932646969560307437146100973041786351999395
        );
        vm.assertEq(
            MaskStream.cell(SEED, 0, 21), 21566344591209117905838060000939300175938307636005457964645587846928247524131
        );
        vm.assertEq(
            MaskStream.cell(SEED, 7, 1296),
            15919685129017753697494086138431556165583534677117447936359619126083557678470
        );
        // The last column and row.
        vm.assertEq(
            MaskStream.cell(SEED, 2 ** 32 - 1, 2 ** 32 - 1),
            18886465109560458021740719680745165424314479052249519164626275897165421533378
        );
    }

    function testFuzz_CellsAreAsDefined(bytes32 seed, uint32 column, uint32 row) public view {
        uint256 value = MaskStream.cell(seed, column, row);
        vm.assertEq(value, _cell(seed, column, row));
        vm.assertTrue(value < Bn254.R);
    }

    function testFuzz_CellsDifferBySeedColumnAndRow(bytes32 seed, uint32 column, uint32 row) public view {
        uint256 value = MaskStream.cell(seed, column, row);
        vm.assertNotEq(value, MaskStream.cell(seed ^ bytes32(uint256(1)), column, row));
        vm.assertNotEq(value, MaskStream.cell(seed, column ^ 1, row));
        vm.assertNotEq(value, MaskStream.cell(seed, column, row ^ 1));
        if (column != row) vm.assertNotEq(value, MaskStream.cell(seed, row, column));
    }

    /// @dev Sum of cell / (point - 1), with an inversion for each row.
    function _expected(bytes32 seed, uint256 row, uint256 rows, uint256 point, uint256 step)
        private
        view
        returns (uint256 total)
    {
        for (uint256 i = 0; i < rows; ++i) {
            uint256 inverse = ModExp.power(addmod(point, Bn254.R - 1, Bn254.R), Bn254.R - 2, Bn254.R);
            total = addmod(total, mulmod(_cell(seed, 3, row + i), inverse, Bn254.R), Bn254.R);
            point = mulmod(point, step, Bn254.R);
        }
    }

    function testFuzz_SumsOfRowsAreThoseOfCells(bytes32 seed, uint16 row, uint8 count, uint256 point, uint256 step)
        public
        view
    {
        (point, step) = (2 + point % (Bn254.R - 2), 2 + step % (Bn254.R - 2));
        uint256 rows = 1 + count % 40;
        MaskSum memory sum = MaskSum(seed, 3, step, point, 0, 1);
        // In two portions where there are two rows.
        if (rows > 1) MaskStream.add(sum, row, rows / 2);
        MaskStream.add(sum, row + rows / 2, rows - rows / 2);
        vm.assertEq(mulmod(_expected(seed, row, rows, point, step), sum.below, Bn254.R), sum.above);
        vm.assertEq(sum.point, mulmod(point, ModExp.power(step, rows, Bn254.R), Bn254.R));
    }

    function test_RevertWhen_HashIsMissing() public {
        MaskStreamHarness harness = new MaskStreamHarness();
        vm.mockCall(address(2), "", "");
        vm.expectRevert(abi.encodeWithSelector(Bn254.ZkPocCurvePrecompile.selector, address(2)));
        harness.cell(SEED, 0, 0);
    }

    function test_GasOfACell() public view {
        MaskSum memory sum = MaskSum(SEED, 0, 3, 2, 0, 1);
        uint256 before = gasleft();
        MaskStream.add(sum, 0, 2_000);
        vm.assertTrue((before - gasleft()) / 2_000 < 550);
    }
}
