//! Records for `dataset commit` and `train`: idx files, CSV, the installed MNIST package, or the digits
//! sample that comes with the program.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::Args;
use zkpoc_circuits::profile::Profile;
use zkpoc_contracts::tools::Tools;

use crate::error::Error;
use zkpoc_client::data::csv;
use zkpoc_client::data::csv::{CsvShape, DIGITS};
use zkpoc_client::data::mnist;
use zkpoc_client::data::mnist::Part;
use zkpoc_client::data::{DataError, Records};

/// Where records come from.
#[derive(Debug, Args)]
pub struct Source {
    /// Folder with the four MNIST idx files, or a CSV file (label, then features) [default: the
    /// installed MNIST package, or the digits sample, as the profile's data says].
    #[arg(long, value_name = "PATH")]
    data: Option<PathBuf>,
    /// Records to pass over at the start.
    #[arg(long, value_name = "N", default_value_t = 0)]
    skip: usize,
}

impl Source {
    /// At least `needed` different records, from the first not passed over.
    ///
    /// # Errors
    /// Unreadable or too few; features that are not the profile's.
    pub fn load(&self, profile: &Profile, needed: usize) -> Result<Records, Error> {
        self.load_up_to(profile, needed, needed)
    }

    /// As [`Source::load`], of at least `needed` records, and of more if they are there, up to about `wanted`.
    ///
    /// # Errors
    /// As [`Source::load`].
    pub fn load_up_to(&self, profile: &Profile, needed: usize, wanted: usize) -> Result<Records, Error> {
        // Some more than wanted, in case some are duplicates.
        let end = self.skip.saturating_add(wanted).saturating_add(wanted / 4 + 64);
        let mut records = self.range(profile, Part::Train, self.skip..end)?;
        records.remove_duplicates();
        match records.len() < needed {
            true => Err(DataError::TooFew { needed, available: records.len() }.into()),
            false => Ok(records),
        }
    }

    /// Records to measure a model with: the test part of MNIST; `None` where there is no such part.
    pub fn test(&self, profile: &Profile) -> Result<Option<Records>, Error> {
        let is_folder = self.data.as_ref().is_none_or(|path| path.is_dir());
        match profile.data == "mnist" && is_folder {
            true => Ok(Some(self.range(profile, Part::Test, 0..usize::MAX)?)),
            false => Ok(None),
        }
    }

    /// All training records.
    pub fn all(&self, profile: &Profile) -> Result<Records, Error> {
        self.range(profile, Part::Train, self.skip..usize::MAX)
    }

    /// The records of a range, or those of it that are there.
    fn range(&self, profile: &Profile, part: Part, range: Range<usize>) -> Result<Records, Error> {
        let cut = |count: usize| range.start.min(count)..range.end.min(count);
        let records = match (&self.data, profile.data.as_str()) {
            (Some(path), _) if !path.is_dir() => {
                let all = csv::load(path, shape(profile))?;
                all.range(cut(all.len()))?
            }
            (Some(folder), _) => idx(folder, part, cut)?,
            (None, "mnist") => idx(&Tools::ensure()?.mnist()?, part, cut)?,
            (None, "digits") => {
                let all = csv::digits_sample()?;
                all.range(cut(all.len()))?
            }
            (None, other) => {
                return Err(Error::Usage(format!(
                "profile {} is for {other:?} data, which does not come with the program; name a CSV file with --data",
                profile.name
            )))
            }
        };
        match records.width() == profile.features() {
            true => Ok(records.prepared(profile)),
            false => Err(DataError::Width { expected: profile.features(), found: records.width() }.into()),
        }
    }
}

fn idx(folder: &Path, part: Part, cut: impl Fn(usize) -> Range<usize>) -> Result<Records, Error> {
    Ok(mnist::load(folder, part, cut(mnist::count(folder, part)?))?)
}

fn shape(profile: &Profile) -> CsvShape {
    match profile.data.as_str() {
        "digits" => DIGITS,
        _ => {
            // Features that are standardised may be any before.
            let (min, max) = match profile.standardise {
                Some(_) => (0, u16::MAX.into()),
                None => profile.feature_range(),
            };
            CsvShape {
                width: profile.features(),
                min: min as i32,
                max: max as i32,
                factor: 1,
                classes: u16::try_from(profile.classes()).unwrap_or(u16::MAX),
            }
        }
    }
}
