//! A signed attestation: its file, and what its signature is over.
//!
//! # Layout
//! JSON: `format` (`zkpoc-attestation`), `version` (1), `chain_id`, `registry`, `attestor`, the fields of the EIP-712 struct
//! `Attestation` in snake case, and `signature` (`r`, `s`, `v`, 65 bytes). Hexadecimal with `0x`; unknown, missing and doubled
//! fields are refused, and so is a signature that is not the named attestor's.
//!
//! # Errors
//! [`AttestError`].

use std::path::PathBuf;

use alloy::primitives::{Address, Signature, B256};
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::SignerSync;
use serde::{Deserialize, Serialize};
use zkpoc_contracts::bindings::digests::attestation_digest;
use zkpoc_contracts::bindings::Attestation;

use super::AttestError;
use crate::formats::{hexadecimal, json, FormatError};
use crate::home::DatasetManifest;

const FORMAT: &str = "zkpoc-attestation";
const VERSION: u32 = 1;
const LIMIT: usize = 1 << 20;

/// Where and for whom an attestation counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audience {
    /// The chain.
    pub chain_id: u64,
    /// The registry.
    pub registry: Address,
    /// Who may claim with the dataset.
    pub owner: Address,
}

/// A signed attestation and what its signature is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedAttestation {
    /// The chain.
    pub chain_id: u64,
    /// The registry.
    pub registry: Address,
    /// Who signed.
    pub attestor: Address,
    /// What was signed.
    pub attestation: Attestation,
    /// `r`, `s`, `v`: 65 bytes.
    pub signature: [u8; 65],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAttestation {
    format: String,
    version: u32,
    chain_id: u64,
    registry: Address,
    attestor: Address,
    owner: Address,
    subject: B256,
    profile_id: B256,
    srs_digest: B256,
    dataset_root: B256,
    shard_count: u32,
    record_count: u32,
    epoch: u64,
    signature: String,
}

impl SignedAttestation {
    /// Writes the attestation as JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        json::write(&self.raw())
    }

    /// Reads JSON text and checks that the signature is the named attestor's.
    pub fn from_json(bytes: &[u8]) -> Result<Self, AttestError> {
        let format = |source| AttestError::Format { path: PathBuf::from("attestation"), source };
        let raw: RawAttestation = json::read("attestation", bytes, LIMIT).map_err(format)?;
        Self::from_raw(raw).map_err(format)?.checked()
    }

    pub(super) fn raw(&self) -> RawAttestation {
        let a = &self.attestation;
        RawAttestation {
            format: FORMAT.into(),
            version: VERSION,
            chain_id: self.chain_id,
            registry: self.registry,
            attestor: self.attestor,
            owner: a.owner,
            subject: a.subject,
            profile_id: a.profileId,
            srs_digest: a.srsDigest,
            dataset_root: a.datasetRoot,
            shard_count: a.shardCount,
            record_count: a.recordCount,
            epoch: a.epoch,
            signature: hexadecimal::encode(&self.signature),
        }
    }

    pub(super) fn from_raw(raw: RawAttestation) -> Result<Self, FormatError> {
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        Ok(Self {
            chain_id: raw.chain_id,
            registry: raw.registry,
            attestor: raw.attestor,
            attestation: Attestation {
                owner: raw.owner,
                subject: raw.subject,
                profileId: raw.profile_id,
                srsDigest: raw.srs_digest,
                datasetRoot: raw.dataset_root,
                shardCount: raw.shard_count,
                recordCount: raw.record_count,
                epoch: raw.epoch,
            },
            signature: hexadecimal::decode_array("signature", &raw.signature)?,
        })
    }

    /// Refuses a signature that is not the named attestor's.
    pub(super) fn checked(self) -> Result<Self, AttestError> {
        let signature =
            Signature::from_raw(&self.signature).map_err(|error| AttestError::Signature(error.to_string()))?;
        let digest = attestation_digest(&self.attestation, self.chain_id, self.registry);
        let signer = signature
            .recover_address_from_prehash(&digest)
            .map_err(|error| AttestError::Signature(error.to_string()))?;
        match signer == self.attestor {
            true => Ok(self),
            false => Err(statement("signer", self.attestor, signer)),
        }
    }

    /// Refuses an attestation of another dataset, or for others.
    pub fn check(&self, manifest: &DatasetManifest, audience: &Audience) -> Result<(), AttestError> {
        let a = &self.attestation;
        equal("chain id", audience.chain_id, self.chain_id)?;
        equal("registry", audience.registry, self.registry)?;
        equal("owner", audience.owner, a.owner)?;
        equal("dataset root", manifest.root, a.datasetRoot)?;
        equal("profile id", manifest.profile_id, a.profileId)?;
        equal("SRS digest", manifest.srs_digest, a.srsDigest)?;
        equal("number of shards", manifest.shard_count(), a.shardCount)?;
        equal("number of records", manifest.record_count, a.recordCount)
    }
}

fn statement(what: &'static str, expected: impl ToString, found: impl ToString) -> AttestError {
    AttestError::Statement { what, expected: expected.to_string(), found: found.to_string() }
}

fn equal<T: PartialEq + ToString>(what: &'static str, expected: T, found: T) -> Result<(), AttestError> {
    if expected == found {
        Ok(())
    } else {
        Err(statement(what, expected, found))
    }
}

/// Signs a statement as it is, without looking at any data: what `Attestor::attest` does in the end, and all that a
/// dishonest attestor would do.
pub fn sign(
    attestation: Attestation,
    audience: &Audience,
    signer: &PrivateKeySigner,
) -> Result<SignedAttestation, AttestError> {
    let digest = attestation_digest(&attestation, audience.chain_id, audience.registry);
    let signature = signer.sign_hash_sync(&digest).map_err(|error| AttestError::Signature(error.to_string()))?;
    Ok(SignedAttestation {
        chain_id: audience.chain_id,
        registry: audience.registry,
        attestor: signer.address(),
        attestation,
        signature: signature.as_bytes(),
    })
}
