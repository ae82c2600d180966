//! Every harness over shapes drawn at random from all that validate: structure, census, order of phases, cheats on every cell of
//! the committed columns, rigidity, deletion.
//!
//! A layout that is never drawn is a layout that is never checked, so nothing is left out that the profile's checks let through.
//! `ZKPOC_SHAPES` sets how many shapes are drawn (12 without it), `ZKPOC_SHAPES_SEED` the first seed (0), `ZKPOC_SHAPES_RIGID`
//! of how many shapes one has its rigidity measured as well if it is small (2).

use crate::support;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand::rngs::{OsRng, StdRng};
use rand::{Rng, SeedableRng};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use support::cheat::recount;
use support::draw::{self, Refusals};
use support::proving::{CircuitKeys, Keys, Script};
use support::rigid::{self, Subject};
use support::sweep::{self, Tally};
use support::{round_audit, structure, Claim, Fixture};
use zkpoc_circuits::audit::{Audit, Cell};
use zkpoc_circuits::dataset::DatasetWitness;
use zkpoc_circuits::grid::Zone;
use zkpoc_circuits::round::RoundWitness;

/// Largest `k` and most weights and biases of a shape whose rigidity is measured: it takes a draw of the challenges for each unknown.
const RIGID: (u32, usize) = (8, 32);
/// Constraints that choose between finitely many values, bind what is known to a rigidity test or bind it a second time: those of
/// `rigidity_is_lost_without_a_constraint`.
const LOCAL: [(&str, &str); 3] = [
    ("training", "activation.ceiling activation.floor activation.scaled activation.sign backward bucket bucket.last hidden.activation loss.total output.phantom output.residual signal.ceiling signal.floor signal.scaled signal.sign softmax.index softmax.one softmax.rest softmax.share start"),
    ("dataset", "label.bit label.one label.sum order.next order.top"),
    ("round", "ceiling claims.start floor remainder"),
];
/// From so many shapes on, with the first seed of the default, the shapes drawn must cover the layouts of [`Report::covers`].
const COVERING: u64 = 12;
/// Shapes between two reports.
const CHUNK: usize = 48;

fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|error| panic!("{name} is {text:?}: {error}")),
        Err(_) => default,
    }
}

/// What was drawn and found.
#[derive(Default)]
struct Report {
    shapes: BTreeSet<String>,
    circuits: [usize; 3],
    traits: BTreeMap<String, usize>,
    refusals: Refusals,
    tally: Tally,
    rigid: usize,
    deletions: usize,
    local: BTreeSet<String>,
    seconds: BTreeMap<&'static str, f64>,
}

impl Report {
    /// A shape on which a harness stopped.
    fn failed(seed: u64, panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let mut report = Report::default();
        report.tally.missed.push(format!("seed {seed}: {}", text.unwrap_or("a panic")));
        report
    }

    fn add(mut self, other: Report) -> Self {
        fn count<K: Ord>(into: &mut BTreeMap<K, usize>, from: BTreeMap<K, usize>) {
            from.into_iter().for_each(|(key, count)| *into.entry(key).or_default() += count);
        }
        self.shapes.extend(other.shapes);
        self.circuits.iter_mut().zip(other.circuits).for_each(|(count, more)| *count += more);
        count(&mut self.traits, other.traits);
        count(&mut self.refusals, other.refusals);
        self.tally.add(other.tally);
        self.rigid += other.rigid;
        self.deletions += other.deletions;
        self.local.extend(other.local);
        other.seconds.into_iter().for_each(|(what, seconds)| *self.seconds.entry(what).or_default() += seconds);
        self
    }

    /// Fails unless the layouts that differ most were among those drawn.
    fn covers(&self) {
        let drawn = |name: &str| self.traits.get(name).copied().unwrap_or(0);
        for name in ["places without weights", "several committed columns", "R > B", "a softmax"] {
            assert!(drawn(name) > 0, "no drawn shape has the trait {name:?}: draw more, or from another seed");
        }
        assert!(drawn("depth 3") + drawn("depth 4") > 0, "no drawn shape has three layers of weights or more");
        assert!(self.rigid > 0, "no drawn shape was small enough for its rigidity to be measured");
    }

    fn print(&self) {
        let [training, dataset, round] = self.circuits;
        println!(
            "{training} shapes, {} of them different; {dataset} dataset circuits, {round} round circuits",
            self.shapes.len()
        );
        println!("draws refused: {:?}", self.refusals);
        println!("traits: {:?}", self.traits);
        println!("{} cheats, {} on cells that carry nothing:", self.tally.cheats(), self.tally.free);
        self.tally.tried.iter().for_each(|(what, count)| println!("    {count:8} {what}"));
        println!("missed: {}", self.tally.missed.len());
        println!("noticed by: {:?}", self.tally.noticed_by);
        println!("broken alone: {:?}", self.tally.alone);
        println!("rigidity of {} circuits, {} with a constraint deleted", self.rigid, self.deletions);
        println!("seconds: {:.0?}", self.seconds);
        println!("deleted, and nothing more can move: {:?}", self.local);
    }
}

/// Draws the shape of a seed and runs all harnesses over its circuits.
fn examine(seed: u64, rigid: bool) -> Report {
    let report = &mut Report::default();
    let mut begin = std::time::Instant::now();
    let mut lap = |what: &'static str, report: &mut Report| {
        *report.seconds.entry(what).or_default() += begin.elapsed().as_secs_f64();
        begin = std::time::Instant::now();
    };
    let mut rng = StdRng::seed_from_u64(seed);
    let profile = draw::shape(&mut rng, &mut report.refusals);
    let name = format!(
        "seed {seed}, {:?}, {} columns, {} stacked",
        profile.layers, profile.weight_columns, profile.stack_bits
    );
    report.shapes.insert(profile.canonical_json());
    lap("drawing", report);
    let challenges: Vec<Fr> = (0..4).map(|_| Fr::random(&mut rng)).collect();

    let f = Fixture::random(profile.clone(), seed);
    draw::traits(&f).into_iter().for_each(|holds| *report.traits.entry(holds).or_default() += 1);
    let claim = f.claim();
    let mut audit = Audit::new(&f.circuit_of(&claim), profile.k, &claim.instance, &challenges).expect("synthesis");
    (0..f.plan.grid.columns).for_each(|column| audit.script(column, Fr::ONE));
    lap("making the circuit", report);
    structure::training(&f, &audit, &name);
    lap("structure", report);
    sweep::training(&f, &mut audit, &challenges, &name, &mut rng, &mut report.tally);
    report.circuits[0] += 1;
    lap("cheats", report);

    if let Some((circuit, shard)) = draw::dataset(&profile, seed) {
        let mut audit = Audit::new(&circuit, profile.k, &[Fr::from(9)], &challenges[..2]).expect("synthesis");
        lap("making the circuit", report);
        structure::dataset(&circuit, &audit, &name);
        lap("structure", report);
        sweep::dataset(&circuit, &shard, &mut audit, &challenges[..2], &name, &mut rng, &mut report.tally);
        report.circuits[1] += 1;
        lap("cheats", report);
    }
    if let Some((circuit, witness, claims)) = draw::round(&profile, seed) {
        let instance = [Fr::from(9), Fr::from(claims)];
        let mut audit = round_audit(&circuit.with_witness(witness.clone()), &instance, &challenges[..2]);
        lap("making the circuit", report);
        structure::round(&circuit, &audit, &name);
        lap("structure", report);
        sweep::round(&circuit, &witness, &mut audit, &challenges[..2], &name, &mut rng, &mut report.tally);
        report.circuits[2] += 1;
        lap("cheats", report);
    }
    if rigid && profile.k <= RIGID.0 && profile.parameters() <= RIGID.1 {
        let mut subjects = vec![("training", rigid::training(f))];
        subjects
            .extend(draw::dataset(&profile, seed).map(|(circuit, _)| ("dataset", rigid::dataset(&profile, circuit))));
        subjects.extend(draw::round(&profile, seed).map(|_| ("round", rigid::round(&profile))));
        subjects
            .iter()
            .for_each(|(circuit, subject)| delete_one(circuit, subject, profile.model_points(), &mut rng, report));
        lap("rigidity", report);
    }
    std::mem::take(report)
}

/// Exactly the named free cells can move, and more can without a constraint, unless it chooses between finitely many values.
fn delete_one(circuit: &str, subject: &Subject, models: usize, rng: &mut StdRng, report: &mut Report) {
    let whole = rigid::check(subject);
    report.rigid += 1;
    let audit = (subject.make)(&[Fr::from(2), Fr::from(3), Fr::from(5), Fr::from(7)]);
    let enabled: Vec<String> =
        audit.enabled_rows().into_iter().filter(|(_, rows)| !rows.is_empty()).map(|(label, _)| label).collect();
    let label = &enabled[rng.gen_range(0..enabled.len())];
    let without = rigid::measure(subject, label);
    report.deletions += 1;
    if (without.free.len(), without.second_free.len()) == (whole.free.len(), whole.second_free.len()) {
        report.local.insert(format!("{circuit} {label}"));
        let (name, number) = label.split_once('#').unwrap_or((label, ""));
        let allowed = LOCAL.iter().any(|(of, names)| *of == circuit && names.split(' ').any(|local| local == name));
        // Of the model, which is known, not of the next one.
        let known = circuit == "round" && name == "public.zone" && number.parse().is_ok_and(|n: usize| n <= models);
        assert!(allowed || known, "{circuit}: nothing more can move without {label}");
    }
}

#[test]
fn audit_drawn_shapes() {
    let (shapes, first, rigid) =
        (setting("ZKPOC_SHAPES", 12), setting("ZKPOC_SHAPES_SEED", 0), setting("ZKPOC_SHAPES_RIGID", 2));
    let mut report = Report::default();
    let begin = std::time::Instant::now();
    let seeds: Vec<u64> = (first..first + shapes).collect();
    for chunk in seeds.chunks(CHUNK) {
        let examined = chunk.par_iter().map(|seed| {
            let seen = std::panic::catch_unwind(|| examine(*seed, (seed - first).is_multiple_of(rigid.max(1))));
            seen.unwrap_or_else(|panic| Report::failed(*seed, &*panic))
        });
        report = report.add(examined.reduce(Report::default, Report::add));
        println!("after seed {}, {:.0} s", chunk[chunk.len() - 1], begin.elapsed().as_secs_f64());
        report.print();
    }
    let missed: String = report.tally.missed.iter().take(40).map(|missed| format!("    {missed}\n")).collect();
    assert!(missed.is_empty(), "{} missed:\n{missed}", report.tally.missed.len());
    assert!(report.circuits.iter().all(|circuits| 2 * *circuits > shapes as usize), "{:?}", report.circuits);
    assert!(report.tally.cheats() > 1000 * shapes as usize, "{} cheats", report.tally.cheats());
    if shapes >= COVERING && first == 0 {
        report.covers();
    }
}

/// What the audit says of drawn shapes is what real proofs say: the honest ones verify, and none of a cheat that keeps all books.
#[test]
fn rejects_cheats_on_drawn_shapes() {
    let first = setting("ZKPOC_SHAPES_SEED", 0);
    for seed in first..first + 3 {
        let mut rng = StdRng::seed_from_u64(seed);
        let profile = draw::shape(&mut rng, &mut Refusals::new());
        let f = Fixture::random(profile.clone(), seed);
        let keys = Keys::new(&f);
        assert!(keys.accepts(&f, &f.claim()), "{profile:?}");
        let mut cheat = f.first.clone();
        let (column, row) = f.plan.grid.bias_weight(1, 0);
        cheat.d[column][row] += Fr::ONE;
        recount(&f.plan, &mut cheat);
        assert!(!keys.accepts(&f, &Claim::of(cheat)), "{profile:?}");
        if let Some((circuit, shard)) = draw::dataset(&profile, seed) {
            let keys = CircuitKeys::new(profile.k, &circuit);
            let (plan, instance) = (circuit.plan(), [Fr::from(9)]);
            let honest = DatasetWitness::new(plan, &shard);
            let accepts = |x| {
                let circuit = circuit.with_witness(DatasetWitness::from_column(plan, x));
                keys.verify(&keys.prove(circuit, &instance, OsRng), &instance)
            };
            let mut cheat = honest.x.clone();
            cheat[plan.grid.row(plan.grid.input(1, 0))] = -Fr::ONE - Fr::from(plan.offset);
            assert_eq!([accepts(honest.x), accepts(cheat)], [true, false], "{profile:?}");
        }
        if let Some((circuit, honest, claims)) = draw::round(&profile, seed) {
            let keys = CircuitKeys::new(profile.k, &circuit);
            let (plan, instance) = (circuit.plan(), [Fr::from(9), Fr::from(claims)]);
            let rows = plan.grid.columns * circuit.blinding_rows();
            let accepts = |witness: RoundWitness| {
                let script = [1, 7, 1].iter().flat_map(|value| vec![*value; rows]).collect();
                let proof = keys.prove(circuit.with_witness(witness), &instance, Script::new(script));
                keys.verify(&proof, &instance)
            };
            assert!(accepts(honest.clone()), "{profile:?}");
            let weights = sweep::weights(plan);
            for by in [Fr::ONE, Fr::from(1_000_000_000), Fr::random(&mut rng)] {
                let ((column, row), copy) = weights[rng.gen_range(0..weights.len())];
                let mut cheat = honest.clone();
                cheat.next[column][row] += by;
                copy.into_iter().for_each(|(column, row): Cell| cheat.next[column][row] += by);
                sweep::adapt(plan, &mut cheat, column, row);
                assert!(!accepts(cheat), "{profile:?}");
            }
            let zones = plan.grid.parameter_zones();
            let padding: Vec<usize> = (0..zones.len()).filter(|row| zones[*row] == Zone::Padding).collect();
            let mut cheat = honest.clone();
            let column = rng.gen_range(0..plan.grid.columns);
            cheat.next[column][padding[rng.gen_range(0..padding.len())]] = Fr::from(77);
            assert!(!accepts(cheat), "{profile:?}");
        }
    }
}
