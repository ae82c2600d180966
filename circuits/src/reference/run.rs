//! A whole run in integers: `local_steps` steps, each on its own batch of a shard, and the update they add up to.
//!
//! # Shapes
//! With `c = local_rate` and `Δ(e)` the gradient of step `e` (see the table of [`crate::reference`]):
//!
//! - `V(0) = W 2^fine_shift`;
//! - `V(e+1) = V(e) - c Δ(e)`, in accumulate mode `V(e+1) = V(0)`;
//! - the claim's update is `T = c (Δ(0) + … + Δ(E-1))`, so in local mode `T = V(0) - V(E)`.
//!
//! A step is parallel over its records and rows of weights; steps follow each other.
//!
//! # Errors
//! [`run`] refuses an invalid profile, model or shard; equal records are left to [`Shard::check`].
//!
//! # Source
//! McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data" (2017); the exact integers are
//! our own.

use super::model::FineModel;
use super::output::OutputRule;
use super::step::step_of;
use super::{Model, ReferenceError, Shard, StepTrace, Update};
use crate::profile::{Mode, Profile};

/// Everything a run computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTrace {
    /// `V(e)`, the weights that each step starts from; in accumulate mode all the same.
    pub weights: Vec<FineModel>,
    /// What each step computes from them; `update` is its gradient `Δ(e)`.
    pub steps: Vec<StepTrace>,
    /// The claim's update, `T`.
    pub update: Update,
    /// Sum of the losses of the steps.
    pub loss: u128,
    /// Sum of the squares of all cells of the claim's update.
    pub norm: u128,
    /// Records of the shard that are present.
    pub records: usize,
}

/// A run of the model on a shard.
///
/// # Errors
/// An invalid profile; a model or shard of another shape or with a value out of range.
pub fn run(profile: &Profile, model: &Model, shard: &Shard) -> Result<RunTrace, ReferenceError> {
    profile.validate()?;
    model.check(profile)?;
    shard.check_ranges(profile)?;

    let rule = OutputRule::of(profile);
    // At most 2^32 in a valid profile.
    let rate = profile.local_rate as i64;
    let mut fine = model.fine(profile);
    let mut update = Update::zero(profile);
    let (mut weights, mut steps) = (Vec::new(), Vec::new());
    let features = shard.features.chunks_exact(profile.batch * profile.features());
    for (features, labels) in features.zip(shard.labels.chunks_exact(profile.batch * profile.label_width())) {
        let trace = step_of(profile, &rule, &fine, features, labels);
        update.add_scaled(rate, &trace.update);
        weights.push(fine.clone());
        if profile.mode == Mode::Local {
            fine.descend(rate, &trace.update);
        }
        steps.push(trace);
    }
    let loss = steps.iter().map(|step| step.loss).sum();
    let norm = update.norm();
    Ok(RunTrace { weights, steps, update, loss, norm, records: shard.records(profile) })
}
