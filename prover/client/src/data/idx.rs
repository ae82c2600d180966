//! Reading idx files, the format of MNIST.
//!
//! # Layout
//! Two zero bytes, the type of the values (`0x08`: unsigned byte, the only one accepted here), the
//! number of dimensions, each dimension as a big-endian u32, then the values, the last dimension
//! running fastest. The first dimension counts the items.
//!
//! # Checks
//! The declared dimensions must account for the file's length exactly, before anything is
//! allocated. Only the items asked for are read.
//!
//! # Source
//! The description on the MNIST database's page, <http://yann.lecun.com/exdb/mnist/>.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use super::DataError;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::FsError;

/// An open file whose header was checked.
#[derive(Debug)]
pub struct Idx<'a> {
    file: File,
    path: &'a Path,
    dims: Vec<usize>,
}

impl<'a> Idx<'a> {
    /// Opens a file that must have `rank` dimensions, 1 to 4.
    pub fn open(path: &'a Path, rank: u8) -> Result<Self, DataError> {
        let wrong =
            |what, expected: String, found: String| DataError::Idx { file: path.to_path_buf(), what, expected, found };
        let io = |action| move |source| DataError::from(FsError::Io { action, path: path.to_path_buf(), source });
        let mut file = fsio::open(path)?;
        let meta = file.metadata().map_err(io("look at"))?;
        let header = 4 + 4 * u64::from(rank);
        if meta.len() < header {
            let expected = format!("at least {header} bytes");
            return Err(wrong("header", expected, format!("{} bytes", meta.len())));
        }
        let mut bytes = vec![0u8; 4 + 4 * usize::from(rank)];
        file.read_exact(&mut bytes).map_err(io("read"))?;
        let magic = [0, 0, 8, rank];
        if bytes[..4] != magic {
            let found = format!("{:02x?}", &bytes[..4]);
            return Err(wrong("magic number", format!("{magic:02x?}"), found));
        }
        let dims: Vec<u64> =
            bytes[4..].chunks_exact(4).map(|b| u64::from(u32::from_be_bytes([b[0], b[1], b[2], b[3]]))).collect();
        let values = dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        let declared = values.and_then(|values| values.checked_add(header));
        if declared != Some(meta.len()) {
            let expected = format!(
                "{} bytes for dimensions {dims:?}",
                match declared {
                    Some(length) => length.to_string(),
                    None => "more than 2^64".into(),
                }
            );
            return Err(wrong("length", expected, format!("{} bytes", meta.len())));
        }
        let dims = dims.into_iter().map(|dim| dim as usize).collect();
        Ok(Self { file, path, dims })
    }

    /// Number of items.
    pub fn count(&self) -> usize {
        self.dims[0]
    }

    /// Values of an item.
    pub fn item_len(&self) -> usize {
        // No items can have any size.
        self.dims[1..].iter().fold(1, |product, dim| product.saturating_mul(*dim))
    }

    /// Reads some of the items.
    pub fn read(&mut self, range: Range<usize>) -> Result<Vec<u8>, DataError> {
        if range.start > range.end || range.end > self.count() {
            return Err(DataError::TooFew { needed: range.end, available: self.count() });
        }
        let path = self.path;
        let io = |source| FsError::Io { action: "read", path: path.to_path_buf(), source };
        let header = 4 + 4 * self.dims.len() as u64;
        let start = header + (range.start * self.item_len()) as u64;
        let mut values = vec![0; range.len() * self.item_len()];
        self.file.seek(SeekFrom::Start(start)).map_err(io)?;
        self.file.read_exact(&mut values).map_err(io)?;
        Ok(values)
    }
}
