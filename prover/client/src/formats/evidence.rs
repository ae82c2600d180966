//! A proof of any circuit with its public inputs, as evidence against a pool.
//!
//! Unlike a [`super::bundle::ProofBundle`] it says nothing of a context: what it shows does not depend on one.
//!
//! # Layout
//! | field | content |
//! |---|---|
//! | `format`, `version` | `zkpoc-evidence`, 1 |
//! | `profile_id` | id of the profile |
//! | `circuit` | `dataset`, `training` or `round` |
//! | `instances` | public inputs, 32 bytes each |
//! | `proof` | the proof |
//!
//! # Checks
//! On reading: no unknown, missing or doubled field, each public input below `r`, as many as the circuit has.
//!
//! # Errors
//! [`FormatError`].

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::Fr;
use serde::{Deserialize, Serialize};
use zkpoc_contracts::bindings::Evidence;

use super::bundle::{read_instances, LIMIT, PROOF_LIMIT};
use super::{hexadecimal, json, FormatError};
use crate::chain::words::scalar_to_word;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_engine::encoding::scalar_to_bytes;

const FORMAT: &str = "zkpoc-evidence";
const VERSION: u32 = 1;

/// A proof and its public inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Id of the profile.
    pub profile_id: B256,
    /// The circuit.
    pub circuit: CircuitKind,
    /// The public inputs.
    pub instances: Vec<Fr>,
    /// The proof.
    pub proof: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    version: u32,
    profile_id: String,
    circuit: CircuitKind,
    instances: Vec<String>,
    proof: String,
}

impl EvidenceFile {
    /// As the router takes it.
    pub fn evidence(&self) -> Evidence {
        Evidence { proof: self.proof.clone().into(), instances: self.instances.iter().map(scalar_to_word).collect() }
    }

    /// Writes JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        json::write(&Raw {
            format: FORMAT.into(),
            version: VERSION,
            profile_id: hexadecimal::encode(self.profile_id.as_slice()),
            circuit: self.circuit,
            instances: self.instances.iter().map(|value| hexadecimal::encode(&scalar_to_bytes(value))).collect(),
            proof: hexadecimal::encode(&self.proof),
        })
    }

    /// Reads JSON text.
    ///
    /// # Errors
    /// [`FormatError`] with the field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        let raw: Raw = json::read("evidence file", bytes, LIMIT as usize)?;
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        let instances = read_instances(raw.circuit, &raw.instances)?;
        Ok(Self {
            profile_id: hexadecimal::decode_array("profile_id", &raw.profile_id).map(B256::new)?,
            circuit: raw.circuit,
            instances,
            proof: hexadecimal::decode("proof", &raw.proof, PROOF_LIMIT)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> EvidenceFile {
        EvidenceFile {
            profile_id: B256::repeat_byte(3),
            circuit: CircuitKind::Round,
            instances: vec![Fr::from(7), -Fr::from(1)],
            proof: vec![1, 2, 3],
        }
    }

    #[test]
    fn evidence_survives_its_text() {
        let json = file().to_json();
        assert_eq!(EvidenceFile::from_json(&json).expect("read"), file());
        assert_eq!(file().evidence().instances.len(), 2);
    }

    #[test]
    fn rejects_other_formats_fields_and_inputs() {
        let text = String::from_utf8(file().to_json()).expect("text");
        for (from, to, field) in [
            ("zkpoc-evidence", "zkpoc-proof", "format"),
            ("\"version\": 1", "\"version\": 2", "version"),
            ("\"round\"", "\"training\"", "instances"),
            ("\"0x010203\"", "\"0x01020\"", "proof"),
            ("0x30644e72", "0x40644e72", "instances[1]"),
            ("\"proof\"", "\"prove\"", "prove"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let error = EvidenceFile::from_json(changed.as_bytes()).expect_err(to);
            assert!(error.to_string().contains(field), "{field}: {error}");
        }
    }
}
