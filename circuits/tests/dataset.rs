//! The dataset circuit accepts well-formed shards and rejects, constraint by constraint, all others.

use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rand::rngs::OsRng;
use std::sync::{Arc, OnceLock};
use support::proving::CircuitKeys;
use support::{names, random_step, score};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetPlan, DatasetWitness, Phase2};
use zkpoc_circuits::profile::{FeatureKind, Profile};
use zkpoc_circuits::reference::Shard;
use zkpoc_circuits::{RoundCircuit, TrainingCircuit};

struct Toy {
    profile: Profile,
    circuit: DatasetCircuit,
    keys: CircuitKeys,
    shard: Shard,
}

impl Toy {
    fn new(profile: Profile, shard: Shard) -> Self {
        let circuit = DatasetCircuit::new(&profile).unwrap();
        let keys = CircuitKeys::new(profile.k, &circuit);
        Toy { profile, circuit, keys, shard }
    }

    fn accepts(&self, witness: DatasetWitness) -> bool {
        let instance = [Fr::from(5)];
        let proof = self.keys.prove(self.circuit.with_witness(witness), &instance, OsRng);
        self.keys.verify(&proof, &instance)
    }

    /// Rejects a circuit with a false witness.
    #[track_caller]
    fn rejects(&self, expected: &[&str], circuit: DatasetCircuit) {
        let instance = [Fr::from(5)];
        let audit = Audit::new(&circuit, self.profile.k, &instance, &[Fr::random(OsRng), Fr::random(OsRng)]).unwrap();
        assert_eq!(audit.failing_names(), names(expected));
        if score::note(&self.profile, &audit) {
            return;
        }
        let proof = self.keys.prove(circuit, &instance, OsRng);
        assert!(!self.keys.verify(&proof, &instance), "the verifier accepts an attack on {expected:?}");
    }
}

fn toy() -> &'static Toy {
    static TOY: OnceLock<Toy> = OnceLock::new();
    TOY.get_or_init(|| {
        let profile = Profile::builtin("toy").unwrap();
        let (_, mut shard) = random_step(&profile, 3);
        shard.labels = vec![0, 2, 1];
        Toy::new(profile, shard)
    })
}

/// Two laps of features with a sign.
fn laps() -> &'static Toy {
    static LAPS: OnceLock<Toy> = OnceLock::new();
    LAPS.get_or_init(|| {
        let toy = Profile::builtin("toy").unwrap();
        let profile = Profile { feature_kind: FeatureKind::Signed, local_steps: 2, k: 9, ..toy };
        let features = (0..36i16).map(|i| ((i * 7 + i / 6) % 16 - 8) as u16).collect();
        Toy::new(profile, Shard { features, labels: vec![0, 2, 1, 1, 0, 2] })
    })
}

fn honest() -> DatasetWitness {
    DatasetWitness::new(toy().circuit.plan(), &toy().shard)
}

fn accepts_real(witness: DatasetWitness) -> bool {
    toy().accepts(witness)
}

#[track_caller]
fn rejects_circuit(expected: &[&str], circuit: DatasetCircuit) {
    toy().rejects(expected, circuit);
}

/// Rejects a data column with everything else derived from it.
#[track_caller]
fn rejects(expected: &[&str], edit: impl Fn(&mut Vec<Fr>)) {
    let mut x = honest().x;
    edit(&mut x);
    rejects_circuit(expected, toy().circuit.with_witness(DatasetWitness::from_column(toy().circuit.plan(), x)));
}

/// Rejects an honest data column with a forged private column.
#[track_caller]
fn rejects_private(expected: &[&str], edit: impl Fn(&mut Vec<Fr>)) {
    let mut witness = honest();
    edit(&mut witness.aux);
    rejects_circuit(expected, toy().circuit.with_witness(witness));
}

/// Rejects an honest first phase with a forged second one; `edit` gets `alpha`.
#[track_caller]
fn rejects_forged(expected: &[&str], edit: impl Fn(&mut Phase2, Fr) + Send + Sync + 'static) {
    let tamper = Arc::new(move |second: &mut Phase2, alpha, _| edit(second, alpha));
    rejects_circuit(expected, toy().circuit.with_witness(honest()).with_tamper(tamper));
}

fn feature(j: usize, i: usize) -> usize {
    let grid = &toy().circuit.plan().grid;
    grid.row(grid.input(1, j)) + i
}

fn label(k: usize, i: usize) -> usize {
    let grid = &toy().circuit.plan().grid;
    grid.row(grid.output(k)) + i
}

#[test]
fn accepts_well_formed_shards() {
    assert!(accepts_real(honest()));
    // The largest and the smallest features, equal labels.
    let mut shard = Shard { features: vec![15; 18], labels: vec![1; 3] };
    shard.features[6..12].fill(0);
    shard.features[12] = 14;
    assert!(accepts_real(DatasetWitness::new(toy().circuit.plan(), &shard)));
}

#[test]
fn accepts_any_blinding_in_the_tail() {
    let mut witness = honest();
    witness.x[256 - 32..].fill(Fr::from(1234));
    assert!(accepts_real(witness));
}

/// Attacks `range.pin`.
#[test]
fn rejects_features_out_of_range() {
    for value in [Fr::from(16), -Fr::ONE] {
        rejects(&["range.pin"], |x| x[feature(2, 1)] = value);
    }
    // No integer, so its key has no place in the order either.
    rejects(&["order.next", "range.pin"], |x| x[feature(2, 1)] = Fr::TWO_INV);
}

/// Attacks `label.bit` and `label.one`.
#[test]
fn rejects_labels_that_are_not_one_hot() {
    rejects(&["label.one"], |x| x[label(2, 1)] = Fr::ZERO);
    rejects(&["label.one"], |x| x[label(0, 1)] = Fr::ONE);
    rejects(&["label.bit", "label.one"], |x| x[label(2, 1)] = Fr::from(2));
    rejects(&["label.bit"], |x| {
        x[label(2, 1)] = Fr::from(2);
        x[label(0, 1)] = -Fr::ONE;
    });
}

/// Attacks `hiding.zone`.
#[test]
fn rejects_values_in_the_padding() {
    rejects(&["hiding.zone"], |x| x[0] = Fr::ONE);
    // A record beyond the batch, and its label.
    rejects(&["hiding.zone"], |x| x[feature(0, 3)] = Fr::ONE);
    rejects(&["hiding.zone"], |x| x[label(0, 3)] = Fr::ONE);
    let grid = &toy().circuit.plan().grid;
    rejects(&["hiding.zone"], |x| x[grid.row(grid.bias(1))] = Fr::ONE);
    rejects(&["hiding.zone"], |x| x[256 - 33] = Fr::ONE);
}

/// Attacks `order.next`.
#[test]
fn rejects_a_record_that_appears_twice() {
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        // Its label differs or not: a record under two labels is one record.
        rejects(&["order.next"], |x| (0..6).for_each(|j| x[feature(j, b)] = x[feature(j, a)]));
    }
}

/// A private column forged by hand, with multiplicities that agree.
#[track_caller]
fn rejects_counted(expected: &[&str], edit: impl Fn(&mut DatasetWitness)) {
    let mut witness = honest();
    edit(&mut witness);
    witness.count(toy().circuit.plan());
    rejects_circuit(expected, toy().circuit.with_witness(witness));
}

/// The record of sample 0 put in place of that of sample 1 as well.
fn twice() -> DatasetWitness {
    let mut x = honest().x;
    (0..6).for_each(|j| x[feature(j, 1)] = x[feature(j, 0)]);
    DatasetWitness::from_column(toy().circuit.plan(), x)
}

/// Attacks `order.top` and `order.limb`: a record twice, one of whose keys comes after a distance of zero, as limbs of zero
/// above which the number is what the last one makes -1.
#[test]
fn rejects_an_order_that_is_not_strict() {
    let plan = toy().circuit.plan();
    for (expected, above) in [("order.limb", 1), ("order.limb", 3), ("order.top", plan.limbs - 1)] {
        let mut witness = twice();
        let keys = witness.sorted_keys(plan);
        let repeated = (1..3).find(|i| keys[*i] == keys[i - 1]).expect("a key that appears twice");
        let at = plan.sorted().nth(repeated).expect("a key");
        let unlimb = Fr::from(16).invert().unwrap();
        let mut number = -Fr::ONE;
        for row in (at - above..at).rev() {
            number *= unlimb;
            witness.key[row] = number;
        }
        rejects_circuit(&[expected], toy().circuit.with_witness(witness));
    }
}

/// Attacks `range.limb`: a record twice, with a distance of zero from a last limb of -1.
#[test]
fn rejects_limbs_off_the_table() {
    let plan = toy().circuit.plan();
    let mut witness = twice();
    let keys = witness.sorted_keys(plan);
    let repeated = (1..3).find(|i| keys[*i] == keys[i - 1]).expect("a key that appears twice");
    let at = plan.sorted().nth(repeated).expect("a key");
    witness.aux[at] = -Fr::ONE;
    witness.count(plan);
    rejects_circuit(&["range.pin"], toy().circuit.with_witness(witness.clone()));
    // Its pole left out of the sum.
    let end = plan.order_rows().end;
    let tamper = Arc::new(move |second: &mut Phase2, alpha: Fr, _| {
        let pole = (alpha + Fr::ONE).invert().unwrap();
        second.range[at..end].iter_mut().for_each(|sum| *sum -= pole);
    });
    rejects_circuit(&["range.limb"], toy().circuit.with_witness(witness).with_tamper(tamper));
}

/// Attacks `order.total`: keys in strict order that are not the records'.
#[test]
fn rejects_keys_in_order_that_are_not_the_keys() {
    let plan = toy().circuit.plan();
    let keys = honest().sorted_keys(plan);
    for i in 0..3 {
        rejects_counted(&["order.total"], |witness| {
            let mut keys = keys.clone();
            // Up by one: still before the next one.
            keys[i] += Fr::ONE;
            witness.put_order(plan, &keys);
        });
    }
    // A record twice, of which one key is another number.
    let mut witness = twice();
    let mut keys = witness.sorted_keys(plan);
    keys[2] += Fr::ONE;
    if keys[1] == keys[0] {
        keys[1] += Fr::ONE;
    }
    witness.put_order(plan, &keys);
    witness.count(plan);
    rejects_circuit(&["order.total"], toy().circuit.with_witness(witness));
}

/// Attacks `key`: a record twice, one of whose keys is not that of its features.
#[test]
fn rejects_forged_keys() {
    let plan = toy().circuit.plan();
    for block in [0, 3, 5] {
        let mut witness = twice();
        (block..6).for_each(|j| witness.key[feature(j, 1)] += Fr::ONE);
        let keys = witness.sorted_keys(plan);
        witness.put_order(plan, &keys);
        witness.count(plan);
        rejects_circuit(&["key"], toy().circuit.with_witness(witness));
    }
}

/// Attacks `key.sum`, `key.start`, `order.sum` and `order.start`.
#[test]
fn rejects_forged_sums_of_keys() {
    let plan = toy().circuit.plan();
    let keys = plan.keys(0);
    let sorted: Vec<usize> = plan.sorted().collect();
    let (limbs, last) = (plan.limbs, sorted[2]);
    let from = keys.start;
    // A sum that forgets a key, and one of the keys in order that forgets the same: as if there were two records.
    let record = |witness: &DatasetWitness| (0..3).map(|i| from + i).find(|row| witness.key[*row] == witness.key[last]);
    let row = record(&honest()).expect("a record with the largest key");
    let (end, key) = (keys.end, honest().key[last]);
    rejects_forged(&["key.sum", "order.total"], move |second, _| second.order[end - 1] += Fr::ONE);
    let both = Arc::new(move |second: &mut Phase2, _: Fr, beta: Fr| {
        let term = (beta - key).invert().unwrap();
        second.order[row..end].iter_mut().for_each(|sum| *sum -= term);
        second.order[last] -= term;
    });
    rejects_circuit(&["key.sum", "order.sum"], toy().circuit.with_witness(honest()).with_tamper(both));
    // A record twice whose second key no sum of the records counts, and a third key in order that is any number.
    let mut witness = twice();
    let mut forged = witness.sorted_keys(plan);
    let repeated = (1..3).find(|i| forged[*i] == forged[i - 1]).expect("a key that appears twice");
    let lost = forged.remove(repeated);
    let other = forged[1] + Fr::from(7);
    forged.push(other);
    witness.put_order(plan, &forged);
    witness.count(plan);
    let second_of = feature(5, 1);
    let place = sorted[2];
    let instead = Arc::new(move |second: &mut Phase2, _: Fr, beta: Fr| {
        let wrong = (beta - other).invert().unwrap() - (beta - lost).invert().unwrap();
        second.order[second_of..end].iter_mut().for_each(|sum| *sum += wrong);
    });
    rejects_circuit(&["key.sum"], toy().circuit.with_witness(witness.clone()).with_tamper(instead));
    let instead = Arc::new(move |second: &mut Phase2, _: Fr, beta: Fr| {
        second.order[place] += (beta - lost).invert().unwrap() - (beta - other).invert().unwrap();
    });
    rejects_circuit(&["order.sum"], toy().circuit.with_witness(witness.clone()).with_tamper(instead));
    // Sums that do not start at zero make good for anything.
    let start = Arc::new(move |second: &mut Phase2, _: Fr, beta: Fr| {
        let wrong = (beta - other).invert().unwrap() - (beta - lost).invert().unwrap();
        second.order[from - 1..end].iter_mut().for_each(|sum| *sum += wrong);
    });
    rejects_circuit(&["key.start"], toy().circuit.with_witness(witness.clone()).with_tamper(start));
    let before = sorted[0] - limbs;
    let start = Arc::new(move |second: &mut Phase2, _: Fr, beta: Fr| {
        let wrong = (beta - lost).invert().unwrap() - (beta - other).invert().unwrap();
        [before].iter().chain(&sorted).for_each(|row| second.order[*row] += wrong);
    });
    rejects_circuit(&["order.start"], toy().circuit.with_witness(witness).with_tamper(start));
}

/// Attacks `range.feature` and `range.table`.
#[test]
fn rejects_forged_multiplicities_and_sums() {
    let (table, end) = (toy().circuit.plan().table(), toy().circuit.plan().order_rows().end);
    rejects_private(&["range.pin"], |aux| aux[table + 3] += Fr::ONE);
    rejects_forged(&["range.table"], move |second, _| second.range[table + 3] += Fr::ONE);
    // A sum that does not start at zero makes good for anything.
    rejects_forged(&["range.pin"], move |second, _| {
        second.range[feature(0, 0) - 1..end].iter_mut().for_each(|sum| *sum += Fr::ONE);
    });
    rejects_forged(&["range.feature"], |second, _| {
        second.range[feature(0, 0)..feature(0, 2)].iter_mut().for_each(|sum| *sum += Fr::ONE);
    });
    // A feature out of range whose pole is left out of the sum.
    let mut x = honest().x;
    let (at, value) = (feature(2, 1), Fr::from(16));
    x[at] = value;
    let witness = DatasetWitness::from_column(toy().circuit.plan(), x);
    let tamper = Arc::new(move |second: &mut Phase2, alpha: Fr, _| {
        let pole = (alpha - value).invert().unwrap();
        second.range[at..end].iter_mut().for_each(|sum| *sum -= pole);
    });
    rejects_circuit(&["range.feature"], toy().circuit.with_witness(witness).with_tamper(tamper));
}

/// Attacks `label.sum`.
#[test]
fn rejects_forged_label_sums() {
    let shift = toy().circuit.plan().label_shift;
    rejects_private(&["label.sum"], |aux| (0..2).for_each(|k| aux[label(k, 1) + shift] += Fr::ONE));
}

#[test]
fn accepts_features_with_a_sign_in_several_laps() {
    let plan = laps().circuit.plan();
    assert!(laps().accepts(DatasetWitness::new(plan, &laps().shard)));
    assert_eq!(laps().shard.check(&laps().profile), Ok(()));
    assert_eq!(laps().shard.features.iter().map(|x| *x as i16).min(), Some(-8));
    assert_eq!(laps().shard.features.iter().map(|x| *x as i16).max(), Some(7));
}

/// Attacks `range.pin`, `hiding.zone`, `label.one` and `order.next` in the second lap, and from one lap to the other.
#[test]
fn rejects_records_of_any_lap_that_are_not_valid() {
    let plan = laps().circuit.plan();
    let honest = DatasetWitness::new(plan, &laps().shard);
    let at = |j: usize, record: usize| plan.grid.lap(record / 3) + feature(j, record % 3);
    let rejects = |expected: &[&str], edit: &dyn Fn(&mut Vec<Fr>)| {
        let mut x = honest.x.clone();
        edit(&mut x);
        laps().rejects(expected, laps().circuit.with_witness(DatasetWitness::from_column(plan, x)));
    };
    for record in [1, 4] {
        rejects(&["range.pin"], &|x| x[at(2, record)] = -Fr::from(9));
        rejects(&["range.pin"], &|x| x[at(2, record)] = Fr::from(8));
        let label = plan.grid.lap(record / 3) + label(usize::from(laps().shard.labels[record]), record % 3);
        rejects(&["label.one"], &|x| x[label] = Fr::ZERO);
        rejects(&["hiding.zone"], &|x| x[at(0, record - record % 3) + 3] = Fr::ONE);
    }
    // Between the laps.
    rejects(&["hiding.zone"], &|x| x[plan.grid.lap(1) - 1] = Fr::ONE);
    for (a, b) in [(0, 5), (2, 3), (3, 5), (4, 1)] {
        rejects(&["order.next"], &|x| (0..6).for_each(|j| x[at(j, b)] = x[at(j, a)]));
    }
}

/// Attacks `key.carry`: a record in two laps, and a sum that is not carried from the first to the second.
#[test]
fn rejects_a_lap_whose_keys_do_not_count() {
    let plan = laps().circuit.plan();
    let mut x = DatasetWitness::new(plan, &laps().shard).x;
    (0..6).for_each(|j| x[plan.grid.lap(1) + feature(j, 1)] = x[feature(j, 0)]);
    let mut witness = DatasetWitness::from_column(plan, x);
    let mut keys = witness.sorted_keys(plan);
    let repeated = (1..6).find(|i| keys[*i] == keys[i - 1]).expect("a key that appears twice");
    let lost = keys.remove(repeated);
    let other = keys[4] + Fr::from(7);
    keys.push(other);
    witness.put_order(plan, &keys);
    witness.count(plan);
    let rows = plan.keys(1);
    let tamper = Arc::new(move |second: &mut Phase2, _: Fr, beta: Fr| {
        let wrong = (beta - other).invert().unwrap() - (beta - lost).invert().unwrap();
        second.order[rows.start - 1..rows.end].iter_mut().for_each(|sum| *sum += wrong);
    });
    laps().rejects(&["key.carry"], laps().circuit.with_witness(witness).with_tamper(tamper));
}

/// The keys' coefficients are fixed for all time: they are part of every verifying key.
#[test]
fn keys_are_the_sums_that_they_are_said_to_be() {
    let plan = toy().circuit.plan();
    assert_eq!((plan.half_bits, plan.limbs), (15, 10));
    let fixed: Vec<u64> = (0..=6).map(|j| plan.coefficient(j)).collect();
    assert!(fixed.iter().all(|f| (1..=1 << 15).contains(f)), "{fixed:?}");
    let witness = honest();
    for i in 0..3 {
        let record = &toy().shard.features[6 * i..6 * i + 6];
        let key: u64 = (0..6).map(|j| (fixed[j] + (fixed[j + 1] << 15)) * u64::from(record[j])).sum();
        assert_eq!(witness.key[feature(5, i)], Fr::from(key));
    }
    let phone = Profile::from_toml(include_str!("data/mnist-local-phone.toml")).unwrap();
    let large = Profile { momentum: 0, ..phone };
    let circuit = DatasetCircuit::new(&large).unwrap();
    let (half, limbs) = (circuit.plan().half_bits, circuit.plan().limbs);
    assert_eq!(half, (25 + 2 * (large.shard_records() as f64).log2().ceil() as u32).div_ceil(2));
    // 784 features of 8 bits.
    assert_eq!(limbs as u32, (10 + 8 + 2 * half + 1).div_ceil(8));
}

#[test]
fn deletion_score() {
    let score = score::of(&[
        rejects_features_out_of_range,
        rejects_labels_that_are_not_one_hot,
        rejects_values_in_the_padding,
        rejects_a_record_that_appears_twice,
        rejects_forged_multiplicities_and_sums,
        rejects_forged_label_sums,
        rejects_an_order_that_is_not_strict,
        rejects_limbs_off_the_table,
        rejects_keys_in_order_that_are_not_the_keys,
        rejects_forged_keys,
        rejects_forged_sums_of_keys,
        rejects_a_lap_whose_keys_do_not_count,
    ]);
    let toy = Profile::builtin("toy").unwrap();
    let audit = Audit::new(&self::toy().circuit.with_witness(honest()), 8, &[Fr::from(5)], &[Fr::from(2), Fr::from(3)]);
    score::report("dataset, toy", &audit.unwrap().labels(), &score[&toy.layers]);
    let honest = laps().circuit.with_witness(DatasetWitness::new(laps().circuit.plan(), &laps().shard));
    let audit = Audit::new(&honest, 9, &[Fr::from(5)], &[Fr::from(2), Fr::from(3)]).unwrap();
    score::report("dataset, laps", &audit.labels(), &score[&toy.layers]);
}

/// Rows grow with the records, not with their pairs.
#[test]
fn shards_fit_the_rows_that_their_features_need() {
    let mlp = Profile { batch: 256, k: 18, ..Profile::builtin("mnist-mlp").unwrap() };
    assert!(TrainingCircuit::new(&mlp).is_ok() && RoundCircuit::new(&mlp).is_ok());
    let plan = DatasetPlan::new(&mlp).unwrap();
    assert_eq!((plan.grid.end(), plan.grid.blocks()), (928, 1023));
    // Below the table: nine limbs for each record but the first.
    assert_eq!(plan.order_rows().len(), 255 * plan.limbs);
    let run = DatasetPlan::new(&Profile::builtin("mnist-local").unwrap()).unwrap();
    assert_eq!((run.records(), run.order_rows().len()), (1024, 1023 * run.limbs));
    assert_eq!((plan.limbs, run.limbs), (8, 9));
}
