//! Profiles: everything that fixes a verifying key, under one name and one id.
//!
//! A profile is a TOML file; those that come with the product are in `params/`. Its id is the keccak256 hash of the
//! RFC 8785 (canonical) JSON of all its fields, so two parties that agree on an id agree on the whole statement.
//!
//! # Shapes
//! `layers = [n_0, …, n_L]`: `n_0` features, `n_L` classes, depth `L >= 1`. The unit of each
//! number is said at its field; the integer rules that use them are in [`crate::reference`].
//!
//! # Errors
//! [`ProfileError`]: loading evaluates every bound of [`Bounds`] and refuses, with the reason,
//! a profile whose arithmetic could leave 62 bits where a circuit or contract adds it up.
//! Of rows it asks only that model and shard are not larger than their columns; whether a whole
//! circuit fits its `k` is the layout's question.
//!
//! # Source
//! Own; RFC 8785 for the canonical JSON.

mod bounds;
mod validate;

pub use bounds::Bounds;
pub use validate::ProfileError;

use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

/// The profiles that come with the product: name and TOML text.
const BUILTIN: [(&str, &str); 6] = [
    ("toy", include_str!("../params/toy.toml")),
    ("digits-tiny", include_str!("../params/digits-tiny.toml")),
    ("mnist-linear", include_str!("../params/mnist-linear.toml")),
    ("mnist-mlp", include_str!("../params/mnist-mlp.toml")),
    ("mnist-mlp-fast", include_str!("../params/mnist-mlp-fast.toml")),
    ("mnist-mlp-cheap", include_str!("../params/mnist-mlp-cheap.toml")),
];

/// A step's learning rate as the fraction `numerator / 2^shift` of integer units, for the mean of a round's `N` updates
/// with the sum `S`: `W' = clamp(W - floor((S * numerator + N 2^(shift-1)) / (N 2^shift)))`.
///
/// An update is a sum over its batch, not a mean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearningRate {
    /// Numerator, at least 1.
    pub numerator: u64,
    /// Number of bits shifted out, at least 1.
    pub shift: u32,
}

/// Everything that fixes a verifying key, and the learning rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Name: lower-case letters, digits and dashes.
    pub name: String,
    /// Widths `n_0..n_L`: features, hidden widths, classes.
    pub layers: Vec<usize>,
    /// Records in a shard; one step uses one shard.
    pub batch: usize,
    /// Features are integers in `0..2^feature_bits`.
    pub feature_bits: u32,
    /// Weights and biases are integers in `-2^(weight_bits-1)..2^(weight_bits-1)`.
    pub weight_bits: u32,
    /// The weight `w` stands for `w / 2^weight_frac_bits`.
    pub weight_frac_bits: u32,
    /// Hidden activations are integers in `0..2^activation_bits`.
    pub activation_bits: u32,
    /// Bits rounded off a hidden pre-activation to make an activation.
    pub activation_shift: u32,
    /// Back-propagated signals are integers in `-2^(signal_bits-1)..2^(signal_bits-1)`.
    pub signal_bits: u32,
    /// Bits rounded off the output residual to make the output layer's signal.
    pub residual_shift: u32,
    /// Bits rounded off a back-propagated sum to make a hidden layer's signal.
    pub backprop_shift: u32,
    /// What a bias is multiplied with; the constant that a bias sees in place of an activation.
    pub bias_unit: i64,
    /// The output pre-activation that means 1.0; the target of the labelled class (others 0).
    pub target: i64,
    /// The learning rate, in integer units.
    pub learning_rate: LearningRate,
    /// Most claims of a round: what the round circuit can add up and divide by.
    pub max_claims: u64,
    /// Bits of a limb of a range check; the limb table has `2^limb_bits` rows.
    pub limb_bits: u32,
    /// Number of columns for the model, and for the update: 1 to 16.
    pub weight_columns: usize,
    /// log2 of how many columns of `2^(k - stack_bits)` rows lie below each other in one column.
    pub stack_bits: u32,
    /// Circuits have `2^k` rows.
    pub k: u32,
    /// Hidden activation function: `relu`.
    pub activation: String,
    /// Loss: `squared-error`, or `cross-entropy` after a softmax.
    pub loss: String,
    /// The softmax of the outputs, with the loss `cross-entropy` and with no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub softmax: Option<Softmax>,
    /// Kind of data, for tools that fetch or convert it: `mnist`, `digits`, `synthetic`, ….
    pub data: String,
}

/// How the outputs become probabilities: a softmax by a table of the exponential.
///
/// With `m` the largest output of a record, `u = floor((m - Z) / 2^residual_shift)` counts steps of `2^-step_bits`, and
/// `e = table[min(u, 2^table_bits - 1)]`, `table[u] = round(2^exp_bits exp(-u / 2^step_bits))`, the last one 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Softmax {
    /// The table has `2^table_bits` values.
    pub table_bits: u32,
    /// The exponential of 0 is `2^exp_bits`.
    pub exp_bits: u32,
    /// Steps of the table in a unit of the logarithm: `2^step_bits`.
    pub step_bits: u32,
    /// A probability of 1 is `2^probability_bits`.
    pub probability_bits: u32,
}

impl Softmax {
    /// The table.
    #[must_use]
    pub fn table(&self) -> Vec<u64> {
        let steps = (1u64 << self.step_bits) as f64;
        let last = (1u64 << self.table_bits) - 1;
        let value = |u: u64| ((1u64 << self.exp_bits) as f64 * (-(u as f64) / steps).exp()).round() as u64;
        (0..=last).map(|u| if u == last { 0 } else { value(u) }).collect()
    }
}

impl Profile {
    /// Reads and validates a profile.
    ///
    /// # Errors
    /// Syntax, unknown or missing fields, and every reason of [`Profile::validate`].
    pub fn from_toml(text: &str) -> Result<Self, ProfileError> {
        let profile: Self = toml::from_str(text).map_err(|e| ProfileError::Syntax(e.to_string()))?;
        profile.validate()?;
        Ok(profile)
    }

    /// The profile of that name that comes with the product.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        let (_, text) = BUILTIN.iter().find(|(n, _)| *n == name)?;
        Self::from_toml(text).ok()
    }

    /// Names of the profiles that come with the product, smallest first.
    #[must_use]
    pub fn builtin_names() -> Vec<&'static str> {
        BUILTIN.iter().map(|(name, _)| *name).collect()
    }

    /// The profile as a TOML file; [`Profile::from_toml`] reads it back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // invariant: a valid profile's numbers fit the integers of TOML, and there are no other kinds of values.
        toml::to_string(self).expect("a profile holds only strings and integers")
    }

    /// The RFC 8785 JSON of all fields: what [`Profile::id`] hashes.
    #[must_use]
    pub fn canonical_json(&self) -> String {
        // invariant: strings, integers, arrays and structs are all serialisable.
        serde_jcs::to_string(self).expect("a profile holds only strings and integers")
    }

    /// The profile id: keccak256 of [`Profile::canonical_json`].
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        Keccak256::digest(self.canonical_json().as_bytes()).into()
    }

    /// Number of weight layers, `L`.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.layers.len().saturating_sub(1)
    }

    /// Number of weights and biases.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.layers.windows(2).fold(0, |sum, n| n[0].saturating_add(1).saturating_mul(n[1]).saturating_add(sum))
    }

    /// Number of points that commit to a model, and to an update.
    #[must_use]
    pub fn model_points(&self) -> usize {
        self.weight_columns.div_ceil(1 << self.stack_bits.min(8))
    }

    /// Whether the weight columns fill all places of the columns that commit to them, or lie in one column. One set of fixed
    /// columns says for all committed columns which rows hold weights, so no other layout is sound.
    #[must_use]
    pub fn fills_places(&self) -> bool {
        let places = 1 << self.stack_bits.min(8);
        self.weight_columns <= places || self.weight_columns.is_multiple_of(places)
    }

    /// Number of features of a record, `n_0`.
    #[must_use]
    pub fn features(&self) -> usize {
        self.layers.first().copied().unwrap_or(0)
    }

    /// Number of classes, `n_L`.
    #[must_use]
    pub fn classes(&self) -> usize {
        self.layers.last().copied().unwrap_or(0)
    }

    /// The largest magnitude each intermediate can take, by interval arithmetic.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        Bounds::of(self)
    }

    /// Refuses a profile that cannot work, with the reason.
    ///
    /// # Errors
    /// The first of the conditions of [`ProfileError`] that fails.
    pub fn validate(&self) -> Result<(), ProfileError> {
        validate::check(self)
    }
}
