//! Keys in a folder, checked when read.
//!
//! # Files
//! `<profile>-<circuit>-<id>.vk`: the verifying key, of less than 1 kB. It starts with a header of
//! 128 bytes: a magic word, the identity of the key (hash of the profile id, circuit, SRS digest,
//! constraint system, fixed cells and program version), the length and the SHA-256 of what follows, which is
//! Halo2's own form with checked field elements. A file whose header or digest is wrong is made anew,
//! with a notice. A proving key has no file: what it has beside the verifying key follows from the
//! profile ([`super::ProverKey`]).
//!
//! Earlier versions kept proving keys of tens of MB as `.pk` files; they are not read, and are
//! removed when the profile's key is made anew.
//!
//! # Soundness
//! The digest guards against damage, not against someone who can write to the folder; that person
//! could as well replace the program. The file is hashed and parsed through one open handle, and a
//! key is replaced by renaming, so what is parsed is what was hashed. Who verifies for others
//! compares [`VerifierKey::digest`] with a value from elsewhere.
//!
//! # Errors
//! [`KeyError`] where a key cannot be made or written; a file that cannot be used is no error.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::CurveAffine;
use halo2_proofs::plonk::{Column, ConstraintSystem, Fixed, VerifyingKey};
use halo2_proofs::SerdeFormat;
use sha2::{Digest, Sha256};
use zkpoc_circuits::profile::Profile;

use super::{circuit, generate_vk, KeyError, ProverKey, VerifierKey};
use crate::fsio;
use crate::fsio::Overwrite;
use crate::srs::Srs;
use zkpoc_circuits::columns::FixedCells;
use zkpoc_circuits::kind::{CircuitKind, ProfileCircuit};

const MAGIC: &[u8; 16] = b"zkpoc key file 1";
const HEADER: usize = 128;
/// Bytes of fixed cells that are hashed at a time.
const BLOCK: usize = 1 << 16;
const FORMAT: SerdeFormat = SerdeFormat::RawBytes;

/// Where a key came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// Read from the folder.
    Kept,
    /// Made, because there was none.
    Made,
    /// Made anew, because the kept one could not be used; with the reason.
    Remade(String),
}

/// A folder of keys.
#[derive(Clone, Debug)]
pub struct KeyCache {
    folder: PathBuf,
}

impl KeyCache {
    /// The folder must exist.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// Path of a key's file.
    pub fn path<C: ProfileCircuit>(&self, profile: &Profile, srs: &Srs) -> Result<PathBuf, KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        Ok(self.file(profile, C::KIND, &identity(profile, srs, &circuit)))
    }

    fn file(&self, profile: &Profile, kind: CircuitKind, identity: &[u8; 32]) -> PathBuf {
        let id = hex::encode(&identity[..8]);
        self.folder.join(format!("{}-{kind}-{id}.vk", profile.name))
    }

    /// The verifying key, kept or made.
    pub fn verifier<C: ProfileCircuit>(
        &self,
        profile: &Profile,
        srs: &Srs,
    ) -> Result<(VerifierKey, KeySource), KeyError> {
        let (_, vk, source) = self.vk::<C>(profile, srs)?;
        Ok((VerifierKey::new(profile, srs, C::KIND, vk), source))
    }

    /// The proving key; its verifying part is kept or made.
    pub fn prover<C: ProfileCircuit>(
        &self,
        profile: &Profile,
        srs: &Srs,
    ) -> Result<(ProverKey<C>, KeySource), KeyError> {
        let (circuit, vk, source) = self.vk::<C>(profile, srs)?;
        Ok((ProverKey::new(profile, srs, circuit, vk)?, source))
    }

    fn vk<C: ProfileCircuit>(
        &self,
        profile: &Profile,
        srs: &Srs,
    ) -> Result<(C, VerifyingKey<G1Affine>, KeySource), KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        let identity = identity(profile, srs, &circuit);
        let path = self.file(profile, C::KIND, &identity);
        let source = match open(&path, &identity) {
            Ok(mut reader) => match read_vk(&mut reader, &circuit, profile) {
                Ok(vk) => return Ok((circuit, vk, KeySource::Kept)),
                Err(reason) => remade(&path, reason),
            },
            Err(reason) => reason.map_or(KeySource::Made, |reason| remade(&path, reason)),
        };
        let vk = generate_vk(profile, srs, &circuit)?;
        self.keep(&path, &identity, vk.to_bytes(FORMAT))?;
        self.remove_old(profile, C::KIND);
        Ok((circuit, vk, source))
    }

    /// Removes proving keys that earlier versions kept. One that cannot be removed is only in the way.
    fn remove_old(&self, profile: &Profile, kind: CircuitKind) {
        let start = format!("{}-{kind}-", profile.name);
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix(&start)?.strip_suffix(".pk"));
            if id.is_some_and(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                match std::fs::remove_file(entry.path()) {
                    Ok(()) => {
                        tracing::info!(file = %entry.path().display(), "removed a proving key of an earlier version")
                    }
                    Err(error) => tracing::warn!(file = %entry.path().display(), %error, "an old proving key stays"),
                }
            }
        }
    }

    fn keep(&self, path: &Path, identity: &[u8; 32], mut payload: Vec<u8>) -> Result<(), KeyError> {
        let mut header = [0u8; HEADER];
        header[..16].copy_from_slice(MAGIC);
        header[16..48].copy_from_slice(identity);
        header[48..56].copy_from_slice(&(payload.len() as u64).to_be_bytes());
        header[56..88].copy_from_slice(&Sha256::digest(&payload));
        payload.splice(0..0, header);
        Ok(fsio::write(path, &payload, Overwrite::Replace)?)
    }
}

fn remade(path: &Path, reason: String) -> KeySource {
    tracing::warn!(file = %path.display(), reason, "a kept key cannot be used and is made anew");
    KeySource::Remade(reason)
}

/// Everything that determines a key and is known before it is made.
fn identity<C: ProfileCircuit>(profile: &Profile, srs: &Srs, circuit: &C) -> [u8; 32] {
    let mut cs = ConstraintSystem::<Fr>::default();
    let config = C::configure_with_params(&mut cs, circuit.params());
    // Selectors and tables are fixed cells: two circuits of one constraint system differ in them alone, and so do their keys.
    let mut fixed = Sha256::new();
    let mut block = Vec::with_capacity(BLOCK + 24);
    let mut put = |column: Column<Fixed>, row: usize, value: u64| {
        for number in [column.index() as u64, row as u64, value] {
            block.extend_from_slice(&number.to_le_bytes());
        }
        if block.len() >= BLOCK {
            fixed.update(&block);
            block.clear();
        }
    };
    circuit.fixed_cells(&config, &mut FixedCells::new(&mut put));
    fixed.update(&block);
    let mut hash = Sha256::new();
    hash.update(b"zkpoc.key.v2");
    hash.update(profile.id());
    hash.update([C::KIND as u8]);
    hash.update(srs.digest());
    hash.update(Sha256::digest(format!("{:?}", cs.pinned())));
    hash.update(fixed.finalize());
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.finalize().into()
}

/// Opens a file, checks header and digest, and stops at the payload. `Err(None)`: there is none.
fn open(path: &Path, identity: &[u8; 32]) -> Result<BufReader<File>, Option<String>> {
    let words = |error: io::Error| Some(error.to_string());
    let mut file = match fsio::open(path) {
        Err(error) if error.is_not_found() => return Err(None),
        opened => opened.map_err(|error| Some(error.to_string()))?,
    };
    let mut header = [0u8; HEADER];
    file.read_exact(&mut header).map_err(|_| Some("the header is cut short".to_owned()))?;
    if &header[..16] != MAGIC {
        return Err(Some("it is not a key file of this version".into()));
    }
    if header[16..48] != identity[..] {
        return Err(Some("it belongs to another profile, SRS or program version".into()));
    }
    if header[88..].iter().any(|byte| *byte != 0) {
        return Err(Some("the header is damaged".into()));
    }
    let mut length = [0u8; 8];
    length.copy_from_slice(&header[48..56]);
    let (expected, found) = (u64::from_be_bytes(length), file.metadata().map_err(words)?.len() - HEADER as u64);
    if expected != found {
        return Err(Some(format!("it holds {found} bytes, {expected} are expected")));
    }
    let mut hash = Sha256::new();
    let mut block = vec![0u8; 1 << 20];
    loop {
        match file.read(&mut block).map_err(words)? {
            0 => break,
            read => hash.update(&block[..read]),
        }
    }
    if header[56..88] != hash.finalize()[..] {
        return Err(Some("its SHA-256 is not the one in its header".into()));
    }
    file.seek(SeekFrom::Start(HEADER as u64)).map_err(words)?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

fn read_vk<C: ProfileCircuit>(
    reader: &mut BufReader<File>,
    circuit: &C,
    profile: &Profile,
) -> Result<VerifyingKey<G1Affine>, String> {
    let vk = VerifyingKey::read::<_, C>(reader, FORMAT, circuit.params()).map_err(|error| error.to_string())?;
    check_vk(&vk, profile)?;
    Ok(vk)
}

/// What Halo2's reader leaves unchecked.
fn check_vk(vk: &VerifyingKey<G1Affine>, profile: &Profile) -> Result<(), String> {
    if vk.get_domain().k() != profile.k {
        return Err(format!("its k is {}, the profile's is {}", vk.get_domain().k(), profile.k));
    }
    let columns = vk.cs().num_fixed_columns();
    if vk.fixed_commitments().len() != columns {
        return Err(format!("it has {} fixed commitments, {columns} are expected", vk.fixed_commitments().len()));
    }
    // The identity is the commitment of a column that the profile leaves empty, such as a selector of hidden layers.
    match vk.fixed_commitments().iter().all(|point| bool::from(point.is_on_curve())) {
        true => Ok(()),
        false => Err("a fixed commitment is not a point of the curve".into()),
    }
}

#[cfg(test)]
mod tests;
