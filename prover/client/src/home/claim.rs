//! A prepared claim: the proof bundle, the opening of the update's commitments, and the secret key of its masks.
//!
//! The opening (values and blinding) is needed until the round is final, to take part in its
//! aggregation; without it the update cannot be opened by anyone. So it is stored before the claim is
//! sent. A masked claim's key is as secret: with it the masks of its share can be taken off.
//!
//! # Shapes
//! The opening's tails: one for each update column of the profile, in the order of the columns, all of one length, at most
//! [`TAIL`] rows. The file holds their cells one after another, 32 bytes each.

use std::path::PathBuf;

use zeroize::Zeroizing;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::profile::Profile;

use super::{check_name, Home, HomeError, HomeLock};
use crate::aggregation::MaskSecret;
use crate::formats::bundle;
use crate::formats::bundle::{Context, ProofBundle};
use crate::formats::tensors;
use zkpoc_engine::encoding::{scalar_from_bytes, scalar_to_bytes};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{Overwrite, StagedDir};
use zkpoc_prover::prove::UpdateOpening;

const BUNDLE: &str = "claim.json";
const SECRET: &str = "secret";
const UPDATE: &str = "secret/update.safetensors";
const BLINDING: &str = "secret/blinding";
const MASK_KEY: &str = "secret/mask-key";
const CELL_BYTES: usize = 32;
const KEY_BYTES: usize = 32;

/// A claim with its secrets.
#[derive(Debug)]
pub struct ClaimRecord {
    /// The training proof.
    pub bundle: ProofBundle,
    /// What opens the update's commitments.
    pub opening: UpdateOpening,
    /// Secret key of its masks; `None` for a plain claim.
    pub mask: Option<MaskSecret>,
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
        let tails = &claim.opening.tails;
        let rows = tails.first().map_or(0, Vec::len);
        check_columns(&target.join(BLINDING), profile, tails.len())?;
        if let Some(other) = tails.iter().map(Vec::len).find(|length| *length != rows || !(1..=TAIL).contains(length)) {
            let expected = format!("1 to {TAIL}, the same for all");
            let found = other.to_string();
            return Err(HomeError::Mismatch { path: target.join(BLINDING), what: "rows of a column", expected, found });
        }
        let update =
            tensors::write_update(profile, &claim.opening.update).map_err(HomeError::format(target.join(UPDATE)))?;
        let mut blinding = Zeroizing::new(Vec::with_capacity(CELL_BYTES * rows * tails.len()));
        for value in tails.iter().flatten() {
            blinding.extend_from_slice(&scalar_to_bytes(value));
        }
        let staged = StagedDir::new(&target)?;
        fsio::create_secret_dir(&staged.path().join(SECRET))?;
        fsio::write_secret(&staged.path().join(UPDATE), &update, Overwrite::Refuse)?;
        fsio::write_secret(&staged.path().join(BLINDING), &blinding, Overwrite::Refuse)?;
        if let Some(mask) = &claim.mask {
            fsio::write_secret(&staged.path().join(MASK_KEY), mask.expose().as_slice(), Overwrite::Refuse)?;
        }
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
        let columns = profile.model_points().max(1);
        let bytes = fsio::read_secret(&path, (CELL_BYTES * TAIL * columns) as u64)?;
        let wrong =
            |what, expected: String, found: String| HomeError::Mismatch { path: path.clone(), what, expected, found };
        if bytes.is_empty() || bytes.len() % (CELL_BYTES * columns) != 0 {
            let expected = format!("a multiple of {} bytes", CELL_BYTES * columns);
            return Err(wrong("length", expected, format!("{} bytes", bytes.len())));
        }
        let mut tails = Vec::with_capacity(columns);
        for column in bytes.chunks_exact(bytes.len() / columns) {
            let mut tail = Vec::with_capacity(column.len() / CELL_BYTES);
            for word in column.chunks_exact(CELL_BYTES) {
                let mut buffer = Zeroizing::new([0u8; CELL_BYTES]);
                buffer.copy_from_slice(word);
                let cell = scalar_from_bytes(&buffer)
                    .map_err(|_| wrong("blinding", "a scalar below r".into(), "a larger number".into()))?;
                tail.push(cell);
            }
            tails.push(tail);
        }
        let mask = read_mask(&folder.join(MASK_KEY), &bundle)?;
        Ok(ClaimRecord { bundle, opening: UpdateOpening { update, tails }, mask })
    }
}

/// The secret key behind the mask key in the proof's context.
fn read_mask(path: &std::path::Path, bundle: &ProofBundle) -> Result<Option<MaskSecret>, HomeError> {
    let key = match &bundle.context {
        Context::Training(fields) if !fields.mask_key.is_zero() => fields.mask_key,
        _ => return Ok(None),
    };
    let bytes = fsio::read_secret(path, KEY_BYTES as u64)?;
    let wrong = |expected: String, found: String| {
        let path = path.to_path_buf();
        HomeError::Mismatch { path, what: "mask key", expected, found }
    };
    let mut secret = Zeroizing::new([0u8; KEY_BYTES]);
    match bytes.len() {
        KEY_BYTES => secret.copy_from_slice(&bytes),
        length => return Err(wrong(format!("{KEY_BYTES} bytes"), format!("{length} bytes"))),
    }
    let secret = MaskSecret::from_bytes(*secret);
    match secret.public() {
        public if public == key => Ok(Some(secret)),
        public => Err(wrong(key.to_string(), public.to_string())),
    }
}

fn check_columns(path: &std::path::Path, profile: &Profile, found: usize) -> Result<(), HomeError> {
    if found == profile.model_points() {
        return Ok(());
    }
    Err(HomeError::Mismatch {
        path: path.to_path_buf(),
        what: "number of update columns",
        expected: profile.model_points().to_string(),
        found: found.to_string(),
    })
}
