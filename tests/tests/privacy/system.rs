//! The guess tester: everything that public bytes say about hidden columns, as linear equations.
//!
//! # Unknowns
//! A committed column has `n` cells. A guess names all of them but the random rows at the end, which are *unknowns*, as
//! are the nonces of link proofs. Columns with one commitment are one column, however many proofs open it, and links with
//! one nonce point have the same nonces.
//!
//! # Equations
//! - An evaluation `p(x) = y`: the cells weighted with the Lagrange polynomials at `x`.
//! - An answer of a link, `z = t + e (d - c)`.
//! - A commitment. Its discrete logarithm `p(tau)` is a further equation for whoever can compute it, so it counts for
//!   the unbounded observer, with a random number for `tau` (the true one is random, and nobody has it). Everyone
//!   else can only compare: once all random rows follow from the guess, the column is recomputed and committed to.
//!
//! # Verdict
//! With `A` the coefficients of the unknowns and `G` those of the guessed cells, the equations say something about the
//! cells exactly if `rank [A|G] > rank A`; the difference counts the equations that every right guess fulfils and a
//! wrong one in general does not. If it is 0, every guess has equally many solutions.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::ff::PrimeField;
use rand_core::OsRng;
use zkpoc_prover::commit::commit_column;
use zkpoc_prover::link::LinkProof;
use zkpoc_prover::srs::Srs;

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Observer {
    /// Computes with bytes.
    Public,
    /// Computes discrete logarithms as well.
    Unbounded,
}

/// What the observer knows after testing a guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: another guess would have done as well.
    Undetermined,
    /// A wrong guess would have failed.
    Confirmed,
    /// The guess is wrong.
    Refuted,
}

/// Sizes of a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) equations: usize,
    pub(crate) unknowns: usize,
    pub(crate) rank: usize,
    /// Equations on guessed cells alone: `rank [A|G] - rank A`.
    pub(crate) leaks: usize,
}

#[derive(Clone, Debug, Default)]
struct Row {
    unknowns: Vec<(usize, Fr)>,
    cells: Vec<(usize, Fr)>,
    /// `None` where only the unbounded observer knows it.
    value: Option<Fr>,
}

#[derive(Clone, Debug)]
struct Column {
    point: G1Affine,
    first_cell: usize,
    tail: Vec<usize>,
}

/// The equations.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    n: usize,
    tau: Fr,
    unknowns: usize,
    cells: usize,
    columns: Vec<Column>,
    nonces: Vec<(G1Affine, Vec<usize>)>,
    rows: Vec<Row>,
}

impl Evidence {
    /// About columns of `2^k` rows.
    pub(crate) fn new(k: u32) -> Self {
        let tau = Fr::random(OsRng);
        Self { n: 1 << k, tau, unknowns: 0, cells: 0, columns: Vec::new(), nonces: Vec::new(), rows: Vec::new() }
    }

    /// Room for the `n` cells of one guessed column; gives the first.
    pub(crate) fn guessed(&mut self) -> usize {
        self.cells += self.n;
        self.cells - self.n
    }

    fn fresh(&mut self, count: usize) -> Vec<usize> {
        self.unknowns += count;
        (self.unknowns - count..self.unknowns).collect()
    }

    /// A commitment to the guessed cells with `random` rows at the end; one that was seen before is the same column.
    pub(crate) fn column(&mut self, first_cell: usize, point: G1Affine, random: usize) -> usize {
        if let Some(known) = self.columns.iter().position(|column| column.point == point) {
            return known;
        }
        let tail = self.fresh(random);
        self.columns.push(Column { point, first_cell, tail });
        let row = self.evaluation(&[self.columns.len() - 1], &self.tau);
        self.rows.push(row);
        self.columns.len() - 1
    }

    /// The sum of some columns at a point.
    fn evaluation(&self, columns: &[usize], x: &Fr) -> Row {
        let lagrange = lagrange(self.n, x);
        let mut row = Row::default();
        for column in columns.iter().map(|column| &self.columns[*column]) {
            let data = self.n - column.tail.len();
            row.cells.extend(lagrange[..data].iter().enumerate().map(|(i, l)| (column.first_cell + i, *l)));
            row.unknowns.extend(column.tail.iter().copied().zip(lagrange[data..].iter().copied()));
        }
        row
    }

    /// A column, or the sum of several, is opened.
    pub(crate) fn opening(&mut self, columns: &[usize], openings: &[(Fr, Fr)]) {
        for (x, y) in openings {
            let row = self.evaluation(columns, x);
            self.rows.push(Row { value: Some(*y), ..row });
        }
    }

    /// A link: `z_i = t_i + e (registered_i - copy_i)`, and its nonce point `sum t_i [L_i(tau)]`.
    pub(crate) fn link(&mut self, registered: usize, copy: usize, e: &Fr, link: &LinkProof) {
        let nonces = match self.nonces.iter().find(|(point, _)| *point == link.r) {
            Some((_, nonces)) => nonces.clone(),
            None => {
                let nonces = self.fresh(link.z.len());
                let bases = lagrange(self.n, &self.tau)[self.n - link.z.len()..].to_vec();
                self.rows.push(Row { unknowns: nonces.iter().copied().zip(bases).collect(), ..Row::default() });
                self.nonces.push((link.r, nonces.clone()));
                nonces
            }
        };
        let (registered, copy) = (self.columns[registered].tail.clone(), self.columns[copy].tail.clone());
        for (i, z) in link.z.iter().enumerate() {
            let unknowns = vec![(nonces[i], Fr::ONE), (registered[i], *e), (copy[i], -*e)];
            self.rows.push(Row { unknowns, value: Some(*z), ..Row::default() });
        }
    }

    fn seen(&self, observer: Observer) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| observer == Observer::Unbounded || row.value.is_some())
    }

    /// The sizes for an observer.
    pub(crate) fn count(&self, observer: Observer) -> Count {
        let dense = |width: usize, with_cells: bool| -> Vec<Vec<Fr>> {
            let line = |row: &Row| {
                let mut line = vec![Fr::ZERO; width];
                row.unknowns.iter().for_each(|(at, value)| line[*at] += value);
                let cells = row.cells.iter().filter(|_| with_cells);
                cells.for_each(|(at, value)| line[self.unknowns + at] += value);
                line
            };
            self.seen(observer).map(line).collect()
        };
        let rank = |mut lines: Vec<Vec<Fr>>, width| reduce(&mut lines, width).len();
        let alone = rank(dense(self.unknowns, false), self.unknowns);
        let width = self.unknowns + self.cells;
        let equations = self.seen(observer).count();
        Count { equations, unknowns: self.unknowns, rank: alone, leaks: rank(dense(width, true), width) - alone }
    }

    /// Tests a guess of all guessed cells with what everyone can compute.
    pub(crate) fn judge(&self, srs: &Srs, guess: &[Vec<Fr>]) -> Verdict {
        let guess: Vec<Fr> = guess.iter().flatten().copied().collect();
        assert_eq!(guess.len(), self.cells, "a guess for every cell");
        let mut lines: Vec<Vec<Fr>> = Vec::new();
        for row in self.seen(Observer::Public) {
            let mut line = vec![Fr::ZERO; self.unknowns + 1];
            row.unknowns.iter().for_each(|(at, value)| line[*at] += value);
            let known: Fr = row.cells.iter().map(|(at, value)| guess[*at] * value).sum();
            line[self.unknowns] = row.value.unwrap_or(Fr::ZERO) - known;
            lines.push(line);
        }
        let pivots = reduce(&mut lines, self.unknowns + 1);
        if pivots.last() == Some(&self.unknowns) {
            return Verdict::Refuted;
        }
        // An unknown is determined if its line holds no other unknown.
        let mut solution = vec![None; self.unknowns];
        for (line, pivot) in lines.iter().zip(&pivots) {
            let others =
                line[..self.unknowns].iter().enumerate().filter(|(at, value)| at != pivot && **value != Fr::ZERO);
            if others.count() == 0 {
                solution[*pivot] = Some(line[self.unknowns]);
            }
        }
        let mut confirmed = self.count(Observer::Public).leaks > 0;
        for column in &self.columns {
            let Some(tail) = column.tail.iter().map(|at| solution[*at]).collect::<Option<Vec<Fr>>>() else { continue };
            let mut cells = guess[column.first_cell..column.first_cell + self.n].to_vec();
            cells[self.n - tail.len()..].copy_from_slice(&tail);
            if commit_column(srs.params(), &cells).expect("a column") != column.point {
                return Verdict::Refuted;
            }
            confirmed = true;
        }
        if confirmed {
            Verdict::Confirmed
        } else {
            Verdict::Undetermined
        }
    }
}

/// Rank of the random rows' part of a column's openings at `points` and of its commitment.
pub(crate) fn rank_of_openings(k: u32, random: usize, points: &[Fr]) -> usize {
    let n = 1 << k;
    let tail = |x: &Fr| lagrange(n, x)[n - random..].to_vec();
    let mut lines: Vec<Vec<Fr>> = points.iter().chain([&Fr::random(OsRng)]).map(tail).collect();
    reduce(&mut lines, random).len()
}

/// The values of all Lagrange polynomials at `x`, which is not in the domain.
pub(crate) fn lagrange(n: usize, x: &Fr) -> Vec<Fr> {
    let k = n.trailing_zeros();
    let omega = (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
    let scale = (x.pow([n as u64]) - Fr::ONE) * Fr::TWO_INV.pow([u64::from(k)]);
    let roots = std::iter::successors(Some(Fr::ONE), |root| Some(*root * omega)).take(n);
    roots.map(|root| scale * root * (*x - root).invert().expect("not in the domain")).collect()
}

/// Brings lines into reduced echelon form, pivots first; gives the pivots' positions.
fn reduce(lines: &mut Vec<Vec<Fr>>, width: usize) -> Vec<usize> {
    let mut pivots = Vec::new();
    for at in 0..width {
        let done = pivots.len();
        let Some(found) = (done..lines.len()).find(|line| lines[*line][at] != Fr::ZERO) else { continue };
        lines.swap(done, found);
        let inverse = lines[done][at].invert().expect("not zero");
        lines[done].iter_mut().for_each(|value| *value *= inverse);
        let pivot = lines[done].clone();
        for (_, line) in lines.iter_mut().enumerate().filter(|(index, _)| *index != done) {
            let factor = line[at];
            if factor != Fr::ZERO {
                line.iter_mut().zip(&pivot).skip(at).for_each(|(value, other)| *value -= factor * other);
            }
        }
        pivots.push(at);
    }
    lines.truncate(pivots.len());
    pivots
}
