//! From a pair's seed to its mask: one field element for every cell of the update columns that can hold anything but zero,
//! and for every row of the tail, so that every random row of the columns is masked too.
//!
//! The cell in column `c` and row `r` is, for attempts `a = 0, 1, ..`, the first
//! `SHA-256(seed || c || r || a)` that is below the group order once its two top bits are cleared; the numbers have four bytes
//! each, big-endian, and so has the result. The message fits one block of the hash.
//!
//! # Shapes
//! The rows are those of [`Grid::update_runs`], the same for every column; cells are kept column by column in that order.
//!
//! # Soundness
//! With a secret seed the function is pseudo-random (SHA-256's compression function keyed by a part of its message, of one
//! fixed length), so each cell is as good as uniform: rejection leaves no bias. 0.756 of all hashes pass. A contract can
//! compute single cells, which is what ends disputes ([`MaskCommitments`](zkpoc_contracts::bindings)).
//!
//! # Source
//! A mask generating function in counter mode, as MGF1 of RFC 8017, B.2.1, with a counter of three parts.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::Curve;
use rayon::prelude::*;
use sha2::block_api::compress256;
use zkpoc_circuits::grid::{Grid, Run};

use super::keys::PairSeed;
use zkpoc_engine::arith;
use zkpoc_engine::wipe;
use zkpoc_prover::srs::Srs;

/// Cells that a thread expands at a time.
const CHUNK: usize = 1024;
const INITIAL: [u32; 8] =
    [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
/// seed, column, row, attempt.
const MESSAGE: usize = 32 + 3 * 4;

/// Which cells are masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskShape {
    runs: Vec<Run>,
    rows: Vec<u32>,
    columns: usize,
    height: usize,
}

impl MaskShape {
    /// The cells of a profile's updates.
    pub fn of(grid: &Grid) -> Self {
        let runs = grid.update_runs();
        // invariant: a column has fewer than 2^32 rows.
        let rows = runs.iter().flat_map(|run| run.rows()).map(|row| row as u32).collect();
        Self { runs, rows, columns: grid.columns, height: grid.rows() }
    }

    /// The rows as runs.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The rows, in order.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Update columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Cells of a mask, all columns together.
    pub fn cells(&self) -> usize {
        self.rows.len() * self.columns
    }

    /// The bases of the masked rows, for many commitments.
    pub fn bases(&self, srs: &Srs) -> Option<Bases> {
        let all = srs.lagrange();
        let points = self.rows.iter().map(|row| all.get(*row as usize).copied()).collect::<Option<Vec<_>>>()?;
        (all.len() == self.height).then_some(Bases(points))
    }

    /// The mask of a seed: its cells, column by column.
    pub fn expand(&self, seed: &PairSeed) -> Mask {
        let mut cells = vec![Fr::ZERO; self.cells()];
        for (column, cells) in cells.chunks_mut(self.rows.len().max(1)).enumerate() {
            let column = column as u32;
            cells.par_chunks_mut(CHUNK).zip(self.rows.par_chunks(CHUNK)).for_each(|(cells, rows)| {
                for (cell, row) in cells.iter_mut().zip(rows) {
                    *cell = cell_of(seed, column, *row);
                }
            });
        }
        Mask(cells)
    }
}

/// The bases of the masked rows.
#[derive(Clone, Debug)]
pub struct Bases(Vec<G1Affine>);

impl Bases {
    /// The points of a mask or share, one for each column.
    pub fn commit(&self, cells: &[Fr]) -> Vec<G1Affine> {
        let columns = cells.chunks_exact(self.0.len().max(1));
        columns.map(|column| arith::msm(column, &self.0).to_affine()).collect()
    }
}

/// A mask's cells. Wiped when dropped, never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask(Vec<Fr>);

impl Mask {
    /// The cells, column by column.
    pub fn cells(&self) -> &[Fr] {
        &self.0
    }
}

impl Drop for Mask {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask(..)")
    }
}

/// One cell.
pub fn cell_of(seed: &PairSeed, column: u32, row: u32) -> Fr {
    let mut block = [0u8; 64];
    block[..32].copy_from_slice(seed.expose());
    block[32..36].copy_from_slice(&column.to_be_bytes());
    block[36..40].copy_from_slice(&row.to_be_bytes());
    block[MESSAGE] = 0x80;
    block[56..].copy_from_slice(&(8 * MESSAGE as u64).to_be_bytes());
    for attempt in 0u32.. {
        block[40..MESSAGE].copy_from_slice(&attempt.to_be_bytes());
        let mut state = INITIAL;
        compress256(&mut state, std::slice::from_ref(&block));
        state[0] &= 0x3fff_ffff;
        // Scalars are read with their lowest byte first.
        let mut little = <Fr as PrimeField>::Repr::default();
        let bytes: &mut [u8] = little.as_mut();
        for (bytes, word) in bytes.chunks_exact_mut(4).zip(state.iter().rev()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        if let Some(cell) = Option::from(Fr::from_repr(little)) {
            return cell;
        }
    }
    // Not reached: that 2^32 hashes in a row are refused has no probability worth a name.
    Fr::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};
    use zkpoc_circuits::profile::Profile;
    use zkpoc_circuits::reference::Update;
    use zkpoc_engine::encoding::scalar_to_bytes;

    fn plain(seed: &PairSeed, column: u32, row: u32) -> [u8; 32] {
        for attempt in 0u32.. {
            let hash = Sha256::new().chain_update(seed.expose()).chain_update(column.to_be_bytes());
            let hash = hash.chain_update(row.to_be_bytes()).chain_update(attempt.to_be_bytes()).finalize();
            let mut bytes: [u8; 32] = hash.into();
            bytes[0] &= 0x3f;
            if zkpoc_engine::encoding::scalar_from_bytes(&bytes).is_ok() {
                return bytes;
            }
        }
        unreachable!("some hash is below the order")
    }

    #[test]
    fn cells_are_the_hashes_they_should_be() {
        let seed = PairSeed::from_bytes([5; 32]);
        for (column, row) in [(0, 0), (0, 1), (1, 0), (1, 65_535), (7, 1 << 20)] {
            assert_eq!(scalar_to_bytes(&cell_of(&seed, column, row)), plain(&seed, column, row));
        }
        let column = |byte| (0..200).map(|row| cell_of(&PairSeed::from_bytes([byte; 32]), 0, row)).collect::<Vec<_>>();
        assert_ne!(column(5), column(6));
    }

    #[test]
    fn golden_cell() {
        // hashlib.sha256(bytes([5] * 32) + bytes([0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, a])) with two bits cleared, first a below r.
        let cell = scalar_to_bytes(&cell_of(&PairSeed::from_bytes([5; 32]), 1, 9));
        assert_eq!(hex::encode(cell), GOLDEN);
    }

    const GOLDEN: &str = "26102882206f545bf6df2636b78e350c85833db245dc72684a46fe5996f01581";

    #[test]
    fn every_cell_of_an_update_and_the_whole_tail_are_masked() {
        for name in Profile::builtin_names() {
            let profile = Profile::builtin(name).expect("a profile");
            let grid = Grid::new(&profile).expect("a grid");
            let shape = MaskShape::of(&grid);
            assert!(shape.rows().is_sorted_by(|a, b| a < b), "{name}: rows twice or out of order");
            let masked: std::collections::BTreeSet<usize> = shape.rows().iter().map(|row| *row as usize).collect();
            assert!((grid.rows() - zkpoc_circuits::grid::TAIL..grid.rows()).all(|row| masked.contains(&row)), "{name}");
            let mut ones = Update::zero(&profile);
            for layer in &mut ones.layers {
                layer.weights.fill(1);
                layer.bias.fill(1);
            }
            let columns = grid.update_columns(&ones);
            let used = |row: &usize| columns.iter().any(|column| column[*row] == 1);
            let data = masked.iter().filter(|row| **row < grid.rows() - zkpoc_circuits::grid::TAIL);
            assert!(data.clone().all(used), "{name}: a masked row that no update uses");
            assert_eq!(data.count(), (0..grid.rows()).filter(used).count(), "{name}: an update's row is not masked");
            assert_eq!(grid.update_of_columns(&columns), Ok(ones), "{name}");
        }
    }

    #[test]
    fn masks_are_committed_to_where_they_stand() {
        let profile = Profile::builtin("toy").expect("a profile");
        let grid = Grid::new(&profile).expect("a grid");
        let (shape, srs) = (MaskShape::of(&grid), Srs::bundled_ceremony(profile.k).expect("a string"));
        let mask = shape.expand(&PairSeed::from_bytes([9; 32]));
        let mut column = vec![Fr::ZERO; grid.rows()];
        for (row, cell) in shape.rows().iter().zip(mask.cells()) {
            column[*row as usize] = *cell;
        }
        let expected = zkpoc_prover::commit::commit_column(srs.params(), &column).expect("a commitment");
        assert_eq!(shape.bases(&srs).expect("bases").commit(mask.cells())[0], expected);
        assert!(shape.bases(&Srs::bundled_ceremony(5).expect("a string")).is_none());
    }
}
