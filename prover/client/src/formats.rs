//! What goes in and out as files that other programs can read.
//!
//! - [`tensors`]: models, updates and records as safetensors of 64-bit integers;
//! - [`bundle`]: proofs and their public inputs as JSON with hexadecimal values;
//! - [`claim`]: a claim that somebody else sends;
//! - [`evidence`]: the same of any statement, as evidence against a pool;
//! - [`hexadecimal`], [`json`]: the strict parsing that both rest on.
//!
//! # Errors
//! [`FormatError`]; each names the field or tensor. Nothing is guessed: an unknown field, a doubled
//! key, a value in another spelling than the one written here are refused.

pub mod bundle;
pub mod claim;
pub mod evidence;
pub mod hexadecimal;
pub mod json;
pub(crate) mod signature;
pub mod tensors;

use zkpoc_circuits::reference::ReferenceError;
use zkpoc_circuits::ErrorKind;

/// Content that is not in the format.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Not JSON, or not of the expected structure.
    #[error("{what}: {source}")]
    Json {
        /// What was read.
        what: &'static str,
        /// Where and why.
        source: serde_json::Error,
    },
    /// Larger than anything this program writes.
    #[error("{what} has {actual} bytes, at most {limit} are expected")]
    TooLarge {
        /// What was read.
        what: &'static str,
        /// Largest accepted length.
        limit: usize,
        /// The length.
        actual: usize,
    },
    /// A field that does not hold what it should.
    #[error("field `{field}`: expected {expected}, found {found}")]
    Field {
        /// Its name.
        field: String,
        /// What belongs there.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The safetensors container is malformed.
    #[error("safetensors: {0}")]
    Container(String),
    /// The values do not fit the profile.
    #[error(transparent)]
    Profile(#[from] ReferenceError),
}

impl FormatError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Input
    }
}

impl FormatError {
    pub(crate) fn field(field: impl Into<String>, expected: impl ToString, found: impl ToString) -> Self {
        let mut found = found.to_string();
        if found.chars().count() > 80 {
            found = found.chars().take(77).chain("...".chars()).collect();
        }
        Self::Field { field: field.into(), expected: expected.to_string(), found }
    }
}

#[cfg(test)]
mod tests;
