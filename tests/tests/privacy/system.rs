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
//! - A cell of a share: a cell of an update with masks added and subtracted. A mask is a column with one commitment whose
//!   cells are all unknowns.
//!
//! What is known beforehand, such as the sum of a group's updates, is *given*: equations between guessed cells that no guess
//! contradicts, with coefficients `K`.
//!
//! # Verdict
//! With `A` the coefficients of the unknowns and `G` those of the guessed cells, the equations say something about the
//! cells exactly if `rank [A|G; 0|K] > rank A + rank K`; the difference counts the equations that every right guess fulfils
//! and a wrong one in general does not. If it is 0, every guess that fulfils what is given has equally many solutions.

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
    /// Equations on guessed cells alone: `rank [A|G; 0|K] - rank A - rank K`.
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
    /// First of its guessed cells; a mask has none, and is 0 where it has no unknown.
    first_cell: Option<usize>,
    /// Rows that are guessed, in order; `None` for all. Every column that can be is 0 in the others.
    rows: Option<Vec<u32>>,
    /// Row and number of each unknown, in order.
    unknown: Vec<(usize, usize)>,
    /// Place of its commitment among the equations.
    commitment: usize,
}

impl Column {
    /// The number of the unknown in a row.
    fn unknown(&self, row: usize) -> Option<usize> {
        self.unknown.binary_search_by_key(&row, |(row, _)| *row).ok().map(|at| self.unknown[at].1)
    }

    /// The number of the guessed cell in a row.
    fn guessed(&self, row: usize) -> Option<usize> {
        let can_be = self.rows.as_ref().is_none_or(|rows| rows.binary_search(&(row as u32)).is_ok());
        self.first_cell.filter(|_| can_be && self.unknown(row).is_none()).map(|first| first + row)
    }
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
    given: Vec<Row>,
}

impl Evidence {
    /// About columns of `2^k` rows.
    pub(crate) fn new(k: u32) -> Self {
        let tau = Fr::random(OsRng);
        let (columns, nonces, rows, given) = Default::default();
        Self { n: 1 << k, tau, unknowns: 0, cells: 0, columns, nonces, rows, given }
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
        self.committed(Some(first_cell), None, point, self.n - random..self.n)
    }

    /// The same of a column in which only these rows can be anything but 0.
    pub(crate) fn sparse(&mut self, first_cell: usize, point: G1Affine, random: usize, rows: &[u32]) -> usize {
        self.committed(Some(first_cell), Some(rows.to_vec()), point, self.n - random..self.n)
    }

    /// A commitment to a mask with cells in these rows.
    pub(crate) fn mask(&mut self, point: G1Affine, rows: &[u32]) -> usize {
        self.committed(None, None, point, rows.iter().map(|row| *row as usize))
    }

    fn committed(
        &mut self,
        first_cell: Option<usize>,
        rows: Option<Vec<u32>>,
        point: G1Affine,
        hidden: impl Iterator<Item = usize>,
    ) -> usize {
        if let Some(known) = self.columns.iter().position(|column| column.point == point) {
            return known;
        }
        let hidden: Vec<usize> = hidden.collect();
        let unknown = self.fresh(hidden.len());
        let unknown = hidden.into_iter().zip(unknown).collect();
        self.columns.push(Column { point, first_cell, rows, unknown, commitment: self.rows.len() });
        let row = self.evaluation(&[self.columns.len() - 1], &self.tau);
        self.rows.push(row);
        self.columns.len() - 1
    }

    /// The sum of some columns at a point.
    fn evaluation(&self, columns: &[usize], x: &Fr) -> Row {
        let lagrange = lagrange(self.n, x);
        let mut row = Row::default();
        for column in columns.iter().map(|column| &self.columns[*column]) {
            let at = |(r, l): (usize, &Fr)| column.guessed(r).map(|cell| (cell, *l));
            row.cells.extend(lagrange.iter().enumerate().filter_map(at));
            row.unknowns.extend(column.unknown.iter().map(|(r, unknown)| (*unknown, lagrange[*r])));
        }
        row
    }

    /// The cells in a row of columns that are added or, if `false`, subtracted.
    fn cell(&self, terms: &[(usize, bool)], r: usize, value: Fr) -> Row {
        let mut row = Row { value: Some(value), ..Row::default() };
        for (column, plus) in terms {
            let (column, sign) = (&self.columns[*column], if *plus { Fr::ONE } else { -Fr::ONE });
            row.unknowns.extend(column.unknown(r).map(|unknown| (unknown, sign)));
            row.cells.extend(column.guessed(r).map(|cell| (cell, sign)));
        }
        row
    }

    /// Cells of columns that are added or, if `false`, subtracted become public.
    pub(crate) fn shown(&mut self, terms: &[(usize, bool)], rows: &[u32], cells: &[Fr]) {
        let shown = rows.iter().zip(cells).map(|(row, value)| self.cell(terms, *row as usize, *value));
        let shown: Vec<Row> = shown.filter(|row| !row.unknowns.is_empty() || !row.cells.is_empty()).collect();
        self.rows.extend(shown);
    }

    /// Of the same, those that are guessed alone are known beforehand.
    pub(crate) fn given(&mut self, terms: &[(usize, bool)], rows: &[u32], cells: &[Fr]) {
        let given = rows.iter().zip(cells).map(|(row, value)| self.cell(terms, *row as usize, *value));
        let given: Vec<Row> = given.filter(|row| row.unknowns.is_empty() && !row.cells.is_empty()).collect();
        self.given.extend(given);
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
        for (i, z) in link.z.iter().enumerate() {
            let [registered, copy] = [registered, copy].map(|column| self.columns[column].unknown[i].1);
            let unknowns = vec![(nonces[i], Fr::ONE), (registered, *e), (copy, -*e)];
            self.rows.push(Row { unknowns, value: Some(*z), ..Row::default() });
        }
    }

    fn seen(&self, observer: Observer) -> Vec<&Row> {
        self.rows.iter().filter(|row| observer == Observer::Unbounded || row.value.is_some()).collect()
    }

    /// The sizes for an observer.
    pub(crate) fn count(&self, observer: Observer) -> Count {
        self.sizes(&self.seen(observer))
    }

    fn sizes(&self, rows: &[&Row]) -> Count {
        let line = |row: &Row, width: usize| {
            let mut line = vec![Fr::ZERO; width];
            row.unknowns.iter().for_each(|(at, value)| line[*at] += value);
            let cells = row.cells.iter().filter(|_| width > self.unknowns);
            cells.for_each(|(at, value)| line[self.unknowns + at] += value);
            line
        };
        let rank = |rows: &mut dyn Iterator<Item = &Row>, width| {
            let mut lines: Vec<Vec<Fr>> = rows.map(|row| line(row, width)).collect();
            reduce(&mut lines, width).len()
        };
        let width = self.unknowns + self.cells;
        let alone = rank(&mut rows.iter().copied(), self.unknowns);
        let given = rank(&mut self.given.iter(), width);
        let all = rank(&mut rows.iter().copied().chain(&self.given), width);
        Count { equations: rows.len(), unknowns: self.unknowns, rank: alone, leaks: all - alone - given }
    }

    /// Tests a guess of all guessed cells with what everyone can compute.
    pub(crate) fn judge(&self, srs: &Srs, guess: &[Vec<Fr>]) -> Verdict {
        let guess: Vec<Fr> = guess.iter().flatten().copied().collect();
        assert_eq!(guess.len(), self.cells, "a guess for every cell");
        let left = |row: &Row| -> Fr {
            let known: Fr = row.cells.iter().map(|(at, value)| guess[*at] * value).sum();
            row.value.unwrap_or(Fr::ZERO) - known
        };
        assert!(self.given.iter().all(|row| left(row) == Fr::ZERO), "a guess that contradicts what is given");
        let mut lines: Vec<Vec<Fr>> = Vec::new();
        let mut seen = self.seen(Observer::Public);
        for row in &seen {
            let mut line = vec![Fr::ZERO; self.unknowns + 1];
            row.unknowns.iter().for_each(|(at, value)| line[*at] += value);
            line[self.unknowns] = left(row);
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
        for column in &self.columns {
            let mut cells = match column.first_cell {
                Some(first) => guess[first..first + self.n].to_vec(),
                None => vec![Fr::ZERO; self.n],
            };
            let determined = column.unknown.iter().map(|(row, at)| solution[*at].map(|value| (*row, value)));
            let Some(determined) = determined.collect::<Option<Vec<(usize, Fr)>>>() else { continue };
            determined.into_iter().for_each(|(row, value)| cells[row] = value);
            if commit_column(srs.params(), &cells).expect("a column") != column.point {
                return Verdict::Refuted;
            }
            seen.push(&self.rows[column.commitment]);
        }
        // A column that is known whatever the guess, as one that was handed over, confirms none.
        match self.sizes(&seen).leaks {
            0 => Verdict::Undetermined,
            _ => Verdict::Confirmed,
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
        // Most lines say something about a few cells only.
        let pivot: Vec<(usize, Fr)> =
            lines[done].iter().copied().enumerate().filter(|(_, value)| *value != Fr::ZERO).collect();
        for (_, line) in lines.iter_mut().enumerate().filter(|(index, _)| *index != done) {
            let factor = line[at];
            if factor != Fr::ZERO {
                pivot.iter().for_each(|(at, other)| line[*at] -= factor * other);
            }
        }
        pivots.push(at);
    }
    lines.truncate(pivots.len());
    pivots
}
