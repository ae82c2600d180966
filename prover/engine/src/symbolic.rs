//! Gates as polynomials in cells, arranged so that few multiplications are left.
//!
//! # Form
//! A [`Poly`] is a sum of scalars times products of atoms. An atom is a cell of a column, or a sum
//! that is multiplied with something else and therefore not expanded. All gates of a circuit become
//! one polynomial, `sum_i y^(m-1-i) gate_i`, with the powers of `y` inside of the scalars.
//!
//! # Arrangement
//! 1. An atom that several products share is taken out: a selector is multiplied once, with the sum
//!    of all gates it selects. Most shared first, repeated inside.
//! 2. A sum that is only scaled is expanded where that costs no more multiplications.
//! 3. Terms with the same scalar, up to sign, are added before they are scaled.
//!
//! Equal atoms are found by their values at a fixed pseudorandom point, see [`crate::scalars`].

use std::collections::{BTreeMap, HashMap, HashSet};

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::Expression;

use crate::scalars::{pseudorandom, ScalarId, Scalars};
use crate::shape::{wrap, Shape, ShapeError};

/// Index of an atom.
pub(super) type AtomId = usize;

/// Scalars of products of atoms, each product sorted; the empty product is the constant.
pub(super) type Poly = BTreeMap<Vec<AtomId>, ScalarId>;

/// What a product is made of.
#[derive(Clone, Debug)]
pub(super) enum Atom {
    /// A cell: column, and rotation modulo the rows.
    Cell(usize, usize),
    /// A sum.
    Sum(Poly),
}

/// The gates of a constraint system as one polynomial.
#[derive(Debug)]
pub(super) struct Symbolic {
    pub(super) scalars: Scalars,
    atoms: Vec<(Atom, Fr)>,
    known: HashMap<Fr, AtomId>,
    uses: HashMap<AtomId, usize>,
    shared: HashSet<Fr>,
    shape: Shape,
}

impl Symbolic {
    pub(super) fn new(shape: &Shape) -> Self {
        Self {
            scalars: Scalars::default(),
            atoms: Vec::new(),
            known: HashMap::new(),
            uses: HashMap::new(),
            shared: HashSet::new(),
            shape: shape.clone(),
        }
    }

    pub(super) fn atom(&self, id: AtomId) -> &Atom {
        &self.atoms[id].0
    }

    /// `sum_i y^(m-1-i) gate_i`; `y` is the challenge after the circuit's own.
    pub(super) fn fold(&mut self, gates: &[Expression<Fr>]) -> Result<Poly, ShapeError> {
        let mut counts = HashMap::new();
        for gate in gates {
            self.count(gate, &mut counts)?;
        }
        self.shared = counts.into_iter().filter(|(_, count)| *count > 1).map(|(print, _)| print).collect();
        let y = self.scalars.challenge(self.shape.challenges);
        let mut power = self.scalars.constant(Fr::ONE);
        let mut sum = Poly::new();
        for gate in gates.iter().rev() {
            let (poly, _) = self.convert(gate)?;
            self.add_scaled(&mut sum, &poly, power);
            power = self.scalars.product(power, y);
        }
        Ok(sum)
    }

    fn cell(&mut self, column: usize, rotation: i32, kind: &'static str) -> Result<(Vec<AtomId>, Fr), ShapeError> {
        let wrapped = wrap(rotation, self.shape.k);
        let problem = "is longer than the column";
        let rotation = wrapped.ok_or(ShapeError::Rotation { kind, column, rotation, problem })?;
        let print = pseudorandom("cell", column, rotation);
        Ok((vec![self.intern(Atom::Cell(column, rotation), print)], print))
    }

    fn query(&mut self, expression: &Expression<Fr>) -> Result<Option<(Vec<AtomId>, Fr)>, ShapeError> {
        let (advice, fixed) = (self.shape.advice, self.shape.fixed);
        Ok(Some(match expression {
            Expression::Advice(query) => self.cell(query.column_index(), query.rotation().0, "advice")?,
            Expression::Fixed(query) => self.cell(advice + query.column_index(), query.rotation().0, "fixed")?,
            Expression::Instance(query) => {
                self.cell(advice + fixed + query.column_index(), query.rotation().0, "instance")?
            }
            Expression::Selector(_) => return Err(ShapeError::Unsupported { what: "selectors", found: 1, limit: 0 }),
            _ => return Ok(None),
        }))
    }

    /// Counts equal sums.
    fn count(&mut self, expression: &Expression<Fr>, counts: &mut HashMap<Fr, usize>) -> Result<Fr, ShapeError> {
        Ok(match expression {
            Expression::Constant(value) => *value,
            Expression::Challenge(challenge) => {
                let id = self.scalars.challenge(challenge.index());
                self.scalars.print(id)
            }
            Expression::Negated(inner) => -self.count(inner, counts)?,
            Expression::Scaled(inner, factor) => self.count(inner, counts)? * factor,
            Expression::Product(a, b) => self.count(a, counts)? * self.count(b, counts)?,
            Expression::Sum(a, b) => {
                let print = self.count(a, counts)? + self.count(b, counts)?;
                *counts.entry(print).or_default() += 1;
                print
            }
            other => self.query(other)?.map_or(Fr::ZERO, |(_, print)| print),
        })
    }

    /// The polynomial of an expression, and its value at the fixed point.
    fn convert(&mut self, expression: &Expression<Fr>) -> Result<(Poly, Fr), ShapeError> {
        let one = self.scalars.constant(Fr::ONE);
        Ok(match expression {
            Expression::Constant(value) => (self.constant(*value), *value),
            Expression::Challenge(challenge) => {
                let id = self.scalars.challenge(challenge.index());
                (Poly::from([(Vec::new(), id)]), self.scalars.print(id))
            }
            Expression::Negated(inner) => self.convert_scaled(inner, -Fr::ONE)?,
            Expression::Scaled(inner, factor) => self.convert_scaled(inner, *factor)?,
            Expression::Sum(a, b) => {
                let ((mut sum, a), (other, b)) = (self.convert(a)?, self.convert(b)?);
                self.add_scaled(&mut sum, &other, one);
                let print = a + b;
                let scaled = sum.values().filter(|scalar| !self.is_unit(**scalar)).count();
                if self.shared.contains(&print) && sum.len() > 1 && scaled > 0 && sum.keys().any(|key| !key.is_empty())
                {
                    sum = Poly::from([(vec![self.intern(Atom::Sum(sum), print)], one)]);
                }
                (sum, print)
            }
            Expression::Product(a, b) => {
                let ((left, a), (right, b)) = (self.convert(a)?, self.convert(b)?);
                let ((mut atoms, c), (more, d)) = (self.monomial(left, a), self.monomial(right, b));
                atoms.extend(more);
                atoms.sort_unstable();
                let scalar = self.scalars.product(c, d);
                (Poly::from([(atoms, scalar)]), a * b)
            }
            other => {
                let (atoms, print) = self.query(other)?.unwrap_or_default();
                (Poly::from([(atoms, one)]), print)
            }
        })
    }

    fn convert_scaled(&mut self, inner: &Expression<Fr>, factor: Fr) -> Result<(Poly, Fr), ShapeError> {
        let (poly, print) = self.convert(inner)?;
        let (mut out, scalar) = (Poly::new(), self.scalars.constant(factor));
        self.add_scaled(&mut out, &poly, scalar);
        Ok((out, print * factor))
    }

    fn constant(&mut self, value: Fr) -> Poly {
        let id = self.scalars.constant(value);
        Poly::from([(Vec::new(), id)])
    }

    fn intern(&mut self, atom: Atom, print: Fr) -> AtomId {
        let next = self.atoms.len();
        let id = *self.known.entry(print).or_insert(next);
        if id == next {
            self.atoms.push((atom, print));
        }
        *self.uses.entry(id).or_default() += 1;
        id
    }

    /// One scalar times one product; a longer sum becomes an atom.
    fn monomial(&mut self, poly: Poly, print: Fr) -> (Vec<AtomId>, ScalarId) {
        if poly.len() > 1 {
            return (vec![self.intern(Atom::Sum(poly), print)], self.scalars.constant(Fr::ONE));
        }
        poly.into_iter().next().unwrap_or_else(|| (Vec::new(), self.scalars.constant(Fr::ZERO)))
    }

    /// `sum += factor poly`.
    pub(super) fn add_scaled(&mut self, sum: &mut Poly, poly: &Poly, factor: ScalarId) {
        for (atoms, scalar) in poly {
            let mut scalar = self.scalars.product(*scalar, factor);
            if let Some(old) = sum.get(atoms) {
                scalar = self.scalars.sum(*old, scalar);
            }
            if self.scalars.is_zero(scalar) {
                sum.remove(atoms);
            } else {
                sum.insert(atoms.clone(), scalar);
            }
        }
    }

    /// Whether a scalar is 1 or -1.
    pub(super) fn is_unit(&self, scalar: ScalarId) -> bool {
        let print = self.scalars.print(scalar);
        print == Fr::ONE || print == -Fr::ONE
    }

    /// Multiplications that a polynomial takes when nothing is shared.
    fn cost(&mut self, poly: &Poly) -> usize {
        let mut groups = HashSet::new();
        let mut products = 0;
        for (atoms, scalar) in poly {
            products += atoms.len().saturating_sub(1);
            if !atoms.is_empty() && !self.is_unit(*scalar) {
                groups.insert(self.scalars.split_sign(*scalar).1);
            }
        }
        groups.len() + products
    }

    /// Expands sums that are only scaled, where that costs no more.
    pub(super) fn expand(&mut self, mut poly: Poly) -> Poly {
        let mut kept: HashSet<AtomId> = HashSet::new();
        loop {
            let single = |atoms: &Vec<AtomId>| match atoms[..] {
                [atom] if matches!(self.atom(atom), Atom::Sum(_)) && !kept.contains(&atom) => Some(atom),
                _ => None,
            };
            let Some(atom) = poly.keys().find_map(single) else { return poly };
            let Atom::Sum(inner) = self.atom(atom).clone() else { return poly };
            let mut expanded = poly.clone();
            if let Some(scalar) = expanded.remove(&vec![atom]) {
                self.add_scaled(&mut expanded, &inner, scalar);
            }
            let own = if self.uses.get(&atom).is_some_and(|uses| *uses > 1) { 0 } else { self.cost(&inner) };
            if self.cost(&expanded) <= self.cost(&poly) + own {
                poly = expanded;
            } else {
                kept.insert(atom);
            }
        }
    }

    /// The atom that most products share, if two or more do.
    pub(super) fn most_shared(&self, poly: &Poly) -> Option<AtomId> {
        let mut counts: BTreeMap<AtomId, usize> = BTreeMap::new();
        for atoms in poly.keys() {
            let mut seen = atoms.clone();
            seen.dedup();
            seen.into_iter().for_each(|atom| *counts.entry(atom).or_default() += 1);
        }
        let (atom, count) = counts.into_iter().max_by_key(|(atom, count)| (*count, std::cmp::Reverse(*atom)))?;
        (count > 1).then_some(atom)
    }
}
