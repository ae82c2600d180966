//! The first contributor is paid by Vana's pools: by one that pays on proofs, and by an unmodified one through a keyless attestor.
//!
//! Vana's registry, its template and its token are stand-ins with the same ABI. The contributor's steps are processes of this
//! program, as in the rest of the demo; the operator's are done here.

use alloy::primitives::{B256, U256};
use serde::Serialize;
use serde_json::Value;
use zkpoc_contracts::bindings::vana::{LocalVanaPool, VanaProofPool};
use zkpoc_contracts::bindings::ContributionToken;
use zkpoc_contracts::compile::Artifacts;

use crate::demo::child::Contributor;
use crate::demo::show::Show;
use crate::demo::{model_seed, tokens, DemoError};
use zkpoc_client::chain::pool::default_bounds;
use zkpoc_client::chain::Mode;
use zkpoc_client::contribute::Site;
use zkpoc_client::vana::deploy::{
    fund, keyless_attestor, local_pool, local_registry, local_token, proof_pool, set_model, AdapterTerms, PoolTerms,
};

/// Number of the pools at Vana.
const DLP_ID: u64 = 7;
/// What a score of 1 earns, and what each pool is given, in whole tokens.
const FACTOR: u64 = 20;
const FUNDS: u64 = 1000;
/// What proofs of the pools name as their instruction.
const INSTRUCTION: &str = "zkpoc demo";
/// The shard that both files stand for, one at each pool.
const SHARD: u64 = 0;

/// What it cost and paid.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VanaFigures {
    /// Gas of adding a file to Vana's registry.
    pub add_file: u64,
    /// Gas of proving a file at the pool that pays on proofs, which adds the proof to Vana's registry.
    pub add_proof: u64,
    /// Gas of that pool's `requestReward`.
    pub request_reward: u64,
    /// Gas of proving a file at the keyless attestor, which registers an attestor and adds the proof.
    pub register_attestor: u64,
    /// Gas of the unmodified pool's `requestReward`.
    pub keyless_request_reward: u64,
    /// Gas of deploying the pool that pays on proofs.
    pub deploy_pool: u64,
    /// Gas of deploying the keyless attestor.
    pub deploy_attestor: u64,
    /// Gas of setting an adapter's model.
    pub set_model: u64,
    /// Score of the file, 0 to 1.
    pub score: f64,
    /// Tokens that the pool that pays on proofs paid.
    pub paid: String,
    /// Tokens that the unmodified pool paid.
    pub keyless_paid: String,
    /// Tokens that the contributor holds of these pools, in the token's smallest unit.
    pub balance: String,
    /// Time of the training proof for the first file.
    pub prove_ms: f64,
}

impl VanaFigures {
    /// Whether both pools paid.
    pub fn both_paid(&self) -> bool {
        [&self.paid, &self.keyless_paid].iter().all(|amount| amount.as_str() != "0")
    }
}

/// Deploys the pools, has the contributor claim at both, and reads what was paid.
pub(super) fn play(
    site: &Site<'_>,
    artifacts: &Artifacts,
    contributor: &Contributor<'_>,
    show: &mut Show,
) -> Result<VanaFigures, DemoError> {
    let (view, client, profile_id) = (site.pool, site.pool.client(), B256::new(site.profile.id()));
    show.phase("Vana: deploy registry, token and pools");
    let token = local_token(client, artifacts)?;
    let files = local_registry(client, artifacts)?.address;
    let (max_norm_log2, max_loss_log2) = default_bounds(site.profile);
    let adapter = AdapterTerms { files, max_norm_log2, max_loss_log2 };
    let terms = PoolTerms {
        token,
        name: "zkpoc demo".into(),
        public_key: String::new(),
        instruction: INSTRUCTION.into(),
        factor: tokens(FACTOR),
    };
    let pool = proof_pool(view, artifacts, profile_id, &adapter, &terms)?;
    let number = VanaProofPool::updateDlpIdCall { newDlpId: U256::from(DLP_ID) };
    client.send("the pool's number", pool.address, &number, Mode::Send)?;
    let template = local_pool(client, artifacts, files, &terms, U256::from(DLP_ID + 1))?.address;
    let keyless = keyless_attestor(view, artifacts, profile_id, &adapter, template, U256::from(DLP_ID + 1))?;
    let ask = LocalVanaPool::updateTeePoolCall { newTeePool: keyless.address };
    client.send("the pool's attestors", template, &ask, Mode::Send)?;
    for pool in [pool.address, template] {
        fund(client, token, pool, tokens(FUNDS))?;
    }
    show.phase("Vana: prove and set the adapters' model");
    let seed = B256::new(model_seed());
    let (gas_model, _) = set_model(site, pool.address, seed, &mut |_| {})?;
    set_model(site, keyless.address, seed, &mut |_| {})?;

    show.phase(&format!("{}: the file's shard is proven well-formed", contributor.name()));
    contributor.validate(SHARD)?;
    show.phase(&format!("{}: claim at the pool that pays on proofs", contributor.name()));
    let proven = contributor.claim_file(pool.address, "ipfs://zkpoc-demo/proof-pool", SHARD)?;
    show.phase(&format!("{}: claim at the unmodified pool", contributor.name()));
    let attested = contributor.claim_file(keyless.address, "ipfs://zkpoc-demo/keyless", SHARD)?;

    let lacks = |field| DemoError::Answer { who: contributor.name(), command: "vana claim".into(), field };
    let gas = |answer: &Value, field: &'static str| answer[field].as_u64().ok_or_else(|| lacks(field));
    let text =
        |answer: &Value, field: &'static str| answer[field].as_str().map(str::to_owned).ok_or_else(|| lacks(field));
    let balance = client.call(token, &ContributionToken::balanceOfCall { account: contributor.address() })?;
    Ok(VanaFigures {
        add_file: gas(&proven, "gas_add_file")?,
        add_proof: gas(&proven, "gas_prove_file")?,
        request_reward: gas(&proven, "gas_request_reward")?,
        register_attestor: gas(&attested, "gas_prove_file")?,
        keyless_request_reward: gas(&attested, "gas_request_reward")?,
        deploy_pool: pool.gas_used,
        deploy_attestor: keyless.gas_used,
        set_model: gas_model,
        score: proven["score"].as_f64().ok_or_else(|| lacks("score"))?,
        paid: text(&proven, "paid")?,
        keyless_paid: text(&attested, "paid")?,
        balance: balance.to_string(),
        prove_ms: proven["prove_ms"].as_f64().ok_or_else(|| lacks("prove_ms"))?,
    })
}
