//! Bounds on the norm and the loss, state and public inputs.

use super::rejects_first;
use super::support::cheat::{count, put_buckets, recount};
use super::support::proving::Keys;
use super::support::{quiet, rejects, shape, toy_keys, Claim, Fixture};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::training::plan::STATE_ROW;
use zkpoc_circuits::training::Phase1;

#[test]
pub(crate) fn rejects_bounds_below_the_norm_or_the_loss() {
    let f = quiet();
    let last = |rows: usize| if rows > 1 { "bucket" } else { "bucket.last" };
    rejects_first(&[last(f.plan.bucket_rows.0)], |f, first| {
        first.norm_bound = Fr::from(f.trace.norm as u64);
        recount(&f.plan, first);
    });
    rejects_first(&[last(f.plan.bucket_rows.1)], |f, first| {
        first.loss_bound = Fr::from(f.trace.loss as u64);
        recount(&f.plan, first);
    });
    // One above the norm and the loss is enough.
    let mut first = f.first.clone();
    first.norm_bound = Fr::from(f.trace.norm as u64 + 1);
    first.loss_bound = Fr::from(f.trace.loss as u64 + 1);
    recount(&f.plan, &mut first);
    assert!(toy_keys().accepts(f, &Claim::of(first)));
}

/// Attacks `loss.total`.
#[test]
pub(crate) fn rejects_heads_that_are_not_what_is_left() {
    let head = |f: &Fixture, first: &mut Phase1, at: usize| {
        first.aux[0][at] = Fr::ZERO;
        put_buckets(&f.plan, first);
        count(&f.plan, first);
    };
    rejects_first(&["forward"], |f, first| {
        first.norm_bound = Fr::ONE;
        recount(&f.plan, first);
        head(f, first, f.plan.buckets().0.start);
    });
    rejects_first(&["loss.total"], |f, first| {
        first.loss_bound = Fr::ONE;
        recount(&f.plan, first);
        head(f, first, f.plan.buckets().1.start);
    });
}

/// Attacks `bucket.last`.
#[test]
pub(crate) fn rejects_limbs_of_a_bucket_that_do_not_add_up() {
    let f = quiet();
    let (norm, _) = f.plan.buckets();
    rejects_first(&["bucket.last"], |f, first| {
        let lane = f.plan.bucket_limbs()[0];
        let cell = &mut first.aux[lane.column][lane.at(norm.end - 1)];
        *cell = if *cell == Fr::ZERO { Fr::ONE } else { *cell - Fr::ONE };
        count(&f.plan, first);
    });
}

/// Attacks `bucket`.
#[test]
pub(crate) fn rejects_limbs_of_a_row_of_a_bucket_that_do_not_add_up() {
    let f = Fixture::random(shape(&[3, 2], 6, 1, 4).unwrap(), 2);
    assert!(f.plan.bucket_rows.0 > 1);
    let (lane, row) = (f.plan.bucket_limbs()[0], f.plan.buckets().0.start);
    let mut first = f.first.clone();
    let cell = &mut first.aux[lane.column][lane.at(row)];
    *cell = if *cell == Fr::ZERO { Fr::ONE } else { *cell - Fr::ONE };
    count(&f.plan, &mut first);
    rejects(&f, &Keys::new(&f), &Claim::of(first), &["bucket"]);
}

#[test]
pub(crate) fn rejects_other_bounds_than_the_proven_ones() {
    let f = quiet();
    for (row, name) in [(1, "start"), (2, "loss.total")] {
        let mut claim = f.claim();
        claim.instance[row] = claim.instance[row].double();
        rejects(f, toy_keys(), &claim, &[name]);
    }
}

#[test]
pub(crate) fn rejects_another_context_or_number_of_public_inputs() {
    let f = quiet();
    let claim = f.claim();
    let proof = toy_keys().prove(f, &claim, vec![1; f.circuit.blinding_rows()]);
    assert!(toy_keys().verify(&proof, &claim.instance));
    let mut context = claim.instance.clone();
    context[0] += Fr::ONE;
    assert!(!toy_keys().verify(&proof, &context));
    assert!(!toy_keys().verify(&proof, &claim.instance[..2]));
    assert!(!toy_keys().verify(&proof, &[claim.instance.clone(), vec![Fr::ZERO]].concat()));
}

#[test]
pub(crate) fn rejects_a_changed_state() {
    // The dot chain goes on from the changed state: the section before it and the one after are off.
    let f = quiet();
    for l in 1..=2 {
        let mut first = f.first.clone();
        first.aux[0][f.plan.grid.row(f.plan.grid.gap(l)) + STATE_ROW] -= Fr::ONE;
        put_buckets(&f.plan, &mut first);
        count(&f.plan, &mut first);
        rejects(f, toy_keys(), &Claim::of(first), &["forward"]);
    }
}
