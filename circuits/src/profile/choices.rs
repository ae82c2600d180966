//! The closed sets that a profile's fields choose from, and the sizes of its output table.
//!
//! # Shapes
//! Each value is written in kebab case in TOML and JSON: `squared-error`, `leaky-relu`. A default is left out of the canonical
//! JSON, so that profiles of one step keep their ids.
//!
//! # Errors
//! Another value than the listed ones is a syntax error that lists them. Whether values go together is checked by
//! [`super::Profile::validate`].
//!
//! # Source
//! Own; local runs: McMahan et al., "Communication-Efficient Learning of Deep Networks from Decentralized Data" (2017).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Whether the weights of a run change from step to step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Each step starts from the weights that the one before it made: a local run of federated averaging.
    #[default]
    Local,
    /// All steps use the model's weights: one gradient of `local_steps * batch` records.
    Accumulate,
}

/// Whether features have a sign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureKind {
    /// `0..2^feature_bits`.
    #[default]
    Unsigned,
    /// `-2^(feature_bits-1)..2^(feature_bits-1)`.
    Signed,
}

/// What a record is labelled with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// One class, `0..n_L`.
    #[default]
    Class,
    /// A bit for each class: any number of them.
    Multi,
    /// A number for each output. No trainer takes them yet.
    Real,
}

/// The loss that the output signals are the gradient of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// Half the sum of squares of outputs minus targets.
    SquaredError,
    /// Softmax cross-entropy.
    CrossEntropy,
    /// Cross-entropy of a sigmoid for each output.
    BinaryCrossEntropy,
}

/// Activation function of hidden units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The larger of the input and zero.
    Relu,
    /// ReLU with a slope below zero. No trainer has it yet.
    LeakyRelu,
    /// Hyperbolic tangent. No trainer has it yet.
    Tanh,
    /// Gaussian error linear unit. No trainer has it yet.
    Gelu,
    /// Sigmoid linear unit. No trainer has it yet.
    Silu,
}

/// How a raw feature `x` is standardised: `floor((scale x - offset + 2^(shift-1)) / 2^shift)`, cut to the range of features.
///
/// For features at scale `2^f`, of mean `m` and standard deviation `d`: `scale = 2^(f+shift) / d`, `offset = m scale`. The
/// constants belong to the profile, not to anybody's records: they would tell something of these, and models of members that
/// prepare alike can be added up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standardise {
    /// What a raw feature is multiplied with: 1 to 2^32.
    pub scale: u64,
    /// What is subtracted then: 0 to 2^48.
    pub offset: u64,
    /// Bits rounded off: 1 to 32.
    pub shift: u32,
}

impl Standardise {
    /// The standardised feature, before it is cut to the range of features.
    pub(super) fn apply(&self, raw: u16) -> i64 {
        // In range, below 2^48 in magnitude each.
        let x = i128::from(self.scale) * i128::from(raw) - i128::from(self.offset);
        ((x + (1i128 << self.shift >> 1)) >> self.shift).clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

/// Sizes of the table that makes probabilities of outputs; the table itself is
/// [`crate::reference::output_table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputTable {
    /// The table has `2^table_bits` entries: 2 to 16.
    pub table_bits: u32,
    /// An exponential `x` in `0..=1` is the integer `x * 2^exponent_bits`: 1 to 24. A sigmoid's table holds probabilities, so
    /// with it this is `probability_bits`.
    pub exponent_bits: u32,
    /// A probability `p` is the integer `p * 2^probability_bits`: 1 to 24.
    pub probability_bits: u32,
}

/// The name of a value as profiles write it.
fn written(value: &impl Serialize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    // invariant: unit variants serialise as strings.
    f.write_str(serde_jcs::to_string(value).map_err(|_| fmt::Error)?.trim_matches('"'))
}

macro_rules! display {
    ($($kind:ty),*) => {$(
        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                written(self, f)
            }
        }
    )*};
}

display!(Mode, FeatureKind, LabelKind, Loss, Activation);

/// The default of a count.
pub(super) fn one() -> u64 {
    1
}

/// Whether a count is its default.
pub(super) fn is_one(value: &u64) -> bool {
    *value == 1
}

/// Whether a field is its default.
pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
