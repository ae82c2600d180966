//! A proof with everything a verifier needs, as one JSON file.
//!
//! # Layout
//! | field | content |
//! |---|---|
//! | `format`, `version` | `zkpoc-proof`, 2 |
//! | `profile`, `profile_id` | name and id of the profile |
//! | `circuit` | `training` or `dataset` |
//! | `k`, `srs_digest` | size, and the string it was made under |
//! | `context` | `{"training": {..}}` or `{"validity": {..}}`: the fields behind the first public input; `mask_key` only in a masked claim's |
//! | `instances` | public inputs, 32 bytes each |
//! | `proof` | the proof |
//! | `link` | optional: the registered commitment and the link proof |
//!
//! Byte strings are `0x` and lowercase hexadecimal; numbers above 2^53 do not occur except in
//! `round`, which is a decimal string. The proof alone, as raw bytes, is the other form.
//!
//! # Checks
//! On reading: no unknown, missing or doubled field, every length, each public input below `r` and
//! as many as the circuit has, points on the curve, the context of the right circuit and its value
//! equal to the first public input.

use alloy::primitives::{Address, B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use serde::{Deserialize, Serialize};
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::bindings::digests::{validity_context, TrainingContext};
use zkpoc_prover::keys::VerifierKey;
use zkpoc_prover::link::LinkBases;
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::{same, verify_alone, verify_data_link, verify_training, ProofPoints, VerifyError};

use super::{hexadecimal, json, FormatError};
use crate::chain::words::scalar_to_word;
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_to_bytes};
use zkpoc_prover::link::{LinkProof, LINK_PROOF_BYTES};

/// Largest bundle that is read, bytes.
pub const LIMIT: u64 = 1 << 20;
/// Longest proof that is read, bytes.
pub const PROOF_LIMIT: usize = 1 << 18;

const FORMAT: &str = "zkpoc-proof";
const VERSION: u32 = 2;

/// The fields that a proof's context is computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Context {
    /// Of a shard's validity proof.
    Validity {
        /// Chain.
        chain_id: u64,
        /// The registry.
        registry: Address,
        /// Owner of the dataset.
        owner: Address,
        /// Root of the dataset.
        root: B256,
        /// Index of the shard.
        index: u64,
    },
    /// Of a claim's training proof; its `profile_id` is that of the bundle.
    Training(TrainingContext),
}

impl Context {
    /// The first public input.
    pub fn value(&self, profile_id: B256) -> U256 {
        match self {
            Self::Validity { chain_id, registry, owner, root, index } => {
                validity_context(*chain_id, *registry, *owner, *root, *index, profile_id)
            }
            Self::Training(fields) => TrainingContext { profile_id, ..*fields }.value(),
        }
    }

    fn circuit(&self) -> CircuitKind {
        match self {
            Self::Validity { .. } => CircuitKind::Dataset,
            Self::Training(_) => CircuitKind::Training,
        }
    }
}

/// The registered commitment and the proof that the data point of this proof is a copy of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The registered commitment.
    pub registered: G1Affine,
    /// The link proof.
    pub proof: LinkProof,
}

/// A proof and what it is checked against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofBundle {
    /// Name of the profile.
    pub profile: String,
    /// Id of the profile.
    pub profile_id: B256,
    /// The statement.
    pub circuit: CircuitKind,
    /// Size of the circuit.
    pub k: u32,
    /// Digest of the SRS.
    pub srs_digest: B256,
    /// Where the proof is valid.
    pub context: Context,
    /// The public inputs.
    pub instances: Vec<Fr>,
    /// The proof.
    pub proof: Vec<u8>,
    /// The link to a registered commitment.
    pub link: Option<Link>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBundle {
    format: String,
    version: u32,
    profile: String,
    profile_id: String,
    circuit: CircuitKind,
    k: u32,
    srs_digest: String,
    context: RawContext,
    instances: Vec<String>,
    proof: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<RawLink>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawContext {
    Validity(RawValidity),
    Training(RawTraining),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawValidity {
    chain_id: u64,
    registry: String,
    owner: String,
    root: String,
    index: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTraining {
    chain_id: u64,
    rounds: String,
    round: String,
    claimant: String,
    subject: String,
    root: String,
    index: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mask_key: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLink {
    registered: String,
    proof: String,
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    hexadecimal::encode(bytes.as_ref())
}

fn word(field: &str, text: &str) -> Result<B256, FormatError> {
    hexadecimal::decode_array(field, text).map(B256::new)
}

fn address(field: &str, text: &str) -> Result<Address, FormatError> {
    hexadecimal::decode_array(field, text).map(Address::new)
}

impl ProofBundle {
    /// The file of a proof with its link; the circuit is that of the context.
    pub fn linked(
        profile: &Profile,
        srs: &Srs,
        context: Context,
        instances: Vec<Fr>,
        proof: Vec<u8>,
        link: Link,
    ) -> Self {
        Self {
            profile: profile.name.clone(),
            profile_id: B256::new(profile.id()),
            circuit: context.circuit(),
            k: profile.k,
            srs_digest: srs.digest(),
            context,
            instances,
            proof,
            link: Some(link),
        }
    }

    /// Writes the bundle as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        json::write(&RawBundle {
            format: FORMAT.into(),
            version: VERSION,
            profile: self.profile.clone(),
            profile_id: hex(self.profile_id),
            circuit: self.circuit,
            k: self.k,
            srs_digest: hex(self.srs_digest),
            context: match &self.context {
                Context::Validity { chain_id, registry, owner, root, index } => RawContext::Validity(RawValidity {
                    chain_id: *chain_id,
                    registry: hex(registry),
                    owner: hex(owner),
                    root: hex(root),
                    index: *index,
                }),
                Context::Training(fields) => RawContext::Training(RawTraining {
                    chain_id: fields.chain_id,
                    rounds: hex(fields.rounds),
                    round: fields.round.to_string(),
                    claimant: hex(fields.claimant),
                    subject: hex(fields.subject),
                    root: hex(fields.root),
                    index: fields.index,
                    mask_key: (!fields.mask_key.is_zero()).then(|| hex(fields.mask_key)),
                }),
            },
            instances: self.instances.iter().map(|value| hex(scalar_to_bytes(value))).collect(),
            proof: hex(&self.proof),
            link: self.link.as_ref().map(|link| RawLink {
                registered: hex(point_to_bytes(&link.registered)),
                proof: hex(link.proof.to_bytes()),
            }),
        })
    }

    /// Reads JSON text, with all checks that need no verifying key.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        let raw: RawBundle = json::read("proof file", bytes, LIMIT as usize)?;
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        let profile_id = word("profile_id", &raw.profile_id)?;
        let context = read_context(&raw.context, profile_id)?;
        if context.circuit() != raw.circuit {
            let expected = format!("the context of a {:?} proof", raw.circuit);
            return Err(FormatError::field("context", expected, format!("{:?}", context.circuit())));
        }
        let instances = read_instances(raw.circuit, &raw.instances)?;
        let value = context.value(profile_id);
        if scalar_to_word(&instances[0]) != value {
            let expected = format!("{}, the value of the context", hex(value.to_be_bytes::<32>()));
            return Err(FormatError::field("instances[0]", expected, &raw.instances[0]));
        }
        let link = raw.link.as_ref().map(read_link).transpose()?;
        Ok(Self {
            profile: raw.profile,
            profile_id,
            circuit: raw.circuit,
            k: raw.k,
            srs_digest: word("srs_digest", &raw.srs_digest)?,
            context,
            instances,
            proof: hexadecimal::decode("proof", &raw.proof, PROOF_LIMIT)?,
            link,
        })
    }
}

/// The public inputs: as many as the circuit has, each below the group's order.
pub(super) fn read_instances(circuit: CircuitKind, texts: &[String]) -> Result<Vec<Fr>, FormatError> {
    let count = circuit.instances();
    if texts.len() != count {
        return Err(FormatError::field("instances", format!("{count} values"), texts.len()));
    }
    let read = |(index, text): (usize, &String)| {
        let field = format!("instances[{index}]");
        let bytes = hexadecimal::decode_array(&field, text)?;
        scalar_from_bytes(&bytes).map_err(|_| FormatError::field(field, "a number below the group order", text))
    };
    texts.iter().enumerate().map(read).collect()
}

fn read_context(raw: &RawContext, profile_id: B256) -> Result<Context, FormatError> {
    Ok(match raw {
        RawContext::Validity(raw) => Context::Validity {
            chain_id: raw.chain_id,
            registry: address("context.validity.registry", &raw.registry)?,
            owner: address("context.validity.owner", &raw.owner)?,
            root: word("context.validity.root", &raw.root)?,
            index: raw.index,
        },
        RawContext::Training(raw) => Context::Training(TrainingContext {
            chain_id: raw.chain_id,
            rounds: address("context.training.rounds", &raw.rounds)?,
            round: decimal("context.training.round", &raw.round)?,
            claimant: address("context.training.claimant", &raw.claimant)?,
            subject: word("context.training.subject", &raw.subject)?,
            root: word("context.training.root", &raw.root)?,
            index: raw.index,
            profile_id,
            mask_key: read_mask_key(raw.mask_key.as_deref())?,
        }),
    })
}

/// A claim without a mask key is plain; then the field is not there, so a key of zero has one spelling.
fn read_mask_key(text: Option<&str>) -> Result<B256, FormatError> {
    const FIELD: &str = "context.training.mask_key";
    let Some(text) = text else { return Ok(B256::ZERO) };
    match word(FIELD, text)? {
        B256::ZERO => Err(FormatError::field(FIELD, "a key, or no such field for a plain claim", text)),
        key => Ok(key),
    }
}

fn read_link(raw: &RawLink) -> Result<Link, FormatError> {
    let bytes: [u8; 64] = hexadecimal::decode_array("link.registered", &raw.registered)?;
    let registered =
        point_from_bytes(&bytes).map_err(|error| FormatError::field("link.registered", "a commitment", error))?;
    let bytes: [u8; LINK_PROOF_BYTES] = hexadecimal::decode_array("link.proof", &raw.proof)?;
    let proof =
        LinkProof::from_bytes(&bytes).map_err(|error| FormatError::field("link.proof", "a link proof", error))?;
    Ok(Link { registered, proof })
}

fn decimal(field: &str, text: &str) -> Result<U256, FormatError> {
    let wrong = || FormatError::field(field, "a decimal number", text);
    let plain = text.bytes().all(|digit| digit.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if !plain || text.is_empty() {
        return Err(wrong());
    }
    U256::from_str_radix(text, 10).map_err(|_| wrong())
}

/// What a verifier expects beyond a valid proof.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The points of the model a training proof must be about.
    pub model: Option<&'a [G1Affine]>,
    /// Whether a link to a registered commitment must be there.
    pub linked: bool,
}

/// Checks everything about a proof file: that it names this profile, circuit, size and SRS, the proof,
/// the link, the model. The context was compared with the first public input when it was read.
pub fn verify_bundle(
    key: &VerifierKey,
    srs: &Srs,
    bases: &LinkBases,
    bundle: &ProofBundle,
    expected: &Expected<'_>,
) -> Result<ProofPoints, VerifyError> {
    same("circuit", key.kind(), bundle.circuit)?;
    same("profile id", key.profile_id(), bundle.profile_id)?;
    same("profile", key.profile_name(), &bundle.profile)?;
    same("k", srs.k(), bundle.k)?;
    same("SRS digest", srs.digest(), bundle.srs_digest)?;
    let points = match expected.model {
        Some(model) => verify_training(key, srs, &bundle.proof, &bundle.instances, model)?,
        None => verify_alone(key, srs, &bundle.proof, &bundle.instances)?,
    };
    match &bundle.link {
        Some(link) => verify_data_link(bases, &bundle.instances, &link.registered, &points, &link.proof)?,
        None if expected.linked => return Err(VerifyError::Unlinked),
        None => {}
    }
    Ok(points)
}
