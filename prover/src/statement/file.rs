//! A statement with its proof as one JSON file, for which nobody needs a chain.
//!
//! # Layout
//! | field | content |
//! |---|---|
//! | `format`, `version` | `zkpoc-statement`, 1 |
//! | `circuit` | `training`, `dataset` or `round` |
//! | `profile_id` | hash of the profile |
//! | `k`, `srs_digest` | size, and the reference string that the proof was made under |
//! | `statement` | the fields of [`TrainingStatement`], [`DatasetStatement`] or [`RoundStatement`] |
//! | `proof`, `link` | the proof; the link, not in a round's file |
//!
//! Points are 64 bytes, scalars 32, in the encoding of [`zkpoc_engine::encoding`]; byte strings are `0x` and hexadecimal. `claims` is a
//! decimal string.
//!
//! # Checks
//! On reading: no unknown or missing field, every length, points canonical and on the curve, scalars below `r`, bounds in range.
//! What the file says is then compared by [`verify`](super::verify).

use alloy_primitives::B256;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zkpoc_circuits::kind::{CircuitKind, ProfileCircuit};
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_to_bytes};

use super::{verify, DatasetStatement, Proof, RoundStatement, Statement, TrainingStatement, VerifyingContext};
use crate::link::LinkProof;
use crate::prove::Buckets;
use crate::verify::{same, VerifyError};
use zkpoc_circuits::ErrorKind;

/// Largest file that is read, bytes.
pub const STATEMENT_FILE_LIMIT: usize = 1 << 20;
/// Largest exponent of a bound: `2^126` and every value below it stay far from the group order.
pub(super) const MOST_BOUND: u32 = 126;

const FORMAT: &str = "zkpoc-statement";
const VERSION: u32 = 1;

/// A file that is not one of a statement.
#[derive(Debug, thiserror::Error)]
pub enum StatementFileError {
    /// Not JSON, or another structure.
    #[error("the statement's file is malformed: {0}")]
    Json(#[from] serde_json::Error),
    /// Larger than anything this program writes.
    #[error("a statement's file has at most {STATEMENT_FILE_LIMIT} bytes, this one has {actual}")]
    TooLarge {
        /// Its length.
        actual: usize,
    },
    /// A field with another value than it may have.
    #[error("field `{field}` of the statement's file: expected {expected}")]
    Field {
        /// Which.
        field: &'static str,
        /// What belongs there.
        expected: String,
    },
}

impl StatementFileError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

fn wrong(field: &'static str, expected: impl ToString) -> StatementFileError {
    StatementFileError::Field { field, expected: expected.to_string() }
}

fn to_hex(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

fn from_hex(field: &'static str, text: &str) -> Result<Vec<u8>, StatementFileError> {
    let digits = text.strip_prefix("0x").ok_or_else(|| wrong(field, "hexadecimal after 0x"))?;
    hex::decode(digits).map_err(|_| wrong(field, "an even number of hexadecimal digits after 0x"))
}

fn word(field: &'static str, text: &str) -> Result<[u8; 32], StatementFileError> {
    from_hex(field, text)?.try_into().map_err(|_| wrong(field, "32 bytes"))
}

fn read_scalar(field: &'static str, text: &str) -> Result<Fr, StatementFileError> {
    scalar_from_bytes(&word(field, text)?).map_err(|error| wrong(field, format!("a scalar below r ({error})")))
}

fn read_point(field: &'static str, text: &str) -> Result<G1Affine, StatementFileError> {
    point_from_bytes(&from_hex(field, text)?).map_err(|error| wrong(field, format!("a point ({error})")))
}

fn read_points(field: &'static str, texts: &[String]) -> Result<Vec<G1Affine>, StatementFileError> {
    texts.iter().map(|text| read_point(field, text)).collect()
}

fn points(points: &[G1Affine]) -> Vec<String> {
    points.iter().map(|point| to_hex(&point_to_bytes(point))).collect()
}

/// The fields of a statement as text.
pub trait Fields: Sized {
    #[doc(hidden)]
    type Raw: Serialize + DeserializeOwned;

    #[doc(hidden)]
    fn to_raw(&self) -> Self::Raw;

    #[doc(hidden)]
    fn from_raw(profile_id: B256, raw: Self::Raw) -> Result<Self, StatementFileError>;
}

/// Of [`TrainingStatement`].
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTraining {
    model: Vec<String>,
    registered: String,
    context: String,
    norm_log2: u32,
    loss_log2: u32,
}

impl Fields for TrainingStatement {
    type Raw = RawTraining;

    fn to_raw(&self) -> RawTraining {
        RawTraining {
            model: points(&self.model),
            registered: to_hex(&point_to_bytes(&self.registered)),
            context: to_hex(&scalar_to_bytes(&self.context)),
            norm_log2: self.bounds.norm_log2,
            loss_log2: self.bounds.loss_log2,
        }
    }

    fn from_raw(profile_id: B256, raw: RawTraining) -> Result<Self, StatementFileError> {
        for (field, exponent) in [("norm_log2", raw.norm_log2), ("loss_log2", raw.loss_log2)] {
            if exponent > MOST_BOUND {
                return Err(wrong(field, format!("at most {MOST_BOUND}")));
            }
        }
        Ok(Self {
            profile_id,
            model: read_points("model", &raw.model)?,
            registered: read_point("registered", &raw.registered)?,
            context: read_scalar("context", &raw.context)?,
            bounds: Buckets { norm_log2: raw.norm_log2, loss_log2: raw.loss_log2 },
        })
    }
}

/// Of [`DatasetStatement`].
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDataset {
    registered: String,
    context: String,
}

impl Fields for DatasetStatement {
    type Raw = RawDataset;

    fn to_raw(&self) -> RawDataset {
        RawDataset {
            registered: to_hex(&point_to_bytes(&self.registered)),
            context: to_hex(&scalar_to_bytes(&self.context)),
        }
    }

    fn from_raw(profile_id: B256, raw: RawDataset) -> Result<Self, StatementFileError> {
        Ok(Self {
            profile_id,
            registered: read_point("registered", &raw.registered)?,
            context: read_scalar("context", &raw.context)?,
        })
    }
}

/// Of [`RoundStatement`].
#[doc(hidden)]
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRound {
    model: Vec<String>,
    sum: Vec<String>,
    next: Vec<String>,
    claims: String,
    context: String,
}

impl Fields for RoundStatement {
    type Raw = RawRound;

    fn to_raw(&self) -> RawRound {
        RawRound {
            model: points(&self.model),
            sum: points(&self.sum),
            next: points(&self.next),
            claims: self.claims.to_string(),
            context: to_hex(&scalar_to_bytes(&self.context)),
        }
    }

    fn from_raw(profile_id: B256, raw: RawRound) -> Result<Self, StatementFileError> {
        let claims = raw.claims.parse().ok().filter(|claims: &u64| claims.to_string() == raw.claims);
        Ok(Self {
            profile_id,
            model: read_points("model", &raw.model)?,
            sum: read_points("sum", &raw.sum)?,
            next: read_points("next", &raw.next)?,
            claims: claims.ok_or_else(|| wrong("claims", "a decimal number"))?,
            context: read_scalar("context", &raw.context)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile<R> {
    format: String,
    version: u32,
    circuit: CircuitKind,
    profile_id: String,
    k: u32,
    srs_digest: String,
    statement: R,
    proof: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// A statement, its proof, and what both were made under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementFile<S> {
    /// log2 of the rows.
    pub k: u32,
    /// Digest of the reference string.
    pub srs_digest: B256,
    /// The statement.
    pub statement: S,
    /// Its proof.
    pub proof: Proof,
}

impl<S: Statement> StatementFile<S> {
    /// The file of a proof that was made under a reference string.
    pub fn new(srs: &crate::srs::Srs, statement: S, proof: Proof) -> Self {
        Self { k: srs.k(), srs_digest: srs.digest(), statement, proof }
    }

    /// Writes the file.
    pub fn to_json(&self) -> String {
        let raw = RawFile {
            format: FORMAT.into(),
            version: VERSION,
            circuit: S::Circuit::KIND,
            profile_id: self.statement.profile_id().to_string(),
            k: self.k,
            srs_digest: self.srs_digest.to_string(),
            statement: self.statement.to_raw(),
            proof: to_hex(&self.proof.bytes),
            link: self.proof.link.map(|link| to_hex(&link.to_bytes())),
        };
        // invariant: a struct of numbers, strings and lists.
        serde_json::to_string_pretty(&raw).expect("JSON") + "\n"
    }

    /// Reads a file of this kind of statement.
    ///
    /// # Errors
    /// [`StatementFileError`]; it names the field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, StatementFileError> {
        if bytes.len() > STATEMENT_FILE_LIMIT {
            return Err(StatementFileError::TooLarge { actual: bytes.len() });
        }
        let head: serde_json::Value = serde_json::from_slice(bytes)?;
        if head.get("format").and_then(|value| value.as_str()) != Some(FORMAT) {
            return Err(wrong("format", FORMAT));
        }
        if head.get("version").and_then(|value| value.as_u64()) != Some(VERSION.into()) {
            return Err(wrong("version", VERSION));
        }
        if head.get("circuit").and_then(|value| value.as_str()) != Some(S::Circuit::KIND.name()) {
            return Err(wrong("circuit", S::Circuit::KIND));
        }
        // From the text again, so that doubled fields are refused.
        let raw: RawFile<S::Raw> = serde_json::from_slice(bytes)?;
        let profile_id = B256::new(word("profile_id", &raw.profile_id)?);
        let link = raw.link.map(|text| {
            let bytes = from_hex("link", &text)?;
            LinkProof::from_bytes(&bytes).map_err(|error| wrong("link", format!("a link proof ({error})")))
        });
        Ok(Self {
            k: raw.k,
            srs_digest: B256::new(word("srs_digest", &raw.srs_digest)?),
            statement: S::from_raw(profile_id, raw.statement)?,
            proof: Proof { bytes: from_hex("proof", &raw.proof)?, link: link.transpose()? },
        })
    }

    /// Checks that the file is of this reference string and that its proof shows its statement.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub fn verify(&self, context: &VerifyingContext<'_>) -> Result<S::Points, VerifyError> {
        let srs = context.srs();
        same("k", srs.k(), self.k)?;
        same("SRS digest", srs.digest(), self.srs_digest)?;
        verify(&self.statement, &self.proof, context)
    }
}
