//! A string on the disk: the points, and a manifest that says what they are.
//!
//! # Layout
//! The file holds `k` (u32, little-endian), `2^k` powers, `2^k` Lagrange points, `[1]_2` and
//! `[tau]_2`, uncompressed in the curve library's own form. Beside it, with `.json` appended to the
//! name, lies the manifest: format, version, `k`, origin, digest, `[tau]_2`, SHA-256 of the file,
//! and for a development string a warning.
//!
//! # Checks
//! Length before anything is allocated; SHA-256; each point canonical, on its curve and not the
//! identity; `[tau]_2` and its digest equal to the manifest's. The library's own reader is not
//! used: its default checks nothing, and its checked form does not test curve membership.
//!
//! The points are written last: a file of points has its manifest, and a manifest alone was not finished and is replaced.

use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::{Bn256, G1Affine, G2Affine};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::serde::SerdeObject;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use halo2_proofs::SerdeFormat;
use rand_core::OsRng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{check_size, Origin, Srs, SrsError, MAX_K};
use crate::fsio;
use crate::fsio::{FsError, Overwrite};

const FORMAT: &str = "zkpoc-srs";
const VERSION: u32 = 1;
const MANIFEST_LIMIT: u64 = 64 * 1024;
const WARNING: &str = "INSECURE: made on one machine; whoever made it can forge every proof. For \
                       development only.";

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: String,
    version: u32,
    k: u32,
    origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    srs_digest: String,
    tau_g2: String,
    sha256: String,
}

/// The manifest's path for a file of points.
pub fn manifest_path(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_os_string();
    name.push(".json");
    name.into()
}

fn file_length(k: u32) -> u64 {
    4 + 2 * 64 * (1u64 << k) + 2 * 128
}

impl Srs {
    /// Writes the points and their manifest.
    pub fn save(&self, file: &Path, overwrite: Overwrite) -> Result<(), SrsError> {
        let mut bytes = Vec::with_capacity(file_length(self.k()) as usize);
        // invariant: writing to memory does not fail.
        self.params.write_custom(&mut bytes, SerdeFormat::RawBytes).expect("write to memory");
        let manifest = Manifest {
            format: FORMAT.into(),
            version: VERSION,
            k: self.k(),
            origin: self.origin,
            warning: (self.origin == Origin::DevInsecure).then(|| WARNING.into()),
            srs_digest: format!("{}", self.digest()),
            tau_g2: format!("0x{}", hex::encode(self.tau_g2_bytes())),
            sha256: format!("0x{}", hex::encode(Sha256::digest(&bytes))),
        };
        if overwrite == Overwrite::Refuse && file.symlink_metadata().is_ok() {
            return Err(FsError::Exists { path: file.to_path_buf() }.into());
        }
        // invariant: a struct of numbers and strings serialises.
        let mut text = serde_json::to_vec_pretty(&manifest).expect("manifest");
        text.push(b'\n');
        // The points are new, so whatever manifest is there belongs to others.
        fsio::write(&manifest_path(file), &text, Overwrite::Replace)?;
        Ok(fsio::write(file, &bytes, overwrite)?)
    }

    /// Reads a file that [`Srs::save`] wrote.
    pub fn load(file: &Path) -> Result<Self, SrsError> {
        let manifest_file = manifest_path(file);
        let layout = |path: &Path, section, expected: String, found: String| SrsError::Layout {
            file: path.to_path_buf(),
            section,
            expected,
            found,
        };
        let text = fsio::read(&manifest_file, MANIFEST_LIMIT)?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| layout(&manifest_file, "manifest", "the manifest of an SRS".into(), error.to_string()))?;
        let of_manifest = |section, expected: &str, found: &str| match expected == found {
            true => Ok(()),
            false => Err(layout(&manifest_file, section, expected.into(), found.into())),
        };
        of_manifest("format", FORMAT, &manifest.format)?;
        of_manifest("version", &VERSION.to_string(), &manifest.version.to_string())?;
        if check_size(manifest.k, MAX_K).is_err() {
            return Err(layout(&manifest_file, "k", format!("1 to {MAX_K}"), manifest.k.to_string()));
        }

        let k = manifest.k;
        let length = file_length(k);
        let bytes = fsio::read(file, length)?;
        if bytes.len() as u64 != length {
            let found = bytes.len().to_string();
            return Err(layout(file, "length", format!("{length} bytes for k = {k}"), found));
        }
        let found = format!("0x{}", hex::encode(Sha256::digest(&bytes)));
        if manifest.sha256 != found {
            return Err(layout(file, "SHA-256", manifest.sha256, found));
        }
        let params = parse(file, &bytes, k)?;
        let srs = Self::new(params, manifest.origin);
        let tau_g2 = format!("0x{}", hex::encode(srs.tau_g2_bytes()));
        of_manifest("tau_g2", &tau_g2, &manifest.tau_g2)?;
        of_manifest("srs_digest", &srs.digest().to_string(), &manifest.srs_digest)?;
        Ok(srs)
    }
}

/// Parses a file of the right length for `k`.
fn parse(file: &Path, bytes: &[u8], k: u32) -> Result<ParamsKZG<Bn256>, SrsError> {
    let n = 1usize << k;
    let (header, rest) = bytes.split_at(4);
    if header != k.to_le_bytes() {
        return Err(SrsError::Layout {
            file: file.to_path_buf(),
            section: "size",
            expected: k.to_string(),
            found: u32::from_le_bytes([header[0], header[1], header[2], header[3]]).to_string(),
        });
    }
    let (powers, rest) = rest.split_at(64 * n);
    let (lagrange, g2) = rest.split_at(64 * n);
    let member = "canonical coordinates, and a point on the curve other than the identity";
    let point = |section, index| SrsError::Point { file: file.to_path_buf(), section, index, expected: member };
    let g1 = |section: &'static str, bytes: &[u8]| -> Result<Vec<G1Affine>, SrsError> {
        bytes
            .par_chunks_exact(64)
            .enumerate()
            .map(|(index, chunk)| {
                G1Affine::from_raw_bytes(chunk)
                    .filter(|point| !bool::from(point.is_identity()))
                    .ok_or_else(|| point(section, index))
            })
            .collect()
    };
    let g2 = |index: usize| {
        G2Affine::from_raw_bytes(&g2[128 * index..128 * (index + 1)])
            .filter(|point| !bool::from(point.is_identity()))
            .ok_or_else(|| point("G2 powers", index))
    };
    let (powers, lagrange) = (g1("G1 powers", powers)?, g1("Lagrange points", lagrange)?);
    let factory = ParamsKZG::<Bn256>::setup(1, OsRng);
    Ok(factory.from_parts(k, powers, Some(lagrange), g2(0)?, g2(1)?))
}

#[cfg(test)]
mod tests;
