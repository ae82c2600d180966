//! What a profile's keys depend on, apart from the structured reference string.
//!
//! A change here is a change of circuit: new verifying keys, new contracts, and a line under "Circuit
//! changes" in the changelog.

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::Circuit;
use sha3::{Digest, Keccak256};
use zkpoc_circuits::audit::Audit;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

/// Advice columns, fixed columns, advice queries, blinding rows, digest of the constraint system, digest
/// of the fixed columns.
type Pinned = (usize, usize, usize, usize, &'static str, &'static str);

fn digest(parts: impl Iterator<Item = Vec<u8>>) -> String {
    let mut hasher = Keccak256::new();
    parts.for_each(|part| hasher.update(part));
    hex::encode(hasher.finalize())
}

fn check<C: Circuit<Fr>>(name: &str, circuit: &C, k: u32, pinned: Pinned) {
    let audit = Audit::new(circuit, k, &[], &[Fr::from(3); 8]).unwrap();
    let system = digest([format!("{:?}", audit.cs.pinned()).into_bytes()].into_iter());
    let fixed =
        digest(audit.recorder.fixed.iter().flatten().map(|cell| cell.unwrap_or_else(Fr::zero).to_bytes().to_vec()));
    let cs = &audit.cs;
    assert_eq!(
        (
            cs.num_advice_columns(),
            cs.num_fixed_columns(),
            cs.advice_queries().len(),
            audit.blinding_rows(),
            system.as_str(),
            fixed.as_str()
        ),
        pinned,
        "{name}"
    );
}

fn training(name: &str, pinned: Pinned) {
    let profile = Profile::builtin(name).unwrap();
    check(name, &TrainingCircuit::new(&profile).unwrap(), profile.k, pinned);
}

fn dataset(name: &str, pinned: Pinned) {
    let profile = Profile::builtin(name).unwrap();
    check(name, &DatasetCircuit::new(&profile).unwrap(), profile.k, pinned);
}

fn round(name: &str, pinned: Pinned) {
    let profile = Profile::builtin(name).unwrap();
    check(name, &RoundCircuit::new(&profile).unwrap(), profile.k, pinned);
}

#[test]
fn golden_training_toy() {
    training(
        "toy",
        (
            16,
            11,
            66,
            12,
            "ca6b3276613fccc62cfe6c7b90dfac831e9b77dd3d87b85fc8b367fc971083d9",
            "fa84c3136b7985404d756300eeee032a95ba6bbece0bacb9b100562e5bd139c1",
        ),
    );
}

#[test]
fn golden_training_digits_tiny() {
    training(
        "digits-tiny",
        (
            16,
            11,
            73,
            14,
            "33af58c2df43bf1d855bd2195aa0a37c7a7ace3a5f3d93d65581ee874f3f809f",
            "19a83a5e12040827fec99c7370369110e94723cb6280a66a45f09d73e2f2c4a3",
        ),
    );
}

#[test]
fn golden_training_mnist_linear() {
    training(
        "mnist-linear",
        (
            8,
            11,
            51,
            14,
            "eee1b22d1eeca711e802756f7f31b5be70953dda4aa8697b020b52c64187f97d",
            "348955e7a07ae924e341a6d432d1ddfff662f6a9569e5d9e2f50f65d33c88fc1",
        ),
    );
}

#[test]
fn golden_training_mnist_mlp() {
    training(
        "mnist-mlp",
        (
            12,
            11,
            66,
            14,
            "8bfd0c98d3f5322eb635c43866c93bfa880dad6301edc9d8fae000f5c8e759f5",
            "bce09dd40dfc411d74fe1488b26e6dba63450c4e35549b1cab89f62dd4187c06",
        ),
    );
}

#[test]
fn golden_dataset_toy() {
    dataset(
        "toy",
        (
            6,
            6,
            11,
            6,
            "03d7f6dc9b5072e98d72817563d2f6815bacf27168835b24f3f75bf5299594ad",
            "193deced14592f4870e3ee46b269f50eaf7e88ef262453ea2c48739df3b0f964",
        ),
    );
}

#[test]
fn golden_dataset_digits_tiny() {
    dataset(
        "digits-tiny",
        (
            6,
            6,
            11,
            6,
            "766fc51b5d099e274e3c4789a22e0f78c216186fe5bf5139e1859183485e7214",
            "3f22d8137682e486607b5261873b00604646d98c289d5bb4065459f97efbbae2",
        ),
    );
}

#[test]
fn golden_dataset_mnist_linear() {
    dataset(
        "mnist-linear",
        (
            6,
            6,
            12,
            6,
            "215b074e225d4959c3f664124999598df65cd6ab9c0c1dec26cbb07eb672f8f3",
            "d0d43974b3e867437f7d0d32a94e39292377761696eaeb2e9254e135ac5cdacf",
        ),
    );
}

#[test]
fn golden_dataset_mnist_mlp() {
    dataset(
        "mnist-mlp",
        (
            6,
            6,
            11,
            6,
            "56e88a8233334faf8aa248aed1236da7a36d6b1a3517c47c1eb760bb684b0e45",
            "5776bc60a16ddea377f2394234ed84a4d19cbbda7b13273a04bbff8d7f41e0ac",
        ),
    );
}

#[test]
fn golden_round_toy() {
    round(
        "toy",
        (
            19,
            6,
            33,
            8,
            "b25860cdbc468de14f4418752d368ede1cda7bd982a5487e3bfe7847c65f8c31",
            "f922d94ae5e6d04d397827a2cc2e72c635359c6e2b1333f9063b7f02356a69ae",
        ),
    );
}

#[test]
fn golden_round_digits_tiny() {
    round(
        "digits-tiny",
        (
            41,
            6,
            55,
            8,
            "364a96c0d2927f41060c4fbccb431fcc14c2083e87d51674822975ca6a91d35d",
            "6655af14dedd67040b880b905c8390170db19e1dff3b5abd45ab323083f8ee55",
        ),
    );
}

#[test]
fn golden_round_mnist_linear() {
    round(
        "mnist-linear",
        (
            17,
            6,
            24,
            7,
            "c9bc99d2834ffd1520e54307314ad9f0229ee6b3f0e56e670500f2c9c7ae5937",
            "747a78f872694a3edd45ffc94914538c2083a1d28c3be0697912a693106b7b5c",
        ),
    );
}

#[test]
fn golden_round_mnist_mlp() {
    round(
        "mnist-mlp",
        (
            33,
            6,
            47,
            8,
            "2d4ab49874cb5634c71087b716a4ce9d5fea8fa9eb283641a2e8be222ee20d74",
            "dcc1f0f4a383eef512aeabacc5bf3d70b7178fb5a203a5358116b4ea798bc7aa",
        ),
    );
}
