use super::bundle::{Context, Link, ProofBundle};
use super::*;
use crate::data::csv::digits_sample;
use alloy::primitives::{Address, B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1};
use halo2_proofs::halo2curves::group::Curve;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, Model};
use zkpoc_contracts::bindings::digests::TrainingContext;
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::commit::lagrange_basis;
use zkpoc_prover::link::{difference, link_bases, prove_link};
use zkpoc_prover::srs::Srs;

fn profile() -> Profile {
    Profile::builtin("digits-tiny").expect("profile")
}

fn bundle() -> ProofBundle {
    let srs = Srs::bundled_ceremony(4).expect("ceremony");
    let profile_id = B256::new(profile().id());
    let context = Context::Training(TrainingContext {
        chain_id: 31337,
        rounds: Address::repeat_byte(1),
        round: U256::MAX,
        claimant: Address::repeat_byte(2),
        subject: B256::repeat_byte(3),
        root: B256::repeat_byte(4),
        index: 5,
        profile_id,
        mask_key: B256::repeat_byte(7),
    });
    let value = scalar_from_bytes(&context.value(profile_id).to_be_bytes()).expect("reduced");
    let (a, b) = (random_blinding(), random_blinding());
    let bases = link_bases(&srs).expect("bases");
    let data = G1::from(lagrange_basis(srs.params(), 0).expect("row"));
    let point = |blinding: &[Fr; 4]| (0..4).fold(data, |sum, i| sum + bases[i] * blinding[i]).to_affine();
    let (registered, copy) = (point(&a), point(&b));
    let link = prove_link(&bases, &difference(&a, &b), &value, &registered, &copy).expect("link");
    ProofBundle {
        profile: profile().name,
        profile_id,
        circuit: CircuitKind::Training,
        k: 4,
        srs_digest: srs.digest(),
        context,
        instances: vec![value, Fr::from(1 << 40), Fr::from(1 << 20)],
        proof: vec![0xab; 200],
        link: Some(Link { registered, proof: link }),
    }
}

#[test]
fn a_bundle_survives_its_text() {
    let mut bundle = bundle();
    assert_eq!(ProofBundle::from_json(&bundle.to_json()).expect("read"), bundle);
    bundle.link = None;
    assert_eq!(ProofBundle::from_json(&bundle.to_json()).expect("read"), bundle);
}

#[test]
fn rejects_changed_bundles_and_names_the_field() {
    let text = String::from_utf8(bundle().to_json()).expect("text");
    let replaced = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        ProofBundle::from_json(text.replacen(from, to, 1).as_bytes()).map(|_| ())
    };
    let error = |from: &str, to: &str| replaced(from, to).expect_err(from).to_string();
    for (from, to, name) in [
        ("zkpoc-proof", "zkpoc-prof", "`format`"),
        ("\"version\": 2", "\"version\": 3", "`version`"),
        ("\"chain_id\": 31337", "\"chain_id\": 1", "`instances[0]`"),
        ("\"index\": 5", "\"index\": 6", "`instances[0]`"),
        ("\"proof\": \"0xab", "\"proof\": \"ab", "`proof`"),
        ("\"proof\": \"0xab", "\"proof\": \"0xAB", "`proof`"),
        ("\"proof\": \"0xab", "\"proof\": \"0xb", "`proof`"),
        ("\"rounds\": \"0x01", "\"rounds\": \"0x", "`context.training.rounds`"),
        ("\"round\": \"", "\"round\": \"0", "`context.training.round`"),
        ("\"round\": \"", "\"round\": \"9", "`context.training.round`"),
        ("\"registered\": \"0x", "\"registered\": \"0xff", "`link.registered`"),
        ("\"circuit\": \"training\"", "\"circuit\": \"dataset\"", "`context`"),
        ("\"k\": 4", "\"k\": 4, \"k\": 4", "key `k` occurs twice"),
        ("\"k\": 4", "\"k\": 4, \"extra\": 1", "unknown field `extra`"),
        ("\"k\": 4,", "", "missing field `k`"),
        ("\"chain_id\": 31337", "\"chain_id\": 31337, \"chain_id\": 31337", "occurs twice"),
        ("\"k\": 4", "\"k\": -4", "proof file"),
    ] {
        let message = error(from, to);
        assert!(message.contains(name), "{from} -> {to}: {message}");
    }
    let cut = &text.as_bytes()[..text.len() / 2];
    assert!(matches!(ProofBundle::from_json(cut), Err(FormatError::Json { .. })));
    let mut long = text.clone().into_bytes();
    long.push(b'1');
    assert!(matches!(ProofBundle::from_json(&long), Err(FormatError::Json { .. })));
    long.resize((bundle::LIMIT + 1) as usize, b' ');
    assert!(matches!(ProofBundle::from_json(&long), Err(FormatError::TooLarge { .. })));
}

#[test]
fn rejects_public_inputs_that_are_aliases_or_of_another_number() {
    let bundle = bundle();
    let order = crate::chain::words::scalar_to_word(&-Fr::from(1)) + U256::from(1);
    let text = String::from_utf8(bundle.to_json()).expect("text");
    let value = crate::chain::words::scalar_to_word(&bundle.instances[1]);
    let alias = text.replace(&format!("{value:#066x}"), &format!("{:#066x}", value + order));
    assert_ne!(alias, text);
    let message = ProofBundle::from_json(alias.as_bytes()).expect_err("alias").to_string();
    assert!(message.contains("instances[1]") && message.contains("group order"), "{message}");
    let mut more = bundle.clone();
    more.instances.push(Fr::from(0));
    let message = ProofBundle::from_json(&more.to_json()).expect_err("four").to_string();
    assert!(message.contains("`instances`"), "{message}");
}

#[test]
fn rejects_nesting_that_would_exhaust_the_stack() {
    let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
    assert!(matches!(json::check("deep", &deep, 1 << 20), Err(FormatError::Json { .. })));
}

#[test]
fn models_updates_and_shards_survive_their_files() {
    let profile = profile();
    let model = Model::random(&profile, [7; 32]);
    let bytes = tensors::write_model(&profile, &model).expect("write");
    assert_eq!(tensors::read_model(&profile, &bytes).expect("read"), model);
    assert_eq!(bytes, tensors::write_model(&profile, &model).expect("write"), "one file a model");

    let shard = digits_sample().expect("digits").shards(&profile, 1).expect("shard").remove(0);
    let bytes = tensors::write_shard(&profile, &shard).expect("write");
    assert_eq!(tensors::read_shard(&profile, &bytes).expect("read"), shard);
    // Features with a sign.
    let local = Profile::builtin("digits-local").expect("built in");
    let signed = digits_sample().expect("digits").prepared(&local).shards(&local, 1).expect("shard").remove(0);
    let file = tensors::write_shard(&local, &signed).expect("write");
    assert_eq!(tensors::read_shard(&local, &file).expect("read"), signed);
    let mut outside = signed;
    outside.features[5] = 128;
    let message = tensors::write_shard(&local, &outside).expect_err("eight bits").to_string();
    assert!(message.contains("feature 5 is 128; expected -128 to 127"), "{message}");

    let update = run(&profile, &model, &shard).expect("step").update;
    let bytes = tensors::write_update(&profile, &update).expect("write");
    assert_eq!(tensors::read_update(&profile, &bytes).expect("read"), update);
}

fn safetensors_file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

#[test]
fn rejects_tensor_files_of_another_shape_kind_or_profile() {
    let profile = profile();
    let model = Model::zero(&profile);
    let good = tensors::write_model(&profile, &model).expect("write");
    let message = |bytes: &[u8]| tensors::read_model(&profile, bytes).expect_err("bad").to_string();

    let mut other = profile.clone();
    other.max_claims += 1;
    let foreign = tensors::write_model(&other, &model).expect("write");
    assert!(message(&foreign).contains("__metadata__.zkpoc"));
    let shard = digits_sample().expect("digits").shards(&profile, 1).expect("shard").remove(0);
    assert!(message(&tensors::write_shard(&profile, &shard).expect("write")).contains("records"));

    for length in [0, 7, 8, 100, good.len() - 1] {
        assert!(tensors::read_model(&profile, &good[..length]).is_err());
    }
    assert!(message(&[0xff; 64]).contains("cut off"));
    let mut longer = good.clone();
    longer.push(0);
    assert!(tensors::read_model(&profile, &longer).is_err());

    let bias = r#""layers.0.bias":{"dtype":"I64","shape":[32],"data_offsets":[0,256]}"#;
    let twice = safetensors_file(&format!("{{{bias},{bias}}}"), 256);
    assert!(message(&twice).contains("occurs twice"));
    let alone = safetensors_file(&format!("{{{bias}}}"), 256);
    assert!(message(&alone).contains("layers.0.weight"), "{}", message(&alone));
    let unknown = safetensors_file(&format!("{{{}}}", bias.replace("bias", "scale")), 256);
    assert!(message(&unknown).contains("layers.0.scale"));
}

#[test]
fn rejects_values_out_of_range_and_names_the_element() {
    let profile = profile();
    let mut good = tensors::write_model(&profile, &Model::zero(&profile)).expect("write");
    let end = good.len();
    good[end - 8..].copy_from_slice(&(1i64 << 40).to_le_bytes());
    let message = tensors::read_model(&profile, &good).expect_err("wide").to_string();
    assert!(message.contains("element") && message.contains("1099511627776"), "{message}");
    good[end - 8..].copy_from_slice(&32768i64.to_le_bytes());
    assert!(matches!(tensors::read_model(&profile, &good), Err(FormatError::Profile(_))));

    let shard = digits_sample().expect("digits").shards(&profile, 1).expect("shard").remove(0);
    let file = tensors::write_shard(&profile, &shard).expect("write");
    for (value, what) in [(-1i64, "labels"), (10, "labels"), (1 << 20, "labels")] {
        let mut bad = file.to_vec();
        let end = bad.len();
        bad[end - 8..].copy_from_slice(&value.to_le_bytes());
        let message = tensors::read_shard(&profile, &bad).expect_err("label").to_string();
        assert!(message.contains(what), "{message}");
    }
    let records = crate::data::Records::new(64);
    let empty = tensors::write_records(&profile, &records).expect("write");
    assert!(tensors::read_records(&profile, &empty).expect("no records").is_empty());
    assert!(tensors::read_shard(&profile, &empty).is_err(), "a shard has batch records");
}
