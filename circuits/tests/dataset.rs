//! The dataset circuit accepts well-formed shards and rejects, constraint by constraint, all others.

use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::OsRng;
use std::sync::{Arc, OnceLock};
use support::proving::CircuitKeys;
use support::{names, random_step, score};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness, Phase2};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Shard;

struct Toy {
    circuit: DatasetCircuit,
    keys: CircuitKeys,
    shard: Shard,
}

fn toy() -> &'static Toy {
    static TOY: OnceLock<Toy> = OnceLock::new();
    TOY.get_or_init(|| {
        let profile = Profile::builtin("toy").unwrap();
        let circuit = DatasetCircuit::new(&profile).unwrap();
        let keys = CircuitKeys::new(profile.k, &circuit);
        let (_, mut shard) = random_step(&profile, 3);
        shard.labels = vec![0, 2, 1];
        Toy { circuit, keys, shard }
    })
}

fn honest() -> DatasetWitness {
    DatasetWitness::new(toy().circuit.plan(), &toy().shard)
}

fn accepts_real(witness: DatasetWitness) -> bool {
    let instance = [Fr::from(5)];
    let proof = toy().keys.prove(toy().circuit.with_witness(witness), &instance, OsRng);
    toy().keys.verify(&proof, &instance)
}

/// Rejects a circuit with a false witness.
#[track_caller]
fn rejects_circuit(expected: &[&str], circuit: DatasetCircuit) {
    let instance = [Fr::from(5)];
    let audit = Audit::new(&circuit, 8, &instance, &[Fr::random(OsRng), Fr::random(OsRng)]).unwrap();
    assert_eq!(audit.failing_names(), names(expected));
    if score::note(&Profile::builtin("toy").unwrap(), &audit) {
        return;
    }
    let proof = toy().keys.prove(circuit, &instance, OsRng);
    assert!(!toy().keys.verify(&proof, &instance), "the verifier accepts an attack on {expected:?}");
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
    for value in [Fr::from(16), -Fr::ONE, Fr::from(2).invert().unwrap()] {
        rejects(&["range.pin"], |x| x[feature(2, 1)] = value);
    }
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

/// Attacks `pair.distinct`.
#[test]
fn rejects_a_record_that_appears_twice() {
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        // Its label differs or not: a record under two labels is one record.
        rejects(&["pair.distinct"], |x| (0..6).for_each(|j| x[feature(j, b)] = x[feature(j, a)]));
    }
}

/// Attacks `range.feature` and `range.table`.
#[test]
fn rejects_forged_multiplicities_and_sums() {
    let table = toy().circuit.plan().table();
    rejects_private(&["range.pin"], |aux| aux[table + 3] += Fr::ONE);
    rejects_forged(&["range.table"], move |second, _| second.range[table + 3] += Fr::ONE);
    // A sum that does not start at zero makes good for anything.
    rejects_forged(&["range.pin"], move |second, _| {
        second.range[feature(0, 0) - 1..table + 16].iter_mut().for_each(|sum| *sum += Fr::ONE);
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
        second.range[at..table + 16].iter_mut().for_each(|sum| *sum -= pole);
    });
    rejects_circuit(&["range.feature"], toy().circuit.with_witness(witness).with_tamper(tamper));
}

/// Attacks `label.sum`.
#[test]
fn rejects_forged_label_sums() {
    let shift = toy().circuit.plan().label_shift;
    rejects_private(&["label.sum"], |aux| (0..2).for_each(|k| aux[label(k, 1) + shift] += Fr::ONE));
}

/// Attacks `print`, `pair.copy` and `pair.shift`.
#[test]
fn rejects_forged_fingerprints() {
    let rows = toy().circuit.plan().grid.rows_per_block;
    let fix = |second: &mut Phase2, row: usize| {
        second.inverse[row] = (second.print[row] - second.shift[row]).invert().unwrap()
    };
    // Another feature than the committed one, in the block where the fold ends.
    rejects_forged(&["pair.copy", "print"], |second, _| second.print[feature(5, 0)] += Fr::ONE);
    // A record that appears twice gets another fingerprint, copied and compared as if it were its own.
    let mut x = honest().x;
    (0..6).for_each(|j| x[feature(j, 1)] = x[feature(j, 0)]);
    let witness = DatasetWitness::from_column(toy().circuit.plan(), x);
    let (first, last) = (toy().circuit.plan().pairs(1).start, toy().circuit.plan().pairs(2).start);
    let tamper = Arc::new(move |second: &mut Phase2, _, _| {
        [feature(5, 0), first, last].into_iter().for_each(|row| second.print[row] += Fr::ONE);
        [first, first + 1, last].into_iter().for_each(|row| fix(second, row));
    });
    rejects_circuit(&["print"], toy().circuit.with_witness(witness).with_tamper(tamper));
    rejects_forged(&["pair.copy", "pair.distinct"], move |second, _| second.print[first + 1] += Fr::ONE);
    rejects_forged(&["pair.shift"], move |second, _| {
        second.shift[last] += Fr::ONE;
        fix(second, last);
    });
    rejects_forged(&["pair.copy"], move |second, _| {
        second.print[first + rows] += Fr::ONE;
        fix(second, first + rows);
    });
    rejects_forged(&["pair.distinct"], move |second, _| second.inverse[first] += Fr::ONE);
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
        rejects_forged_fingerprints,
    ]);
    let toy = Profile::builtin("toy").unwrap();
    let audit = Audit::new(&self::toy().circuit.with_witness(honest()), 8, &[Fr::from(5)], &[Fr::from(2), Fr::from(3)]);
    score::report("dataset, toy", &audit.unwrap().labels(), &score[&toy.layers]);
}
