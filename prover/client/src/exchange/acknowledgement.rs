//! Acknowledgements: a claimant signs that it holds a round's next model.
//!
//! # Shapes
//! One JSON object: `format` = `zkpoc-acknowledgement`, `version` = 1, `chain_id`, `rounds` (the contract), `round` (decimal
//! string), `model_id`, `claimant`, `signature` (65 bytes, EIP-712: `Acknowledgement(uint256 round,bytes32 modelId)` under the
//! domain `zkpoc rounds`, version 1, of chain and contract).
//!
//! # Checks
//! On reading: no unknown or doubled field, and the signature is the claimant's, in its one canonical form.

use alloy::primitives::{Address, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use alloy::signers::SignerSync;
use serde::{Deserialize, Serialize};
use zkpoc_contracts::bindings::digests::acknowledgement_digest;

use super::Item;
use crate::formats::{json, signature, FormatError};

const FORMAT: &str = "zkpoc-acknowledgement";
const VERSION: u32 = 1;
/// Largest file, bytes.
const LIMIT: usize = 4096;

/// Where acknowledgements count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forum {
    /// The chain.
    pub chain_id: u64,
    /// The rounds contract.
    pub rounds: Address,
}

/// A signed acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Where it counts.
    pub forum: Forum,
    /// The round.
    pub round: u64,
    /// Id of the next model.
    pub model_id: B256,
    /// Who signed.
    pub claimant: Address,
    /// The signature, 65 bytes.
    pub signature: [u8; 65],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    version: u32,
    chain_id: u64,
    rounds: Address,
    round: String,
    model_id: B256,
    claimant: Address,
    signature: String,
}

impl Acknowledgement {
    /// Signs for a round and a next model.
    ///
    /// # Errors
    /// Those of the signer.
    pub fn sign(
        forum: Forum,
        round: u64,
        model_id: B256,
        signer: &PrivateKeySigner,
    ) -> Result<Self, alloy::signers::Error> {
        let digest = acknowledgement_digest(U256::from(round), model_id, forum.chain_id, forum.rounds);
        let signature = signer.sign_hash_sync(&digest)?.as_bytes();
        Ok(Self { forum, round, model_id, claimant: signer.address(), signature })
    }

    /// What it is stored under.
    pub fn item(&self) -> Item {
        Item::Acknowledgement { round: self.round, model: self.model_id, account: self.claimant }
    }

    /// As a file.
    pub fn to_json(&self) -> Vec<u8> {
        let raw = Raw {
            format: FORMAT.into(),
            version: VERSION,
            chain_id: self.forum.chain_id,
            rounds: self.forum.rounds,
            round: self.round.to_string(),
            model_id: self.model_id,
            claimant: self.claimant,
            signature: crate::formats::hexadecimal::encode(&self.signature),
        };
        // invariant: strings and numbers serialise.
        serde_json::to_vec(&raw).expect("an acknowledgement")
    }

    /// Reads a file and checks its signature.
    ///
    /// # Errors
    /// [`FormatError`] with the field.
    pub fn from_json(bytes: &[u8]) -> Result<Self, FormatError> {
        let raw: Raw = json::read("acknowledgement", bytes, LIMIT)?;
        json::check_header((&raw.format, raw.version), (FORMAT, VERSION))?;
        let round = raw.round.parse().map_err(|_| FormatError::field("round", "a decimal number", &raw.round))?;
        let signature: [u8; 65] = crate::formats::hexadecimal::decode_array("signature", &raw.signature)?;
        let forum = Forum { chain_id: raw.chain_id, rounds: raw.rounds };
        let read = Self { forum, round, model_id: raw.model_id, claimant: raw.claimant, signature };
        let digest = acknowledgement_digest(U256::from(round), read.model_id, forum.chain_id, forum.rounds);
        signature::check(&read.signature, &digest, read.claimant)?;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Acknowledgement, PrivateKeySigner) {
        let signer = PrivateKeySigner::random();
        let forum = Forum { chain_id: 31337, rounds: Address::repeat_byte(9) };
        (Acknowledgement::sign(forum, 3, B256::repeat_byte(5), &signer).expect("signed"), signer)
    }

    #[test]
    fn survives_a_file() {
        let (said, signer) = sample();
        assert_eq!(said.claimant, signer.address());
        assert_eq!(Acknowledgement::from_json(&said.to_json()).expect("read"), said);
    }

    #[test]
    fn rejects_any_other_statement_and_signer() {
        let (said, _) = sample();
        for change in [
            |said: &mut Acknowledgement| said.round = 4,
            |said: &mut Acknowledgement| said.model_id = B256::ZERO,
            |said: &mut Acknowledgement| said.forum.chain_id = 1,
            |said: &mut Acknowledgement| said.forum.rounds = Address::ZERO,
            |said: &mut Acknowledgement| said.claimant = Address::ZERO,
            |said: &mut Acknowledgement| said.signature[40] ^= 1,
            |said: &mut Acknowledgement| said.signature[64] ^= 7,
        ] {
            let mut other = said.clone();
            change(&mut other);
            let error = Acknowledgement::from_json(&other.to_json()).expect_err("another statement");
            assert!(error.to_string().contains("signature"), "{error}");
        }
    }

    #[test]
    fn rejects_the_other_signature_of_the_same_key() {
        use alloy::primitives::uint;
        let order = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);
        let (mut said, _) = sample();
        let s = U256::from_be_slice(&said.signature[32..64]);
        said.signature[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
        said.signature[64] ^= 27 ^ 28;
        assert!(Acknowledgement::from_json(&said.to_json()).is_err());
    }
}
