//! Fixtures and cheating provers for the tests of the training circuit.
//!
//! A cheating prover changes first-phase cells and then keeps its books: [`settle`] recomputes the
//! update from whatever units it finds, [`recount`] the norm, the loss, the buckets and the
//! multiplicities. What is left to fail is the constraint that forbids the change itself.
#![allow(dead_code)]

pub(crate) mod census;
pub(crate) mod cheat;
pub(crate) mod draw;
pub(crate) mod forge;
pub(crate) mod free;
pub(crate) mod proving;
pub(crate) mod rigid;
pub(crate) mod score;
pub(crate) mod structure;
pub(crate) mod sweep;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use proving::Keys;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::grid::{LayoutError, TAIL};
use zkpoc_circuits::profile::{FeatureKind, LearningRate, Loss, OutputTable, Profile};
use zkpoc_circuits::reference::{run, Model, RunTrace, Shard, StepTrace};
use zkpoc_circuits::round::{RoundCircuit, RoundWitness};
use zkpoc_circuits::training::phase2::Phase2;
use zkpoc_circuits::training::{Phase1, Plan, Tamper, TrainingCircuit};

/// An honest step of a profile.
pub(crate) struct Fixture {
    pub(crate) profile: Profile,
    pub(crate) circuit: TrainingCircuit,
    pub(crate) plan: Arc<Plan>,
    pub(crate) model: Model,
    pub(crate) shard: Shard,
    /// The run.
    pub(crate) run: RunTrace,
    /// Its first step.
    pub(crate) trace: StepTrace,
    pub(crate) first: Phase1,
}

/// What a prover commits to and claims.
#[derive(Clone)]
pub(crate) struct Claim {
    pub(crate) first: Phase1,
    pub(crate) tamper: Option<Tamper>,
    pub(crate) instance: Vec<Fr>,
}

impl Claim {
    pub(crate) fn of(first: Phase1) -> Self {
        let instance = vec![Fr::from(99), first.norm_bound, first.loss_bound];
        Claim { first, tamper: None, instance }
    }

    pub(crate) fn tampered(first: Phase1, tamper: Tamper) -> Self {
        Claim { tamper: Some(tamper), ..Claim::of(first) }
    }

    /// Commits to `first`, but computes the second phase from `other`.
    pub(crate) fn two_faced(plan: &Arc<Plan>, first: Phase1, other: Phase1) -> Self {
        let plan = plan.clone();
        Claim::tampered(first, Arc::new(move |second, ch| *second = Phase2::new(&plan, &other, ch)))
    }
}

impl Fixture {
    pub(crate) fn new(profile: Profile, model: Model, shard: Shard) -> Self {
        let circuit = TrainingCircuit::new(&profile).expect("the profile fits");
        let plan = Arc::new(circuit.plan().clone());
        let run = run(&profile, &model, &shard).expect("a valid run");
        let log2 = |v: u128, most: u32| (128 - v.leading_zeros() + 2).min(most);
        let (norm, loss) = plan.bucket_bits();
        let first =
            Phase1::new(&plan, &model, &shard, &run, log2(run.norm, norm), log2(run.loss, loss)).expect("buckets hold");
        Fixture { profile, circuit, plan, model, shard, trace: run.steps[0].clone(), run, first }
    }

    pub(crate) fn random(profile: Profile, seed: u64) -> Self {
        let (model, shard) = random_step(&profile, seed);
        Fixture::new(profile, model, shard)
    }

    pub(crate) fn builtin(name: &str) -> Self {
        Fixture::random(Profile::builtin(name).expect("a built-in profile"), 1)
    }

    pub(crate) fn claim(&self) -> Claim {
        Claim::of(self.first.clone())
    }

    pub(crate) fn circuit_of(&self, claim: &Claim) -> TrainingCircuit {
        let circuit = self.circuit.with_witness(claim.first.clone());
        match &claim.tamper {
            Some(tamper) => circuit.with_tamper(tamper.clone()),
            None => circuit,
        }
    }

    /// The audit of a claim: every constraint on every row, with blinding as the prover scripts it.
    pub(crate) fn audit(&self, claim: &Claim, seed: u64) -> Audit {
        let mut rng = StdRng::seed_from_u64(seed);
        let challenges: Vec<Fr> = (0..4).map(|_| Fr::random(&mut rng)).collect();
        let mut audit =
            Audit::new(&self.circuit_of(claim), self.profile.k, &claim.instance, &challenges).expect("synthesis");
        for column in 0..self.plan.grid.columns {
            audit.script(column, Fr::ONE);
        }
        audit
    }
}

/// The toy profile with a hidden unit (1) that feeds nothing and an output (2) that nothing feeds, so
/// that a change there stays local; the unit is active for record 0 and not for record 1, the output
/// saturates for record 0.
pub(crate) fn quiet() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let profile = Profile::builtin("toy").expect("a built-in profile");
        let (mut model, mut shard) = random_step(&profile, 5);
        let hidden = &mut model.layers[0];
        (0..6).for_each(|j| hidden.weights[j * 4 + 1] = 0);
        (hidden.weights[1], hidden.bias[1]) = (60, -20);
        let output = &mut model.layers[1];
        (0..3).for_each(|k| output.weights[3 + k] = 0);
        (0..4).for_each(|j| output.weights[j * 3 + 2] = 0);
        output.bias[2] = -127;
        (shard.features[0], shard.features[6]) = (15, 0);
        shard.labels = vec![2, 0, 1];
        Fixture::new(profile, model, shard)
    })
}

/// Keys of the toy circuit, made once a test binary.
pub(crate) fn toy_keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::new(quiet()))
}

/// A set of names.
pub(crate) fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

/// The named constraints, and no others, stand against the claim; the verifier rejects it.
pub(crate) fn rejects(fixture: &Fixture, keys: &Keys, claim: &Claim, expected: &[&str]) {
    for seed in 0..2 {
        let audit = fixture.audit(claim, seed);
        assert_eq!(audit.failing_names(), names(expected));
        if score::note(&fixture.profile, &audit) {
            return;
        }
    }
    assert!(!keys.accepts(fixture, claim), "the verifier accepts an attack on {expected:?}");
}

/// A model with weights over the whole range, and a shard, from a seed.
pub(crate) fn random_step(profile: &Profile, seed: u64) -> (Model, Shard) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut model = Model::zero(profile);
    let top = (1i32 << (profile.weight_bits - 1)) - 1;
    for layer in &mut model.layers {
        for weight in layer.weights.iter_mut().chain(&mut layer.bias) {
            *weight = rng.gen_range(-top..=top) >> rng.gen_range(0..profile.weight_bits / 2);
        }
    }
    let least = profile.feature_range().0;
    let features = (0..profile.shard_records() * profile.features())
        .map(|_| (i64::from(rng.gen_range(0..1u32 << profile.feature_bits)) + least) as u16)
        .collect();
    let labels = (0..profile.shard_records()).map(|_| rng.gen_range(0..profile.classes()) as u16).collect();
    (model, Shard { features, labels })
}

/// The dataset circuit of a profile with a random shard, no record twice.
pub(crate) fn honest_dataset(profile: &Profile, seed: u64) -> Result<DatasetCircuit, LayoutError> {
    let circuit = DatasetCircuit::new(profile)?;
    let (_, mut shard) = random_step(profile, seed);
    assert!(draw::number(profile, &mut shard), "more records than there are different ones");
    Ok(circuit.with_witness(DatasetWitness::new(circuit.plan(), &shard)))
}

/// The round circuit of a profile with a step by one random update.
pub(crate) fn honest_round(profile: &Profile) -> Result<RoundCircuit, LayoutError> {
    let circuit = RoundCircuit::new(profile)?;
    let (model, shard) = random_step(profile, 1);
    let sum = run(profile, &model, &shard).expect("a valid step").update;
    let tails = vec![vec![Fr::from(3); TAIL]; circuit.plan().grid.columns];
    let witness = RoundWitness::new(circuit.plan(), &model, &sum, 1, &tails).expect("a round");
    Ok(circuit.with_witness(witness))
}

/// The audit of a round circuit, with blinding of the two models as the prover scripts it.
pub(crate) fn round_audit(circuit: &RoundCircuit, instance: &[Fr], challenges: &[Fr]) -> Audit {
    let plan = circuit.plan();
    let mut audit = Audit::new(circuit, plan.profile.k, instance, challenges).expect("synthesis");
    let columns = plan.grid.columns;
    for column in (0..columns).chain(2 * columns..3 * columns) {
        audit.script(column, Fr::ONE);
    }
    audit
}

/// A small profile of the given shape with the smallest `k` that has a layout.
pub(crate) fn shape(layers: &[usize], batch: usize, columns: usize, limb_bits: u32) -> Option<Profile> {
    let mut profile = Profile::builtin("toy").expect("a built-in profile");
    profile.name = "shape".into();
    profile.layers = layers.to_vec();
    profile.batch = batch;
    profile.weight_columns = columns;
    profile.limb_bits = limb_bits;
    profile.learning_rate = LearningRate { numerator: 1, shift: 9 };
    (6..=12).find_map(|k| {
        profile.k = k;
        profile.validate().ok()?;
        TrainingCircuit::new(&profile).ok().map(|_| profile.clone())
    })
}

/// The same shape with a softmax.
pub(crate) fn with_softmax(profile: Profile) -> Profile {
    Profile {
        loss: Loss::CrossEntropy,
        output_table: Some(OutputTable { table_bits: 4, exponent_bits: 6, probability_bits: 4 }),
        activation_shift: 4,
        residual_shift: 1,
        target: 1 << 5,
        ..profile
    }
}

/// A run of `steps` such steps on features with a sign, with weights that are fine by 3 bits.
pub(crate) fn with_laps(profile: Profile, steps: u64) -> Profile {
    Profile {
        local_steps: steps,
        feature_kind: FeatureKind::Signed,
        fine_shift: 3,
        local_rate: 4,
        k: profile.k + steps.ilog2(),
        ..profile
    }
}

/// The same shape with `2^bits` columns below each other in one.
pub(crate) fn stacked(profile: Profile, bits: u32) -> Profile {
    Profile { stack_bits: profile.stack_bits + bits, k: profile.k + bits, ..profile }
}

/// The integer behind a field element below 2^128.
pub(crate) fn integer(value: &Fr) -> Option<u128> {
    let bytes = value.to_bytes();
    bytes[16..].iter().all(|b| *b == 0).then(|| u128::from_le_bytes(bytes[..16].try_into().expect("16 bytes")))
}
