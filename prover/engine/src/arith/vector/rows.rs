//! Programs over rows, eight rows at a time.
//!
//! # Bounds
//! A register's values are below a multiple of the modulus that is known before a program runs: a cell and a scalar are below 1 of it, a
//! product below 2 ([`super::lanes`]), a sum below the sum. [`lower`] adds a reduction where a sum would exceed [`MOST`].

use super::super::rows::{Operation, Steps};
use super::lanes::{limbs, Lanes, Modulus, ScalarField};
use super::transform::factor;
use super::words::{to_words, Words};
use halo2_proofs::halo2curves::bn256::Fr;

type L = Lanes<ScalarField>;

/// Groups of eight rows in a block.
const GROUPS: usize = 4;
/// Rows of a block.
pub(super) const BLOCK: usize = 8 * GROUPS;

/// Largest bound of a register: `MOST^2 / 84 + 1 <= 2`.
const MOST: u64 = 9;
/// Bound after a reduction.
const REDUCED: u64 = 3;

type Block = [L; GROUPS];

/// An instruction with what its operands' bounds ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    to: usize,
    operation: Operation,
    /// The multiple of the modulus that a difference starts from.
    multiple: usize,
    reduce: bool,
}

/// Instructions with the bounds of their operands.
pub(super) fn lower(steps: &Steps<'_>) -> Vec<Step> {
    let mut bounds = vec![0u64; steps.registers];
    let lower = |instruction: &super::super::rows::Instruction| {
        let (mut bound, multiple) = match instruction.operation {
            Operation::Load { .. } | Operation::Fill(_) => (1, 0),
            Operation::Add(a, b) => (bounds[a] + bounds[b], 0),
            Operation::Subtract(a, b) => (bounds[a] + bounds[b], bounds[b]),
            Operation::Negate(a) => (bounds[a], bounds[a]),
            Operation::Offset(a, _) => (bounds[a] + 1, 0),
            Operation::Multiply(..) | Operation::Square(_) | Operation::Scale(..) => (2, 0),
        };
        let reduce = bound > MOST;
        if reduce {
            bound = REDUCED;
        }
        bounds[instruction.to] = bound;
        Step { to: instruction.to, operation: instruction.operation, multiple: multiple as usize, reduce }
    };
    steps.instructions.iter().map(lower).collect()
}

/// A scalar in the form of the registers.
pub(super) fn scalar(value: &Fr) -> [u64; 5] {
    factor(*value)
}

/// Runs lowered steps in rows `first ..`, one for each place of `out`, a multiple of [`BLOCK`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
pub(super) fn run(
    steps: &[Step],
    registers: usize,
    output: usize,
    scalars: &[[u64; 5]],
    columns: &[&[Words]],
    first: usize,
    out: &mut [Words],
) {
    let multiples: [[u64; 5]; MOST as usize + 1] =
        std::array::from_fn(|multiple| ScalarField::P.map(|limb| limb * multiple as u64));
    // From the form of the registers, times 2^260, to the library's, times 2^256.
    let unform = L::splat(&limbs(to_words(Fr::one())));
    let mut registers: Vec<Block> = vec![[L::zero(); GROUPS]; registers];
    for (index, out) in out.chunks_exact_mut(BLOCK).enumerate() {
        let start = first + index * BLOCK;
        for step in steps {
            let mut to = match step.operation {
                Operation::Load { column, rotation } => load(columns[column], start + rotation),
                Operation::Fill(s) => [L::splat(&scalars[s]); GROUPS],
                Operation::Add(a, b) => each2(&registers[a], &registers[b], |a, b| a.add(b)),
                Operation::Subtract(a, b) => {
                    let multiple = L::splat(&multiples[step.multiple]);
                    each2(&registers[a], &registers[b], |a, b| a.sub_from(multiple, b))
                }
                Operation::Negate(a) => {
                    let multiple = L::splat(&multiples[step.multiple]);
                    each2(&registers[a], &registers[a], |a, _| L::zero().sub_from(multiple, a))
                }
                Operation::Offset(a, s) => {
                    let scalar = L::splat(&scalars[s]);
                    each2(&registers[a], &registers[a], |a, _| a.add(scalar))
                }
                Operation::Multiply(a, b) => multiply(&registers[a], &registers[b]),
                Operation::Square(a) => multiply(&registers[a], &registers[a]),
                Operation::Scale(a, s) => multiply(&registers[a], &[L::splat(&scalars[s]); GROUPS]),
            };
            if step.reduce {
                to = each2(&to, &to, |a, _| a.reduced());
            }
            registers[step.to] = to;
        }
        for (group, out) in out.chunks_exact_mut(8).enumerate() {
            out.copy_from_slice(&registers[output][group].mul(unform).canonical_of_product().store());
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn load(column: &[Words], from: usize) -> Block {
    let from = from % column.len();
    match column.get(from..from + BLOCK) {
        Some(cells) => std::array::from_fn(|group| L::load(std::array::from_fn(|i| &cells[8 * group + i]))),
        None => std::array::from_fn(|group| {
            L::load(std::array::from_fn(|i| &column[(from + 8 * group + i) % column.len()]))
        }),
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn each2(a: &Block, b: &Block, f: impl Fn(L, L) -> L) -> Block {
    let mut out = *a;
    for (out, b) in out.iter_mut().zip(b) {
        *out = f(*out, *b);
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma,avx512vbmi2")]
fn multiply(a: &Block, b: &Block) -> Block {
    let [x0, x1] = L::mul_each([a[0], a[1]], [b[0], b[1]]);
    let [x2, x3] = L::mul_each([a[2], a[3]], [b[2], b[3]]);
    [x0, x1, x2, x3]
}
