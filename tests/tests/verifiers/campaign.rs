//! Runs mutations over all cores, counts the verdicts, and reports disagreements with the table.
//!
//! Mutation `i` of a campaign depends on the seed and on `i` alone, so a failure is replayed by its seed and index; since
//! proofs are randomised, its bytes are part of the report as well.
//!
//! | variable | meaning |
//! |---|---|
//! | `ZKPOC_FUZZ_MUTATIONS` | number of mutations of a campaign |
//! | `ZKPOC_FUZZ_SEED` | seed, in decimal |
//! | `ZKPOC_FUZZ_INDEX` | runs this mutation alone |

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::classes::Answer;
use super::classes::Expect;
use super::support::circuit::Random;
use super::support::fault::Fault;

/// A verifier's answer.
pub(crate) type Verdict = Result<(), Fault>;

/// What became of a mutation.
pub(crate) enum Trial {
    /// There was nothing to alter, or the alteration changed nothing.
    Skipped,
    /// It was put to the verifiers.
    Judged(Judged),
}

/// The answers to a mutation.
pub(crate) struct Judged {
    pub(crate) native: Option<Verdict>,
    pub(crate) ours: Verdict,
    /// Whether the reference accepts.
    pub(crate) reference: Option<bool>,
    /// What else is wrong, such as gas.
    pub(crate) complaints: Vec<String>,
    /// What was asked, to the byte.
    pub(crate) input: Vec<(&'static str, Vec<u8>)>,
}

impl Judged {
    /// Adds to the complaints what differs from the expectation.
    pub(crate) fn against(&self, expect: &Expect) -> Vec<String> {
        let mut wrong = self.complaints.clone();
        let mut check = |who: &str, expected: Answer, verdict: &Verdict| {
            let as_expected = match (expected, verdict) {
                (Answer::Accepts, Ok(())) => true,
                (Answer::Refuses(faults), Err(fault)) => faults.contains(&fault.name()),
                _ => false,
            };
            if !as_expected {
                wrong.push(format!("{who} says {verdict:?}, expected {expected:?}"));
            }
        };
        if let (Some(expected), Some(verdict)) = (expect.native, &self.native) {
            check("native", expected, verdict);
        }
        check("contract", expect.ours, &self.ours);
        match (&self.native, expect.same) {
            (Some(native), true) if *native != self.ours => {
                wrong.push(format!("native says {native:?}, the contract {:?}", self.ours));
            }
            _ => {}
        }
        if self.reference != expect.reference {
            wrong.push(format!("reference: accepts {:?}, expected {:?}", self.reference, expect.reference));
        }
        wrong
    }
}

/// Counts of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) tried: u64,
    pub(crate) skipped: u64,
    /// Accepted and refused by native verifier, contract and reference.
    pub(crate) verdicts: [[u64; 2]; 3],
    pub(crate) disagreements: u64,
}

impl Tally {
    fn count(&mut self, judged: &Judged) {
        let reference = judged.reference.map(|accepts| !accepts);
        let answers = [judged.native.map(|verdict| verdict.is_err()), Some(judged.ours.is_err()), reference];
        for (counts, refused) in self.verdicts.iter_mut().zip(answers) {
            if let Some(refused) = refused {
                counts[usize::from(refused)] += 1;
            }
        }
    }

    fn add(&mut self, other: &Self) {
        self.tried += other.tried;
        self.skipped += other.skipped;
        self.disagreements += other.disagreements;
        let pairs = self.verdicts.iter_mut().flatten().zip(other.verdicts.iter().flatten());
        pairs.for_each(|(to, from)| *to += from);
    }
}

/// What a campaign did.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) tallies: Vec<Tally>,
    /// The first disagreements, in full.
    pub(crate) failures: Vec<String>,
}

/// Mutations between two lines of progress.
const PROGRESS: u64 = 10_000;
/// Disagreements that are written out.
const FAILURES: usize = 5;

impl Report {
    fn of(classes: usize) -> Self {
        Self { tallies: vec![Tally::default(); classes], failures: Vec::new() }
    }

    fn merge(mut self, mut other: Self) -> Self {
        self.tallies.iter_mut().zip(&other.tallies).for_each(|(to, from)| to.add(from));
        self.failures.append(&mut other.failures);
        self.failures.truncate(FAILURES);
        self
    }

    /// Every mutation of the plan was tried and judged as the tables say. Some subjects have nothing to alter in some
    /// classes; but of `least` mutations or more no class goes untried.
    pub(crate) fn check(&self, plan: &Plan, expected: &[(&str, Expect)], least: u64) {
        assert!(self.failures.is_empty(), "{}", self.failures.join("\n"));
        let total = self.total();
        assert_eq!((total.tried, total.disagreements), (plan.count, 0));
        if plan.count >= least {
            for ((class, _), tally) in expected.iter().zip(&self.tallies) {
                assert!(tally.skipped < tally.tried, "{class} was never tried");
            }
        }
    }

    /// Totals.
    pub(crate) fn total(&self) -> Tally {
        let mut total = Tally::default();
        self.tallies.iter().for_each(|tally| total.add(tally));
        total
    }

    /// Counts by class, as text.
    pub(crate) fn table(&self, names: &[&str]) -> String {
        let mut text = format!(
            "{:<28}{:>8}{:>9}{:>17}{:>17}{:>17}{:>10}\n",
            "class", "tried", "skipped", "native +/-", "contract +/-", "reference +/-", "disagree"
        );
        let total = self.total();
        let rows = names.iter().copied().zip(&self.tallies).chain([("total", &total)]);
        for (name, tally) in rows {
            // invariant: writing to a string does not fail.
            let _ = write!(text, "{name:<28}{:>8}{:>9}", tally.tried, tally.skipped);
            for [accepted, refused] in tally.verdicts {
                let _ = write!(text, "{:>17}", format!("{accepted}/{refused}"));
            }
            let _ = writeln!(text, "{:>10}", tally.disagreements);
        }
        text
    }
}

/// What to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Plan {
    /// `count` mutations, or what the environment says.
    pub(crate) fn from_environment(count: u64) -> Self {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name} is not a number: {text}")))
        };
        let seed = number("ZKPOC_FUZZ_SEED").unwrap_or_else(rand::random);
        match number("ZKPOC_FUZZ_INDEX") {
            Some(index) => Self { seed, first: index, count: 1 },
            None => Self { seed, first: 0, count: number("ZKPOC_FUZZ_MUTATIONS").unwrap_or(count) },
        }
    }

    /// The source of choices of mutation `index`.
    pub(crate) fn random(&self, index: u64) -> Random {
        let mut seed = Random(self.seed);
        Random(seed.next() ^ Random(index).next())
    }

    /// Runs a campaign: `trial` gets a state of its thread, the index, and its source of choices; it gives the class, a name
    /// of what was attacked, and what became of it.
    pub(crate) fn run<S>(
        &self,
        name: &str,
        expected: &[(&str, Expect)],
        state: impl Fn() -> S + Sync + Send,
        trial: impl Fn(&mut S, u64, &mut Random) -> (usize, String, Trial) + Sync + Send,
    ) -> Report {
        println!("{name}: {} mutations, ZKPOC_FUZZ_SEED={}", self.count, self.seed);
        let one = |state: &mut S, index: u64| {
            let mut report = Report::of(expected.len());
            let (class, what, trial) = trial(state, index, &mut self.random(index));
            let tally = &mut report.tallies[class];
            tally.tried = 1;
            match trial {
                Trial::Skipped => tally.skipped = 1,
                Trial::Judged(judged) => {
                    tally.count(&judged);
                    let wrong = judged.against(&expected[class].1);
                    if !wrong.is_empty() {
                        tally.disagreements = 1;
                        let number = format!("ZKPOC_FUZZ_SEED={} ZKPOC_FUZZ_INDEX={index}", self.seed);
                        let (class, wrong) = (expected[class].0, wrong.join("\n  "));
                        let head = format!("{name}: {number}, class {class:?}, {what}\n  {wrong}");
                        let file = format!(
                            "{}/fuzz-{}-{}-{index}.txt",
                            env!("CARGO_TARGET_TMPDIR"),
                            name.replace(' ', "-"),
                            self.seed
                        );
                        let input = judged.input.iter();
                        let input = input.map(|(part, bytes)| format!("{part}: 0x{}\n", hex::encode(bytes)));
                        let text = format!("{head}\n{}", input.collect::<String>());
                        let kept = match std::fs::write(&file, text) {
                            Ok(()) => format!("its bytes are in {file}"),
                            Err(error) => format!("its bytes were not kept: {error}"),
                        };
                        report.failures.push(format!("{head}\n  {kept}"));
                    }
                }
            }
            report
        };
        let done = AtomicU64::new(0);
        let report = (self.first..self.first + self.count)
            .into_par_iter()
            .map_init(&state, |state, index| {
                let report = one(state, index);
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(PROGRESS) {
                    println!("{name}: {done} of {}", self.count);
                }
                report
            })
            .reduce(|| Report::of(expected.len()), Report::merge);
        let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
        println!("{}", report.table(&names));
        report
    }
}

#[test]
fn a_verdict_that_differs_from_the_table_is_a_disagreement() {
    let refuses = Answer::Refuses(&["point"]);
    let expect = Expect { native: Some(refuses), ours: refuses, reference: Some(false), same: true };
    let wrong = |native: Verdict, ours: Verdict, reference: bool| {
        let (native, reference) = (Some(native), Some(reference));
        let complaints = Vec::new();
        Judged { native, ours, reference, complaints, input: Vec::new() }.against(&expect).len()
    };
    let point = |at: usize| Err(Fault::Point(at));
    assert_eq!(wrong(point(64), point(64), false), 0);
    // Acceptance, another fault, another place, a reference that is more lenient than the table says.
    assert_eq!(wrong(point(64), Ok(()), false), 2);
    assert_eq!(wrong(Ok(()), point(64), false), 2);
    assert_eq!(wrong(point(64), Err(Fault::Equation), false), 2);
    assert_eq!(wrong(point(64), point(0), false), 1);
    assert_eq!(wrong(point(64), point(64), true), 1);
}

#[test]
fn a_disagreement_is_counted_and_reported_with_all_that_replays_it() {
    let accepted = Expect { native: None, ours: Answer::Accepts, reference: None, same: false };
    let plan = Plan { seed: 5, first: 0, count: 40 };
    let report = plan.run(
        "self test",
        &[("even", accepted), ("odd", accepted)],
        || (),
        |(), index, _| {
            let ours = if index == 7 { Err(Fault::Halt) } else { Ok(()) };
            let complaints = Vec::new();
            let judged = Judged { native: None, ours, reference: None, complaints, input: vec![("proof", vec![0xab])] };
            let trial = if index == 3 { Trial::Skipped } else { Trial::Judged(judged) };
            (index as usize % 2, "circuit \"none\"".into(), trial)
        },
    );
    let [even, odd] = &report.tallies[..] else { panic!("two classes") };
    assert_eq!((even.tried, even.skipped, even.disagreements), (20, 0, 0));
    assert_eq!((odd.tried, odd.skipped, odd.disagreements), (20, 1, 1));
    assert_eq!((even.verdicts, odd.verdicts), ([[0, 0], [20, 0], [0, 0]], [[0, 0], [18, 1], [0, 0]]));
    let [failure] = &report.failures[..] else { panic!("one failure: {:?}", report.failures) };
    for part in ["ZKPOC_FUZZ_SEED=5", "ZKPOC_FUZZ_INDEX=7", "\"odd\"", "circuit \"none\"", "Halt"] {
        assert!(failure.contains(part), "{failure}");
    }
    let file = failure.rsplit(' ').next().expect("a path");
    assert!(std::fs::read_to_string(file).expect("the kept bytes").contains("proof: 0xab"));
    std::fs::remove_file(file).expect("removed");
}
