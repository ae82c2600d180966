//! A profile's contracts: verifying keys to Solidity, Solidity to bytecode.
//!
//! Per profile and SRS: the three verifiers with their keys, the layout libraries that tell the pool's contracts where the
//! committed points lie, the bases of link proofs, size and `[tau]_2` of the commitment key, and the id of the model of all
//! zeros. The pool's own contracts are compiled against these, so the contracts of one profile refuse the proofs of another by
//! their length and offsets already.
//!
//! # Files
//! | path | content |
//! |---|---|
//! | `contracts/generated/TrainingVerifier.sol`, `DatasetVerifier.sol`, `RoundVerifier.sol` | the verifiers |
//! | `contracts/generated/TrainingLayout.sol`, `DatasetLayout.sol`, `RoundLayout.sol`, `LinkBases.sol`, `CommitmentKey.sol`, `ZeroModel.sol`, `MaskLayout.sol` | constants |
//! | `abi/*.json`, `bytecode/*.hex` | of every contract; `*Key.hex` are the keys' creation codes |
//! | `standard-json-*.json` | the compiler's inputs, for explorers that recompile |
//!
//! # Errors
//! [`ContractsError`].

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use alloy::primitives::{keccak256, U256};
use halo2_proofs::halo2curves::bn256::{Bn256, Fr, G1Affine};
use halo2_proofs::plonk::VerifyingKey;
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::poly::kzg::commitment::ParamsKZG;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::instance::{DATASET_INPUTS, ROUND_INPUTS, TRAINING_INPUTS};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::Model;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_contracts::bindings::Circuit;
use zkpoc_contracts::compile::{compile_contracts, Artifacts, CompileError};
use zkpoc_contracts::generator::{generate, GeneratedVerifier, GeneratorError, Places, PlacesError, SrsPoints};
use zkpoc_engine::proof_format::advice_offset;

use crate::chain::deploy::Verifier;
use crate::chain::words::point_to_words;
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_prover::commit::{commit_column, CommitError};
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::{FsError, Overwrite};
use zkpoc_prover::keys::{KeyCache, KeyError, VerifierKey};
use zkpoc_prover::link::link_bases;
use zkpoc_prover::srs::{g2_to_bytes, Srs};

mod mask_layout;

/// Contracts that cannot be generated, compiled or written.
#[derive(Debug, thiserror::Error)]
pub enum ContractsError {
    /// The generator refused the key.
    #[error("{circuit} circuit: {source}")]
    Generator {
        /// Which circuit.
        circuit: &'static str,
        /// Why.
        source: GeneratorError,
    },
    /// The verifying key has fewer columns than the statement's layout.
    #[error("{circuit} circuit: the key has no advice column {column}; is it the key of this profile?")]
    Column {
        /// Which circuit.
        circuit: &'static str,
        /// The missing column.
        column: usize,
    },
    /// The pool's contracts cannot work with the profile's layout.
    #[error(transparent)]
    Places(#[from] PlacesError),
    /// The bases of link proofs cannot be computed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The profile has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The compiler refused or is missing.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// A file could not be written.
    #[error(transparent)]
    File(#[from] FsError),
}

impl ContractsError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            Self::Compile(_) => ErrorKind::Environment,
            _ => ErrorKind::Input,
        }
    }
}

/// The generated sources of a profile and SRS.
#[derive(Clone, Debug)]
pub struct Generated {
    /// Verifier of the training circuit.
    pub training: GeneratedVerifier,
    /// Verifier of the dataset circuit.
    pub dataset: GeneratedVerifier,
    /// Verifier of the round circuit.
    pub round: GeneratedVerifier,
    /// Library of the link bases.
    pub link_bases_sol: String,
    /// Library of the commitment key's size and point of G2.
    pub commitment_key_sol: String,
    /// Library of the id of the model of all zeros.
    pub zero_model_sol: String,
    /// Library of the cells that masks cover.
    pub mask_layout_sol: String,
}

/// The verifying keys of a profile's circuits.
#[derive(Clone, Debug)]
pub struct ProfileKeys {
    /// Of the training circuit.
    pub training: VerifierKey,
    /// Of the dataset circuit.
    pub dataset: VerifierKey,
    /// Of the round circuit.
    pub round: VerifierKey,
}

impl ProfileKeys {
    /// The kept keys, made where they are missing.
    pub fn load(cache: &KeyCache, profile: &Profile, srs: &Srs) -> Result<Self, KeyError> {
        Ok(Self {
            training: cache.verifier::<TrainingCircuit>(profile, srs)?.0,
            dataset: cache.verifier::<DatasetCircuit>(profile, srs)?.0,
            round: cache.verifier::<RoundCircuit>(profile, srs)?.0,
        })
    }
}

/// Generates the sources.
pub fn generate_sources(profile: &Profile, srs: &Srs, keys: &ProfileKeys) -> Result<Generated, ContractsError> {
    let (params, points_of_srs) = (srs.params(), SrsPoints::from(srs.params()));
    // Committed columns come first.
    let points = profile.model_points();
    let columns = points as u64;
    let at = |vk: &VerifyingKey<G1Affine>, circuit, column| {
        advice_offset(vk, column).map(|offset| offset as u64).ok_or(ContractsError::Column { circuit, column })
    };
    let ProfileKeys { training: t, dataset: d, round: r } = keys;
    let make = |vk: &VerifyingKey<G1Affine>, inputs, circuit, name, layout: &[(&str, u64)]| {
        generate(vk, &points_of_srs, inputs, name, layout)
            .map_err(|source| ContractsError::Generator { circuit, source })
    };
    let training = |column| at(t.vk(), "training", column);
    let training = [
        ("MODEL_OFFSET", training(0)?),
        ("MODEL_POINTS", columns),
        ("DATA_OFFSET", training(points)?),
        ("UPDATE_OFFSET", training(points + 1)?),
        ("UPDATE_POINTS", columns),
    ];
    let dataset = [("DATA_OFFSET", at(d.vk(), "dataset", 0)?)];
    let round = |column| at(r.vk(), "round", column);
    let places = Places {
        model: (round(0)?, columns),
        sum: (round(points)?, columns),
        next: (round(2 * points)?, columns),
        update_points: columns,
        max_claims: profile.max_claims,
    };
    places.check()?;
    let round = [
        ("MODEL_OFFSET", places.model.0),
        ("MODEL_POINTS", places.model.1),
        ("SUM_OFFSET", places.sum.0),
        ("SUM_POINTS", places.sum.1),
        ("NEXT_OFFSET", places.next.0),
        ("NEXT_POINTS", places.next.1),
        ("MAX_CLAIMS", places.max_claims),
    ];
    Ok(Generated {
        training: make(t.vk(), TRAINING_INPUTS, "training", "Training", &training)?,
        dataset: make(d.vk(), DATASET_INPUTS, "dataset", "Dataset", &dataset)?,
        round: make(r.vk(), ROUND_INPUTS, "round", "Round", &round)?,
        link_bases_sol: link_bases_sol(srs)?,
        commitment_key_sol: commitment_key_sol(params),
        zero_model_sol: zero_model_sol(profile, params)?,
        mask_layout_sol: mask_layout::mask_layout_sol(profile)?,
    })
}

/// The library of the id of the model of all zeros.
fn zero_model_sol(profile: &Profile, params: &ParamsKZG<Bn256>) -> Result<String, ContractsError> {
    let mut points = Vec::new();
    for column in Grid::new(profile)?.model_columns(&Model::zero(profile)) {
        // Ones in the tail, zeros elsewhere.
        let column: Vec<Fr> = column.into_iter().map(|cell| Fr::from(cell.unsigned_abs())).collect();
        points.extend(point_to_bytes(&commit_column(params, &column)?));
    }
    Ok(format!(
        "{}/// @title Commitment id of the model whose weights are all zero: where a first model starts from\n\
         library ZeroModel {{\n    bytes32 internal constant ID = {};\n}}\n",
        header(&srs_source(params.k())),
        keccak256(points),
    ))
}

/// The program that generated libraries name in their first line. It is part of their source, and with it of the hash in their bytecode: it
/// stays as it is when code moves between crates.
const GENERATOR: &str = "zkpoc-prover";

/// The first lines of every generated library.
fn header(source: &str) -> String {
    format!(
        "// SPDX-License-Identifier: MIT OR Apache-2.0\n\
         // generated by {} {} from {source}; do not edit\n\
         pragma solidity ^0.8.28;\n\n",
        GENERATOR,
        env!("CARGO_PKG_VERSION"),
    )
}

fn srs_source(k: u32) -> String {
    format!("a structured reference string of 2^{k} rows")
}

/// The library of the commitment key's size and point of G2.
fn commitment_key_sol(params: &ParamsKZG<Bn256>) -> String {
    let mut text = format!(
        "{}/// @title The commitment key's size and its point of G2, x = X0 + X1 u and y = Y0 + Y1 u\n\
         library CommitmentKey {{\n    uint256 internal constant LOG_ROWS = {k};\n",
        header(&srs_source(params.k())),
        k = params.k(),
    );
    // The encoding of EIP-197 has the part of u first.
    for (name, word) in ["X1", "X0", "Y1", "Y0"].iter().zip(g2_to_bytes(&params.s_g2()).chunks_exact(32)) {
        let word = U256::from_be_slice(word);
        // invariant: writing to a string does not fail.
        let _ = writeln!(text, "    uint256 internal constant TAU_{name} = {word};");
    }
    text.push_str("}\n");
    text
}

/// The library of link bases.
fn link_bases_sol(srs: &Srs) -> Result<String, ContractsError> {
    let mut text = format!(
        "{}/// @title Bases of link proofs: commitments to the unit vectors of the last four rows\n\
         library LinkBases {{\n",
        header(&srs_source(srs.k())),
    );
    for (index, base) in link_bases(srs)?.iter().enumerate() {
        let [x, y] = point_to_words(base);
        // invariant: writing to a string does not fail.
        let _ = writeln!(text, "    uint256 internal constant B{index}_X = {x};");
        let _ = writeln!(text, "    uint256 internal constant B{index}_Y = {y};");
    }
    text.push_str("}\n");
    Ok(text)
}

impl Generated {
    /// Sources that take the place of embedded ones.
    pub fn overrides(&self) -> BTreeMap<String, String> {
        [
            ("TrainingLayout", &self.training.layout_sol),
            ("DatasetLayout", &self.dataset.layout_sol),
            ("RoundLayout", &self.round.layout_sol),
            ("LinkBases", &self.link_bases_sol),
            ("CommitmentKey", &self.commitment_key_sol),
            ("ZeroModel", &self.zero_model_sol),
            ("MaskLayout", &self.mask_layout_sol),
        ]
        .map(|(name, text)| (format!("contracts/generated/{name}.sol"), text.clone()))
        .into()
    }

    /// Sources beside the embedded ones.
    pub fn extra(&self) -> BTreeMap<String, String> {
        [("Training", &self.training), ("Dataset", &self.dataset), ("Round", &self.round)]
            .map(|(name, generated)| (format!("{name}Verifier"), &generated.verifier_sol))
            .map(|(name, text)| (format!("contracts/generated/{name}.sol"), text.clone()))
            .into()
    }

    /// Compiles the pool's contracts and the verifiers.
    pub fn compile(&self) -> Result<Artifacts, ContractsError> {
        Ok(compile_contracts(&self.overrides(), &self.extra())?)
    }

    /// The verifiers in the order of their deployment.
    pub fn verifiers(&self) -> Vec<Verifier<'_>> {
        vec![
            Verifier { circuit: Circuit::Dataset, name: "Dataset", generated: &self.dataset },
            Verifier { circuit: Circuit::Training, name: "Training", generated: &self.training },
            Verifier { circuit: Circuit::Round, name: "Round", generated: &self.round },
        ]
    }

    /// Writes sources, ABIs, bytecode and compiler inputs below `folder`; gives the paths, relative to it.
    pub fn write(&self, artifacts: &Artifacts, folder: &Path) -> Result<Vec<String>, ContractsError> {
        let mut files: BTreeMap<String, String> = self.overrides();
        files.extend(self.extra());
        for (name, artifact) in &artifacts.contracts {
            files.insert(format!("abi/{name}.json"), pretty(&artifact.abi));
            files.insert(format!("bytecode/{name}.hex"), hex_line(&artifact.bytecode));
        }
        for verifier in self.verifiers() {
            let code = hex_line(&verifier.generated.key_creation_code);
            files.insert(format!("bytecode/{}.hex", verifier.key()), code);
        }
        for (input, name) in artifacts.inputs.iter().zip(["pool", "verifiers"]) {
            files.insert(format!("standard-json-{name}.json"), pretty(input));
        }
        for (path, text) in &files {
            let file = folder.join(path);
            if let Some(parent) = file.parent() {
                std::fs::create_dir_all(parent).map_err(|source| FsError::Io {
                    action: "create the folder",
                    path: parent.to_path_buf(),
                    source,
                })?;
            }
            fsio::write(&file, text.as_bytes(), Overwrite::Replace)?;
        }
        Ok(files.into_keys().collect())
    }
}

fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

fn hex_line(bytes: &[u8]) -> String {
    format!("0x{}\n", hex::encode(bytes))
}
