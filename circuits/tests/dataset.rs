//! The dataset circuit accepts well-formed shards and rejects, constraint by constraint, all others.

mod support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::OsRng;
use std::sync::OnceLock;
use support::proving::CircuitKeys;
use support::{names, random_step};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
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

fn audit(witness: DatasetWitness) -> Audit {
    let circuit = toy().circuit.with_witness(witness);
    Audit::new(&circuit, 8, &[Fr::from(5)], &[Fr::random(OsRng), Fr::random(OsRng)]).unwrap()
}

fn honest() -> DatasetWitness {
    DatasetWitness::new(toy().circuit.plan(), &toy().shard)
}

fn accepts_real(witness: DatasetWitness) -> bool {
    let instance = [Fr::from(5)];
    let proof = toy().keys.prove(toy().circuit.with_witness(witness), &instance, OsRng);
    toy().keys.verify(&proof, &instance)
}

/// Rejects a data column with everything else derived from it.
fn rejects(expected: &[&str], edit: impl Fn(&mut Vec<Fr>)) {
    let mut x = honest().x;
    edit(&mut x);
    let witness = DatasetWitness::from_column(toy().circuit.plan(), x);
    assert_eq!(audit(witness.clone()).failing_names(), names(expected));
    assert!(!accepts_real(witness), "the verifier accepts an attack on {expected:?}");
}

/// Rejects an honest shard with a forged private or second-phase column.
fn rejects_forged(expected: &[&str], edit: impl Fn(&mut Vec<Vec<Fr>>)) {
    let mut audit = audit(honest());
    assert_eq!(audit.failing_names(), names(&[]));
    edit(&mut audit.advice);
    assert_eq!(audit.failing_names(), names(expected));
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

#[test]
fn rejects_features_out_of_range() {
    for value in [Fr::from(16), -Fr::ONE, Fr::from(2).invert().unwrap()] {
        rejects(&["range.pin"], |x| x[feature(2, 1)] = value);
    }
}

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

#[test]
fn rejects_a_record_that_appears_twice() {
    for (a, b) in [(0, 1), (1, 2), (0, 2)] {
        // Its label differs or not: a record under two labels is one record.
        rejects(&["pair.distinct"], |x| (0..6).for_each(|j| x[feature(j, b)] = x[feature(j, a)]));
    }
}

#[test]
fn rejects_forged_multiplicities_and_sums() {
    let table = toy().circuit.plan().table();
    let mut witness = honest();
    witness.aux[table + 3] += Fr::ONE;
    assert_eq!(audit(witness.clone()).failing_names(), names(&["range.pin"]));
    assert!(!accepts_real(witness));
    rejects_forged(&["range.table"], |columns| columns[1][table + 3] += Fr::ONE);
    // A sum that does not start at zero makes good for anything.
    rejects_forged(&["range.pin"], |columns| {
        columns[2][feature(0, 0) - 1..table + 16].iter_mut().for_each(|sum| *sum += Fr::ONE);
    });
    rejects_forged(&["range.feature"], |columns| {
        columns[2][feature(0, 0)..feature(0, 2)].iter_mut().for_each(|sum| *sum += Fr::ONE);
    });
}

#[test]
fn rejects_forged_label_sums() {
    let shift = toy().circuit.plan().label_shift;
    rejects_forged(&["label.sum"], |columns| (0..2).for_each(|k| columns[1][label(k, 1) + shift] += Fr::ONE));
}

#[test]
fn rejects_forged_fingerprints() {
    let rows = toy().circuit.plan().grid.rows_per_block;
    // Another feature than the committed one, in the block where the fold ends.
    rejects_forged(&["pair.copy", "print"], |columns| columns[3][feature(5, 0)] += Fr::ONE);
    let first = toy().circuit.plan().pairs(1).start;
    rejects_forged(&["pair.copy", "pair.distinct"], |columns| columns[3][first + 1] += Fr::ONE);
    let fix = |columns: &mut Vec<Vec<Fr>>, row: usize| {
        columns[5][row] = (columns[3][row] - columns[4][row]).invert().unwrap()
    };
    rejects_forged(&["pair.shift"], |columns| {
        columns[4][first] += Fr::ONE;
        fix(columns, first);
    });
    rejects_forged(&["pair.copy"], |columns| {
        columns[3][first + rows] += Fr::ONE;
        fix(columns, first + rows);
    });
    rejects_forged(&["pair.distinct"], |columns| columns[5][first] += Fr::ONE);
}
