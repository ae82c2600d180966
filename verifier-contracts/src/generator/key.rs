//! The data contract: all constants of a verifying key as runtime code.
//!
//! Byte 0 is STOP, so the data can never run as code; then words: digest of the key, generator of
//! G1, the G2 points [1]₂ and [τ]₂ (EIP-197 order), powers of ω, barycentric weights, constants of
//! the constraints, fixed commitments.

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G2Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::plonk::VerifyingKey;

use super::dag::big_endian;
use super::gates::Program;
use super::shape::{Opened, Shape};
use super::yul::WORD;
use super::{GeneratorError, SrsPoints, CODE_LIMIT};

/// A constant of at most this many bytes is a literal of the code, longer ones are key data.
const LITERAL_BYTES: usize = 6;

/// The words of the key, and which is what.
#[derive(Clone, Debug)]
pub(super) struct Key {
    data: Vec<[u8; WORD]>,
    pub(super) digest: usize,
    pub(super) g1: usize,
    pub(super) g2: usize,
    pub(super) s_g2: usize,
    /// ω^rotation per rotation.
    pub(super) rotations: usize,
    /// ω^row, then ω^row / n, per instance row.
    pub(super) rows: usize,
    pub(super) rows_over_n: usize,
    /// First barycentric weight of each opening set that has several points.
    pub(super) barycentric: Vec<Option<usize>>,
    constants: Vec<([u8; WORD], usize)>,
    fixed: Vec<(usize, usize)>,
}

impl Key {
    /// Collects the data.
    pub(super) fn new(
        vk: &VerifyingKey<G1Affine>,
        srs: &SrsPoints,
        shape: &Shape,
        program: &Program,
    ) -> Result<Self, GeneratorError> {
        let mut data: Vec<[u8; WORD]> = vec![big_endian(&vk.transcript_repr())];
        let g1 = data.len();
        data.extend(g1_words(&srs.g1));
        let g2 = data.len();
        data.extend(g2_words(&srs.g2));
        let s_g2 = data.len();
        data.extend(g2_words(&srs.s_g2));
        let omega = vk.get_domain().get_omega();
        let root = |row: &u64| omega.pow([*row]);
        let rotations = data.len();
        let roots: Vec<Fr> = shape.rotations.iter().map(root).collect();
        data.extend(roots.iter().map(big_endian));
        let rows = data.len();
        let row_roots: Vec<Fr> = shape.instance_rows().iter().map(root).collect();
        data.extend(row_roots.iter().map(big_endian));
        let rows_over_n = data.len();
        let n_inverse = invert(Fr::from(shape.n()))?;
        data.extend(row_roots.iter().map(|w| big_endian(&(*w * n_inverse))));
        let mut barycentric = Vec::new();
        for set in &shape.sets {
            let first = (set.points.len() > 1).then_some(data.len());
            barycentric.push(first);
            if first.is_some() {
                for p in &set.points {
                    let others = set.points.iter().filter(|q| *q != p);
                    let product: Fr = others.map(|q| roots[*p] - roots[*q]).product();
                    data.push(big_endian(&invert(product)?));
                }
            }
        }
        let mut constants = Vec::new();
        for constant in program.constants() {
            if literal(&constant).is_none() {
                constants.push((constant, data.len()));
                data.push(constant);
            }
        }
        let mut fixed: Vec<(usize, usize)> = Vec::new();
        for (opened, _) in shape.sets.iter().flat_map(|set| &set.polys) {
            if let Opened::Fixed(column) = opened {
                fixed.push((*column, data.len()));
                data.extend(g1_words(&vk.fixed_commitments()[*column]));
            }
        }
        let key = Key { data, digest: 0, g1, g2, s_g2, rotations, rows, rows_over_n, barycentric, constants, fixed };
        let bytes = 1 + WORD * key.words();
        if bytes > CODE_LIMIT {
            return Err(GeneratorError::TooLarge { what: "key data", limit: CODE_LIMIT, got: bytes });
        }
        Ok(key)
    }

    /// Words of data.
    pub(super) fn words(&self) -> usize {
        self.data.len()
    }

    /// First word of a fixed column's commitment. Only queried columns are asked for.
    pub(super) fn fixed(&self, column: usize) -> usize {
        let found = self.fixed.iter().find(|(c, _)| *c == column);
        found.map_or(self.g1, |(_, word)| *word)
    }

    /// Word of a constant, where it is not a literal.
    pub(super) fn constant(&self, constant: &[u8; WORD]) -> Option<usize> {
        let found = self.constants.iter().find(|(c, _)| c == constant);
        found.map(|(_, word)| *word)
    }

    /// The runtime code: STOP and the words.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let words = self.data.iter().flatten();
        [0].into_iter().chain(words.copied()).collect()
    }
}

/// Code that deploys `runtime` as it is: PUSH2 len, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN.
pub(super) fn creation_code(runtime: &[u8]) -> Vec<u8> {
    let len = runtime.len();
    let mut code = vec![0x61, (len >> 8) as u8, (len & 0xff) as u8];
    code.extend([0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3]);
    code.extend_from_slice(runtime);
    code
}

/// A constant as a short hexadecimal literal.
pub(super) fn literal(constant: &[u8; WORD]) -> Option<String> {
    let zeros = constant.iter().take_while(|byte| **byte == 0).count();
    let significant = &constant[zeros..];
    (significant.len() <= LITERAL_BYTES).then(|| {
        if significant.is_empty() {
            "0".to_string()
        } else {
            format!("0x{}", hex::encode(significant))
        }
    })
}

fn invert(value: Fr) -> Result<Fr, GeneratorError> {
    Option::from(value.invert()).ok_or_else(|| GeneratorError::unsupported("rotations that coincide on the domain"))
}

fn g1_words(point: &G1Affine) -> [[u8; WORD]; 2] {
    // The identity is (0, 0) here as in the precompiles.
    [word(&point.x), word(&point.y)]
}

fn g2_words(point: &G2Affine) -> [[u8; WORD]; 4] {
    let (x, y) = (&point.x, &point.y);
    [word(&x.c1), word(&x.c0), word(&y.c1), word(&y.c0)]
}

fn word<F: PrimeField<Repr = [u8; 32]>>(value: &F) -> [u8; WORD] {
    let mut bytes = value.to_repr();
    bytes.reverse();
    bytes
}
