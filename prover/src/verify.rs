//! Native verification, as strict as the contracts.
//!
//! # Checks
//! 1. The number of public inputs, and each below `r`.
//! 2. The exact length of the proof.
//! 3. Every point on the curve with canonical coordinates and not the identity, every scalar below
//!    `r`; nothing after the last element.
//! 4. Halo2's equations, with the Keccak transcript.
//! 5. Where expected: the model's points, and the link between the data point and the registered
//!    commitment.
//!
//! 1 to 3 are not checked by Halo2's own verifier, which accepts the identity, trailing bytes, and
//! public inputs of another number.
//!
//! # Errors
//! [`VerifyError`]; it says which check failed and where.

use std::io;

use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::{self, verify_proof};
use halo2_proofs::poly::commitment::ParamsProver;
use halo2_proofs::poly::kzg::commitment::KZGCommitmentScheme;
use halo2_proofs::poly::kzg::multiopen::VerifierSHPLONK;
use halo2_proofs::poly::kzg::strategy::SingleStrategy;
use halo2_proofs::transcript::TranscriptReadBuffer;
use zkpoc_circuits::instance::CONTEXT;
use zkpoc_engine::encoding::{point_from_bytes, scalar_from_bytes, PointError, POINT_BYTES, SCALAR_BYTES};
use zkpoc_engine::transcript::{KeccakRead, TranscriptError};

use crate::keys::VerifierKey;
use crate::link::{verify_link, LinkBases, LinkError, LinkProof};
use crate::srs::Srs;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::ErrorKind;

/// A proof that is refused.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// Another number of public inputs.
    #[error("the {circuit} circuit has {expected} public inputs, {found} are given")]
    Inputs {
        /// Which circuit.
        circuit: CircuitKind,
        /// Number of public inputs.
        expected: usize,
        /// Number given.
        found: usize,
    },
    /// A public input is not below `r`.
    #[error("public input {index} is not below the group order r")]
    Input {
        /// Which of them.
        index: usize,
    },
    /// Another length.
    #[error("a proof of the {circuit} circuit has {expected} bytes, this one has {found}")]
    Length {
        /// Which circuit.
        circuit: CircuitKind,
        /// Length of a proof.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// An element that has no canonical form, or bytes after the last.
    #[error("the proof is malformed: {0}")]
    Malformed(#[from] TranscriptError),
    /// A committed point cannot be read.
    #[error("the point at byte {offset} of the proof: {source}")]
    Point {
        /// Position in the proof.
        offset: usize,
        /// Why not.
        source: PointError,
    },
    /// The equations do not hold.
    #[error("the proof does not hold for these public inputs, this profile and this SRS")]
    Invalid,
    /// The proof is about another model.
    #[error("the proof is about another model: point {index} of its model commitment differs from the expected one")]
    Model {
        /// Which point.
        index: usize,
    },
    /// Another number of points of a model commitment was asked for.
    #[error("the profile commits to a model with {expected} points, {found} are given")]
    ModelPoints {
        /// Points of the profile.
        expected: usize,
        /// Points given.
        found: usize,
    },
    /// A bound that no proof shows: its power of 2 would come near the group order.
    #[error("public input {index} is the bound 2^{exponent}; the largest is 2^{most}")]
    Bound {
        /// Which public input.
        index: usize,
        /// Largest exponent.
        most: u32,
        /// The exponent.
        exponent: u32,
    },
    /// A number of updates that no round includes; none of all is no divisor, and its proof says nothing.
    #[error("a round of this profile includes 1 to {most} updates, the statement says {found}")]
    Claims {
        /// Most that a round includes.
        most: u64,
        /// The statement's number.
        found: u64,
    },
    /// A round's proof is about another model, sum or next model.
    #[error("the proof is about another {which}: its commitment differs from the expected one")]
    RoundPoints {
        /// Which of them.
        which: &'static str,
    },
    /// The link does not hold.
    #[error("the link to the registered commitment: {0}")]
    Link(#[from] LinkError),
    /// The proof comes without a link, and one is expected.
    #[error("the proof has no link to a registered commitment; no contract accepts it")]
    Unlinked,
    /// The proof names another profile, circuit, size or SRS than the verifier's.
    #[error("{what}: the proof says {found}, the verifier has {expected}")]
    Other {
        /// What differs.
        what: &'static str,
        /// The verifier's.
        expected: String,
        /// The proof's.
        found: String,
    },
    /// The SRS is of another size than the key.
    #[error("the key is for an SRS of k = {expected}, this one has k = {found}")]
    Size {
        /// k of the key.
        expected: u32,
        /// k of the SRS.
        found: u32,
    },
}

impl VerifyError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Refused
    }
}

/// The committed points of a proof, at the places the contracts read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPoints {
    /// The model; empty for the dataset circuit.
    pub model: Vec<G1Affine>,
    /// The copy of the data column.
    pub data: G1Affine,
    /// The update; empty for the dataset circuit.
    pub update: Vec<G1Affine>,
}

impl ProofPoints {
    /// Reads the points; the proof itself is not checked.
    pub fn read(key: &VerifierKey, proof: &[u8]) -> Result<Self, VerifyError> {
        check_length(key, proof)?;
        let columns = match key.kind() {
            CircuitKind::Training => key.model_points(),
            CircuitKind::Dataset => 0,
            CircuitKind::Round => return Err(other_circuit(CircuitKind::Training, key)),
        };
        let points = |range| read_points(proof, range);
        // In the order of the proof, as the contract: the first bad point is the one that is named.
        let model = points(0..columns)?;
        let [data] = points(columns..columns + 1)?[..] else { return Err(VerifyError::Invalid) };
        Ok(Self { model, data, update: points(columns + 1..2 * columns + 1)? })
    }
}

/// The committed points of a round's proof, at the places the contracts read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundPoints {
    /// The round's model.
    pub model: Vec<G1Affine>,
    /// The sum of the updates.
    pub sum: Vec<G1Affine>,
    /// The next model.
    pub next: Vec<G1Affine>,
}

impl RoundPoints {
    /// Reads the points; the proof itself is not checked.
    pub fn read(key: &VerifierKey, proof: &[u8]) -> Result<Self, VerifyError> {
        check_length(key, proof)?;
        if key.kind() != CircuitKind::Round {
            return Err(other_circuit(CircuitKind::Round, key));
        }
        let columns = key.model_points();
        let points = |part: usize| read_points(proof, part * columns..(part + 1) * columns);
        Ok(Self { model: points(0)?, sum: points(1)?, next: points(2)? })
    }
}

fn read_points(proof: &[u8], range: std::ops::Range<usize>) -> Result<Vec<G1Affine>, VerifyError> {
    let point = |index: usize| {
        let offset = POINT_BYTES * index;
        point_from_bytes(&proof[offset..offset + POINT_BYTES]).map_err(|source| VerifyError::Point { offset, source })
    };
    range.map(point).collect()
}

fn other_circuit(expected: CircuitKind, key: &VerifierKey) -> VerifyError {
    VerifyError::Other { what: "circuit", expected: expected.to_string(), found: key.kind().to_string() }
}

/// Refuses what a proof says of itself and the verifier knows otherwise.
pub fn same(what: &'static str, expected: impl ToString, found: impl ToString) -> Result<(), VerifyError> {
    let (expected, found) = (expected.to_string(), found.to_string());
    match expected == found {
        true => Ok(()),
        false => Err(VerifyError::Other { what, expected, found }),
    }
}

fn check_length(key: &VerifierKey, proof: &[u8]) -> Result<(), VerifyError> {
    let expected = key.proof_bytes();
    if proof.len() == expected {
        Ok(())
    } else {
        Err(VerifyError::Length { circuit: key.kind(), expected, found: proof.len() })
    }
}

/// Every point and scalar canonical: the commitments and quotient pieces, the evaluations, and the two
/// points of the opening. (No circuit has lookup arguments or equality columns of Halo2's own.)
fn check_elements(key: &VerifierKey, proof: &[u8]) -> Result<(), VerifyError> {
    let pieces = key.vk().get_domain().get_quotient_poly_degree();
    let points = POINT_BYTES * (key.vk().cs().num_advice_columns() + 1 + pieces);
    let opening = proof.len().saturating_sub(2 * POINT_BYTES);
    let is_point = |offset: usize| offset < points || offset >= opening;
    let mut offset = 0;
    while offset < proof.len() {
        let rest = &proof[offset..];
        if is_point(offset) {
            let point = rest.first_chunk::<POINT_BYTES>().and_then(|bytes| point_from_bytes(bytes).ok());
            point.ok_or(TranscriptError::PointInvalid { offset })?;
            offset += POINT_BYTES;
        } else {
            let scalar = rest.first_chunk::<SCALAR_BYTES>().and_then(|bytes| scalar_from_bytes(bytes).ok());
            scalar.ok_or(TranscriptError::ScalarNotCanonical { offset })?;
            offset += SCALAR_BYTES;
        }
    }
    Ok(())
}

/// Checks a training or dataset proof by itself and returns its committed points, which nothing is said about: **neither the model
/// nor the link to a registered shard is checked**. [`crate::statement::verify`] checks these, too.
pub fn verify_alone(key: &VerifierKey, srs: &Srs, proof: &[u8], inputs: &[Fr]) -> Result<ProofPoints, VerifyError> {
    check(key, srs, proof, inputs, ProofPoints::read)
}

/// Checks a round's proof by itself and returns its committed points, which nothing is said about: **neither of the models nor the
/// sum is checked**. [`crate::statement::verify`] checks these, too.
pub fn verify_round_alone(
    key: &VerifierKey,
    srs: &Srs,
    proof: &[u8],
    inputs: &[Fr],
) -> Result<RoundPoints, VerifyError> {
    check(key, srs, proof, inputs, RoundPoints::read)
}

fn check<P>(
    key: &VerifierKey,
    srs: &Srs,
    proof: &[u8],
    inputs: &[Fr],
    read: impl Fn(&VerifierKey, &[u8]) -> Result<P, VerifyError>,
) -> Result<P, VerifyError> {
    let _span = tracing::info_span!("verify", circuit = %key.kind()).entered();
    let expected = key.vk().get_domain().k();
    if srs.k() != expected {
        return Err(VerifyError::Size { expected, found: srs.k() });
    }
    if inputs.len() != key.kind().instances() {
        let (circuit, expected) = (key.kind(), key.kind().instances());
        return Err(VerifyError::Inputs { circuit, expected, found: inputs.len() });
    }
    let points = read(key, proof)?;
    check_elements(key, proof)?;
    let mut transcript = KeccakRead::init(proof);
    verify_proof::<KZGCommitmentScheme<Bn256>, VerifierSHPLONK<'_, Bn256>, _, _, _>(
        srs.params().verifier_params(),
        key.vk(),
        SingleStrategy::new(srs.params()),
        &[&[inputs]],
        &mut transcript,
    )
    .map_err(refusal)?;
    transcript.finish().map_err(|error| malformed(&error))?;
    Ok(points)
}

/// Checks a training proof and that it is about the expected model.
pub fn verify_training(
    key: &VerifierKey,
    srs: &Srs,
    proof: &[u8],
    inputs: &[Fr],
    model: &[G1Affine],
) -> Result<ProofPoints, VerifyError> {
    if model.len() != key.model_points() {
        return Err(VerifyError::ModelPoints { expected: key.model_points(), found: model.len() });
    }
    let points = verify_alone(key, srs, proof, inputs)?;
    match points.model.iter().zip(model).position(|(found, expected)| found != expected) {
        Some(index) => Err(VerifyError::Model { index }),
        None => Ok(points),
    }
}

/// Checks that a proof's data point is a fresh copy of the registered commitment, under the proof's
/// own context.
pub fn verify_data_link(
    bases: &LinkBases,
    inputs: &[Fr],
    registered: &G1Affine,
    points: &ProofPoints,
    link: &LinkProof,
) -> Result<(), VerifyError> {
    let context = inputs.get(CONTEXT).ok_or(VerifyError::Input { index: CONTEXT })?;
    if *registered == points.data {
        return Err(LinkError::SameCommitment.into());
    }
    Ok(verify_link(bases, context, registered, &points.data, link)?)
}

fn refusal(error: plonk::Error) -> VerifyError {
    match error {
        plonk::Error::Transcript(error) => malformed(&error),
        _ => VerifyError::Invalid,
    }
}

fn malformed(error: &io::Error) -> VerifyError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TranscriptError>());
    inner.map_or(VerifyError::Invalid, |inner| VerifyError::Malformed(*inner))
}
