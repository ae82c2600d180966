//! Hexadecimal fields: `0x`, then two lowercase digits a byte.
//!
//! One spelling only, so that equal values are equal texts.

use super::FormatError;

/// Writes bytes.
pub fn encode(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Reads a field of any length up to `limit` bytes.
pub fn decode(field: &str, text: &str, limit: usize) -> Result<Vec<u8>, FormatError> {
    let wrong = |expected: String| FormatError::field(field, expected, text);
    let digits = text.strip_prefix("0x").ok_or_else(|| wrong("hexadecimal after 0x".into()))?;
    if digits.len() > limit.saturating_mul(2) {
        return Err(FormatError::field(
            field,
            format!("at most {limit} bytes"),
            format!("{} hexadecimal digits", digits.len()),
        ));
    }
    if digits.bytes().any(|digit| digit.is_ascii_uppercase()) {
        return Err(wrong("lowercase hexadecimal".into()));
    }
    hex::decode(digits).map_err(|error| wrong(format!("hexadecimal ({error})")))
}

/// Reads a field of exactly `N` bytes.
pub fn decode_array<const N: usize>(field: &str, text: &str) -> Result<[u8; N], FormatError> {
    let bytes = decode(field, text, N)?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| FormatError::field(field, format!("{N} bytes"), found))
}
