//! Statements that the emergency stop takes for false (`EmergencyStop.sol`), and two that look false and are true: whoever could
//! stop a pool with those would need no forgery.

use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::OsRng;
use support::cheat::{recount, settle};
use support::proving::{CircuitKeys, Script};
use support::{names, toy_keys, Claim, Fixture};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::grid::{Grid, Zone, TAIL};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::quantize::signed_min;
use zkpoc_circuits::reference::{Model, Shard, Update};
use zkpoc_circuits::round::{RoundCircuit, RoundWitness};
use zkpoc_circuits::training::Plan;

fn toy() -> Profile {
    Profile::builtin("toy").expect("a profile")
}

/// A step whose features are read by no weight, so that they are free.
fn free_features() -> Fixture {
    let profile = toy();
    let mut model = Model::zero(&profile);
    // The first layer is silent and active; the second one hands the residuals back.
    model.layers[1].weights.fill(90);
    let shard = Shard { features: vec![0; 18], labels: vec![0, 1, 2] };
    Fixture::new(profile, model, shard)
}

/// Squared norm of the update that belongs to a data column.
fn norm(plan: &Plan, first: &mut zkpoc_circuits::training::Phase1) -> Fr {
    settle(plan, first);
    let rows = plan.grid.rows() - TAIL;
    first.d.iter().flat_map(|column| &column[..rows]).map(Fr::square).sum()
}

#[test]
fn accepts_a_norm_bound_of_zero_so_it_is_no_canary() {
    let fixture = free_features();
    let plan = &fixture.plan;
    let mut first = fixture.first.clone();
    // Two features of the first record, as field elements t and s: the norm is rest + scale (t^2 + s^2).
    let cell = |j: usize| plan.grid.row(plan.grid.input(1, j));
    let rest = norm(plan, &mut first);
    first.x[cell(0)] = Fr::ONE;
    let scale = norm(plan, &mut first) - rest;
    assert_ne!(scale, Fr::ZERO);
    // The norm is to be -1.
    let wanted = (-Fr::ONE - rest) * scale.invert().expect("not zero");
    let (t, s) = (1u64..)
        .map(Fr::from)
        .find_map(|t| Option::<Fr>::from((wanted - t.square()).sqrt()).map(|s| (t, s)))
        .expect("every element is a sum of two squares");
    (first.x[cell(0)], first.x[cell(1)]) = (t, s);
    first.norm_bound = Fr::ZERO;
    assert_eq!(norm(plan, &mut first), -Fr::ONE);
    let claim = Claim::of(first);
    assert_eq!(claim.instance[1], Fr::ZERO);
    assert_eq!(fixture.audit(&claim, 1).failing_names(), names(&[]));
    assert!(toy_keys().accepts(&fixture, &claim), "an honest prover's proof");
}

#[test]
fn rejects_a_loss_bound_of_zero() {
    let fixture = free_features();
    let mut first = fixture.first.clone();
    first.loss_bound = Fr::ZERO;
    recount(&fixture.plan, &mut first);
    let claim = Claim::of(first);
    // The bucket's head is -1 - loss, which no limbs add up to.
    let last = if fixture.plan.bucket_rows.1 > 1 { "bucket" } else { "bucket.last" };
    assert_eq!(fixture.audit(&claim, 1).failing_names(), names(&[last]));
    assert!(!toy_keys().accepts(&fixture, &claim));
}

#[test]
fn golden_buckets_of_every_profile_hold_nothing_negative() {
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).expect("a profile");
        let plan = Plan::new(&profile).expect("a plan");
        // -1 - loss is at least r - 2^126, and r > 2^253.
        assert!(profile.bounds().loss < 1 << 126, "{name}");
        assert!(plan.bucket_bits().1 < 248, "{name}: {:?}", plan.bucket_bits());
    }
}

#[test]
fn golden_columns_of_ones_are_no_shard_and_no_model_of_any_profile() {
    for name in Profile::builtin_names() {
        let grid = Grid::new(&Profile::builtin(name).expect("a profile")).expect("a grid");
        assert!(grid.data_zones().contains(&Zone::Padding), "{name}");
        assert!(grid.parameter_zones().contains(&Zone::Padding), "{name}");
    }
}

#[test]
fn rejects_a_data_column_of_ones() {
    let profile = toy();
    let circuit = DatasetCircuit::new(&profile).expect("a layout");
    let ones = vec![Fr::ONE; circuit.plan().grid.rows()];
    let witness = DatasetWitness::from_column(circuit.plan(), ones);
    let circuit = circuit.with_witness(witness);
    let audit =
        Audit::new(&circuit, profile.k, &[Fr::ONE], &[Fr::random(OsRng), Fr::random(OsRng)]).expect("synthesis");
    let failing = audit.failing_names();
    assert!(names(&["hiding.zone", "label.one", "order.next"]).is_subset(&failing), "{failing:?}");
    let keys = CircuitKeys::new(profile.k, &circuit);
    let proof = keys.prove(circuit.clone(), &[Fr::ONE], Script::new(vec![1; circuit.blinding_rows()]));
    assert!(!keys.verify(&proof, &[Fr::ONE]));
}

/// A round from the model of all zeros by a sum of zeros, and its keys.
struct Still {
    circuit: RoundCircuit,
    keys: CircuitKeys,
}

impl Still {
    fn new() -> Self {
        let circuit = RoundCircuit::new(&toy()).expect("a layout");
        let keys = CircuitKeys::new(toy().k, &circuit);
        Still { circuit, keys }
    }

    fn witness(&self, next: &Model, claims: u64) -> RoundWitness {
        let (profile, plan) = (toy(), self.circuit.plan());
        let tails = vec![vec![Fr::from(7); TAIL]; plan.grid.columns];
        RoundWitness::between(plan, &Model::zero(&profile), next, &Update::zero(&profile), claims, &tails)
            .expect("columns")
    }

    fn accepts(&self, witness: RoundWitness, claims: u64) -> bool {
        let (columns, rows) = (self.circuit.plan().grid.columns, self.circuit.blinding_rows());
        let script = [vec![1; columns * rows], vec![7; columns * rows], vec![1; columns * rows]].concat();
        let instance = [Fr::from(5), Fr::from(claims)];
        let proof = self.keys.prove(self.circuit.with_witness(witness), &instance, Script::new(script));
        self.keys.verify(&proof, &instance)
    }
}

#[test]
fn accepts_a_round_of_no_claims_so_it_is_no_canary() {
    let still = Still::new();
    let mut least = Model::zero(&toy());
    for layer in &mut least.layers {
        let min = i32::try_from(signed_min(toy().weight_bits)).expect("a weight");
        layer.weights.fill(min);
        layer.bias.fill(min);
    }
    assert!(still.accepts(still.witness(&least, 0), 0), "an honest prover's proof");
    // With one claim the next model is the one there is.
    assert!(!still.accepts(still.witness(&least, 1), 1));
    assert!(still.accepts(still.witness(&Model::zero(&toy()), 1), 1));
}

#[test]
fn rejects_a_next_model_of_ones() {
    let still = Still::new();
    for claims in 0..3 {
        let mut witness = still.witness(&Model::zero(&toy()), claims);
        let rows = witness.next[0].len();
        witness.next[0] = vec![Fr::ONE; rows];
        witness.count(still.circuit.plan());
        assert!(!still.accepts(witness, claims), "{claims} claims");
    }
}
