//! Records from CSV files.
//!
//! # Layout
//! One record a line: the label, then the features, all plain decimal integers, separated by commas. Only features of a
//! shape with negative ones may have a minus sign. A first line that starts with `label` is passed over. Spaces around a
//! number are allowed.
//!
//! # Checks
//! Lines are limited in length before they are read: one without end would be taken into memory whole.
//!
//! # Errors
//! A float, a sign, `NaN`, `inf`, an empty field, a value above the maximum, a line of another
//! length: [`DataError::Csv`] with line and column.

use std::path::Path;

use super::{DataError, Records};
use zkpoc_prover::fsio;

/// Largest file that is read.
pub const LIMIT: u64 = 1 << 30;
/// Bytes that a field may take, spaces included.
const FIELD_LIMIT: usize = 64;

/// What a file's records look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CsvShape {
    /// Features of a record.
    pub width: usize,
    /// Smallest feature in the file, at least -2^15.
    pub min: i32,
    /// Largest feature in the file, below 2^16 after the multiplication, and below 2^15 if `min` is negative.
    pub max: i32,
    /// What each feature is multiplied with, so that it fills the profile's range.
    pub factor: i32,
    /// Number of classes; labels are below it.
    pub classes: u16,
}

/// 8 by 8 pixels of 0 to 16, times 15: the UCI handwritten digits.
pub const DIGITS: CsvShape = CsvShape { width: 64, min: 0, max: 16, factor: 15, classes: 10 };

/// The sample of the UCI handwritten digits that comes with the program: 512 records.
const DIGITS_SAMPLE: &[u8] = include_bytes!("../../data/digits.csv");

/// Reads a file.
pub fn load(file: &Path, shape: CsvShape) -> Result<Records, DataError> {
    parse(file, &fsio::read(file, LIMIT)?, shape)
}

/// The digits that come with the program.
pub fn digits_sample() -> Result<Records, DataError> {
    parse(Path::new("(bundled digits.csv)"), DIGITS_SAMPLE, DIGITS)
}

/// Parses the content of a file; `file` is for the messages.
pub fn parse(file: &Path, bytes: &[u8], shape: CsvShape) -> Result<Records, DataError> {
    let wrong = |line, column, expected: String, found: String| DataError::Csv {
        file: file.to_path_buf(),
        line,
        column,
        expected,
        found,
    };
    let longest = shape.width.saturating_add(1).saturating_mul(FIELD_LIMIT);
    let too_long = |line: &&[u8]| line.len() > longest;
    for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if let Some(line) = line.split(|byte| *byte == b'\r').find(too_long) {
            let expected = format!("a line of at most {longest} bytes");
            return Err(wrong(index as u64 + 1, 1, expected, format!("{} bytes", line.len())));
        }
    }
    let mut reader = ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(::csv::Trim::All)
        .quoting(false)
        .from_reader(bytes);
    let mut records = Records::new(shape.width);
    let mut row = ::csv::ByteRecord::new();
    let mut features = Vec::with_capacity(shape.width);
    loop {
        let start = reader.position().line();
        match reader.read_byte_record(&mut row) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(wrong(start, 1, "a CSV line".into(), error.to_string())),
        }
        let line = row.position().map_or(start, ::csv::Position::line);
        if records.is_empty() && line == 1 && row.get(0) == Some(b"label") {
            continue;
        }
        if row.len() != shape.width + 1 {
            let expected = format!("{} columns: a label and {} features", shape.width + 1, shape.width);
            return Err(wrong(line, row.len(), expected, format!("{} columns", row.len())));
        }
        features.clear();
        let mut label = 0;
        for (index, field) in row.iter().enumerate() {
            let (name, min, max) = match index {
                0 => ("label", 0, i32::from(shape.classes.saturating_sub(1))),
                _ => ("feature", shape.min, shape.max),
            };
            let value = integer(field).filter(|value| (min..=max).contains(value)).ok_or_else(|| {
                let found = format!("{:?}", String::from_utf8_lossy(&field[..field.len().min(40)]));
                wrong(line, index + 1, format!("a {name}, an integer from {min} to {max}"), found)
            })?;
            match index {
                0 => label = value as u16,
                // A negative number as its two's complement.
                _ => features.push(value.saturating_mul(shape.factor) as u16),
            }
        }
        records.push(&features, label)?;
    }
    Ok(records)
}

/// A plain decimal integer: digits only, perhaps after a minus sign.
fn integer(field: &[u8]) -> Option<i32> {
    let digits = field.strip_prefix(b"-").unwrap_or(field);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(field).ok()?.parse().ok()
}
