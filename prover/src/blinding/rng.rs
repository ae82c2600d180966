//! A random source whose first field elements are chosen by the caller: what gives Halo2's own prover
//! the blinding rows of an engine's proof, so that the two can be compared.
//!
//! Halo2 fills the blinding rows of the advice columns from the prover's random source: in the
//! order of the columns of the first phase, from the first blinding row to the last, eight 64-bit
//! draws an element, before anything else is drawn.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use rand_core::{CryptoRng, OsRng, RngCore};

/// Yields a script first and the operating system's randomness afterwards.
pub(crate) struct ScriptedRng {
    script: Vec<u64>,
    next: usize,
}

impl std::fmt::Debug for ScriptedRng {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScriptedRng({} of {} draws left)", self.left(), self.script.len())
    }
}

impl ScriptedRng {
    /// Yields these elements, in this order, to a reader that draws eight words an element.
    pub(crate) fn new(elements: &[Fr]) -> Self {
        let mut script = Vec::with_capacity(elements.len() * 8);
        for element in elements {
            // The reader reduces 512 bits modulo r, least significant word first: a canonical
            // value, padded with zeros, reads as itself.
            let repr = element.to_repr();
            for word in repr.chunks_exact(8) {
                script.push(word.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)));
            }
            script.extend([0; 4]);
        }
        Self { script, next: 0 }
    }

    pub(super) fn left(&self) -> usize {
        self.script.len() - self.next
    }
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
