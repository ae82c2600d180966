//! Runs a [`Program`] over rows, a block of rows at a time.
//!
//! Registers of a block fit the innermost cache; every instruction is one loop over the block.

use std::ops::Range;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rayon::prelude::*;

use super::program::{Operation, Program};

/// Rows of a block.
const BLOCK: usize = 64;

/// Rows that one thread takes at a time.
const CHUNK: usize = 1 << 10;

/// Runs a program in all rows, on the current pool's threads. `columns` are whole columns, as many
/// as the program reads, each as long as `out`.
pub fn run_all(program: &Program, scalars: &[Fr], columns: &[&[Fr]], out: &mut [Fr]) {
    out.par_chunks_mut(CHUNK).enumerate().for_each(|(index, out)| {
        let first = index * CHUNK;
        run(program, scalars, columns, first..first + out.len(), out);
    });
}

/// Runs a program in some rows; `out` has one place for each.
pub fn run(program: &Program, scalars: &[Fr], columns: &[&[Fr]], rows: Range<usize>, out: &mut [Fr]) {
    let mut registers = vec![vec![Fr::ZERO; BLOCK]; program.registers()];
    for (start, out) in rows.step_by(BLOCK).zip(out.chunks_mut(BLOCK)) {
        for instruction in program.instructions() {
            let mut to = std::mem::take(&mut registers[instruction.to]);
            let live = &mut to[..out.len()];
            match instruction.operation {
                Operation::Load { column, rotation } => load(live, columns[column], start + rotation),
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
        out.copy_from_slice(&registers[program.output()][..out.len()]);
    }
}

/// Copies cells from a row on, modulo the rows.
fn load(to: &mut [Fr], column: &[Fr], from: usize) {
    let from = from % column.len();
    let head = to.len().min(column.len() - from);
    to[..head].copy_from_slice(&column[from..from + head]);
    let mut done = head;
    while done < to.len() {
        let part = (to.len() - done).min(column.len());
        to[done..done + part].copy_from_slice(&column[..part]);
        done += part;
    }
}

fn each(to: &mut [Fr], a: &[Fr], f: impl Fn(&Fr) -> Fr) {
    to.iter_mut().zip(a).for_each(|(to, a)| *to = f(a));
}

fn each2(to: &mut [Fr], a: &[Fr], b: &[Fr], f: impl Fn(&Fr, &Fr) -> Fr) {
    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = f(a, b));
}
