//! Profiles: everything that fixes a verifying key, under one name and one id.
//!
//! A profile is a TOML file; those that come with the product are in `params/`. Its id is the keccak256 hash of the
//! RFC 8785 (canonical) JSON of all its fields, so two parties that agree on an id agree on the whole statement.
//!
//! # Shapes
//! `layers = [n_0, …, n_L]`: `n_0` features, `n_L` classes, depth `L >= 1`. The unit of each
//! number is said at its field; the integer rules that use them are in [`crate::reference`].
//!
//! # Local runs
//! A claim is a run of `local_steps` steps, each on a batch of its own. The fields that describe runs have defaults, and a
//! default is left out of the canonical JSON: a profile of one step of squared error has the id that it always had.
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
mod choices;
mod validate;

pub use bounds::Bounds;
pub use choices::{Activation, FeatureKind, LabelKind, Loss, Mode, OutputTable, Standardise};
pub use validate::ProfileError;

use crate::quantize::{signed_max, signed_min, unsigned_max};
use serde::{Deserialize, Serialize};
use sha3::{Digest, Keccak256};

/// The profiles that come with the product: name and TOML text.
const BUILTIN: [(&str, &str); 9] = [
    ("toy", include_str!("../params/toy.toml")),
    ("digits-tiny", include_str!("../params/digits-tiny.toml")),
    ("digits-local", include_str!("../params/digits-local.toml")),
    ("mnist-linear", include_str!("../params/mnist-linear.toml")),
    ("mnist-mlp", include_str!("../params/mnist-mlp.toml")),
    ("mnist-mlp-fast", include_str!("../params/mnist-mlp-fast.toml")),
    ("mnist-mlp-cheap", include_str!("../params/mnist-mlp-cheap.toml")),
    ("mnist-local-phone", include_str!("../params/mnist-local-phone.toml")),
    ("mnist-local", include_str!("../params/mnist-local.toml")),
];

/// A step's learning rate as the fraction `numerator / 2^shift` of integer units, for the mean of a round's `N` updates
/// with the sum `S`: `W' = clamp(W - floor((S * numerator + N 2^(shift-1)) / (N 2^shift)))`.
///
/// An update is a sum over its records, not a mean. With server momentum see [`Profile::momentum`].
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
    /// Records of a step. A shard holds `local_steps * batch` records.
    pub batch: usize,
    /// Steps of a run, each on its own batch of the shard: a power of two, 1 to 1024.
    #[serde(default = "choices::one", skip_serializing_if = "choices::is_one")]
    pub local_steps: u64,
    /// Whether the weights of a run change from step to step.
    #[serde(default, skip_serializing_if = "choices::is_default")]
    pub mode: Mode,
    /// Bits of a feature; its range is that of [`Profile::feature_kind`].
    pub feature_bits: u32,
    /// Whether features have a sign: the field `features`.
    #[serde(rename = "features", default, skip_serializing_if = "choices::is_default")]
    pub feature_kind: FeatureKind,
    /// How raw features become features; without it they are taken as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standardise: Option<Standardise>,
    /// What a record is labelled with: the field `labels`.
    #[serde(rename = "labels", default, skip_serializing_if = "choices::is_default")]
    pub label_kind: LabelKind,
    /// Weights and biases are integers in `-2^(weight_bits-1)..2^(weight_bits-1)`.
    pub weight_bits: u32,
    /// The weight `w` stands for `w / 2^weight_frac_bits`.
    pub weight_frac_bits: u32,
    /// Within a run the weight `w` is `w * 2^fine_shift`, an exact integer that no step rounds: 0 to 32.
    #[serde(default, skip_serializing_if = "choices::is_default")]
    pub fine_shift: u32,
    /// Hidden activations are integers in `0..2^activation_bits`.
    pub activation_bits: u32,
    /// Bits rounded off a hidden pre-activation to make an activation, and cut off an output to look it up in the output
    /// table.
    pub activation_shift: u32,
    /// Back-propagated signals are integers in `-2^(signal_bits-1)..2^(signal_bits-1)`.
    pub signal_bits: u32,
    /// Bits rounded off the output residual to make the output layer's signal. With an output table nothing is rounded, and
    /// `target / 2^residual_shift` is the integer that the probability 1 is.
    pub residual_shift: u32,
    /// Bits rounded off a back-propagated sum to make a hidden layer's signal.
    pub backprop_shift: u32,
    /// What a bias is multiplied with; the constant that a bias sees in place of an activation.
    pub bias_unit: i64,
    /// The output pre-activation that means 1.0; the target of the labelled class (others 0).
    pub target: i64,
    /// The learning rate of a round, in integer units.
    pub learning_rate: LearningRate,
    /// The learning rate within a run, in units of fine weights: a step subtracts `local_rate` times its gradient, and a
    /// claim's update is `local_rate` times the sum of the gradients. A power of two, 1 to 2^32.
    #[serde(default = "choices::one", skip_serializing_if = "choices::is_one")]
    pub local_rate: u64,
    /// Server momentum in quarters, 0 to 3: a round adds `momentum / 4` of what the round before it changed.
    #[serde(default, skip_serializing_if = "choices::is_default")]
    pub momentum: u32,
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
    /// Hidden activation function.
    pub activation: Activation,
    /// Loss.
    pub loss: Loss,
    /// Sizes of the table that makes probabilities of outputs. The losses with probabilities have one, others do not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_table: Option<OutputTable>,
    /// Kind of data, for tools that fetch or convert it: `mnist`, `digits`, `synthetic`, ….
    pub data: String,
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

    /// Number of records a shard has room for, `local_steps * batch`.
    #[must_use]
    pub fn shard_records(&self) -> usize {
        usize::try_from(self.local_steps).unwrap_or(usize::MAX).saturating_mul(self.batch)
    }

    /// Whether a shard may have fewer records than it has room for: the shards of runs.
    #[must_use]
    pub fn takes_partial_shards(&self) -> bool {
        self.local_steps > 1
    }

    /// Number of labels of a record: one class, or a bit for each class.
    #[must_use]
    pub fn label_width(&self) -> usize {
        match self.label_kind {
            LabelKind::Class => 1,
            LabelKind::Multi | LabelKind::Real => self.classes(),
        }
    }

    /// The table of the exponential, where outputs become probabilities by a softmax: the loss is `cross-entropy`.
    #[must_use]
    pub fn softmax(&self) -> Option<OutputTable> {
        self.output_table.filter(|_| self.loss == Loss::CrossEntropy)
    }

    /// Bits rounded off an output: in the residual, or with a softmax off its distance from the record's largest output.
    #[must_use]
    pub fn output_shift(&self) -> u32 {
        match self.softmax() {
            Some(_) => self.activation_shift,
            None => self.residual_shift,
        }
    }

    /// Smallest and largest feature.
    #[must_use]
    pub fn feature_range(&self) -> (i64, i64) {
        match self.feature_kind {
            FeatureKind::Unsigned => (0, unsigned_max(self.feature_bits)),
            FeatureKind::Signed => (signed_min(self.feature_bits), signed_max(self.feature_bits)),
        }
    }

    /// The integer behind a feature as shards hold it: signed ones are the two's complement in 16 bits.
    #[must_use]
    pub fn feature_value(&self, stored: u16) -> i64 {
        match self.feature_kind {
            FeatureKind::Unsigned => stored.into(),
            FeatureKind::Signed => (stored as i16).into(),
        }
    }

    /// A raw feature (a pixel, say) as shards hold it: standardised where the profile says so, or as it is.
    #[must_use]
    pub fn prepared(&self, raw: u16) -> u16 {
        let (min, max) = self.feature_range();
        // In range for at most 16 bits; a negative number as its two's complement.
        self.standardise.map_or(raw, |standardise| standardise.apply(raw).clamp(min, max) as u16)
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

    /// log2 of how many weight columns have room below each other in one committed column: `stack_bits`, or the laps of a run.
    #[must_use]
    pub fn place_bits(&self) -> u32 {
        self.stack_bits + self.local_steps.max(1).ilog2()
    }

    /// Number of points that commit to a model, and to an update.
    #[must_use]
    pub fn model_points(&self) -> usize {
        self.weight_columns.div_ceil(1 << self.place_bits().min(10))
    }

    /// Whether the weight columns fill all places of the columns that commit to them, or lie in one column. One set of fixed
    /// columns says for all committed columns which rows hold weights, so no other layout is sound.
    #[must_use]
    pub fn fills_places(&self) -> bool {
        let places = 1 << self.place_bits().min(10);
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
