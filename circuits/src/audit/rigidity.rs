//! Witness rigidity: which cells a prover could move without any constraint noticing.
//!
//! # Method
//! At an honest witness the derivatives of all constraints, at all rows, form a linear system in the
//! changes of the cells. A change that every constraint lets pass to first order is in its kernel, so a
//! cell that the circuit forgets to bind shows up there, whatever value it happens to have.
//! Cells that the statement fixes are *known*: they have no unknown. So are looked-up cells, which
//! LogUp confines to a finite set: they cannot move a little. (That LogUp does confine them is not
//! for this test to show.)
//!
//! A challenge-dependent constraint binds first-phase cells for all challenges at once, while the
//! second-phase cells may differ from challenge to challenge. Therefore many draws are stacked: in each
//! the second-phase unknowns are eliminated on their own, and what remains are equations in the
//! first-phase unknowns alone, which are shared.
//!
//! # Shapes
//! An unknown is a (column, row) of the advice columns, all `2^k` rows included. There are at least eight more
//! draws than first-phase unknowns that the constraints without a challenge leave open, allowed ones not counted.
//!
//! # Limits
//! The test is local. Finite sets of solutions pass (bits, range checks), so gates that choose between such
//! solutions (`floor` and `ceiling` of a clamp) need witnesses made by hand; and so does LogUp itself.
//!
//! # Errors
//! Those of the circuit's synthesis.
//!
//! # Source
//! The rank of the constraints' Jacobian as a test of uniqueness is our own; compare the bug class
//! "assigned but not constrained" in the SoK of SNARK vulnerabilities, arXiv 2402.15293.

use super::check::Audit;
use super::recorder::{Kind, Place};
use super::sparse::{Echelon, Row};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::Error;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// An advice cell: column and row.
pub type Cell = (usize, usize);

/// More draws than open unknowns.
const SPARE_DRAWS: usize = 8;

/// What is known before the prover chooses anything, and what is left out.
#[derive(Default)]
pub struct Question<'a> {
    /// Cells that the statement or a lookup fixes.
    pub known: BTreeSet<Cell>,
    /// Sums of cells that a lookup confines to a finite set, where that is not one cell: coefficient of each.
    pub confined: Vec<Vec<(Cell, Fr)>>,
    /// Cells that are allowed to be free: the last choice as a pivot, so that `free` names them.
    pub allowed: BTreeSet<Cell>,
    /// Labels of constraints that are left out, as if the circuit did not have them.
    pub without: BTreeSet<&'a str>,
}

impl std::fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sizes = (self.known.len(), self.allowed.len());
        f.debug_struct("Question").field("known, allowed", &sizes).field("without", &self.without).finish()
    }
}

/// The kernel of the constraints' Jacobian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rigidity {
    /// First-phase unknowns.
    pub unknowns: usize,
    /// First-phase unknowns, but the allowed ones, that the constraints without a challenge leave open.
    pub open: usize,
    /// Draws of the challenges.
    pub draws: usize,
    /// Equations between first-phase unknowns that the draws gave.
    pub equations: usize,
    /// First-phase cells that nothing binds, one for each dimension of the kernel.
    pub free: BTreeSet<Cell>,
    /// Free cells that a bound cell follows when they move: they carry something.
    pub entangled: BTreeSet<Cell>,
    /// Second-phase unknowns of a draw.
    pub second_unknowns: usize,
    /// Second-phase cells that nothing binds once the first phase is fixed, in any draw.
    pub second_free: BTreeSet<Cell>,
}

impl Rigidity {
    /// Measures a circuit; `make` synthesises it with its honest witness under given challenges.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn measure(
        make: &(dyn Fn(&[Fr]) -> Result<Audit, Error> + Sync),
        draw: &mut dyn FnMut() -> Fr,
        question: &Question<'_>,
    ) -> Result<Self, Error> {
        // The number of challenges is that of the circuit.
        let challenges = make(&[])?.cs.num_challenges();
        let mut draw = || (0..challenges).map(|_| draw()).collect::<Vec<_>>();

        let audit = make(&draw())?;
        let space = Space::new(&audit, question);
        let mut first = space.echelon();
        for sum in &question.confined {
            let mut row = Row::new();
            sum.iter().for_each(|((column, at), value)| space.add(&mut row, *column, *at, *value));
            first.insert(row);
        }
        for row in space.rows(&audit).into_iter().filter(|row| !space.second(row)) {
            first.insert(row);
        }
        let unknowns = space.unknowns(0).count();
        let open = space.unknowns(0).filter(|var| !first.is_pivot(*var) && !space.allowed.contains(var)).count();

        let draws = if challenges == 0 { 1 } else { open + SPARE_DRAWS };
        let drawn: Vec<Vec<Fr>> = (0..draws).map(|_| draw()).collect();
        let solved = drawn
            .par_iter()
            .map(|challenges| Ok(space.eliminate(&make(challenges)?, &first)))
            .collect::<Result<Vec<_>, Error>>()?;
        let mut equations = 0;
        let mut second_free = BTreeSet::new();
        for (rows, free) in solved {
            equations += rows.len();
            rows.into_iter().for_each(|row| first.insert(row));
            second_free.extend(free);
        }
        let free: BTreeSet<usize> = space.unknowns(0).filter(|var| !first.is_pivot(*var)).collect();
        let entangled = first.reduced().into_iter().flat_map(|row| row.into_keys()).filter(|var| free.contains(var));
        Ok(Rigidity {
            unknowns,
            open,
            draws,
            equations,
            entangled: entangled.map(|var| space.cell(var)).collect(),
            free: free.iter().map(|var| space.cell(*var)).collect(),
            second_unknowns: space.unknowns(1).count(),
            second_free,
        })
    }
}

/// The unknowns: cells by number, and the phase of each column.
struct Space<'a> {
    rows: usize,
    phases: Vec<u8>,
    known: BTreeSet<usize>,
    allowed: BTreeSet<usize>,
    without: &'a BTreeSet<&'a str>,
}

impl<'a> Space<'a> {
    fn new(audit: &Audit, question: &'a Question<'a>) -> Self {
        let rows = audit.rows();
        let number = |cells: &BTreeSet<Cell>| cells.iter().map(|(column, row)| column * rows + row).collect();
        Space {
            rows,
            phases: audit.cs.advice_column_phase(),
            known: number(&question.known),
            allowed: number(&question.allowed),
            without: &question.without,
        }
    }

    fn cell(&self, var: usize) -> Cell {
        (var / self.rows, var % self.rows)
    }

    fn phase(&self, var: usize) -> u8 {
        self.phases[var / self.rows]
    }

    fn unknowns(&self, phase: u8) -> impl Iterator<Item = usize> + '_ {
        (0..self.phases.len() * self.rows).filter(move |var| self.phase(*var) == phase && !self.known.contains(var))
    }

    fn second(&self, row: &Row) -> bool {
        row.keys().any(|var| self.phase(*var) > 0)
    }

    /// Second-phase cells are eliminated first, cells that may be free last.
    fn echelon(&self) -> Echelon<impl Fn(usize) -> u8 + '_> {
        Echelon::new(|var| match (self.phase(var), self.allowed.contains(&var)) {
            (0, true) => 3,
            (0, false) => 2,
            (_, true) => 1,
            (_, false) => 0,
        })
    }

    /// The derivatives of all constraints and copies.
    fn rows(&self, audit: &Audit) -> Vec<Row> {
        let mut out = Vec::new();
        for (constraint, form, rows) in audit.enabled() {
            if self.without.contains(constraint.label.as_str()) {
                continue;
            }
            for row in rows {
                let mut derivative = BTreeMap::new();
                for (var, value) in form.gradient(|var| audit.cell(*row, var)) {
                    if !var.instance {
                        self.add(&mut derivative, var.column, audit.at(*row, var.rotation), value);
                    }
                }
                derivative.retain(|_, value: &mut Fr| *value != Fr::ZERO);
                out.push(derivative);
            }
        }
        for (left, right) in &audit.recorder.copies {
            let mut derivative = BTreeMap::new();
            for (Place { kind, column, row }, value) in [(left, Fr::ONE), (right, -Fr::ONE)] {
                if *kind == Kind::Advice {
                    self.add(&mut derivative, *column, *row, value);
                }
            }
            derivative.retain(|_, value: &mut Fr| *value != Fr::ZERO);
            out.push(derivative);
        }
        out.retain(|row| !row.is_empty());
        out
    }

    fn add(&self, derivative: &mut Row, column: usize, row: usize, value: Fr) {
        let var = column * self.rows + row;
        if !self.known.contains(&var) {
            *derivative.entry(var).or_insert(Fr::ZERO) += value;
        }
    }

    /// Equations in first-phase unknowns that one draw gives, and its second-phase cells that nothing binds.
    fn eliminate(&self, audit: &Audit, first: &Echelon<impl Fn(usize) -> u8>) -> (Vec<Row>, Vec<Cell>) {
        let mut second = self.echelon();
        let mut out = Vec::new();
        for row in self.rows(audit) {
            let row = second.reduce(first.reduce(row));
            if self.second(&row) {
                second.insert(row);
            } else if !row.is_empty() {
                out.push(row);
            }
        }
        let free = self.unknowns(1).filter(|var| !second.is_pivot(*var)).map(|var| self.cell(var)).collect();
        (out, free)
    }
}
