//! Gates as sparse polynomials in their advice and instance cells.
//!
//! Once challenges and the fixed cells of a row are numbers, a gate is a polynomial of low degree in
//! a few cells. Written out, terms that cancel are gone, so the cells that are left are exactly the
//! ones the gate reads at that row, and an empty polynomial means that the gate is off.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Expression, Selector};
use std::collections::BTreeMap;

/// A cell relative to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Var {
    /// Whether the column is the instance column.
    pub instance: bool,
    /// Column index.
    pub column: usize,
    /// Rows from the gate's row.
    pub rotation: i32,
}

/// A polynomial: coefficient of each product of cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms(pub BTreeMap<Vec<Var>, Fr>);

impl Terms {
    /// A number.
    pub fn constant(value: Fr) -> Self {
        Self::term(vec![], value)
    }

    fn term(vars: Vec<Var>, value: Fr) -> Self {
        let mut out = BTreeMap::new();
        if value != Fr::ZERO {
            out.insert(vars, value);
        }
        Terms(out)
    }

    /// The polynomial of a gate, with `fixed` giving the fixed cells by column and rotation and `enabled` the selectors.
    pub fn of(
        gate: &Expression<Fr>,
        challenges: &[Fr],
        fixed: &dyn Fn(usize, i32) -> Fr,
        enabled: &dyn Fn(Selector) -> bool,
    ) -> Self {
        let var = |instance, column, rotation| Self::term(vec![Var { instance, column, rotation }], Fr::ONE);
        gate.evaluate(
            &Self::constant,
            &|selector| if enabled(selector) { Self::constant(Fr::ONE) } else { Self::default() },
            &|query| Self::constant(fixed(query.column_index(), query.rotation().0)),
            &|query| var(false, query.column_index(), query.rotation().0),
            &|query| var(true, query.column_index(), query.rotation().0),
            &|challenge| Self::constant(challenges.get(challenge.index()).copied().unwrap_or(Fr::ZERO)),
            &|a| a.scale(-Fr::ONE),
            &Self::plus,
            &|a, b| a.times(&b),
            &|a, by| a.scale(by),
        )
    }

    fn scale(mut self, by: Fr) -> Self {
        if by == Fr::ZERO {
            return Self::default();
        }
        self.0.values_mut().for_each(|v| *v *= by);
        self
    }

    fn plus(mut self, other: Self) -> Self {
        for (vars, value) in other.0 {
            self.add(vars, value);
        }
        self
    }

    fn times(&self, other: &Self) -> Self {
        let mut out = Self::default();
        for (left, a) in &self.0 {
            for (right, b) in &other.0 {
                let mut vars = [left.as_slice(), right].concat();
                vars.sort_unstable();
                out.add(vars, *a * *b);
            }
        }
        out
    }

    fn add(&mut self, vars: Vec<Var>, value: Fr) {
        match self.0.entry(vars) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                if value != Fr::ZERO {
                    slot.insert(value);
                }
            }
            std::collections::btree_map::Entry::Occupied(mut slot) => {
                *slot.get_mut() += value;
                if *slot.get() == Fr::ZERO {
                    slot.remove();
                }
            }
        }
    }

    /// The value, with `cell` giving the cells.
    pub fn value(&self, cell: impl Fn(&Var) -> Fr) -> Fr {
        self.0.iter().map(|(vars, c)| vars.iter().fold(*c, |product, var| product * cell(var))).sum()
    }

    /// The derivative by each cell that is read, with `cell` giving the cells.
    pub fn gradient(&self, cell: impl Fn(&Var) -> Fr) -> BTreeMap<Var, Fr> {
        let mut out = BTreeMap::new();
        for (vars, coefficient) in &self.0 {
            for (at, var) in vars.iter().enumerate() {
                let others = vars.iter().enumerate().filter(|(i, _)| *i != at);
                let product = others.fold(*coefficient, |product, (_, other)| product * cell(other));
                *out.entry(*var).or_insert(Fr::ZERO) += product;
            }
        }
        out
    }

    /// Cells that are read.
    pub fn reads(&self) -> impl Iterator<Item = &Var> {
        self.0.keys().flatten()
    }
}
