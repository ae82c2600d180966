//! The library that tells the contracts which cells a mask covers.

use std::fmt::Write as _;

use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::Profile;

use crate::aggregation::MaskShape;
use crate::chain::words::scalar_to_word;
use zkpoc_engine::arith::root_of_unity;

/// Runs of four big-endian words of four bytes: first row, blocks, stride, rows used.
pub(super) fn mask_layout_sol(profile: &Profile) -> Result<String, LayoutError> {
    let shape = MaskShape::of(&Grid::new(profile)?);
    let mut runs = String::new();
    for run in shape.runs() {
        for word in [run.first, run.blocks, run.stride, run.used] {
            // invariant: a column has fewer than 2^32 rows, and writing to a string does not fail.
            let _ = write!(runs, "{:08x}", word as u32);
        }
    }
    Ok(format!(
        "{}/// @title Which cells of an update's columns a mask covers\n\
         library MaskLayout {{\n    bytes internal constant RUNS = hex\"{runs}\";\n    \
         uint256 internal constant CELLS = {};\n    uint256 internal constant COLUMNS = {};\n    \
         uint256 internal constant OMEGA = {};\n}}\n",
        super::header(&format!("profile {}", profile.name)),
        shape.rows().len(),
        shape.columns(),
        scalar_to_word(&root_of_unity(profile.k)),
    ))
}
