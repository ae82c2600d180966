//! The opening argument of the generated verifier: scalars, the sum of points, the pairing.
//!
//! The equations are in [`super::evaluator`].

use super::evaluator::{Errors, Evaluator, Q};
use super::memory::{terms, WORD};
use super::shape::{Opened, OpeningSet};
use super::yul::{load, Writer};

/// Gas given to a precompile: above every known price, far below what a caller forwards.
const GAS_ADD: usize = 10_000;
const GAS_MUL: usize = 60_000;
const GAS_PAIRING: usize = 500_000;

impl OpeningSet {
    /// Whether several polynomials use the same weights, which are then kept in memory.
    pub(super) fn shares_weights(&self) -> bool {
        self.points.len() > 1 && self.polys.len() > 1
    }
}

impl Evaluator<'_> {
    pub(super) fn openings(&self, w: &mut Writer) {
        let (memory, shape) = (self.memory, self.shape);
        let mut term = 0;
        for (i, set) in shape.sets.iter().enumerate() {
            let head = format!("function opening_{i}(sum, vz, mu, r) -> next");
            w.block(head, |w| self.opening(w, i, set, &mut term));
        }
        w.line("// Scalars of the final sum of points, set by set.");
        w.block("function openings(r)", |w| {
            w.line(format!("let mu := {}", load(memory.mu)));
            w.line(format!("let vz := {}\nlet sum := 0", load(memory.z0)));
            for i in 0..shape.sets.len() {
                if i > 0 {
                    w.line(format!("vz := mulmod(vz, {}, r)", load(memory.v)));
                }
                w.line(format!("sum := opening_{i}(sum, vz, mu, r)"));
            }
            let end = terms(shape);
            w.line(format!("mstore({:#x}, sub(r, sum))", memory.scalar(end - 3)));
            w.line(format!("mstore({:#x}, sub(r, {}))", memory.scalar(end - 2), load(memory.z0)));
            w.line(format!("mstore({:#x}, {})", memory.scalar(end - 1), load(memory.u)));
        });
    }

    /// One opening set: `vz` is v^i·z_0, the result is the sum of scaled values so far.
    fn opening(&self, w: &mut Writer, index: usize, set: &OpeningSet, term: &mut usize) {
        let memory = self.memory;
        let inverse = |n: usize| load(memory.inverse(set.points[n]));
        // The first set's factor is 1.
        let mut one = index == 0;
        if one {
            w.line("let t := 1");
        } else {
            w.line(format!("let t := mulmod(vz, {}, r)", inverse(0)));
            for n in 1..set.points.len() {
                w.line(format!("t := mulmod(t, {}, r)", inverse(n)));
            }
        }
        for (j, (opened, _)) in set.polys.iter().enumerate() {
            if j > 0 {
                w.line(if one { "t := mu" } else { "t := mulmod(t, mu, r)" });
                one = false;
            }
            w.line(format!("mstore({:#x}, t)", memory.scalar(*term)));
            if *opened == Opened::Quotient {
                for _ in 1..self.shape.pieces {
                    let (at, next) = (memory.scalar(*term), memory.scalar(*term + 1));
                    let power = format!("mulmod({}, {}, r)", load(at), load(memory.xn));
                    w.line(format!("mstore({next:#x}, {power})"));
                    *term += 1;
                }
            }
            *term += 1;
        }
        let value = |j: usize, n: usize| load(memory.value(set.polys[j].1[n]));
        let polys = set.polys.len();
        if set.points.len() == 1 {
            w.line(format!("t := {}", value(polys - 1, 0)));
            for j in (0..polys - 1).rev() {
                w.line(format!("t := addmod(mulmod(t, mu, r), {}, r)", value(j, 0)));
            }
            let inverse = inverse(0);
            w.line(format!("next := addmod(sum, mulmod(mulmod(t, {inverse}, r), vz, r), r)"));
            return;
        }
        let first = self.key.barycentric[index].unwrap_or_default();
        let weight = |n: usize| {
            let weight = load(memory.key_word(first + n));
            format!("mulmod({weight}, {}, r)", inverse(n))
        };
        let kept = |n: usize| memory.weights + WORD * n;
        if set.shares_weights() {
            for n in 0..set.points.len() {
                w.line(format!("mstore({:#x}, {})", kept(n), weight(n)));
            }
        }
        w.line("t := 0");
        for j in (0..polys).rev() {
            if j + 1 < polys {
                w.line("t := mulmod(t, mu, r)");
            }
            for n in 0..set.points.len() {
                let weight = if set.shares_weights() { load(kept(n)) } else { weight(n) };
                w.line(format!("t := addmod(t, mulmod({}, {weight}, r), r)", value(j, n)));
            }
        }
        let power = load(memory.x_inverse(set.points.len() - 1));
        w.line(format!("next := addmod(sum, mulmod(mulmod(t, {power}, r), vz, r), r)"));
    }

    pub(super) fn points_sum(&self, w: &mut Writer) {
        let memory = self.memory;
        let table = memory.key_word(self.key.table);
        let count = terms(self.shape);
        let precompile = &self.errors.precompile;
        w.line("// Sum of scalar times point into [0, 0x40); the first scalar is one.");
        w.block("function sum_points()", |w| {
            w.line(format!("mcopy(0, shr(240, {}), 0x40)", load(table)));
            w.line("let good := 1");
            w.line(format!("let scalar := {:#x}", memory.scalar(1)));
            let (from, to) = (table + 2, table + 2 * count);
            let head = format!("for {{ let p := {from:#x} }} lt(p, {to:#x}) {{ p := add(p, 2) }}");
            w.block(head, |w| {
                w.line("mcopy(0x40, shr(240, mload(p)), 0x40)\nmstore(0x80, mload(scalar))");
                w.line("scalar := add(scalar, 0x20)");
                w.line(format!("good := and(good, staticcall({GAS_MUL}, 7, 0x40, 0x60, 0x40, 0x40))"));
                w.line("good := and(good, eq(returndatasize(), 0x40))");
                w.line(format!("good := and(good, staticcall({GAS_ADD}, 6, 0, 0x80, 0, 0x40))"));
                w.line("good := and(good, eq(returndatasize(), 0x40))");
            });
            w.line(format!("if iszero(good) {{ fail({precompile}) }}"));
        });
    }

    pub(super) fn ending(&self, w: &mut Writer) {
        let (memory, key) = (self.memory, self.key);
        let Errors { precompile, pairing, .. } = &self.errors;
        let h2 = memory.h2;
        w.line("// Ends the call: pairing check, or the two points it would compare.");
        w.block("function finish(check)", |w| {
            w.block("if iszero(check)", |w| {
                w.line(format!("mcopy(0x40, 0, 0x40)\nmcopy(0, {h2:#x}, 0x40)"));
                w.line("return(0, 0x80)");
            });
            w.line("// e(F, [1]) * e(-H2, [tau]) = 1");
            w.line(format!("mcopy(0x40, {:#x}, 0x80)", memory.key_word(key.g2)));
            w.line(format!("mstore(0xc0, {})", load(h2)));
            w.line(format!("mstore(0xe0, sub({Q}, {}))", load(h2 + WORD)));
            w.line(format!("mcopy(0x100, {:#x}, 0x80)", memory.key_word(key.s_g2)));
            w.line(format!("let good := staticcall({GAS_PAIRING}, 8, 0, 0x180, 0, 0x20)"));
            w.line(format!("if iszero(and(good, eq(returndatasize(), 0x20))) {{ fail({precompile}) }}"));
            w.line(format!("if iszero(eq(mload(0), 1)) {{ fail({pairing}) }}"));
            w.line("stop()");
        });
    }
}
