//! A shard: the records of one run.
//!
//! # Shapes
//! With `m = local_steps * batch`, the records of step `e` being those from `e * batch` on:
//! `features`: `m × n_0` row-major, each in the profile's range; `labels`: `m`, each a class, or `m × n_L` bits.
//!
//! # Features with a sign
//! A feature is held in 16 bits; a signed one as its two's complement: -1 is 65535 ([`Profile::feature_value`]).
//!
//! # Shards that are not full
//! A shard of a run may have fewer records than it has room for. A record that is absent has [`Shard::ABSENT`] in place of
//! each of its labels and zeros for features. Its residual is zero, so it adds nothing to update and loss, and it counts
//! neither as a record nor as a duplicate. Any record may be absent, not only the last ones.
//!
//! # Errors
//! [`ReferenceError::Length`], [`ReferenceError::Feature`], [`ReferenceError::SignedFeature`], [`ReferenceError::Label`],
//! [`ReferenceError::AbsentFeature`], [`ReferenceError::Duplicate`], [`ReferenceError::Partial`].
//!
//! # Source
//! Own.

use std::collections::HashMap;

use super::{expect_length, ReferenceError};
use crate::profile::{FeatureKind, LabelKind, Profile};

/// The records of one run; for profiles of one step, of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `m × n_0` features, row-major `[i][j]`.
    pub features: Vec<u16>,
    /// `m` labels, or `m × n_L` of them, row-major `[i][k]`.
    pub labels: Vec<u16>,
}

impl Shard {
    /// What stands for each label of a record that is absent.
    pub const ABSENT: u16 = u16::MAX;

    /// A shard of the first records of some lists, filled up with absent ones.
    ///
    /// Lists that are too long or hold other than whole records make a shard that [`Shard::check_ranges`] refuses.
    #[must_use]
    pub fn filled_up(profile: &Profile, features: &[u16], labels: &[u16]) -> Self {
        let mut shard = Self { features: features.to_vec(), labels: labels.to_vec() };
        let records = profile.shard_records();
        shard.features.resize(features.len().max(records.saturating_mul(profile.features())), 0);
        shard.labels.resize(labels.len().max(records.saturating_mul(profile.label_width())), Self::ABSENT);
        shard
    }

    /// Number of records that are present.
    #[must_use]
    pub fn records(&self, profile: &Profile) -> usize {
        self.labels.chunks_exact(profile.label_width().max(1)).filter(|label| present(profile, label)).count()
    }

    /// Refuses a shard that no validity proof exists for.
    ///
    /// # Errors
    /// Lengths, ranges and labels as in [`Shard::check_ranges`]; two records with equal features.
    pub fn check(&self, profile: &Profile) -> Result<(), ReferenceError> {
        self.check_ranges(profile)?;
        let mut seen = HashMap::new();
        let labels = self.labels.chunks_exact(profile.label_width().max(1));
        let records = self.features.chunks_exact(profile.features().max(1)).zip(labels).enumerate();
        for (second, (record, _)) in records.filter(|(_, (_, label))| present(profile, label)) {
            if let Some(first) = seen.insert(record, second) {
                return Err(ReferenceError::Duplicate { first, second });
            }
        }
        Ok(())
    }

    /// Refuses a shard that no circuit proves anything of: other ranges than [`Shard::check_ranges`] takes, or absent records.
    ///
    /// # Errors
    /// As [`Shard::check_ranges`], and [`ReferenceError::Partial`].
    pub fn check_full(&self, profile: &Profile) -> Result<(), ReferenceError> {
        self.check_ranges(profile)?;
        let (present, records) = (self.records(profile), profile.shard_records());
        match present == records {
            true => Ok(()),
            false => Err(ReferenceError::Partial { present, records }),
        }
    }

    /// Refuses a shard of another shape or with a value out of range; equal records pass.
    ///
    /// # Errors
    /// [`ReferenceError::Length`], [`ReferenceError::Feature`], [`ReferenceError::SignedFeature`],
    /// [`ReferenceError::Label`], [`ReferenceError::AbsentFeature`].
    pub fn check_ranges(&self, profile: &Profile) -> Result<(), ReferenceError> {
        let labels = profile.shard_records().saturating_mul(profile.label_width());
        expect_length(|| "labels".into(), self.labels.len(), labels)?;
        check(profile, &self.features, &self.labels, profile.takes_partial_shards())
    }
}

/// Whether a record with these labels is present.
pub(super) fn present(profile: &Profile, label: &[u16]) -> bool {
    !profile.takes_partial_shards() || label.iter().any(|y| *y != Shard::ABSENT)
}

/// Refuses records (any number of them, all present) of another width or with a value out of range.
pub(super) fn check_records(profile: &Profile, features: &[u16], labels: &[u16]) -> Result<(), ReferenceError> {
    check(profile, features, labels, false)
}

fn check(profile: &Profile, features: &[u16], labels: &[u16], absent: bool) -> Result<(), ReferenceError> {
    let (width, label_width) = (profile.features(), profile.label_width());
    let records = labels.len() / label_width;
    expect_length(|| "labels".into(), labels.len(), records.saturating_mul(label_width))?;
    expect_length(|| "features".into(), features.len(), records.saturating_mul(width))?;
    let (min, max) = profile.feature_range();
    if let Some(at) = features.iter().position(|x| !(min..=max).contains(&profile.feature_value(*x))) {
        let (record, feature, got) = (at / width, at % width, features[at]);
        return Err(match profile.feature_kind {
            FeatureKind::Unsigned => ReferenceError::Feature { record, feature, got, max: max as u16 },
            FeatureKind::Signed => {
                ReferenceError::SignedFeature { record, feature, got: got as i16, min: min as i16, max: max as i16 }
            }
        });
    }
    let top = match profile.label_kind {
        LabelKind::Class => profile.classes().saturating_sub(1),
        LabelKind::Multi | LabelKind::Real => 1,
    };
    for (record, label) in labels.chunks_exact(label_width).enumerate() {
        if absent && !present(profile, label) {
            let values = &features[record * width..][..width];
            if let Some(feature) = values.iter().position(|x| *x != 0) {
                return Err(ReferenceError::AbsentFeature {
                    record,
                    feature,
                    got: profile.feature_value(values[feature]),
                });
            }
        } else if let Some(got) = label.iter().find(|y| usize::from(**y) > top) {
            return Err(ReferenceError::Label { record, got: *got, max: top });
        }
    }
    Ok(())
}
