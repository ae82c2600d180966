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
use super::memory::{Absorbed, Inverses, Memory, Segment};
use super::shape::Shape;
use super::yul::{all, hex, load, words, Writer, WORD};
use zkpoc_engine::encoding::POINT_BYTES;

/// What the block is asked for: a verdict, the two points of the pairing, an accumulator, a verdict on accumulators.
pub(super) const VERIFY: usize = 0;
pub(super) const ACCUMULATE: usize = 1;
pub(super) const DEFER: usize = 2;
pub(super) const DECIDE: usize = 3;

/// Order of the group, in hexadecimal.
pub(super) const R: &str = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
const R_MINUS_2: &str = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593efffffff";
/// Modulus of the coordinates.
pub(super) const Q: &str = "0x30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";

/// Gas given to the exponentiation: above every known price, far below what a caller forwards.
const GAS_MODEXP: usize = 50_000;

/// Operations of the constraints above which the rest of the code is kept short, for the limit on a contract's size: loops and
/// calls in place of straight code, for about 2 % more gas.
const LARGE: usize = 1_000;

/// Whether a point is canonical and on the curve, of modulus `q`.
fn on_curve(x: &str, y: &str) -> String {
    format!(
        "and(eq(mulmod({y}, {y}, q), addmod(mulmod(mulmod({x}, {x}, q), {x}, q), 3, q)), and(lt({x}, q), lt({y}, q)))"
    )
}

/// Selectors of the errors, as literals.
pub(super) struct Errors {
    pub(super) instance: String,
    pub(super) scalar: String,
    pub(super) point: String,
    pub(super) precompile: String,
    pub(super) denominator: String,
    pub(super) pairing: String,
    pub(super) accumulators: String,
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
    /// The block's contents. Variables of Solidity in scope: `proof`, `instances`, `key`, `mode`.
    pub(super) fn code(&self, w: &mut Writer) {
        self.failures(w);
        self.reading(w);
        self.transcript(w);
        self.denominators(w);
        self.inversion(w);
        self.instance_evals(w);
        let chunks = self.gates(w);
        self.openings(w);
        self.points_sums(w);
        self.combination(w);
        self.ending(w);
        let memory = self.memory;
        w.line(format!("let r := {R}"));
        w.line("// The key's data, behind its first byte.");
        let (at, bytes) = (memory.key, WORD * self.key.words());
        w.line(format!("extcodecopy(key, {at:#x}, 1, {bytes:#x})"));
        w.block(format!("if eq(mode, {DECIDE})"), |w| {
            w.line("combine(instances.offset, instances.length, r)\nsum_key()\nfinish()");
        });
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
        w.line("openings(r)\nsum_proof()");
        w.line(format!("if eq(mode, {DEFER}) {{ defer() }}"));
        w.line("sum_key()");
        w.line(format!("if eq(mode, {ACCUMULATE}) {{ hand_out() }}"));
        w.line("finish()");
    }

    /// Whether the code is kept short.
    pub(super) fn is_large(&self) -> bool {
        self.program.operations() > LARGE
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
        if self.is_large() {
            w.block("function on_curve(at, q) -> good", |w| {
                w.line("let x := mload(at)\nlet y := mload(add(at, 0x20))");
                w.line(format!("good := {}", on_curve("x", "y")));
            });
        }
        w.line(
            "// Names the first point that is not canonical or not on the curve y^2 = x^3 + 3, which (0, 0) is not.",
        );
        w.block("function bad_point(at, offset, q)", |w| {
            let head = "for {} 1 { at := add(at, 0x40) offset := add(offset, 0x40) }";
            w.block(head, |w| {
                let good = on_curve("mload(at)", "mload(add(at, 0x20))");
                w.line(format!("if iszero({good}) {{ fail_at({point}, offset) }}"));
            });
        });
        w.line("// Scalars from the proof: all below r.");
        let count = self.shape.evals();
        let (at, size) = (self.memory.eval(0), WORD * count);
        w.block("function read_scalars(base, offset, r)", |w| {
            w.line(format!("calldatacopy({at:#x}, add(base, offset), {size:#x})"));
            if self.is_large() {
                w.line("let good := 1");
                words(w, at, count, |w| w.line("good := and(good, lt(mload(p), r))"));
            } else {
                let check = |i| format!("lt({}, r)", load(self.memory.eval(i)));
                all(w, "good", &(0..count).map(check).collect::<Vec<_>>());
            }
            w.block("if iszero(good)", |w| {
                let head = format!("for {{ let p := {at:#x} }} 1 {{ p := add(p, 0x20) }}");
                w.block(head, |w| {
                    w.line(format!("if iszero(lt(mload(p), r)) {{ fail_at({scalar}, add(offset, sub(p, {at:#x}))) }}"));
                });
            });
        });
        let (at, size) = (self.memory.instance(0), WORD * self.shape.instances);
        if size > 0 {
            w.block("function read_instances(from, r)", |w| {
                w.line(format!("calldatacopy({at:#x}, from, {size:#x})"));
                for i in 0..self.shape.instances {
                    let word = load(self.memory.instance(i));
                    w.line(format!("if iszero(lt({word}, r)) {{ fail_at({instance}, {i}) }}"));
                }
            });
        }
    }

    fn transcript(&self, w: &mut Writer) {
        w.line("// A challenge drawn right after another.");
        w.block("function again(h) -> next", |w| {
            w.line("mstore(0, h)\nmstore8(0x20, 1)\nnext := keccak256(0, 0x21)");
        });
        for (i, (at, offset, count)) in self.points_read().enumerate() {
            w.block(format!("function read_points_{i}(base, q)"), |w| {
                let size = POINT_BYTES * count;
                w.line(format!("calldatacopy({at:#x}, add(base, {offset:#x}), {size:#x})"));
                let check = |at: usize| match self.is_large() {
                    true => format!("on_curve({at:#x}, q)"),
                    false => on_curve(&load(at), &load(at + WORD)),
                };
                let checks: Vec<_> = (0..count).map(|n| check(at + POINT_BYTES * n)).collect();
                all(w, "good", &checks);
                w.line(format!("if iszero(good) {{ bad_point({at:#x}, {offset:#x}, q) }}"));
            });
        }
        w.line("// Reads the proof and derives the challenges. r: order of the group.");
        w.block("function transcript(base, from, r)", |w| {
            w.line(format!("let q := {Q}\nlet h"));
            let mut read = 0;
            for segment in &self.memory.segments {
                self.segment(w, segment, &mut read);
            }
        });
    }

    /// Where points are read at once: address, offset in the proof, number.
    fn points_read(&self) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        self.memory.segments.iter().flat_map(|segment| &segment.absorbed).filter_map(|absorbed| match *absorbed {
            Absorbed::Points { at, offset, count } if count > 0 => Some((at, offset, count)),
            _ => None,
        })
    }

    fn segment(&self, w: &mut Writer, segment: &Segment, read: &mut usize) {
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
                Absorbed::Points { .. } => {
                    w.line(format!("read_points_{read}(base, q)"));
                    *read += 1;
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
            if self.is_large() {
                // Denominators lie behind the key's data.
                let shift = memory.denominator(0) - roots;
                let line = format!("mstore(add(p, {shift:#x}), add(u, mulmod(minus, mload(p), r)))");
                words(w, roots, shape.rotations.len(), |w| w.line(&line));
            } else {
                for i in 0..shape.rotations.len() {
                    let (to, root) = (memory.denominator(i), load(roots + WORD * i));
                    w.line(format!("mstore({to:#x}, add(u, mulmod(minus, {root}, r)))"));
                }
            }
            for i in 0..shape.instance_rows().len() {
                let (to, root) = (memory.denominator(at.rows + i), memory.key_word(self.key.rows + i));
                w.line(format!("mstore({to:#x}, add(x, sub(r, {})))", load(root)));
            }
            w.line(format!("mstore({:#x}, x)", memory.denominator(at.x)));
            w.line(format!("// x^n, n = 2^{}", shape.k));
            for _ in 0..shape.k {
                w.line("x := mulmod(x, x, r)");
            }
            w.line(format!("mstore({:#x}, x)", memory.xn));
            let vanishing = memory.denominator(at.vanishing);
            w.line(format!("mstore({vanishing:#x}, add(x, sub(r, 1)))"));
            w.line("// Z_0(u)");
            w.line(format!("u := {}", load(memory.denominator(shape.sets[0].points[0]))));
            if shape.sets[0].points.len() == 1 {
                w.line("u := mod(u, r)");
            }
            for p in &shape.sets[0].points[1..] {
                w.line(format!("u := mulmod(u, {}, r)", load(memory.denominator(*p))));
            }
            w.line(format!("mstore({:#x}, u)", memory.z0));
        });
    }

    fn inversion(&self, w: &mut Writer) {
        let memory = self.memory;
        let at = Inverses::new(self.shape);
        let Errors { precompile, denominator, .. } = &self.errors;
        w.line("// Inverts all denominators with one exponentiation; refuses zeros. An inverse takes the place of the product before it.");
        w.block("function invert(r)", |w| {
            w.line(format!("let acc := {}", load(memory.denominator(0))));
            let shift = memory.inverse(1) - memory.denominator(1);
            if self.is_large() {
                let lines = format!("mstore(add(p, {shift:#x}), acc)\nacc := mulmod(acc, mload(p), r)");
                words(w, memory.denominator(1), at.count - 1, |w| w.line(&lines));
            } else {
                for i in 1..at.count {
                    w.line(format!("mstore({:#x}, acc)", memory.inverse(i)));
                    w.line(format!("acc := mulmod(acc, {}, r)", load(memory.denominator(i))));
                }
            }
            w.line(format!("if iszero(acc) {{ fail({denominator}) }}"));
            w.line("mstore(0, 0x20)\nmstore(0x20, 0x20)\nmstore(0x40, 0x20)\nmstore(0x60, acc)");
            w.line(format!("mstore(0x80, {R_MINUS_2})\nmstore(0xa0, r)"));
            w.line(format!("let good := staticcall({GAS_MODEXP}, 5, 0, 0xc0, 0, 0x20)"));
            w.line("good := and(good, eq(returndatasize(), 0x20))");
            w.line("good := and(good, eq(mulmod(mload(0), acc, r), 1))");
            w.line(format!("if iszero(good) {{ fail({precompile}) }}"));
            w.line("acc := mload(0)");
            if self.is_large() {
                let (first, last) = (memory.denominator(1), memory.denominator(at.count - 1));
                let head = format!("for {{ let p := {last:#x} }} iszero(lt(p, {first:#x})) {{ p := sub(p, 0x20) }}");
                w.block(head, |w| {
                    w.line(format!("let to := add(p, {shift:#x})\nmstore(to, mulmod(acc, mload(to), r))"));
                    w.line("acc := mulmod(acc, mload(p), r)");
                });
            }
            for i in (1..at.count).rev().filter(|_| !self.is_large()) {
                let to = memory.inverse(i);
                w.line(format!("mstore({to:#x}, mulmod(acc, {}, r))", load(to)));
                w.line(format!("acc := mulmod(acc, {}, r)", load(memory.denominator(i))));
            }
            w.line(format!("mstore({:#x}, acc)", memory.inverse(0)));
            let powers = self.shape.sets.iter().map(|set| set.points.len()).max();
            let inverse = memory.inverse(at.x);
            let needed = |power: usize| self.shape.sets.iter().any(|set| set.points.len() == power + 1);
            for power in 1..powers.unwrap_or(1) {
                let to = memory.x_inverse(power);
                if power == 1 {
                    w.line(format!("acc := {}", load(inverse)));
                } else {
                    w.line(format!("acc := mulmod(acc, {}, r)", load(inverse)));
                }
                if needed(power) {
                    w.line(format!("mstore({to:#x}, acc)"));
                }
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
                for i in 0..shape.instances {
                    let row = shape.instance_row(i, *rotation);
                    // Every row that a query meets is listed.
                    let l = rows.iter().position(|r| *r == row).unwrap_or_default();
                    let (l, value) = (load(memory.inverse(at.rows + l)), load(memory.instance(i)));
                    let product = format!("mulmod({value}, {l}, r)");
                    w.line(if i == 0 { format!("z := {product}") } else { format!("z := addmod(z, {product}, r)") });
                }
                if shape.instances == 0 {
                    w.line("z := 0");
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
