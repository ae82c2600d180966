//! Proving and verifying keys: made from a profile and an SRS, kept in a folder, checked when read.
//!
//! # Files
//! `<profile>-<circuit>-<id>.pk` and `.vk`. Both start with a header of 128 bytes: a magic word, the
//! identity of the key (hash of the profile id, circuit, SRS digest, constraint system and program
//! version), the length and the SHA-256 of what follows, which is Halo2's own form with checked
//! field elements. A file whose header or digest is wrong is made anew, with a notice.
//!
//! For `mnist-mlp` a proving key has 52 MB and is read in 0.3 s, where making it takes 2.7 s;
//! verifying needs only the verifying key, of less than 1 kB.
//!
//! # Soundness
//! The digest guards against damage, not against someone who can write to the folder; that person
//! could as well replace the program. The file is hashed and parsed through one open handle, and a
//! key is replaced by renaming, so what is parsed is what was hashed. Who verifies for others
//! compares [`VerifierKey::digest`] with a value from elsewhere.
//!
//! # Errors
//! [`KeyError`].

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::CurveAffine;
use halo2_proofs::plonk::{keygen_pk, keygen_vk_custom, Circuit, ConstraintSystem, ProvingKey, VerifyingKey};
use halo2_proofs::SerdeFormat;
use sha2::{Digest, Sha256};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::LayoutError;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_contracts::generator::proof_len;

use crate::commit::scalar_to_bytes;
use crate::formats::bundle::CircuitKind;
use crate::fsio::{self, FsError, Overwrite};
use crate::srs::Srs;

const MAGIC: &[u8; 16] = b"zkpoc key file 1";
const HEADER: usize = 128;
const FORMAT: SerdeFormat = SerdeFormat::RawBytes;

/// A key that cannot be made or kept.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The profile has no circuit.
    #[error("profile {profile}: {source}")]
    Layout {
        /// Name of the profile.
        profile: String,
        /// Why not.
        source: LayoutError,
    },
    /// The SRS is of another size than the circuit.
    #[error("profile {profile} needs an SRS of k = {expected}, this one has k = {found}; make or import one of that size, or downsize a larger one")]
    Size {
        /// Name of the profile.
        profile: String,
        /// k of the profile.
        expected: u32,
        /// k of the SRS.
        found: u32,
    },
    /// Halo2 refused to make the key.
    #[error("profile {profile}: the {circuit} key cannot be made: {reason}")]
    Keygen {
        /// Name of the profile.
        profile: String,
        /// Which circuit.
        circuit: CircuitKind,
        /// Halo2's words.
        reason: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FsError),
}

impl CircuitKind {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Dataset => "dataset",
        }
    }
}

impl std::fmt::Display for CircuitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A circuit that a profile determines.
pub trait ProfileCircuit: Circuit<Fr> {
    /// Which one it is.
    const KIND: CircuitKind;

    /// The circuit of a profile, without a witness.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    fn of_profile(profile: &Profile) -> Result<Self, LayoutError>
    where
        Self: Sized;
}

impl ProfileCircuit for TrainingCircuit {
    const KIND: CircuitKind = CircuitKind::Training;

    fn of_profile(profile: &Profile) -> Result<Self, LayoutError> {
        Self::new(profile)
    }
}

impl ProfileCircuit for DatasetCircuit {
    const KIND: CircuitKind = CircuitKind::Dataset;

    fn of_profile(profile: &Profile) -> Result<Self, LayoutError> {
        Self::new(profile)
    }
}

/// What verifies the proofs of one circuit of one profile.
#[derive(Clone, Debug)]
pub struct VerifierKey {
    kind: CircuitKind,
    profile_id: B256,
    profile_name: String,
    model_points: usize,
    vk: VerifyingKey<G1Affine>,
}

impl VerifierKey {
    /// Makes the key; see [`KeyCache::verifier`] for a kept one.
    pub fn generate<C: ProfileCircuit>(profile: &Profile, srs: &Srs) -> Result<Self, KeyError> {
        Ok(Self::new(profile, C::KIND, generate_vk(profile, srs, &circuit::<C>(profile, srs)?)?))
    }

    fn new(profile: &Profile, kind: CircuitKind, vk: VerifyingKey<G1Affine>) -> Self {
        let (profile_id, profile_name) = (B256::new(profile.id()), profile.name.clone());
        Self { kind, profile_id, profile_name, model_points: profile.weight_columns, vk }
    }

    /// The circuit.
    pub fn kind(&self) -> CircuitKind {
        self.kind
    }

    /// The profile.
    pub fn profile_id(&self) -> B256 {
        self.profile_id
    }

    /// Name of the profile.
    pub fn profile_name(&self) -> &str {
        &self.profile_name
    }

    /// Committed columns of the model, and of the update.
    pub fn model_points(&self) -> usize {
        self.model_points
    }

    /// Length of every proof, bytes.
    pub fn proof_bytes(&self) -> usize {
        proof_len(&self.vk)
    }

    /// What the transcript of every proof starts with; identifies the circuit and its fixed columns.
    pub fn digest(&self) -> B256 {
        B256::new(scalar_to_bytes(&self.vk.transcript_repr()))
    }

    /// The key in Halo2's form.
    pub fn vk(&self) -> &VerifyingKey<G1Affine> {
        &self.vk
    }
}

/// What makes the proofs of one circuit of one profile.
#[derive(Clone, Debug)]
pub struct ProverKey<C> {
    profile: Profile,
    circuit: C,
    verifier: VerifierKey,
    pk: ProvingKey<G1Affine>,
}

impl<C: ProfileCircuit> ProverKey<C> {
    /// Makes the key; see [`KeyCache::prover`] for a kept one.
    pub fn generate(profile: &Profile, srs: &Srs) -> Result<Self, KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        let vk = generate_vk(profile, srs, &circuit)?;
        let pk = keygen_pk(srs.params(), vk, &circuit).map_err(|error| KeyError::Keygen {
            profile: profile.name.clone(),
            circuit: C::KIND,
            reason: error.to_string(),
        })?;
        Ok(Self::new(profile, circuit, pk))
    }

    fn new(profile: &Profile, circuit: C, pk: ProvingKey<G1Affine>) -> Self {
        let verifier = VerifierKey::new(profile, C::KIND, pk.get_vk().clone());
        Self { profile: profile.clone(), circuit, verifier, pk }
    }

    /// The profile.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The circuit without a witness.
    pub fn circuit(&self) -> &C {
        &self.circuit
    }

    /// The verifying part.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The key in Halo2's form.
    pub fn pk(&self) -> &ProvingKey<G1Affine> {
        &self.pk
    }

    /// Rows at the end of each column that the prover fills.
    pub fn blinding_rows(&self) -> usize {
        self.verifier.vk.cs().blinding_factors() + 1
    }
}

fn circuit<C: ProfileCircuit>(profile: &Profile, srs: &Srs) -> Result<C, KeyError> {
    if srs.k() != profile.k {
        return Err(KeyError::Size { profile: profile.name.clone(), expected: profile.k, found: srs.k() });
    }
    C::of_profile(profile).map_err(|source| KeyError::Layout { profile: profile.name.clone(), source })
}

fn generate_vk<C: ProfileCircuit>(
    profile: &Profile,
    srs: &Srs,
    circuit: &C,
) -> Result<VerifyingKey<G1Affine>, KeyError> {
    // Selectors are not combined: their values would then shape the gates, and with them the key.
    keygen_vk_custom(srs.params(), circuit, false).map_err(|error| KeyError::Keygen {
        profile: profile.name.clone(),
        circuit: C::KIND,
        reason: error.to_string(),
    })
}

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

    /// Path of a key's file; `extension` is `pk` or `vk`.
    pub fn path<C: ProfileCircuit>(&self, profile: &Profile, srs: &Srs, extension: &str) -> Result<PathBuf, KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        Ok(self.file(profile, C::KIND, &identity(profile, srs, &circuit), extension))
    }

    fn file(&self, profile: &Profile, kind: CircuitKind, identity: &[u8; 32], extension: &str) -> PathBuf {
        let id = hex::encode(&identity[..8]);
        self.folder.join(format!("{}-{kind}-{id}.{extension}", profile.name))
    }

    /// The verifying key, kept or made.
    pub fn verifier<C: ProfileCircuit>(&self, profile: &Profile, srs: &Srs) -> Result<(VerifierKey, KeySource), KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        let identity = identity(profile, srs, &circuit);
        let path = self.file(profile, C::KIND, &identity, "vk");
        let source = match open(&path, &identity) {
            Ok(mut reader) => match read_vk(&mut reader, &circuit, profile) {
                Ok(vk) => return Ok((VerifierKey::new(profile, C::KIND, vk), KeySource::Kept)),
                Err(reason) => remade(&path, reason),
            },
            Err(reason) => reason.map_or(KeySource::Made, |reason| remade(&path, reason)),
        };
        let vk = generate_vk(profile, srs, &circuit)?;
        self.keep(&path, &identity, vk.to_bytes(FORMAT))?;
        Ok((VerifierKey::new(profile, C::KIND, vk), source))
    }

    /// The proving key, kept or made; the verifying key is kept with it.
    pub fn prover<C: ProfileCircuit>(&self, profile: &Profile, srs: &Srs) -> Result<(ProverKey<C>, KeySource), KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        let identity = identity(profile, srs, &circuit);
        let path = self.file(profile, C::KIND, &identity, "pk");
        let source = match open(&path, &identity) {
            Ok(mut reader) => match read_pk(&mut reader, &circuit, profile) {
                Ok(pk) => return Ok((ProverKey::new(profile, circuit, pk), KeySource::Kept)),
                Err(reason) => remade(&path, reason),
            },
            Err(reason) => reason.map_or(KeySource::Made, |reason| remade(&path, reason)),
        };
        let key = ProverKey::<C>::generate(profile, srs)?;
        self.keep(&path, &identity, key.pk.to_bytes(FORMAT))?;
        let vk = self.file(profile, C::KIND, &identity, "vk");
        self.keep(&vk, &identity, key.verifier.vk.to_bytes(FORMAT))?;
        Ok((key, source))
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
    let _config = C::configure_with_params(&mut cs, circuit.params());
    let mut hash = Sha256::new();
    hash.update(b"zkpoc.key.v1");
    hash.update(profile.id());
    hash.update([C::KIND as u8]);
    hash.update(srs.digest());
    hash.update(Sha256::digest(format!("{:?}", cs.pinned())));
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.finalize().into()
}

/// Opens a file, checks header and digest, and stops at the payload. `Err(None)`: there is none.
fn open(path: &Path, identity: &[u8; 32]) -> Result<BufReader<File>, Option<String>> {
    let words = |error: io::Error| Some(error.to_string());
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(None),
        opened => opened.map_err(words)?,
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

fn read_pk<C: ProfileCircuit>(
    reader: &mut BufReader<File>,
    circuit: &C,
    profile: &Profile,
) -> Result<ProvingKey<G1Affine>, String> {
    let pk = ProvingKey::read::<_, C>(reader, FORMAT, circuit.params()).map_err(|error| error.to_string())?;
    check_vk(pk.get_vk(), profile)?;
    Ok(pk)
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
    let bad = |point: &&G1Affine| bool::from(point.is_identity()) || !bool::from(point.is_on_curve());
    match vk.fixed_commitments().iter().find(bad) {
        Some(_) => Err("a fixed commitment is not a point of the curve".into()),
        None => Ok(()),
    }
}
