//! A prepared claim: the proof bundle, and the opening of the update's commitments.
//!
//! The opening (values and blinding) is needed until the round is final, to take part in its
//! aggregation; without it the update cannot be opened by anyone. So it is stored before the claim is
//! sent.
//!
//! # Shapes
//! One [`Blinding`] for each update column of the profile, in the order of the columns.

use std::path::PathBuf;

use halo2_proofs::halo2curves::bn256::Fr;
use zeroize::Zeroizing;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Update;

use super::{check_name, Home, HomeError, HomeLock};
use crate::commit::{scalar_from_bytes, scalar_to_bytes};
use crate::formats::bundle::{self, ProofBundle};
use crate::formats::tensors;
use crate::fsio::{self, Overwrite, StagedDir};
use crate::scripted::{Blinding, LINK_ROWS};

const BUNDLE: &str = "claim.json";
const SECRET: &str = "secret";
const UPDATE: &str = "secret/update.safetensors";
const BLINDING: &str = "secret/blinding";
const COLUMN_BYTES: usize = 32 * LINK_ROWS;

/// A claim with its secrets.
#[derive(Debug)]
pub struct ClaimRecord {
    /// The training proof.
    pub bundle: ProofBundle,
    /// The values of the update.
    pub update: Update,
    /// The blinding of each update column.
    pub blindings: Vec<Blinding>,
}

impl Home {
    /// Where a claim is, or would be.
    pub fn claim_dir(&self, id: &str) -> Result<PathBuf, HomeError> {
        check_name(id)?;
        Ok(self.claims_dir().join(id))
    }

    /// Stores a claim under an id that is not taken.
    pub fn save_claim(
        &self,
        _lock: &HomeLock,
        id: &str,
        profile: &Profile,
        claim: &ClaimRecord,
    ) -> Result<(), HomeError> {
        let target = self.claim_dir(id)?;
        check_columns(&target.join(BLINDING), profile, claim.blindings.len())?;
        let update = tensors::write_update(profile, &claim.update).map_err(HomeError::format(target.join(UPDATE)))?;
        let mut blinding = Zeroizing::new(Vec::with_capacity(COLUMN_BYTES * claim.blindings.len()));
        for value in claim.blindings.iter().flatten() {
            blinding.extend_from_slice(&scalar_to_bytes(value));
        }
        let staged = StagedDir::new(&target)?;
        fsio::create_secret_dir(&staged.path().join(SECRET))?;
        fsio::write_secret(&staged.path().join(UPDATE), &update, Overwrite::Refuse)?;
        fsio::write_secret(&staged.path().join(BLINDING), &blinding, Overwrite::Refuse)?;
        fsio::write(&staged.path().join(BUNDLE), &claim.bundle.to_json(), Overwrite::Refuse)?;
        Ok(staged.publish(&[SECRET])?)
    }

    /// Reads a claim with its secrets.
    pub fn load_claim(&self, id: &str, profile: &Profile) -> Result<ClaimRecord, HomeError> {
        let folder = self.claim_dir(id)?;
        let format = |file: &str| HomeError::format(folder.join(file));
        let text = fsio::read(&folder.join(BUNDLE), bundle::LIMIT)?;
        let bundle = ProofBundle::from_json(&text).map_err(format(BUNDLE))?;
        let update = fsio::read_secret(&folder.join(UPDATE), tensors::LIMIT)?;
        let update = tensors::read_update(profile, &update).map_err(format(UPDATE))?;
        let path = folder.join(BLINDING);
        let bytes = fsio::read_secret(&path, (COLUMN_BYTES * profile.weight_columns) as u64)?;
        let wrong =
            |what, expected: String, found: String| HomeError::Mismatch { path: path.clone(), what, expected, found };
        if bytes.len() % COLUMN_BYTES != 0 {
            let expected = format!("a multiple of {COLUMN_BYTES} bytes");
            return Err(wrong("length", expected, format!("{} bytes", bytes.len())));
        }
        check_columns(&path, profile, bytes.len() / COLUMN_BYTES)?;
        let mut blindings = Vec::with_capacity(profile.weight_columns);
        for column in bytes.chunks_exact(COLUMN_BYTES) {
            let mut blinding = [Fr::zero(); LINK_ROWS];
            for (slot, word) in blinding.iter_mut().zip(column.chunks_exact(32)) {
                let mut buffer = Zeroizing::new([0u8; 32]);
                buffer.copy_from_slice(word);
                *slot = scalar_from_bytes(&buffer)
                    .map_err(|_| wrong("blinding", "a scalar below r".into(), "a larger number".into()))?;
            }
            blindings.push(blinding);
        }
        Ok(ClaimRecord { bundle, update, blindings })
    }
}

fn check_columns(path: &std::path::Path, profile: &Profile, found: usize) -> Result<(), HomeError> {
    if found == profile.weight_columns {
        return Ok(());
    }
    Err(HomeError::Mismatch {
        path: path.to_path_buf(),
        what: "number of update columns",
        expected: profile.weight_columns.to_string(),
        found: found.to_string(),
    })
}
