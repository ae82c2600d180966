//! Measurements that anyone can repeat: the floor of a step's proof, a proof as a whole, and how both grow.
//!
//! | part | measures |
//! |---|---|
//! | [`floor`] | the least that a proof of a step must compute, with this program's arithmetic and with the library's |
//! | [`point`] | one proof in this process: keys, witness, proof, memory |
//! | [`runs`] | a point several times, each in a fresh process, with medians |
//! | [`shapes`] | a profile for given layers, or for a given number of parameters |
//! | [`growth`] | exponents of growth, fitted |
//! | [`plot`] | a log-log chart as SVG |
//! | [`machine`] | where it was measured |
//!
//! # Units
//! Times are milliseconds of the wall clock, memory and sizes bytes. Absolute times say little about other machines: each
//! result carries `msm16_ms`, one multi-exponentiation of 2^16 by the library on the same threads in the same run, and
//! the ratios to it, to the floor and to the native training step.
//!
//! # Errors
//! [`BenchError`].
//!
//! # Source
//! Own.

use std::path::PathBuf;
use std::time::Instant;

use zkpoc_circuits::ErrorKind;
use zkpoc_prover::commit::CommitError;
use zkpoc_prover::fsio::FsError;
use zkpoc_prover::keys::KeyError;
use zkpoc_prover::measure::milliseconds;
use zkpoc_prover::prove::ProveError;
use zkpoc_prover::srs::SrsError;

pub mod floor;
pub mod growth;
pub mod machine;
pub mod plot;
pub mod point;
pub mod runs;
pub mod shapes;

/// A measurement that was not made.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The reference string.
    #[error(transparent)]
    Srs(#[from] SrsError),
    /// A key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The proof.
    #[error(transparent)]
    Prove(#[from] ProveError),
    /// The step.
    #[error(transparent)]
    Reference(#[from] zkpoc_circuits::reference::ReferenceError),
    /// There is too little memory.
    #[error(transparent)]
    Memory(#[from] zkpoc_engine::MemoryError),
    /// A column.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A file.
    #[error(transparent)]
    File(#[from] FsError),
    /// No circuit has this shape.
    #[error("no profile for {layers} with batch {batch} up to k = {most}")]
    NoProfile {
        /// The widths, joined by dashes.
        layers: String,
        /// Records of a step.
        batch: usize,
        /// The largest k that was tried.
        most: u32,
    },
    /// A run in a process of its own failed.
    #[error("a run of {profile} ended with {status}: {output}")]
    Run {
        /// The profile.
        profile: String,
        /// Its exit status.
        status: String,
        /// The last it said.
        output: String,
    },
    /// A process could not be started.
    #[error("cannot run {program}: {reason}", program = program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// Why not.
        reason: std::io::Error,
    },
}

impl BenchError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Run { .. } | Self::Program { .. } => ErrorKind::Environment,
            Self::Srs(error) => error.kind(),
            Self::Key(error) => error.kind(),
            Self::Prove(error) => error.kind(),
            Self::File(error) => error.kind(),
            _ => ErrorKind::Input,
        }
    }
}

/// The middle of the values, the mean of the two in the middle for an even number; 0 of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => 0.0,
        (len, half) if len % 2 == 1 => sorted[half],
        (_, half) => (sorted[half - 1] + sorted[half]) / 2.0,
    }
}

/// Runs something and returns its milliseconds with its result.
fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let made = work();
    (milliseconds(start.elapsed()), made)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle_in_any_order() {
        assert_eq!((median(&[]), median(&[3.0]), median(&[9.0, 1.0, 4.0]), median(&[1.0, 4.0])), (0.0, 3.0, 4.0, 2.5));
    }
}
