//! Bringing adapters on chain, and stand-ins for Vana's contracts where a chain has none.

use std::time::Duration;

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::SolConstructor;
use zkpoc_contracts::bindings::vana::{AdapterConfig, KeylessAttestor, LocalVanaPool, VanaProofPool};
use zkpoc_contracts::bindings::ContributionToken;
use zkpoc_contracts::compile::Artifacts;
use zkpoc_contracts::deploy::{role, TOKEN};

use super::{Kind, VanaError};
use crate::chain::deploy::create;
use crate::chain::{ChainError, Client, Deployed, Mode, PoolClient};
use crate::contribute::{Progress, Site};

/// What a pool that pays on proofs is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolTerms {
    /// What contributors are paid in.
    pub token: Address,
    /// Its name.
    pub name: String,
    /// Key that contributors encrypt their files for.
    pub public_key: String,
    /// What its proofs name as their instruction.
    pub instruction: String,
    /// What a score of 1e18 earns, in the token's smallest unit.
    pub factor: U256,
}

/// What every adapter is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdapterTerms {
    /// Vana's registry.
    pub files: Address,
    /// Widest accepted bound on the update's squared norm, as a power of two.
    pub max_norm_log2: u8,
    /// Widest accepted bound on the loss, as a power of two.
    pub max_loss_log2: u8,
}

fn config(view: &PoolClient<'_>, profile_id: B256, terms: &AdapterTerms) -> Result<AdapterConfig, ChainError> {
    Ok(AdapterConfig {
        admin: view.client().sender()?,
        datasets: view.registry()?,
        router: view.router()?,
        files: terms.files,
        profileId: profile_id,
        maxNormLog2: terms.max_norm_log2,
        maxLossLog2: terms.max_loss_log2,
    })
}

fn deploy(client: &Client, artifacts: &Artifacts, name: &str, arguments: Vec<u8>) -> Result<Deployed, VanaError> {
    let mut code = artifacts.get(name)?.bytecode.clone();
    code.extend(arguments);
    Ok(create(client, name, code)?)
}

/// Deploys a pool that pays on proofs.
pub fn proof_pool(
    view: &PoolClient<'_>,
    artifacts: &Artifacts,
    profile_id: B256,
    adapter: &AdapterTerms,
    pool: &PoolTerms,
) -> Result<Deployed, VanaError> {
    let arguments = VanaProofPool::constructorCall {
        config: config(view, profile_id, adapter)?,
        token_: pool.token,
        name_: pool.name.clone(),
        publicKey_: pool.public_key.clone(),
        proofInstruction_: pool.instruction.clone(),
        fileRewardFactor_: pool.factor,
    };
    deploy(view.client(), artifacts, Kind::Pool.contract(), arguments.abi_encode())
}

/// Deploys a keyless attestor for a pool of Vana's template.
pub fn keyless_attestor(
    view: &PoolClient<'_>,
    artifacts: &Artifacts,
    profile_id: B256,
    adapter: &AdapterTerms,
    pool: Address,
    dlp_id: U256,
) -> Result<Deployed, VanaError> {
    let arguments =
        KeylessAttestor::constructorCall { config: config(view, profile_id, adapter)?, pool, dlpId: dlp_id };
    deploy(view.client(), artifacts, Kind::Keyless.contract(), arguments.abi_encode())
}

/// A token that the sender mints, for a chain without the pool's.
pub fn local_token(client: &Client, artifacts: &Artifacts) -> Result<Address, VanaError> {
    let admin = client.sender()?;
    let arguments = ContributionToken::constructorCall { admin }.abi_encode();
    let token = deploy(client, artifacts, TOKEN, arguments)?.address;
    let minter = ContributionToken::grantRoleCall { role: role("MINTER_ROLE"), account: admin };
    client.send("the minter role", token, &minter, Mode::Send)?;
    Ok(token)
}

/// Mints tokens of [`local_token`] and gives them to a pool to pay contributors with.
pub fn fund(client: &Client, token: Address, pool: Address, amount: U256) -> Result<(), VanaError> {
    let to = client.sender()?;
    client.send("minting", token, &ContributionToken::mintCall { to, amount }, Mode::Send)?;
    client.send("approving", token, &ContributionToken::approveCall { spender: pool, value: amount }, Mode::Send)?;
    let add = VanaProofPool::addRewardsForContributorsCall { contributorsRewardAmount: amount };
    client.send("funding the pool", pool, &add, Mode::Send)?;
    Ok(())
}

/// A registry with Vana's ABI, for a chain without one.
pub fn local_registry(client: &Client, artifacts: &Artifacts) -> Result<Deployed, VanaError> {
    deploy(client, artifacts, "LocalVanaRegistry", Vec::new())
}

/// A pool that judges as Vana's template does, for a chain without one.
pub fn local_pool(
    client: &Client,
    artifacts: &Artifacts,
    files: Address,
    pool: &PoolTerms,
    dlp_id: U256,
) -> Result<Deployed, VanaError> {
    let arguments = LocalVanaPool::constructorCall {
        registry: files,
        token_: pool.token,
        instruction: pool.instruction.clone(),
        number: dlp_id,
        factor: pool.factor,
    };
    deploy(client, artifacts, "LocalVanaPool", arguments.abi_encode())
}

/// Proves the public start model of a seed for an adapter, and sets it; gas, and the time of the proof.
pub fn set_model(
    site: &Site<'_>,
    adapter: Address,
    seed: B256,
    progress: Progress<'_>,
) -> Result<(u64, Duration), VanaError> {
    let first = site.prove_start_model(adapter, seed, progress)?;
    let call = VanaProofPool::setModelCall { seed, proof: first.proof.into() };
    let outcome = site.pool.client().send("setting the adapter's model", adapter, &call, Mode::Send)?;
    Ok((outcome.receipt().map_or(0, |receipt| receipt.gas_used), first.prove))
}
