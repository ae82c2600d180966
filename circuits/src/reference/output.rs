//! Output signals: what each loss makes of the last pre-activations and the labels.
//!
//! # Shapes
//! `Z_L` and `dZ_L`: `m × n_L`. `y` is 1 at a record's classes, else 0; `S(v, s) = floor((v + 2^(s-1)) / 2^s)`; with an output
//! table `t = 2^table_bits`, `q = exponent_bits`, `f = probability_bits` and `unit = target / 2^activation_shift`, the integer
//! that 1.0 is once `activation_shift` bits are cut off an output.
//!
//! | loss | signal |
//! |---|---|
//! | squared error | `clamp(S(Z - target y, residual_shift))` |
//! | cross-entropy | `P - 2^f y`, `P = floor((2^(f+1) e + Σ) / (2 Σ))`, `Σ` the sum of a record's `e`; `e = table[min(u, t - 1)]`, `u = floor((m - Z) / 2^activation_shift)`, `m` the record's largest `Z` |
//! | binary cross-entropy | `P - 2^f y`, `P = table[t/2 + clamp(S(Z, activation_shift), -t/2, t/2 - 1)]` |
//!
//! The table of cross-entropy is `round(2^q exp(-u / unit))`, and 0 for the last `u`; that of binary cross-entropy is
//! `round(2^f / (1 + exp(-v / unit)))` at index `t/2 + v`. All signals of an absent record are zero.
//!
//! The sum of the squares of `dZ_L` is the loss that a claim reports: of probabilities, the Brier score.
//!
//! # Errors
//! None: the profile has been validated.
//!
//! # Source
//! Own; G. W. Brier, "Verification of forecasts expressed in terms of probability" (1950), for the score.

use rayon::prelude::*;

use super::shard::present;
use super::softmax::Probabilities;
use super::step::signal;
use crate::profile::{LabelKind, Loss, OutputTable, Profile};
use crate::quantize::{clamp, round_shift};

/// Bits after the point of the exponentials that tables are rounded from.
const PRECISION: u32 = 62;

/// `exp(-n / unit)` for `n = 0, 1, …` at `2^-PRECISION`, each within `n + 30` of its last place, the same on every machine.
fn exponentials(unit: u128) -> impl Iterator<Item = u128> {
    let one = 1u128 << PRECISION;
    // exp(-x) by its series, x = 1 / unit <= 1: terms alternate and 1 / 24! is below 2^-79.
    let (mut plus, mut minus, mut term) = (0, 0, one);
    for n in 1..=24u128 {
        if n % 2 == 1 {
            plus += term;
        } else {
            minus += term;
        }
        term /= unit * n;
    }
    let ratio = plus - minus;
    std::iter::successors(Some(one), move |power| Some((power * ratio + (one >> 1)) >> PRECISION))
}

/// The table of a profile's loss (see the module); empty where the loss needs none.
///
/// The profile has to be valid.
#[must_use]
pub fn output_table(profile: &Profile) -> Vec<i64> {
    let Some(OutputTable { table_bits, exponent_bits, probability_bits }) = profile.output_table else {
        return Vec::new();
    };
    let entries = 1usize << table_bits;
    let unit = u128::from(profile.target.unsigned_abs()) >> profile.activation_shift;
    if profile.loss == Loss::CrossEntropy {
        let rounded = exponentials(unit).map(|e| round_shift(e as i128, PRECISION - exponent_bits) as i64);
        let mut table: Vec<i64> = rounded.take(entries).collect();
        table[entries - 1] = 0;
        return table;
    }
    let half = entries / 2;
    let one = 1u128 << PRECISION;
    let powers: Vec<u128> = exponentials(unit).take(half + 1).collect();
    let sigmoid = |index: usize| {
        // 1 / (1 + exp(-v)) for v >= 0, exp(v) / (1 + exp(v)) below.
        let power = powers[index.abs_diff(half)];
        let top = if index >= half { one } else { power };
        // 2^f top / (one + power), rounded; f is at most 24, so nothing leaves 2^88.
        (((top << (probability_bits + 1)) + one + power) / (2 * (one + power))) as i64
    };
    (0..entries).map(sigmoid).collect()
}

/// The rule of a profile's loss.
pub(super) struct OutputRule {
    table: Vec<i64>,
}

impl OutputRule {
    /// The rule of a valid profile.
    pub(super) fn of(profile: &Profile) -> Self {
        Self { table: output_table(profile) }
    }

    /// Probabilities times `2^probability_bits`; empty for the squared error.
    pub(super) fn probabilities(&self, profile: &Profile, pre: &[i64]) -> Vec<i64> {
        let Some(table) = profile.output_table else {
            return Vec::new();
        };
        if profile.loss == Loss::BinaryCrossEntropy {
            let half = 1i128 << (table.table_bits - 1);
            let cell = |z: &i64| {
                let v = clamp(round_shift((*z).into(), profile.activation_shift), -half, half - 1);
                self.table[(v + half) as usize]
            };
            return pre.iter().map(cell).collect();
        }
        let record = |z: &[i64]| Probabilities::of(profile.activation_shift, table, &self.table, z).share;
        pre.par_chunks(profile.classes()).flat_map_iter(record).collect()
    }

    /// `dZ_L` from `Z_L` and the labels.
    pub(super) fn signals(&self, profile: &Profile, pre: &[i64], labels: &[u16]) -> Vec<i64> {
        let (classes, width) = (profile.classes(), profile.label_width());
        let probabilities = self.probabilities(profile, pre);
        let unit = profile.target >> profile.residual_shift;
        let cell = |(at, z): (usize, &i64)| {
            let (record, class) = (at / classes, at % classes);
            let label = &labels[record * width..][..width];
            if !present(profile, label) {
                return 0;
            }
            let hit = match profile.label_kind {
                LabelKind::Class => usize::from(label[0]) == class,
                LabelKind::Multi | LabelKind::Real => label[class] == 1,
            };
            match profile.loss {
                Loss::SquaredError => {
                    let v = i128::from(*z) - if hit { i128::from(profile.target) } else { 0 };
                    signal(profile, v, profile.residual_shift)
                }
                Loss::CrossEntropy | Loss::BinaryCrossEntropy => probabilities[at] - if hit { unit } else { 0 },
            }
        };
        pre.iter().enumerate().map(cell).collect()
    }
}
