//! How well a model does, and plain training over shards.
//!
//! # Shapes
//! Any number of records: `features` `m × n_0` row-major, `labels` `m`.
//! Losses for people are floats: the squared error summed over classes, mean per record, with 1.0
//! at the target (integer unit `target / 2^residual_shift`).
//!
//! # Errors
//! As [`super::step()`].
//!
//! # Source
//! Own.

use super::shard::check_records;
use super::step::{forward, output_signals, squares};
use super::{step, Model, ReferenceError, Shard};
use crate::profile::Profile;

/// What one epoch of [`train_epochs`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Steps so far.
    pub steps: usize,
    /// Mean over the epoch's steps of the loss before each step.
    pub mean_loss: f64,
}

fn per_record(profile: &Profile, loss: u128, records: usize) -> f64 {
    let unit = profile.target as f64 / (profile.residual_shift as f64).exp2();
    loss as f64 / (records.max(1) as f64 * unit * unit)
}

/// The mean per record of a step's loss, as a float: `loss / (batch · unit²)`,
/// `unit = target / 2^residual_shift`.
#[must_use]
pub fn mean_loss(profile: &Profile, loss: u128) -> f64 {
    per_record(profile, loss, profile.batch)
}

/// The class with the largest output of each record; the first of equals.
///
/// # Errors
/// An invalid profile; a model or features of another shape or with a value out of range.
pub fn predict(profile: &Profile, model: &Model, features: &[u16]) -> Result<Vec<u16>, ReferenceError> {
    profile.validate()?;
    model.check(profile)?;
    let unlabelled = vec![0; features.len() / profile.features()];
    check_records(profile, features, &unlabelled)?;
    Ok(largest(profile, &outputs(profile, model, features)))
}

fn outputs(profile: &Profile, model: &Model, features: &[u16]) -> Vec<i64> {
    forward(profile, model, features).pre.pop().unwrap_or_default()
}

fn largest(profile: &Profile, outputs: &[i64]) -> Vec<u16> {
    let record = |z: &[i64]| (0..z.len()).rev().max_by_key(|k| z[*k]).unwrap_or(0) as u16;
    outputs.chunks_exact(profile.classes()).map(record).collect()
}

/// A model on some records: accuracy (share of records whose largest output is the label's,
/// `0.0..=1.0`) and mean loss (squared error per record, 1.0 being a whole target).
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
    let outputs = outputs(profile, model, features);
    let loss = squares(&output_signals(profile, &outputs, labels));
    let hits = largest(profile, &outputs).iter().zip(labels).filter(|(a, b)| a == b).count();
    let accuracy = hits as f64 / labels.len().max(1) as f64;
    Ok((accuracy, per_record(profile, loss, labels.len())))
}

/// Plain training: one step a shard, in order, `epochs` times, with the profile's learning rate.
///
/// `progress` is called after each epoch.
///
/// # Errors
/// As [`super::step()`], for the first shard that is refused.
pub fn train_epochs(
    profile: &Profile,
    start: &Model,
    shards: &[Shard],
    epochs: usize,
    mut progress: impl FnMut(&EpochReport, &Model),
) -> Result<Model, ReferenceError> {
    let mut model = start.clone();
    for epoch in 0..epochs {
        let mut sum = 0.0;
        for shard in shards {
            let trace = step(profile, &model, shard)?;
            sum += mean_loss(profile, trace.loss);
            model = model.apply(profile, &trace.update);
        }
        let report =
            EpochReport { epoch, steps: (epoch + 1) * shards.len(), mean_loss: sum / shards.len().max(1) as f64 };
        progress(&report, &model);
    }
    Ok(model)
}
