//! Binary formats.

use std::path::{Path, PathBuf};

use alloy::primitives::aliases::U96;
use alloy::primitives::{Address, Bytes, B256, U256};
use alloy::sol_types::SolCall;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use proptest::prelude::*;
use zkpoc_circuits::reference::run;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_client::chain::Revert;
use zkpoc_client::data::mnist;
use zkpoc_client::data::mnist::Part;
use zkpoc_client::data::Records;
use zkpoc_client::exchange::update;
use zkpoc_client::formats::tensors;
use zkpoc_contracts::bindings::digests::DEPTH;
use zkpoc_contracts::bindings::{Claim, ClaimRecord, ContributionRounds, Finalization, G1Point};
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_from_bytes, scalar_to_bytes};
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::keys::KeyCache;
use zkpoc_prover::keys::KeySource;
use zkpoc_prover::link::LinkProof;
use zkpoc_prover::prove::UpdateOpening;
use zkpoc_prover::srs::{Srs, BUNDLED_CEREMONY, CEREMONY_DIGEST};

use crate::model;
use crate::mutate::attack;
use crate::mutate::Otherwise;
use crate::shard;
use crate::shown;
use crate::srs;
use crate::toy;

/// A reader of a file that the bytes are written to.
fn from_file<'a>(
    path: PathBuf,
    read: impl Fn(&Path) -> Result<String, String> + 'a,
) -> impl Fn(&[u8]) -> Result<String, String> + 'a {
    move |bytes| {
        std::fs::write(&path, bytes).expect("written");
        read(&path)
    }
}

#[test]
fn prop_models() {
    let good = tensors::write_model(&toy(), &model()).expect("a file");
    attack(600, &good, Otherwise::Another, &|bytes| {
        let read = tensors::read_model(&toy(), bytes).map_err(|error| error.to_string())?;
        read.check(&toy()).expect("what is read fits");
        Ok(format!("{read:?}"))
    });
}

#[test]
fn prop_updates_and_records() {
    let update = run(&toy(), &model(), &shard(1)).expect("a step").update;
    let good = tensors::write_update(&toy(), &update).expect("a file");
    attack(300, &good, Otherwise::Another, &|bytes| shown(tensors::read_update(&toy(), bytes)));
    let records = Records::from_shards(6, &[shard(1), shard(2)]).expect("records");
    let good = tensors::write_records(&toy(), &records).expect("a file");
    attack(300, &good, Otherwise::Another, &|bytes| {
        let read = tensors::read_records(&toy(), bytes).map_err(|error| error.to_string())?;
        assert_eq!(read.features().len(), 6 * read.len());
        Ok(format!("{read:?}"))
    });
    attack(100, &good, Otherwise::Another, &|bytes| {
        shown(tensors::read_shard(&toy(), bytes).or_else(|error| {
            // The good file holds two shards; this reader is for one.
            match bytes == good.as_slice() {
                true => Ok(shard(1)),
                false => Err(error),
            }
        }))
    });
}

#[test]
fn rejects_what_a_safetensors_header_declares_beyond_the_file() {
    let (weight, bias) = ("layers.0.weight", "layers.0.bias");
    let tensor = |name: &str, shape: &str, offsets: &str| {
        format!(r#""{name}":{{"dtype":"I64","shape":{shape},"data_offsets":{offsets}}}"#)
    };
    for (shape, offsets) in [
        ("[1152921504606846976]", "[0,9223372036854775808]"),
        ("[1152921504606846976,16]", "[0,0]"),
        ("[4294967296,4294967296]", "[0,18446744073709551615]"),
        ("[2,2]", "[32,0]"),
        ("[0,18446744073709551615]", "[0,0]"),
        ("[-1]", "[0,8]"),
        ("[1e30]", "[0,8]"),
    ] {
        let header = format!("{{{},{}}}", tensor(weight, shape, offsets), tensor(bias, "[4]", "[0,32]"));
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend(header.bytes());
        file.extend([0; 64]);
        tensors::read_model(&toy(), &file).expect_err(shape);
        tensors::read_records(&toy(), &file).expect_err(shape);
    }
    for length in [1u64 << 60, u64::MAX, u64::MAX - 7, 1 << 31, 100_000_001, 65] {
        let mut file = length.to_le_bytes().to_vec();
        file.extend([b' '; 64]);
        tensors::read_model(&toy(), &file).expect_err("a long header");
    }
}

#[test]
fn prop_openings() {
    let update = run(&toy(), &model(), &shard(1)).expect("a step").update;
    let opening = UpdateOpening { update, tails: vec![vec![Fr::from(5), Fr::from(6)]] };
    let good = update::write(&toy(), B256::repeat_byte(1), B256::repeat_byte(2), &opening).expect("a file");
    attack(600, &good, Otherwise::Another, &|bytes| shown(update::read(&toy(), bytes)));
    attack(300, &good, Otherwise::Another, &|bytes| shown(update::peek(bytes)));
}

#[test]
fn prop_idx() {
    let folder = tempfile::tempdir().expect("a folder");
    let labels = [&[0u8, 0, 8, 1, 0, 0, 0, 2][..], &[3, 4]].concat();
    let images = [&[0u8, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28][..], &[5; 2 * 784]].concat();
    let path = |what: &str| folder.path().join(format!("train-{what}-ubyte"));
    for changed in ["labels-idx1", "images-idx3"] {
        std::fs::write(path("labels-idx1"), &labels).expect("written");
        std::fs::write(path("images-idx3"), &images).expect("written");
        let good = if changed == "labels-idx1" { &labels } else { &images };
        attack(
            300,
            good,
            Otherwise::Another,
            &from_file(path(changed), |_| {
                let count = mnist::count(folder.path(), Part::Train).map_err(|error| error.to_string())?;
                let read = mnist::load(folder.path(), Part::Train, 0..count.min(2));
                read.map(|records| format!("{records:?}")).map_err(|error| error.to_string())
            }),
        );
    }
    for dims in [[0, u32::MAX, u32::MAX], [u32::MAX; 3], [u32::MAX, 28, 28], [1 << 31, 1 << 31, 4]] {
        let file = [&[0u8, 0, 8, 3][..], &dims.map(u32::to_be_bytes).concat()].concat();
        std::fs::write(path("images-idx3"), file).expect("written");
        mnist::load(folder.path(), Part::Train, 0..1).expect_err("declared beyond the file");
    }
}

#[test]
fn prop_reference_strings() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("k2.srs");
    Srs::bundled_ceremony(2).expect("the ceremony").save(&file, Overwrite::Refuse).expect("saved");
    let load = |_: &Path| {
        Srs::load(&file).map(|srs| format!("{} {}", srs.k(), srs.digest())).map_err(|error| error.to_string())
    };
    let (points, manifest) = (std::fs::read(&file).expect("points"), file.with_extension("srs.json"));
    let text = std::fs::read(&manifest).expect("the manifest");
    attack(200, &points, Otherwise::Same, &from_file(file.clone(), load));
    std::fs::write(&file, &points).expect("written");
    attack(300, &text, Otherwise::Same, &from_file(manifest.clone(), load));
    for k in ["0", "29", "28", "4294967295", "-1", "2e9", "1152921504606846976"] {
        let changed = String::from_utf8(text.clone()).expect("text").replace("\"k\": 2", &format!("\"k\": {k}"));
        std::fs::write(&manifest, changed).expect("written");
        Srs::load(&file).expect_err(k);
    }
}

#[test]
fn prop_ceremony_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let import = |path: &Path| shown(Srs::import(path, 1, None).map(|srs| (srs.k(), srs.digest())));
    // The parts that are read for k = 1 are few: what is changed elsewhere is not looked at, and not used.
    attack(150, BUNDLED_CEREMONY, Otherwise::Same, &from_file(folder.path().join("a.ptau"), import));
    // The head of the file and of its sections, each byte.
    let path = folder.path().join("b.ptau");
    for at in 0..80 {
        for bits in [1u8, 0x80, 0xff] {
            let mut bytes = BUNDLED_CEREMONY.to_vec();
            bytes[at] ^= bits;
            std::fs::write(&path, bytes).expect("written");
            if let Ok(srs) = Srs::import(&path, 1, None) {
                assert_eq!(srs.digest(), CEREMONY_DIGEST, "byte {at}");
            }
        }
    }
}

#[test]
fn prop_kept_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyCache::new(folder.path());
    let (key, source) = keys.verifier::<TrainingCircuit>(&toy(), srs()).expect("a key");
    assert_eq!(source, KeySource::Made);
    let path = keys.path::<TrainingCircuit>(&toy(), srs()).expect("a path");
    let good = std::fs::read(&path).expect("the file");
    attack(
        40,
        &good,
        Otherwise::Same,
        &from_file(path.clone(), |_| {
            let (found, source) = keys.verifier::<TrainingCircuit>(&toy(), srs()).map_err(|error| error.to_string())?;
            assert_eq!(found.digest(), key.digest());
            assert_eq!(std::fs::read(&path).expect("the file"), good, "made anew, {source:?}");
            Ok(String::new())
        }),
    );
}

/// What `round watch` reads from transactions of others.
#[test]
fn prop_call_data() {
    let point = || G1Point { x: U256::from(1), y: U256::from(2) };
    let claim = Claim {
        round: U256::from(1),
        root: B256::repeat_byte(1),
        commitment: point(),
        path: [B256::repeat_byte(2); DEPTH],
        normLog2: 40,
        lossLog2: 20,
        maskKey: B256::repeat_byte(9),
        proof: vec![1; 200].into(),
        link: vec![2; 192].into(),
        datasetProof: Bytes::new(),
        datasetLink: Bytes::new(),
    };
    let good = ContributionRounds::claimCall { request: claim }.abi_encode();
    let read = |bytes: &[u8]| {
        ContributionRounds::claimCall::abi_decode(bytes)
            .map(|call| format!("{} {}", call.request.round, call.request.proof))
            .map_err(|error| format!("call data: {error}"))
    };
    attack(400, &good, Otherwise::Another, &read);
    let record = ClaimRecord {
        claimant: Address::repeat_byte(3),
        reward: U96::from(5),
        nullifier: B256::repeat_byte(4),
        maskKey: B256::repeat_byte(9),
        update: vec![5; 64].into(),
    };
    let request = Finalization {
        round: U256::from(1),
        included: U256::from(3),
        records: vec![record.clone(), record],
        proof: vec![6; 200].into(),
        acknowledgements: vec![vec![7; 65].into(), Bytes::new()],
    };
    let good = ContributionRounds::finalizeCall { request }.abi_encode();
    let read = |bytes: &[u8]| {
        ContributionRounds::finalizeCall::abi_decode(bytes)
            .map(|call| format!("{} {}", call.request.records.len(), call.request.proof))
            .map_err(|error| format!("call data: {error}"))
    };
    attack(400, &good, Otherwise::Another, &read);
    // Every word of it says a huge length or place once.
    for at in (4..good.len()).step_by(32) {
        for word in [U256::MAX, U256::from(1) << 60, U256::from(u64::MAX), U256::from(u32::MAX)] {
            let mut bytes = good.clone();
            let end = bytes.len().min(at + 32);
            bytes[at..end].copy_from_slice(&word.to_be_bytes::<32>()[..end - at]);
            let _ = read(&bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn prop_points_scalars_and_links(bytes in proptest::collection::vec(any::<u8>(), 0..260), at in 0..192usize, bits in 1u8..) {
        if let Ok(point) = point_from_bytes(&bytes) {
            prop_assert_eq!(&point_to_bytes(&point)[..], &bytes[..]);
        }
        if let Some(word) = bytes.first_chunk::<32>() {
            if let Ok(scalar) = scalar_from_bytes(word) {
                prop_assert_eq!(&scalar_to_bytes(&scalar), word);
            }
        }
        let _ = Revert::decode(&bytes);
        prop_assert!(LinkProof::from_bytes(&bytes).is_err());
        let good = LinkProof { r: G1Affine::generator(), z: [1, 2, 3, 4].map(Fr::from) };
        let mut changed = good.to_bytes();
        changed[at] ^= bits;
        if let Ok(read) = LinkProof::from_bytes(&changed) {
            prop_assert_eq!(read.to_bytes(), changed);
        }
    }
}
