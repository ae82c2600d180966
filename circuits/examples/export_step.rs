//! Writes the tensors of a run, or of the one step of a profile, for a check by another program (`docs/numpy.md`).
//!
//! `cargo run --release -p zkpoc-circuits --example export_step -- PROFILE FOLDER` writes
//! `model.safetensors`, `shard.safetensors` and `update.safetensors`: the public start model of
//! the seed of all zeros, a shard of made-up records, and the update that the run on them claims. PROFILE is a name, or a
//! profile's TOML file.
//!
//! # Shapes
//! All tensors are int64. Layers count from 1: `layers.1.weight` is `[n_0, n_1]`. Each label of an absent record is -1.

use std::error::Error;
use std::fs;
use std::path::Path;

use sha3::{Digest, Keccak256};
use zkpoc_circuits::profile::{FeatureKind, LabelKind, Profile};
use zkpoc_circuits::reference::{run, Model, RunTrace, Shard};

/// A tensor: name, shape, values.
pub(crate) type Tensor = (String, Vec<usize>, Vec<i64>);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, folder] = arguments.as_slice() else {
        return Err("expected PROFILE FOLDER".into());
    };
    let profile = match Profile::builtin(name) {
        Some(profile) => profile,
        None => Profile::from_toml(&fs::read_to_string(name).map_err(|error| format!("profile {name}: {error}"))?)?,
    };
    let trace = export(&profile, &Model::random(&profile, [0; 32]), &made_up(&profile), Path::new(folder))?;
    println!("loss {} norm {}", trace.loss, trace.norm);
    Ok(())
}

/// A shard whose features and labels are bytes of a hash chain; one that may lack records lacks the last third.
pub(crate) fn made_up(profile: &Profile) -> Shard {
    let (records, width) = (profile.shard_records(), profile.label_width());
    let count = records * (profile.features() + width) * 2;
    let block = |c: u64| Keccak256::digest(c.to_be_bytes());
    let bytes: Vec<u8> = (0..count.div_ceil(32) as u64).flat_map(block).collect();
    let mut values = bytes.chunks_exact(2).map(|b| u16::from_be_bytes([b[0], b[1]]));
    let mut take = |n: usize, below: usize| {
        let value = |v: u16| (usize::from(v) % below) as u16;
        values.by_ref().take(n).map(value).collect()
    };
    let below = if profile.label_kind == LabelKind::Multi { 2 } else { profile.classes() };
    let mut shard = Shard {
        features: take(records * profile.features(), 1 << profile.feature_bits),
        labels: take(records * width, below),
    };
    if profile.feature_kind == FeatureKind::Signed {
        let half = 1 << (profile.feature_bits - 1);
        shard.features.iter_mut().for_each(|x| *x = x.wrapping_sub(half));
    }
    if profile.takes_partial_shards() {
        let present = records - records / 3;
        let (features, labels) = (&shard.features[..present * profile.features()], &shard.labels[..present * width]);
        shard = Shard::filled_up(profile, features, labels);
    }
    shard
}

/// Runs and writes the three files into a folder.
pub(crate) fn export(
    profile: &Profile,
    model: &Model,
    shard: &Shard,
    folder: &Path,
) -> Result<RunTrace, Box<dyn Error>> {
    let trace = run(profile, model, shard)?;
    let records = profile.shard_records();
    let values = shard.features.iter().map(|x| profile.feature_value(*x)).collect();
    let features = ("features".to_owned(), vec![records, profile.features()], values);
    let label = |y: &u16| match *y == Shard::ABSENT && profile.takes_partial_shards() {
        true => -1,
        false => i64::from(*y),
    };
    let shape = match profile.label_kind {
        LabelKind::Class => vec![records],
        LabelKind::Multi | LabelKind::Real => vec![records, profile.label_width()],
    };
    let labels = ("labels".to_owned(), shape, shard.labels.iter().map(label).collect());
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
