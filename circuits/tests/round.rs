//! The round circuit proves the step of the native trainer and rejects, constraint by constraint, every other one.

mod support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;
use rand::rngs::{OsRng, StdRng};
use rand::{Rng, SeedableRng};
use std::sync::{Arc, OnceLock};
use support::proving::{CircuitKeys, Script};
use support::{names, random_step, score, shape};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::profile::{LearningRate, Profile};
use zkpoc_circuits::quantize::{signed_max, signed_min};
use zkpoc_circuits::reference::{step, Model, Update};
use zkpoc_circuits::round::{RoundCircuit, RoundError, RoundPlan, RoundWitness, Tamper};

/// A round with real updates.
struct Round {
    circuit: RoundCircuit,
    model: Model,
    sum: Update,
    claims: u64,
}

/// Columns of the toy circuit, which has one weight column.
const W: usize = 0;
const S: usize = 1;
const NEXT: usize = 2;
const CLAIMS: usize = 3;
const LOW: usize = 0;
const HIGH: usize = 1;
const UNDER: usize = 2;
const OVER: usize = 3;

impl Round {
    /// `claims` random shards under a random model.
    fn new(profile: &Profile, seed: u64, claims: u64) -> Self {
        let circuit = RoundCircuit::new(profile).expect("a layout");
        let (model, _) = random_step(profile, seed);
        let mut sum = Update::zero(profile);
        for claim in 0..claims {
            let (_, shard) = random_step(profile, 1000 * seed + claim);
            sum.add(&step(profile, &model, &shard).expect("a step").update);
        }
        Round { circuit, model, sum, claims }
    }

    fn plan(&self) -> &RoundPlan {
        self.circuit.plan()
    }

    fn next(&self) -> Model {
        self.model.apply_mean(&self.plan().profile, &self.sum, self.claims)
    }

    fn tails(&self) -> Vec<Vec<Fr>> {
        (0..self.plan().grid.columns).map(|_| (0..TAIL).map(|_| Fr::random(OsRng)).collect()).collect()
    }

    fn witness(&self) -> RoundWitness {
        RoundWitness::new(self.plan(), &self.model, &self.sum, self.claims, &self.tails()).expect("a round")
    }

    /// A witness of a step to another model, with everything else derived from it.
    fn to(&self, next: &Model) -> RoundWitness {
        RoundWitness::between(self.plan(), &self.model, next, &self.sum, self.claims, &self.tails()).expect("columns")
    }

    fn instance(&self) -> Vec<Fr> {
        vec![Fr::from(5), Fr::from(self.claims)]
    }

    fn audit(&self, circuit: &RoundCircuit, instance: &[Fr]) -> Audit {
        let challenges = [Fr::random(OsRng), Fr::random(OsRng)];
        let mut audit = Audit::new(circuit, self.plan().profile.k, instance, &challenges).expect("synthesis");
        let columns = self.plan().grid.columns;
        for column in (0..columns).chain(2 * columns..3 * columns) {
            audit.script(column, Fr::ONE);
        }
        audit
    }

    fn failing(&self, witness: RoundWitness) -> std::collections::BTreeSet<String> {
        self.audit(&self.circuit.with_witness(witness), &self.instance()).failing_names()
    }
}

/// A toy round of three claims, and its keys.
fn toy() -> &'static (Round, CircuitKeys) {
    static TOY: OnceLock<(Round, CircuitKeys)> = OnceLock::new();
    TOY.get_or_init(|| {
        let profile = Profile::builtin("toy").expect("a profile");
        let round = Round::new(&profile, 3, 3);
        let keys = CircuitKeys::new(profile.k, &round.circuit);
        (round, keys)
    })
}

/// Whether a real proof verifies. The blinding of model and next model is `public`, that of the sum is 7.
fn accepts(circuit: RoundCircuit, instance: &[Fr], public: u64) -> bool {
    let (round, keys) = toy();
    let rows = round.circuit.blinding_rows();
    let script = [vec![1; rows], vec![7; rows], vec![public; rows]].concat();
    let proof = keys.prove(circuit, instance, Script::new(script));
    keys.verify(&proof, instance)
}

/// Exactly the named constraints stand against the toy witness, and a real proof is rejected.
#[track_caller]
fn rejects(expected: &[&str], witness: RoundWitness) {
    rejects_circuit(expected, toy().0.circuit.with_witness(witness));
}

#[track_caller]
fn rejects_circuit(expected: &[&str], circuit: RoundCircuit) {
    let (round, _) = toy();
    let audit = round.audit(&circuit, &round.instance());
    assert_eq!(audit.failing_names(), names(expected));
    if score::note(&round.plan().profile, &audit) {
        return;
    }
    assert!(!accepts(circuit, &round.instance(), 1), "the verifier accepts an attack on {expected:?}");
}

/// The same for an honest first phase under a forged second one.
#[track_caller]
fn rejects_forged(expected: &[&str], tamper: Tamper) {
    let (round, _) = toy();
    rejects_circuit(expected, round.circuit.with_witness(round.witness()).with_tamper(tamper));
}

/// Row of weight `k` of input `j` of layer `l` in the toy grid.
fn cell(l: usize, j: usize, k: usize) -> usize {
    toy().0.plan().grid.weight(l, j, k).1
}

#[test]
fn accepts_honest_rounds_of_every_size() {
    let profile = &toy().0.plan().profile;
    for claims in 1..=profile.max_claims {
        let round = Round::new(profile, claims, claims);
        let circuit = round.circuit.with_witness(round.witness());
        assert!(accepts(circuit, &round.instance(), 1), "{claims} claims");
    }
}

#[test]
fn accepts_a_first_model_of_any_weights() {
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).expect("a profile");
        let circuit = RoundCircuit::new(&profile).expect("a layout");
        for wanted in [Model::random(&profile, [9; 32]), random_step(&profile, 4).0] {
            let (model, sum) = (Model::zero(&profile), Update::to_reach(&profile, &wanted));
            let round = Round { circuit: circuit.clone(), model, sum, claims: 1 };
            assert_eq!(round.next(), wanted, "{name}");
            assert_eq!(round.failing(round.witness()), names(&[]), "{name}");
        }
    }
    let odd = Profile { learning_rate: LearningRate { numerator: 511, shift: 9 }, ..toy().0.plan().profile.clone() };
    let wanted = random_step(&odd, 8).0;
    assert_eq!(Model::zero(&odd).apply(&odd, &Update::to_reach(&odd, &wanted)), wanted);
}

#[test]
fn accepts_sums_at_their_bounds() {
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).expect("a profile");
        let circuit = RoundCircuit::new(&profile).expect("a layout");
        let mut rng = StdRng::seed_from_u64(1);
        for claims in [1, profile.max_claims] {
            let bound = profile.bounds().update as i64 * claims as i64;
            let (min, max) = (signed_min(profile.weight_bits) as i32, signed_max(profile.weight_bits) as i32);
            let mut model = Model::zero(&profile);
            let mut sum = Update::zero(&profile);
            for (layer, update) in model.layers.iter_mut().zip(&mut sum.layers) {
                for (w, d) in layer.weights.iter_mut().zip(&mut update.weights) {
                    (*w, *d) =
                        ([min, max, 0, -1][rng.gen_range(0..4)], [bound, -bound, bound / 2, 0][rng.gen_range(0..4)]);
                }
            }
            let round = Round { circuit: circuit.clone(), model, sum, claims };
            assert_eq!(round.failing(round.witness()), names(&[]), "{name}, {claims} claims");
        }
    }
}

#[test]
fn accepts_any_tail_of_the_sum() {
    // Members that thin the random rows of their updates, or give them no blinding at all, do not block a round.
    let (round, _) = toy();
    for thin in [0, 4] {
        let mut tails = vec![vec![Fr::ZERO; TAIL]];
        tails[0][TAIL - thin..].fill_with(|| Fr::random(OsRng) + Fr::random(OsRng));
        let witness = RoundWitness::new(round.plan(), &round.model, &round.sum, round.claims, &tails).expect("a round");
        assert!(accepts(round.circuit.with_witness(witness), &round.instance(), 1));
    }
}

/// Folds may start anywhere, as only differences of them are used: a wrong power in a difference would leave a cell to choose.
#[test]
fn accepts_any_start_of_a_fold() {
    let (round, _) = toy();
    let plan = round.plan();
    let (weights, copies, rows) = (plan.forward(2), plan.transposed(2), plan.grid.rows_per_block);
    let block = (rows * plan.grid.columns) as u64;
    let bend = |column: &mut [Fr], rows: std::ops::Range<usize>, step: usize, base: Fr| {
        let mut value = Fr::from(77);
        for row in std::iter::once(rows.start - 1).chain(rows.skip(step - 1).step_by(step)) {
            column[row] += value;
            value *= base;
        }
    };
    let (w, c) = (weights.clone(), copies.clone());
    let tampers: [Tamper; 3] = [
        Arc::new(move |second, _, tau| bend(&mut second.folds[0], w.clone(), 1, tau)),
        Arc::new(move |second, _, tau| bend(&mut second.folds[0], c.clone(), 1, tau.pow([block]))),
        Arc::new(move |second, _, tau| bend(&mut second.folds[1], copies.clone(), rows, tau)),
    ];
    for tamper in tampers {
        let circuit = round.circuit.with_witness(round.witness()).with_tamper(tamper);
        assert_eq!(round.audit(&circuit, &round.instance()).failing_names(), names(&[]));
        assert!(accepts(circuit, &round.instance(), 1));
    }
}

#[test]
fn rejects_a_weight_that_is_off_by_one() {
    let (round, _) = toy();
    let honest = round.next();
    for (l, at) in [(0, 0), (0, 23), (1, 0), (1, 11)] {
        for by in [-1, 1] {
            let mut next = honest.clone();
            next.layers[l].weights[at] += by;
            // The distance from one end is negative and in no table.
            rejects(&["lookup.total"], round.to(&next));
        }
    }
    for l in 0..2 {
        let mut next = honest.clone();
        next.layers[l].bias[1] += 1;
        rejects(&["lookup.total"], round.to(&next));
    }
}

/// The off-by-one step, with distances that are in the table.
#[test]
fn rejects_distances_that_are_not_those_of_the_remainder() {
    let (round, _) = toy();
    let row = cell(1, 2, 1);
    // A step up makes the remainder too large, a step down negative.
    for (by, part, name) in [(1, OVER, "ceiling"), (-1, UNDER, "floor")] {
        let mut next = round.next();
        next.layers[0].weights[2 * 4 + 1] += by;
        let mut witness = round.to(&next);
        witness.parts[0][part][row] = Fr::ZERO;
        witness.count(round.plan());
        rejects(&[name], witness);
    }
}

#[test]
fn rejects_parts_that_are_not_those_of_the_remainder() {
    let (round, _) = toy();
    let row = cell(1, 2, 1);
    let mut witness = round.witness();
    witness.parts[0][LOW][row] += Fr::ONE;
    witness.count(round.plan());
    rejects(&["remainder"], witness);
    // A low part beyond its limb, made good by the high part.
    let mut witness = round.witness();
    let parts = &mut witness.parts[0];
    parts[LOW][row] += Fr::from(128);
    parts[HIGH][row] -= Fr::ONE;
    parts[UNDER][row] -= Fr::ONE;
    parts[OVER][row] += Fr::ONE;
    witness.count(round.plan());
    rejects(&["lookup.total"], witness);
}

#[test]
fn rejects_saturation_that_is_none() {
    let (round, _) = toy();
    let profile = &round.plan().profile;
    for end in [signed_min(profile.weight_bits), signed_max(profile.weight_bits)] {
        let mut next = round.next();
        next.layers[0].weights[5] = end as i32;
        rejects(&["lookup.total"], round.to(&next));
    }
}

#[test]
fn rejects_a_weight_out_of_range() {
    let (round, _) = toy();
    let profile = &round.plan().profile;
    let (min, max) = (signed_min(profile.weight_bits), signed_max(profile.weight_bits));
    // Sums that lead just beyond the ends, and a prover that does not clamp.
    for (beyond, to) in [(max + 1, -1), (min - 1, 1)] {
        let mut model = Model::zero(profile);
        model.layers[0].weights[0] = (beyond + to) as i32;
        let mut sum = Update::zero(profile);
        sum.layers[0].weights[0] = to << profile.learning_rate.shift;
        let round = Round { circuit: round.circuit.clone(), model, sum, claims: 1 };
        assert_eq!(i64::from(round.next().layers[0].weights[0]), beyond + to);
        let mut next = round.next();
        next.layers[0].weights[0] = beyond as i32;
        let circuit = round.circuit.with_witness(round.to(&next));
        let audit = round.audit(&circuit, &round.instance());
        assert_eq!(audit.failing_names(), names(&["weight.top"]));
        if !score::note(profile, &audit) {
            assert!(!accepts(circuit, &round.instance(), 1));
        }
    }
}

/// Where a weight's top is wider than a bit it is looked up, and so is what fills it up to a limb.
#[test]
fn rejects_a_weight_out_of_range_where_its_top_is_looked_up() {
    let profile = Profile { weight_bits: 10, ..toy().0.plan().profile.clone() };
    let circuit = RoundCircuit::new(&profile).expect("a layout");
    assert_eq!((circuit.plan().limb_bits, circuit.plan().top_bits()), (7, 3));
    let keys = CircuitKeys::new(profile.k, &circuit);
    let proves = |round: &Round, witness: RoundWitness| {
        let rows = round.circuit.blinding_rows();
        let script = [vec![1; rows], vec![7; rows], vec![1; rows]].concat();
        let proof = keys.prove(round.circuit.with_witness(witness), &round.instance(), Script::new(script));
        keys.verify(&proof, &round.instance())
    };
    let (min, max) = (signed_min(profile.weight_bits), signed_max(profile.weight_bits));
    for (beyond, to) in [(max + 1, -1), (min - 1, 1), (max + (1 << 9), -(1 << 9))] {
        let mut model = Model::zero(&profile);
        model.layers[0].weights[0] = (beyond + to) as i32;
        let mut sum = Update::zero(&profile);
        sum.layers[0].weights[0] = to << profile.learning_rate.shift;
        let round = Round { circuit: circuit.clone(), model, sum, claims: 1 };
        assert!(proves(&round, round.witness()), "the clamped step");
        let mut next = round.next();
        next.layers[0].weights[0] = beyond as i32;
        let witness = round.to(&next);
        assert_eq!(round.failing(witness.clone()), names(&["lookup.total"]));
        assert!(!proves(&round, witness), "{beyond}");
    }
}

#[test]
fn rejects_another_number_of_claims() {
    let (round, _) = toy();
    for claims in [2, 4, 8] {
        let other =
            Round { circuit: round.circuit.clone(), model: round.model.clone(), sum: round.sum.clone(), claims };
        let circuit = round.circuit.with_witness(other.witness());
        let audit = round.audit(&circuit, &round.instance());
        assert_eq!(audit.failing_names(), names(&["claims.start"]));
        if score::note(&round.plan().profile, &audit) {
            continue;
        }
        assert!(!accepts(circuit.clone(), &round.instance(), 1));
        assert!(accepts(circuit, &other.instance(), 1), "the same under its own number");
    }
    // The right number at the start, another one further down.
    let mut witness = round.witness();
    let area = round.plan().area();
    let from = round.plan().grid.row(round.plan().grid.input(2, 0));
    let other = Round { circuit: round.circuit.clone(), model: round.model.clone(), sum: round.sum.clone(), claims: 2 };
    let other = other.witness();
    witness.claims[from..area.end].fill(Fr::from(2));
    witness.next[0][from..].copy_from_slice(&other.next[0][from..]);
    for (part, column) in witness.parts[0].iter_mut().zip(&other.parts[0]) {
        part[from..].copy_from_slice(&column[from..]);
    }
    witness.count(round.plan());
    rejects(&["claims"], witness);
}

#[test]
fn rejects_another_learning_rate() {
    let (round, _) = toy();
    for rate in [LearningRate { numerator: 2, shift: 9 }, LearningRate { numerator: 1, shift: 8 }] {
        let other = Profile { learning_rate: rate, ..round.plan().profile.clone() };
        rejects(&["lookup.total"], round.to(&round.model.apply_mean(&other, &round.sum, round.claims)));
    }
    // No step at all, and the sum instead of the mean.
    rejects(&["lookup.total"], round.to(&round.model));
    rejects(&["lookup.total"], round.to(&round.model.apply_mean(&round.plan().profile, &round.sum, 1)));
}

#[test]
fn rejects_junk_in_padding_of_the_next_model() {
    let (round, _) = toy();
    let grid = &round.plan().grid;
    // The start gap, a row of a block beyond its weights, a gap, the first row after everything, the last before the tail.
    let rows = [0, grid.row(grid.bias(2)) + 3, grid.row(grid.gap(1)), grid.row(grid.end()), grid.rows() - TAIL - 1];
    for row in rows {
        let mut witness = round.witness();
        let zone = grid.parameter_zones()[row];
        assert_eq!(zone, zkpoc_circuits::grid::Zone::Padding, "row {row}");
        witness.next[0][row] = Fr::from(7);
        rejects(&["public.zone"], witness);
    }
    // Where the fold reads the padding too.
    let mut witness = round.witness();
    witness.next[0][grid.row(grid.input(2, 1)) + 3] = Fr::from(7);
    rejects(&["public.zone", "transposed"], witness);
}

#[test]
fn rejects_junk_in_the_tail_of_the_next_model() {
    let (round, _) = toy();
    let blinding = round.circuit.blinding_rows();
    let rows = round.plan().grid.rows();
    // A row of the tail that is assigned, whatever the blinding rows hold.
    for row in rows - TAIL..rows - blinding {
        let mut witness = round.witness();
        witness.next[0][row] = Fr::ZERO;
        rejects(&["public.zone"], witness);
    }
    // Blinding rows that are not 1.
    let circuit = round.circuit.with_witness(round.witness());
    assert!(accepts(circuit.clone(), &round.instance(), 1));
    assert!(!accepts(circuit.clone(), &round.instance(), 0));
    assert!(!accepts(circuit, &round.instance(), 2));
}

#[test]
fn rejects_a_model_that_is_not_canonical() {
    let (round, _) = toy();
    let mut witness = round.witness();
    witness.w[0][0] = Fr::ONE;
    rejects(&["public.zone"], witness);
}

#[test]
fn rejects_junk_in_the_sum() {
    let (round, _) = toy();
    let grid = &round.plan().grid;
    for row in [0, grid.row(grid.gap(1)), grid.rows() - TAIL - 1] {
        let mut witness = round.witness();
        witness.s[0][row] = Fr::ONE;
        rejects(&["hiding.zone"], witness);
    }
    let mut witness = round.witness();
    witness.s[0][grid.transposed_weight(2, 1, 2).1] = Fr::ONE;
    rejects(&["sum.transposed"], witness);
    // Another sum than the one that the next model comes from.
    let mut witness = round.witness();
    witness.s[0][cell(1, 0, 0)] += Fr::ONE;
    rejects(&["remainder"], witness);
}

#[test]
fn rejects_a_copy_that_differs_from_its_weight() {
    let (round, _) = toy();
    let grid = &round.plan().grid;
    for (j, k) in [(0, 0), (3, 2), (1, 1)] {
        let mut witness = round.witness();
        witness.next[0][grid.transposed_weight(2, j, k).1] += Fr::ONE;
        rejects(&["transposed"], witness);
    }
    // Two copies that trade places.
    let mut witness = round.witness();
    let (a, b) = (grid.transposed_weight(2, 0, 0).1, grid.transposed_weight(2, 1, 2).1);
    assert_ne!(witness.next[0][a], witness.next[0][b]);
    witness.next[0].swap(a, b);
    rejects(&["transposed"], witness);
    // All copies of the model before.
    let mut witness = round.witness();
    for row in round.plan().transposed(2) {
        witness.next[0][row] = witness.w[0][row];
    }
    rejects(&["transposed"], witness);
}

#[test]
fn rejects_forged_multiplicities_and_sums() {
    let (round, _) = toy();
    let mut witness = round.witness();
    witness.counts[round.plan().table() + 3] += Fr::ONE;
    rejects(&["lookup.total"], witness);
    let area = round.plan().area();
    // A sum that does not begin at zero makes good for anything.
    let start = area.start;
    rejects_forged(
        &["lookup.start", "lookup.total"],
        Arc::new(move |second, _, _| {
            if let Some(last) = second.sums.last_mut() {
                last[start - 1] = Fr::ONE;
            }
            for column in &mut second.sums {
                column[area.clone()].iter_mut().for_each(|sum| *sum += Fr::ONE);
            }
        }),
    );
    rejects_forged(&["lookup"], Arc::new(move |second, _, _| second.sums[1][start + 5] += Fr::ONE));
    rejects_forged(&["table"], Arc::new(|second, _, _| second.table[40] += Fr::ONE));
    rejects_forged(
        &["lookup.total", "table.start"],
        Arc::new(|second, _, _| second.table[..129].iter_mut().for_each(|sum| *sum += Fr::ONE)),
    );
    // Dropping what is looked up on the last row.
    let end = round.plan().area().end;
    rejects_forged(
        &["lookup", "lookup.total"],
        Arc::new(move |second, _, _| {
            let before = second.sums.last().map_or(Fr::ZERO, |last| last[end - 2]);
            for column in &mut second.sums {
                column[end - 1] = before;
            }
        }),
    );
}

/// One count too many, made good by the start of one of the two sums.
#[test]
fn rejects_sums_that_do_not_start_at_zero() {
    let (round, _) = toy();
    let (area, table) = (round.plan().area(), round.plan().table());
    let mut witness = round.witness();
    witness.counts[table + 7] += Fr::ONE;
    let circuit = round.circuit.with_witness(witness);
    let more = |alpha: Fr| (alpha - Fr::from(7)).invert().expect("a random challenge");
    rejects_circuit(
        &["lookup.start"],
        circuit.clone().with_tamper(Arc::new(move |second, alpha, _| {
            if let Some(last) = second.sums.last_mut() {
                last[area.start - 1] += more(alpha);
            }
            for column in &mut second.sums {
                column[area.clone()].iter_mut().for_each(|sum| *sum += more(alpha));
            }
        })),
    );
    rejects_circuit(
        &["table.start"],
        circuit.with_tamper(Arc::new(move |second, alpha, _| {
            second.table[table - 1..table + 128].iter_mut().for_each(|sum| *sum += more(alpha));
        })),
    );
}

/// In each looked-up column a value off the table that nothing but the lookup stands against, summed as another.
#[test]
fn rejects_values_off_the_table_that_are_summed_as_others() {
    let (round, _) = toy();
    let plan = round.plan();
    let profile = &plan.profile;
    let (max, min) = (signed_max(profile.weight_bits) as i32, signed_min(profile.weight_bits) as i32);
    assert_eq!((plan.lookups(), plan.excess, plan.limb_bits), (5, 1, 7));
    let weight_at = |at: usize| cell(1, at / 4, at % 4);
    // Weights at the ends, where one distance is bound to nothing, and one with its top bit set.
    let mut model = round.model.clone();
    model.layers[0].weights[..3].copy_from_slice(&[max, min, 0]);
    let mut sum = round.sum.clone();
    sum.layers[0].weights[..3].fill(0);
    let round = Round { circuit: round.circuit.clone(), model, sum, claims: round.claims };
    let limb = Fr::from(128);
    let unlimb = limb.invert().expect("a power of two");
    let [low, high, under, over, excess, weight] = [0, 1, 2, 3, 4, 5];
    /// The column's place among the lookups, the row, and what is added to the parts there.
    type Case = (usize, usize, Vec<(usize, Fr)>);
    let cases: [Case; 5] = [
        (0, weight_at(2), vec![(low, limb), (high, -Fr::ONE), (under, -Fr::ONE), (over, Fr::ONE)]),
        (1, weight_at(0), vec![(under, Fr::from(1 << 20))]),
        (2, weight_at(1), vec![(over, Fr::from(1 << 20))]),
        (3, weight_at(2), vec![(excess, -unlimb), (under, Fr::ONE), (over, Fr::ONE)]),
        (4, weight_at(2), vec![(weight, limb)]),
    ];
    for (column, row, changes) in cases {
        let mut witness = round.witness();
        let part = if column == 0 { low } else { column + 1 };
        let honest = witness.parts[0][part][row];
        for (part, by) in changes {
            witness.parts[0][part][row] += by;
        }
        let forged = witness.parts[0][part][row];
        // The counts are those of a witness with the honest value.
        witness.parts[0][part][row] = honest;
        witness.count(round.plan());
        witness.parts[0][part][row] = forged;
        let area = round.plan().area();
        let tamper: Tamper = Arc::new(move |second, alpha, _| {
            let pole = |value: Fr| (alpha - value).invert().expect("a random challenge");
            let more = pole(honest) - pole(forged);
            for (i, sums) in second.sums.iter_mut().enumerate() {
                let from = if i < column { row + 1 } else { row };
                sums[from..area.end].iter_mut().for_each(|sum| *sum += more);
            }
        });
        rejects_circuit(&["lookup"], round.circuit.with_witness(witness).with_tamper(tamper));
    }
}

#[test]
fn rejects_forged_folds() {
    let (round, _) = toy();
    let plan = round.plan();
    let (weights, copies) = (plan.forward(2), plan.transposed(2));
    let rows = plan.grid.rows_per_block;
    let at = weights.start + 2;
    rejects_forged(&["fold"], Arc::new(move |second, _, _| second.folds[0][at] += Fr::ONE));
    let at = copies.start + 1;
    rejects_forged(&["fold.transposed"], Arc::new(move |second, _, _| second.folds[0][at] += Fr::ONE));
    let at = copies.start + 2 * rows - 1;
    rejects_forged(&["turn"], Arc::new(move |second, _, _| second.folds[1][at] += Fr::ONE));
    // A false copy, and folds that make good for it: each chain is bound to its cells.
    let mut witness = round.witness();
    let wrong = plan.grid.transposed_weight(2, 1, 1).1;
    witness.next[0][wrong] += Fr::ONE;
    let circuit = round.circuit.with_witness(witness);
    let honest = round.circuit.with_witness(round.witness());
    assert!(accepts(honest, &round.instance(), 1));
    let last = copies.end - 1;
    let tampered = circuit.with_tamper(Arc::new(move |second, _, tau| {
        let exponent = (rows * rows - 2 * rows + 1) as u64;
        second.folds[1][last] -= tau.pow([exponent]);
    }));
    let failing = round.audit(&tampered, &round.instance()).failing_names();
    assert!(failing.contains("turn"), "{failing:?}");
    assert!(!accepts(tampered, &round.instance(), 1));
}

#[test]
fn rejects_statements_without_a_step() {
    let (round, _) = toy();
    let plan = round.plan();
    let make = |sum: &Update, claims, tails: &[Vec<Fr>]| RoundWitness::new(plan, &round.model, sum, claims, tails);
    for claims in [0, plan.profile.max_claims + 1] {
        let error = make(&round.sum, claims, &round.tails()).expect_err("claims");
        assert_eq!(error, RoundError::Claims { most: plan.profile.max_claims, claims });
    }
    let mut sum = round.sum.clone();
    sum.layers[1].bias[0] = i64::MAX;
    assert!(matches!(make(&sum, 3, &round.tails()), Err(RoundError::Sum { column: 0, got: i64::MAX, .. })));
    assert!(matches!(make(&round.sum, 3, &[]), Err(RoundError::Tails { columns: 1, .. })));
    sum.layers.pop();
    assert!(matches!(make(&sum, 3, &round.tails()), Err(RoundError::Statement(_))));
}

/// Shapes of every depth, with one or two weight columns and limbs of any number.
fn shapes() -> impl Strategy<Value = (Profile, u64)> {
    let layers = prop_oneof![
        Just(vec![3, 2]),
        Just(vec![5, 4]),
        Just(vec![5, 6, 2]),
        Just(vec![4, 8, 6, 2]),
        Just(vec![2, 4, 2, 4, 2])
    ];
    let rate = (1u64..=7, 4u32..=12);
    (layers, 1usize..=9, 1usize..=2, rate, 4u32..=14, any::<u64>()).prop_filter_map(
        "no layout",
        |(layers, batch, columns, (numerator, shift), weight_bits, seed)| {
            let mut profile = shape(&layers, batch, columns, 5)?;
            profile.weight_bits = weight_bits;
            profile.weight_frac_bits = weight_bits / 2;
            profile.learning_rate = LearningRate { numerator, shift };
            profile.max_claims = 3;
            profile.validate().ok()?;
            RoundPlan::new(&profile).ok()?;
            Some((profile, seed))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn prop_rounds_of_any_shape_are_provable_and_unique((profile, seed) in shapes(), claims in 1u64..=3) {
        let round = Round::new(&profile, seed % 1_000_000, claims);
        prop_assert_eq!(round.failing(round.witness()), names(&[]));
        let mut rng = StdRng::seed_from_u64(seed);
        let mut next = round.next();
        let l = rng.gen_range(0..next.layers.len());
        let at = rng.gen_range(0..next.layers[l].weights.len());
        let by = if rng.gen() { 1 } else { -1 };
        next.layers[l].weights[at] += by;
        prop_assert!(!round.failing(round.to(&next)).is_empty());
    }
}

#[test]
fn refuses_profiles_that_a_round_cannot_divide() {
    let toy = Profile::builtin("toy").expect("a profile");
    let claims = Profile { max_claims: 33, ..toy.clone() };
    let error = RoundPlan::new(&claims).expect_err("33 claims").to_string();
    assert!(error.contains("max_claims is 33") && error.contains("32 at most"), "{error}");
    let slow = Profile { learning_rate: LearningRate { numerator: 1, shift: 15 }, ..toy.clone() };
    assert!(RoundPlan::new(&slow).expect_err("a shift of 15").to_string().contains("lower max_claims or the shift"));
    let wide = Profile { weight_bits: 16, weight_frac_bits: 4, ..toy };
    assert!(RoundPlan::new(&wide).expect_err("16 bits").to_string().contains("weights have 16 bits"));
}

#[test]
fn the_columns_are_where_the_tests_think() {
    let (round, _) = toy();
    let witness = round.witness();
    let audit = round.audit(&round.circuit.with_witness(witness.clone()), &round.instance());
    let usable = round.plan().grid.rows() - audit.blinding_rows();
    for (column, values) in
        [(W, &witness.w[0]), (S, &witness.s[0]), (NEXT, &witness.next[0]), (CLAIMS, &witness.claims)]
    {
        assert_eq!(audit.advice[column][..usable], values[..usable]);
    }
    let row = cell(1, 2, 1);
    let parts = &witness.parts[0];
    let grid = round.plan().grid.model_columns(&round.model);
    let profile = &round.plan().profile;
    let remainder = witness.s[0][row] * Fr::from(profile.learning_rate.numerator)
        + signed(i128::from(round.claims) << (profile.learning_rate.shift - 1))
        - signed(i128::from(round.claims) << profile.learning_rate.shift)
            * (signed(grid[0][row].into()) - witness.next[0][row]);
    assert_eq!(parts[LOW][row] + parts[HIGH][row] * Fr::from(128), remainder);
    assert_eq!(parts[UNDER][row], parts[HIGH][row]);
    assert_eq!(parts[OVER][row] + parts[HIGH][row], signed(i128::from(round.claims) * 4 - 1));
}

#[test]
fn deletion_score() {
    let score = score::of(&[
        rejects_a_weight_that_is_off_by_one,
        rejects_distances_that_are_not_those_of_the_remainder,
        rejects_parts_that_are_not_those_of_the_remainder,
        rejects_a_weight_out_of_range,
        rejects_another_number_of_claims,
        rejects_junk_in_padding_of_the_next_model,
        rejects_a_model_that_is_not_canonical,
        rejects_junk_in_the_sum,
        rejects_a_copy_that_differs_from_its_weight,
        rejects_forged_multiplicities_and_sums,
        rejects_forged_folds,
        rejects_sums_that_do_not_start_at_zero,
        rejects_values_off_the_table_that_are_summed_as_others,
    ]);
    let (round, _) = toy();
    let audit = round.audit(&round.circuit.with_witness(round.witness()), &round.instance());
    score::report("round, toy", &audit.labels(), &score[&round.plan().profile.layers]);
}
