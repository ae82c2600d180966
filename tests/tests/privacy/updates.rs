//! Guesses of an update: of one claim, and of one member of a known sum.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use rand_core::OsRng;
use zkpoc_circuits::reference::Shard;
use zkpoc_prover::prove::{RoundProof, TrainingProof};

use super::product::kit;
use super::product::off_by_one;
use super::spy::Opened;
use super::system::lagrange;
use super::system::Evidence;
use super::system::Observer;
use super::system::Verdict;

/// The one update column of `toy`, and the one column of a sum.
const UPDATE: usize = 2;
const SUM: usize = 1;

fn train(shard: usize) -> TrainingProof {
    let kit = kit();
    kit.train(&kit.shards[shard], &kit.register(&kit.shards[shard]), shard as u64)
}

/// The point of an update and where the proof opens it.
fn update(made: &TrainingProof) -> (G1Affine, Vec<(Fr, Fr)>) {
    let opened = Opened::read(kit().training.verifier(), &kit().srs, &made.proof, &made.instances);
    assert_eq!(opened.points[UPDATE], made.points.update[0]);
    (opened.points[UPDATE], opened.openings(UPDATE))
}

/// Where a round's proof opens its sum.
fn sum(made: &RoundProof) -> Vec<(Fr, Fr)> {
    Opened::read(kit().round.verifier(), &kit().srs, &made.proof, &made.instances).openings(SUM)
}

fn cells(shard: &Shard) -> Vec<Fr> {
    kit().update_cells(shard)
}

#[test]
fn nothing_public_tells_two_guesses_of_an_update_apart() {
    // A round of two claims, seen from outside: both proofs, and the proof of the round, which opens their sum.
    let kit = kit();
    let rows = kit.training.blinding_rows();
    let made = [train(0), train(1)];
    let mut evidence = Evidence::new(kit.srs.k());
    let mut columns = Vec::new();
    for made in &made {
        let (point, openings) = update(made);
        let cells = evidence.guessed();
        columns.push(evidence.column(cells, point, rows));
        evidence.opening(&columns[columns.len() - 1..], &openings);
    }
    evidence.opening(&columns, &sum(&kit.finalize(&[&made[0].opening, &made[1].opening], 9)));
    let [public, unbounded] = [Observer::Public, Observer::Unbounded].map(|o| evidence.count(o));
    println!("a round of two: {public:?}; with discrete logarithms {unbounded:?}");
    assert_eq!((public.rank, public.leaks), (public.equations, 0));
    assert_eq!((unbounded.rank, unbounded.leaks), (unbounded.equations, 0));
    let [a, b] = &kit.shards[..] else { panic!("two shards") };
    for guess in [[a, b], [&off_by_one(a), b], [b, a]] {
        assert_eq!(evidence.judge(&kit.srs, &guess.map(cells)), Verdict::Undetermined);
    }
}

#[test]
fn a_sum_may_be_proven_again_a_few_times() {
    // A round of one claim: each proof of the round opens the update itself once more. Nothing is known as long as the
    // openings, the one of the claim included, are fewer than the random rows.
    let kit = kit();
    let rows = kit.training.blinding_rows();
    let made = train(0);
    let (point, openings) = update(&made);
    let mut evidence = Evidence::new(kit.srs.k());
    let first = evidence.guessed();
    let column = evidence.column(first, point, rows);
    evidence.opening(&[column], &openings);
    let guesses = [&kit.shards[0], &off_by_one(&kit.shards[0])].map(cells);
    let mut safe = 0;
    for proofs in 1..=rows {
        let again = sum(&kit.finalize(&[&made.opening], proofs as u64));
        assert_eq!(again.len(), 1, "the sum is opened once");
        evidence.opening(&[column], &again);
        let verdicts = guesses.each_ref().map(|guess| evidence.judge(&kit.srs, std::slice::from_ref(guess)));
        let unbounded = evidence.count(Observer::Unbounded).leaks;
        println!("{proofs} proofs of one sum, {rows} random rows: unbounded leaks {unbounded}; {verdicts:?}");
        if openings.len() + proofs < rows {
            assert_eq!((verdicts, unbounded), ([Verdict::Undetermined; 2], 0));
            safe = proofs;
        } else {
            assert_eq!(verdicts, [Verdict::Confirmed, Verdict::Refuted]);
        }
    }
    assert_eq!(safe, rows - 1 - openings.len());
}

/// Openings of the second member of a known sum, turned into openings of the first.
fn of_the_other(sum: &[Fr], openings: &[(Fr, Fr)]) -> Vec<(Fr, Fr)> {
    let at = |x: &Fr| -> Fr { lagrange(sum.len(), x).iter().zip(sum).map(|(l, s)| *l * s).sum() };
    openings.iter().map(|(x, y)| (*x, at(x) - y)).collect()
}

/// A member's column: its update, then its random rows.
fn column(shard: &Shard, tail: &[Fr]) -> Vec<Fr> {
    let mut column = cells(shard);
    let first = column.len() - tail.len();
    column[first..].copy_from_slice(tail);
    column
}

fn add(a: &[Fr], b: &[Fr]) -> Vec<Fr> {
    a.iter().zip(b).map(|(a, b)| *a + b).collect()
}

#[test]
fn a_known_sum_of_two_updates_hides_both_with_the_products_blinding() {
    let kit = kit();
    let rows = kit.training.blinding_rows();
    let [a, b] = &kit.shards[..] else { panic!("two shards") };
    let made = [train(0), train(1)];
    let known = add(&column(a, &made[0].opening.tails[0]), &column(b, &made[1].opening.tails[0]));
    let (point, openings) = update(&made[0]);
    let mut evidence = Evidence::new(kit.srs.k());
    let cells_of_a = evidence.guessed();
    let column = evidence.column(cells_of_a, point, rows);
    evidence.opening(&[column], &openings);
    evidence.opening(&[column], &of_the_other(&known, &update(&made[1]).1));
    let count = evidence.count(Observer::Unbounded);
    println!("a known sum of two: {count:?}");
    let equations = 1 + 2 * openings.len();
    assert_eq!((count.equations, count.unknowns, count.rank, count.leaks), (equations, rows, equations, 0));
    for guess in [a, &off_by_one(a)] {
        assert_eq!(evidence.judge(&kit.srs, &[cells(guess)]), Verdict::Undetermined);
    }
}

#[test]
fn breaks_when_updates_of_a_known_sum_have_one_random_row_more_than_openings() {
    let kit = kit();
    let [a, b] = &kit.shards[..] else { panic!("two shards") };
    let openings = update(&train(0)).1.len();
    let tails = [(); 2].map(|()| (0..=openings).map(|_| Fr::random(OsRng)).collect::<Vec<_>>());
    let made = [kit.train_with(a, &tails[0], 1), kit.train_with(b, &tails[1], 2)];
    let known = add(&column(a, &tails[0]), &column(b, &tails[1]));
    let mut evidence = Evidence::new(kit.srs.k());
    let cells_of_a = evidence.guessed();
    let column = evidence.column(cells_of_a, made[0].points[UPDATE], 1 + openings);
    evidence.opening(&[column], &made[0].openings(UPDATE));
    let judge = |evidence: &Evidence, shard| evidence.judge(&kit.srs, &[cells(shard)]);
    assert_eq!(judge(&evidence, a), Verdict::Undetermined, "one claim alone keeps its secret");
    evidence.opening(&[column], &of_the_other(&known, &made[1].openings(UPDATE)));
    assert_eq!(evidence.count(Observer::Unbounded).leaks, openings);
    assert_eq!((judge(&evidence, a), judge(&evidence, &off_by_one(a))), (Verdict::Confirmed, Verdict::Refuted));
}
