//! Guesses of a shard.

use halo2_proofs::arithmetic::best_multiexp;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_prover::blinding::{random_blinding, LINK_ROWS};
use zkpoc_prover::keys::VerifierKey;
use zkpoc_prover::link::{difference, link_bases, verify_link, LinkProof};
use zkpoc_prover::prove::Registered;

use super::product::challenge;
use super::product::kit;
use super::product::off_by_one;
use super::spy::Opened;
use super::system::rank_of_openings;
use super::system::Count;
use super::system::Evidence;
use super::system::Observer;
use super::system::Verdict;

/// The data column of each circuit, behind the model's one column in the training circuit of `toy`.
const DATA_IN_TRAINING: usize = 1;
const DATA_IN_DATASET: usize = 0;

/// What the public has about one registered shard.
struct Seen {
    evidence: Evidence,
    registered: G1Affine,
    column: usize,
}

impl Seen {
    fn new(registered: &Registered) -> Self {
        let mut evidence = Evidence::new(kit().srs.k());
        let cells = evidence.guessed();
        let column = evidence.column(cells, registered.commitment, LINK_ROWS);
        Self { evidence, registered: registered.commitment, column }
    }

    /// Adds a proof and its link.
    fn add(&mut self, key: &VerifierKey, data: usize, proof: &[u8], inputs: &[Fr], copy: &G1Affine, link: &LinkProof) {
        let opened = Opened::read(key, &kit().srs, proof, inputs);
        assert_eq!(opened.points[data], *copy);
        let column = self.evidence.column(0, *copy, LINK_ROWS);
        self.evidence.opening(&[column], &opened.openings(data));
        let e = challenge(&inputs[0], &self.registered, copy, link);
        self.evidence.link(self.column, column, &e, link);
    }
}

#[test]
fn nothing_public_tells_two_guesses_of_a_shard_apart() {
    let kit = kit();
    let shard = &kit.shards[0];
    let registered = kit.register(shard);
    let mut seen = Seen::new(&registered);
    let (training, validity) = (12, 4);
    for context in 0..training {
        let made = kit.train(shard, &registered, context);
        let key = kit.training.verifier();
        seen.add(key, DATA_IN_TRAINING, &made.proof, &made.instances, &made.points.data, &made.link);
    }
    for context in 0..validity {
        let made = kit.validate(shard, &registered, context);
        let key = kit.dataset.verifier();
        seen.add(key, DATA_IN_DATASET, &made.proof, &made.instances, &made.points.data, &made.link);
    }

    // A proof has one opening of its copy, four answers of a link, and eight unknowns: copy and nonces.
    let proofs = (training + validity) as usize;
    let public = seen.evidence.count(Observer::Public);
    let unknowns = 4 + 8 * proofs;
    assert_eq!(public, Count { equations: 5 * proofs, unknowns, rank: 5 * proofs, leaks: 0 });
    // Discrete logarithms add one equation a commitment; those of the nonce points follow from the others.
    let unbounded = seen.evidence.count(Observer::Unbounded);
    assert_eq!(unbounded, Count { equations: 7 * proofs + 1, unknowns, rank: 6 * proofs + 1, leaks: 0 });
    println!("{proofs} proofs about one shard: {public:?}; with discrete logarithms {unbounded:?}");

    for guess in [shard.clone(), off_by_one(shard), kit.shards[1].clone()] {
        assert_eq!(seen.evidence.judge(&kit.srs, &[kit.data_cells(&guess)]), Verdict::Undetermined);
    }
}

#[test]
fn breaks_when_a_registered_blinding_is_used_in_proofs() {
    let kit = kit();
    let shard = &kit.shards[0];
    let registered = kit.register(shard);
    let mut seen = Seen::new(&registered);
    let guesses = [kit.data_cells(shard), kit.data_cells(&off_by_one(shard))];
    for proofs in 1..=5 {
        let opened = kit.validate_with(shard, &registered.blinding, proofs);
        assert_eq!(opened.points[DATA_IN_DATASET], registered.commitment, "the registered column itself");
        seen.evidence.opening(&[seen.column], &opened.openings(DATA_IN_DATASET));
        let [public, unbounded] = [Observer::Public, Observer::Unbounded].map(|o| seen.evidence.count(o).leaks);
        let verdicts = guesses.each_ref().map(|guess| seen.evidence.judge(&kit.srs, std::slice::from_ref(guess)));
        println!(
            "{proofs} proofs with one blinding: leaks {public}, unbounded {unbounded}; right, wrong: {verdicts:?}"
        );
        // Four random rows: three proofs say nothing, the fourth determines them and the commitment decides, the
        // fifth is a linear equation on the records.
        assert_eq!(
            (public, unbounded),
            match proofs {
                1..=3 => (0, 0),
                4 => (0, 1),
                _ => (1, 2),
            }
        );
        let expected = match proofs {
            1..=3 => [Verdict::Undetermined; 2],
            _ => [Verdict::Confirmed, Verdict::Refuted],
        };
        assert_eq!(verdicts, expected, "{proofs} proofs");
    }
}

#[test]
fn breaks_when_a_copy_is_used_in_proofs_again() {
    // The same with a copy: the link ties the registered commitment to it, so the guess is of the registered shard.
    let kit = kit();
    let shard = &kit.shards[0];
    let registered = kit.register(shard);
    let copy = kit.register(shard);
    let mut seen = Seen::new(&registered);
    for context in 0..4 {
        let opened = kit.validate_with(shard, &copy.blinding, context);
        let column = seen.evidence.column(0, opened.points[DATA_IN_DATASET], LINK_ROWS);
        seen.evidence.opening(&[column], &opened.openings(DATA_IN_DATASET));
    }
    let judge = |shard| seen.evidence.judge(&kit.srs, &[kit.data_cells(shard)]);
    assert_eq!((judge(shard), judge(&off_by_one(shard))), (Verdict::Confirmed, Verdict::Refuted));
}

#[test]
fn breaks_when_the_nonces_of_links_are_used_again() {
    // Two links with the same nonces give away the difference of two blindings, so openings of copies become openings of
    // the registered column: four copies do what four proofs with one blinding did.
    let kit = kit();
    let shard = &kit.shards[0];
    let registered = kit.register(shard);
    let mut seen = Seen::new(&registered);
    let bases = link_bases(&kit.srs).expect("bases");
    for context in 0..4 {
        let blinding = random_blinding();
        let opened = kit.validate_with(shard, &blinding, context);
        let copy = opened.points[DATA_IN_DATASET];
        let column = seen.evidence.column(0, copy, LINK_ROWS);
        seen.evidence.opening(&[column], &opened.openings(DATA_IN_DATASET));
        let nonces = random_blinding();
        let r = best_multiexp(&nonces, &bases).to_affine();
        for place in [10, 11] {
            let place = Fr::from(place);
            let mut link = LinkProof { r, z: nonces };
            let e = challenge(&place, &registered.commitment, &copy, &link);
            let delta = difference(&registered.blinding, &blinding);
            link.z.iter_mut().zip(&delta).for_each(|(z, delta)| *z += e * delta);
            verify_link(&bases, &place, &registered.commitment, &copy, &link).expect("a link that verifies");
            seen.evidence.link(seen.column, column, &e, &link);
        }
        let judge = |shard| seen.evidence.judge(&kit.srs, &[kit.data_cells(shard)]);
        let expected = match context {
            0..=2 => [Verdict::Undetermined; 2],
            _ => [Verdict::Confirmed, Verdict::Refuted],
        };
        assert_eq!([judge(shard), judge(&off_by_one(shard))], expected, "{} copies", context + 1);
    }
}

/// Queries of each advice column.
fn queries<C: Circuit<Fr>>(circuit: &C) -> (Vec<usize>, usize) {
    let mut cs = ConstraintSystem::default();
    C::configure_with_params(&mut cs, circuit.params());
    let mut counts = vec![0; cs.num_advice_columns()];
    cs.advice_queries().iter().for_each(|(column, _)| counts[column.index()] += 1);
    (counts, cs.blinding_factors() + 1)
}

#[test]
fn every_hidden_column_of_every_profile_has_a_random_row_to_spare() {
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).expect("the profile");
        let c = profile.model_points();
        let training = queries(&TrainingCircuit::new(&profile).expect("a circuit"));
        let dataset = queries(&DatasetCircuit::new(&profile).expect("a circuit"));
        let round = queries(&RoundCircuit::new(&profile).expect("a circuit"));
        for (circuit, (counts, rows), public, data) in [
            ("training", &training, 0..c, Some(c)),
            ("dataset", &dataset, 0..0, Some(0)),
            ("round", &round, 0..c, None),
        ] {
            let is_public =
                |column: &usize| public.contains(column) || circuit == "round" && (2 * c..3 * c).contains(column);
            for (column, count) in counts.iter().enumerate().filter(|(column, _)| !is_public(column)) {
                let random = if data == Some(column) { LINK_ROWS } else { *rows };
                // One equation an evaluation, one the commitment, and at least one row more.
                assert!(count + 2 <= random, "{name} {circuit} column {column}: {count} queries, {random} rows");
            }
            println!("{name} {circuit}: queries {counts:?}, {rows} random rows, data column {LINK_ROWS}");
        }
        // Data columns are opened once in a proof. Where the sum of two updates and of their random rows is known, openings
        // of the one say as much about the other: twice as many must leave a row to spare.
        assert_eq!((dataset.0[0], training.0[c]), (1, 1), "{name}");
        assert!(training.0[c + 1..=2 * c].iter().all(|count| 2 * count + 2 <= training.1), "{name}");
    }
}

#[test]
fn the_openings_of_every_column_of_real_proofs_are_independent() {
    let kit = kit();
    let registered = kit.register(&kit.shards[0]);
    let made = kit.train(&kit.shards[0], &registered, 1);
    let validity = kit.validate(&kit.shards[0], &registered, 1);
    for (key, data, proof, inputs) in [
        (kit.training.verifier(), DATA_IN_TRAINING, &made.proof, &made.instances),
        (kit.dataset.verifier(), DATA_IN_DATASET, &validity.proof, &validity.instances),
    ] {
        let opened = Opened::read(key, &kit.srs, proof, inputs);
        let cs = key.vk().cs();
        for column in 0..cs.num_advice_columns() {
            let points: Vec<Fr> = opened.openings(column).into_iter().map(|(x, _)| x).collect();
            let random = if column == data { LINK_ROWS } else { cs.blinding_factors() + 1 };
            let rank = rank_of_openings(kit.srs.k(), random, &points);
            assert_eq!(rank, points.len() + 1, "column {column} of {}", key.kind());
        }
    }
}
