//! Score of the cheating witnesses: which constraints one of them would get past if that constraint alone were missing.
//!
//! A witness that breaks exactly one polynomial passes once that polynomial is deleted. While a score is taken,
//! the tests' `rejects` functions report what each witness breaks instead of proving it; that the verifier
//! rejects it is what the same functions assert when they run as tests.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::profile::Profile;

/// Labels of polynomials that a witness breaks and no other, by the circuit's layers.
pub(crate) type Score = BTreeMap<Vec<usize>, BTreeSet<String>>;

thread_local! {
    static SCORE: RefCell<Option<Score>> = const { RefCell::new(None) };
}

/// Notes what a witness breaks. Says whether a score is taken, so that a proof is not needed.
pub(crate) fn note(profile: &Profile, audit: &Audit) -> bool {
    SCORE.with_borrow_mut(|score| {
        let Some(score) = score else { return false };
        let labels = audit.failing_labels();
        if labels.len() == 1 {
            score.entry(profile.layers.clone()).or_default().extend(labels);
        }
        true
    })
}

/// Runs tests on this thread and collects what their witnesses break.
pub(crate) fn of(cheats: &[fn()]) -> Score {
    SCORE.set(Some(Score::new()));
    cheats.iter().for_each(|cheat| cheat());
    SCORE.take().unwrap_or_default()
}

/// Prints `noticed / all` and the constraints whose deletion nothing noticed, which there must not be.
pub(crate) fn report(name: &str, labels: &[String], noticed: &BTreeSet<String>) {
    let missed: Vec<&String> = labels.iter().filter(|label| !noticed.contains(*label)).collect();
    println!("{name}: {} of {} deletions noticed by a witness of their own", labels.len() - missed.len(), labels.len());
    assert!(missed.is_empty(), "{name}: no witness breaks exactly one of {missed:?}");
}
