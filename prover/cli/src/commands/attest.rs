//! `zkpoc dataset attest`: the reference attestor.

use std::path::PathBuf;

use alloy::primitives::Address;
use clap::Args;
use serde_json::json;

use crate::args::ChainArgs;
use crate::error::Error;
use crate::session::load;
use crate::{Answer, Session};
use zkpoc_client::attest::{Attestor, Audience};
use zkpoc_client::chain::signer;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;

/// Arguments of `dataset attest`.
///
/// The attestor reads the dataset with its records and its seed from the contributor's home: the two share a machine, or the
/// contributor has handed the dataset over with `dataset export`.
#[derive(Debug, Args)]
pub struct AttestArgs {
    /// Name of the dataset in the home.
    name: String,
    /// The profile, if it is one of your own: its TOML file.
    #[arg(long)]
    profile: Option<String>,
    /// Folder of the attestor: its secret, and what it has attested.
    #[arg(long, value_name = "DIR")]
    attestor: PathBuf,
    /// Who may claim with the dataset.
    #[arg(long, value_name = "ADDRESS")]
    owner: Address,
    /// The attestor's name of where the data come from; one source has one live dataset.
    #[arg(long, value_name = "NAME")]
    source: String,
    /// Where to write the attestation.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Chain id, with --registry; else the node and the deployment file are asked.
    #[arg(long, requires = "registry")]
    chain_id: Option<u64>,
    /// Address of the registry, with --chain-id.
    #[arg(long, value_name = "ADDRESS", requires = "chain_id")]
    registry: Option<Address>,
    /// Reference string [default: the one in the home].
    #[arg(long, value_name = "FILE")]
    srs: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

impl AttestArgs {
    /// Runs the command.
    pub fn run(&self, session: &Session) -> Result<Answer, Error> {
        let mut phases = session.phases();
        phases.start("reading the dataset");
        let (profile, dataset) = load(session, &self.name, self.profile.as_deref())?;
        let srs = session.srs(self.srs.as_deref(), profile.k)?;
        let signer = signer::require(self.chain.keystore.as_deref())?;
        let (chain_id, registry) = match (self.chain_id, self.registry) {
            (Some(chain_id), Some(registry)) => (chain_id, registry),
            _ => {
                let client = self.chain.viewer()?;
                let pool = self.chain.pool(&client, &profile)?;
                (client.chain_id(), pool.address(zkpoc_contracts::deploy::REGISTRY)?)
            }
        };
        srs.check_chain(chain_id)?;
        phases.start("recomputing commitments and looking for records seen before");
        let audience = Audience { chain_id, registry, owner: self.owner };
        let attestor = Attestor::open(&self.attestor)?;
        let signed = attestor.attest(&srs, &profile, &dataset, &self.source, &audience, &signer)?;
        fsio::write(&self.out, &signed.to_json(), Overwrite::Replace)?;
        let a = &signed.attestation;
        let text = format!(
            "attested: {} records in {} shards, root {}\nsubject {}, epoch {}, signed by {}\n{}",
            a.recordCount,
            a.shardCount,
            a.datasetRoot,
            a.subject,
            a.epoch,
            signed.attestor,
            self.out.display()
        );
        let json = json!({
            "file": self.out, "root": a.datasetRoot, "subject": a.subject, "epoch": a.epoch,
            "attestor": signed.attestor, "records": a.recordCount, "shards": a.shardCount,
        });
        Ok(Answer::new(text, json))
    }
}
