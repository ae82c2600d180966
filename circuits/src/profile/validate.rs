//! The conditions a profile must meet, each refused with its reason.
//!
//! # Shapes
//! Limits of single fields first, then the bounds of [`super::Bounds`]: sums that a circuit
//! range-checks or a contract adds stay below `2^62`, sums of squares below `2^126`. All are far
//! below `r / 2` (about `2^253`), so no field element wraps, and fit `i64` and `i128`.
//!
//! # Errors
//! [`ProfileError`], with the offending value and what was expected.
//!
//! # Source
//! Own.

use super::{Activation, FeatureKind, LabelKind, Loss, Mode, Profile};
use crate::error::ErrorKind;
use crate::quantize::{signed_max, signed_min};

/// Sums that are added up or range-checked stay below this many bits.
const SUM_BITS: u32 = 62;
/// Sums of squares stay below this many bits.
const SQUARE_BITS: u32 = 126;
/// Integers above this are not exact in JSON numbers (RFC 8785, section 3.2.2.3).
const JSON_MAX: i128 = (1 << 53) - 1;
/// Widest layer and largest batch.
const WIDTH_MAX: i128 = 1 << 20;

/// Why a profile was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// Not TOML, a field missing, unknown or of another type.
    #[error("the profile cannot be read: {0}")]
    Syntax(String),
    /// A name with characters other than lower-case letters, digits and dashes, empty or too long.
    #[error("profile field `{field}` is {value:?}; expected 1 to 64 lower-case letters, digits or dashes")]
    Name {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
    },
    /// A function that no trainer has yet.
    #[error("profile field `{field}` is {value:?}; only {expected} is supported")]
    Unsupported {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// The supported values.
        expected: &'static str,
    },
    /// A value that does not go with another field's.
    #[error("profile field `{field}` is {value}; that needs {needs}")]
    Needs {
        /// The field.
        field: &'static str,
        /// What it holds.
        value: String,
        /// What the other field would have to be.
        needs: String,
    },
    /// Fewer than two widths.
    #[error("profile field `layers` has {widths} width(s); expected at least 2 (features and classes) and at most 33")]
    Depth {
        /// Number of widths.
        widths: usize,
    },
    /// A number outside its range.
    #[error("profile field `{field}` is {value}; expected {min} to {max}")]
    Range {
        /// The field, with an index for lists.
        field: String,
        /// What it holds.
        value: i128,
        /// Smallest allowed value.
        min: i128,
        /// Largest allowed value.
        max: i128,
    },
    /// One output unit is not a representable signal.
    #[error("a residual of 1.0 is target / 2^residual_shift = {unit}; expected 1 to {max}, the largest signal")]
    ResidualUnit {
        /// `target >> residual_shift`.
        unit: i64,
        /// The largest signal, `2^(signal_bits-1) - 1`.
        max: i64,
    },
    /// More values than the columns that commit to them have rows.
    #[error("{what} are {got}; 2^k rows in {columns} hold {max}")]
    Rows {
        /// Which values.
        what: &'static str,
        /// Their number.
        got: usize,
        /// Which columns.
        columns: &'static str,
        /// The number of rows.
        max: usize,
    },
    /// Weight columns that fill a committed column in part, where another one is full.
    #[error("profile field `weight_columns` is {columns}; with `stack_bits` = {stack_bits} expected at most {places} or a multiple of it")]
    Places {
        /// Weight columns.
        columns: usize,
        /// log2 of how many of them lie in one column.
        stack_bits: u32,
        /// `2^stack_bits`.
        places: usize,
    },
    /// A sum that could become too large.
    #[error("{what} can reach {value}; it must stay below 2^{bits}")]
    TooLarge {
        /// Which intermediate.
        what: String,
        /// Its bound by interval arithmetic (saturated at `2^128 - 1`).
        value: u128,
        /// The bits it must stay below.
        bits: u32,
    },
}

impl ProfileError {
    /// What can be done about it: always another profile.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Profile
    }
}

fn name(field: &'static str, value: &str) -> Result<(), ProfileError> {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    match (1..=64).contains(&value.len()) && value.bytes().all(allowed) {
        true => Ok(()),
        false => Err(ProfileError::Name { field, value: value.to_owned() }),
    }
}

/// Refuses a value whose condition on another field does not hold.
fn needs(holds: bool, field: &'static str, value: impl ToString, needs: impl Into<String>) -> Result<(), ProfileError> {
    match holds {
        true => Ok(()),
        false => Err(ProfileError::Needs { field, value: value.to_string(), needs: needs.into() }),
    }
}

/// Refuses a number that is not a power of two.
fn power_of_two(field: &'static str, value: u64) -> Result<(), ProfileError> {
    needs(value.is_power_of_two(), field, value, "a power of two")
}

fn range(field: impl Into<String>, value: i128, min: i128, max: i128) -> Result<(), ProfileError> {
    match (min..=max).contains(&value) {
        true => Ok(()),
        false => Err(ProfileError::Range { field: field.into(), value, min, max }),
    }
}

fn below(what: impl Into<String>, value: u128, bits: u32) -> Result<(), ProfileError> {
    match value < 1u128 << bits {
        true => Ok(()),
        false => Err(ProfileError::TooLarge { what: what.into(), value, bits }),
    }
}

/// See [`Profile::validate`].
pub(super) fn check(p: &Profile) -> Result<(), ProfileError> {
    fields(p)?;
    sums(p)?;
    rows(p)
}

/// Every field on its own.
fn fields(p: &Profile) -> Result<(), ProfileError> {
    name("name", &p.name)?;
    name("data", &p.data)?;
    if p.activation != Activation::Relu {
        let (field, value) = ("activation", p.activation.to_string());
        return Err(ProfileError::Unsupported { field, value, expected: r#""relu""# });
    }
    if p.label_kind == LabelKind::Real {
        let (field, value) = ("labels", p.label_kind.to_string());
        return Err(ProfileError::Unsupported { field, value, expected: r#""class" or "multi""# });
    }
    if !(2..=33).contains(&p.layers.len()) {
        return Err(ProfileError::Depth { widths: p.layers.len() });
    }
    for (i, width) in p.layers.iter().enumerate() {
        range(format!("layers[{i}]"), *width as i128, 1, WIDTH_MAX)?;
    }
    range(format!("layers[{}] (classes)", p.depth()), p.classes() as i128, 1, 1 << 16)?;
    range("batch", p.batch as i128, 1, WIDTH_MAX)?;
    let fewest = if p.feature_kind == FeatureKind::Signed { 2 } else { 1 };
    range("feature_bits", p.feature_bits.into(), fewest, 16)?;
    if let Some(standardise) = p.standardise {
        range("standardise.scale", standardise.scale.into(), 1, 1 << 32)?;
        range("standardise.offset", standardise.offset.into(), 0, 1 << 48)?;
        range("standardise.shift", standardise.shift.into(), 1, 32)?;
    }
    range("weight_bits", p.weight_bits.into(), 2, 32)?;
    range("weight_frac_bits", p.weight_frac_bits.into(), 0, i128::from(p.weight_bits) - 1)?;
    range("activation_bits", p.activation_bits.into(), 1, 32)?;
    range("activation_shift", p.activation_shift.into(), 1, 48)?;
    range("signal_bits", p.signal_bits.into(), 2, 32)?;
    range("residual_shift", p.residual_shift.into(), 1, 48)?;
    range("backprop_shift", p.backprop_shift.into(), 1, 48)?;
    range("bias_unit", p.bias_unit.into(), 1, JSON_MAX)?;
    range("target", p.target.into(), 1, JSON_MAX)?;
    range("learning_rate.shift", p.learning_rate.shift.into(), 1, 62)?;
    // Below one, so that every weight can be reached from zero: a first model is.
    let rate_max = (1i128 << p.learning_rate.shift.min(32)) - 1;
    range("learning_rate.numerator", p.learning_rate.numerator.into(), 1, rate_max)?;
    range("max_claims", p.max_claims.into(), 1, JSON_MAX)?;
    range("limb_bits", p.limb_bits.into(), 2, 15)?;
    range("weight_columns", p.weight_columns as i128, 1, 16)?;
    range("stack_bits", p.stack_bits.into(), 0, 2)?;
    range("k", p.k.into(), 4, 24)?;
    run(p)?;
    if !p.fills_places() {
        let (columns, stack_bits) = (p.weight_columns, p.place_bits());
        return Err(ProfileError::Places { columns, stack_bits, places: 1 << stack_bits });
    }
    let unit = p.target >> p.residual_shift;
    let max = signed_max(p.signal_bits);
    match (1..=max).contains(&unit) {
        true => output(p),
        false => Err(ProfileError::ResidualUnit { unit, max }),
    }
}

/// The fields of a run.
fn run(p: &Profile) -> Result<(), ProfileError> {
    range("local_steps", p.local_steps.into(), 1, 1024)?;
    power_of_two("local_steps", p.local_steps)?;
    range("local_steps * batch", i128::from(p.local_steps) * p.batch as i128, 1, WIDTH_MAX)?;
    range("fine_shift", p.fine_shift.into(), 0, 32)?;
    range("local_rate", p.local_rate.into(), 1, 1 << 32)?;
    power_of_two("local_rate", p.local_rate)?;
    range("momentum", p.momentum.into(), 0, 3)?;
    if p.local_steps == 1 {
        return needs(p.mode == Mode::Local, "mode", p.mode, "`local_steps` of at least 2");
    }
    needs(p.stack_bits == 0, "local_steps", p.local_steps, "`stack_bits` = 0")?;
    // The largest 16-bit label means an absent record.
    needs(p.classes() < 1 << 16, "local_steps", p.local_steps, "at most 65535 classes")
}

/// Loss, labels and output table go together.
fn output(p: &Profile) -> Result<(), ProfileError> {
    if p.label_kind == LabelKind::Multi {
        needs(p.loss == Loss::BinaryCrossEntropy, "labels", p.label_kind, "`loss` = \"binary-cross-entropy\"")?;
    }
    let Some(table) = p.output_table else {
        return needs(p.loss == Loss::SquaredError, "loss", p.loss, "an `output_table`");
    };
    needs(p.loss != Loss::SquaredError, "loss", p.loss, "no `output_table`")?;
    range("output_table.table_bits", table.table_bits.into(), 2, 16)?;
    range("output_table.exponent_bits", table.exponent_bits.into(), 1, 24)?;
    range("output_table.probability_bits", table.probability_bits.into(), 1, 24)?;
    if p.loss == Loss::BinaryCrossEntropy {
        let same = table.exponent_bits == table.probability_bits;
        needs(same, "output_table.exponent_bits", table.exponent_bits, "the value of `probability_bits`")?;
    }
    let target = 1i128 << (table.probability_bits + p.residual_shift);
    let what = format!("2^(residual_shift + output_table.probability_bits) = {target}");
    needs(i128::from(p.target) == target, "target", p.target, what)?;
    let unit_bits = i128::from(target.trailing_zeros()) - i128::from(p.activation_shift);
    range("log2 of target / 2^activation_shift", unit_bits, 0, 16)
}

/// What no layout can do: commit to more values than there are rows.
fn rows(p: &Profile) -> Result<(), ProfileError> {
    let rows = 1usize << p.k.saturating_sub(p.stack_bits);
    // Each step has its own stretch of the rows.
    let step = rows / usize::try_from(p.local_steps).unwrap_or(usize::MAX).max(1);
    let fits = |what, got, columns, max| match got <= max {
        true => Ok(()),
        false => Err(ProfileError::Rows { what, got, columns, max }),
    };
    let columns = match p.local_steps {
        1 => "weight_columns columns",
        _ => "weight_columns columns, shared among local_steps steps,",
    };
    fits("weights and biases", p.parameters(), columns, p.weight_columns * step)?;
    fits("features of a shard", p.shard_records().saturating_mul(p.features()), "one column", rows)
}

/// Every sum that the fields together allow.
fn sums(p: &Profile) -> Result<(), ProfileError> {
    let bounds = p.bounds();
    for (i, v) in bounds.weight.iter().zip(&bounds.bias).map(|(w, b)| w.max(b)).enumerate() {
        below(format!("fine weight of layer {}", i + 1), *v, SUM_BITS)?;
    }
    for (i, z) in bounds.pre_activation.iter().enumerate() {
        below(format!("pre-activation of layer {}", i + 1), *z, SUM_BITS)?;
    }
    below("output residual", bounds.residual, SUM_BITS)?;
    for (i, d) in bounds.backprop.iter().enumerate() {
        below(format!("back-propagated sum of layer {}", i + 1), *d, SUM_BITS)?;
    }
    let claims = u128::from(p.max_claims);
    let sum = bounds.update.saturating_mul(claims);
    below(format!("update cell times max_claims ({} * {claims})", bounds.update), sum, SUM_BITS)?;
    let step = sum.saturating_mul(u128::from(p.learning_rate.numerator));
    let step = step.saturating_add(signed_min(p.weight_bits).unsigned_abs().into());
    below("update times learning rate", step, SQUARE_BITS)?;
    // 4 numerator S - momentum N 2^shift (W - W_prev) + 2 N 2^shift, each term at its largest.
    let shift = 1u128 << p.learning_rate.shift.min(62);
    let change = (2 * u128::from(signed_min(p.weight_bits).unsigned_abs())).saturating_mul(p.momentum.into());
    let velocity = change.saturating_mul(claims).saturating_mul(shift);
    below("change of the round before times momentum", velocity, SQUARE_BITS - 2)?;
    below("squared norm of the update", bounds.norm, SQUARE_BITS)?;
    below("loss", bounds.loss, SQUARE_BITS)
}
