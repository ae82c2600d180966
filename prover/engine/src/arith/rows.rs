//! Straight-line programs over the rows of columns.
//!
//! # Shapes
//! A register holds one value for each row of a block; an instruction writes one register. A cell is read from the row itself or some
//! rows below, modulo the rows. The columns' values are [`row_factor`] times the ones that are meant, a form that a transform gives
//! for nothing.

use std::ops::Range;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rayon::prelude::*;

/// Index of a register.
pub type Register = usize;

/// One step of a program: a register is written from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A column's cell, `rotation` rows below, modulo the rows.
    Load {
        /// The column.
        column: usize,
        /// Rows below.
        rotation: usize,
    },
    /// A scalar in every row.
    Fill(usize),
    /// `a + b`.
    Add(Register, Register),
    /// `a - b`.
    Subtract(Register, Register),
    /// `a b`.
    Multiply(Register, Register),
    /// `a^2`.
    Square(Register),
    /// `-a`.
    Negate(Register),
    /// `a` times a scalar.
    Scale(Register, usize),
    /// `a` plus a scalar.
    Offset(Register, usize),
}

impl Operation {
    /// The registers it reads.
    pub fn operands(self) -> [Option<Register>; 2] {
        match self {
            Self::Load { .. } | Self::Fill(_) => [None, None],
            Self::Add(a, b) | Self::Subtract(a, b) | Self::Multiply(a, b) => [Some(a), Some(b)],
            Self::Square(a) | Self::Negate(a) | Self::Scale(a, _) | Self::Offset(a, _) => [Some(a), None],
        }
    }

    /// The same with other registers.
    pub fn map(self, register: impl Fn(Register) -> Register) -> Self {
        match self {
            Self::Add(a, b) => Self::Add(register(a), register(b)),
            Self::Subtract(a, b) => Self::Subtract(register(a), register(b)),
            Self::Multiply(a, b) => Self::Multiply(register(a), register(b)),
            Self::Square(a) => Self::Square(register(a)),
            Self::Negate(a) => Self::Negate(register(a)),
            Self::Scale(a, scalar) => Self::Scale(register(a), scalar),
            Self::Offset(a, scalar) => Self::Offset(register(a), scalar),
            other => other,
        }
    }
}

/// An operation and the register it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The register.
    pub to: Register,
    /// What it gets.
    pub operation: Operation,
}

/// A program: its instructions, how many registers they name, and the register of the result.
#[derive(Clone, Copy, Debug)]
pub struct Steps<'a> {
    /// In order.
    pub instructions: &'a [Instruction],
    /// Registers.
    pub registers: usize,
    /// Where the result is.
    pub output: Register,
}

/// What the columns of [`run_all`] are multiplied with.
pub fn row_factor() -> Fr {
    Fr::from(if super::vectorized() { 16 } else { 1 })
}

/// Rows of a block; its registers fit the innermost cache.
const BLOCK: usize = 64;

/// Rows that one thread takes at a time.
const CHUNK: usize = 1 << 10;

/// Runs a program in all rows, on the current pool's threads. `columns` are whole columns times [`row_factor`], as many
/// as the program reads, each as long as `out`.
pub fn run_all(steps: Steps<'_>, scalars: &[Fr], columns: &[&[Fr]], out: &mut [Fr]) {
    #[cfg(target_arch = "x86_64")]
    if super::vector::available() {
        return super::vector::run_rows(steps, scalars, columns, out);
    }
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(index, out)| {
        let first = index * CHUNK;
        run(steps, scalars, columns, first..first + out.len(), out);
    });
}

fn run(steps: Steps<'_>, scalars: &[Fr], columns: &[&[Fr]], rows: Range<usize>, out: &mut [Fr]) {
    let mut registers = vec![[Fr::ZERO; BLOCK]; steps.registers];
    for (start, out) in rows.step_by(BLOCK).zip(out.chunks_mut(BLOCK)) {
        for instruction in steps.instructions {
            let mut to = [Fr::ZERO; BLOCK];
            let live = &mut to[..out.len()];
            match instruction.operation {
                Operation::Load { column, rotation } => {
                    let column = columns[column];
                    for (i, live) in live.iter_mut().enumerate() {
                        *live = column[(start + rotation + i) % column.len()];
                    }
                }
                Operation::Fill(scalar) => live.fill(scalars[scalar]),
                Operation::Add(a, b) => each2(live, &registers[a], &registers[b], |a, b| a + b),
                Operation::Subtract(a, b) => each2(live, &registers[a], &registers[b], |a, b| a - b),
                Operation::Multiply(a, b) => each2(live, &registers[a], &registers[b], |a, b| a * b),
                Operation::Square(a) => each(live, &registers[a], |a| a.square()),
                Operation::Negate(a) => each(live, &registers[a], |a| -a),
                Operation::Scale(a, scalar) => each(live, &registers[a], |a| a * scalars[scalar]),
                Operation::Offset(a, scalar) => each(live, &registers[a], |a| a + scalars[scalar]),
            }
            registers[instruction.to] = to;
        }
        out.copy_from_slice(&registers[steps.output][..out.len()]);
    }
}

fn each(to: &mut [Fr], a: &[Fr], f: impl Fn(&Fr) -> Fr) {
    to.iter_mut().zip(a).for_each(|(to, a)| *to = f(a));
}

fn each2(to: &mut [Fr], a: &[Fr], b: &[Fr], f: impl Fn(&Fr, &Fr) -> Fr) {
    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = f(a, b));
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_core::{OsRng, RngCore};

    /// A program in which every operation occurs, with values far from reduced.
    fn random_program(registers: usize, columns: usize, rows: usize, scalars: usize) -> Vec<Instruction> {
        let pick = |n: usize| OsRng.next_u32() as usize % n;
        let load = |to| Instruction { to, operation: Operation::Load { column: pick(columns), rotation: pick(rows) } };
        let mut out: Vec<Instruction> = (0..registers).map(load).collect();
        for _ in 0..200 {
            let (a, b, s) = (pick(registers), pick(registers), pick(scalars));
            let operation = match pick(12) {
                0 => Operation::Fill(s),
                1..=3 => Operation::Add(a, b),
                4..=6 => Operation::Subtract(a, b),
                7 => Operation::Multiply(a, b),
                8 => Operation::Square(a),
                9 => Operation::Negate(a),
                10 => Operation::Scale(a, s),
                _ => Operation::Offset(a, s),
            };
            out.push(Instruction { to: pick(registers), operation });
        }
        out
    }

    #[test]
    fn programs_agree_with_the_plain_interpreter() {
        for rows in [4, 8, 64, 96, 2048] {
            let random = |n: usize| (0..n).map(|_| Fr::random(OsRng)).collect::<Vec<_>>();
            let columns: Vec<Vec<Fr>> = (0..3).map(|_| random(rows)).collect();
            let mut scalars = random(4);
            scalars.extend([Fr::ZERO, Fr::ONE, -Fr::ONE]);
            let instructions = random_program(6, 3, rows, scalars.len());
            let steps = Steps { instructions: &instructions, registers: 6, output: 5 };
            let mut expected = vec![Fr::ZERO; rows];
            let plain: Vec<&[Fr]> = columns.iter().map(Vec::as_slice).collect();
            run(steps, &scalars, &plain, 0..rows, &mut expected);
            let scaled: Vec<Vec<Fr>> =
                columns.iter().map(|column| column.iter().map(|cell| cell * row_factor()).collect()).collect();
            let scaled: Vec<&[Fr]> = scaled.iter().map(Vec::as_slice).collect();
            let mut got = vec![Fr::ZERO; rows];
            run_all(steps, &scalars, &scaled, &mut got);
            assert_eq!(got, expected, "{rows} rows");
        }
    }
}
