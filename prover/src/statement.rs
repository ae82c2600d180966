//! The statements that are proven, each with all that its verifier compares: the way to prove and to verify.
//!
//! A statement is public. Who proves adds a witness, who verifies needs the proof alone:
//!
//! | statement | says | witness |
//! |---|---|---|
//! | [`TrainingStatement`] | an update is the gradient of this model on this registered shard; norm and loss are below these bounds | [`TrainingWitness`] |
//! | [`DatasetStatement`] | this registered shard is well-formed | [`DatasetWitness`] |
//! | [`RoundStatement`] | this next model follows from this model and this sum of updates | [`RoundWitness`] |
//!
//! # Soundness
//! [`verify`] compares what the contracts compare: the proof is of the right circuit, profile, size and reference string; its public
//! inputs are those of the statement; the committed points of models and sums are the statement's; the data point is linked to the
//! registered commitment under the statement's context; every point and scalar is canonical. The functions in [`crate::verify`] whose
//! names end in `alone` leave the comparisons to their caller.
//!
//! What a statement cannot say, a contract must: whether the model is the round's, the commitment registered, the context that of the
//! claim. `docs/statement.md` lists it.
//!
//! # Example
//! See `examples/prove_step.rs` and `examples/verify_offline.rs`.
//!
//! # Errors
//! [`ProveError`], [`VerifyError`].

use alloy_primitives::B256;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::field::power_of_two;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::instance::{LOSS_BOUND, NORM_BOUND};
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, Model, ReferenceError, RunTrace, Shard};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

use crate::blinding::Blinding;
use crate::keys::VerifierKey;
use crate::link::{link_bases, LinkBases, LinkProof};
use crate::prove::{
    model_commitment, prove_dataset, prove_round, prove_training_traced, Buckets, DatasetProof, ProveError,
    ProvingContext, Registered, RoundProof, RoundRequest, TrainingProof, TrainingRequest, UpdateOpening,
};
use crate::srs::Srs;
use crate::verify::{
    same, verify_alone, verify_data_link, verify_round_alone, verify_training, ProofPoints, RoundPoints, VerifyError,
};

mod file;

pub use file::{StatementFile, StatementFileError, STATEMENT_FILE_LIMIT};

/// The bytes of a proof with what ties it to a registered shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The proof.
    pub bytes: Vec<u8>,
    /// The link between its data point and the registered commitment; a round's proof has none.
    pub link: Option<LinkProof>,
}

/// A verifying key with the reference string it was made under.
#[derive(Debug)]
pub struct VerifyingContext<'a> {
    srs: &'a Srs,
    key: &'a VerifierKey,
    bases: LinkBases,
}

impl<'a> VerifyingContext<'a> {
    /// Refuses another reference string than the one the key was made under.
    ///
    /// # Errors
    /// [`VerifyError::Size`], [`VerifyError::Other`].
    pub fn new(srs: &'a Srs, key: &'a VerifierKey) -> Result<Self, VerifyError> {
        let size = VerifyError::Size { expected: key.vk().get_domain().k(), found: srs.k() };
        if srs.k() != key.vk().get_domain().k() {
            return Err(size);
        }
        same("SRS digest", key.srs_digest(), srs.digest())?;
        Ok(Self { srs, key, bases: link_bases(srs).map_err(|_| size)? })
    }

    /// The key.
    pub fn key(&self) -> &'a VerifierKey {
        self.key
    }

    /// The reference string.
    pub fn srs(&self) -> &'a Srs {
        self.srs
    }

    /// The points of a proof whose link ties its data point to a registered commitment.
    fn linked(
        &self,
        proof: &Proof,
        instances: &[Fr],
        registered: &G1Affine,
        points: ProofPoints,
    ) -> Result<ProofPoints, VerifyError> {
        let link = proof.link.as_ref().ok_or(VerifyError::Unlinked)?;
        verify_data_link(&self.bases, instances, registered, &points, link)?;
        Ok(points)
    }
}

/// What is proven about one profile.
pub trait Statement: file::Fields {
    /// The circuit that proves it.
    type Circuit: ProfileCircuit;
    /// What only the prover knows.
    type Witness<'w>;
    /// A proof with what its maker keeps.
    type Made;
    /// The committed points of a proof.
    type Points;

    /// Hash of the profile, [`Profile::id`].
    fn profile_id(&self) -> B256;

    /// The public inputs, in the order of [`zkpoc_circuits::instance`].
    fn instances(&self) -> Vec<Fr>;

    /// See [`prove`].
    #[doc(hidden)]
    fn prove_with(
        &self,
        witness: Self::Witness<'_>,
        context: &ProvingContext<'_, Self::Circuit>,
    ) -> Result<Self::Made, ProveError>;

    /// See [`verify`]; the key is of this circuit and profile.
    #[doc(hidden)]
    fn verify_with(&self, proof: &Proof, context: &VerifyingContext<'_>) -> Result<Self::Points, VerifyError>;
}

/// Proves a statement.
///
/// # Errors
/// [`ProveError`]: the witness is not one of this statement, or a proof cannot be made. A proof is verified before it is returned.
///
/// # Example
/// ```no_run
/// # use zkpoc_prover::statement::{prove, TrainingStatement, TrainingWitness};
/// # use zkpoc_prover::prove::{ProveError, ProvingContext, TrainingProof};
/// # use zkpoc_prover::TrainingCircuit;
/// # fn example(statement: TrainingStatement, witness: TrainingWitness<'_>, context: ProvingContext<'_, TrainingCircuit>)
/// # -> Result<TrainingProof, ProveError> {
/// prove(&statement, witness, &context)
/// # }
/// ```
pub fn prove<S: Statement>(
    statement: &S,
    witness: S::Witness<'_>,
    context: &ProvingContext<'_, S::Circuit>,
) -> Result<S::Made, ProveError> {
    let expected = context.key().verifier().profile_id();
    match statement.profile_id() == expected {
        true => statement.prove_with(witness, context),
        false => Err(ProveError::Profile { expected, found: statement.profile_id() }),
    }
}

/// Checks that a proof shows a statement, and returns its committed points.
///
/// # Errors
/// [`VerifyError`]; it says what does not hold.
pub fn verify<S: Statement>(
    statement: &S,
    proof: &Proof,
    context: &VerifyingContext<'_>,
) -> Result<S::Points, VerifyError> {
    same("circuit", context.key.kind(), S::Circuit::KIND)?;
    same("profile id", context.key.profile_id(), statement.profile_id())?;
    statement.verify_with(proof, context)
}

/// An update is the exact integer gradient of a model on a registered shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingStatement {
    /// Hash of the profile.
    pub profile_id: B256,
    /// Commitment to the model, see [`model_commitment`].
    pub model: Vec<G1Affine>,
    /// Registered commitment to the shard, see [`crate::prove::commit_shard`].
    pub registered: G1Affine,
    /// Where the proof is valid: the first public input, a hash of claimant, round, contract and chain where there is a chain.
    pub context: Fr,
    /// Bounds of the update's squared norm and of the loss.
    pub bounds: Buckets,
}

/// What a training step's prover knows, with the step itself, computed once.
#[derive(Debug)]
pub struct TrainingWitness<'a> {
    model: &'a Model,
    shard: &'a Shard,
    blinding: Blinding,
    trace: RunTrace,
}

impl<'a> TrainingWitness<'a> {
    /// Computes the step of a model on a shard that was committed under a blinding.
    ///
    /// # Errors
    /// [`ReferenceError`] where model or shard is not one of the profile.
    pub fn new(
        profile: &Profile,
        model: &'a Model,
        shard: &'a Shard,
        blinding: Blinding,
    ) -> Result<Self, ReferenceError> {
        Ok(Self { model, shard, blinding, trace: run(profile, model, shard)? })
    }

    /// The step.
    pub fn trace(&self) -> &RunTrace {
        &self.trace
    }

    /// The smallest coarse bounds that hold for the step.
    pub fn bounds(&self, context: &ProvingContext<'_, TrainingCircuit>) -> Buckets {
        Buckets::covering(context.key().circuit().plan(), &self.trace)
    }
}

impl Statement for TrainingStatement {
    type Circuit = TrainingCircuit;
    type Witness<'w> = TrainingWitness<'w>;
    type Made = TrainingProof;
    type Points = ProofPoints;

    fn profile_id(&self) -> B256 {
        self.profile_id
    }

    fn instances(&self) -> Vec<Fr> {
        vec![self.context, power_of_two(self.bounds.norm_log2), power_of_two(self.bounds.loss_log2)]
    }

    fn prove_with(
        &self,
        witness: TrainingWitness<'_>,
        context: &ProvingContext<'_, TrainingCircuit>,
    ) -> Result<TrainingProof, ProveError> {
        let grid = &context.key().circuit().plan().grid;
        if model_commitment(context.srs(), grid, witness.model)? != self.model {
            return Err(ProveError::Model);
        }
        let registered = Registered { commitment: self.registered, blinding: witness.blinding };
        let request = TrainingRequest {
            model: witness.model,
            shard: witness.shard,
            registered: &registered,
            buckets: Some(self.bounds),
            context: self.context,
        };
        prove_training_traced(context, &request, witness.trace, &mut |_| {})
    }

    fn verify_with(&self, proof: &Proof, context: &VerifyingContext<'_>) -> Result<ProofPoints, VerifyError> {
        for (index, exponent) in [(NORM_BOUND, self.bounds.norm_log2), (LOSS_BOUND, self.bounds.loss_log2)] {
            if exponent > file::MOST_BOUND {
                return Err(VerifyError::Bound { index, most: file::MOST_BOUND, exponent });
            }
        }
        let instances = self.instances();
        let points = verify_training(context.key, context.srs, &proof.bytes, &instances, &self.model)?;
        context.linked(proof, &instances, &self.registered, points)
    }
}

/// A registered shard is well-formed: features in range, one label a record, no record twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetStatement {
    /// Hash of the profile.
    pub profile_id: B256,
    /// Registered commitment to the shard.
    pub registered: G1Affine,
    /// Where the proof is valid: the first public input.
    pub context: Fr,
}

/// A shard and the blinding that it was committed under.
#[derive(Clone, Copy, Debug)]
pub struct DatasetWitness<'a> {
    /// The records.
    pub shard: &'a Shard,
    /// The random rows of the registered commitment; a secret.
    pub blinding: Secret<Blinding>,
}

/// A value that debug output does not show.
#[derive(Clone, Copy)]
pub struct Secret<T>(pub T);

impl<T> std::fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Statement for DatasetStatement {
    type Circuit = DatasetCircuit;
    type Witness<'w> = DatasetWitness<'w>;
    type Made = DatasetProof;
    type Points = ProofPoints;

    fn profile_id(&self) -> B256 {
        self.profile_id
    }

    fn instances(&self) -> Vec<Fr> {
        vec![self.context]
    }

    fn prove_with(
        &self,
        witness: DatasetWitness<'_>,
        context: &ProvingContext<'_, DatasetCircuit>,
    ) -> Result<DatasetProof, ProveError> {
        let registered = Registered { commitment: self.registered, blinding: witness.blinding.0 };
        prove_dataset(context, witness.shard, &registered, self.context, &mut |_| {})
    }

    fn verify_with(&self, proof: &Proof, context: &VerifyingContext<'_>) -> Result<ProofPoints, VerifyError> {
        let instances = self.instances();
        let points = verify_alone(context.key, context.srs, &proof.bytes, &instances)?;
        context.linked(proof, &instances, &self.registered, points)
    }
}

/// The next model is the model minus the rounded mean of the updates times the learning rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundStatement {
    /// Hash of the profile.
    pub profile_id: B256,
    /// Commitment to the round's model.
    pub model: Vec<G1Affine>,
    /// Sum of the included updates' commitments.
    pub sum: Vec<G1Affine>,
    /// Commitment to the next model.
    pub next: Vec<G1Affine>,
    /// Number of included updates.
    pub claims: u64,
    /// Where the proof is valid: the first public input.
    pub context: Fr,
}

impl RoundStatement {
    /// The statement about a model and the sum of a round's updates, with the next model that follows from them.
    ///
    /// # Errors
    /// [`ProveError`] where the profile has no layout or another size than the reference string.
    pub fn of(
        profile: &Profile,
        srs: &Srs,
        (model, sum, claims): (&Model, &UpdateOpening, u64),
        context: Fr,
    ) -> Result<Self, ProveError> {
        let grid = Grid::new(profile).map_err(ProveError::Layout)?;
        let next = model.apply_mean(profile, &sum.update, claims);
        Ok(Self {
            profile_id: B256::new(profile.id()),
            model: model_commitment(srs, &grid, model)?,
            sum: sum.commit(srs, &grid)?,
            next: model_commitment(srs, &grid, &next)?,
            claims,
            context,
        })
    }
}

/// The round's model and what opens the sum of its updates.
#[derive(Clone, Copy, Debug)]
pub struct RoundWitness<'a> {
    /// The model.
    pub model: &'a Model,
    /// The sum with its random rows, see [`UpdateOpening::sum`].
    pub sum: &'a UpdateOpening,
}

impl Statement for RoundStatement {
    type Circuit = RoundCircuit;
    type Witness<'w> = RoundWitness<'w>;
    type Made = RoundProof;
    type Points = RoundPoints;

    fn profile_id(&self) -> B256 {
        self.profile_id
    }

    fn instances(&self) -> Vec<Fr> {
        vec![self.context, Fr::from(self.claims)]
    }

    fn prove_with(
        &self,
        witness: RoundWitness<'_>,
        context: &ProvingContext<'_, RoundCircuit>,
    ) -> Result<RoundProof, ProveError> {
        let request =
            RoundRequest { model: witness.model, sum: witness.sum, claims: self.claims, context: self.context };
        let made = prove_round(context, &request, &mut |_| {})?;
        match made.points.model == self.model && made.points.sum == self.sum && made.points.next == self.next {
            true => Ok(made),
            false => Err(ProveError::Model),
        }
    }

    fn verify_with(&self, proof: &Proof, context: &VerifyingContext<'_>) -> Result<RoundPoints, VerifyError> {
        if proof.link.is_some() {
            let (expected, found) = ("none, a round's proof is linked to no shard".to_owned(), "one".to_owned());
            return Err(VerifyError::Other { what: "link", expected, found });
        }
        // The circuit divides by the number: by none it would let every next model through whose weights lie at their ends.
        let most = context.key.max_claims();
        if !(1..=most).contains(&self.claims) {
            return Err(VerifyError::Claims { most, found: self.claims });
        }
        let points = verify_round_alone(context.key, context.srs, &proof.bytes, &self.instances())?;
        let sides = [
            ("model", &points.model, &self.model),
            ("sum", &points.sum, &self.sum),
            ("next model", &points.next, &self.next),
        ];
        for (which, found, expected) in sides {
            if found != expected {
                return Err(VerifyError::RoundPoints { which });
            }
        }
        Ok(points)
    }
}

impl TrainingProof {
    /// What is published: the bytes and the link.
    pub fn public(&self) -> Proof {
        Proof { bytes: self.proof.clone(), link: Some(self.link) }
    }
}

impl DatasetProof {
    /// What is published: the bytes and the link.
    pub fn public(&self) -> Proof {
        Proof { bytes: self.proof.clone(), link: Some(self.link) }
    }
}

impl RoundProof {
    /// What is published: the bytes.
    pub fn public(&self) -> Proof {
        Proof { bytes: self.proof.clone(), link: None }
    }
}

#[cfg(test)]
mod tests;
