//! Writes one step's tensors for a check by another program (`docs/numpy.md`).
//!
//! `cargo run --release -p zkpoc-circuits --example export_step -- PROFILE FOLDER` writes
//! `model.safetensors`, `shard.safetensors` and `update.safetensors`: the public start model of
//! the seed of all zeros, a shard of made-up records, and the update of the step on them.
//!
//! # Shapes
//! All tensors are int64. Layers count from 1: `layers.1.weight` is `[n_0, n_1]`.

use std::error::Error;
use std::fs;
use std::path::Path;

use sha3::{Digest, Keccak256};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{step, Model, Shard, StepTrace};

/// A tensor: name, shape, values.
pub(crate) type Tensor = (String, Vec<usize>, Vec<i64>);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        return Err("expected PROFILE FOLDER".into());
    };
    let profile = Profile::builtin(name).ok_or_else(|| format!("no profile {name:?}"))?;
    let trace = export(&profile, &Model::random(&profile, [0; 32]), &made_up(&profile), Path::new(folder))?;
    println!("loss {} norm {}", trace.loss, trace.norm);
    Ok(())
}

/// A shard whose features and labels are bytes of a hash chain.
pub(crate) fn made_up(profile: &Profile) -> Shard {
    let count = profile.batch * (profile.features() + 1) * 2;
    let block = |c: u64| Keccak256::digest(c.to_be_bytes());
    let bytes: Vec<u8> = (0..count.div_ceil(32) as u64).flat_map(block).collect();
    let mut values = bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let mut take = |n: usize, below: usize| {
        let value = |v: u16| (usize::from(v) % below) as u16;
        values.by_ref().take(n).map(value).collect()
    };
    Shard {
        features: take(profile.batch * profile.features(), 1 << profile.feature_bits),
        labels: take(profile.batch, profile.classes()),
    }
}

/// Runs a step and writes its three files into a folder.
pub(crate) fn export(
    profile: &Profile,
    model: &Model,
    shard: &Shard,
    folder: &Path,
) -> Result<StepTrace, Box<dyn Error>> {
    let trace = step(profile, model, shard)?;
    let wide = |v: &[u16]| v.iter().map(|x| i64::from(*x)).collect();
    let features = ("features".to_owned(), vec![profile.batch, profile.features()], wide(&shard.features));
    let labels = ("labels".to_owned(), vec![profile.batch], wide(&shard.labels));
    let (mut weights, mut deltas) = (Vec::new(), Vec::new());
    for (i, (layer, delta)) in model.layers.iter().zip(&trace.update.layers).enumerate() {
        let (weight, bias) = (format!("layers.{}.weight", i + 1), format!("layers.{}.bias", i + 1));
        let shape = vec![layer.inputs, layer.outputs];
        let wide = |v: &[i32]| v.iter().map(|w| i64::from(*w)).collect();
        weights.push((weight.clone(), shape.clone(), wide(&layer.weights)));
        weights.push((bias.clone(), vec![layer.outputs], wide(&layer.bias)));
        deltas.push((weight, shape, delta.weights.clone()));
        deltas.push((bias, vec![layer.outputs], delta.bias.clone()));
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join("model.safetensors"), safetensors(&weights))?;
    fs::write(folder.join("shard.safetensors"), safetensors(&[features, labels]))?;
    fs::write(folder.join("update.safetensors"), safetensors(&deltas))?;
    Ok(trace)
}

/// The safetensors format: header length (u64), JSON header, values; all little-endian.
pub(crate) fn safetensors(tensors: &[Tensor]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, shape, values) in tensors {
        let start = data.len();
        data.extend(values.iter().flat_map(|v| v.to_le_bytes()));
        let entry = serde_json::json!({"dtype": "I64", "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(name.clone(), entry);
    }
    let mut header = serde_json::Value::Object(header).to_string();
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}
