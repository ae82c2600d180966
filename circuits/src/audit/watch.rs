//! Which constraints notice a change of some cells, without evaluating those that do not read them.
//!
//! # Shapes
//! A change is a cell, its column and row counted from 0, and its new value; cells that are not named keep the values of the
//! audit. So a cheat costs as many evaluations as there are constraints that read its cells.
//!
//! # Errors
//! None.
//!
//! # Source
//! Own.

use super::check::Audit;
use super::rigidity::Cell;
use super::terms::Terms;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use std::collections::BTreeSet;

/// A constraint on few rows joins chains of cells that others only carry on: it is asked before those.
const FEW_ROWS: usize = 8;

/// One constraint where it is enabled in the same form.
struct Form<'a> {
    label: &'a str,
    terms: &'a Terms,
    /// Whether it reads no cell of the second phase.
    first: bool,
}

/// A form and a row.
type Place = (u32, u32);

/// The constraints of an audit, by the cells they read.
pub struct Watch<'a> {
    audit: &'a Audit,
    forms: Vec<Form<'a>>,
    readers: Vec<Vec<Place>>,
    few: Vec<Place>,
    values: Vec<Fr>,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("forms", &self.forms.len()).finish()
    }
}

impl<'a> Watch<'a> {
    /// Watches the cells of an audit.
    pub fn new(audit: &'a Audit) -> Self {
        let phases = audit.cs.advice_column_phase();
        let mut watch = Watch {
            audit,
            forms: Vec::new(),
            readers: vec![Vec::new(); phases.len() * audit.rows()],
            few: Vec::new(),
            values: audit.advice.concat(),
        };
        for (constraint, terms, rows) in audit.enabled() {
            let form = watch.forms.len() as u32;
            let vars: BTreeSet<_> = terms.reads().filter(|var| !var.instance).collect();
            let first = vars.iter().all(|var| phases[var.column] == 0);
            watch.forms.push(Form { label: &constraint.label, terms, first });
            for row in rows {
                let place = (form, *row as u32);
                for var in &vars {
                    watch.readers[var.column * audit.rows() + audit.at(*row, var.rotation)].push(place);
                }
                if rows.len() <= FEW_ROWS {
                    watch.few.push(place);
                }
            }
        }
        watch
    }

    /// A constraint of first-phase cells alone that does not hold after the changes.
    pub fn first_phase_notices(&mut self, changes: &[(Cell, Fr)]) -> Option<&'a str> {
        self.with(changes, |watch, cells| watch.fails(cells, true))
    }

    /// A constraint that does not hold after the changes.
    pub fn notices(&mut self, changes: &[(Cell, Fr)]) -> Option<&'a str> {
        self.with(changes, |watch, cells| {
            let few = watch.few.iter().find(|place| watch.value(**place) != Fr::ZERO);
            few.map(|place| watch.forms[place.0 as usize].label).or_else(|| watch.fails(cells, false))
        })
    }

    /// Labels of all constraints that do not hold after the changes.
    pub fn broken(&mut self, changes: &[(Cell, Fr)]) -> BTreeSet<&'a str> {
        self.with(changes, |watch, cells| {
            let places: BTreeSet<Place> = cells.iter().flat_map(|cell| watch.readers[*cell].iter().copied()).collect();
            let broken = places.into_iter().filter(|place| watch.value(*place) != Fr::ZERO);
            broken.map(|(form, _)| watch.forms[form as usize].label).collect()
        })
    }

    /// Whether a constraint reads a cell.
    pub fn is_read(&self, (column, row): Cell) -> bool {
        !self.readers[column * self.audit.rows() + row].is_empty()
    }

    fn with<T>(&mut self, changes: &[(Cell, Fr)], ask: impl FnOnce(&Self, &[usize]) -> T) -> T {
        let rows = self.audit.rows();
        let cells: Vec<usize> = changes.iter().map(|((column, row), _)| column * rows + row).collect();
        let before: Vec<Fr> = cells.iter().map(|cell| self.values[*cell]).collect();
        cells.iter().zip(changes).for_each(|(cell, (_, value))| self.values[*cell] = *value);
        let answer = ask(self, &cells);
        // In reverse, so that of a cell that was named twice the first value comes back.
        cells.iter().zip(before).rev().for_each(|(cell, value)| self.values[*cell] = value);
        answer
    }

    fn fails(&self, cells: &[usize], first: bool) -> Option<&'a str> {
        let places = cells.iter().flat_map(|cell| &self.readers[*cell]);
        let mut places = places.filter(|(form, _)| !first || self.forms[*form as usize].first);
        places.find(|place| self.value(**place) != Fr::ZERO).map(|(form, _)| self.forms[*form as usize].label)
    }

    fn value(&self, (form, row): Place) -> Fr {
        let (audit, row) = (self.audit, row as usize);
        self.forms[form as usize].terms.value(|var| match var.instance {
            true => audit.cell(row, var),
            false => self.values[var.column * audit.rows() + audit.at(row, var.rotation)],
        })
    }
}
