//! A share as a file: a line of JSON, then its cells.
//!
//! | field | content |
//! |---|---|
//! | `format`, `version` | `zkpoc-share`, 1 |
//! | `profile`, `profile_id` | name and id of the profile |
//! | `share_id` | keccak256 of the share's points, 64 bytes each: the id on chain |
//! | `srs_digest` | the string the points are computed with |
//! | `cells` | how many cells follow the line, 32 bytes big-endian each, below the group order |
//!
//! Cells are those of [`MaskShape`]: column by column, rows in order. A file has one spelling, so the id fixes its bytes but
//! for the header's text.
//!
//! # Checks
//! No unknown, missing or doubled field; format, version, profile and string; exactly the cells of the profile, each below the
//! order. That the cells open the points of the id is checked with a [`Checker`].
//!
//! # Errors
//! [`FormatError`], which names the field.

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::Profile;

use crate::aggregation::mask::Bases;
use crate::aggregation::{AggregationError, MaskShape, Share};
use crate::chain::words::points_id;
use crate::formats::{hexadecimal, json, FormatError};
use zkpoc_engine::encoding::{scalar_from_bytes, scalar_to_bytes};
use zkpoc_prover::srs::Srs;

/// Longest first line, bytes.
pub const HEADER_LIMIT: usize = 2 * 1024;
const CELL_BYTES: usize = 32;
const FORMAT: &str = "zkpoc-share";
const VERSION: u32 = 1;
const WHAT: &str = "share's header";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHeader {
    format: String,
    version: u32,
    profile: String,
    profile_id: String,
    share_id: String,
    srs_digest: String,
    cells: u64,
}

/// Length of the largest file of a profile; a generous one when the profile has no layout.
pub fn limit(profile: &Profile) -> u64 {
    let cells = Grid::new(profile).map_or(0, |grid| MaskShape::of(&grid).cells());
    (cells as u64).saturating_mul(CELL_BYTES as u64).saturating_add(HEADER_LIMIT as u64)
}

/// The id that a file claims to have.
pub fn peek(bytes: &[u8]) -> Result<B256, FormatError> {
    let (header, _) = split(bytes)?;
    hexadecimal::decode_array("share_id", &header.share_id).map(B256::new)
}

fn split(bytes: &[u8]) -> Result<(RawHeader, &[u8]), FormatError> {
    let (line, body) = json::split_header(bytes, HEADER_LIMIT)?;
    let header: RawHeader = json::read(WHAT, line, HEADER_LIMIT)?;
    json::check_header((&header.format, header.version), (FORMAT, VERSION))?;
    Ok((header, body))
}

/// Checks shares against the points that they must open.
#[derive(Debug)]
pub struct Checker<'a> {
    profile: &'a Profile,
    srs: &'a Srs,
    shape: MaskShape,
    bases: Bases,
}

impl<'a> Checker<'a> {
    /// Refuses a string of another size; then there are no bases.
    pub fn new(profile: &'a Profile, srs: &'a Srs) -> Result<Option<Self>, LayoutError> {
        let shape = MaskShape::of(&Grid::new(profile)?);
        Ok(shape.bases(srs).map(|bases| Self { profile, srs, shape, bases }))
    }

    /// The cells of a share.
    pub fn shape(&self) -> &MaskShape {
        &self.shape
    }

    /// The bases of its points.
    pub fn bases(&self) -> &Bases {
        &self.bases
    }

    /// The points of a share.
    pub fn points(&self, share: &Share) -> Result<Vec<G1Affine>, AggregationError> {
        match share.cells.len() == self.shape.cells() {
            true => Ok(self.bases.commit(&share.cells)),
            false => Err(AggregationError::Cells { expected: self.shape.cells(), found: share.cells.len() }),
        }
    }

    /// The id of a share.
    pub fn id(&self, share: &Share) -> Result<B256, AggregationError> {
        // invariant: a profile has at least one column.
        Ok(points_id(&self.points(share)?).unwrap_or_default())
    }

    /// Writes a file.
    pub fn write(&self, id: B256, share: &Share) -> Vec<u8> {
        let header = RawHeader {
            format: FORMAT.into(),
            version: VERSION,
            profile: self.profile.name.clone(),
            profile_id: hexadecimal::encode(&self.profile.id()),
            share_id: hexadecimal::encode(id.as_slice()),
            srs_digest: hexadecimal::encode(self.srs.digest().as_slice()),
            cells: share.cells.len() as u64,
        };
        // invariant: a struct of numbers and strings.
        let mut bytes = serde_json::to_vec(&header).expect("plain data serialises");
        bytes.push(b'\n');
        bytes.reserve_exact(CELL_BYTES * share.cells.len());
        share.cells.iter().for_each(|cell| bytes.extend_from_slice(&scalar_to_bytes(cell)));
        bytes
    }

    /// Reads a file that must have an id. `origin` is for messages: the file or URL.
    pub fn read(&self, origin: &str, id: B256, bytes: &[u8]) -> Result<Share, AggregationError> {
        let wrong = |source| AggregationError::Format { origin: origin.to_owned(), source: Box::new(source) };
        let (claimed, share) = self.parse(bytes).map_err(wrong)?;
        for found in [claimed, self.id(&share)?] {
            if found != id {
                let source = FormatError::field("share_id", id, found);
                return Err(AggregationError::Format { origin: origin.to_owned(), source: Box::new(source) });
            }
        }
        Ok(share)
    }

    fn parse(&self, bytes: &[u8]) -> Result<(B256, Share), FormatError> {
        let (header, body) = split(bytes)?;
        let id = hexadecimal::decode_array("share_id", &header.share_id).map(B256::new)?;
        let expected = self.shape.cells();
        let fields = [
            ("profile", self.profile.name.clone(), header.profile),
            ("profile_id", hexadecimal::encode(&self.profile.id()), header.profile_id),
            ("srs_digest", hexadecimal::encode(self.srs.digest().as_slice()), header.srs_digest),
            ("cells", expected.to_string(), header.cells.to_string()),
        ];
        if let Some((field, expected, found)) = fields.into_iter().find(|(_, expected, found)| expected != found) {
            return Err(FormatError::field(field, expected, found));
        }
        if body.len() != CELL_BYTES * expected {
            let found = format!("{} bytes after the first line", body.len());
            return Err(FormatError::field("cells", format!("{} bytes", CELL_BYTES * expected), found));
        }
        let read = |(index, word): (usize, &[u8])| {
            let mut bytes = [0; CELL_BYTES];
            bytes.copy_from_slice(word);
            scalar_from_bytes(&bytes).map_err(|_| {
                FormatError::field(format!("cells[{index}]"), "a number below the group order", "a larger one")
            })
        };
        let cells = body.par_chunks_exact(CELL_BYTES).enumerate().map(read).collect::<Result<Vec<Fr>, _>>()?;
        Ok((id, Share { cells }))
    }
}
