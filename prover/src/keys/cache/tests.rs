use std::borrow::Cow;

use zkpoc_circuits::circuit::{ColumnCircuit, Definition};
use zkpoc_circuits::columns::Declared;
use zkpoc_circuits::dataset::{Dataset, DatasetCircuit};
use zkpoc_circuits::grid::LayoutError;

use super::*;

/// The dataset circuit with one selector moved: the same constraint system, another key.
struct Moved;

impl Definition for Moved {
    const KIND: CircuitKind = Dataset::KIND;
    type Plan = <Dataset as Definition>::Plan;
    type Config = <Dataset as Definition>::Config;
    type Witness = <Dataset as Definition>::Witness;
    type Tamper = <Dataset as Definition>::Tamper;

    fn plan(profile: &Profile) -> Result<Self::Plan, LayoutError> {
        Dataset::plan(profile)
    }

    fn columns(meta: &mut ConstraintSystem<Fr>, plan: &Self::Plan) -> Self::Config {
        Dataset::columns(meta, plan)
    }

    fn gates(meta: &mut ConstraintSystem<Fr>, config: &Self::Config, plan: &Self::Plan) {
        Dataset::gates(meta, config, plan);
    }

    fn hides(cs: &ConstraintSystem<Fr>, config: &Self::Config) -> Result<(), LayoutError> {
        Dataset::hides(cs, config)
    }

    fn declared(config: &Self::Config, blinding_rows: usize) -> Declared {
        Dataset::declared(config, blinding_rows)
    }

    fn fixed_cells(config: &Self::Config, plan: &Self::Plan, out: &mut FixedCells<'_>) {
        let mut first = true;
        let mut put = |column, row: usize, value| {
            out.push((column, row + usize::from(first), value));
            first = false;
        };
        Dataset::fixed_cells(config, plan, &mut FixedCells::new(&mut put));
    }

    fn first_phase<'a>(plan: &Self::Plan, witness: &'a Self::Witness) -> Vec<Cow<'a, [Fr]>> {
        Dataset::first_phase(plan, witness)
    }

    fn into_first_phase(plan: &Self::Plan, witness: Self::Witness) -> Vec<Vec<Fr>> {
        Dataset::into_first_phase(plan, witness)
    }

    fn second_phase(
        plan: &Self::Plan,
        witness: &Self::Witness,
        challenges: &[Fr],
        tamper: Option<&Self::Tamper>,
    ) -> Option<Vec<Vec<Fr>>> {
        Dataset::second_phase(plan, witness, challenges, tamper)
    }
}

/// A kept key of a circuit whose selectors were wrong must not outlive their mending.
#[test]
fn rejects_a_kept_key_of_other_fixed_cells() {
    let profile = Profile::builtin("toy").expect("a profile");
    let srs = Srs::bundled_ceremony(profile.k).expect("the ceremony");
    let folder = tempfile::tempdir().expect("a folder");
    let cache = KeyCache::new(folder.path());
    let (wrong, source) = cache.verifier::<ColumnCircuit<Moved>>(&profile, &srs).expect("a key");
    assert_eq!(source, KeySource::Made);
    let (right, source) = cache.verifier::<DatasetCircuit>(&profile, &srs).expect("a key");
    assert_eq!(source, KeySource::Made, "the other circuit's key was taken");
    assert_ne!(wrong.digest(), right.digest());
    let (again, source) = cache.verifier::<DatasetCircuit>(&profile, &srs).expect("a key");
    assert_eq!((again.digest(), source), (right.digest(), KeySource::Kept));

    // Under the name of the right key, it is refused by its header.
    let name = |path: Result<PathBuf, KeyError>| path.expect("a path");
    let (from, to) =
        (name(cache.path::<ColumnCircuit<Moved>>(&profile, &srs)), name(cache.path::<DatasetCircuit>(&profile, &srs)));
    std::fs::copy(from, to).expect("a copy");
    let (again, source) = cache.verifier::<DatasetCircuit>(&profile, &srs).expect("a key");
    assert!(matches!(source, KeySource::Remade(_)), "{source:?}");
    assert_eq!(again.digest(), right.digest());
}
