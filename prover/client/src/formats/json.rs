//! Strict reading of JSON: a length limit, and no key twice in any object.
//!
//! Two readers of one text with a doubled key can see two values; a text that means different
//! things to its prover and its verifier is refused before either looks.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::FormatError;

/// Reads a value of type `T`; its own attributes decide about unknown and missing fields.
pub fn read<T: DeserializeOwned>(what: &'static str, bytes: &[u8], limit: usize) -> Result<T, FormatError> {
    check(what, bytes, limit)?;
    serde_json::from_slice(bytes).map_err(|source| FormatError::Json { what, source })
}

/// Checks that the text is one JSON value, short enough and without doubled keys.
pub fn check(what: &'static str, bytes: &[u8], limit: usize) -> Result<(), FormatError> {
    if bytes.len() > limit {
        return Err(FormatError::TooLarge { what, limit, actual: bytes.len() });
    }
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Unique.deserialize(&mut reader).map_err(|source| FormatError::Json { what, source })?;
    reader.end().map_err(|source| FormatError::Json { what, source })
}

/// Checks that a file says it is of this format and version.
pub(crate) fn check_header(found: (&str, u32), expected: (&str, u32)) -> Result<(), FormatError> {
    if found.0 != expected.0 {
        return Err(FormatError::field("format", expected.0, found.0));
    }
    if found.1 != expected.1 {
        return Err(FormatError::field("version", expected.1, found.1));
    }
    Ok(())
}

/// Splits a file whose first line is a JSON object: the line without its line break, and what follows.
pub(crate) fn split_header(bytes: &[u8], limit: usize) -> Result<(&[u8], &[u8]), FormatError> {
    let start = &bytes[..bytes.len().min(limit)];
    match start.iter().position(|byte| *byte == b'\n') {
        Some(end) => Ok((&bytes[..end], &bytes[end + 1..])),
        None => {
            let expected = format!("one line of JSON, at most {limit} bytes");
            Err(FormatError::field("header", expected, format!("no line break in {} bytes", start.len())))
        }
    }
}

/// Writes a value as indented text with a final line break.
pub fn write<T: serde::Serialize>(value: &T) -> Vec<u8> {
    // invariant: the types written here are structs of numbers, strings and lists.
    let mut text = serde_json::to_vec_pretty(value).expect("plain data serialises");
    text.push(b'\n');
    text
}

/// Walks over any value.
#[derive(Clone, Copy)]
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(Unique)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Unique)?;
            if let Some(key) = keys.replace(key) {
                return Err(A::Error::custom(format!("key `{key}` occurs twice")));
            }
        }
        Ok(())
    }
}
