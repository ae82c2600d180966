//! Crash safety: the real program is killed (SIGKILL) at many points of a command, and run again.
//!
//! # What is asked of every kill
//! 1. Nothing that was committed, proven, claimed or finalized before it is lost: the command can be run again and ends well,
//!    and what is in the home then opens the commitments that are registered, proven or on chain.
//! 2. No half file is taken for a whole one, stray temporary files disturb nobody, and no lock is left behind.
//! 3. At no time, the time of the kill included, can another user reach a secret ([`privacy`]).
//! 4. A transaction that was sent is not sent a second time.
//!
//! # Points
//! The length of an undisturbed run is measured, and so is how often it changes its folders. Kills are drawn from the whole
//! length, with some more at the very start and end, and from the changes, which hits the short times between two writes.
//! All is drawn from one seed: `ZKPOC_SEED=N`; `ZKPOC_KILLS=N` is the number of kills of each command.

mod chain;
mod files;
mod privacy;
mod process;

use std::path::Path;

/// Kills of each command.
fn kills() -> u32 {
    std::env::var("ZKPOC_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(8)
}

/// A seed for one test.
fn seed(salt: u64) -> u64 {
    let seed: u64 = std::env::var("ZKPOC_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(5);
    seed.wrapping_mul(1 << 16).wrapping_add(salt)
}

/// Copies a folder with the modes of all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("a type").is_dir() {
            true => copy(&source, &target),
            false => drop(std::fs::copy(&source, &target).expect("copied")),
        }
    }
    std::fs::set_permissions(to, from.metadata().expect("modes").permissions()).expect("modes");
}
