//! What the engine can prove: the shape of a constraint system, and why another one is refused.
//!
//! # Shapes
//! Columns of one kind are numbered as the constraint system declares them. A query is a column and
//! a rotation `0 <= r < n`: the cell `r` rows below, modulo the `n = 2^k` rows.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use zkpoc_circuits::ErrorKind;

/// A constraint system that the engine does not prove.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// It uses an argument that no circuit of this program needs.
    #[error("the constraint system has {found} {what}, the proving engine supports at most {limit}")]
    Unsupported {
        /// What there is too much of.
        what: &'static str,
        /// How much.
        found: usize,
        /// The most that is supported.
        limit: usize,
    },
    /// First-phase columns must come first.
    #[error("advice column {column} is of phase {phase}, after a column of a later phase")]
    Order {
        /// The column.
        column: usize,
        /// Its phase, from 0.
        phase: u8,
    },
    /// A challenge that is not drawn between the phases.
    #[error("challenge {challenge} is drawn after phase {phase}, the last one")]
    Challenge {
        /// The challenge.
        challenge: usize,
        /// The phase, from 0.
        phase: u8,
    },
    /// A rotation that leaves the column, or two that meet.
    #[error("{kind} column {column} is queried at rotation {rotation}, which {problem}")]
    Rotation {
        /// Kind of the column.
        kind: &'static str,
        /// The column.
        column: usize,
        /// The rotation.
        rotation: i32,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A column that no gate reads.
    #[error("{kind} column {column} is not queried")]
    Unqueried {
        /// Kind of the column.
        kind: &'static str,
        /// The column.
        column: usize,
    },
    /// A fixed cell that is not a small integer, or is outside of the usable rows.
    #[error(
        "fixed column {column} has {value} in row {row}; the engine keeps values below 2^32 in rows below {usable}"
    )]
    Fixed {
        /// The column.
        column: usize,
        /// The row.
        row: usize,
        /// The value.
        value: u64,
        /// Rows before the blinding rows.
        usable: usize,
    },
}

impl ShapeError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        ErrorKind::Layout
    }
}

/// A query: column, and rotation modulo the number of rows.
pub type Query = (usize, usize);

/// The shape of a constraint system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// log2 of the number of rows.
    pub k: u32,
    /// Advice columns of the first phase.
    pub first: usize,
    /// Advice columns of both phases.
    pub advice: usize,
    /// Fixed columns.
    pub fixed: usize,
    /// Instance columns, at most one.
    pub instance: usize,
    /// Challenges, drawn between the phases.
    pub challenges: usize,
    /// Queries of advice columns, in the order in which a proof evaluates them.
    pub advice_queries: Vec<Query>,
    /// Queries of fixed columns, in that order.
    pub fixed_queries: Vec<Query>,
    /// Rows at the end of each advice column that the prover fills.
    pub blinding_rows: usize,
}

impl Shape {
    /// Reads the shape of a constraint system of `2^k` rows.
    ///
    /// # Errors
    /// [`ShapeError`] for whatever the engine does not prove.
    pub fn of(cs: &ConstraintSystem<Fr>, k: u32) -> Result<Self, ShapeError> {
        let limits = [
            ("equality columns", cs.permutation().get_columns().len(), 0),
            ("lookup arguments", cs.lookups().len(), 0),
            ("selectors", cs.num_selectors(), 0),
            ("instance columns", cs.num_instance_columns(), 1),
            ("degrees", cs.degree(), DEGREE),
        ];
        if let Some((what, found, limit)) = limits.into_iter().find(|(_, found, limit)| found > limit) {
            return Err(ShapeError::Unsupported { what, found, limit });
        }
        let phases = cs.advice_column_phase();
        if let Some(found) = phases.iter().max().filter(|phase| **phase > 1) {
            return Err(ShapeError::Unsupported { what: "phases", found: usize::from(*found) + 1, limit: 2 });
        }
        if let Some(at) = (1..phases.len()).find(|at| phases[*at] < phases[at - 1]) {
            return Err(ShapeError::Order { column: at, phase: phases[at] });
        }
        if let Some((challenge, phase)) = cs.challenge_phase().into_iter().enumerate().find(|(_, phase)| *phase != 0) {
            return Err(ShapeError::Challenge { challenge, phase });
        }
        let advice = cs.advice_queries().iter().map(|(column, rotation)| (column.index(), rotation.0));
        let fixed = cs.fixed_queries().iter().map(|(column, rotation)| (column.index(), rotation.0));
        Ok(Self {
            k,
            first: phases.iter().filter(|phase| **phase == 0).count(),
            advice: cs.num_advice_columns(),
            fixed: cs.num_fixed_columns(),
            instance: cs.num_instance_columns(),
            challenges: cs.num_challenges(),
            advice_queries: queries("advice", cs.num_advice_columns(), advice, k)?,
            fixed_queries: queries("fixed", cs.num_fixed_columns(), fixed, k)?,
            blinding_rows: cs.blinding_factors() + 1,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        1 << self.k
    }

    /// Rows before the blinding rows.
    pub fn usable(&self) -> usize {
        self.rows().saturating_sub(self.blinding_rows)
    }

    /// Columns that the gates read: advice, fixed, instance.
    pub fn columns(&self) -> usize {
        self.advice + self.fixed + self.instance
    }
}

/// Degree of the gates; the quotient then has [`PIECES`] pieces.
pub const DEGREE: usize = 3;

/// Pieces of the quotient.
pub const PIECES: usize = DEGREE - 1;

fn queries(
    kind: &'static str,
    columns: usize,
    queries: impl Iterator<Item = (usize, i32)>,
    k: u32,
) -> Result<Vec<Query>, ShapeError> {
    let mut out: Vec<Query> = Vec::new();
    for (column, rotation) in queries {
        let Some(query) = wrap(rotation, k).map(|rotation| (column, rotation)) else {
            return Err(ShapeError::Rotation { kind, column, rotation, problem: "is longer than the column" });
        };
        if out.contains(&query) {
            return Err(ShapeError::Rotation { kind, column, rotation, problem: "is another query's row" });
        }
        out.push(query);
    }
    match (0..columns).find(|column| out.iter().all(|query| query.0 != *column)) {
        Some(column) => Err(ShapeError::Unqueried { kind, column }),
        None => Ok(out),
    }
}

/// A rotation modulo the rows; `None` if it is longer than a column.
pub(super) fn wrap(rotation: i32, k: u32) -> Option<usize> {
    let rows = 1i64 << k;
    let rotation = i64::from(rotation);
    (rotation.abs() < rows).then(|| rotation.rem_euclid(rows) as usize)
}
