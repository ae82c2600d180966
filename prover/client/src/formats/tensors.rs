//! Models, updates and records as safetensors files of 64-bit signed integers.
//!
//! # Layout
//! | content | tensors, all `I64` |
//! |---|---|
//! | model, update | `layers.{l}.weight` `[inputs, outputs]`, `layers.{l}.bias` `[outputs]`, `l` from 0 |
//! | records | `features` `[count, width]`, `labels` `[count]` |
//!
//! The header's metadata has one entry, `zkpoc`: the kind, a space, and the profile id. It may be
//! missing, so that files of other programs can be read; if it is there it must fit.
//!
//! # Checks
//! Exactly these tensors, in these shapes, and values in the ranges of the profile; no doubled key
//! in the header.
//!
//! # Source
//! The format of <https://huggingface.co/docs/safetensors>.

use std::borrow::Cow;
use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, View};
use zeroize::Zeroizing;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Layer, LayerUpdate, Model, Shard, Update};

use super::{hexadecimal, json, FormatError};
use crate::data::Records;

/// Largest file of this kind that is read.
pub const LIMIT: u64 = 1 << 30;
/// Largest header that is read.
const HEADER_LIMIT: usize = 1 << 20;
const METADATA_KEY: &str = "zkpoc";

struct Tensor {
    name: String,
    shape: Vec<usize>,
    bytes: Zeroizing<Vec<u8>>,
}

impl Tensor {
    fn new(name: String, shape: Vec<usize>, values: impl ExactSizeIterator<Item = i64>) -> Self {
        let mut bytes = Zeroizing::new(Vec::with_capacity(values.len() * 8));
        values.for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        Self { name, shape, bytes }
    }
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        Dtype::I64
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.bytes.as_slice().into()
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn marker(kind: &str, profile: &Profile) -> String {
    format!("{kind} {}", hexadecimal::encode(&profile.id()))
}

fn encode(kind: &str, profile: &Profile, tensors: &[Tensor]) -> Zeroizing<Vec<u8>> {
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), marker(kind, profile))]);
    let views = tensors.iter().map(|tensor| (tensor.name.as_str(), tensor));
    // invariant: shapes and lengths of the tensors above agree, which is all that can fail.
    Zeroizing::new(safetensors::serialize(views, Some(metadata)).expect("consistent tensors"))
}

/// Reads the tensors named, in that order; `None` in a shape stands for any size.
fn decode(
    kind: &'static str,
    profile: &Profile,
    bytes: &[u8],
    expected: &[(String, Vec<Option<usize>>)],
) -> Result<Vec<Zeroizing<Vec<i64>>>, FormatError> {
    // The container's own reader keeps the last of two equal keys; look at the header first.
    let header = bytes
        .get(..8)
        .and_then(|length| usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok())
        .and_then(|length| bytes.get(8..8usize.checked_add(length)?))
        .ok_or_else(|| FormatError::Container("the header is cut off".into()))?;
    json::check("safetensors header", header, HEADER_LIMIT)?;
    let container = |error: safetensors::SafeTensorError| FormatError::Container(error.to_string());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(container)?;
    let file = SafeTensors::deserialize(bytes).map_err(container)?;
    if let Some(found) = metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY)) {
        let wanted = marker(kind, profile);
        if *found != wanted {
            return Err(FormatError::field(format!("__metadata__.{METADATA_KEY}"), wanted, found));
        }
    }
    for name in file.names() {
        if !expected.iter().any(|(wanted, _)| wanted == name) {
            let wanted = format!("only the tensors of a {kind} of profile {}", profile.name);
            return Err(FormatError::field(name, wanted, "another tensor"));
        }
    }
    expected
        .iter()
        .map(|(name, shape)| {
            let tensor = file.tensor(name).map_err(|_| FormatError::field(name, "a tensor", "none of this name"))?;
            if tensor.dtype() != Dtype::I64 {
                return Err(FormatError::field(name, "type I64", format!("{:?}", tensor.dtype())));
            }
            let fits = tensor.shape().len() == shape.len()
                && tensor.shape().iter().zip(shape).all(|(a, b)| b.is_none_or(|b| *a == b));
            if !fits {
                let sizes: Vec<String> =
                    shape.iter().map(|size| size.map_or("any".into(), |size| size.to_string())).collect();
                let wanted = format!("shape [{}]", sizes.join(", "));
                return Err(FormatError::field(name, wanted, format!("{:?}", tensor.shape())));
            }
            let mut values = Zeroizing::new(Vec::with_capacity(tensor.data().len() / 8));
            for chunk in tensor.data().chunks_exact(8) {
                // invariant: chunks of 8 bytes.
                values.push(i64::from_le_bytes(chunk.try_into().expect("8 bytes")));
            }
            Ok(values)
        })
        .collect()
}

fn layer_tensors(index: usize, shape: [usize; 2], weights: &[i64], bias: &[i64]) -> [Tensor; 2] {
    let weight = Tensor::new(weight_name(index), shape.to_vec(), weights.iter().copied());
    [weight, Tensor::new(bias_name(index), vec![shape[1]], bias.iter().copied())]
}

fn weight_name(layer: usize) -> String {
    format!("layers.{layer}.weight")
}

fn bias_name(layer: usize) -> String {
    format!("layers.{layer}.bias")
}

fn layer_shapes(profile: &Profile) -> Vec<(String, Vec<Option<usize>>)> {
    let layers = profile.layers.windows(2).enumerate();
    let shapes = layers.flat_map(|(index, n)| {
        [(weight_name(index), vec![Some(n[0]), Some(n[1])]), (bias_name(index), vec![Some(n[1])])]
    });
    shapes.collect()
}

/// Writes a model, which must have the profile's shapes.
pub fn write_model(profile: &Profile, model: &Model) -> Result<Vec<u8>, FormatError> {
    model.check(profile)?;
    let widen = |values: &[i32]| values.iter().map(|value| i64::from(*value)).collect::<Vec<_>>();
    let layers = model.layers.iter().enumerate();
    let tensors: Vec<Tensor> = layers
        .flat_map(|(index, layer)| {
            let shape = [layer.inputs, layer.outputs];
            layer_tensors(index, shape, &widen(&layer.weights), &widen(&layer.bias))
        })
        .collect();
    Ok(encode("model", profile, &tensors).to_vec())
}

/// Reads a model.
pub fn read_model(profile: &Profile, bytes: &[u8]) -> Result<Model, FormatError> {
    let names = layer_shapes(profile);
    let values = decode("model", profile, bytes, &names)?;
    let narrow = |index: usize| -> Result<Vec<i32>, FormatError> {
        let wrong = |at: usize| {
            let found = values[index][at];
            FormatError::field(format!("{}, element {at}", names[index].0), "a weight", found)
        };
        let cells = values[index].iter().enumerate();
        cells.map(|(at, value)| i32::try_from(*value).map_err(|_| wrong(at))).collect()
    };
    let layers = profile.layers.windows(2).enumerate().map(|(index, n)| {
        let (weights, bias) = (narrow(2 * index)?, narrow(2 * index + 1)?);
        Ok(Layer { inputs: n[0], outputs: n[1], weights, bias })
    });
    let model = Model { layers: layers.collect::<Result<_, FormatError>>()? };
    model.check(profile)?;
    Ok(model)
}

/// Writes an update, which must have the profile's shapes. The bytes tell about the records.
pub fn write_update(profile: &Profile, update: &Update) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    update.check(profile)?;
    let layers = update.layers.iter().zip(profile.layers.windows(2)).enumerate();
    let tensors: Vec<Tensor> = layers
        .flat_map(|(index, (layer, n))| layer_tensors(index, [n[0], n[1]], &layer.weights, &layer.bias))
        .collect();
    Ok(encode("update", profile, &tensors))
}

/// Reads an update; every cell must be within the bound that the profile proves.
pub fn read_update(profile: &Profile, bytes: &[u8]) -> Result<Update, FormatError> {
    let names = layer_shapes(profile);
    let values = decode("update", profile, bytes, &names)?;
    let bound = profile.bounds().update;
    for ((name, _), cells) in names.iter().zip(&values) {
        let outside = cells.iter().position(|cell| u128::from(cell.unsigned_abs()) > bound);
        if let Some(at) = outside {
            let field = format!("{name}, element {at}");
            return Err(FormatError::field(field, format!("-{bound} to {bound}"), cells[at]));
        }
    }
    let layers =
        values.chunks_exact(2).map(|pair| LayerUpdate { weights: pair[0].to_vec(), bias: pair[1].to_vec() }).collect();
    let update = Update { layers };
    update.check(profile)?;
    Ok(update)
}

/// Writes records, of one shard or of many.
pub fn write_records(profile: &Profile, records: &Records) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    if records.width() != profile.features() {
        return Err(FormatError::field("features", profile.features(), records.width()));
    }
    let features: Vec<i64> = records.features().iter().map(|value| profile.feature_value(*value)).collect();
    let labels: Vec<i64> = records.labels().iter().map(|value| i64::from(*value)).collect();
    let shape = vec![records.len(), records.width()];
    let tensors = [
        Tensor::new("features".into(), shape, features.into_iter()),
        Tensor::new("labels".into(), vec![records.len()], labels.into_iter()),
    ];
    Ok(encode("records", profile, &tensors))
}

/// Reads records; all must be in the profile's ranges, which [`Records::shards`] checks again.
pub fn read_records(profile: &Profile, bytes: &[u8]) -> Result<Records, FormatError> {
    let names = [("features".to_owned(), vec![None, Some(profile.features())]), ("labels".to_owned(), vec![None])];
    let values = decode("records", profile, bytes, &names)?;
    // Both ranges fit 16 bits; a negative feature is held as its two's complement.
    let narrow = |index: usize, (min, max): (i64, i64)| -> Result<Vec<u16>, FormatError> {
        let cells = values[index].iter().enumerate();
        cells
            .map(|(at, value)| match (min..=max).contains(value) {
                true => Ok(*value as u16),
                false => {
                    let field = format!("{}, element {at}", names[index].0);
                    Err(FormatError::field(field, format!("{min} to {max}"), value))
                }
            })
            .collect()
    };
    let features = narrow(0, profile.feature_range())?;
    let labels = narrow(1, (0, profile.classes().saturating_sub(1) as i64))?;
    let (rows, count) = (features.len() / profile.features().max(1), labels.len());
    Records::from_flat(profile.features(), features, labels)
        .map_err(|_| FormatError::field("labels", format!("{rows} labels"), count))
}

/// Writes one shard.
pub fn write_shard(profile: &Profile, shard: &Shard) -> Result<Zeroizing<Vec<u8>>, FormatError> {
    shard.check_ranges(profile)?;
    let records = Records::from_shards(profile.features(), std::slice::from_ref(shard))
        .map_err(|error| FormatError::Container(error.to_string()))?;
    write_records(profile, &records)
}

/// Reads one shard.
pub fn read_shard(profile: &Profile, bytes: &[u8]) -> Result<Shard, FormatError> {
    let records = read_records(profile, bytes)?;
    let shard = Shard { features: records.features().to_vec(), labels: records.labels().to_vec() };
    shard.check_ranges(profile)?;
    Ok(shard)
}
