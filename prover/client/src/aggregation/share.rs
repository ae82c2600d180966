//! Shares: made by a member, checked by everyone, added up by whoever finalizes.
//!
//! # Shapes
//! A share has the cells of [`MaskShape`]: of every update column its data rows and its tail. Between the places `a < b` of a
//! pair, `a` adds the mask and `b` subtracts it.
//!
//! # Soundness
//! [`points_of_share`] is what the contract computes from the claim's points and the posted points of masks; commitments
//! bind, so a share that opens them is the only one. [`Sum::opening`] takes a sum apart only if every cell is an integer that
//! so many updates can add up to: otherwise a mask is left in it.
//!
//! # Errors
//! [`AggregationError`].

use std::time::{Duration, Instant};

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G1};
use halo2_proofs::halo2curves::ff::PrimeField;
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_circuits::grid::{Grid, TAIL};
use zkpoc_circuits::profile::Profile;

use super::keys::Place;
use super::mask::{Bases, Mask};
use super::{AggregationError, MaskSecret, MaskShape, PairSeed, Roster};
use zkpoc_engine::wipe;
use zkpoc_prover::prove::UpdateOpening;

/// A masked update: uniform to everyone who lacks one of its masks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Its cells, column by column.
    pub cells: Vec<Fr>,
}

/// What a member computes before it posts.
#[derive(Debug)]
pub struct Prepared {
    /// The share.
    pub share: Share,
    /// The points of the masks with the other members, by place without the own one.
    pub masks: Vec<Vec<G1Affine>>,
    /// Time that expanding the masks took.
    pub expanding: Duration,
}

/// The sign of the mask between `own` and `other` in the share of `own`.
fn adds(own: usize, other: usize) -> bool {
    own < other
}

fn add(cells: &mut [Fr], mask: &[Fr], plus: bool) {
    for (cell, mask) in cells.iter_mut().zip(mask) {
        match plus {
            true => *cell += mask,
            false => *cell -= mask,
        }
    }
}

/// The cells of an update and its random rows.
fn cells_of(grid: &Grid, shape: &MaskShape, opening: &UpdateOpening) -> Vec<Fr> {
    let columns = grid.update_columns(&opening.update);
    let mut cells = Vec::with_capacity(shape.cells());
    for (column, tail) in columns.iter().zip(&opening.tails) {
        let first = grid.rows() - tail.len();
        cells.extend(shape.rows().iter().map(|row| match (*row as usize).checked_sub(first) {
            Some(place) => tail[place],
            None => zkpoc_circuits::field::signed(i128::from(column[*row as usize])),
        }));
    }
    cells
}

impl Share {
    /// The share of the seat at `own`; `each` is told every mask in it, in the order of the other places, and how long its
    /// expansion took.
    fn masked(
        (grid, shape): (&Grid, &MaskShape),
        opening: &UpdateOpening,
        seeds: &[Option<PairSeed>],
        own: usize,
        mut each: impl FnMut(&Mask, Duration),
    ) -> Self {
        let mut cells = cells_of(grid, shape, opening);
        for (other, seed) in seeds.iter().enumerate() {
            let Some(seed) = seed else { continue };
            let start = Instant::now();
            let mask = shape.expand(seed);
            let expanding = start.elapsed();
            add(&mut cells, mask.cells(), adds(own, other));
            each(&mask, expanding);
        }
        Share { cells }
    }

    /// The share of the seat at `own`, and the points of its masks.
    pub fn prepare(
        grid: &Grid,
        shape: &MaskShape,
        bases: &Bases,
        opening: &UpdateOpening,
        seeds: &[Option<PairSeed>],
        own: usize,
    ) -> Prepared {
        let (mut masks, mut expanding) = (Vec::with_capacity(seeds.len()), Duration::ZERO);
        let share = Self::masked((grid, shape), opening, seeds, own, |mask, took| {
            masks.push(bases.commit(mask.cells()));
            expanding += took;
        });
        Prepared { share, masks, expanding }
    }

    /// The same without the points.
    pub fn mask(
        grid: &Grid,
        shape: &MaskShape,
        opening: &UpdateOpening,
        seeds: &[Option<PairSeed>],
        own: usize,
    ) -> Self {
        Self::masked((grid, shape), opening, seeds, own, |_, _| {})
    }
}

/// The seeds of a member with all others of its roster; `None` at its own place.
pub fn seeds(
    secret: &MaskSecret,
    place: &Place,
    roster: &Roster,
    own: usize,
) -> Result<Vec<Option<PairSeed>>, AggregationError> {
    let seed = |other: usize| match other == own {
        true => Ok(None),
        false => secret.seed(place, roster, own, other).map(Some),
    };
    (0..roster.seats.len()).map(seed).collect()
}

/// The points that the share at place `own` must open: those of the update, and those of the masks with the other places in
/// order.
pub fn points_of_share(
    update: &[G1Affine],
    masks: &[Vec<G1Affine>],
    own: usize,
) -> Result<Vec<G1Affine>, AggregationError> {
    let mut sums: Vec<G1> = update.iter().map(|point| G1::from(*point)).collect();
    for (index, points) in masks.iter().enumerate() {
        if points.len() != update.len() {
            return Err(AggregationError::Points { expected: update.len(), found: points.len() });
        }
        let other = index + usize::from(index >= own);
        for (sum, point) in sums.iter_mut().zip(points) {
            match adds(own, other) {
                true => *sum += point,
                false => *sum -= point,
            }
        }
    }
    Ok(sums.iter().map(|sum| sum.to_affine()).collect())
}

/// The sum of a group's shares.
#[derive(Clone, Debug)]
pub struct Sum {
    cells: Vec<Fr>,
    members: usize,
}

impl Sum {
    /// Of no shares.
    pub fn new(shape: &MaskShape) -> Self {
        Self { cells: vec![Fr::ZERO; shape.cells()], members: 0 }
    }

    /// Adds a share.
    pub fn add(&mut self, share: &Share) -> Result<(), AggregationError> {
        if share.cells.len() != self.cells.len() {
            return Err(AggregationError::Cells { expected: self.cells.len(), found: share.cells.len() });
        }
        add(&mut self.cells, &share.cells, true);
        self.members += 1;
        Ok(())
    }

    /// Takes out the mask of a member at `own` with a member at `missing` whose share is not in the sum.
    pub fn remove(&mut self, shape: &MaskShape, seed: &PairSeed, own: usize, missing: usize) {
        add(&mut self.cells, shape.expand(seed).cells(), !adds(own, missing));
    }

    /// The update and random rows that are left when all masks cancel.
    pub fn opening(
        &self,
        profile: &Profile,
        grid: &Grid,
        shape: &MaskShape,
    ) -> Result<UpdateOpening, AggregationError> {
        let members = self.members;
        let bound = profile.bounds().update.saturating_mul(members as u128);
        let mut columns = Vec::with_capacity(grid.columns);
        let mut tails = Vec::with_capacity(grid.columns);
        let first = grid.rows() - TAIL;
        for (column, cells) in self.cells.chunks_exact(shape.rows().len().max(1)).enumerate() {
            let mut integers = vec![0i64; grid.rows()];
            let mut tail = Vec::with_capacity(TAIL);
            for (row, cell) in shape.rows().iter().zip(cells) {
                let row = *row as usize;
                match row < first {
                    true => {
                        integers[row] = integer(cell, bound).ok_or(AggregationError::Sum { column, row, members })?;
                    }
                    false => tail.push(*cell),
                }
            }
            columns.push(integers);
            tails.push(tail);
        }
        let cells = self.cells.len();
        let wrong = |_| AggregationError::Cells { expected: shape.cells(), found: cells };
        let update = grid.update_of_columns(&columns).map_err(wrong)?;
        // What stands in masked cells that belong to no parameter must have cancelled.
        match grid.update_columns(&update) == columns {
            true => Ok(UpdateOpening { update, tails }),
            false => Err(AggregationError::Sum { column: 0, row: 0, members }),
        }
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        wipe(&mut self.cells);
    }
}

/// The integer of at most `bound` in magnitude that a field element stands for.
fn integer(cell: &Fr, bound: u128) -> Option<i64> {
    let small = |cell: &Fr| {
        let repr = cell.to_repr();
        let bytes: &[u8] = repr.as_ref();
        let (low, high) = bytes.split_at(16);
        if high.iter().any(|byte| *byte != 0) {
            return None;
        }
        let value = u128::from_le_bytes(low.try_into().ok()?);
        (value <= bound).then(|| i64::try_from(value).ok()).flatten()
    };
    small(cell).or_else(|| small(&-*cell).map(|value| -value))
}

#[cfg(test)]
mod tests;
