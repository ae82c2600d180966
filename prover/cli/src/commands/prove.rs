//! `zkpoc prove`: a proof file for a shard of a committed dataset.
//!
//! The proof is bound to a place on chain by its context, so the fields of that are arguments. Who
//! takes part in a round uses `zkpoc round claim`, which asks the chain for them.
//!
//! A training proof is kept in the home, with the opening of its update, before it is written to its file. A second run of
//! the same statement writes the kept proof: a run that ended between the two has lost nothing.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256, U256};
use clap::{Args, Subcommand};
use halo2_proofs::halo2curves::bn256::Fr;
use serde_json::{json, Value};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_contracts::bindings::digests::TrainingContext;

use crate::bench::floor::{measure, Columns, FLOOR_RUNS};
use crate::error::Error;
use crate::metrics::msm16;
use crate::session::{bytes32, grid, model};
use crate::session::{check_index, check_srs, load};
use crate::{Answer, Session};
use zkpoc_client::contribute::{check_kept, is_kept_for};
use zkpoc_client::formats::bundle::{Context, Link, ProofBundle};
use zkpoc_client::home::{ClaimRecord, Dataset};
use zkpoc_engine::encoding::scalar_from_hash;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};
use zkpoc_prover::link::LINK_PROOF_BYTES;
use zkpoc_prover::measure::{milliseconds, peak_rss_bytes, reset_peak_rss};
use zkpoc_prover::prove::{
    prove_dataset, prove_training, Buckets, ProvingContext, Registered, Timings, TrainingRequest,
};
use zkpoc_prover::srs::Srs;
use zkpoc_prover::verify::VerifyError;

/// What to prove.
#[derive(Debug, Subcommand)]
pub enum ProveCommand {
    /// That an update is the gradient of a model on a shard.
    Training(TrainingArgs),
    /// That a shard is well-formed.
    Dataset(ValidityArgs),
}

/// The shard, and where the proof goes.
#[derive(Debug, Args)]
pub struct Shared {
    /// The dataset in this home.
    #[arg(long, value_name = "NAME")]
    dataset: String,
    /// Index of the shard.
    #[arg(long, value_name = "INDEX")]
    shard: u64,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    /// The chain the proof is for.
    #[arg(long, value_name = "ID")]
    chain_id: u64,
    /// Where to write the proof, as JSON.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the bare proof as well, as bytes.
    #[arg(long, value_name = "FILE")]
    raw: Option<PathBuf>,
    /// Replace existing files.
    #[arg(long)]
    replace: bool,
    /// Time one multi-exponentiation of 2^16 as well, and for training the floor of the step, to compare by.
    #[arg(long)]
    measure: bool,
}

/// Arguments of `prove training`.
#[derive(Debug, Args)]
pub struct TrainingArgs {
    #[command(flatten)]
    shared: Shared,
    /// The model, as safetensors.
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// Address of the rounds contract.
    #[arg(long, value_name = "ADDRESS")]
    rounds: Address,
    /// Number of the round.
    #[arg(long, value_name = "N")]
    round: U256,
    /// Address of the claimant.
    #[arg(long, value_name = "ADDRESS")]
    claimant: Address,
    /// Subject of the dataset's attestation.
    #[arg(long, value_name = "HEX", value_parser = bytes32)]
    subject: [u8; 32],
    /// log2 of the bound on the squared norm [default: a coarse one that holds].
    #[arg(long, value_name = "BITS", requires = "loss_log2")]
    norm_log2: Option<u32>,
    /// log2 of the bound on the loss [default: a coarse one that holds].
    #[arg(long, value_name = "BITS", requires = "norm_log2")]
    loss_log2: Option<u32>,
    /// What to call the opening of the update in this home [default: from the context].
    #[arg(long, value_name = "ID")]
    id: Option<String>,
}

/// Arguments of `prove dataset`.
#[derive(Debug, Args)]
pub struct ValidityArgs {
    #[command(flatten)]
    shared: Shared,
    /// Address of the registry.
    #[arg(long, value_name = "ADDRESS")]
    registry: Address,
    /// Owner of the dataset.
    #[arg(long, value_name = "ADDRESS")]
    owner: Address,
}

impl ProveCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Training(args) => training(session, args),
            Self::Dataset(args) => validity(session, args),
        }
    }
}

impl TrainingArgs {
    /// The bounds that were asked for.
    fn buckets(&self) -> Option<Buckets> {
        self.norm_log2.zip(self.loss_log2).map(|(norm_log2, loss_log2)| Buckets { norm_log2, loss_log2 })
    }
}

/// What both kinds of proof start from.
struct Ready {
    profile: Profile,
    profile_id: B256,
    dataset: Dataset,
    srs: Srs,
    place: usize,
    registered: Registered,
}

impl Shared {
    fn ready(&self, session: &Session) -> Result<Ready, Error> {
        for path in [Some(&self.out), self.raw.as_ref()].into_iter().flatten() {
            if path.exists() && !self.replace {
                return Err(FsError::Exists { path: path.clone() }.into());
            }
        }
        let (profile, dataset) = load(session, &self.dataset, self.profile.as_deref())?;
        let place = check_index(&dataset, self.shard)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        check_srs(&dataset.manifest, &srs)?;
        let commitment = dataset.manifest.commitments[place];
        let registered = Registered { commitment, blinding: dataset.blinding(self.shard) };
        let profile_id = B256::new(profile.id());
        Ok(Ready { profile, profile_id, dataset, srs, place, registered })
    }

    fn write(&self, bundle: &ProofBundle) -> Result<(), Error> {
        let overwrite = if self.replace { Overwrite::Replace } else { Overwrite::Refuse };
        if let Some(raw) = &self.raw {
            fsio::write(raw, &bundle.proof, overwrite)?;
        }
        Ok(fsio::write(&self.out, &bundle.to_json(), overwrite)?)
    }

    fn facts(&self, bundle: &ProofBundle, timings: &Timings, peak: Option<u64>) -> Value {
        let mut json = json!({
            "file": self.out, "circuit": bundle.circuit.name(), "profile": bundle.profile, "k": bundle.k,
            "witness_ms": milliseconds(timings.witness), "prove_ms": milliseconds(timings.prove),
            "link_ms": milliseconds(timings.link), "verify_ms": milliseconds(timings.verify),
            "proof_bytes": bundle.proof.len(), "link_bytes": LINK_PROOF_BYTES, "peak_rss_bytes": peak,
            "threads": rayon::current_num_threads(),
        });
        if self.measure {
            json["msm16_ms"] = milliseconds(msm16()).into();
        }
        json
    }
}

fn first_input(context: &Context, profile_id: B256) -> Fr {
    // The value is reduced already; reading it this way cannot fail.
    scalar_from_hash(&context.value(profile_id).to_be_bytes())
}

fn training(session: &Session, args: &TrainingArgs) -> Result<Answer, Error> {
    let ready = args.shared.ready(session)?;
    let model = model(&ready.profile, &args.model)?;
    let fields = TrainingContext {
        chain_id: args.shared.chain_id,
        rounds: args.rounds,
        round: args.round,
        claimant: args.claimant,
        subject: B256::new(args.subject),
        root: ready.dataset.manifest.root,
        index: args.shared.shard,
        profile_id: ready.profile_id,
        mask_key: B256::ZERO,
    };
    let home = session.home()?;
    let id =
        args.id.clone().unwrap_or_else(|| format!("proof-{}", hex::encode(&fields.value().to_be_bytes::<32>()[..8])));
    let folder = home.claim_dir(&id)?;

    if folder.exists() {
        return kept(session, args, &ready, &fields, &model, &id);
    }

    let mut phases = session.phases();
    phases.start("training key");
    let key = session.prover_key::<TrainingCircuit>(&ready.profile, &ready.srs)?;
    let proving = ProvingContext::new(&ready.srs, &key)?.within(session.global().memory_limit)?;
    let context = Context::Training(fields);
    let request = TrainingRequest {
        model: &model,
        shard: &ready.dataset.shards[ready.place],
        registered: &ready.registered,
        buckets: args.buckets(),
        context: first_input(&context, ready.profile_id),
    };
    reset_peak_rss();
    let made = prove_training(&proving, &request, &mut |phase| phases.start(phase.name()))?;
    let peak = peak_rss_bytes();
    drop(phases);
    let link = Link { registered: ready.registered.commitment, proof: made.link };
    let bundle = ProofBundle::linked(&ready.profile, &ready.srs, context, made.instances, made.proof, link);
    // Kept before the proof is handed out: without its opening an update is lost to the round.
    let lock = home.lock()?;
    let record = ClaimRecord { bundle: bundle.clone(), opening: made.opening, mask: None };
    home.save_claim(&lock, &id, &ready.profile, &record)?;
    args.shared.write(&bundle)?;
    let mut json = args.shared.facts(&bundle, &made.timings, peak);
    if args.shared.measure {
        let shard = &ready.dataset.shards[ready.place];
        let columns = Columns::of(&grid(&ready.profile)?, &model, shard, &record.opening.update);
        json["floor_ms"] = measure(&ready.srs, &columns, FLOOR_RUNS).floor_ms.into();
    }
    json["norm_log2"] = made.buckets.norm_log2.into();
    json["loss_log2"] = made.buckets.loss_log2.into();
    json["opening"] = id.clone().into();
    json["kept"] = false.into();
    let text = format!(
        "{}\nsquared norm < 2^{}, loss < 2^{}\nthe update and its opening are kept in {}",
        words(&args.shared.out, &bundle, &made.timings),
        made.buckets.norm_log2,
        made.buckets.loss_log2,
        folder.display()
    );
    Ok(Answer::new(text, json))
}

/// Writes the proof that an earlier run has kept, if it is that of the same statement.
fn kept(
    session: &Session,
    args: &TrainingArgs,
    ready: &Ready,
    fields: &TrainingContext,
    model: &Model,
    id: &str,
) -> Result<Answer, Error> {
    let home = session.home()?;
    let folder = home.claim_dir(id)?;
    let bundle = home.load_claim(id, &ready.profile)?.bundle;
    let other = || Error::from(FsError::Exists { path: folder.clone() });
    if !is_kept_for(&bundle, fields, &ready.registered.commitment, args.buckets()) {
        return Err(other());
    }
    match check_kept(&session.keys()?, &ready.profile, &ready.srs, &bundle, model)? {
        Err(VerifyError::Model { .. }) => return Err(other()),
        checked => drop(checked.map_err(Error::verify(&folder))?),
    }
    args.shared.write(&bundle)?;
    let mut json = args.shared.facts(&bundle, &Timings::default(), None);
    json["opening"] = id.into();
    json["kept"] = true.into();
    let text =
        format!("wrote {}: the proof that an earlier run kept in {}", args.shared.out.display(), folder.display());
    Ok(Answer::new(text, json))
}

fn validity(session: &Session, args: &ValidityArgs) -> Result<Answer, Error> {
    let ready = args.shared.ready(session)?;
    let context = Context::Validity {
        chain_id: args.shared.chain_id,
        registry: args.registry,
        owner: args.owner,
        root: ready.dataset.manifest.root,
        index: args.shared.shard,
    };
    let mut phases = session.phases();
    phases.start("dataset key");
    let key = session.prover_key::<DatasetCircuit>(&ready.profile, &ready.srs)?;
    let proving = ProvingContext::new(&ready.srs, &key)?.within(session.global().memory_limit)?;
    let shard = &ready.dataset.shards[ready.place];
    let first = first_input(&context, ready.profile_id);
    reset_peak_rss();
    let made = prove_dataset(&proving, shard, &ready.registered, first, &mut |phase| phases.start(phase.name()))?;
    let peak = peak_rss_bytes();
    drop(phases);
    let link = Link { registered: ready.registered.commitment, proof: made.link };
    let bundle = ProofBundle::linked(&ready.profile, &ready.srs, context, made.instances, made.proof, link);
    args.shared.write(&bundle)?;
    let text = words(&args.shared.out, &bundle, &made.timings);
    Ok(Answer::new(text, args.shared.facts(&bundle, &made.timings, peak)))
}

fn words(out: &Path, bundle: &ProofBundle, timings: &Timings) -> String {
    format!(
        "wrote {}: a {} proof of {} bytes, made in {:.2} s (witness {:.2} s), verified in {:.1} ms",
        out.display(),
        bundle.circuit,
        bundle.proof.len(),
        timings.prove.as_secs_f64(),
        timings.witness.as_secs_f64(),
        milliseconds(timings.verify)
    )
}
