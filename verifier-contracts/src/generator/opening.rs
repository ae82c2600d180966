//! The opening argument of the generated verifier: scalars, the sum of points, the pairing.
//!
//! The equations are in [`super::evaluator`].

use super::evaluator::{Errors, Evaluator, Q};
use super::gates::MAX_MULTIPLE;
use super::memory::{key_terms, SumTerm, HEAD};
use super::shape::{Opened, OpeningSet};
use super::yul::{load, sum, Writer, WORD};

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
            let [g1, h1, h2] = [3, 2, 1].map(|back| memory.terms[memory.terms.len() - back].scalar);
            w.line(format!("mstore({g1:#x}, sub(r, sum))"));
            w.line(format!("mstore({h1:#x}, sub(r, {}))", load(memory.z0)));
            w.line(format!("mstore({h2:#x}, {})", load(memory.u)));
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
            w.line(format!("mstore({:#x}, t)", memory.terms[*term].scalar));
            if *opened == Opened::Quotient {
                for _ in 1..self.shape.pieces {
                    let (at, next) = (memory.terms[*term].scalar, memory.terms[*term + 1].scalar);
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
                w.line(format!("t := add({}, mulmod(t, mu, r))", value(j, 0)));
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
        for j in (0..polys).rev() {
            let product = |n: usize| {
                let weight = if set.shares_weights() { load(kept(n)) } else { weight(n) };
                format!("mulmod({}, {weight}, r)", value(j, n))
            };
            let products: Vec<String> = (0..set.points.len()).map(product).collect();
            // A word holds a few values below r: only what goes beyond is reduced between.
            let (first, rest) = products.split_at(products.len().min(MAX_MULTIPLE - 1));
            let first = sum(first);
            w.line(if j + 1 < polys {
                format!("t := add({first}, mulmod(t, mu, r))")
            } else {
                format!("t := {first}")
            });
            for more in rest.chunks(MAX_MULTIPLE) {
                w.line(format!("t := addmod(t, {}, r)", sum(more)));
            }
        }
        let power = load(memory.x_inverse(set.points.len() - 1));
        w.line(format!("next := addmod(sum, mulmod(mulmod(t, {power}, r), vz, r), r)"));
    }

    pub(super) fn points_sums(&self, w: &mut Writer) {
        let terms = &self.memory.terms;
        w.line("// Sums of scalar times point into [0, 0x40): of the proof's points, and then of the key's.");
        // The factor of the first polynomial of all is one.
        let (unit, rest) = if terms[0].of_key { (None, &terms[..]) } else { (Some(terms[0]), &terms[1..]) };
        let part = |of_key: bool| rest.iter().filter(move |term| term.of_key == of_key).copied().collect::<Vec<_>>();
        if self.is_large() {
            w.block("function add_term(point, scalar, good) -> better", |w| {
                w.line("mcopy(0x40, point, 0x40)\nmstore(0x80, mload(scalar))");
                let (mul, add) = (multiplication(), addition("0", "0"));
                w.line(format!("better := and({add}, and({mul}, good))"));
            });
        }
        w.block("function sum_proof()", |w| {
            match unit {
                Some(term) => w.line(format!("mcopy(0, {:#x}, 0x40)", term.point)),
                None => w.line("mstore(0, 0)\nmstore(0x20, 0)"),
            }
            self.add_terms(w, &part(false));
        });
        w.block("function sum_key()", |w| self.add_terms(w, &part(true)));
    }

    /// Straight code: a loop's bookkeeping is a third of what a term costs besides the precompiles.
    fn add_terms(&self, w: &mut Writer, terms: &[SumTerm]) {
        w.line("let good := 1");
        for SumTerm { point, scalar, .. } in terms {
            if self.is_large() {
                w.line(format!("good := add_term({point:#x}, {scalar:#x}, good)"));
            } else {
                w.line(format!("mcopy(0x40, {point:#x}, 0x40)\nmstore(0x80, {})", load(*scalar)));
                let (mul, add) = (multiplication(), addition("0", "0"));
                w.line(format!("good := and({add}, and({mul}, good))"));
            }
        }
        w.line(format!("if iszero(good) {{ fail({}) }}", self.errors.precompile));
    }

    /// Accumulators are linear: a sum of them, each times a power of a challenge that all of them determine, is one that
    /// holds if they all do, and otherwise by a chance of (number - 1) / r.
    pub(super) fn combination(&self, w: &mut Writer) {
        let memory = self.memory;
        let Errors { accumulators, precompile, .. } = &self.errors;
        let keys = key_terms(self.shape);
        let words = HEAD - 2 + keys;
        let (all, size) = (memory.end, WORD * words);
        w.line("// sum += weight * point, in place.");
        w.block("function add_scaled(sum, point, weight)", |w| {
            w.line("mcopy(0x40, point, 0x40)\nmstore(0x80, weight)");
            w.line(format!("let good := {}", multiplication()));
            w.line("mcopy(0x80, sum, 0x40)");
            w.line(format!("good := and({}, good)", addition("0x40", "sum")));
            w.line(format!("if iszero(good) {{ fail({precompile}) }}"));
        });
        w.line("// One accumulator out of several, their sum with powers of the hash of them all.");
        w.block("function combine(from, count, r)", |w| {
            w.line(format!("if or(iszero(count), mod(count, {words})) {{ fail_at({accumulators}, count) }}"));
            w.line("let size := shl(5, count)");
            w.line(format!("calldatacopy({all:#x}, from, size)"));
            w.line(format!("let rho := mod(keccak256({all:#x}, size), r)"));
            w.line(format!("mcopy({:#x}, {all:#x}, 0x40)\nmcopy(0, {:#x}, 0x40)", memory.h2, all + 0x40));
            w.line(format!("let end := add({all:#x}, size)\nlet weight := 1"));
            let head = format!("for {{ let p := {all:#x} }} lt(p, end) {{ p := add(p, {size:#x}) }}");
            w.block(head, |w| {
                w.block(format!("if gt(p, {all:#x})"), |w| {
                    w.line("weight := mulmod(weight, rho, r)");
                    w.line(format!("add_scaled({:#x}, p, weight)\nadd_scaled(0, add(p, 0x40), weight)", memory.h2));
                });
                for i in 0..keys {
                    let (to, from) = (memory.accumulator + WORD * (HEAD + i), WORD * (HEAD - 2 + i));
                    let scaled = format!("mulmod(weight, mload(add(p, {from:#x})), r)");
                    w.line(format!("mstore({to:#x}, addmod({}, {scaled}, r))", load(to)));
                }
            });
        });
    }

    pub(super) fn ending(&self, w: &mut Writer) {
        let (memory, key) = (self.memory, self.key);
        let Errors { precompile, pairing, .. } = &self.errors;
        let h2 = memory.h2;
        w.line("// Ends the call with the two points that the pairing would compare.");
        w.block("function hand_out()", |w| {
            w.line(format!("mcopy(0x40, 0, 0x40)\nmcopy(0, {h2:#x}, 0x40)"));
            w.line("return(0, 0x80)");
        });
        w.line(
            "// Ends the call with an accumulator: the two points without the key's share, and that share's scalars.",
        );
        w.block("function defer()", |w| {
            let (at, keys) = (memory.accumulator, key_terms(self.shape));
            let words = HEAD - 2 + keys;
            w.line(format!("mstore({at:#x}, 0x20)\nmstore({:#x}, {words})", at + WORD));
            w.line(format!("mcopy({:#x}, {h2:#x}, 0x40)\nmcopy({:#x}, 0, 0x40)", at + 2 * WORD, at + 4 * WORD));
            w.line(format!("return({at:#x}, {:#x})", WORD * (HEAD + keys)));
        });
        w.line("// Ends the call with the verdict: e(F, [1]) * e(-H2, [tau]) = 1.");
        w.block("function finish()", |w| {
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

/// Whether the point at 0x40 times the scalar at 0x80 could be written to 0x40. The call, on the right, is evaluated first.
fn multiplication() -> String {
    format!("and(eq(returndatasize(), 0x40), staticcall({GAS_MUL}, 7, 0x40, 0x60, 0x40, 0x40))")
}

/// Whether the sum of the two points from `from` on could be written to `to`.
fn addition(from: &str, to: &str) -> String {
    format!("and(eq(returndatasize(), 0x40), staticcall({GAS_ADD}, 6, {from}, 0x80, {to}, 0x40))")
}
