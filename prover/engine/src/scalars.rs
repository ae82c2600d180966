//! Scalars of a program: constants and challenges, and sums and products of them.
//!
//! They are the same in every row, so they are computed once a proof. Two that are equal for all
//! challenges are one scalar: each is known by its value at a fixed pseudorandom point, and two
//! different polynomials of degree `d` meet there with probability `d / r`. If they did, proofs
//! would fail to verify; nothing false could be proven.

use std::collections::HashMap;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::FromUniformBytes;
use sha2::{Digest, Sha256};

/// Index of a scalar.
pub(super) type ScalarId = usize;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Constant(Fr),
    Challenge(usize),
    Sum(ScalarId, ScalarId),
    Product(ScalarId, ScalarId),
}

/// A table of scalars; each is computed from earlier ones.
#[derive(Clone, Debug, Default)]
pub(super) struct Scalars {
    operations: Vec<Operation>,
    prints: Vec<Fr>,
    known: HashMap<Fr, ScalarId>,
}

impl Scalars {
    fn insert(&mut self, operation: Operation, print: Fr) -> ScalarId {
        if let Some(id) = self.known.get(&print) {
            return *id;
        }
        let id = self.operations.len();
        self.operations.push(operation);
        self.prints.push(print);
        self.known.insert(print, id);
        id
    }

    /// A constant.
    pub(super) fn constant(&mut self, value: Fr) -> ScalarId {
        self.insert(Operation::Constant(value), value)
    }

    /// A challenge, by its index.
    pub(super) fn challenge(&mut self, index: usize) -> ScalarId {
        self.insert(Operation::Challenge(index), pseudorandom("challenge", index, 0))
    }

    /// `a + b`.
    pub(super) fn sum(&mut self, a: ScalarId, b: ScalarId) -> ScalarId {
        self.insert(Operation::Sum(a, b), self.prints[a] + self.prints[b])
    }

    /// `a b`.
    pub(super) fn product(&mut self, a: ScalarId, b: ScalarId) -> ScalarId {
        self.insert(Operation::Product(a, b), self.prints[a] * self.prints[b])
    }

    /// Whether it is 0 for all challenges.
    pub(super) fn is_zero(&self, id: ScalarId) -> bool {
        self.prints[id] == Fr::ZERO
    }

    /// The value at the fixed point.
    pub(super) fn print(&self, id: ScalarId) -> Fr {
        self.prints[id]
    }

    /// Splits a scalar into a sign and a representative of `{a, -a}`; `true` is minus.
    pub(super) fn split_sign(&mut self, id: ScalarId) -> (bool, ScalarId) {
        let negated = -self.prints[id];
        match self.known.get(&negated) {
            Some(other) if *other < id => (true, *other),
            _ if negated == Fr::ONE => (true, self.constant(Fr::ONE)),
            _ => (false, id),
        }
    }

    /// The values of all scalars; `challenges` has one for each index in use.
    pub(super) fn evaluate(&self, challenges: &[Fr]) -> Vec<Fr> {
        let mut values: Vec<Fr> = Vec::with_capacity(self.operations.len());
        for operation in &self.operations {
            values.push(match *operation {
                Operation::Constant(value) => value,
                Operation::Challenge(index) => challenges[index],
                Operation::Sum(a, b) => values[a] + values[b],
                Operation::Product(a, b) => values[a] * values[b],
            });
        }
        values
    }
}

/// A fixed element that looks random, for a name and two numbers.
pub(super) fn pseudorandom(name: &str, a: usize, b: usize) -> Fr {
    let mut wide = [0u8; 64];
    for (half, out) in wide.chunks_exact_mut(32).enumerate() {
        let mut hash = Sha256::new();
        hash.update(b"zkpoc.engine.print");
        hash.update(name);
        for number in [a, b, half] {
            hash.update((number as u64).to_be_bytes());
        }
        out.copy_from_slice(&hash.finalize());
    }
    Fr::from_uniform_bytes(&wide)
}
