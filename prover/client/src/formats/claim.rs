//! A claim that somebody else sends, as one JSON file.
//!
//! | field | content |
//! |---|---|
//! | `format`, `version` | `zkpoc-claim`, 1 |
//! | `profile`, `profile_id` | name and id of the profile |
//! | `chain_id`, `rounds` | the chain, and the contract that takes the claim |
//! | `call` | the call `claim(request)` of that contract, ABI-encoded |
//!
//! Byte strings are `0x` and lowercase hexadecimal. Nothing in it is secret: it is what the transaction shows to everybody. The
//! proof is bound to the owner of the dataset, so whoever sends the claim, that account is the claimant.

use alloy::primitives::{Address, B256};
use alloy::sol_types::SolCall;
use serde::{Deserialize, Serialize};
use zkpoc_contracts::bindings::{Claim, ContributionRounds};

use super::bundle::PROOF_LIMIT;
use super::{hexadecimal, json, FormatError};

/// Largest file that is read, bytes.
pub const LIMIT: u64 = 1 << 21;
/// Longest call that is read, bytes: two proofs with their links, and the fields.
const CALL_LIMIT: usize = 2 * PROOF_LIMIT + (1 << 13);

const FORMAT: &str = "zkpoc-claim";
const VERSION: u32 = 1;

/// A claim and where it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimFile {
    /// Name of the profile.
    pub profile: String,
    /// Id of the profile.
    pub profile_id: B256,
    /// The chain.
    pub chain_id: u64,
    /// The contract.
    pub rounds: Address,
    /// The claim.
    pub claim: Claim,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    version: u32,
    profile: String,
    profile_id: String,
    chain_id: u64,
    rounds: String,
    call: String,
}

impl ClaimFile {
    /// Writes JSON text.
    pub fn to_json(&self) -> Vec<u8> {
        let call = ContributionRounds::claimCall { request: self.claim.clone() };
        json::write(&Raw {
            format: FORMAT.into(),
            version: VERSION,
            profile: self.profile.clone(),
            profile_id: hexadecimal::encode(self.profile_id.as_slice()),
            chain_id: self.chain_id,
            rounds: hexadecimal::encode(self.rounds.as_slice()),
            call: hexadecimal::encode(&call.abi_encode()),
        })
    }

    /// Reads JSON text. Whether the claim's proofs hold is the contract's to say.
    ///
    /// # Errors
    /// [`FormatError`] with the field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        let raw: Raw = json::read("claim file", bytes, LIMIT as usize)?;
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        let call = hexadecimal::decode("call", &raw.call, CALL_LIMIT)?;
        let call = ContributionRounds::claimCall::abi_decode_validate(&call)
            .map_err(|error| FormatError::field("call", "the call `claim(request)`, ABI-encoded", error))?;
        Ok(Self {
            profile: raw.profile,
            profile_id: hexadecimal::decode_array("profile_id", &raw.profile_id).map(B256::new)?,
            chain_id: raw.chain_id,
            rounds: hexadecimal::decode_array("rounds", &raw.rounds).map(Address::new)?,
            claim: call.request,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy::primitives::{Bytes, U256};
    use zkpoc_contracts::bindings::G1Point;

    fn file() -> ClaimFile {
        let claim = Claim {
            round: U256::from(7),
            root: B256::repeat_byte(1),
            commitment: G1Point { x: U256::from(1), y: U256::from(2) },
            path: [B256::repeat_byte(2); 10],
            normLog2: 40,
            lossLog2: 20,
            maskKey: B256::repeat_byte(3),
            proof: Bytes::from_static(&[1, 2, 3]),
            link: Bytes::from_static(&[4]),
            datasetProof: Bytes::new(),
            datasetLink: Bytes::new(),
        };
        let (profile_id, rounds) = (B256::repeat_byte(4), Address::repeat_byte(5));
        ClaimFile { profile: "toy".into(), profile_id, chain_id: 31337, rounds, claim }
    }

    #[test]
    fn accepts_what_it_writes() {
        assert_eq!(ClaimFile::from_json(&file().to_json()).expect("a claim"), file());
    }

    #[test]
    fn rejects_other_calls_and_fields() {
        let text = String::from_utf8(file().to_json()).expect("text");
        let selector = hex::encode(ContributionRounds::claimCall::SELECTOR);
        assert!(text.contains(&selector));
        for (from, to, field) in [
            (selector.as_str(), "deadbeef", "call"),
            ("\"version\":1", "\"version\":2", "version"),
            ("31337,", "31337,\"more\":1,", "more"),
            ("0505", "05", "rounds"),
        ] {
            let spaced = from.replace(':', ": ");
            let changed = if text.contains(from) { text.replacen(from, to, 1) } else { text.replacen(&spaced, to, 1) };
            assert_ne!(changed, text, "{from}");
            let error = ClaimFile::from_json(changed.as_bytes()).expect_err(field).to_string();
            assert!(error.contains(field), "{field}: {error}");
        }
    }
}
