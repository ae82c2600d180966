//! `zkpoc contracts`: generate a profile's contracts, deploy them, compare deployed ones.

use std::path::PathBuf;

use alloy::primitives::aliases::{U40, U96};
use alloy::primitives::{Address, B256, U256};
use clap::{Args, Subcommand};
use serde_json::json;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::compile::Artifacts;
use zkpoc_contracts::deploy::PoolConfig;

use crate::args::ChainArgs;
use crate::error::Error;
use crate::{Answer, Session};
use zkpoc_client::chain::deploy::{compare, deploy, Blueprint};
use zkpoc_client::chain::deployment::SrsName;
use zkpoc_client::chain::pool::{default_bounds, from_whole_tokens};
use zkpoc_client::chain::{ChainError, Deployment};
use zkpoc_client::contracts_gen::{generate_sources, Generated, ProfileKeys};
use zkpoc_prover::srs::Srs;

/// What to do with contracts.
#[derive(Debug, Subcommand)]
pub enum ContractsCommand {
    /// Write a profile's contracts: sources, ABIs, bytecode, compiler inputs.
    Generate(GenerateArgs),
    /// Deploy a pool and write the deployment file.
    Deploy(DeployArgs),
    /// Compare a deployed pool with the contracts that are generated here.
    Verify(VerifyArgs),
}

/// A profile and its SRS.
#[derive(Debug, Args)]
pub struct Subject {
    /// The profile.
    profile: String,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
}

/// Arguments of `contracts generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    #[command(flatten)]
    subject: Subject,
    /// Folder to write to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Arguments of `contracts deploy`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    #[command(flatten)]
    subject: Subject,
    /// An account whose attestations count; may be given several times.
    #[arg(long = "attestor", value_name = "ADDRESS", required = true)]
    attestors: Vec<Address>,
    /// Reward of a claim, in whole tokens.
    #[arg(long, value_name = "TOKENS", default_value = "10", value_parser = tokens)]
    reward: U256,
    /// What a round can pay, in whole tokens.
    #[arg(long, value_name = "TOKENS", default_value = "1000", value_parser = tokens)]
    round_budget: U256,
    /// Blocks in which a round takes claims.
    #[arg(long, value_name = "BLOCKS", default_value_t = 50)]
    claim_blocks: u32,
    /// Blocks after that in which a round must find a first finalization, or is void.
    #[arg(long, value_name = "BLOCKS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    finalize_blocks: u32,
    /// Blocks in which a finalization with more claims takes the place of one.
    #[arg(long, value_name = "BLOCKS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    window_blocks: u32,
    /// Blocks from a round's opening to its beacon.
    #[arg(long, value_name = "BLOCKS", default_value_t = 10)]
    beacon_delay: u32,
    /// Blocks after the claims in which members of a group post their shares' commitments; with --reveal-blocks fewer than
    /// --finalize-blocks.
    #[arg(long, value_name = "BLOCKS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    share_blocks: u32,
    /// Blocks after that in which they publish shares and reveal the seeds of members that posted nothing.
    #[arg(long, value_name = "BLOCKS", default_value_t = 80, value_parser = clap::value_parser!(u32).range(1..))]
    reveal_blocks: u32,
    /// Blocks after that in which faults cost the bond.
    #[arg(long, value_name = "BLOCKS", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
    dispute_blocks: u32,
    /// What a member of a group pays when it posts, and gets back unless it spoils the group: in ether, or what the chain's own
    /// currency is.
    #[arg(long, value_name = "ETHER", default_value = "0.05", value_parser = tokens)]
    bond: U256,
    /// log2 of the widest bound on the squared norm that is paid for [default: the profile's largest].
    #[arg(long, value_name = "LOG2")]
    max_norm_log2: Option<u8>,
    /// log2 of the widest bound on the loss that is paid for [default: the profile's largest].
    #[arg(long, value_name = "LOG2")]
    max_loss_log2: Option<u8>,
    /// Forget a pool of the same profile on the same chain.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Arguments of `contracts verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    subject: Subject,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(super) fn tokens(text: &str) -> Result<U256, String> {
    from_whole_tokens(text).ok_or_else(|| "expected a decimal number of tokens with at most 18 decimals".into())
}

impl Subject {
    fn load(&self, session: &Session) -> Result<(Profile, Srs), Error> {
        let profile = session.profile(&self.profile)?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        Ok((profile, srs))
    }
}

pub(super) fn build(session: &Session, profile: &Profile, srs: &Srs) -> Result<(Generated, Artifacts), Error> {
    let mut phases = session.phases();
    phases.start("verifying keys");
    let keys = ProfileKeys::load(&session.keys()?, profile, srs)?;
    phases.start("generating and compiling");
    let generated = generate_sources(profile, srs, &keys)?;
    let artifacts = generated.compile()?;
    Ok((generated, artifacts))
}

fn srs_name(srs: &Srs) -> SrsName {
    SrsName { k: srs.k(), digest: srs.digest(), origin: srs.origin() }
}

impl ContractsCommand {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        match self {
            Self::Generate(args) => args.run(session),
            Self::Deploy(args) => args.run(session),
            Self::Verify(args) => args.run(session),
        }
    }
}

impl GenerateArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, srs) = self.subject.load(session)?;
        let (generated, artifacts) = build(session, &profile, &srs)?;
        let files = generated.write(&artifacts, &self.out)?;
        let mut sizes: Vec<(String, usize)> =
            artifacts.contracts.iter().map(|(name, artifact)| (name.clone(), artifact.deployed.len())).collect();
        sizes.extend(generated.verifiers().iter().map(|v| (v.key(), v.generated.key_bytes.len())));
        let lines: Vec<String> = sizes.iter().map(|(name, bytes)| format!("  {name:<24}{bytes:>6} bytes")).collect();
        let text = format!("{} files in {}\n{}", files.len(), self.out.display(), lines.join("\n"));
        let sizes: serde_json::Map<String, serde_json::Value> =
            sizes.into_iter().map(|(name, bytes)| (name, bytes.into())).collect();
        Ok(Answer::new(text, json!({ "folder": self.out, "files": files, "bytes": sizes })))
    }
}

impl DeployArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, srs) = self.subject.load(session)?;
        let client = self.chain.sender()?;
        srs.check_chain(client.chain_id())?;
        let folder = &self.chain.deployments;
        let mut deployment = Deployment::load(folder, client.chain_id())?;
        if deployment.pools.contains_key(&profile.name) && !self.replace {
            let file = Deployment::path(folder, client.chain_id());
            return Err(ChainError::PoolExists { file, chain_id: client.chain_id(), profile: profile.name }.into());
        }
        if self.claim_blocks < self.beacon_delay.saturating_add(2) || self.beacon_delay == 0 {
            return Err(Error::Usage(format!(
                "a round that takes claims for {} blocks cannot wait {} blocks for its beacon; expected 0 < --beacon-delay and at least two blocks more of --claim-blocks",
                self.claim_blocks, self.beacon_delay
            )));
        }
        let round_budget = U96::checked_from_limbs_slice(self.round_budget.as_limbs())
            .ok_or_else(|| Error::Usage("--round-budget is more than a round can hold".into()))?;
        let (generated, artifacts) = build(session, &profile, &srs)?;
        let (norm, loss) = default_bounds(&profile);
        let config = PoolConfig {
            admin: client.sender()?,
            srs_digest: srs.digest(),
            reward: self.reward,
            max_norm_log2: self.max_norm_log2.unwrap_or(norm),
            max_loss_log2: self.max_loss_log2.unwrap_or(loss),
            round_budget,
            claim_blocks: U40::from(self.claim_blocks),
            finalize_blocks: U40::from(self.finalize_blocks),
            window_blocks: U40::from(self.window_blocks),
            beacon_delay: U40::from(self.beacon_delay),
            share_blocks: U40::from(self.share_blocks),
            reveal_blocks: U40::from(self.reveal_blocks),
            dispute_blocks: U40::from(self.dispute_blocks),
            bond: self.bond,
        };
        let blueprint = Blueprint {
            profile_id: B256::new(profile.id()),
            srs: srs_name(&srs),
            verifiers: generated.verifiers(),
            artifacts: &artifacts,
            config: &config,
            attestors: &self.attestors,
        };
        let mut phases = session.phases();
        let pool = deploy(&client, &blueprint, |step| phases.start(step))?;
        drop(phases);
        let lines: Vec<String> = pool
            .contracts
            .iter()
            .map(|(name, c)| format!("  {name:<24}{} {:>6} bytes {:>9} gas", c.address, c.code_bytes, c.gas_used))
            .collect();
        let json = json!({ "chain_id": client.chain_id(), "pool": &pool });
        deployment.pools.insert(profile.name.clone(), pool);
        let file = deployment.save(folder)?;
        Ok(Answer::new(
            format!(
                "pool of {} on chain {}: {}\n{}",
                profile.name,
                client.chain_id(),
                file.display(),
                lines.join("\n")
            ),
            json,
        ))
    }
}

impl VerifyArgs {
    fn run(&self, session: &Session) -> Result<Answer, Error> {
        let (profile, srs) = self.subject.load(session)?;
        let client = self.chain.viewer()?;
        let pool = self.chain.pool(&client, &profile)?;
        let (generated, artifacts) = build(session, &profile, &srs)?;
        // Nothing is constructed here, so these arguments are not looked at.
        let config = PoolConfig {
            admin: Address::ZERO,
            srs_digest: srs.digest(),
            reward: U256::ZERO,
            max_norm_log2: 0,
            max_loss_log2: 0,
            round_budget: U96::ZERO,
            claim_blocks: U40::ZERO,
            finalize_blocks: U40::ZERO,
            window_blocks: U40::ZERO,
            beacon_delay: U40::ZERO,
            share_blocks: U40::ZERO,
            reveal_blocks: U40::ZERO,
            dispute_blocks: U40::ZERO,
            bond: U256::ZERO,
        };
        let blueprint = Blueprint {
            profile_id: B256::new(profile.id()),
            srs: srs_name(&srs),
            verifiers: generated.verifiers(),
            artifacts: &artifacts,
            config: &config,
            attestors: &[],
        };
        let mut phases = session.phases();
        phases.start("comparing with the chain");
        let findings = compare(&client, &pool, &blueprint)?;
        drop(phases);
        let bad: Vec<_> = findings.iter().filter(|finding| !finding.good).collect();
        if let Some(first) = bad.first() {
            let all: Vec<String> = bad.iter().map(|f| format!("{}: {}", f.what, f.found)).collect();
            let (what, found) = (first.what.clone(), all.join("; "));
            return Err(Error::Deployed { what, differences: bad.len(), found });
        }
        let text = format!(
            "the pool of {} on chain {} is as generated here: {} checks",
            profile.name,
            client.chain_id(),
            findings.len()
        );
        Ok(Answer::new(text, json!({ "chain_id": client.chain_id(), "checks": findings })))
    }
}
