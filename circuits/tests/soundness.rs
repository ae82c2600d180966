//! Error bounds of every built-in profile: far above a hundred bits, and those of the book.

use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::{Loss, OutputTable, Profile};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::soundness::{dataset, round, total_bits, training, ErrorBound};
use zkpoc_circuits::training::TrainingCircuit;

const BOOK: &str = include_str!("../../docs/soundness.md");
const CHECKS: [&str; 11] = [
    "product",
    "update",
    "state",
    "lookup",
    "order",
    "exponentials",
    "copies",
    "constraints",
    "evaluation",
    "opening",
    "link",
];

/// A line of the book's table.
fn line(profile: &str, circuit: &str, bounds: &[ErrorBound]) -> String {
    let bits = |check: &&str| {
        let found = bounds.iter().find(|bound| bound.check == *check);
        found.map_or("-".to_owned(), |bound| format!("{:.1}", bound.bits()))
    };
    let cells: Vec<String> = CHECKS.iter().map(bits).collect();
    format!("| `{profile}` {circuit} | {} | **{:.1}** |", cells.join(" | "), total_bits(bounds))
}

#[test]
fn every_circuit_has_200_bits_and_the_book_says_how_they_come_about() {
    let mut missing = Vec::new();
    for name in Profile::builtin_names() {
        let profile = Profile::builtin(name).expect("the profile");
        for (circuit, bounds) in [
            ("training", training(&TrainingCircuit::new(&profile).expect("a circuit"))),
            ("dataset", dataset(&DatasetCircuit::new(&profile).expect("a circuit"))),
            ("round", round(&RoundCircuit::new(&profile).expect("a circuit"))),
        ] {
            assert!(total_bits(&bounds) >= 200.0, "{name} {circuit}: {bounds:?}");
            assert!(bounds.iter().all(|bound| bound.bits() >= total_bits(&bounds)), "{name} {circuit}");
            assert!(bounds.iter().all(|bound| CHECKS.contains(&bound.check)), "{name} {circuit}: {bounds:?}");
            let line = line(name, circuit, &bounds);
            if !BOOK.contains(&line) {
                missing.push(line);
            }
        }
    }
    assert!(missing.is_empty(), "docs/soundness.md lacks:\n{}", missing.join("\n"));
}

/// A softmax looks up pairs in a table of its own, which weighs as little as the other lookups.
#[test]
fn a_softmax_adds_a_check_of_more_than_230_bits() {
    let digits = Profile::builtin("digits-tiny").expect("the profile");
    let unit = digits.weight_frac_bits + 4;
    let profile = Profile {
        loss: Loss::CrossEntropy,
        output_table: Some(OutputTable { table_bits: 8, exponent_bits: 10, probability_bits: 6 }),
        activation_shift: digits.weight_frac_bits,
        residual_shift: unit - 6,
        target: 1 << unit,
        k: digits.k + 1,
        ..digits.clone()
    };
    let of = |profile: &Profile| training(&TrainingCircuit::new(profile).expect("a circuit"));
    let (with, without) = (of(&profile), of(&digits));
    let check = with.iter().find(|bound| bound.check == "exponentials").expect("the check");
    assert!(check.bits() > 230.0, "{check:?}");
    // Every looked-up pair times every one of the table, and each once more.
    let pairs = (10 * TrainingCircuit::new(&profile).expect("a circuit").plan().grid.rows_per_block) as f64;
    assert_eq!(check.degree, pairs * 256.0 + pairs + 256.0);
    assert!(total_bits(&without) - total_bits(&with) < 0.1);
}

#[test]
fn the_constants_are_those_of_the_field() {
    use halo2_proofs::arithmetic::Field;
    use halo2_proofs::halo2curves::bn256::Fr;
    use halo2_proofs::halo2curves::ff::PrimeField;
    // The top 64 bits of r - 1 give its logarithm to many digits.
    let repr = (-Fr::ONE).to_repr();
    let mut top = [0; 8];
    top.copy_from_slice(&repr[24..]);
    let log2 = (u64::from_le_bytes(top) as f64).log2() + 192.0;
    let known = zkpoc_circuits::soundness::ORDER_BITS;
    assert!(known <= log2 && log2 < known + 0.01, "{log2}");
    // A 256-bit hash is this much likelier to give a small value than 1 / r.
    let times = 2f64.powf(256.0 - log2);
    assert!((times.floor() + 1.0) / times < 1.14, "{times}");
}
