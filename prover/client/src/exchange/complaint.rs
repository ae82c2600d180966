//! Complaints: a member of a group signs that another one's share is not to be had.
//!
//! # Shapes
//! One JSON object: `format` = `zkpoc-complaint`, `version` = 1, `chain_id`, `contract` (of shares and bonds), `round` and
//! `number` (of the claim whose share is missing; decimal strings), `share_id`, `voter`, `signature` (65 bytes, EIP-712:
//! `MissingShare(uint256 round,uint256 number,bytes32 shareId)` under the domain `zkpoc aggregation`, version 1).
//!
//! # Checks
//! On reading: no unknown or doubled field, and the signature is the voter's, in its one canonical form.

use alloy::primitives::{Address, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::SignerSync;
use serde::{Deserialize, Serialize};
use zkpoc_contracts::bindings::digests::missing_digest;

use crate::aggregation::keys::Place;
use crate::exchange::Item;
use crate::formats::{hexadecimal, json, signature, FormatError};

const FORMAT: &str = "zkpoc-complaint";
const VERSION: u32 = 1;
/// Largest file, bytes.
const LIMIT: usize = 4096;

/// A signed complaint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Chain, contract and round.
    pub place: Place,
    /// The claim whose share is missing.
    pub number: u64,
    /// Id of that share.
    pub share_id: B256,
    /// Who signed.
    pub voter: Address,
    /// The signature, 65 bytes.
    pub signature: [u8; 65],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    version: u32,
    chain_id: u64,
    contract: Address,
    round: String,
    number: String,
    share_id: B256,
    voter: Address,
    signature: String,
}

fn digest(place: &Place, number: u64, share_id: B256) -> B256 {
    missing_digest(U256::from(place.round), U256::from(number), share_id, place.chain_id, place.contract)
}

impl Complaint {
    /// Signs that the share of a claim is missing.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn sign(
        place: Place,
        number: u64,
        share_id: B256,
        signer: &PrivateKeySigner,
    ) -> Result<Self, alloy::signers::Error> {
        let signature = signer.sign_hash_sync(&digest(&place, number, share_id))?.as_bytes();
        Ok(Self { place, number, share_id, voter: signer.address(), signature })
    }

    /// What it is stored under.
    pub fn item(&self) -> Item {
        Item::Complaint { round: self.place.round, number: self.number, account: self.voter }
    }

    /// As a file.
    pub fn to_json(&self) -> Vec<u8> {
        json::write(&Raw {
            format: FORMAT.into(),
            version: VERSION,
            chain_id: self.place.chain_id,
            contract: self.place.contract,
            round: self.place.round.to_string(),
            number: self.number.to_string(),
            share_id: self.share_id,
            voter: self.voter,
            signature: hexadecimal::encode(&self.signature),
        })
    }

    /// Reads a file and checks its signature.
    ///
    /// # Errors
    /// [`FormatError`] with the field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        let raw: Raw = json::read("complaint", bytes, LIMIT)?;
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        let decimal = |field: &str, text: &str| {
            text.parse::<u64>()
                .ok()
                .filter(|number| number.to_string() == text)
                .ok_or_else(|| FormatError::field(field, "a decimal number", text))
        };
        let (round, number) = (decimal("round", &raw.round)?, decimal("number", &raw.number)?);
        let signed: [u8; 65] = hexadecimal::decode_array("signature", &raw.signature)?;
        let place = Place { chain_id: raw.chain_id, contract: raw.contract, round };
        let digest = digest(&place, number, raw.share_id);
        signature::check(&signed, &digest, raw.voter)?;
        Ok(Self { place, number, share_id: raw.share_id, voter: raw.voter, signature: signed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_survives_its_file_and_no_change() {
        let signer = PrivateKeySigner::random();
        let place = Place { chain_id: 31337, contract: Address::repeat_byte(1), round: 4 };
        let said = Complaint::sign(place, 2, B256::repeat_byte(3), &signer).expect("signed");
        let text = String::from_utf8(said.to_json()).expect("text");
        assert_eq!(Complaint::from_json(text.as_bytes()).expect("read"), said);
        let changes = [
            ("31337", "1"),
            ("\"round\": \"4\"", "\"round\": \"5\""),
            ("\"round\": \"4\"", "\"round\": \"04\""),
            ("\"number\": \"2\"", "\"number\": \"3\""),
            ("0x0101", "0x0201"),
            ("0x0303", "0x0403"),
            ("\"version\": 1", "\"version\": 2"),
            ("zkpoc-complaint", "zkpoc-acknowledgement"),
        ];
        for (from, to) in changes {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(Complaint::from_json(changed.as_bytes()).is_err(), "{from} -> {to}");
        }
    }
}
