//! The three circuits by name, and how a profile determines each of them.

use crate::columns::Columns;
use crate::grid::LayoutError;
use crate::instance::{DATASET_INPUTS, ROUND_INPUTS, TRAINING_INPUTS};
use crate::profile::Profile;
use serde::{Deserialize, Serialize};

/// Which statement a proof is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CircuitKind {
    /// An update is the gradient of a model on a shard.
    Training,
    /// A shard is well-formed.
    Dataset,
    /// The next model comes from a sum of updates. These proofs travel in transactions, not in files.
    Round,
}

impl CircuitKind {
    /// The name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Training => "training",
            Self::Dataset => "dataset",
            Self::Round => "round",
        }
    }

    /// Number of public inputs, see [`crate::instance`].
    pub fn instances(self) -> usize {
        match self {
            Self::Training => TRAINING_INPUTS,
            Self::Dataset => DATASET_INPUTS,
            Self::Round => ROUND_INPUTS,
        }
    }
}

impl std::fmt::Display for CircuitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A circuit that a profile determines.
pub trait ProfileCircuit: Columns {
    /// Which one it is.
    const KIND: CircuitKind;

    /// The circuit of a profile, without a witness.
    ///
    /// # Errors
    /// [`LayoutError`] when the profile does not fit.
    fn of_profile(profile: &Profile) -> Result<Self, LayoutError>
    where
        Self: Sized;
}
