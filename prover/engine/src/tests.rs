//! The compiled gates against Halo2's expressions, the quotient against itself in parts, and what is refused.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Advice, Column, ConstraintSystem, Expression, FirstPhase, Fixed, SecondPhase, ThirdPhase};
use halo2_proofs::poly::Rotation;
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rand_core::OsRng;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

use crate::arith::rows::{row_factor, run_all};
use crate::arith::Domain;
use crate::program::Program;
use crate::quotient::{pieces, Kept, Source};
use crate::{Shape, ShapeError};

/// The value of a gate in a row, by the definition of Halo2's expressions.
fn directly(gate: &Expression<Fr>, shape: &Shape, columns: &[Vec<Fr>], challenges: &[Fr], row: usize) -> Fr {
    let n = columns[0].len() as i64;
    let cell = |column: usize, rotation: Rotation| {
        columns[column][(row as i64 + i64::from(rotation.0)).rem_euclid(n) as usize]
    };
    gate.evaluate(
        &|value| value,
        &|_| panic!("no selectors"),
        &|query| cell(shape.advice + query.column_index(), query.rotation()),
        &|query| cell(query.column_index(), query.rotation()),
        &|query| cell(shape.advice + shape.fixed + query.column_index(), query.rotation()),
        &|challenge| challenges[challenge.index()],
        &|value: Fr| -value,
        &|a, b| a + b,
        &|a, b| a * b,
        &|value, factor| value * factor,
    )
}

/// Compares a program with its gates on random columns, in every `stride`-th row.
fn compare(gates: &[Expression<Fr>], shape: &Shape, stride: usize) {
    let random = |count: usize| -> Vec<Fr> { (0..count).map(|_| Fr::random(OsRng)).collect() };
    let n = shape.rows();
    let columns: Vec<Vec<Fr>> = (0..shape.columns()).map(|_| random(n)).collect();
    let (challenges, y) = (random(shape.challenges), Fr::random(OsRng));
    let program = Program::of_gates(gates, shape).expect("a program");
    let scaled: Vec<Vec<Fr>> =
        columns.iter().map(|column| column.iter().map(|cell| cell * row_factor()).collect()).collect();
    let (scalars, slices) = (program.scalars(&challenges, y), scaled.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut found = vec![Fr::ZERO; n];
    run_all(program.steps(), &scalars, &slices, &mut found);
    for row in (0..n).step_by(stride) {
        let values = gates.iter().map(|gate| directly(gate, shape, &columns, &challenges, row));
        assert_eq!(found[row], values.fold(Fr::ZERO, |sum, value| sum * y + value), "row {row}");
    }
}

struct Grower {
    rng: StdRng,
    advice: Vec<Column<Advice>>,
    fixed: Vec<Column<Fixed>>,
    leaves: Vec<Expression<Fr>>,
}

impl Grower {
    /// A random expression of at most a degree; leaves repeat, so sums are shared.
    fn grow(&mut self, degree: usize, depth: usize) -> Expression<Fr> {
        let choice = if depth == 0 { 0 } else { self.rng.gen_range(0..7) };
        match choice {
            0 | 1 if degree > 0 => self.leaves[self.rng.gen_range(0..self.leaves.len())].clone(),
            2 if degree > 1 => {
                let left = self.rng.gen_range(1..degree);
                self.grow(left, depth - 1) * self.grow(degree - left, depth - 1)
            }
            3 | 4 => self.grow(degree, depth - 1) + self.grow(degree, depth - 1),
            5 => self.grow(degree, depth - 1) - self.grow(degree, depth - 1),
            6 => self.grow(degree, depth - 1) * Fr::from(self.rng.gen_range(0..4u64)),
            _ => Expression::Constant(Fr::from(self.rng.gen_range(0..3u64))),
        }
    }
}

/// A random constraint system of small size.
fn random_system(seed: u64) -> ConstraintSystem<Fr> {
    let mut cs = ConstraintSystem::default();
    let mut grower = Grower {
        rng: StdRng::seed_from_u64(seed),
        advice: vec![cs.advice_column(), cs.advice_column(), cs.advice_column_in(SecondPhase)],
        fixed: vec![cs.fixed_column(), cs.fixed_column()],
        leaves: Vec::new(),
    };
    let instance = cs.instance_column();
    let challenges = [cs.challenge_usable_after(FirstPhase), cs.challenge_usable_after(FirstPhase)];
    cs.create_gate("random", |cells| {
        for (column, rotation) in grower.advice.iter().zip([0, -3, 5]) {
            grower.leaves.push(cells.query_advice(*column, Rotation::cur()));
            grower.leaves.push(cells.query_advice(*column, Rotation(rotation + 1)));
        }
        grower.leaves.extend(grower.fixed.iter().map(|column| cells.query_fixed(*column, Rotation::cur())));
        grower.leaves.push(cells.query_instance(instance, Rotation(1)));
        let challenge = challenges.map(|challenge| cells.query_challenge(challenge));
        let scaled = grower.leaves[0].clone() * challenge[0].clone() + grower.leaves[3].clone() * Fr::from(9);
        grower.leaves.extend([scaled.clone(), scaled + challenge[1].clone()]);
        let count = grower.rng.gen_range(1..6);
        (0..count).map(|_| grower.grow(3, 5)).collect::<Vec<_>>()
    });
    cs
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn prop_a_program_is_its_gates(seed in any::<u64>()) {
        let cs = random_system(seed);
        let shape = Shape::of(&cs, 4).expect("a shape");
        compare(cs.gates()[0].polynomials(), &shape, 1);
    }
}

fn gates_of<C: ProfileCircuit>(profile: &Profile) -> (Vec<Expression<Fr>>, Shape) {
    let circuit = C::of_profile(profile).expect("a circuit");
    let mut cs = ConstraintSystem::default();
    let _config = C::configure_with_params(&mut cs, circuit.params());
    let gates = cs.gates().iter().flat_map(|gate| gate.polynomials()).cloned().collect();
    (gates, Shape::of(&cs, profile.k).expect("a shape"))
}

#[test]
fn the_circuits_programs_are_their_gates() {
    for name in ["toy", "digits-tiny"] {
        let profile = Profile::builtin(name).expect("a profile");
        for (gates, shape) in [
            gates_of::<TrainingCircuit>(&profile),
            gates_of::<DatasetCircuit>(&profile),
            gates_of::<RoundCircuit>(&profile),
        ] {
            compare(&gates, &shape, 1 << (profile.k - 6));
            let counts = Program::of_gates(&gates, &shape).expect("a program").counts();
            assert_eq!(counts.gates, gates.len());
            assert!(counts.products + counts.scalings < 6 * gates.len(), "{counts:?}");
        }
    }
}

#[test]
fn other_constraint_systems_are_refused() {
    type Change = fn(&mut ConstraintSystem<Fr>);
    let changes: [(&str, Change); 8] = [
        ("equality", |cs| {
            let column = cs.advice_column();
            cs.enable_equality(column);
        }),
        ("lookup", |cs| {
            let (a, b) = (cs.advice_column(), cs.fixed_column());
            cs.lookup_any("lookup", |cells| {
                vec![(cells.query_advice(a, Rotation::cur()), cells.query_fixed(b, Rotation::cur()))]
            });
        }),
        ("selectors", |cs| {
            cs.selector();
        }),
        ("instance", |cs| {
            cs.instance_column();
        }),
        ("degrees", |cs| {
            let column = cs.fixed_column();
            cs.create_gate("quartic", |cells| {
                let cell = cells.query_fixed(column, Rotation::cur());
                vec![cell.clone() * cell.clone() * cell.clone() * cell]
            });
        }),
        ("phases", |cs| {
            cs.advice_column_in(ThirdPhase);
        }),
        ("after a column of a later phase", |cs| {
            cs.advice_column();
        }),
        ("challenge", |cs| {
            cs.challenge_usable_after(SecondPhase);
        }),
    ];
    for (words, change) in changes {
        let mut cs = random_system(1);
        assert!(Shape::of(&cs, 4).is_ok());
        change(&mut cs);
        let refusal = Shape::of(&cs, 4).expect_err(words).to_string();
        assert!(refusal.contains(words), "{words}: {refusal}");
    }
    let mut cs = random_system(1);
    cs.fixed_column();
    assert_eq!(Shape::of(&cs, 4), Err(ShapeError::Unqueried { kind: "fixed", column: 2 }));
    assert!(matches!(Shape::of(&random_system(1), 2), Err(ShapeError::Rotation { rotation: 6, .. })));
}

/// The quotient of random gates over random columns of every kind, a whole coset at a time and in parts.
#[test]
fn a_quotient_in_parts_is_that_of_whole_cosets() {
    for (seed, k) in [(1, 6), (2, 7), (3, 9)] {
        let (cs, domain) = (random_system(seed), Domain::new(k));
        let shape = Shape::of(&cs, k).expect("a shape");
        let program = Program::compile(&cs, &shape).expect("a program");
        let random = |count: usize| -> Vec<Fr> { (0..count).map(|_| Fr::random(OsRng)).collect() };
        let advice: Vec<Vec<Fr>> = (0..shape.advice).map(|_| random(domain.size())).collect();
        let fixed: Vec<Vec<u32>> = (0..shape.fixed as u32)
            .map(|c| (0..shape.usable() as u32).map(|row| row * (c + 3) % 5).collect())
            .collect();
        let (instances, scalars) = (random(3), program.scalars(&random(shape.challenges), Fr::random(OsRng)));
        let kept = Kept::new(&domain, &fixed);
        let advice: Vec<Source<'_>> = advice.iter().map(|column| Source::Coefficients(column)).collect();
        let whole: Vec<Source<'_>> =
            advice.iter().copied().chain(kept.sources()).chain([Source::Values(&instances)]).collect();
        let integers = fixed.iter().map(|column| Source::Integers(column));
        let thrifty: Vec<Source<'_>> =
            advice.iter().copied().chain(integers).chain([Source::Values(&instances)]).collect();
        let expected = pieces(&domain, 1, &program, &scalars, &whole);
        for parts in [1, 2, 4, 8] {
            assert!(pieces(&domain, parts, &program, &scalars, &thrifty) == expected, "2^{k} rows, {parts} parts");
        }
    }
}
