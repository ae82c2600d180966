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
            15,
            10,
            68,
            15,
            "37cb1030caf9aaad65e8b56510e2dac4692ab3bfa357e5e126944da471d3967f",
            "24d5bc6d343ee8fdda3003e05755d4c3739c057f141506f258fd443f9ab7770a",
        ),
    );
}

#[test]
fn golden_training_digits_tiny() {
    training(
        "digits-tiny",
        (
            15,
            10,
            78,
            18,
            "d3dbf390989d5aabf71526691ed3060f2626b4b7e5354a00f43955c2e1d30481",
            "ca6af0fec1624d0935b6b1b69e340f2009c6ae8d8d814f6bffe4bf279c19cf76",
        ),
    );
}

#[test]
fn golden_training_mnist_linear() {
    training(
        "mnist-linear",
        (
            7,
            10,
            53,
            16,
            "f14bad4c6adbe91db6d167de06911c795805bf4fa84897883958d239ea978229",
            "3b68878b52f3437b1a86604d29089dc23409ad808e7de573d65bd3aecca3c9f7",
        ),
    );
}

#[test]
fn golden_training_mnist_mlp() {
    training(
        "mnist-mlp",
        (
            11,
            10,
            71,
            18,
            "d97f992e80396eec65c73fd94f2bccb4b2874cce1046c1e7366959f244bba5f0",
            "e8af22f82d76bc3f1cab4823a7cf02c6a4a6c91f5864879dc947ce0ac5512a49",
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

#[test]
fn golden_training_mnist_mlp_fast() {
    training(
        "mnist-mlp-fast",
        (
            11,
            10,
            71,
            18,
            "d97f992e80396eec65c73fd94f2bccb4b2874cce1046c1e7366959f244bba5f0",
            "e8af22f82d76bc3f1cab4823a7cf02c6a4a6c91f5864879dc947ce0ac5512a49",
        ),
    );
}

#[test]
fn golden_training_mnist_mlp_cheap() {
    training(
        "mnist-mlp-cheap",
        (
            6,
            10,
            71,
            28,
            "4e3cca0f22b96232f2e990ad06da9008996249becacdf9e087c31d974ea1520e",
            "8e7856d053b32d01e783f61787e55235c36e6bab8477278c0d681e291cbe33cf",
        ),
    );
}

#[test]
fn golden_dataset_mnist_mlp_fast() {
    dataset(
        "mnist-mlp-fast",
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
fn golden_dataset_mnist_mlp_cheap() {
    dataset(
        "mnist-mlp-cheap",
        (
            6,
            6,
            11,
            6,
            "56e88a8233334faf8aa248aed1236da7a36d6b1a3517c47c1eb760bb684b0e45",
            "628bf30d70feed8e155832ec32bcfc77111b15b2cbf5a3af4650929bb782a1bc",
        ),
    );
}

#[test]
fn golden_round_mnist_mlp_fast() {
    round(
        "mnist-mlp-fast",
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

#[test]
fn golden_round_mnist_mlp_cheap() {
    round(
        "mnist-mlp-cheap",
        (
            19,
            6,
            35,
            8,
            "0b7da60b18b5a61d05d6405ce0c2853a6b01bf4a045ae75cb0bf8827996f56a4",
            "07bbcab0ed46ec736f9606fd26f085e0709f569712c86c98434176d6385707a6",
        ),
    );
}
