//! Proving and verifying keys: made from a profile and an SRS.
//!
//! A proving key is the verifying key, the circuit, and what the engine makes of the circuit when it
//! is loaded: the compiled gates and the fixed columns as small integers. So only the verifying key,
//! of less than 1 kB, is kept in a file ([`KeyCache`]).
//!
//! # Errors
//! [`KeyError`].

use alloy_primitives::B256;
use halo2_proofs::halo2curves::bn256::G1Affine;
use halo2_proofs::plonk::{keygen_pk, keygen_vk_custom, ProvingKey, VerifyingKey};
use zkpoc_circuits::grid::LayoutError;
use zkpoc_circuits::profile::Profile;
use zkpoc_engine::proof_format::proof_len;

use crate::fsio::FsError;
use crate::srs::Srs;
use zkpoc_circuits::kind::{CircuitKind, ProfileCircuit};
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::encoding::scalar_to_bytes;
use zkpoc_engine::{Engine, ShapeError};

mod cache;

pub use cache::{KeyCache, KeySource};

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
    /// The engine does not prove such a circuit.
    #[error("profile {profile}: the {circuit} circuit cannot be proven: {source}")]
    Shape {
        /// Name of the profile.
        profile: String,
        /// Which circuit.
        circuit: CircuitKind,
        /// Why not.
        source: ShapeError,
    },
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FsError),
}

impl KeyError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Keygen { .. } => ErrorKind::Environment,
            Self::Layout { source, .. } => source.kind(),
            Self::Shape { source, .. } => source.kind(),
            Self::Size { .. } => ErrorKind::Input,
        }
    }
}

/// What verifies the proofs of one circuit of one profile.
#[derive(Clone, Debug)]
pub struct VerifierKey {
    kind: CircuitKind,
    profile_id: B256,
    profile_name: String,
    model_points: usize,
    max_claims: u64,
    srs_digest: B256,
    vk: VerifyingKey<G1Affine>,
}

impl VerifierKey {
    /// Makes the key; see [`KeyCache::verifier`] for a kept one.
    pub fn generate<C: ProfileCircuit>(profile: &Profile, srs: &Srs) -> Result<Self, KeyError> {
        Ok(Self::new(profile, srs, C::KIND, generate_vk(profile, srs, &circuit::<C>(profile, srs)?)?))
    }

    fn new(profile: &Profile, srs: &Srs, kind: CircuitKind, vk: VerifyingKey<G1Affine>) -> Self {
        let (profile_id, profile_name) = (B256::new(profile.id()), profile.name.clone());
        let (model_points, max_claims) = (profile.model_points(), profile.max_claims);
        Self { kind, profile_id, profile_name, model_points, max_claims, srs_digest: srs.digest(), vk }
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

    /// Most updates that a round includes.
    pub fn max_claims(&self) -> u64 {
        self.max_claims
    }

    /// Digest of the reference string that the key was made under.
    pub fn srs_digest(&self) -> B256 {
        self.srs_digest
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
    engine: Engine,
}

impl<C: ProfileCircuit> ProverKey<C> {
    /// Makes the key; see [`KeyCache::prover`] for one whose verifying part is kept.
    pub fn generate(profile: &Profile, srs: &Srs) -> Result<Self, KeyError> {
        let circuit = circuit::<C>(profile, srs)?;
        let vk = generate_vk(profile, srs, &circuit)?;
        Self::new(profile, srs, circuit, vk)
    }

    fn new(profile: &Profile, srs: &Srs, circuit: C, vk: VerifyingKey<G1Affine>) -> Result<Self, KeyError> {
        let engine = Engine::new(&circuit, profile.k).map_err(|source| KeyError::Shape {
            profile: profile.name.clone(),
            circuit: C::KIND,
            source,
        })?;
        let verifier = VerifierKey::new(profile, srs, C::KIND, vk);
        Ok(Self { profile: profile.clone(), circuit, verifier, engine })
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

    /// What proves.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The key of Halo2's own prover, made anew: what a comparison with that prover needs.
    pub fn halo2(&self, srs: &Srs) -> Result<ProvingKey<G1Affine>, KeyError> {
        keygen_pk(srs.params(), self.verifier.vk.clone(), &self.circuit).map_err(|error| KeyError::Keygen {
            profile: self.profile.name.clone(),
            circuit: C::KIND,
            reason: error.to_string(),
        })
    }

    /// Rows at the end of each column that the prover fills.
    pub fn blinding_rows(&self) -> usize {
        self.engine.shape().blinding_rows
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
