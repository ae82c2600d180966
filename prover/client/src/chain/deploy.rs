//! Bringing a pool on chain, and comparing one there with what would be generated here.
//!
//! # Comparing
//! Runtime code holds immutables (addresses and numbers given at construction) as the operands of `PUSH32`; the compiler
//! leaves zeros there. [`same_code`] compares all other bytes; what the immutables and the router hold is asked from the
//! contracts and compared by value.
//!
//! # Errors
//! [`ChainError`]; a pool that differs is no error here but [`Finding::good`] `= false`.

use alloy::primitives::{keccak256, Address, TxKind, B256};
use alloy::sol;
use alloy::sol_types::SolValue;
use serde::Serialize;
use zkpoc_contracts::bindings::{
    Circuit, ContributionRounds, ContributionToken, DataRegistry, SecureAggregation, VerifierRouter,
};
use zkpoc_contracts::compile::{Artifacts, MAX_CODE_BYTES};
use zkpoc_contracts::deploy::{
    creation_code, role, setup_calls, Addresses, PoolConfig, MASKS, ORDER, POLICY, ROUTER, TOKEN,
};
use zkpoc_contracts::generator::GeneratedVerifier;

use super::deployment::SrsName;
use super::{ChainError, Client, Deployed, Mode, Outcome, Pool, PoolClient};

sol! {
    /// What a generated verifier says of itself.
    #[allow(missing_docs)]
    interface KeyedVerifier {
        function KEY() external view returns (address);
        function KEY_CODE_HASH() external view returns (bytes32);
    }
}

/// One circuit's verifier.
#[derive(Debug)]
pub struct Verifier<'a> {
    /// For which circuit.
    pub circuit: Circuit,
    /// What it is called: `Training`, `Dataset`.
    pub name: &'static str,
    /// Its code and key.
    pub generated: &'a GeneratedVerifier,
}

impl Verifier<'_> {
    /// Name of the verifier contract.
    pub fn contract(&self) -> String {
        format!("{}Verifier", self.name)
    }

    /// Name of the key contract.
    pub fn key(&self) -> String {
        format!("{}Key", self.name)
    }
}

/// Everything about a pool that is the same on every chain, and who runs it.
#[derive(Debug)]
pub struct Blueprint<'a> {
    /// The profile's id.
    pub profile_id: B256,
    /// The commitment key.
    pub srs: SrsName,
    /// The verifiers.
    pub verifiers: Vec<Verifier<'a>>,
    /// The compiled contracts.
    pub artifacts: &'a Artifacts,
    /// Constructor arguments.
    pub config: &'a PoolConfig,
    /// Who may attest.
    pub attestors: &'a [Address],
}

impl Blueprint<'_> {
    /// Refuses code that no chain would take, before anything is paid for.
    pub fn check_sizes(&self) -> Result<(), ChainError> {
        let pool = ORDER.iter().map(|name| Ok((name.to_string(), self.artifacts.get(name)?.deployed.len())));
        let verifiers = self.verifiers.iter().flat_map(|verifier| {
            let code = self.artifacts.get(&verifier.contract());
            [
                Ok((verifier.key(), verifier.generated.key_bytes.len())),
                code.map(|artifact| (verifier.contract(), artifact.deployed.len())),
            ]
        });
        for sized in pool.chain(verifiers) {
            let (name, got) = sized.map_err(|error: zkpoc_contracts::compile::CompileError| ChainError::from(error))?;
            if got > MAX_CODE_BYTES {
                return Err(ChainError::CodeSize { name, limit: MAX_CODE_BYTES, got });
            }
        }
        Ok(())
    }
}

/// Deploys all contracts and wires their roles. `progress` hears of each step before it is taken.
///
/// A deployment that breaks off leaves contracts that nothing points to; running it again starts anew.
pub fn deploy(client: &Client, blueprint: &Blueprint<'_>, mut progress: impl FnMut(&str)) -> Result<Pool, ChainError> {
    blueprint.check_sizes()?;
    let mut pool = Pool {
        profile_id: blueprint.profile_id,
        srs: blueprint.srs.clone(),
        block: client.block_number()?.saturating_add(1),
        contracts: Default::default(),
    };
    let mut create = |pool: &mut Pool, name: &str, code: Vec<u8>| {
        progress(&format!("deploy {name}"));
        let deployed = create(client, name, code)?;
        pool.contracts.insert(name.to_owned(), deployed.clone());
        Ok::<Address, ChainError>(deployed.address)
    };

    let mut routes = Vec::new();
    for verifier in &blueprint.verifiers {
        let key = create(&mut pool, &verifier.key(), verifier.generated.key_creation_code.clone())?;
        let mut code = blueprint.artifacts.get(&verifier.contract())?.bytecode.clone();
        code.extend(key.abi_encode());
        routes.push((verifier.circuit, create(&mut pool, &verifier.contract(), code)?));
    }
    let mut addresses = Addresses::new();
    for name in ORDER {
        let code = creation_code(name, blueprint.artifacts, blueprint.config, &addresses)?;
        addresses.insert(name.to_owned(), create(&mut pool, name, code)?);
    }
    for call in setup_calls(&addresses, blueprint.attestors, blueprint.profile_id, &routes)? {
        progress(&call.what);
        client.send_raw(&call.what, TxKind::Call(call.to), call.data, Mode::Send)?;
    }
    Ok(pool)
}

/// Deploys one contract.
pub(crate) fn create(client: &Client, name: &str, code: Vec<u8>) -> Result<Deployed, ChainError> {
    let what = format!("deploy {name}");
    let outcome = client.send_raw(&what, TxKind::Create, code, Mode::Send)?;
    let missing = || ChainError::Request { what: what.clone(), reason: "the receipt names no contract".into() };
    let Outcome::Mined(receipt) = outcome else { return Err(missing()) };
    let address = receipt.contract.ok_or_else(missing)?;
    let code = client.code(address)?;
    Ok(Deployed {
        address,
        code_hash: keccak256(&code),
        code_bytes: code.len(),
        transaction: receipt.transaction,
        gas_used: receipt.gas_used,
    })
}

/// One thing that was compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it is as it would be made here.
    pub good: bool,
    /// What was found, when it differs.
    pub found: String,
}

fn finding<T: PartialEq + ToString>(what: impl Into<String>, expected: &T, found: &T) -> Finding {
    let good = expected == found;
    let found = match good {
        true => String::new(),
        false => format!("{}, expected {}", found.to_string(), expected.to_string()),
    };
    Finding { what: what.into(), good, found }
}

/// Compares a pool with the blueprint: code, keys, addresses, routes, commitment key, minter.
pub fn compare(client: &Client, pool: &Pool, blueprint: &Blueprint<'_>) -> Result<Vec<Finding>, ChainError> {
    let view = PoolClient::unchecked(client, pool)?;
    let mut findings = vec![
        finding("profile id", &blueprint.profile_id, &pool.profile_id),
        finding("SRS digest of the file", &blueprint.srs.digest, &pool.srs.digest),
    ];
    let names = ORDER.iter().map(|name| name.to_string());
    let names: Vec<String> = names.chain(blueprint.verifiers.iter().map(Verifier::contract)).collect();
    for name in names {
        let code = client.code(pool.address(&name)?)?;
        let good = same_code(&blueprint.artifacts.get(&name)?.deployed, &code);
        let found = if good { String::new() } else { format!("{} bytes of other code", code.len()) };
        findings.push(Finding { what: format!("code of {name}"), good, found });
        if let Some(deployed) = pool.contracts.get(&name) {
            findings.push(finding(format!("code hash of {name}"), &deployed.code_hash, &keccak256(&code)));
        }
    }

    let router = pool.address(ROUTER)?;
    for verifier in &blueprint.verifiers {
        let address = pool.address(&verifier.contract())?;
        let key = pool.address(&verifier.key())?;
        let expected = keccak256(&verifier.generated.key_bytes);
        findings.push(finding(format!("code hash of {}", verifier.key()), &expected, &client.code_hash(key)?));
        let pinned = client.call(address, &KeyedVerifier::KEY_CODE_HASHCall {})?;
        findings.push(finding(format!("key that {} pins", verifier.contract()), &expected, &pinned));
        let reads = client.call(address, &KeyedVerifier::KEYCall {})?;
        findings.push(finding(format!("key that {} reads", verifier.contract()), &key, &reads));
        let route = VerifierRouter::routeCall { profileId: pool.profile_id, circuit: verifier.circuit };
        let route = client.call(router, &route)?;
        findings.push(finding(format!("route of {}", verifier.name), &address, &route.verifier));
        findings.push(finding(format!("route of {} frozen", verifier.name), &false, &route.frozen));
    }

    let (registry, rounds, token) = (view.registry()?, view.rounds()?, pool.address(TOKEN)?);
    let aggregation = view.aggregation()?.address();
    let srs = client.call(registry, &DataRegistry::SRS_DIGESTCall {})?;
    findings.push(finding("SRS digest of the registry", &blueprint.srs.digest, &srs));
    let wiring = [
        ("router of the registry", router, client.call(registry, &DataRegistry::ROUTERCall {})?),
        ("router of the rounds", router, client.call(rounds, &ContributionRounds::ROUTERCall {})?),
        ("registry of the rounds", registry, client.call(rounds, &ContributionRounds::REGISTRYCall {})?),
        ("token of the rounds", token, client.call(rounds, &ContributionRounds::TOKENCall {})?),
        ("policy of the rounds", pool.address(POLICY)?, client.call(rounds, &ContributionRounds::POLICYCall {})?),
        ("aggregation of the rounds", aggregation, client.call(rounds, &ContributionRounds::AGGREGATIONCall {})?),
        ("rounds of the aggregation", rounds, client.call(aggregation, &SecureAggregation::roundsCall {})?),
        ("masks of the aggregation", pool.address(MASKS)?, client.call(aggregation, &SecureAggregation::MASKSCall {})?),
    ];
    findings.extend(wiring.into_iter().map(|(what, expected, found)| finding(what, &expected, &found)));
    let profile = client.call(rounds, &ContributionRounds::profileIdCall {})?;
    if !profile.is_zero() {
        findings.push(finding("profile of the rounds", &blueprint.profile_id, &profile));
    }
    findings.extend(minters(client, pool, rounds, token)?);
    Ok(findings)
}

/// The rounds contract mints, and nobody else ever got the role.
fn minters(client: &Client, pool: &Pool, rounds: Address, token: Address) -> Result<Vec<Finding>, ChainError> {
    let minter = role("MINTER_ROLE");
    let may = client.call(token, &ContributionToken::hasRoleCall { role: minter, account: rounds })?;
    let granted = client.events::<ContributionToken::RoleGranted>(token, pool.block)?;
    let others = granted.iter().filter(|event| event.role == minter && event.account != rounds).count();
    Ok(vec![
        finding("the rounds contract may mint", &true, &may),
        finding("others that were ever allowed to mint", &0, &others),
    ])
}

/// Whether `found` is `compiled` with some values for its immutables.
pub fn same_code(compiled: &[u8], found: &[u8]) -> bool {
    const PUSH1: u8 = 0x60;
    const PUSH32: u8 = 0x7f;
    if compiled.len() != found.len() {
        return false;
    }
    let mut at = 0;
    while at < compiled.len() {
        if compiled[at] != found[at] {
            return false;
        }
        let operand = match compiled[at] {
            op @ PUSH1..=PUSH32 => usize::from(op - PUSH1) + 1,
            _ => 0,
        };
        let end = (at + 1 + operand).min(compiled.len());
        let immutable = compiled[at] == PUSH32 && compiled[at + 1..end].iter().all(|byte| *byte == 0);
        if !immutable && compiled[at + 1..end] != found[at + 1..end] {
            return false;
        }
        at = end;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(operand: [u8; 32]) -> Vec<u8> {
        [&[0x60, 0x01, 0x7f][..], &operand, &[0x55, 0x00]].concat()
    }

    #[test]
    fn accepts_any_immutable_value() {
        assert!(same_code(&code([0; 32]), &code([0; 32])));
        assert!(same_code(&code([0; 32]), &code([7; 32])));
    }

    #[test]
    fn rejects_a_changed_constant_opcode_or_length() {
        assert!(!same_code(&code([9; 32]), &code([7; 32])));
        for at in [0, 1, 2, 35, 36] {
            let mut other = code([0; 32]);
            other[at] ^= 1;
            assert!(!same_code(&code([0; 32]), &other), "byte {at}");
        }
        assert!(!same_code(&code([0; 32]), &code([0; 32])[..36]));
        // The same operand elsewhere is no immutable.
        assert!(!same_code(&[0x60, 0x00], &[0x60, 0x01]));
    }
}
