//! Reading the powers of tau from a `.ptau` file.
//!
//! # Layout
//! All numbers are little-endian. `"ptau"`, version `1` (u32), number of sections (u32); then each
//! section as type (u32), length (u64) and content. Section 1: bytes per field element (u32, 32),
//! the base field's modulus, the power `p` (u32), the ceremony's power (u32). Section 2:
//! `2^(p+1) - 1` points `[tau^i]_1`. Section 3: `2^p` points `[tau^i]_2`. Coordinates are in
//! Montgomery form with R = 2^256, which is also the curve library's form in memory.
//!
//! Other sections are passed over, the Lagrange points (12) among them: they belong to another
//! root of unity than Halo2's.
//!
//! # Checks
//! The header, every section's place and length, canonicity and curve membership of every point
//! that is returned. The relations between the points are checked in [`super::checks`].
//!
//! # Source
//! The writer of this format, `snarkjs`; confirmed on a published ceremony file.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use halo2_proofs::halo2curves::bn256::{Fq, G1Affine, G2Affine};
use halo2_proofs::halo2curves::ff::{Field, PrimeField};
use halo2_proofs::halo2curves::serde::SerdeObject;

use super::{SrsError, MAX_K};
use crate::fsio::FsError;

const HEADER: u32 = 1;
const TAU_G1: u32 = 2;
const TAU_G2: u32 = 3;
const HEADER_BYTES: u64 = 44;
const MAX_SECTIONS: u32 = 64;

/// The points of a ceremony file that an SRS of one size needs.
#[derive(Debug)]
pub struct Powers {
    /// `[tau^i]_1` for `i < 2^k`.
    pub g1: Vec<G1Affine>,
    /// The first point of the G2 section.
    pub g2: G2Affine,
    /// The second.
    pub tau_g2: G2Affine,
}

struct Source<'a, R> {
    reader: R,
    file: &'a Path,
}

impl<R: Read + Seek> Source<'_, R> {
    fn layout(&self, section: &'static str, expected: impl ToString, found: impl ToString) -> SrsError {
        SrsError::Layout {
            file: self.file.to_path_buf(),
            section,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    fn io(&self, action: &'static str, source: std::io::Error) -> SrsError {
        FsError::Io { action, path: self.file.to_path_buf(), source }.into()
    }

    fn seek(&mut self, to: SeekFrom) -> Result<u64, SrsError> {
        self.reader.seek(to).map_err(|error| self.io("read", error))
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], SrsError> {
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes).map_err(|error| self.io("read", error))?;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, SrsError> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, SrsError> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn g1(&mut self, index: usize) -> Result<G1Affine, SrsError> {
        let bytes: [u8; 64] = self.bytes()?;
        G1Affine::from_raw_bytes(&bytes).ok_or_else(|| self.point("section 2 (G1 powers)", index))
    }

    fn g2(&mut self, index: usize) -> Result<G2Affine, SrsError> {
        let bytes: [u8; 128] = self.bytes()?;
        G2Affine::from_raw_bytes(&bytes).ok_or_else(|| self.point("section 3 (G2 powers)", index))
    }

    fn point(&self, section: &'static str, index: usize) -> SrsError {
        let expected = "coordinates below the modulus, and a point on the curve";
        SrsError::Point { file: self.file.to_path_buf(), section, index, expected }
    }

    /// Place and length of every section; the sections must fill the file.
    fn sections(&mut self) -> Result<BTreeMap<u32, (u64, u64)>, SrsError> {
        let total = self.seek(SeekFrom::End(0))?;
        self.seek(SeekFrom::Start(0))?;
        if total < 12 {
            return Err(self.layout("start", "at least 12 bytes", total));
        }
        let magic: [u8; 4] = self.bytes()?;
        if magic != *b"ptau" {
            return Err(self.layout("magic", "\"ptau\"", format!("{magic:02x?}")));
        }
        match self.u32()? {
            1 => {}
            version => return Err(self.layout("version", 1, version)),
        }
        let count = self.u32()?;
        if count > MAX_SECTIONS {
            let expected = format!("at most {MAX_SECTIONS}");
            return Err(self.layout("number of sections", expected, count));
        }
        let mut sections = BTreeMap::new();
        let mut at = 12u64;
        for _ in 0..count {
            if total - at < 12 {
                return Err(self.layout("section table", "a section of 12 bytes or more", total - at));
            }
            self.seek(SeekFrom::Start(at))?;
            let (kind, length) = (self.u32()?, self.u64()?);
            at += 12;
            if length > total - at {
                let found = format!("{length} for section {kind}");
                return Err(self.layout("section length", format!("at most {}", total - at), found));
            }
            if sections.insert(kind, (at, length)).is_some() {
                return Err(self.layout("section table", "every section once", format!("{kind} twice")));
            }
            at += length;
        }
        if at != total {
            return Err(self.layout("end", format!("{at} bytes in all"), total));
        }
        Ok(sections)
    }
}

/// Reads what size `k` needs.
pub fn read<R: Read + Seek>(reader: R, file: &Path, k: u32) -> Result<Powers, SrsError> {
    let mut source = Source { reader, file };
    let sections = source.sections()?;
    let find = |source: &Source<'_, R>, kind: u32, name: &'static str| {
        sections.get(&kind).copied().ok_or_else(|| source.layout(name, "to be there", "nothing"))
    };

    let (start, length) = find(&source, HEADER, "section 1 (header)")?;
    if length != HEADER_BYTES {
        return Err(source.layout("section 1 (header)", format!("{HEADER_BYTES} bytes"), length));
    }
    source.seek(SeekFrom::Start(start))?;
    match source.u32()? {
        32 => {}
        other => return Err(source.layout("bytes per field element", 32, other)),
    }
    let modulus: [u8; 32] = source.bytes()?;
    if modulus != base_field_modulus() {
        return Err(source.layout("modulus", "that of BN254", hex::encode(modulus)));
    }
    let power = source.u32()?;
    if !(1..=MAX_K).contains(&power) {
        return Err(source.layout("power", format!("1 to {MAX_K}"), power));
    }
    if k > power {
        return Err(source.layout("power", format!("at least k = {k}"), power));
    }

    let (g1_start, g1_length) = find(&source, TAU_G1, "section 2 (G1 powers)")?;
    let expected = ((1u64 << (power + 1)) - 1) * 64;
    if g1_length != expected {
        return Err(source.layout("section 2 (G1 powers)", format!("{expected} bytes"), g1_length));
    }
    let (g2_start, g2_length) = find(&source, TAU_G2, "section 3 (G2 powers)")?;
    let expected = (1u64 << power) * 128;
    if g2_length != expected {
        return Err(source.layout("section 3 (G2 powers)", format!("{expected} bytes"), g2_length));
    }

    source.seek(SeekFrom::Start(g1_start))?;
    let g1 = (0..1usize << k).map(|index| source.g1(index)).collect::<Result<_, _>>()?;
    source.seek(SeekFrom::Start(g2_start))?;
    let (g2, tau_g2) = (source.g2(0)?, source.g2(1)?);
    Ok(Powers { g1, g2, tau_g2 })
}

/// `q`, little-endian: one more than the encoding of `-1`.
fn base_field_modulus() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice((-Fq::ONE).to_repr().as_ref());
    // invariant: q is odd, so its predecessor ends in a zero bit and nothing carries.
    bytes[0] += 1;
    bytes
}
