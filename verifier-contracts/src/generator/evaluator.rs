//! The assembly block of the generated verifier, function by function.
//!
//! With x the evaluation point, w_i = ω^rotation_i, opening sets S_0, S_1, … (points x·w_p), SHPLONK
//! challenges mu, v, u, and d_p = u - x·w_p, all the verifier inverts is d_p, x - ω^row, x^n - 1 and
//! x: one modular exponentiation. With b_p = 1/Π(w_p - w_q) over the set (key data), z_i = Π d_p:
//!
//! - sum of points: F = Σ_i v^i·(z_0/z_i)·Σ_j mu^j·C_ij − z_0·s·G − z_0·H1 + u·H2,
//! - s = Σ_i v^i·x^(1−|S_i|)·Σ_j mu^j·Σ_p value_ijp·b_p/d_p.
//!
//! The proof is valid if e(H2, \[τ\]₂) = e(F, \[1\]₂). Source: eprint 2020/081 §4, in the form of
//! halo2-axiom 0.5.3 (normalised by the first set).

use super::dag::Leaf;
use super::gates::Program;
use super::key::{literal, Key};
use super::memory::{Absorbed, Inverses, Memory, Segment, WORD};
use super::shape::Shape;
use super::yul::{hex, load, shifted, Writer};
use crate::transcript::POINT_BYTES;

/// Order of the group, in hexadecimal.
pub(super) const R: &str = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
const R_MINUS_2: &str = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593efffffff";
/// Modulus of the coordinates.
pub(super) const Q: &str = "0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";

/// Gas given to the exponentiation: above every known price, far below what a caller forwards.
const GAS_MODEXP: usize = 50_000;

/// Selectors of the errors, as literals.
pub(super) struct Errors {
    pub(super) instance: String,
    pub(super) scalar: String,
    pub(super) point: String,
    pub(super) precompile: String,
    pub(super) denominator: String,
    pub(super) pairing: String,
}

/// Everything the code depends on.
pub(super) struct Evaluator<'a> {
    pub(super) shape: &'a Shape,
    pub(super) key: &'a Key,
    pub(super) memory: &'a Memory,
    pub(super) program: &'a Program,
    pub(super) errors: Errors,
}

impl Evaluator<'_> {
    /// The block's contents. Variables of Solidity in scope: `proof`, `instances`, `key`, `pair`.
    pub(super) fn code(&self, w: &mut Writer) {
        self.failures(w);
        self.reading(w);
        self.transcript(w);
        self.denominators(w);
        self.inversion(w);
        self.instance_evals(w);
        let chunks = self.gates(w);
        self.openings(w);
        self.points_sum(w);
        self.ending(w);
        let memory = self.memory;
        w.line(format!("let r := {R}"));
        w.line("// The key's data, behind its first byte.");
        let (at, bytes) = (memory.key, WORD * self.key.words());
        w.line(format!("extcodecopy(key, {at:#x}, 1, {bytes:#x})"));
        w.line("transcript(proof.offset, instances.offset, r)");
        w.line("denominators(r)\ninvert(r)\ninstance_evals(r)");
        w.block("", |w| {
            w.line(format!("let y := {}\nlet acc := 0", load(memory.y)));
            for i in 0..chunks {
                w.line(format!("acc := gates_{i}(acc, y, r)"));
            }
            let vanishing = memory.inverse(Inverses::new(self.shape).vanishing);
            let quotient = memory.quotient;
            w.line(format!("mstore({quotient:#x}, mulmod(acc, {}, r))", load(vanishing)));
        });
        w.line("openings(r)\nsum_points()");
        w.line("finish(pair)");
    }

    fn failures(&self, w: &mut Writer) {
        w.block("function fail(selector)", |w| {
            w.line("mstore(0, shl(224, selector))\nrevert(0, 4)");
        });
        w.block("function fail_at(selector, at)", |w| {
            w.line("mstore(0, shl(224, selector))\nmstore(4, at)\nrevert(0, 0x24)");
        });
    }

    fn reading(&self, w: &mut Writer) {
        let Errors { instance, scalar, point, .. } = &self.errors;
        w.line("// Points from the proof: canonical, on the curve y^2 = x^3 + 3, which (0, 0) is not.");
        w.block("function read_points(at, base, offset, size)", |w| {
            w.line("calldatacopy(at, add(base, offset), size)");
            w.line(format!("let q := {Q}"));
            let head = "for { let end := add(at, size) } lt(at, end) { at := add(at, 0x40) }";
            w.block(head, |w| {
                w.line("let x := mload(at)\nlet y := mload(add(at, 0x20))");
                let curve = "eq(mulmod(y, y, q), addmod(mulmod(mulmod(x, x, q), x, q), 3, q))";
                w.block(format!("if iszero(and(and(lt(x, q), lt(y, q)), {curve}))"), |w| {
                    w.line(format!("fail_at({point}, offset)"))
                });
                w.line("offset := add(offset, 0x40)");
            });
        });
        w.line("// Scalars from the proof: all below r.");
        let count = self.shape.evals();
        let (at, size) = (self.memory.eval(0), WORD * count);
        w.block("function read_scalars(base, offset, r)", |w| {
            w.line(format!("calldatacopy({at:#x}, add(base, offset), {size:#x})"));
            w.line("let good := 1");
            w.words_up(at, count, |w, p| {
                w.line(format!("good := and(good, lt(mload({p}), r))"));
            });
            w.block("if iszero(good)", |w| {
                let head = format!("for {{ let p := {at:#x} }} 1 {{ p := add(p, 0x20) }}");
                w.block(head, |w| {
                    w.line(format!("if iszero(lt(mload(p), r)) {{ fail_at({scalar}, add(offset, sub(p, {at:#x}))) }}"));
                });
            });
        });
        if self.shape.instances == 0 {
            return;
        }
        let (at, size) = (self.memory.instance(0), WORD * self.shape.instances);
        w.block("function read_instances(from, r)", |w| {
            w.line(format!("calldatacopy({at:#x}, from, {size:#x})"));
            let head = format!("for {{ let i := 0 }} lt(i, {}) {{ i := add(i, 1) }}", self.shape.instances);
            w.block(head, |w| {
                w.line(format!("if iszero(lt(mload(add({at:#x}, shl(5, i))), r)) {{ fail_at({instance}, i) }}"));
            });
        });
    }

    fn transcript(&self, w: &mut Writer) {
        w.line("// A challenge drawn right after another.");
        w.block("function again(h) -> next", |w| {
            w.line("mstore(0, h)\nmstore8(0x20, 1)\nnext := keccak256(0, 0x21)");
        });
        w.line("// Reads the proof and derives the challenges. r: order of the group.");
        w.block("function transcript(base, from, r)", |w| {
            w.line("let h");
            for segment in &self.memory.segments {
                self.segment(w, segment);
            }
        });
    }

    fn segment(&self, w: &mut Writer, segment: &Segment) {
        if !matches!(segment.absorbed.first(), Some(Absorbed::Digest(_))) && !segment.is_last() {
            w.line(format!("mstore({:#x}, h)", segment.start));
        }
        for absorbed in &segment.absorbed {
            match absorbed {
                Absorbed::Digest(at) => {
                    let digest = self.memory.key_word(self.key.digest);
                    w.line(format!("mstore({at:#x}, {})", load(digest)));
                }
                Absorbed::Instances if self.shape.instances == 0 => {}
                Absorbed::Instances => w.line("read_instances(from, r)"),
                Absorbed::Points { count: 0, .. } => {}
                Absorbed::Points { at, offset, count } => {
                    let size = POINT_BYTES * count;
                    w.line(format!("read_points({at:#x}, base, {offset:#x}, {size:#x})"));
                }
                Absorbed::Scalars { offset } => {
                    w.line(format!("read_scalars(base, {offset:#x}, r)"));
                }
            }
        }
        for (i, word) in segment.challenges.iter().enumerate() {
            let size = segment.end - segment.start;
            match (i, size) {
                (0, WORD) => w.line(format!("h := again({})", load(segment.start))),
                (0, _) => w.line(format!("h := keccak256({:#x}, {size:#x})", segment.start)),
                _ => w.line("h := again(h)"),
            }
            if let Some(at) = word {
                w.line(format!("mstore({at:#x}, mod(h, r))"));
            }
        }
    }

    fn denominators(&self, w: &mut Writer) {
        let (memory, shape) = (self.memory, self.shape);
        let at = Inverses::new(shape);
        w.line("// What is to be inverted: u - x*w per rotation, x - w per instance row, x^n - 1, x.");
        w.block("function denominators(r)", |w| {
            w.line(format!("let x := {}\nlet u := {}", load(memory.x), load(memory.u)));
            w.line("let minus := sub(r, x)");
            let roots = memory.key_word(self.key.rotations);
            let shift = memory.inverses as isize - roots as isize;
            w.words_up(roots, shape.rotations.len(), |w, p| {
                let to = shifted(p, shift);
                w.line(format!("mstore({to}, addmod(u, mulmod(minus, mload({p}), r), r))"));
            });
            for i in 0..shape.instance_rows().len() {
                let (to, root) = (memory.inverse(at.rows + i), memory.key_word(self.key.rows + i));
                w.line(format!("mstore({to:#x}, addmod(x, sub(r, {}), r))", load(root)));
            }
            w.line(format!("mstore({:#x}, x)", memory.inverse(at.x)));
            w.line(format!("// x^n, n = 2^{}", shape.k));
            for _ in 0..shape.k {
                w.line("x := mulmod(x, x, r)");
            }
            w.line(format!("mstore({:#x}, x)", memory.xn));
            let vanishing = memory.inverse(at.vanishing);
            w.line(format!("mstore({vanishing:#x}, addmod(x, sub(r, 1), r))"));
            w.line("// Z_0(u)");
            w.line(format!("u := {}", load(memory.inverse(shape.sets[0].points[0]))));
            for p in &shape.sets[0].points[1..] {
                w.line(format!("u := mulmod(u, {}, r)", load(memory.inverse(*p))));
            }
            w.line(format!("mstore({:#x}, u)", memory.z0));
        });
    }

    fn inversion(&self, w: &mut Writer) {
        let memory = self.memory;
        let at = Inverses::new(self.shape);
        let shift = memory.prefixes as isize - memory.inverses as isize;
        let Errors { precompile, denominator, .. } = &self.errors;
        w.line("// Inverts all denominators with one exponentiation; refuses zeros.");
        w.block("function invert(r)", |w| {
            w.line("let acc := 1");
            w.words_up(memory.inverses, at.count, |w, p| {
                w.line(format!("mstore({}, acc)", shifted(p, shift)));
                w.line(format!("acc := mulmod(acc, mload({p}), r)"));
            });
            w.line(format!("if iszero(acc) {{ fail({denominator}) }}"));
            w.line("mstore(0, 0x20)\nmstore(0x20, 0x20)\nmstore(0x40, 0x20)\nmstore(0x60, acc)");
            w.line(format!("mstore(0x80, {R_MINUS_2})\nmstore(0xa0, r)"));
            w.line(format!("let good := staticcall({GAS_MODEXP}, 5, 0, 0xc0, 0, 0x20)"));
            w.line("good := and(good, eq(returndatasize(), 0x20))");
            w.line("good := and(good, eq(mulmod(mload(0), acc, r), 1))");
            w.line(format!("if iszero(good) {{ fail({precompile}) }}"));
            w.line("acc := mload(0)\nlet d");
            w.words_down(memory.inverses, at.count, |w, p| {
                w.line(format!("d := mload({p})"));
                w.line(format!("mstore({p}, mulmod(acc, mload({}), r))", shifted(p, shift)));
                w.line("acc := mulmod(acc, d, r)");
            });
            let powers = self.shape.sets.iter().map(|set| set.points.len()).max();
            let inverse = memory.inverse(at.x);
            for power in 1..powers.unwrap_or(1) {
                let to = memory.x_inverse(power);
                if power == 1 {
                    w.line(format!("acc := {}", load(inverse)));
                } else {
                    w.line(format!("acc := mulmod(acc, {}, r)", load(inverse)));
                }
                w.line(format!("mstore({to:#x}, acc)"));
            }
        });
    }

    fn instance_evals(&self, w: &mut Writer) {
        let (memory, shape) = (self.memory, self.shape);
        let at = Inverses::new(shape);
        let rows = shape.instance_rows();
        w.line("// Lagrange polynomials at x of the few rows that hold or meet instances.");
        w.block("function instance_evals(r)", |w| {
            if rows.is_empty() {
                return;
            }
            w.line(format!("let z := addmod({}, sub(r, 1), r)", load(memory.xn)));
            for i in 0..rows.len() {
                let l = memory.inverse(at.rows + i);
                let root = memory.key_word(self.key.rows_over_n + i);
                let value = format!("mulmod({}, mulmod({}, z, r), r)", load(l), load(root));
                w.line(format!("mstore({l:#x}, {value})"));
            }
            for (n, rotation) in shape.instance.iter().enumerate() {
                w.line("z := 0");
                for i in 0..shape.instances {
                    let row = shape.instance_row(i, *rotation);
                    // Every row that a query meets is listed.
                    let l = rows.iter().position(|r| *r == row).unwrap_or_default();
                    let (l, value) = (load(memory.inverse(at.rows + l)), load(memory.instance(i)));
                    w.line(format!("z := addmod(z, mulmod({value}, {l}, r), r)"));
                }
                w.line(format!("mstore({:#x}, z)", memory.instance_eval(n)));
            }
        });
    }

    fn gates(&self, w: &mut Writer) -> usize {
        let (memory, shape) = (self.memory, self.shape);
        let leaf = |leaf| match leaf {
            Leaf::Advice(n) => load(memory.eval(n)),
            Leaf::Fixed(n) => load(memory.eval(shape.advice.len() + n)),
            Leaf::Instance(n) => load(memory.instance_eval(n)),
            Leaf::Challenge(n) => load(memory.challenge(n)),
        };
        let constant = |bytes: &[u8; WORD]| match self.key.constant(bytes) {
            Some(word) => load(memory.key_word(word)),
            None => literal(bytes).unwrap_or_default(),
        };
        let temp = |n: usize| hex(memory.temps + WORD * n);
        let chunks = self.program.yul(&leaf, &constant, &temp);
        w.line("// The constraints, each folded into acc by y.");
        for (i, lines) in chunks.iter().enumerate() {
            w.block(format!("function gates_{i}(acc, y, r) -> folded"), |w| {
                for line in lines {
                    w.line(line);
                }
                w.line("folded := acc");
            });
        }
        chunks.len()
    }
}

impl Segment {
    /// Nothing is hashed after the last elements.
    fn is_last(&self) -> bool {
        self.challenges.is_empty()
    }
}
