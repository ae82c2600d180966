//! The integer semantics of training: the rule that circuits prove and trainers follow.
//!
//! A claim is a run of `E = local_steps` steps. The circuits prove runs of squared error or softmax cross-entropy, with one class a
//! record, full shards and no server momentum; the trainer computes all of them.
//!
//! # Shapes of a step
//! `B = batch`, widths `n_0..n_L`, all matrices row-major, all values plain integers.
//! `round(v, s) = floor((v + 2^(s-1)) / 2^s)` ([`round_shift`](crate::quantize::round_shift)).
//!
//! | value | shape | definition | range |
//! |---|---|---|---|
//! | `A_0` | `B × n_0` | the features | [`Profile::feature_range`](crate::profile::Profile::feature_range) |
//! | `y` | `B` | the labels, one class each (or bits, `B × n_L`) | `0..n_L` |
//! | `W_l`, `b_l` | `n_{l-1} × n_l`, `n_l` | the model | `-2^(weight_bits-1)..2^(weight_bits-1)` |
//! | `V_l`, `v_l` | as `W_l`, `b_l` | the fine weights and biases: `W 2^fine_shift` in the first step | [`Bounds::weight`](crate::profile::Bounds), [`Bounds::bias`](crate::profile::Bounds) |
//! | `Z_l` | `B × n_l` | `A_{l-1} V_l + bias_unit v_l`, exact | [`Bounds::pre_activation`](crate::profile::Bounds) |
//! | `A_l`, `l < L` | `B × n_l` | `clamp(t, 0, 2^activation_bits - 1)`, `t = round(Z_l, activation_shift)` | unsigned |
//! | `M_l`, `l < L` | `B × n_l` | `t >= 0` | bit |
//! | `dZ_L` | `B × n_L` | squared error: `clamp(round(Z_L - target·onehot(y), residual_shift))`; others: see `output_table` | `signal_bits` signed |
//! | `D_l`, `l < L` | `B × n_l` | `dZ_{l+1} V_{l+1}ᵀ`, exact | [`Bounds::backprop`](crate::profile::Bounds) |
//! | `dZ_l`, `l < L` | `B × n_l` | `M_l · clamp(round(D_l, backprop_shift))` | `signal_bits` signed |
//! | `ΔW_l` | `n_{l-1} × n_l` | `A_{l-1}ᵀ dZ_l`, exact | [`Bounds::update`](crate::profile::Bounds) |
//! | `Δb_l` | `n_l` | `bias_unit · Σ_i dZ_l[i]`, exact | [`Bounds::update`](crate::profile::Bounds) |
//! | `loss` | 1 | `Σ dZ_L²` | |
//!
//! # A run
//! | value | shape | definition | range |
//! |---|---|---|---|
//! | `V(e+1)` | as `W` | `V(e) - local_rate Δ(e)`; in accumulate mode `V(0)` | [`Bounds::weight`](crate::profile::Bounds) |
//! | `T` | as `W` | the claim's update: `local_rate Σ_e Δ(e)`; of one step with `local_rate` 1: `Δ` | [`Bounds::update`](crate::profile::Bounds) |
//! | `loss` | 1 | sum of the losses of all steps | [`Bounds::loss`](crate::profile::Bounds) |
//! | `norm` | 1 | sum of the squares of all cells of `T` | [`Bounds::norm`](crate::profile::Bounds) |
//! | `W'` | as `W` | `clamp(W - floor((S·numerator + N 2^(shift-1)) / (N 2^shift)))`, `S` the sum of `N` updates; with momentum see [`Model::apply_mean_after`] | as `W` |
//!
//! Between the steps of a run weights are neither rounded nor clamped.
//!
//! An activation that saturates at its upper end passes the signal on (its `M_l` is 1), and so does
//! one that rounds to zero from `t = 0`; only `t < 0` stops it.
//!
//! # Scales
//! With `S` the scale of the features (the integer that means 1.0) and
//! `f = weight_frac_bits + fine_shift` the bits after the point of a fine weight:
//! `A_l` has scale `S·2^(l(f - activation_shift))`, `Z_l` that of `A_{l-1}` times `2^f`, so
//! `target` should be the scale of `Z_L`. `dZ_L` has scale `u = target / 2^residual_shift` and
//! each layer further back `2^(f - backprop_shift)` times more. The scales of `ΔW_l` and
//! `ΔW_{l+1}` differ by `2^(activation_shift - backprop_shift)`: equal shifts give all weights one
//! learning rate, a smaller `backprop_shift` gives earlier layers a larger one. In a run one scale for all layers needs
//! `activation_shift = backprop_shift = f`: then a rate `η` for the mean of a batch is
//! `local_rate = η 2^f / (batch S u)`.
//!
//! # Errors
//! [`ReferenceError`], naming the layer, record or feature with what it holds and what was expected.
//!
//! # Source
//! Own; back-propagation of the squared error with a straight-through clamp.

mod metrics;
mod model;
mod output;
mod run;
mod shard;
mod softmax;
mod step;

pub use metrics::{evaluate, mean_loss, predict, train_epochs, EpochReport};
pub use model::{FineLayer, FineModel, Layer, LayerUpdate, Model, Update};
pub use output::output_table;
pub use run::{run, RunTrace};
pub use shard::Shard;
pub use softmax::Probabilities;
pub use step::{step, StepTrace};

use crate::error::ErrorKind;
use crate::profile::ProfileError;

/// Why a model, a shard or an update was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The profile itself cannot work.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A list of another length than the profile says.
    #[error("{what} has length {got}; the profile says {expected}")]
    Length {
        /// Which list.
        what: String,
        /// Its length.
        got: usize,
        /// The length the profile gives.
        expected: usize,
    },
    /// A weight or bias outside the range of `weight_bits`.
    #[error("{what} of the model is {got}; expected {min} to {max}")]
    Weight {
        /// Layer and index.
        what: String,
        /// The value.
        got: i64,
        /// The smallest weight.
        min: i64,
        /// The largest weight.
        max: i64,
    },
    /// A feature outside the range of `feature_bits`.
    #[error("record {record}, feature {feature} is {got}; expected 0 to {max}")]
    Feature {
        /// Index of the record.
        record: usize,
        /// Index of the feature.
        feature: usize,
        /// The value.
        got: u16,
        /// The largest value.
        max: u16,
    },
    /// A signed feature outside the range of `feature_bits`.
    #[error("record {record}, feature {feature} is {got}; expected {min} to {max}")]
    SignedFeature {
        /// Index of the record.
        record: usize,
        /// Index of the feature.
        feature: usize,
        /// The value.
        got: i16,
        /// The smallest value.
        min: i16,
        /// The largest value.
        max: i16,
    },
    /// A shard with absent records, which no circuit proves yet.
    #[error("{present} of the shard's {records} records are present; the circuits prove full shards: gather more records, or use a profile with fewer `local_steps`")]
    Partial {
        /// Records that are present.
        present: usize,
        /// Records that the profile's shards have room for.
        records: usize,
    },
    /// A feature of a record that is absent.
    #[error("record {record} is absent, but its feature {feature} is {got}; expected 0")]
    AbsentFeature {
        /// Index of the record.
        record: usize,
        /// Index of the feature.
        feature: usize,
        /// The value.
        got: i64,
    },
    /// A profile of several steps where one step is asked for.
    #[error("the profile's run has {local_steps} steps (`local_steps`); one step by itself needs a profile of one")]
    Steps {
        /// Steps of a run.
        local_steps: u64,
    },
    /// A label that is no class, or no bit.
    #[error("the label of record {record} is {got}; expected 0 to {max}")]
    Label {
        /// Index of the record.
        record: usize,
        /// The label.
        got: u16,
        /// The largest label.
        max: usize,
    },
    /// Two records with the same features (whatever their labels).
    #[error("record {second} has the same features as record {first}; records of a shard must differ")]
    Duplicate {
        /// The earlier record.
        first: usize,
        /// The later record.
        second: usize,
    },
}

impl ReferenceError {
    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Profile(error) => error.kind(),
            Self::Steps { .. } => ErrorKind::Profile,
            _ => ErrorKind::Input,
        }
    }
}

/// Refuses a list whose length is not the profile's.
fn expect_length(what: impl FnOnce() -> String, got: usize, expected: usize) -> Result<(), ReferenceError> {
    match got == expected {
        true => Ok(()),
        false => Err(ReferenceError::Length { what: what(), got, expected }),
    }
}
