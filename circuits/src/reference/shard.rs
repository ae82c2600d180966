//! A shard: the records of one step.
//!
//! # Shapes
//! `features`: `batch × n_0` row-major, each in `0..2^feature_bits`; `labels`: `batch`, each a class.
//!
//! # Errors
//! [`ReferenceError::Length`], [`ReferenceError::Feature`], [`ReferenceError::Label`],
//! [`ReferenceError::Duplicate`].
//!
//! # Source
//! Own.

use std::collections::HashMap;

use super::{expect_length, ReferenceError};
use crate::profile::Profile;
use crate::quantize::unsigned_max;

/// The records of one step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shard {
    /// `batch × n_0` features, row-major `[i][j]`.
    pub features: Vec<u16>,
    /// `batch` labels.
    pub labels: Vec<u16>,
}

impl Shard {
    /// Refuses a shard that no validity proof exists for.
    ///
    /// # Errors
    /// Lengths, ranges and labels as in [`Shard::check_ranges`]; two records with equal features.
    pub fn check(&self, profile: &Profile) -> Result<(), ReferenceError> {
        self.check_ranges(profile)?;
        let mut seen = HashMap::new();
        for (second, record) in self.features.chunks_exact(profile.features().max(1)).enumerate() {
            if let Some(first) = seen.insert(record, second) {
                return Err(ReferenceError::Duplicate { first, second });
            }
        }
        Ok(())
    }

    /// Refuses a shard of another shape or with a value out of range; equal records pass.
    ///
    /// # Errors
    /// [`ReferenceError::Length`], [`ReferenceError::Feature`], [`ReferenceError::Label`].
    pub fn check_ranges(&self, profile: &Profile) -> Result<(), ReferenceError> {
        expect_length(|| "labels".into(), self.labels.len(), profile.batch)?;
        check_records(profile, &self.features, &self.labels)
    }
}

/// Refuses records (any number of them) of another width or with a value out of range.
pub(super) fn check_records(profile: &Profile, features: &[u16], labels: &[u16]) -> Result<(), ReferenceError> {
    let width = profile.features();
    expect_length(|| "features".into(), features.len(), labels.len().saturating_mul(width))?;
    let max = unsigned_max(profile.feature_bits).min(u16::MAX.into()) as u16;
    if let Some(at) = features.iter().position(|x| *x > max) {
        let (record, feature) = (at / width, at % width);
        return Err(ReferenceError::Feature { record, feature, got: features[at], max });
    }
    let classes = profile.classes();
    match labels.iter().position(|y| usize::from(*y) >= classes) {
        Some(record) => Err(ReferenceError::Label { record, got: labels[record], max: classes.saturating_sub(1) }),
        None => Ok(()),
    }
}
