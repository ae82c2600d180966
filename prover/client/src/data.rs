//! Records: where they come from, and how they become shards.
//!
//! # Shapes
//! A record is `width` features and a label; [`Records`] holds many of them in two flat lists, a feature with a sign as its
//! two's complement in 16 bits. A shard is `local_steps * batch` records of a profile, the rows of one data column.
//!
//! # Raw and prepared
//! Readers give raw features: what the file holds. [`Records::prepared`] makes those of a profile of them.
//!
//! # Errors
//! [`DataError`]; each names the file and the place in it: an index for idx files, line and column
//! for CSV.

use std::collections::HashSet;
use std::ops::Range;
use std::path::PathBuf;

use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{ReferenceError, Shard};
use zkpoc_circuits::ErrorKind;

use zkpoc_prover::fsio::FsError;

pub mod csv;
pub mod idx;
pub mod mnist;

/// Data that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] FsError),
    /// An idx file has another layout.
    #[error("{file}: {what}: expected {expected}, found {found}", file = file.display())]
    Idx {
        /// The file.
        file: PathBuf,
        /// Part of the file.
        what: &'static str,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A field of a CSV file cannot be used.
    #[error("{file}:{line}: column {column}: expected {expected}, found {found}", file = file.display())]
    Csv {
        /// The file.
        file: PathBuf,
        /// Line, from 1.
        line: u64,
        /// Column, from 1.
        column: usize,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// Fewer records than asked for.
    #[error("{needed} records are needed, {available} are there (after duplicates were removed)")]
    TooFew {
        /// Records needed.
        needed: usize,
        /// Records there.
        available: usize,
    },
    /// Records of two widths cannot be put together.
    #[error("records have {found} features, {expected} are expected")]
    Width {
        /// Features a record should have.
        expected: usize,
        /// Features it has.
        found: usize,
    },
    /// A record does not fit the profile.
    #[error(transparent)]
    Profile(#[from] ReferenceError),
}

impl DataError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }
}

/// Labelled records of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Records {
    width: usize,
    features: Vec<u16>,
    labels: Vec<u16>,
}

impl Records {
    /// No records, of `width` features each.
    pub fn new(width: usize) -> Self {
        Self { width, features: Vec::new(), labels: Vec::new() }
    }

    /// Records from flat lists: `features` holds those of record 0, then of record 1, and so on.
    pub fn from_flat(width: usize, features: Vec<u16>, labels: Vec<u16>) -> Result<Self, DataError> {
        if width.checked_mul(labels.len()) != Some(features.len()) {
            let found = features.len() / labels.len().max(1);
            return Err(DataError::Width { expected: width, found });
        }
        Ok(Self { width, features, labels })
    }

    /// Appends a record.
    pub fn push(&mut self, features: &[u16], label: u16) -> Result<(), DataError> {
        if features.len() != self.width {
            return Err(DataError::Width { expected: self.width, found: features.len() });
        }
        self.features.extend_from_slice(features);
        self.labels.push(label);
        Ok(())
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Features of a record.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All features, record after record.
    pub fn features(&self) -> &[u16] {
        &self.features
    }

    /// All labels.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// The records with each raw feature as the profile wants it; see [`Profile::prepared`].
    #[must_use]
    pub fn prepared(mut self, profile: &Profile) -> Self {
        for feature in &mut self.features {
            *feature = profile.prepared(*feature);
        }
        self
    }

    /// Some of the records, in their order.
    pub fn range(&self, range: Range<usize>) -> Result<Self, DataError> {
        if range.start > range.end || range.end > self.len() {
            return Err(DataError::TooFew { needed: range.end, available: self.len() });
        }
        let features = self.features[range.start * self.width..range.end * self.width].to_vec();
        Ok(Self { width: self.width, features, labels: self.labels[range].to_vec() })
    }

    /// Keeps the first of all records with the same features, whatever their labels; returns how
    /// many were removed. The same image under ten labels is one record.
    pub fn remove_duplicates(&mut self) -> usize {
        let mut kept = Self::new(self.width);
        let mut seen = HashSet::with_capacity(self.len());
        for (index, label) in self.labels.iter().enumerate() {
            let record = &self.features[index * self.width..(index + 1) * self.width];
            if seen.insert(record) {
                kept.features.extend_from_slice(record);
                kept.labels.push(*label);
            }
        }
        let removed = self.len() - kept.len();
        *self = kept;
        removed
    }

    /// The first `count` shards of a profile, each checked against it. Duplicates anywhere among
    /// these records are an error that names two of them; see [`Self::remove_duplicates`].
    pub fn shards(&self, profile: &Profile, count: usize) -> Result<Vec<Shard>, DataError> {
        if self.width != profile.features() {
            return Err(DataError::Width { expected: profile.features(), found: self.width });
        }
        let too_few = |needed| DataError::TooFew { needed, available: self.len() };
        let needed = count.checked_mul(profile.shard_records()).ok_or(too_few(usize::MAX))?;
        if needed > self.len() {
            return Err(too_few(needed));
        }
        let mut seen = std::collections::HashMap::with_capacity(needed);
        let rows = self.features.chunks_exact(self.width.max(1)).take(needed);
        for (second, record) in rows.enumerate() {
            if let Some(first) = seen.insert(record, second) {
                return Err(ReferenceError::Duplicate { first, second }.into());
            }
        }
        let cells = profile.shard_records() * self.width;
        let mut shards = Vec::with_capacity(count);
        for index in 0..count {
            let shard = Shard {
                features: self.features[index * cells..(index + 1) * cells].to_vec(),
                labels: self.labels[index * profile.shard_records()..(index + 1) * profile.shard_records()].to_vec(),
            };
            shard.check(profile)?;
            shards.push(shard);
        }
        Ok(shards)
    }

    /// The records of shards, in order.
    pub fn from_shards(width: usize, shards: &[Shard]) -> Result<Self, DataError> {
        let features = shards.iter().flat_map(|shard| shard.features.iter().copied()).collect();
        let labels = shards.iter().flat_map(|shard| shard.labels.iter().copied()).collect();
        Self::from_flat(width, features, labels)
    }
}

#[cfg(test)]
mod tests;
