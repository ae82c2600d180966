//! Rigidity of the three circuits: at an honest witness nothing but the named free cells can move.
//!
//! What the statement fixes is known: the model of the training and the round circuit, the registered data,
//! the sum of the updates. The update, the next model, padding and tails are the prover's.

use crate::support;

use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::BTreeSet;
use support::rigid::{self, measure, round, training, Subject};
use support::{honest_dataset, shape, stacked, with_laps, with_softmax, Fixture};
use zkpoc_circuits::profile::Profile;

use crate::training::softmax;

/// Exactly the named free cells can move.
fn check(subject: &Subject) {
    rigid::check(subject);
}

fn dataset(profile: &Profile) -> Subject {
    rigid::dataset(profile, honest_dataset(profile, 3).unwrap())
}

#[test]
fn rigidity_of_the_training_circuit() {
    check(&training(Fixture::builtin("toy")));
    check(&training(Fixture::random(shape(&[2, 4, 2, 2], 3, 2, 4).unwrap(), 2)));
    check(&training(Fixture::random(shape(&[3, 2], 5, 1, 4).unwrap(), 3)));
    check(&training(Fixture::random(shape(&[3, 2, 2], 3, 1, 6).unwrap(), 2)));
    check(&training(Fixture::random(stacked(shape(&[2, 4, 2], 3, 2, 4).unwrap(), 1), 2)));
}

#[test]
fn rigidity_of_the_training_circuit_with_a_softmax() {
    let soft = softmax::profile();
    for (layers, batch, columns, stack_bits) in
        [(vec![3, 2, 3], 3, 1, 0), (vec![3, 2], 5, 1, 0), (vec![2, 2, 2, 2], 2, 2, 1), (vec![2, 2, 1], 2, 1, 0)]
    {
        let profile = Profile { layers, batch, weight_columns: columns, stack_bits, ..soft.clone() };
        check(&training(Fixture::random(profile, 2)));
    }
}

#[test]
fn rigidity_of_runs_of_two_and_four_steps() {
    let one = |layers: &[usize], columns| shape(layers, 2, columns, 4).unwrap();
    check(&training(Fixture::random(with_laps(one(&[2, 2, 2], 2), 2), 2)));
    check(&training(Fixture::random(with_laps(one(&[2, 2], 1), 4), 2)));
    check(&training(Fixture::random(with_laps(with_softmax(one(&[2, 2, 2], 1)), 2), 3)));
}

#[test]
fn rigidity_of_the_dataset_circuit() {
    check(&dataset(&Profile::builtin("toy").unwrap()));
    check(&dataset(&shape(&[5, 2, 4], 7, 1, 5).unwrap()));
    check(&dataset(&shape(&[2, 3, 2, 4, 2], 1, 1, 6).unwrap()));
    check(&dataset(&with_laps(shape(&[3, 2], 2, 1, 4).unwrap(), 2)));
    check(&dataset(&with_laps(shape(&[3, 2, 2], 1, 1, 4).unwrap(), 4)));
}

#[test]
fn rigidity_of_the_round_circuit() {
    let toy = Profile::builtin("toy").unwrap();
    check(&round(&toy));
    check(&round(&Profile { weight_bits: 10, ..toy }));
    check(&round(&shape(&[4, 8, 6, 2], 2, 2, 5).unwrap()));
    check(&round(&shape(&[3, 2], 5, 1, 4).unwrap()));
    check(&round(&stacked(shape(&[3, 4, 2], 2, 2, 5).unwrap(), 1)));
    check(&round(&with_laps(shape(&[3, 4, 2], 2, 2, 5).unwrap(), 2)));
}

/// Deletes one constraint at a time. Those whose deletion leaves the kernel as it is choose between finitely many
/// values, or bind a cell that is known here, or are bound a second time at this witness: they are listed, and each has a
/// witness made by hand that breaks it alone (`deletion_score` of the circuits' tests).
#[test]
fn rigidity_is_lost_without_a_constraint() {
    let profile = shape(&[2, 2, 2], 2, 1, 4).unwrap();
    let local = [
        ("training", "activation.ceiling activation.floor activation.sign backward bucket bucket.last hidden.activation loss.total output.phantom output.residual signal.ceiling signal.floor signal.sign start"),
        ("dataset", "label.bit label.one order.next order.top"),
        ("round", "ceiling claims.start floor public.zone#1 remainder"),
    ];
    let subjects = [training(Fixture::random(profile.clone(), 2)), dataset(&profile), round(&profile)];
    for (subject, (name, local)) in subjects.iter().zip(local) {
        let whole = measure(subject, "");
        let labels = (subject.make)(&[Fr::from(2), Fr::from(3), Fr::from(5), Fr::from(7)]).labels();
        let unnoticed = |label: &String| {
            let found = measure(subject, label);
            (found.free.len(), found.second_free.len()) == (whole.free.len(), whole.second_free.len())
        };
        let missed: Vec<&str> = labels.iter().filter(|label| unnoticed(label)).map(String::as_str).collect();
        println!("{name}: the kernel grows for {} of {} deletions", labels.len() - missed.len(), labels.len());
        let local: BTreeSet<&str> = local.split(' ').collect();
        assert_eq!(missed.into_iter().collect::<BTreeSet<_>>(), local, "{name}");
    }
}
