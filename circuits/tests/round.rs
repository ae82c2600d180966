//! The round circuit proves the step of the native trainer and rejects, constraint by constraint, every other one.

#[path = "round/forged.rs"]
mod forged;
#[path = "round/places.rs"]
mod places;
#[path = "round/shapes.rs"]
mod shapes;
use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::{OsRng, StdRng};
use rand::{Rng, SeedableRng};
use std::sync::{Arc, OnceLock};
use support::proving::{CircuitKeys, Script};
use support::{names, random_step, round_audit, score, shape};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::{LayoutError, TAIL};
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
        round_audit(circuit, instance, &challenges)
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

/// Attacks `lookup.total`.
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
/// Attacks `floor` and `ceiling`.
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

/// Attacks `remainder`.
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

/// Attacks `weight.top`.
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

/// Attacks `claims` and `claims.start`.
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

/// By none the circuit cannot divide: it lets every weight through that lies at the end its sum points to. So a verifier refuses the
/// number before it asks for a proof, as the contracts and the prover's statement do.
#[test]
fn accepts_no_claims_which_every_verifier_must_refuse() {
    let (round, _) = toy();
    let bits = round.plan().profile.weight_bits;
    let ends = |sums: &[i64]| -> Vec<i32> {
        let end = |sum: &i64| if *sum < 0 { signed_max(bits) } else { signed_min(bits) };
        sums.iter().map(|sum| i32::try_from(end(sum)).expect("a weight")).collect()
    };
    let (mut next, mut sum) = (round.model.clone(), round.sum.clone());
    for (layer, sums) in next.layers.iter_mut().zip(&mut sum.layers) {
        // Small enough for the honest maker of witnesses, which has a bound for each number of claims.
        sums.weights.iter_mut().chain(&mut sums.bias).for_each(|sum| *sum %= 1 << 16);
        (layer.weights, layer.bias) = (ends(&sums.weights), ends(&sums.bias));
    }
    let none = Round { circuit: round.circuit.clone(), model: round.model.clone(), sum, claims: 0 };
    let circuit = round.circuit.with_witness(none.to(&next));
    assert_eq!(none.audit(&circuit, &none.instance()).failing_names(), names(&[]));
    assert!(accepts(circuit, &none.instance(), 1));
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

/// Attacks `public.zone`.
#[test]
fn rejects_a_model_that_is_not_canonical() {
    let (round, _) = toy();
    let mut witness = round.witness();
    witness.w[0][0] = Fr::ONE;
    rejects(&["public.zone"], witness);
}

/// Attacks `hiding.zone` and `sum.transposed`.
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

/// Attacks `transposed`.
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
        forged::rejects_forged_multiplicities_and_sums,
        forged::rejects_forged_folds,
        forged::rejects_sums_that_do_not_start_at_zero,
        forged::rejects_values_off_the_table_that_are_summed_as_others,
    ]);
    let (round, _) = toy();
    let audit = round.audit(&round.circuit.with_witness(round.witness()), &round.instance());
    score::report("round, toy", &audit.labels(), &score[&round.plan().profile.layers]);
}
