//! A recorder of every cell that a circuit assigns.

use halo2_proofs::circuit::Value;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Any, Assigned, Assignment, Challenge, Column, Error, Fixed, Instance, Selector};

/// Cells of one column, `None` where nothing was assigned.
pub type Cells = Vec<Option<Fr>>;

/// A cell of any column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Kind of the column.
    pub kind: Kind,
    /// Column index within its kind.
    pub column: usize,
    /// Row.
    pub row: usize,
}

/// Kinds of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Written by the prover.
    Advice,
    /// Part of the circuit.
    Fixed,
    /// Public input.
    Instance,
}

impl Place {
    fn new(column: Column<Any>, row: usize) -> Self {
        let kind = match column.column_type() {
            Any::Advice(_) => Kind::Advice,
            Any::Fixed => Kind::Fixed,
            Any::Instance => Kind::Instance,
        };
        Place { kind, column: column.index(), row }
    }
}

/// Records assignments; challenges are given, and readable from the first phase's end on.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    /// Advice columns.
    pub advice: Vec<Cells>,
    /// Fixed columns.
    pub fixed: Vec<Cells>,
    /// Advice cells that were assigned more than once: column, row.
    pub advice_twice: Vec<(usize, usize)>,
    /// Fixed cells that were assigned more than once: column, row.
    pub fixed_twice: Vec<(usize, usize)>,
    /// Advice cells assigned after their column's phase was committed, or before it began.
    pub out_of_phase: Vec<(usize, usize)>,
    /// Assignments outside the rows that a circuit may use: column, row.
    pub outside: Vec<(usize, usize)>,
    /// Enabled selectors: selector, row.
    pub selectors: Vec<(Selector, usize)>,
    /// Cells that a copy constraint makes equal.
    pub copies: Vec<(Place, Place)>,
    challenges: Vec<Fr>,
    usable_rows: usize,
    phase: u8,
}

impl Recorder {
    /// A recorder for columns of `rows` rows of which the first `usable_rows` may be assigned.
    pub fn new(advice: usize, fixed: usize, rows: usize, usable_rows: usize, challenges: &[Fr]) -> Self {
        Recorder {
            advice: vec![vec![None; rows]; advice],
            fixed: vec![vec![None; rows]; fixed],
            challenges: challenges.to_vec(),
            usable_rows,
            ..Recorder::default()
        }
    }
}

impl Assignment<Fr> for Recorder {
    fn enter_region<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn exit_region(&mut self) {}

    fn annotate_column<A, AR>(&mut self, _: A, _: Column<Any>)
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
    }

    fn enable_selector<A, AR>(&mut self, _: A, selector: &Selector, row: usize) -> Result<(), Error>
    where
        A: FnOnce() -> AR,
        AR: Into<String>,
    {
        self.selectors.push((*selector, row));
        Ok(())
    }

    fn query_instance(&self, _: Column<Instance>, _: usize) -> Result<Value<Fr>, Error> {
        Ok(Value::unknown())
    }

    /// The returned value is unknown: circuits here never read back what they assigned.
    fn assign_advice<'v>(
        &mut self,
        column: Column<Advice>,
        row: usize,
        to: Value<Assigned<Fr>>,
    ) -> Value<&'v Assigned<Fr>> {
        let index = column.index();
        if row >= self.usable_rows {
            self.outside.push((index, row));
            return Value::unknown();
        }
        if column.column_type().phase() != self.phase {
            self.out_of_phase.push((index, row));
        }
        to.map(|value| {
            if self.advice[index][row].replace(value.evaluate()).is_some() {
                self.advice_twice.push((index, row));
            }
        });
        Value::unknown()
    }

    fn assign_fixed(&mut self, column: Column<Fixed>, row: usize, to: Assigned<Fr>) {
        if row >= self.usable_rows {
            self.outside.push((column.index(), row));
        } else if self.fixed[column.index()][row].replace(to.evaluate()).is_some() {
            self.fixed_twice.push((column.index(), row));
        }
    }

    fn copy(&mut self, left: Column<Any>, left_row: usize, right: Column<Any>, right_row: usize) {
        self.copies.push((Place::new(left, left_row), Place::new(right, right_row)));
    }

    /// Only the proving system's own lookup tables fill columns; circuits here have none.
    fn fill_from_row(&mut self, _: Column<Fixed>, _: usize, _: Value<Assigned<Fr>>) -> Result<(), Error> {
        Err(Error::Synthesis)
    }

    fn get_challenge(&self, challenge: Challenge) -> Value<Fr> {
        match self.challenges.get(challenge.index()) {
            Some(value) if self.phase > challenge.phase() => Value::known(*value),
            _ => Value::unknown(),
        }
    }

    fn push_namespace<NR, N>(&mut self, _: N)
    where
        NR: Into<String>,
        N: FnOnce() -> NR,
    {
    }

    fn pop_namespace(&mut self, _: Option<String>) {}

    fn next_phase(&mut self) {
        self.phase += 1;
    }
}
