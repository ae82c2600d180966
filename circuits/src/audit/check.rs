//! Native checks of a recorded circuit.
//!
//! # Shapes
//! Rows are counted from 0; the last `blinding_rows` of each advice column are filled with values
//! that stand for the prover's blinding, all different unless a test writes them.

use super::recorder::Recorder;
use super::terms::{Terms, Var};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error, FloorPlanner, Selector};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A constraint that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Failure {
    /// Name of the gate.
    pub gate: String,
    /// Name of the constraint.
    pub constraint: String,
    /// Row.
    pub row: usize,
}

/// A cell that an enabled constraint reads though no circuit assigned it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRead {
    /// Name of the constraint.
    pub constraint: String,
    /// Row of the constraint.
    pub row: usize,
    /// Advice column of the cell.
    pub column: usize,
    /// Row of the cell.
    pub at: usize,
    /// Whether the cell lies in a blinding row.
    pub blinding: bool,
}

/// Two rotations of a column that are the same cell, so that no proof can be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collision {
    /// Advice column.
    pub column: usize,
    /// The two rotations.
    pub rotations: (i32, i32),
}

/// One constraint: its names and, for each row, which of its specialisations holds there.
pub(super) struct Constraint {
    gate: String,
    name: String,
    /// The name, numbered where several polynomials share it.
    pub(super) label: String,
    forms: Vec<Terms>,
    form_of_class: Vec<usize>,
}

/// A circuit as it was recorded.
pub struct Audit {
    /// The constraint system.
    pub cs: ConstraintSystem<Fr>,
    /// What was assigned.
    pub recorder: Recorder,
    /// Advice columns, blinding rows included.
    pub advice: Vec<Vec<Fr>>,
    instance: Vec<Fr>,
    challenges: Vec<Fr>,
    rows: usize,
    blinding_rows: usize,
    constraints: Vec<Constraint>,
    rows_of_class: Vec<Vec<usize>>,
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("rows", &self.rows).field("constraints", &self.constraints.len()).finish()
    }
}

impl Audit {
    /// Synthesises a circuit of `2^k` rows under the given challenges.
    ///
    /// # Errors
    /// Those of the circuit's synthesis.
    pub fn new<C: Circuit<Fr>>(circuit: &C, k: u32, instance: &[Fr], challenges: &[Fr]) -> Result<Self, Error> {
        let rows = 1usize << k;
        let (cs, recorder) = record(circuit, rows, challenges)?;
        let blinding_rows = cs.blinding_factors() + 1;
        let (classes, rows_of_class) = classes(&cs, &recorder, rows);
        let constraints = constraints(&cs, challenges, &classes);
        let advice = filled(&recorder, rows - blinding_rows);
        let mut padded = vec![Fr::ZERO; rows];
        padded[..instance.len()].copy_from_slice(instance);
        let challenges = challenges.to_vec();
        Ok(Audit {
            cs,
            recorder,
            advice,
            instance: padded,
            challenges,
            rows,
            blinding_rows,
            constraints,
            rows_of_class,
        })
    }

    /// Synthesises the same circuit with another witness, keeping blinding, public inputs and challenges.
    ///
    /// # Errors
    /// Those of the circuit's synthesis.
    pub fn again<C: Circuit<Fr>>(&mut self, circuit: &C) -> Result<(), Error> {
        let (_, recorder) = record(circuit, self.rows, &self.challenges)?;
        let usable = self.rows - self.blinding_rows;
        for (column, cells) in self.advice.iter_mut().zip(&recorder.advice) {
            column[..usable].copy_from_slice(&filled_column(&cells[..usable]));
        }
        self.recorder = recorder;
        Ok(())
    }

    /// Rows at the end of a column that the prover fills with random values.
    pub fn blinding_rows(&self) -> usize {
        self.blinding_rows
    }

    /// Writes one value into all blinding rows of an advice column, as a prover with a script does.
    pub fn script(&mut self, column: usize, value: Fr) {
        let usable = self.rows - self.blinding_rows;
        self.advice[column][usable..].fill(value);
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn at(&self, row: usize, rotation: i32) -> usize {
        (row as i64 + i64::from(rotation)).rem_euclid(self.rows as i64) as usize
    }

    pub(super) fn cell(&self, row: usize, var: &Var) -> Fr {
        let at = self.at(row, var.rotation);
        if var.instance {
            self.instance[at]
        } else {
            self.advice[var.column][at]
        }
    }

    pub(super) fn enabled(&self) -> impl Iterator<Item = (&Constraint, &Terms, &Vec<usize>)> {
        self.constraints.iter().flat_map(move |constraint| {
            let forms = constraint.form_of_class.iter().map(move |form| &constraint.forms[*form]);
            forms
                .zip(&self.rows_of_class)
                .filter(|(form, _)| !form.0.is_empty())
                .map(move |(form, rows)| (constraint, form, rows))
        })
    }

    /// Labels of all constraints: their names, numbered (`lookup#2`) where several polynomials share one.
    pub fn labels(&self) -> Vec<String> {
        self.constraints.iter().map(|constraint| constraint.label.clone()).collect()
    }

    /// Labels of the constraints that do not hold.
    pub fn failing_labels(&self) -> BTreeSet<String> {
        self.broken().into_iter().map(|(constraint, _)| constraint.label.clone()).collect()
    }

    /// Every constraint that does not hold, at every row.
    pub fn failing(&self) -> BTreeSet<Failure> {
        let failure = |(constraint, row): (&Constraint, usize)| Failure {
            gate: constraint.gate.clone(),
            constraint: constraint.name.clone(),
            row,
        };
        self.broken().into_iter().map(failure).collect()
    }

    fn broken(&self) -> Vec<(&Constraint, usize)> {
        let mut out = Vec::new();
        for (constraint, form, rows) in self.enabled() {
            let fails = |row: &usize| form.value(|var| self.cell(*row, var)) != Fr::ZERO;
            let bad: Vec<usize> = match rows.len() {
                0..=1000 => rows.iter().copied().filter(fails).collect(),
                _ => rows.par_iter().copied().filter(fails).collect(),
            };
            out.extend(bad.into_iter().map(|row| (constraint, row)));
        }
        out
    }

    /// Names of the constraints that do not hold.
    pub fn failing_names(&self) -> BTreeSet<String> {
        self.failing().into_iter().map(|failure| failure.constraint).collect()
    }

    /// Rows that each constraint is enabled on, by label.
    pub fn enabled_rows(&self) -> BTreeMap<String, BTreeSet<usize>> {
        let mut out: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for constraint in &self.constraints {
            out.entry(constraint.label.clone()).or_default();
        }
        for (constraint, _, rows) in self.enabled() {
            out.entry(constraint.label.clone()).or_default().extend(rows);
        }
        out
    }

    /// Cells that enabled constraints read though nothing assigned them. `exempt` names constraints
    /// that hold on blinding rows on purpose.
    pub fn bad_reads(&self, exempt: &[&str]) -> Vec<BadRead> {
        let mut out = Vec::new();
        for (constraint, form, rows) in self.enabled().filter(|(c, _, _)| !exempt.contains(&c.name.as_str())) {
            for var in form.reads().filter(|var| !var.instance) {
                for row in rows {
                    let at = self.at(*row, var.rotation);
                    if self.recorder.advice[var.column][at].is_none() {
                        let blinding = at >= self.rows - self.blinding_rows;
                        out.push(BadRead {
                            constraint: constraint.name.clone(),
                            row: *row,
                            column: var.column,
                            at,
                            blinding,
                        });
                    }
                }
            }
        }
        out
    }

    /// Advice cells that enabled constraints read.
    pub fn reads(&self) -> BTreeSet<(usize, usize)> {
        let mut out = BTreeSet::new();
        for (_, form, rows) in self.enabled() {
            for var in form.reads().filter(|var| !var.instance) {
                out.extend(rows.iter().map(|row| (var.column, self.at(*row, var.rotation))));
            }
        }
        out
    }

    /// Rotations an advice column is queried at.
    pub fn rotations(&self, column: usize) -> BTreeSet<i32> {
        self.cs.advice_queries().iter().filter(|(c, _)| c.index() == column).map(|(_, r)| r.0).collect()
    }

    /// Pairs of rotations of a column that meet modulo the number of rows.
    pub fn collisions(&self) -> Vec<Collision> {
        let mut out = Vec::new();
        for column in 0..self.cs.num_advice_columns() {
            let mut seen = HashMap::new();
            for rotation in self.rotations(column) {
                if let Some(before) = seen.insert(self.at(0, rotation), rotation) {
                    out.push(Collision { column, rotations: (before, rotation) });
                }
            }
        }
        out
    }
}

fn record<C: Circuit<Fr>>(
    circuit: &C,
    rows: usize,
    challenges: &[Fr],
) -> Result<(ConstraintSystem<Fr>, Recorder), Error> {
    let mut cs = ConstraintSystem::default();
    let config = C::configure_with_params(&mut cs, circuit.params());
    let usable = rows - cs.blinding_factors() - 1;
    let mut recorder = Recorder::new(cs.num_advice_columns(), cs.num_fixed_columns(), rows, usable, challenges);
    C::FloorPlanner::synthesize(&mut recorder, circuit, config, cs.constants().clone())?;
    Ok((cs, recorder))
}

fn filled_column(cells: &[Option<Fr>]) -> Vec<Fr> {
    cells.iter().map(|value| value.unwrap_or(Fr::ZERO)).collect()
}

/// The advice columns with noise in the blinding rows.
fn filled(recorder: &Recorder, usable: usize) -> Vec<Vec<Fr>> {
    let mut noise = 0u64;
    let mut advice: Vec<Vec<Fr>> = recorder.advice.iter().map(|cells| filled_column(cells)).collect();
    for cell in advice.iter_mut().flat_map(|column| &mut column[usable..]) {
        noise += 1;
        *cell = Fr::from(noise).invert().unwrap_or(Fr::ONE).square() + Fr::from(7);
    }
    advice
}

/// What rows have in common whose fixed cells and selectors are the same.
struct Class {
    /// Fixed cells by column and rotation.
    fixed: HashMap<(usize, i32), Fr>,
    /// Enabled selectors.
    selectors: Vec<Selector>,
}

/// The classes and the rows of each.
fn classes(cs: &ConstraintSystem<Fr>, recorder: &Recorder, rows: usize) -> (Vec<Class>, Vec<Vec<usize>>) {
    let queries: Vec<(usize, i32)> =
        cs.fixed_queries().iter().map(|(column, rotation)| (column.index(), rotation.0)).collect();
    let mut selectors = vec![Vec::new(); rows];
    for (selector, row) in &recorder.selectors {
        selectors[*row].push(*selector);
    }
    let mut index: HashMap<(Vec<[u8; 32]>, Vec<Selector>), usize> = HashMap::new();
    let mut classes = Vec::new();
    let mut members: Vec<Vec<usize>> = Vec::new();
    for (row, selectors) in selectors.into_iter().enumerate() {
        let values: Vec<Fr> = queries
            .iter()
            .map(|(column, rotation)| {
                let at = (row as i64 + i64::from(*rotation)).rem_euclid(rows as i64) as usize;
                recorder.fixed[*column][at].unwrap_or(Fr::ZERO)
            })
            .collect();
        let key = (values.iter().map(Fr::to_bytes).collect(), selectors.clone());
        let class = *index.entry(key).or_insert_with(|| {
            classes.push(Class { fixed: queries.iter().copied().zip(values.iter().copied()).collect(), selectors });
            members.push(Vec::new());
            members.len() - 1
        });
        members[class].push(row);
    }
    (classes, members)
}

/// Values of the fixed cells that a constraint reads, and the enabled selectors: equal keys, equal polynomials.
type FormKey = (Vec<(usize, i32, [u8; 32])>, Vec<Selector>);

fn constraints(cs: &ConstraintSystem<Fr>, challenges: &[Fr], classes: &[Class]) -> Vec<Constraint> {
    let mut out = Vec::new();
    let names: Vec<&str> =
        cs.gates().iter().flat_map(|gate| (0..gate.polynomials().len()).map(|i| gate.constraint_name(i))).collect();
    let mut used: HashMap<&str, usize> = HashMap::new();
    for gate in cs.gates() {
        for (index, polynomial) in gate.polynomials().iter().enumerate() {
            let columns: BTreeSet<usize> = polynomial.extract_fixed().into_iter().collect();
            let mut seen: HashMap<FormKey, usize> = HashMap::new();
            let mut forms = Vec::new();
            let mut form_of_class = Vec::new();
            for class in classes {
                let mut key: Vec<_> = class
                    .fixed
                    .iter()
                    .filter(|((column, _), _)| columns.contains(column))
                    .map(|((c, r), v)| (*c, *r, v.to_bytes()))
                    .collect();
                key.sort_unstable();
                let form = *seen.entry((key, class.selectors.clone())).or_insert_with(|| {
                    let fixed = |column: usize, rotation: i32| {
                        class.fixed.get(&(column, rotation)).copied().unwrap_or(Fr::ZERO)
                    };
                    let enabled = |selector| class.selectors.contains(&selector);
                    forms.push(Terms::of(polynomial, challenges, &fixed, &enabled));
                    forms.len() - 1
                });
                form_of_class.push(form);
            }
            let name = gate.constraint_name(index);
            let number = used.entry(name).or_default();
            *number += 1;
            let shared = names.iter().filter(|other| **other == name).count() > 1;
            out.push(Constraint {
                gate: gate.name().to_owned(),
                name: name.to_owned(),
                label: if shared { format!("{name}#{number}") } else { name.to_owned() },
                forms,
                form_of_class,
            });
        }
    }
    out
}
