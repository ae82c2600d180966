//! Solidity verifiers from verifying keys.
//!
//! [`generate`] turns a verifying key of a circuit without equality columns and lookup arguments into
//! two contracts: *key data*, deployed as raw code, and an *evaluator*, `<Name>Verifier`, with
//!
//! - `verify(bytes proof, uint256[] instances)`, which returns nothing and reverts on anything
//!   invalid: wrong lengths, scalars or coordinates that are not canonical, points off the curve, the
//!   identity, a failed precompile, a zero denominator, a wrong opening;
//! - `accumulate(bytes proof, uint256[] instances)`, which returns the two points of the pairing;
//! - `defer(bytes proof, uint256[] instances)`, which returns an *accumulator*: the two points without the share of the
//!   key's points in the second, and the scalars of that share;
//! - `decide(uint256[] accumulators)`, which reverts unless all of them hold, by one pairing and one sum over the key's points.
//!
//! An accumulator (L, P, s) holds if e(L, \[τ\]₂) = e(P + Σ s_i K_i, \[1\]₂), which is linear in it. `decide` sums them up with
//! powers of a hash ρ of them all: if one of n does not hold, at most n - 1 values of ρ let the sum hold, out of r, so whoever
//! tries q hashes gets it past with probability q·n/r at most.
//!
//! Bad input is refused before any precompile sees it, and precompiles get bounded gas.
//!
//! The stages, one file each: `shape` reads the key, `dag` shares subexpressions, `gates` turns
//! constraints into statements, `key` collects data, `memory` gives addresses, `evaluator` and
//! `opening` write Yul, `solidity` the contract around it; `places` holds what the pool's contracts presume. Compile with the optimizer at one run and
//! without via-IR, for EVM version cancun or later.
//!
//! # What differs from the contract that `snark-verifier` generates
//!
//! | input | `snark-verifier` 0.2.7 | here |
//! |---|---|---|
//! | instance + r, scalar + r | reduces, accepts | rejects |
//! | bytes after the proof | ignores, accepts | rejects |
//! | another number of instances | has no count to check | rejects |
//! | point off the curve, identity, coordinate + q | rejects, and burns most of the gas | rejects within the cost of reading |
//! | rotations that coincide mod 2^k in one column | generates | refuses to generate |

mod dag;
mod evaluator;
mod gates;
mod key;
mod memory;
mod opening;
mod places;
mod shape;
mod solidity;
mod yul;

use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine, G2Affine};
use halo2_proofs::plonk::VerifyingKey;
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use sha3::{Digest, Keccak256};
use thiserror::Error;

use crate::ErrorKind;

pub use places::{Places, PlacesError, MOST_CLAIMS};

/// Most bytes of a contract's code (EIP-170).
pub const CODE_LIMIT: usize = 24_576;

/// Why no verifier can be generated.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum GeneratorError {
    /// The circuit uses something that generated verifiers do not know.
    #[error("generated verifiers do not support {what}")]
    Unsupported {
        /// What it uses.
        what: String,
    },
    /// The key's degree is not that of its gates: proofs would hold quotient pieces that are zero.
    #[error("the key declares degree {declared}, its gates have degree {real}")]
    Degree {
        /// Degree the quotient was split for.
        declared: usize,
        /// Highest degree of a gate polynomial.
        real: usize,
    },
    /// Two rotations of a column are the same on a domain of this size.
    #[error("{kind} column {column} is read at rotations {first} and {second}, the same of {rows} rows")]
    QueryCollision {
        /// Kind of column.
        kind: &'static str,
        /// Its index.
        column: usize,
        /// Earlier rotation.
        first: i32,
        /// Later rotation.
        second: i32,
        /// Rows of the domain.
        rows: u64,
    },
    /// The circuit is too large for the contract.
    #[error("{what} takes {got} bytes, more than {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Most bytes.
        limit: usize,
        /// Bytes needed.
        got: usize,
    },
    /// A name is not a Solidity identifier of ASCII letters, digits and `_`.
    #[error("{name:?} is not a Solidity identifier")]
    Name {
        /// The name.
        name: String,
    },
}

impl GeneratorError {
    /// What the caller can do about it: the circuit, or the name given, has to be another one.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }

    fn unsupported(what: impl Into<String>) -> Self {
        GeneratorError::Unsupported { what: what.into() }
    }
}

/// What a verifier needs of an SRS: \[1\]₁, \[1\]₂ and \[τ\]₂.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SrsPoints {
    /// \[1\]₁.
    pub g1: G1Affine,
    /// \[1\]₂.
    pub g2: G2Affine,
    /// \[τ\]₂.
    pub s_g2: G2Affine,
}

impl From<&ParamsKZG<Bn256>> for SrsPoints {
    fn from(params: &ParamsKZG<Bn256>) -> Self {
        SrsPoints { g1: params.get_g()[0], g2: params.g2(), s_g2: params.s_g2() }
    }
}

/// A verifier in two contracts, and a library for its callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedVerifier {
    /// Source of contract `<Name>Verifier`.
    pub verifier_sol: String,
    /// Source of library `<Name>Layout`.
    pub layout_sol: String,
    /// Code of the key contract.
    pub key_bytes: Vec<u8>,
    /// Creation code of the key contract.
    pub key_creation_code: Vec<u8>,
    /// Bytes of a proof.
    pub proof_bytes: usize,
}

/// Generates the verifier of `vk` for proofs with `instances` public inputs.
///
/// Contract and library are called `<name>Verifier` and `<name>Layout`; the library also gets the
/// constants `layout`, such as offsets of committed columns (see [`zkpoc_engine::proof_format::advice_offset`]).
///
/// # Errors
/// See [`GeneratorError`].
pub fn generate(
    vk: &VerifyingKey<G1Affine>,
    srs: &SrsPoints,
    instances: usize,
    name: &str,
    layout: &[(&str, u64)],
) -> Result<GeneratedVerifier, GeneratorError> {
    for identifier in layout.iter().map(|(name, _)| *name).chain([name]) {
        check_identifier(identifier)?;
    }
    let shape = shape::Shape::new(vk, instances)?;
    let program = gates::Program::new(&dag::Graph::new(vk.cs())?);
    let key = key::Key::new(vk, srs, &shape, &program)?;
    let memory = memory::Memory::new(&shape, &key, &program)?;
    let key_bytes = key.bytes();
    let key_hash = format!("0x{}", hex::encode(Keccak256::digest(&key_bytes)));
    let digest = hex::encode(zkpoc_engine::encoding::scalar_to_bytes(&vk.transcript_repr()));
    let digest = format!("0x{digest}");
    Ok(GeneratedVerifier {
        verifier_sol: solidity::verifier(name, &digest, &key_hash, &shape, &key, &memory, &program),
        layout_sol: solidity::layout(name, &digest, &shape, layout),
        key_creation_code: key::creation_code(&key_bytes),
        key_bytes,
        proof_bytes: shape.proof_bytes(),
    })
}

fn check_identifier(name: &str) -> Result<(), GeneratorError> {
    let first = name.chars().next();
    let good =
        first.is_some_and(|c| c.is_ascii_alphabetic()) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if good {
        Ok(())
    } else {
        Err(GeneratorError::Name { name: name.to_string() })
    }
}
