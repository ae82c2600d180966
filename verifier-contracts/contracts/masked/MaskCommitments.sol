// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CommitmentKey} from "../generated/CommitmentKey.sol";
import {MaskLayout} from "../generated/MaskLayout.sol";
import {IMaskCommitments} from "../interfaces/IMaskCommitments.sol";
import {Bn254, G1Point} from "../libraries/Bn254.sol";
import {KzgOpening} from "../libraries/KzgOpening.sol";
import {MaskStream, MaskSum} from "../libraries/MaskStream.sol";
import {ModExp} from "../libraries/ModExp.sol";
import {Precompiles} from "../libraries/Precompiles.sol";

/// @title What the masks of seeds commit to
/// @notice A column of a mask is the polynomial m of degree below n with m(w^i) = m_i on the rows that the layout names and zero
/// on the others. Its commitment is [m(tau)]_1. To compute that from the cells takes a multiplication a cell; this contract
/// compares polynomials in one point z instead:
///
/// m(z) = (z^n - 1) / n * sum of m_i w^i / (z - w^i) = (z^n - 1) / n * sum of m_i / (z w^-i - 1).
///
/// It computes the cells from the seed and sums them up, over as many transactions as that takes, and checks the opening of the
/// commitment C at z to m(z).
///
/// Soundness: only [m(tau)]_1 is ever proven for a seed and column.
/// - Whoever makes a point C and its openings knows only the powers of tau up to a degree D: ceremony files hold more than a
///   circuit has rows, at most 2^28. In the algebraic group model C is therefore [f(tau)]_1 for a polynomial f of degree at
///   most D that its maker knows. The opening P satisfies C - v [1]_1 = (tau - z) P; with P = [q(tau)]_1 this says
///   f - v = (X - z) q as polynomials, or else tau is a zero of a known polynomial that is not zero, and the key is broken. So
///   f(z) = v = m(z).
/// - z is a hash of seed, column and C, which fix m and f. If f differs from m, then f - m has at most D zeros among the r
///   values of z (Schwartz-Zippel): a try succeeds with a chance of about D / r, below 2^-225. A try is a hash, of another seed
///   or another point, so 2^100 of them leave 2^-125.
/// - f = m holds as polynomials, not only in the rows: one of higher degree, m plus a multiple of X^n - 1, is another f and
///   fails as well. So a proven point is m's one commitment, and a posted point that differs from it commits to something else.
///
/// Completeness: the honest opening always exists, whoever sums up the cells, and in whatever portions. (Exceptions that nobody
/// will meet: z is zero or a row's point, or m a constant, whose opening is the identity, which is not accepted.)
///
/// Nothing is owned and nothing can be withdrawn here; facts stay.
contract MaskCommitments is IMaskCommitments {
    /// @notice Tag of the point z.
    bytes32 internal constant CHECK_TAG = keccak256("zkpoc.mask-check.v1");

    uint256 private constant ROWS = 1 << CommitmentKey.LOG_ROWS;
    /// @dev 1 / n, as n divides r - 1: n (r - (r - 1) / n) = 1 - r + n r.
    uint256 private constant ROWS_INVERSE = Bn254.R - (Bn254.R - 1) / ROWS;
    uint256 private constant RUN_BYTES = 16;

    /// @dev How far a fact's proof is.
    /// @param sum Sum of m_i / (z w^-i - 1) over the cells so far.
    /// @param cells Their number.
    /// @param begun Whether `begin` was called: the commitment is a point and the column exists.
    /// @param proven Whether `finish` was called.
    struct Progress {
        uint256 sum;
        uint64 cells;
        bool begun;
        bool proven;
    }

    /// @dev Blocks of consecutive rows at regular distances.
    struct Run {
        uint256 first;
        uint256 blocks;
        uint256 stride;
        uint256 used;
    }

    mapping(bytes32 fact => Progress progress) private _progress;

    /// @notice Tries out what the checks rest on: the precompiles, and the generated layout.
    constructor() {
        Precompiles.requireAll();
        bytes32 digest = sha256("");
        if (digest != 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855) {
            revert Bn254.ZkPocCurvePrecompile(address(2));
        }
        // OMEGA's order is n, not less: its power n / 2 is -1.
        uint256 half = ModExp.power(MaskLayout.OMEGA, ROWS / 2, Bn254.R);
        if (half != Bn254.R - 1) revert ZkPocMaskLayout(Bn254.R - 1, half);
        bytes memory runs = MaskLayout.RUNS;
        uint256 cells;
        uint256 end;
        // Rows ascend, so none has two cells.
        for (uint256 i = 0; i < runs.length / RUN_BYTES; ++i) {
            Run memory run = _run(runs, i);
            if (run.first < end) revert ZkPocMaskLayout(end, run.first);
            if (run.blocks > 1 && run.stride < run.used) revert ZkPocMaskLayout(run.used, run.stride);
            end = run.first + run.stride * (run.blocks - 1) + run.used;
            cells += run.blocks * run.used;
        }
        if (end > ROWS) revert ZkPocMaskLayout(ROWS, end);
        if (cells != MaskLayout.CELLS) revert ZkPocMaskLayout(MaskLayout.CELLS, cells);
    }

    /// @inheritdoc IMaskCommitments
    function begin(bytes32 seed, uint256 column, G1Point calldata commitment) external {
        if (column >= MaskLayout.COLUMNS) revert ZkPocMaskColumn(MaskLayout.COLUMNS, column);
        Bn254.requirePoint(commitment);
        bytes32 fact = _fact(seed, column, commitment);
        uint256 z = _point(fact);
        if (z == 0 || KzgOpening.isRow(z)) revert ZkPocMaskPoint(z);
        _progress[fact].begun = true;
    }

    /// @inheritdoc IMaskCommitments
    function advance(bytes32 seed, uint256 column, G1Point calldata commitment, uint256 cells) external {
        bytes32 fact = _fact(seed, column, commitment);
        Progress storage progress = _begun(fact, seed, column);
        if (cells == 0) revert ZkPocMaskNoCells();
        uint256 from = progress.cells;
        if (from == MaskLayout.CELLS) revert ZkPocMaskComplete(from);
        uint256 to = cells < MaskLayout.CELLS - from ? from + cells : MaskLayout.CELLS;
        progress.sum = addmod(progress.sum, _sum(seed, column, _point(fact), from, to), Bn254.R);
        progress.cells = uint64(to);
    }

    /// @inheritdoc IMaskCommitments
    function finish(bytes32 seed, uint256 column, G1Point calldata commitment, G1Point calldata opening) external {
        bytes32 fact = _fact(seed, column, commitment);
        Progress storage progress = _begun(fact, seed, column);
        if (progress.proven) revert ZkPocMaskProven(seed, column);
        if (progress.cells != MaskLayout.CELLS) revert ZkPocMaskIncomplete(MaskLayout.CELLS, progress.cells);
        uint256 z = _point(fact);
        uint256 value = _value(z, progress.sum);
        if (!KzgOpening.holds(commitment, z, value, opening)) revert ZkPocMaskOpening(z, value);
        progress.proven = true;
        // It is needed no more; clearing it gives gas back.
        progress.sum = 0;
        emit MaskProven(seed, column, commitment);
    }

    /// @inheritdoc IMaskCommitments
    function isProven(bytes32 seed, uint256 column, G1Point calldata commitment) external view returns (bool) {
        return _progress[_fact(seed, column, commitment)].proven;
    }

    /// @inheritdoc IMaskCommitments
    function progressOf(bytes32 seed, uint256 column, G1Point calldata commitment)
        external
        view
        returns (uint256 cells, uint256 z)
    {
        bytes32 fact = _fact(seed, column, commitment);
        return (_progress[fact].cells, _point(fact));
    }

    /// @dev What the proof is kept under, and what z is drawn from.
    function _fact(bytes32 seed, uint256 column, G1Point calldata commitment) private pure returns (bytes32) {
        return keccak256(abi.encode(CHECK_TAG, seed, column, commitment.x, commitment.y));
    }

    /// @dev z. The remainders below 2^256 mod r are a seventh likelier than the average, which the figures above include.
    function _point(bytes32 fact) private pure returns (uint256) {
        return uint256(fact) % Bn254.R;
    }

    function _begun(bytes32 fact, bytes32 seed, uint256 column) private view returns (Progress storage progress) {
        progress = _progress[fact];
        if (!progress.begun) revert ZkPocMaskNotBegun(seed, column);
    }

    /// @dev m(z) = (z^n - 1) / n * sum.
    function _value(uint256 z, uint256 sum) private view returns (uint256) {
        uint256 vanishing = addmod(ModExp.power(z, ROWS, Bn254.R), Bn254.R - 1, Bn254.R);
        return mulmod(mulmod(vanishing, ROWS_INVERSE, Bn254.R), sum, Bn254.R);
    }

    /// @dev Sum of m_i / (z w^-i - 1) over the cells `from` to `to`, not included, counted through all runs.
    function _sum(bytes32 seed, uint256 column, uint256 z, uint256 from, uint256 to) private view returns (uint256) {
        bytes memory runs = MaskLayout.RUNS;
        uint256 inverse = ModExp.power(MaskLayout.OMEGA, ROWS - 1, Bn254.R);
        MaskSum memory sum = MaskSum(seed, column, inverse, 0, 0, 1);
        uint256 passed;
        for (uint256 i = 0; passed < to; ++i) {
            Run memory run = _run(runs, i);
            uint256 end = passed + run.blocks * run.used;
            if (from < end) {
                _addRun(sum, run, z, from > passed ? from - passed : 0, (to < end ? to : end) - passed);
            }
            passed = end;
        }
        // No row's point is z, so no factor of the denominator is zero.
        return mulmod(sum.above, ModExp.power(sum.below, Bn254.R - 2, Bn254.R), Bn254.R);
    }

    /// @dev Adds the cells `from` to `to`, not included, of a run.
    function _addRun(MaskSum memory sum, Run memory run, uint256 z, uint256 from, uint256 to) private view {
        uint256 skipped = from % run.used;
        uint256 row = run.first + run.stride * (from / run.used) + skipped;
        sum.point = mulmod(z, ModExp.power(sum.step, row, Bn254.R), Bn254.R);
        uint256 count = run.used - skipped;
        if (from + count >= to) {
            MaskStream.add(sum, row, to - from);
            return;
        }
        uint256 gap = run.stride - run.used;
        uint256 jump = ModExp.power(sum.step, gap, Bn254.R);
        while (true) {
            MaskStream.add(sum, row, count);
            from += count;
            if (from == to) return;
            row += count + gap;
            sum.point = mulmod(sum.point, jump, Bn254.R);
            count = to - from < run.used ? to - from : run.used;
        }
    }

    /// @dev The run at a place of the layout.
    function _run(bytes memory runs, uint256 index) private pure returns (Run memory run) {
        uint256 words;
        assembly ("memory-safe") {
            // Its 16 bytes are the lower half of the word that ends with them; the array's length lies in front of the first.
            words := mload(add(add(runs, 0x10), mul(index, RUN_BYTES)))
        }
        run.first = uint32(words >> 96);
        run.blocks = uint32(words >> 64);
        run.stride = uint32(words >> 32);
        run.used = uint32(words);
    }
}
