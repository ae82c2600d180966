//! What two proofs of one statement have in common: the points that everyone can recompute, and nothing else. And how
//! little a claim says of its loss and norm.

use std::collections::BTreeSet;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::reference::{run, Shard};
use zkpoc_engine::encoding::{point_to_bytes, scalar_to_bytes};
use zkpoc_prover::link::LinkProof;
use zkpoc_prover::prove::{model_commitment, Buckets};

use super::product::kit;
use super::spy::Opened;

/// Every point and scalar of a proof and its link.
fn elements(opened: &Opened, link: Option<&LinkProof>) -> BTreeSet<Vec<u8>> {
    let points = opened.points.iter().chain(link.map(|link| &link.r)).map(|point| point_to_bytes(point).to_vec());
    let scalars = opened.scalars.iter().chain(link.iter().flat_map(|link| &link.z));
    points.chain(scalars.map(|scalar| scalar_to_bytes(scalar).to_vec())).collect()
}

fn shared(a: BTreeSet<Vec<u8>>, b: BTreeSet<Vec<u8>>) -> BTreeSet<Vec<u8>> {
    a.intersection(&b).cloned().collect()
}

fn points(points: &[G1Affine]) -> BTreeSet<Vec<u8>> {
    points.iter().map(|point| point_to_bytes(point).to_vec()).collect()
}

#[test]
fn two_proofs_of_one_step_share_the_model_alone() {
    let kit = kit();
    let registered = kit.register(&kit.shards[0]);
    let [a, b] = [(); 2].map(|()| kit.train(&kit.shards[0], &registered, 3));
    assert_eq!(a.instances, b.instances, "one statement");
    let [x, y] = [&a, &b].map(|made| {
        let opened = Opened::read(kit.training.verifier(), &kit.srs, &made.proof, &made.instances);
        elements(&opened, Some(&made.link))
    });
    let model = model_commitment(&kit.srs, kit.grid(), &kit.model).expect("a model");
    assert_eq!(shared(x, y), points(&model));
}

#[test]
fn two_proofs_of_one_shard_share_nothing() {
    let kit = kit();
    let registered = kit.register(&kit.shards[0]);
    let [x, y] = [(); 2].map(|()| {
        let made = kit.validate(&kit.shards[0], &registered, 3);
        let opened = Opened::read(kit.dataset.verifier(), &kit.srs, &made.proof, &made.instances);
        let elements = elements(&opened, Some(&made.link));
        assert!(!elements.contains(point_to_bytes(&registered.commitment).as_slice()), "the registered commitment");
        elements
    });
    assert_eq!(shared(x, y), BTreeSet::new());
}

#[test]
fn two_proofs_of_one_round_share_models_and_the_sum_alone() {
    let kit = kit();
    let made = kit.train(&kit.shards[0], &kit.register(&kit.shards[0]), 1);
    let [a, b] = [(); 2].map(|()| kit.finalize(&[&made.opening], 3));
    let [x, y] = [&a, &b]
        .map(|made| elements(&Opened::read(kit.round.verifier(), &kit.srs, &made.proof, &made.instances), None));
    let public = [&a.points.model[..], &made.points.update, &a.points.next].concat();
    assert_eq!(shared(x, y), points(&public));
}

#[test]
fn a_claim_shows_coarse_bounds_only() {
    let kit = kit();
    let plan = kit.training.circuit().plan();
    let most = plan.bucket_bits();
    let mut exact = BTreeSet::new();
    let mut shown = BTreeSet::new();
    for first in 0..16 {
        let features = (0..18).map(|i| (i * 5 + first * 3) % 16).collect();
        let shard = Shard { features, labels: vec![first % 3, 1, 2] };
        let trace = run(kit.profile(), &kit.model, &shard).expect("a run");
        let Buckets { norm_log2, loss_log2 } = Buckets::covering(plan, &trace);
        for (value, log2, most) in [(trace.norm, norm_log2, most.0), (trace.loss, loss_log2, most.1)] {
            assert!(value >> log2 == 0, "the bound holds");
            assert!(log2 % Buckets::STEP == 0 || log2 == most, "2^{log2} is no power of 16 and not the largest bound");
        }
        exact.insert((trace.norm, trace.loss));
        shown.insert((norm_log2, loss_log2));
    }
    assert!(exact.len() >= 15 && shown.len() <= 4, "{} steps show {} bounds", exact.len(), shown.len());

    let made = kit.train(&kit.shards[0], &kit.register(&kit.shards[0]), 1);
    let bound = |log2: u32| Fr::from(2).pow([u64::from(log2)]);
    assert_eq!(made.instances[1..], [bound(made.buckets.norm_log2), bound(made.buckets.loss_log2)]);
}
