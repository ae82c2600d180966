//! Second-phase cells as functions of what was committed before the challenges.
//!
//! A challenge binds only what was committed before it was drawn. So every second-phase cell that a constraint
//! reads must be computed, constraint by constraint, from first-phase, fixed and instance cells; if one is not, the
//! prover chooses it knowing the challenges, and whatever check reads it shows nothing.
//!
//! # Method
//! A constraint that reads exactly one second-phase cell not yet known, with a derivative that is not zero,
//! determines it. Determined cells make others known in turn; what remains is returned. The work is linear in the
//! number of cells read, so it also runs on circuits of `2^16` rows, where the elimination of
//! [`super::rigidity`] does not.
//!
//! # Errors
//! None.
//!
//! # Source
//! Own; the bug class is "challenge-independent operand", for example a Freivalds product whose factor is
//! committed after the vector.

use super::check::Audit;
use super::rigidity::Cell;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::BTreeSet;

impl Audit {
    /// Second-phase cells that constraints read and that do not follow from the first phase and `given`.
    pub fn undetermined(&self, given: &BTreeSet<Cell>) -> BTreeSet<Cell> {
        let phases = self.cs.advice_column_phase();
        let rows = self.rows();
        let mut known: Vec<bool> = phases.iter().flat_map(|phase| std::iter::repeat_n(*phase == 0, rows)).collect();
        for (column, row) in given {
            known[column * rows + row] = true;
        }

        // Each constraint on each row: its second-phase cells, and whether it can be solved for them.
        let mut equations: Vec<Vec<(usize, bool)>> = Vec::new();
        let mut readers: Vec<Vec<u32>> = vec![Vec::new(); known.len()];
        for (_, form, at) in self.enabled() {
            if !form.reads().any(|var| !var.instance && phases[var.column] > 0) {
                continue;
            }
            for row in at {
                let mut cells: Vec<(usize, bool)> = Vec::new();
                for (var, slope) in form.gradient(|var| self.cell(*row, var)) {
                    if !var.instance && phases[var.column] > 0 {
                        let cell = var.column * rows + self.at(*row, var.rotation);
                        readers[cell].push(equations.len() as u32);
                        cells.push((cell, slope != Fr::ZERO));
                    }
                }
                equations.push(cells);
            }
        }

        let mut missing: Vec<usize> =
            equations.iter().map(|cells| cells.iter().filter(|(cell, _)| !known[*cell]).count()).collect();
        let mut ready: Vec<u32> = (0..equations.len() as u32).filter(|i| missing[*i as usize] == 1).collect();
        while let Some(index) = ready.pop() {
            let unknown = equations[index as usize].iter().find(|(cell, _)| !known[*cell]);
            let Some((cell, true)) = unknown.copied() else { continue };
            known[cell] = true;
            for reader in &readers[cell] {
                missing[*reader as usize] -= 1;
                if missing[*reader as usize] == 1 {
                    ready.push(*reader);
                }
            }
        }
        let read = (0..known.len()).filter(|cell| !readers[*cell].is_empty());
        read.filter(|cell| !known[*cell]).map(|cell| (cell / rows, cell % rows)).collect()
    }
}
