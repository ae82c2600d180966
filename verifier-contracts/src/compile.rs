//! Compiles Solidity with the pinned compiler: standard-JSON in, ABI and bytecode out.
//!
//! The compiler is solc 0.8.37, either the npm package run by Node.js or the executable that `ZKPOC_SOLC` names.
//! The product's contracts are embedded ([`CONTRACT_SOURCES`]). Some of them, below `contracts/generated/`, hold constants
//! of one profile and SRS; the embedded ones belong to the unit tests, callers replace them by path:
//!
//! ```no_run
//! # use std::collections::BTreeMap;
//! # fn run(layout: String, verifier: String) -> Result<(), zkpoc_contracts::compile::CompileError> {
//! use zkpoc_contracts::compile::compile_contracts;
//! let overrides = BTreeMap::from([("contracts/generated/TrainingLayout.sol".into(), layout)]);
//! let extra = BTreeMap::from([("contracts/generated/TrainingVerifier.sol".into(), verifier)]);
//! let artifacts = compile_contracts(&overrides, &extra)?;
//! let rounds = artifacts.get("ContributionRounds")?;
//! # let _ = rounds; Ok(()) }
//! ```
//!
//! Results are kept in the user's cache folder by the digest of input and compiler, so a second run needs neither.
//! EVM version `prague`, legacy pipeline (never via-IR: a generated verifier must run as written), no metadata trailer, so
//! bytecode depends on the code alone.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{json, Value};
use thiserror::Error;

use self::solc::{cache_file, read_cache, write_cache, Compiler};
use crate::tools::{self, ToolsError};
use crate::ErrorKind;

mod solc;

/// EVM rules that the bytecode is made for.
pub const EVM_VERSION: &str = "prague";
/// Version of the compiler, as the pinned package states it.
pub const SOLC_VERSION: &str = "0.8.37";
/// Optimizer runs for the product's contracts: more give a claim a few hundred gas and take the rounds contract to the size limit.
pub const CONTRACT_RUNS: u32 = 200;
/// Optimizer runs for generated verifiers: their size counts.
pub const VERIFIER_RUNS: u32 = 1;
/// EIP-170: the largest runtime code that can be deployed, in bytes.
pub const MAX_CODE_BYTES: usize = 24_576;

macro_rules! sources {
    ($($path:literal),+ $(,)?) => {
        /// The embedded contracts: path inside the crate, and text.
        pub const CONTRACT_SOURCES: &[(&str, &str)] = &[$(($path, include_str!(concat!("../", $path)))),+];
    };
}

sources!(
    "contracts/BatchCheck.sol",
    "contracts/ContributionRounds.sol",
    "contracts/ContributionToken.sol",
    "contracts/DataRegistry.sol",
    "contracts/EmergencyStop.sol",
    "contracts/FlatRewardPolicy.sol",
    "contracts/VerifierRouter.sol",
    "contracts/generated/CommitmentKey.sol",
    "contracts/generated/DatasetLayout.sol",
    "contracts/generated/LinkBases.sol",
    "contracts/generated/MaskLayout.sol",
    "contracts/generated/RoundLayout.sol",
    "contracts/generated/TrainingLayout.sol",
    "contracts/generated/ZeroModel.sol",
    "contracts/interfaces/IContributionRounds.sol",
    "contracts/interfaces/IContributionToken.sol",
    "contracts/interfaces/IDataRegistry.sol",
    "contracts/interfaces/IEmergencyStop.sol",
    "contracts/interfaces/IMaskCommitments.sol",
    "contracts/interfaces/IRewardPolicy.sol",
    "contracts/interfaces/ISecureAggregation.sol",
    "contracts/interfaces/IVerifier.sol",
    "contracts/interfaces/IVerifierRouter.sol",
    "contracts/interfaces/Ids.sol",
    "contracts/libraries/Bn254.sol",
    "contracts/libraries/Contexts.sol",
    "contracts/libraries/Hkdf.sol",
    "contracts/libraries/KzgOpening.sol",
    "contracts/libraries/LinkVerifier.sol",
    "contracts/libraries/MaskStream.sol",
    "contracts/libraries/ModExp.sol",
    "contracts/libraries/Precompiles.sol",
    "contracts/libraries/ProofPoints.sol",
    "contracts/libraries/ShardTree.sol",
    "contracts/libraries/X25519.sol",
    "contracts/masked/Faults.sol",
    "contracts/masked/MaskCommitments.sol",
    "contracts/masked/Rosters.sol",
    "contracts/masked/SecureAggregation.sol",
    "contracts/masked/Shares.sol",
    "contracts/rounds/ClaimBatch.sol",
    "contracts/rounds/RoundClaims.sol",
    "contracts/rounds/RoundEnd.sol",
    "contracts/rounds/RoundStore.sol",
    "contracts/vana/FileProofs.sol",
    "contracts/vana/KeylessAttestor.sol",
    "contracts/vana/VanaProofPool.sol",
    "contracts/vana/interfaces/IFileProofs.sol",
    "contracts/vana/interfaces/IVanaDataRegistry.sol",
    "contracts/vana/interfaces/IVanaPool.sol",
    "contracts/vana/local/LocalVanaPool.sol",
    "contracts/vana/local/LocalVanaRegistry.sol",
);

/// Why a compilation gave no result.
#[derive(Debug, Error)]
pub enum CompileError {
    /// The compiler or OpenZeppelin's sources cannot be had.
    #[error(transparent)]
    Tools(#[from] ToolsError),
    /// A file could not be read or written, or the compiler not started.
    #[error("cannot {action} {path}: {source}")]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The compiler process failed or did not answer in JSON.
    #[error("the Solidity compiler failed ({status}): {stderr}")]
    Crashed {
        /// Exit status, or what is wrong with the answer.
        status: String,
        /// Its error output.
        stderr: String,
    },
    /// The sources have errors.
    #[error("Solidity errors:\n{0}")]
    Source(String),
    /// An import names a file that is neither embedded, given, nor OpenZeppelin's.
    #[error("{importer} imports {import}, which is neither embedded nor given")]
    Import {
        /// The importing file.
        importer: String,
        /// The resolved path that was looked for.
        import: String,
    },
    /// An override names a path that is not embedded.
    #[error("no embedded source has the path {path} (the overridable ones are contracts/generated/*.sol)")]
    Override {
        /// The path given.
        path: String,
    },
    /// The result holds no such contract.
    #[error("no contract named {name} in the compiler's output (it has: {known})")]
    NoContract {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The compiler's output for a contract is not as documented.
    #[error("contract {name}: {what}")]
    Output {
        /// The contract.
        name: String,
        /// What is wrong.
        what: String,
    },
}

impl CompileError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Tools(error) => error.kind(),
            Self::Io { .. } | Self::Crashed { .. } | Self::Output { .. } => ErrorKind::Environment,
            Self::Source(_) | Self::Import { .. } | Self::Override { .. } | Self::NoContract { .. } => ErrorKind::Input,
        }
    }
}

/// One compiled contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Path of its source.
    pub source: String,
    /// Its ABI, as the compiler prints it.
    pub abi: Value,
    /// Creation code; constructor arguments are appended to it.
    #[serde(with = "hex_bytes")]
    pub bytecode: Vec<u8>,
    /// Runtime code, immutables still zero.
    #[serde(with = "hex_bytes")]
    pub deployed: Vec<u8>,
}

/// Compiled contracts by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifacts {
    /// The contracts; libraries and interfaces without code are left out.
    pub contracts: BTreeMap<String, Artifact>,
    /// The standard-JSON inputs that give exactly these, one for each compiler run.
    pub inputs: Vec<Value>,
}

impl Artifacts {
    /// The contract `name`.
    pub fn get(&self, name: &str) -> Result<&Artifact, CompileError> {
        self.contracts.get(name).ok_or_else(|| CompileError::NoContract {
            name: name.to_owned(),
            known: self.contracts.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }
}

/// Compiles the product's contracts, with embedded sources replaced by `overrides`, and the generated verifiers in `extra`
/// (path -> text; same folder rules, their imports may name embedded sources).
pub fn compile_contracts(
    overrides: &BTreeMap<String, String>,
    extra: &BTreeMap<String, String>,
) -> Result<Artifacts, CompileError> {
    for path in overrides.keys() {
        if !CONTRACT_SOURCES.iter().any(|(known, _)| known == path) {
            return Err(CompileError::Override { path: path.clone() });
        }
    }
    let mut sources: BTreeMap<String, String> =
        CONTRACT_SOURCES.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    sources.extend(overrides.iter().map(|(path, text)| (path.clone(), text.clone())));
    let mut artifacts = compile_sources(&sources, &sources, CONTRACT_RUNS)?;
    if !extra.is_empty() {
        let more = compile_sources(extra, &sources, VERIFIER_RUNS)?;
        artifacts.contracts.extend(more.contracts);
        artifacts.inputs.extend(more.inputs);
    }
    Ok(artifacts)
}

/// Compiles `roots` (path -> text). Imports are looked for among `roots`, then `library`, then OpenZeppelin's package.
pub fn compile_sources(
    roots: &BTreeMap<String, String>,
    library: &BTreeMap<String, String>,
    runs: u32,
) -> Result<Artifacts, CompileError> {
    let input = standard_json_input(&with_imports(roots, library)?, runs);
    let output = compile_standard_json(&input)?;
    let mut contracts = BTreeMap::new();
    for path in roots.keys() {
        let Some(found) = output["contracts"][path.as_str()].as_object() else {
            continue;
        };
        for (name, contract) in found {
            let code = |which: &str| decode_code(name, &contract["evm"][which]["object"]);
            let bytecode = code("bytecode")?;
            if bytecode.is_empty() {
                continue; // an interface or an abstract contract
            }
            let artifact = Artifact {
                source: path.clone(),
                abi: contract["abi"].clone(),
                bytecode,
                deployed: code("deployedBytecode")?,
            };
            contracts.insert(name.clone(), artifact);
        }
    }
    Ok(Artifacts { contracts, inputs: vec![input] })
}

/// The standard-JSON input for `sources` (path -> text, complete: no import is looked up any more).
pub fn standard_json_input(sources: &BTreeMap<String, String>, runs: u32) -> Value {
    let sources: BTreeMap<&str, Value> =
        sources.iter().map(|(path, text)| (path.as_str(), json!({ "content": text }))).collect();
    json!({
        "language": "Solidity",
        "sources": sources,
        "settings": {
            "evmVersion": EVM_VERSION,
            "viaIR": false,
            "optimizer": { "enabled": true, "runs": runs },
            "metadata": { "bytecodeHash": "none", "appendCBOR": false },
            "outputSelection": { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } }
        }
    })
}

/// Runs the compiler on a standard-JSON input. Errors in the sources are an `Err`; warnings stay in the output.
pub fn compile_standard_json(input: &Value) -> Result<Value, CompileError> {
    let compiler = Compiler::find()?;
    let text = input.to_string();
    let cached = cache_file(&compiler, &text);
    if let Some(output) = cached.as_deref().and_then(read_cache) {
        return Ok(output);
    }
    let output = compiler.run(&text)?;
    let errors: Vec<&str> = output["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|error| error["severity"] == "error")
        .map(|error| error["formattedMessage"].as_str().or(error["message"].as_str()).unwrap_or("(no text)"))
        .collect();
    if !errors.is_empty() {
        return Err(CompileError::Source(errors.join("\n")));
    }
    if let Some(path) = cached {
        // A cache that cannot be written costs time, nothing else.
        if let Err(error) = write_cache(&path, &output) {
            tracing::debug!(path = %path.display(), %error, "the compiler's output was not cached");
        }
    }
    Ok(output)
}

/// Adds to `roots` every file they import, directly or not.
fn with_imports(
    roots: &BTreeMap<String, String>,
    library: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, CompileError> {
    let mut sources = roots.clone();
    let mut queue: VecDeque<String> = roots.keys().cloned().collect();
    let mut openzeppelin = None;
    while let Some(importer) = queue.pop_front() {
        for import in imports(&sources[&importer]) {
            let path = resolve(&importer, &import);
            if sources.contains_key(&path) {
                continue;
            }
            let text = if let Some(text) = library.get(&path) {
                text.clone()
            } else if let Some(rest) = path.strip_prefix("@openzeppelin/contracts/") {
                let root = match &openzeppelin {
                    Some(root) => root,
                    None => openzeppelin.insert(tools::openzeppelin()?),
                };
                let file = root.join(rest);
                fs::read_to_string(&file).map_err(|source| CompileError::Io { action: "read", path: file, source })?
            } else {
                return Err(CompileError::Import { importer, import: path });
            };
            sources.insert(path.clone(), text);
            queue.push_back(path);
        }
    }
    Ok(sources)
}

/// The quoted paths of a source's import statements (each starts its own line, as in every formatted source).
fn imports(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(line_end) = rest.find('\n').map(|at| at + 1).or((!rest.is_empty()).then_some(rest.len())) {
        let statement = rest.trim_start_matches([' ', '\t']);
        if statement.starts_with("import ") || statement.starts_with("import{") {
            let statement = statement.split(';').next().unwrap_or_default();
            if let Some(path) = statement.rsplit(['"', '\'']).nth(1) {
                found.push(path.to_owned());
            }
        }
        rest = &rest[line_end..];
    }
    found
}

/// Resolves an import relative to its importer; a path without a leading dot stands as it is.
fn resolve(importer: &str, import: &str) -> String {
    if !import.starts_with('.') {
        return import.to_owned();
    }
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in import.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn decode_code(name: &str, code: &Value) -> Result<Vec<u8>, CompileError> {
    let text = code
        .as_str()
        .ok_or_else(|| CompileError::Output { name: name.to_owned(), what: "has no bytecode field".into() })?;
    hex::decode(text)
        .map_err(|error| CompileError::Output { name: name.to_owned(), what: format!("bytecode is not hex, {error}") })
}

/// Bytes as a hex string in JSON.
mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("0x{}", hex::encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        hex::decode(text.strip_prefix("0x").unwrap_or(&text)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_every_form_of_import() {
        let source = "pragma solidity 0.8.37;\nimport {A} from \"./A.sol\";\n  import './B.sol';\n// import \"no.sol\";\nimport {\n  C,\n  D\n} from \"@x/C.sol\";\ncontract E {}";
        assert_eq!(imports(source), ["./A.sol", "./B.sol", "@x/C.sol"]);
    }

    #[test]
    fn accepts_relative_paths_only_with_a_dot() {
        assert_eq!(resolve("contracts/generated/V.sol", "../interfaces/I.sol"), "contracts/interfaces/I.sol");
        assert_eq!(resolve("contracts/V.sol", "./W.sol"), "contracts/W.sol");
        assert_eq!(resolve("contracts/V.sol", "@openzeppelin/contracts/X.sol"), "@openzeppelin/contracts/X.sol");
    }

    #[test]
    fn rejects_an_override_that_replaces_nothing() {
        let overrides = BTreeMap::from([("contracts/generated/Typo.sol".to_owned(), String::new())]);
        let error = compile_contracts(&overrides, &BTreeMap::new()).expect_err("an unknown path");
        assert!(matches!(error, CompileError::Override { path } if path.ends_with("Typo.sol")));
    }

    #[test]
    fn rejects_an_import_of_nowhere() {
        let roots = BTreeMap::from([("contracts/A.sol".to_owned(), "import \"./B.sol\";".to_owned())]);
        let error = with_imports(&roots, &BTreeMap::new()).expect_err("a missing import");
        assert!(matches!(error, CompileError::Import { import, .. } if import == "contracts/B.sol"));
    }
}
