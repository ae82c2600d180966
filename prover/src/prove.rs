//! Proofs: of a training step on a registered shard, of a shard's validity, and of a round.
//!
//! # Committed columns
//! The first columns of a proof are chosen to their last row ([`crate::blinding`]):
//!
//! | column | blinding rows |
//! |---|---|
//! | model | all 1, so anyone recomputes the commitment |
//! | data | 0, then [`LINK_ROWS`](crate::blinding::LINK_ROWS) fresh random cells: a copy of the registered column |
//! | update | all random, kept in the [`UpdateOpening`] |
//! | sum of updates | the sums of their blinding |
//! | others | the operating system's randomness |
//!
//! A registered commitment never occurs in a proof: each proof carries a copy under fresh blinding
//! and a link proof that ties the two.
//!
//! # Soundness
//! Every proof is verified before it is returned, so a wrong key, SRS or script cannot leave the
//! machine. Blinding of a copy is drawn here, used in one proof and wiped.
//!
//! # Errors
//! [`ProveError`].

use std::time::{Duration, Instant};

use alloy_primitives::B256;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::transcript::TranscriptWriterBuffer;
use rand_core::OsRng;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::reference::{run, Model, ReferenceError, RunTrace, Shard, Update};
use zkpoc_circuits::round::RoundError;
use zkpoc_circuits::training::{Phase1, Plan, TrainingCircuit, WitnessError};
use zkpoc_engine::transcript::KeccakWrite;

use crate::blinding::{random_blinding, Blinding, ScriptError, Tail};
use crate::commit::CommitError;
use crate::keys::ProverKey;
use crate::link::{difference, link_bases, prove_link, LinkBases, LinkError, LinkProof};
use crate::srs::Srs;
use crate::verify::{verify_alone, ProofPoints, VerifyError};
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_engine::wipe;
use zkpoc_engine::{self, EngineError, MemoryError, Stages, Statement, Strategy};

mod columns;
mod round;

use columns::commit_integers;
pub use columns::{commit_shard, model_commitment};
pub use round::{prove_round, RoundProof, RoundRequest};
use zkpoc_circuits::ErrorKind;

/// A proof that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The model or the shard does not fit the profile.
    #[error(transparent)]
    Statement(#[from] ReferenceError),
    /// A bucket does not hold.
    #[error(transparent)]
    Witness(#[from] WitnessError),
    /// The round has no proof.
    #[error(transparent)]
    Round(#[from] RoundError),
    /// The proof was made but is about another next model than the native one.
    #[error("the proof's next model is not the native one's; the kept keys may be damaged")]
    NextModel,
    /// The profile has no layout.
    #[error(transparent)]
    Layout(LayoutError),
    /// The statement is about another profile than the key.
    #[error("the statement is about the profile with id {found}, the key is for {expected}")]
    Profile {
        /// Id of the key's profile.
        expected: B256,
        /// Id of the statement's.
        found: B256,
    },
    /// The witness is of another model, or of another sum, than the statement.
    #[error("the model or the sum of the witness is not that of the statement: its commitment differs")]
    Model,
    /// The shard under its blinding is not what was registered.
    #[error("the shard and its blinding do not give the registered commitment; the dataset's files are not those that were committed")]
    NotRegistered,
    /// The SRS is of another size than the key.
    #[error("the key is for k = {expected}, the SRS has k = {found}")]
    Size {
        /// k of the key.
        expected: u32,
        /// k of the SRS.
        found: u32,
    },
    /// A column cannot be committed to.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The committed columns have no such blinding rows.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// The link cannot be proven.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// There is too little memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The engine gave up.
    #[error("the {circuit} proof cannot be made: {source}")]
    Engine {
        /// Which circuit.
        circuit: &'static str,
        /// Why.
        source: EngineError,
    },
    /// The proof was made but does not verify.
    #[error("the finished proof does not verify ({source}); the kept keys may be damaged")]
    SelfCheck {
        /// Why not.
        source: VerifyError,
    },
}

impl ProveError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Statement(error) => error.kind(),
            Self::Witness(error) => error.kind(),
            Self::Round(error) => error.kind(),
            Self::Layout(error) => error.kind(),
            Self::Commit(error) => error.kind(),
            Self::Script(error) => error.kind(),
            Self::Link(error) => error.kind(),
            Self::Memory(error) => error.kind(),
            Self::Profile { .. } | Self::Model | Self::NotRegistered | Self::Size { .. } => ErrorKind::Input,
            Self::NextModel | Self::SelfCheck { .. } | Self::Engine { .. } => ErrorKind::Environment,
        }
    }
}

/// What is being done; for a progress display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The training step in plain integers.
    Step,
    /// The columns of the first phase.
    Witness,
    /// The proof.
    Prove,
    /// The link to the registered commitment.
    Link,
    /// Verification of the finished proof.
    Check,
}

impl Phase {
    /// A word or two for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Step => "training step",
            Self::Witness => "witness",
            Self::Prove => "proof",
            Self::Link => "link",
            Self::Check => "check",
        }
    }
}

/// Told at the start of every [`Phase`].
pub type Progress<'a> = &'a mut dyn FnMut(Phase);

/// A key with the SRS it was made for and the bases of links.
#[derive(Debug)]
pub struct ProvingContext<'a, C> {
    srs: &'a Srs,
    key: &'a ProverKey<C>,
    bases: LinkBases,
    strategy: Strategy,
}

impl<'a, C: ProfileCircuit> ProvingContext<'a, C> {
    /// The key.
    pub fn key(&self) -> &'a ProverKey<C> {
        self.key
    }

    /// The reference string.
    pub fn srs(&self) -> &'a Srs {
        self.srs
    }

    /// Refuses an SRS of another size.
    pub fn new(srs: &'a Srs, key: &'a ProverKey<C>) -> Result<Self, ProveError> {
        let expected = key.profile().k;
        if srs.k() != expected {
            return Err(ProveError::Size { expected, found: srs.k() });
        }
        Ok(Self { srs, key, bases: link_bases(srs)?, strategy: Strategy::default() })
    }

    /// Keeps the memory of a proof within a limit of so many bytes, by an estimate; `None` for no limit.
    pub fn within(self, limit: Option<u64>) -> Result<Self, ProveError> {
        let strategy = Strategy::within(self.key.engine().shape(), limit)?;
        Ok(Self { strategy, ..self })
    }

    /// The bases of links.
    pub fn bases(&self) -> &LinkBases {
        &self.bases
    }
}

/// A shard's registered commitment and the blinding behind it.
#[derive(Clone, Copy)]
pub struct Registered {
    /// The commitment.
    pub commitment: G1Affine,
    /// Its random rows; a secret.
    pub blinding: Blinding,
}

impl std::fmt::Debug for Registered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Registered({:?}, ..)", self.commitment)
    }
}

/// The bounds a training proof shows, as exponents of 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// The squared norm of the update is below `2^norm_log2`.
    pub norm_log2: u32,
    /// The loss is below `2^loss_log2`.
    pub loss_log2: u32,
}

impl Buckets {
    /// Exponents that [`Buckets::covering`] yields are multiples of this: bounds are a factor 16
    /// apart, since exact values of a few records under a known model would tell about them.
    pub const STEP: u32 = 4;

    /// The smallest coarse buckets that a step fits.
    pub fn covering(plan: &Plan, trace: &RunTrace) -> Self {
        let (norm_most, loss_most) = plan.bucket_bits();
        let coarse =
            |value: u128, most: u32| (128 - value.leading_zeros()).next_multiple_of(Self::STEP).min(most.min(126));
        Self { norm_log2: coarse(trace.norm, norm_most), loss_log2: coarse(trace.loss, loss_most) }
    }
}

/// What a training proof is made for.
#[derive(Debug)]
pub struct TrainingRequest<'a> {
    /// The model.
    pub model: &'a Model,
    /// The shard.
    pub shard: &'a Shard,
    /// What is registered for the shard.
    pub registered: &'a Registered,
    /// The bounds; `None` for [`Buckets::covering`].
    pub buckets: Option<Buckets>,
    /// The first public input: where the proof is valid.
    pub context: Fr,
}

/// Times of the stages of a proof.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timings {
    /// Step and first-phase columns.
    pub witness: Duration,
    /// From the witness to the bytes of the proof.
    pub prove: Duration,
    /// The stages of [`Self::prove`].
    pub stages: Stages,
    /// The link proof.
    pub link: Duration,
    /// Verification of the proof.
    pub verify: Duration,
}

/// An update and the random rows of its columns: what opens its commitments. A secret until the
/// round is final.
#[derive(Clone, PartialEq, Eq)]
pub struct UpdateOpening {
    /// The update.
    pub update: Update,
    /// For each column, its last rows; the rows of the tail before them are 0.
    pub tails: Vec<Vec<Fr>>,
}

impl std::fmt::Debug for UpdateOpening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("UpdateOpening(..)")
    }
}

impl UpdateOpening {
    /// The commitments, as the proof carries them.
    pub fn commit(&self, srs: &Srs, grid: &Grid) -> Result<Vec<G1Affine>, CommitError> {
        let columns = grid.update_columns(&self.update);
        columns.iter().zip(&self.tails).map(|(column, tail)| commit_integers(srs, column, tail)).collect()
    }
}

/// A training proof and what belongs to it.
#[derive(Clone, Debug)]
pub struct TrainingProof {
    /// The proof.
    pub proof: Vec<u8>,
    /// Its public inputs.
    pub instances: Vec<Fr>,
    /// Its committed points.
    pub points: ProofPoints,
    /// The link between the registered commitment and the data point.
    pub link: LinkProof,
    /// The bounds it shows.
    pub buckets: Buckets,
    /// The loss of the step, exactly; not public.
    pub loss: u128,
    /// What opens the update's points.
    pub opening: UpdateOpening,
    /// Times.
    pub timings: Timings,
}

/// A validity proof and what belongs to it.
#[derive(Clone, Debug)]
pub struct DatasetProof {
    /// The proof.
    pub proof: Vec<u8>,
    /// Its public inputs.
    pub instances: Vec<Fr>,
    /// Its committed points.
    pub points: ProofPoints,
    /// The link between the registered commitment and the data point.
    pub link: LinkProof,
    /// Times.
    pub timings: Timings,
}

/// Proves one training step, which is computed here; [`crate::statement`] is the way in for applications.
#[doc(hidden)]
pub fn prove_training(
    context: &ProvingContext<'_, TrainingCircuit>,
    request: &TrainingRequest<'_>,
    progress: Progress<'_>,
) -> Result<TrainingProof, ProveError> {
    prove_step(context, request, None, progress)
}

/// Proves a training step that was computed before: `trace` is [`step`] of the request's model and shard. A trace of another
/// step has no proof: what is made does not pass its own check, [`ProveError::SelfCheck`].
#[doc(hidden)]
pub fn prove_training_traced(
    context: &ProvingContext<'_, TrainingCircuit>,
    request: &TrainingRequest<'_>,
    trace: RunTrace,
    progress: Progress<'_>,
) -> Result<TrainingProof, ProveError> {
    prove_step(context, request, Some(trace), progress)
}

fn prove_step(
    context: &ProvingContext<'_, TrainingCircuit>,
    request: &TrainingRequest<'_>,
    trace: Option<RunTrace>,
    progress: Progress<'_>,
) -> Result<TrainingProof, ProveError> {
    let _span = tracing::info_span!("prove", circuit = "training").entered();
    let (key, profile) = (context.key, context.key.profile());
    let start = Instant::now();
    progress(Phase::Step);
    request.shard.check_full(profile)?;
    check_registered(context.srs, &key.circuit().plan().grid, request.shard, request.registered)?;
    let trace = match trace {
        Some(trace) => trace,
        None => run(profile, request.model, request.shard)?,
    };
    progress(Phase::Witness);
    let plan = key.circuit().plan();
    let buckets = request.buckets.unwrap_or_else(|| Buckets::covering(plan, &trace));
    let Buckets { norm_log2, loss_log2 } = buckets;
    let witness = Phase1::new(plan, request.model, request.shard, &trace, norm_log2, loss_log2)?;
    let instances = vec![request.context, witness.norm_bound, witness.loss_bound];

    let rows = key.blinding_rows();
    let mut copy = random_blinding();
    let tails: Vec<Vec<Fr>> = (0..plan.grid.columns).map(|_| (0..rows).map(|_| Fr::random(OsRng)).collect()).collect();
    let mut scripts = vec![Tail::Public.cells(rows)?; plan.grid.columns];
    scripts.push(Tail::Hiding(copy).cells(rows)?);
    scripts.extend(tails.iter().cloned());
    let circuit = key.circuit().with_witness(witness);
    let mut timings = Timings { witness: start.elapsed(), ..Timings::default() };

    let proof = create(context, circuit, &instances, scripts, &mut timings, progress)?;
    let made = finish(context, &proof, &instances, request.registered, &copy, &mut timings, progress);
    wipe(&mut copy);
    let (points, link) = made?;
    let (loss, opening) = (trace.loss, UpdateOpening { update: trace.update, tails });
    Ok(TrainingProof { proof, instances, points, link, buckets, loss, opening, timings })
}

/// Proves that a shard is well-formed; [`crate::statement`] is the way in for applications.
#[doc(hidden)]
pub fn prove_dataset(
    context: &ProvingContext<'_, DatasetCircuit>,
    shard: &Shard,
    registered: &Registered,
    first_input: Fr,
    progress: Progress<'_>,
) -> Result<DatasetProof, ProveError> {
    let _span = tracing::info_span!("prove", circuit = "dataset").entered();
    let key = context.key;
    let start = Instant::now();
    progress(Phase::Witness);
    shard.check(key.profile())?;
    shard.check_full(key.profile())?;
    let plan = key.circuit().plan();
    check_registered(context.srs, &plan.grid, shard, registered)?;
    let circuit = key.circuit().with_witness(DatasetWitness::new(plan, shard));
    let instances = vec![first_input];
    let mut copy = random_blinding();
    let tails = vec![Tail::Hiding(copy).cells(key.blinding_rows())?];
    let mut timings = Timings { witness: start.elapsed(), ..Timings::default() };

    let proof = create(context, circuit, &instances, tails, &mut timings, progress)?;
    let made = finish(context, &proof, &instances, registered, &copy, &mut timings, progress);
    wipe(&mut copy);
    let (points, link) = made?;
    Ok(DatasetProof { proof, instances, points, link, timings })
}

fn create<C: ProfileCircuit>(
    context: &ProvingContext<'_, C>,
    circuit: C,
    instances: &[Fr],
    mut tails: Vec<Vec<Fr>>,
    timings: &mut Timings,
    progress: Progress<'_>,
) -> Result<Vec<u8>, ProveError> {
    progress(Phase::Prove);
    let start = Instant::now();
    let made = prove_columns(context, circuit, instances, &tails);
    tails.iter_mut().for_each(|tail| wipe(tail));
    let (proof, stages) = made?;
    timings.prove = start.elapsed();
    timings.stages = stages;
    let stages: Vec<String> = stages.list().iter().map(|(name, time)| format!("{name} {}", time.as_millis())).collect();
    let (milliseconds, stages) = (timings.prove.as_millis() as u64, stages.join(", "));
    tracing::info!(milliseconds, stages, bytes = proof.len(), "proof made");
    Ok(proof)
}

/// The bytes of a proof for a circuit with a witness, true or not; **the proof is not checked**. `tails`
/// are the blinding rows of the first columns, those of the others are random.
#[doc(hidden)]
pub fn prove_columns<C: ProfileCircuit>(
    context: &ProvingContext<'_, C>,
    circuit: C,
    instances: &[Fr],
    tails: &[Vec<Fr>],
) -> Result<(Vec<u8>, Stages), ProveError> {
    let (key, statement) = (context.key, Statement { instances, tails });
    let mut transcript = KeccakWrite::init(Vec::with_capacity(key.verifier().proof_bytes()));
    let stages = zkpoc_engine::prove(
        key.engine(),
        context.srs,
        key.verifier().vk(),
        circuit,
        statement,
        context.strategy,
        &mut transcript,
    )
    .map_err(|source| ProveError::Engine { circuit: C::KIND.name(), source })?;
    Ok((transcript.finalize(), stages))
}

/// Verifies a finished proof and links its data point.
fn finish<C: ProfileCircuit>(
    context: &ProvingContext<'_, C>,
    proof: &[u8],
    instances: &[Fr],
    registered: &Registered,
    copy: &Blinding,
    timings: &mut Timings,
    progress: Progress<'_>,
) -> Result<(ProofPoints, LinkProof), ProveError> {
    progress(Phase::Check);
    let start = Instant::now();
    let points = verify_alone(context.key.verifier(), context.srs, proof, instances)
        .map_err(|source| ProveError::SelfCheck { source })?;
    timings.verify = start.elapsed();
    progress(Phase::Link);
    let start = Instant::now();
    let mut delta = difference(&registered.blinding, copy);
    let first_input = instances[zkpoc_circuits::instance::CONTEXT];
    let link = prove_link(&context.bases, &delta, &first_input, &registered.commitment, &points.data);
    wipe(&mut delta);
    timings.link = start.elapsed();
    Ok((points, link?))
}

/// Says early, and in the owner's words, what the link proof would refuse at the end.
fn check_registered(srs: &Srs, grid: &Grid, shard: &Shard, registered: &Registered) -> Result<(), ProveError> {
    match commit_shard(srs, grid, shard, &registered.blinding)? == registered.commitment {
        true => Ok(()),
        false => Err(ProveError::NotRegistered),
    }
}

#[cfg(test)]
mod engine_tests;
