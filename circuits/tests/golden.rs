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
            9,
            68,
            15,
            "15594d4dc85ead1ed929f54ac31a843b515060a1993d08616a5a176d84c31b2a",
            "24bf9b4e37ec7e143ff19501dd8bf6ae7262480983042a328aa35e06da57ca0b",
        ),
    );
}

#[test]
fn golden_training_digits_tiny() {
    training(
        "digits-tiny",
        (
            15,
            9,
            78,
            18,
            "8ce4186d1976266280e5c77a60402322c67fbb7e8264c08c2c47917fcbeaf131",
            "b18cb35a8dc94bf0d4ad236e2eed2802ee53c44ef158e040f8837f29420d511f",
        ),
    );
}

#[test]
fn golden_training_mnist_linear() {
    training(
        "mnist-linear",
        (
            7,
            9,
            53,
            16,
            "7b744c61f112ee1fce862ac7c3bc732992f386c23708d4220b43e6bebd885b2e",
            "05ec8e791c8ab43750409d8847d47cd47bb99c7b40aa62c5c05ce7097eee59e3",
        ),
    );
}

#[test]
fn golden_training_mnist_mlp() {
    training(
        "mnist-mlp",
        (
            11,
            9,
            71,
            18,
            "9faaf7e0ab6c946698c998e1332cbd5d09bad7b44a59ca2b71d6b13069e8bcd5",
            "8653cb852fe4a4f78906819de30806c32b104b7c9ec1a6b154b40ad6b6ba7d91",
        ),
    );
}

#[test]
fn golden_dataset_toy() {
    dataset(
        "toy",
        (
            5,
            11,
            16,
            9,
            "40adc8728bf1667860518c9e5ae4f6c103bd30e2a663e03761a921aff3dc88a5",
            "feff4ffaaa5b6bb608c62d934088523846ca8bfd4582de4ba76a931694671daf",
        ),
    );
}

#[test]
fn golden_dataset_digits_tiny() {
    dataset(
        "digits-tiny",
        (
            5,
            11,
            15,
            9,
            "f4fe58e97a8d189f1c442c184a43022ebb1dfe7968b5700ac15334a06142c424",
            "922221a83e7915f0bb975918864eda6814fbce40d6a31d8face76a4c5f840b45",
        ),
    );
}

#[test]
fn golden_dataset_mnist_linear() {
    dataset(
        "mnist-linear",
        (
            5,
            11,
            16,
            9,
            "772a29b85a4f87536209eccced9862d49b7250a6e7a809ab373ba6af9f551ac8",
            "fa2facf1b279d0324a7786590b0795ed34bc050bf082e9f3752933d7e20f1257",
        ),
    );
}

#[test]
fn golden_dataset_mnist_mlp() {
    dataset(
        "mnist-mlp",
        (
            5,
            11,
            15,
            9,
            "9b1110967fe7491cfdc196d8e08f91a2df239679389425aa370984de4107db03",
            "ce00f44c29b2034fae8de383548e7ddeedf7a257d5ee802f3fc3212ce1ae027a",
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
            9,
            71,
            18,
            "9faaf7e0ab6c946698c998e1332cbd5d09bad7b44a59ca2b71d6b13069e8bcd5",
            "8653cb852fe4a4f78906819de30806c32b104b7c9ec1a6b154b40ad6b6ba7d91",
        ),
    );
}

#[test]
fn golden_training_mnist_mlp_cheap() {
    training(
        "mnist-mlp-cheap",
        (
            6,
            9,
            64,
            28,
            "61425a53f261959d2463f2a1ae950e4c235e89cbfbee6082cd9b59d07ac67eb0",
            "3029bf8256d22b95cb1f93bfe631377337651cb584dae50d8349514884b02cb3",
        ),
    );
}

#[test]
fn golden_dataset_mnist_mlp_fast() {
    dataset(
        "mnist-mlp-fast",
        (
            5,
            11,
            15,
            9,
            "9b1110967fe7491cfdc196d8e08f91a2df239679389425aa370984de4107db03",
            "ce00f44c29b2034fae8de383548e7ddeedf7a257d5ee802f3fc3212ce1ae027a",
        ),
    );
}

#[test]
fn golden_dataset_mnist_mlp_cheap() {
    dataset(
        "mnist-mlp-cheap",
        (
            5,
            11,
            15,
            9,
            "8b0e9bbdc8c99dbcb0941f623eabc8c2a6cde7479298b3ec9ae1f61376e6f3df",
            "166bbdaf31e6f788abaa4132525de07d3a4d39c0b4b5c9385a221257ad8c6a3f",
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
            33,
            8,
            "799da71ab539eb08c6df74d28d8a1b1e21a87cc3346970dc611fd1adfdc0b897",
            "0196c2102952d2af86dc981a9534328579de075834ae14fee4d1e5654fc4ce8e",
        ),
    );
}

#[test]
fn golden_training_digits_local() {
    training(
        "digits-local",
        (
            13,
            12,
            100,
            19,
            "1f2701ae64c1e9e2dfe3c0e6dfb04deadd35fba34b000dbb9f47cfbdace6d92e",
            "0e63269381af9effb9143cff97cb62c118e00f2b151e920580e68756b3d976ea",
        ),
    );
}

#[test]
fn golden_dataset_digits_local() {
    dataset(
        "digits-local",
        (
            5,
            11,
            15,
            9,
            "08ac7f23d62d0bd7327ca4c5e64ee03ca5c608b8b10c325d9928dc1a814250e8",
            "63fd51d013edb64875d49e89fa0327e0fd6cbafd6a2879af4a91f61015179064",
        ),
    );
}

#[test]
fn golden_round_digits_local() {
    round(
        "digits-local",
        (
            21,
            6,
            37,
            8,
            "4fdccace1e756cf08d4509d3bb5f3f2e178e3835bbdd51592184cbf79ab008cd",
            "7404257ab61a020f816caa40e2b5fe585013a81840a7037b70ced56977bf1697",
        ),
    );
}

#[test]
fn golden_training_mnist_local_phone() {
    training(
        "mnist-local-phone",
        (
            14,
            12,
            101,
            19,
            "3f1239520e973dd3b52fd4c8244e9f364bb3a2abdf0b0f77e86d8eda38aacbce",
            "f9e479f83773356674b07f29f236c57e06da4befb7cbbdcc6ece8241574dbd9f",
        ),
    );
}

#[test]
fn golden_dataset_mnist_local_phone() {
    dataset(
        "mnist-local-phone",
        (
            5,
            11,
            15,
            9,
            "59a36e2cfc906dc418ec0002c4c42945d0f5127b0229e49217b1c8869d8785b1",
            "88ebd4c362c628badc8036d4806ac837a41219d9f8cc69973b520be98b92deb8",
        ),
    );
}

#[test]
fn golden_round_mnist_local_phone() {
    round(
        "mnist-local-phone",
        (
            21,
            6,
            37,
            8,
            "5a1a174c0414a8e02c0c5d254df9fa0c433338737c39760606882ac76de58995",
            "71764d6dd4b5471b9895e0de8bf8e3df4ad19d5b85887c782e4a6b434e49d158",
        ),
    );
}

#[test]
fn golden_training_mnist_local() {
    training(
        "mnist-local",
        (
            14,
            12,
            102,
            19,
            "7fdeae0ddae893b73edd9ecc81f58d2052806a99f02c0585036c4089d55ac059",
            "0f127a37edb4187201ceb9b05145c92665a6933c8291c1b5ab7522544a9523b4",
        ),
    );
}

#[test]
fn golden_dataset_mnist_local() {
    dataset(
        "mnist-local",
        (
            5,
            11,
            16,
            9,
            "a18687eff5a39071ffbdf93c06b2437a1c10dec4c4f33c119806d18a1c1c7a1b",
            "e94e79d5f076fb1b07a383ce342ffa570f2e23c6a5170ac815d0e359d724c87e",
        ),
    );
}

#[test]
fn golden_round_mnist_local() {
    round(
        "mnist-local",
        (
            23,
            6,
            39,
            8,
            "c2729652207b9b2056998285a75d92ee326f5a86be03f9b13d073a77e36825a5",
            "7fa21521997497c46c248e5b411d6956bd3819c18f5209fdfb051a26bfeebd13",
        ),
    );
}
