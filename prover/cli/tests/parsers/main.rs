//! Every format that comes in from outside, damaged and made up in every way that proptest finds.
//!
//! # Formats
//! | format | reader | tests |
//! |---|---|---|
//! | profile, TOML | `Profile::from_toml`, `--profile FILE` | [`text`], [`command`] |
//! | records, CSV | `data::csv` | [`text`], [`command`] |
//! | records, MNIST idx | `data::mnist`, `data::idx` | [`binary`], [`command`] |
//! | model, update, records, shard, safetensors | `formats::tensors` | [`binary`], [`command`] |
//! | proof bundle, JSON; link proof, points, scalars in it | `formats::bundle`, `link`, `commit` | [`text`], [`command`] |
//! | SRS file and its manifest | `Srs::load` | [`binary`], [`command`] |
//! | ceremony, .ptau | `Srs::import` | [`binary`], [`command`] |
//! | key cache, .pk and .vk | `keys::cache` | [`binary`] |
//! | dataset in the home: manifest, records, seed | `Home::load_dataset` | [`home`] |
//! | claim in the home: proof, update, blinding | `Home::load_claim` | [`home`] |
//! | finalization in the home | `contribute::finalize` | `crash::chain` |
//! | backup, age; identity and passphrase files | `backup` | [`home`], [`command`] |
//! | attestation; the attestor's ledger and secret | `attest` | [`text`], [`home`] |
//! | opening of an update | `openings::format` | `openings::tests`, [`binary`] |
//! | acknowledgement | `openings::acknowledgement` | [`text`] |
//! | ids and file names of items | `openings::item` | [`text`], `openings::tests` |
//! | HTTP requests and answers | `openings::http`, `openings::source` | [`http`], their own unit tests |
//! | deployment, JSON | `Deployment::load` | [`home`] |
//! | keystore, private key | `chain::signer` | [`home`], [`command`] |
//! | revert data of a node; call data of others' transactions | `chain::Revert::decode`, the bindings | [`binary`] |
//! | amounts, hexadecimal words, addresses, numbers as arguments | `clap` and `cli::session` | [`text`], [`command`] |
//! | files that are folders, pipes, devices, links; names with odd characters | `fsio` | [`command`] |
//!
//! # What is asked
//! No panic; a refusal has words, and not more than the file has bytes; what is read of a changed file is the value of the
//! good one wherever the format binds its content; memory stays below a limit whatever a file declares ([`command`], which
//! runs the real program under one).

mod binary;
mod command;
mod home;
mod http;
mod mutate;
mod text;

use std::sync::OnceLock;

use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Model, Shard};
use zkpoc_prover::srs::Srs;

/// The smallest profile with a hidden layer.
fn toy() -> Profile {
    Profile::builtin("toy").expect("the profile")
}

/// The ceremony's string for it.
fn srs() -> &'static Srs {
    static SRS: OnceLock<Srs> = OnceLock::new();
    SRS.get_or_init(|| Srs::bundled_ceremony(8).expect("the ceremony"))
}

fn model() -> Model {
    Model::random(&toy(), [7; 32])
}

/// A shard of records that differ.
fn shard(first: u16) -> Shard {
    let features = (0..3).flat_map(|record| [first & 15, record, 1, 2, first >> 4, 5]).collect();
    Shard { features, labels: vec![0, 1, 2] }
}

/// A value as a text that is equal for equal values.
fn shown<T: std::fmt::Debug, E: std::fmt::Display>(read: Result<T, E>) -> Result<String, String> {
    read.map(|value| format!("{value:?}")).map_err(|error| error.to_string())
}
