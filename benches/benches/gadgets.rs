//! The gates of each gadget, evaluated in every row of one coset of `mnist-mlp`: what a gadget adds to the quotient, of which a proof
//! computes two cosets. `all` is every gate at once; it is less than the sum, since gadgets share cells and sums.
//!
//! `cargo bench -p zkpoc-benches --bench gadgets`. Read the figures as ratios of one run. Cells are random: the time does not depend
//! on them.
#![allow(missing_docs)] // criterion's macros make public functions

use criterion::{criterion_group, criterion_main, Criterion};
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{ConstraintSystem, Expression};
use rand_core::OsRng;
use zkpoc_circuits::columns::Columns;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_engine::arith::rows::run_all;
use zkpoc_engine::program::Program;
use zkpoc_engine::Shape;

fn gadgets<C: ProfileCircuit + Columns>(criterion: &mut Criterion, profile: &Profile) {
    let circuit = C::of_profile(profile).expect("a circuit");
    let mut cs = ConstraintSystem::<Fr>::default();
    C::configure_with_params(&mut cs, circuit.params());
    let shape = Shape::of(&cs, profile.k).expect("a shape");
    let random = |count: usize| -> Vec<Fr> { (0..count).map(|_| Fr::random(OsRng)).collect() };
    let columns: Vec<Vec<Fr>> = (0..shape.columns()).map(|_| random(shape.rows())).collect();
    let columns: Vec<&[Fr]> = columns.iter().map(Vec::as_slice).collect();
    let (challenges, y) = (random(shape.challenges), Fr::random(OsRng));
    let mut group = criterion.benchmark_group(format!("{} {}", profile.name, C::KIND));
    group.sample_size(20);
    let mut out = vec![Fr::ZERO; shape.rows()];
    let mut bench = |name: &str, gates: &[Expression<Fr>]| {
        let program = Program::of_gates(gates, &shape).expect("a program");
        let scalars = program.scalars(&challenges, y);
        group.bench_function(name, |b| b.iter(|| run_all(program.steps(), &scalars, &columns, &mut out)));
    };
    for gate in cs.gates() {
        bench(gate.name(), gate.polynomials());
    }
    let all: Vec<Expression<Fr>> = cs.gates().iter().flat_map(|gate| gate.polynomials()).cloned().collect();
    bench("all", &all);
    group.finish();
}

fn circuits(criterion: &mut Criterion) {
    let profile = Profile::builtin("mnist-mlp").expect("a built-in profile");
    gadgets::<TrainingCircuit>(criterion, &profile);
    gadgets::<DatasetCircuit>(criterion, &profile);
    gadgets::<RoundCircuit>(criterion, &profile);
}

criterion_group!(benches, circuits);
criterion_main!(benches);
