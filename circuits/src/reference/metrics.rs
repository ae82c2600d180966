//! How well a model does, and plain training over shards.
//!
//! # Shapes
//! Any number of records, all present: `features` `m × n_0` row-major, `labels` `m`, or `m × n_L` bits.
//! Losses for people are floats: the squared error summed over classes, mean per record, with 1.0
//! at the target (integer unit `target / 2^residual_shift`); of probabilities that is the Brier score.
//!
//! # Errors
//! As [`super::run()`].
//!
//! # Source
//! Own.

use super::output::OutputRule;
use super::shard::check_records;
use super::step::{forward, squares};
use super::{run, Model, ReferenceError, Shard};
use crate::profile::{LabelKind, Profile};

/// What one epoch of [`train_epochs`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Steps so far, those within runs counted.
    pub steps: usize,
    /// Mean per record of the loss before each step.
    pub mean_loss: f64,
}

fn per_record(profile: &Profile, loss: u128, records: usize) -> f64 {
    let unit = profile.target as f64 / (profile.residual_shift as f64).exp2();
    loss as f64 / (records.max(1) as f64 * unit * unit)
}

/// The mean per record of the loss of a claim on a full shard, as a float: `loss / (local_steps · batch · unit²)`,
/// `unit = target / 2^residual_shift`.
#[must_use]
pub fn mean_loss(profile: &Profile, loss: u128) -> f64 {
    per_record(profile, loss, profile.shard_records())
}

/// The class with the largest output of each record; the first of equals. With labels of any number of classes, `n_L` bits a
/// record: 1 where the probability is at least one half.
///
/// # Errors
/// An invalid profile; a model or features of another shape or with a value out of range.
pub fn predict(profile: &Profile, model: &Model, features: &[u16]) -> Result<Vec<u16>, ReferenceError> {
    profile.validate()?;
    model.check(profile)?;
    let unlabelled = vec![0; features.len() / profile.features() * profile.label_width()];
    check_records(profile, features, &unlabelled)?;
    Ok(answers(profile, &OutputRule::of(profile), &outputs(profile, model, features)))
}

fn outputs(profile: &Profile, model: &Model, features: &[u16]) -> Vec<i64> {
    forward(profile, &model.fine(profile), features).pre.pop().unwrap_or_default()
}

/// What [`predict`] answers, shaped like labels.
fn answers(profile: &Profile, rule: &OutputRule, outputs: &[i64]) -> Vec<u16> {
    if profile.label_kind == LabelKind::Multi {
        let half = (profile.target >> profile.residual_shift) / 2;
        return rule.probabilities(profile, outputs).iter().map(|p| u16::from(*p >= half)).collect();
    }
    let record = |z: &[i64]| (0..z.len()).rev().max_by_key(|k| z[*k]).unwrap_or(0) as u16;
    outputs.chunks_exact(profile.classes()).map(record).collect()
}

/// A model on some records: accuracy (share of labels that [`predict`] answers, `0.0..=1.0`) and mean loss (squared error per record, 1.0 being a whole target).
///
/// # Errors
/// An invalid profile; a model or records of another shape or with a value out of range.
pub fn evaluate(
    profile: &Profile,
    model: &Model,
    features: &[u16],
    labels: &[u16],
) -> Result<(f64, f64), ReferenceError> {
    profile.validate()?;
    model.check(profile)?;
    check_records(profile, features, labels)?;
    let (rule, outputs) = (OutputRule::of(profile), outputs(profile, model, features));
    let loss = squares(&rule.signals(profile, &outputs, labels));
    let hits = answers(profile, &rule, &outputs).iter().zip(labels).filter(|(a, b)| a == b).count();
    let accuracy = hits as f64 / labels.len().max(1) as f64;
    Ok((accuracy, per_record(profile, loss, labels.len() / profile.label_width())))
}

/// Plain training: one run a shard, in order, each a round of one claim, `epochs` times, with the profile's learning rate and
/// momentum.
///
/// `progress` is called after each epoch.
///
/// # Errors
/// As [`super::run()`], for the first shard that is refused.
pub fn train_epochs(
    profile: &Profile,
    start: &Model,
    shards: &[Shard],
    epochs: usize,
    mut progress: impl FnMut(&EpochReport, &Model),
) -> Result<Model, ReferenceError> {
    let (mut model, mut previous) = (start.clone(), start.clone());
    let mut steps = 0;
    for epoch in 0..epochs {
        let (mut loss, mut records) = (0u128, 0);
        for shard in shards {
            let trace = run(profile, &model, shard)?;
            loss = loss.saturating_add(trace.loss);
            records += trace.records;
            steps += trace.steps.len();
            let next = model.apply_mean_after(profile, &previous, &trace.update, 1);
            previous = std::mem::replace(&mut model, next);
        }
        let report = EpochReport { epoch, steps, mean_loss: per_record(profile, loss, records) };
        progress(&report, &model);
    }
    Ok(model)
}
