//! A random source whose first field elements are chosen by the caller.
//!
//! Halo2 fills the blinding rows of the advice columns from the prover's random source: in the
//! order of the columns of the first phase, from the first blinding row to the last, eight 64-bit
//! draws an element, before anything else is drawn. So a source that yields chosen elements first
//! and the operating system's randomness afterwards fixes the blinding of the committed columns,
//! which are declared first, and leaves all other columns random.
//!
//! # Shapes
//! A column has `blinding_factors + 1` blinding rows, the last rows of the column. Of a hiding
//! column the last [`LINK_ROWS`] are random and the others 0; those of a public column are all 1.
//!
//! # Soundness
//! Nothing depends on the script: the verifier's equations hold or not whatever the blinding is.
//! Zero knowledge does: a hiding column's script must be fresh, uniform and used in one proof.
//! `scripted/tests.rs` proves a circuit and compares its points with commitments to the scripted
//! columns, so a change of the order of draws in a new version of the library cannot pass.
//!
//! # Errors
//! [`ScriptError`] if there are fewer blinding rows than random ones.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rand_core::{CryptoRng, OsRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Random rows at the end of a hiding column, and bases of a link proof.
pub const LINK_ROWS: usize = 4;

/// The random cells of a hiding column, rows `n-4` to `n-1`.
pub type Blinding = [Fr; LINK_ROWS];

/// Draws a fresh blinding.
pub fn random_blinding() -> Blinding {
    std::array::from_fn(|_| Fr::random(OsRng))
}

/// The blinding rows of one committed column.
#[derive(Clone, Copy)]
pub enum Tail {
    /// All 1: the commitment depends on the values alone.
    Public,
    /// 0, then these random values.
    Hiding(Blinding),
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Public => "Public",
            Self::Hiding(_) => "Hiding(..)",
        })
    }
}

/// Too few blinding rows for a script.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("a hiding column needs {LINK_ROWS} blinding rows, the circuit has {actual}")]
pub struct ScriptError {
    /// Blinding rows of the circuit.
    pub actual: usize,
}

impl Tail {
    /// The cells of the last `rows` rows.
    pub fn cells(&self, rows: usize) -> Result<Vec<Fr>, ScriptError> {
        match self {
            Self::Public => Ok(vec![Fr::ONE; rows]),
            Self::Hiding(blinding) => {
                let zeros = rows.checked_sub(LINK_ROWS).ok_or(ScriptError { actual: rows })?;
                let mut cells = vec![Fr::ZERO; rows];
                cells[zeros..].copy_from_slice(blinding);
                Ok(cells)
            }
        }
    }
}

/// Yields a script first and the operating system's randomness afterwards; wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct ScriptedRng {
    script: Vec<u64>,
    #[zeroize(skip)]
    next: usize,
}

impl std::fmt::Debug for ScriptedRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScriptedRng({} of {} draws left)", self.left(), self.script.len())
    }
}

impl ScriptedRng {
    /// Yields these elements, in this order, to a reader that draws eight words an element.
    pub fn new(elements: &[Fr]) -> Self {
        let mut script = Vec::with_capacity(elements.len() * 8);
        for element in elements {
            // The reader reduces 512 bits modulo r, least significant word first: a canonical
            // value, padded with zeros, reads as itself.
            let mut repr = element.to_repr();
            for word in repr.chunks_exact(8) {
                script.push(word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)));
            }
            script.extend([0; 4]);
            repr.zeroize();
        }
        Self { script, next: 0 }
    }

    /// Scripts the first columns of a circuit that has `blinding_rows` blinding rows.
    pub fn for_columns(tails: &[Tail], blinding_rows: usize) -> Result<Self, ScriptError> {
        let mut elements = Vec::with_capacity(tails.len() * blinding_rows);
        for tail in tails {
            let mut cells = tail.cells(blinding_rows)?;
            elements.extend_from_slice(&cells);
            wipe(&mut cells);
        }
        let rng = Self::new(&elements);
        wipe(&mut elements);
        Ok(rng)
    }

    fn left(&self) -> usize {
        self.script.len() - self.next
    }
}

/// Overwrites field elements that were secret.
pub(crate) fn wipe(elements: &mut [Fr]) {
    elements.fill(Fr::ZERO);
    // Keeps the writes above from being dropped as dead.
    std::hint::black_box(elements);
}

impl RngCore for ScriptedRng {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        match self.script.get_mut(self.next) {
            Some(word) => {
                self.next += 1;
                std::mem::take(word)
            }
            None => OsRng.next_u64(),
        }
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for ScriptedRng {}

#[cfg(test)]
mod tests;
