//! Where the gas goes, from traces: `cargo test --release -p zkpoc-tests --test attacks -- gas_ledger --nocapture`.

use std::collections::BTreeMap;

use alloy::primitives::Address;
use zkpoc_client::chain::ledger::{Cause, Ledger};
use zkpoc_client::chain::words::scalar_to_word;
use zkpoc_client::chain::{Mode, Outcome};
use zkpoc_contracts::bindings::{Circuit, Verifier, VerifierRouter};

use zkpoc_tests::world::dataset;
use zkpoc_tests::world::model;
use zkpoc_tests::world::World;

/// Checks and prints the ledger of a transaction.
fn show(world: &World, what: &str, outcome: &Outcome) -> Ledger {
    let receipt = outcome.receipt().expect("mined");
    let ledger = world.operator.ledger(receipt.transaction).expect("a trace");
    assert_eq!(ledger.total, receipt.gas_used, "{what}");
    assert!(ledger.adds_up(), "{what}: {ledger:?}");
    let names: BTreeMap<Address, &str> =
        world.pool.contracts.iter().map(|(name, deployed)| (deployed.address, name.as_str())).collect();
    println!("{what}: {} gas", ledger.total);
    for (cause, gas) in &ledger.causes {
        println!("  {cause:?}: {gas} ({})", ledger.counts.get(cause).copied().unwrap_or_default());
    }
    for (contract, gas) in &ledger.contracts {
        println!("  in {}: {gas}", names.get(contract).copied().unwrap_or("a verifier"));
    }
    ledger
}

#[test]
fn gas_ledger_of_a_claim_adds_up_to_what_it_cost() {
    let world = World::tracing();
    let (member, data, model) = (world.member(), dataset(2), model("ledger"));
    world.register(&member, &data);
    world.open(&model);
    world.seal(1);
    let index = world.view().drawn_index(1, data.manifest.root).expect("drawn");
    let validated = member.validate(&world.pool, &data, index);
    let ledger = show(&world, "validate a shard", &validated);
    assert_eq!(ledger.counts[&Cause::Pairing], 1);

    let fields = member.fields(&world.pool, &data, 1, index);
    let prepared = member.train(&world.pool, &data, &model, &fields);
    let router = world.view().router().expect("a router");
    let call = VerifierRouter::verifierOfCall { profileId: world.pool.profile_id, circuit: Circuit::Training };
    let verifier = world.operator.call(router, &call).expect("a verifier");
    let call = Verifier::verifyCall {
        proof: prepared.claim.proof.clone(),
        instances: prepared.record.bundle.instances.iter().map(scalar_to_word).collect(),
    };
    let verified = world.operator.send("verify", verifier, &call, Mode::Send).expect("verified");
    let verify = show(&world, "verify", &verified);
    assert_eq!((verify.counts[&Cause::Pairing], verify.counts[&Cause::Modexp]), (1, 1));
    assert!(!verify.causes.contains_key(&Cause::Storage) && !verify.causes.contains_key(&Cause::Events));

    let claimed = member.claim(&world.pool, &prepared).expect("claimed");
    let claim = show(&world, "claim", &claimed);
    // The link is five multiplications.
    assert_eq!(claim.counts[&Cause::EcMul], verify.counts[&Cause::EcMul] + 5);
    assert_eq!(claim.counts[&Cause::Events], 1);
}
