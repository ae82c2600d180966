//! One opening as a file: a line of JSON, then the update as safetensors.
//!
//! # Layout
//! The first line is a JSON object, at most [`HEADER_LIMIT`] bytes with its line break. Everything after the line break
//! is the update, in the layout of [`tensors`], to the end of the file.
//!
//! | field | content |
//! |---|---|
//! | `format`, `version` | `zkpoc-opening`, 1 |
//! | `mode` | `open`: the update itself. Other modes are to come; a reader that does not know one must refuse it |
//! | `profile`, `profile_id` | name and id of the profile |
//! | `update_id` | keccak256 of the update's points, 64 bytes each: the id in the claim's event |
//! | `srs_digest` | the string the update is committed under |
//! | `tails` | for each update column, its last rows from top to bottom: 32 bytes big-endian each, below `r`, in one string |
//! | `update_bytes` | length of the update that follows |
//!
//! Byte strings are `0x` and lowercase hexadecimal. In Python a file is
//! `json.dumps(header).encode() + b"\n" + safetensors.numpy.save(tensors)`, and `head -1 FILE` shows the header.
//!
//! # Checks
//! On reading: no unknown, missing or doubled field; format, version and mode before anything else; the profile; as many
//! tails as the profile has update columns, all of one length of 1 to [`TAIL`] rows, each cell below `r`; an update of
//! exactly the declared length, with the profile's tensors, each value within the profile's bound. The file's length is
//! limited by [`limit`] before it is read, and nothing is allocated by a length that a file merely declares.
//!
//! What is read fits the format; whether it opens the commitments is the matter of [`Checker`](super::Checker).
//!
//! # Errors
//! [`FormatError`], which names the field; no message shows a blinding row.

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::Fr;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::profile::Profile;

use crate::formats::{hexadecimal, json, tensors, FormatError};
use zkpoc_engine::encoding::{scalar_from_bytes, scalar_to_bytes};
use zkpoc_prover::prove::UpdateOpening;

/// Longest first line, bytes.
pub const HEADER_LIMIT: usize = 16 * 1024;
/// What the header of the safetensors part may take beside its values, bytes.
const TENSORS_HEADER: u64 = 64 * 1024;
const CELL_BYTES: usize = 32;
const FORMAT: &str = "zkpoc-opening";
const VERSION: u32 = 1;

/// How an update is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As it is: whoever has the file knows the update.
    Open,
}

impl Mode {
    /// Its name in a file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
        }
    }
}

/// What the first line says, without the secrets in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// How the update is handed over.
    pub mode: Mode,
    /// Name of the profile.
    pub profile: String,
    /// Id of the profile.
    pub profile_id: B256,
    /// Id of the update's commitment, as the file claims it.
    pub update_id: B256,
    /// Digest of the SRS.
    pub srs_digest: B256,
}

/// A file's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpeningFile {
    /// The first line.
    pub header: Header,
    /// The opening; not yet checked against any commitment.
    pub opening: UpdateOpening,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeader {
    format: String,
    version: u32,
    mode: String,
    profile: String,
    profile_id: String,
    update_id: String,
    srs_digest: String,
    tails: Vec<String>,
    update_bytes: u64,
}

impl Drop for RawHeader {
    fn drop(&mut self) {
        self.tails.zeroize();
    }
}

/// The fields that say how to read the others.
#[derive(Deserialize)]
struct Preamble {
    format: String,
    version: u32,
    mode: String,
}

/// Length of the largest file of a profile.
pub fn limit(profile: &Profile) -> u64 {
    (profile.parameters() as u64).saturating_mul(8).saturating_add(HEADER_LIMIT as u64 + TENSORS_HEADER)
}

/// Writes a file; `update_id` and `srs_digest` are taken as they are.
pub fn write(
    profile: &Profile,
    update_id: B256,
    srs_digest: B256,
    opening: &UpdateOpening,
) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    check_tails(profile, &opening.tails)?;
    let update = tensors::write_update(profile, &opening.update)?;
    let raw = RawHeader {
        format: FORMAT.into(),
        version: VERSION,
        mode: Mode::Open.name().into(),
        profile: profile.name.clone(),
        profile_id: hexadecimal::encode(&profile.id()),
        update_id: hexadecimal::encode(update_id.as_slice()),
        srs_digest: hexadecimal::encode(srs_digest.as_slice()),
        tails: opening.tails.iter().map(|tail| encode_tail(tail)).collect(),
        update_bytes: update.len() as u64,
    };
    // invariant: a struct of numbers, strings and lists.
    let line = Zeroizing::new(serde_json::to_vec(&raw).expect("plain data serialises"));
    if line.len() >= HEADER_LIMIT {
        return Err(FormatError::TooLarge { what: "opening's header", limit: HEADER_LIMIT, actual: line.len() });
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(line.len() + 1 + update.len()));
    bytes.extend_from_slice(&line);
    bytes.push(b'\n');
    bytes.extend_from_slice(&update);
    Ok(bytes)
}

/// Reads the first line only: which update a file claims to open.
pub fn peek(bytes: &[u8]) -> Result<Header, FormatError> {
    split(bytes).map(|(header, _, _)| header)
}

/// Reads a file of this profile.
pub fn read(profile: &Profile, bytes: &[u8]) -> Result<OpeningFile, FormatError> {
    if bytes.len() as u64 > limit(profile) {
        let limit = usize::try_from(limit(profile)).unwrap_or(usize::MAX);
        return Err(FormatError::TooLarge { what: "opening", limit, actual: bytes.len() });
    }
    let (header, raw, update) = split(bytes)?;
    if header.profile != profile.name {
        return Err(FormatError::field("profile", &profile.name, &header.profile));
    }
    if header.profile_id != profile.id() {
        return Err(FormatError::field("profile_id", B256::new(profile.id()), header.profile_id));
    }
    if raw.update_bytes != update.len() as u64 {
        let found = format!("{} bytes after the first line", update.len());
        return Err(FormatError::field("update_bytes", format!("{} bytes", raw.update_bytes), found));
    }
    if raw.tails.len() != profile.model_points() {
        return Err(FormatError::field("tails", columns(profile), raw.tails.len()));
    }
    let tails: Vec<Vec<Fr>> =
        raw.tails.iter().enumerate().map(|(column, text)| decode_tail(column, text)).collect::<Result<_, _>>()?;
    check_tails(profile, &tails)?;
    let update = tensors::read_update(profile, update)?;
    Ok(OpeningFile { header, opening: UpdateOpening { update, tails } })
}

fn split(bytes: &[u8]) -> Result<(Header, RawHeader, &[u8]), FormatError> {
    const WHAT: &str = "opening's header";
    let (line, update) = json::split_header(bytes, HEADER_LIMIT)?;
    let preamble: Preamble = json::read(WHAT, line, HEADER_LIMIT)?;
    json::check_header((&preamble.format, preamble.version), (FORMAT, VERSION))?;
    if preamble.mode != Mode::Open.name() {
        let expected = format!("`{}`, the only mode that this program knows", Mode::Open.name());
        return Err(FormatError::field("mode", expected, preamble.mode));
    }
    let raw: RawHeader = json::read(WHAT, line, HEADER_LIMIT)?;
    let word = |field: &str, text: &str| hexadecimal::decode_array(field, text).map(B256::new);
    let header = Header {
        mode: Mode::Open,
        profile: raw.profile.clone(),
        profile_id: word("profile_id", &raw.profile_id)?,
        update_id: word("update_id", &raw.update_id)?,
        srs_digest: word("srs_digest", &raw.srs_digest)?,
    };
    Ok((header, raw, update))
}

fn columns(profile: &Profile) -> String {
    format!("{}, one for each update column", profile.model_points())
}

/// As many tails as columns, each of the same allowed length.
pub(super) fn check_tails(profile: &Profile, tails: &[Vec<Fr>]) -> Result<(), FormatError> {
    if tails.len() != profile.model_points() {
        return Err(FormatError::field("tails", columns(profile), tails.len()));
    }
    let rows = tails.first().map_or(0, Vec::len);
    for (column, tail) in tails.iter().enumerate() {
        if !(1..=TAIL).contains(&tail.len()) || tail.len() != rows {
            let expected = format!("1 to {TAIL} rows, the same for all columns");
            return Err(FormatError::field(format!("tails[{column}]"), expected, format!("{} rows", tail.len())));
        }
    }
    Ok(())
}

fn encode_tail(tail: &[Fr]) -> String {
    let mut bytes = Zeroizing::new(Vec::with_capacity(CELL_BYTES * tail.len()));
    for cell in tail {
        bytes.extend_from_slice(&scalar_to_bytes(cell));
    }
    hexadecimal::encode(&bytes)
}

/// Like [`hexadecimal::decode`], but no message repeats the text.
fn decode_tail(column: usize, text: &str) -> Result<Vec<Fr>, FormatError> {
    let field = || format!("tails[{column}]");
    let digits = text.strip_prefix("0x").filter(|digits| {
        let allowed = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        digits.bytes().all(allowed)
    });
    let digits =
        digits.ok_or_else(|| FormatError::field(field(), "lowercase hexadecimal after 0x", "other characters"))?;
    let length = digits.len();
    if length == 0 || length % (2 * CELL_BYTES) != 0 || length > 2 * CELL_BYTES * TAIL {
        let expected = format!("1 to {TAIL} rows of {CELL_BYTES} bytes");
        return Err(FormatError::field(field(), expected, format!("{length} hexadecimal digits")));
    }
    let mut cell = Zeroizing::new([0u8; CELL_BYTES]);
    let mut tail = Vec::with_capacity(length / (2 * CELL_BYTES));
    for (row, word) in digits.as_bytes().chunks_exact(2 * CELL_BYTES).enumerate() {
        let wrong = || FormatError::field(format!("tails[{column}], row {row}"), "a scalar below r", "a larger number");
        hex::decode_to_slice(word, cell.as_mut_slice()).map_err(|_| wrong())?;
        tail.push(scalar_from_bytes(&cell).map_err(|_| wrong())?);
    }
    Ok(tail)
}
