//! Text formats and arguments.

use std::path::Path;

use alloy::primitives::{Address, B256, U256};
use alloy::signers::local::PrivateKeySigner;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use halo2_proofs::halo2curves::group::Curve;
use proptest::prelude::*;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_cli::session::bytes32;
use zkpoc_client::attest::{sign, Audience, SignedAttestation};
use zkpoc_client::chain::pool::{from_whole_tokens, whole_tokens};
use zkpoc_client::data::csv::{parse, CsvShape};
use zkpoc_client::exchange::acknowledgement::{Acknowledgement, Forum};
use zkpoc_client::exchange::{Item, Kind};
use zkpoc_client::formats::bundle::{Context, Link, ProofBundle};
use zkpoc_contracts::bindings::digests::TrainingContext;
use zkpoc_contracts::bindings::Attestation;
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::link::LinkProof;

use crate::mutate::attack;
use crate::mutate::Otherwise;
use crate::shown;
use crate::toy;

#[test]
fn prop_profiles() {
    let good = include_bytes!("../../../../params/toy.toml");
    attack(600, good, Otherwise::Another, &|bytes| {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
        let profile = Profile::from_toml(text).map_err(|error| error.to_string())?;
        // What is accepted can be worked with: all sums fit, the layout is there or refused.
        let _ = (profile.bounds(), profile.parameters(), profile.canonical_json());
        let _ = zkpoc_circuits::grid::Grid::new(&profile);
        let _ = zkpoc_circuits::training::Plan::new(&profile);
        Ok(format!("{profile:?}"))
    });
}

#[test]
fn prop_csv() {
    let shape = CsvShape { width: 6, min: 0, max: 15, factor: 1, classes: 3 };
    let good = b"label,a,b,c,d,e,f\n0,1,2,3,4,5,6\n1, 15,0,0,0,0,9\n2,7,7,7,7,7,7\n";
    attack(600, good, Otherwise::Another, &|bytes| {
        let records = parse(Path::new("data.csv"), bytes, shape).map_err(|error| {
            let words = error.to_string();
            assert!(words.starts_with("data.csv:") && words.contains("column"), "{words}");
            words
        })?;
        assert!(records.features().iter().all(|value| *value <= 15) && records.labels().iter().all(|label| *label < 3));
        assert_eq!(records.features().len(), 6 * records.len());
        Ok(format!("{records:?}"))
    });
}

#[test]
fn rejects_csv_lines_without_end() {
    let shape = CsvShape { width: 6, min: 0, max: 15, factor: 1, classes: 3 };
    for piece in ["1", "1,", " ", "\"", "a"] {
        let error = parse(Path::new("data.csv"), piece.repeat(1 << 20).as_bytes(), shape).expect_err("no record");
        assert!(error.to_string().contains("data.csv:1: column") && error.to_string().len() < 300, "{error}");
    }
}

#[test]
fn a_byte_order_mark_and_other_line_breaks_are_read_or_refused_but_not_misread() {
    let shape = CsvShape { width: 2, min: 0, max: 15, factor: 1, classes: 3 };
    let read = |text: &str| parse(Path::new("data.csv"), text.as_bytes(), shape);
    let good = read("0,1,2\n1,3,4\n").expect("records");
    for text in ["0,1,2\r\n1,3,4\r\n", "0,1,2\r1,3,4\r", "0,1,2\n\n1,3,4", "\u{feff}0,1,2\n1,3,4\n"] {
        match read(text) {
            Ok(records) => assert_eq!(records, good, "{text:?}"),
            Err(error) => assert!(error.to_string().starts_with("data.csv:1: column 1"), "{text:?}: {error}"),
        }
    }
    let json = bundle().to_json();
    ProofBundle::from_json(&[b"\xef\xbb\xbf", &json[..]].concat()).expect_err("no JSON");
    let breaks = String::from_utf8(json.clone()).expect("text").replace('\n', "\r\n");
    assert_eq!(ProofBundle::from_json(breaks.as_bytes()).expect("white space"), bundle());
    let wide: Vec<u8> = json.iter().flat_map(|byte| [*byte, 0]).collect();
    ProofBundle::from_json(&wide).expect_err("UTF-16");
}

fn bundle() -> ProofBundle {
    let profile = toy();
    let profile_id = B256::new(profile.id());
    let fields = TrainingContext {
        chain_id: 31337,
        rounds: Address::repeat_byte(1),
        round: U256::from(3),
        claimant: Address::repeat_byte(2),
        subject: B256::repeat_byte(3),
        root: B256::repeat_byte(4),
        index: 5,
        profile_id,
        mask_key: B256::repeat_byte(7),
    };
    let context = Context::Training(fields);
    let value = scalar_from_bytes(&context.value(profile_id).to_be_bytes()).expect("reduced");
    let point = |factor: u64| (G1Affine::generator() * Fr::from(factor)).to_affine();
    ProofBundle {
        profile: profile.name,
        profile_id,
        circuit: CircuitKind::Training,
        k: 8,
        srs_digest: B256::repeat_byte(6),
        context,
        instances: vec![value, Fr::from(1 << 40), Fr::from(1 << 20)],
        proof: (0..200).collect(),
        link: Some(Link { registered: point(3), proof: LinkProof { r: point(5), z: [7, 8, 9, 10].map(Fr::from) } }),
    }
}

#[test]
fn prop_bundles() {
    let good = bundle().to_json();
    // Proof, link and the unbound fields may be others; context and first input belong together.
    attack(800, &good, Otherwise::Another, &|bytes| {
        let read = ProofBundle::from_json(bytes).map_err(|error| error.to_string())?;
        assert_eq!(ProofBundle::from_json(&read.to_json()).expect("its own text"), read);
        assert!(read.proof.len() <= zkpoc_client::formats::bundle::PROOF_LIMIT && read.instances.len() == 3);
        Ok(format!("{read:?}"))
    });
}

#[test]
fn prop_attestations() {
    let signer = PrivateKeySigner::random();
    let audience = Audience { chain_id: 31337, registry: Address::repeat_byte(1), owner: Address::repeat_byte(2) };
    let attestation = Attestation {
        owner: audience.owner,
        subject: B256::repeat_byte(3),
        profileId: B256::repeat_byte(4),
        srsDigest: B256::repeat_byte(5),
        datasetRoot: B256::repeat_byte(6),
        shardCount: 4,
        recordCount: 12,
        epoch: 1,
    };
    let good = sign(attestation, &audience, &signer).expect("signed").to_json();
    attack(400, &good, Otherwise::Same, &|bytes| shown(SignedAttestation::from_json(bytes)));
}

#[test]
fn prop_acknowledgements() {
    let forum = Forum { chain_id: 31337, rounds: Address::repeat_byte(9) };
    let signer = PrivateKeySigner::random();
    let good = Acknowledgement::sign(forum, 3, B256::repeat_byte(5), &signer).expect("signed").to_json();
    attack(400, &good, Otherwise::Same, &|bytes| shown(Acknowledgement::from_json(bytes)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn prop_arguments(text in "(0x)?[0-9a-fA-F.+x -]{0,80}|\\PC{0,40}") {
        if let Ok(word) = bytes32(&text) {
            let digits = text.strip_prefix("0x").unwrap_or(&text);
            prop_assert_eq!(hex::encode(word), digits.to_lowercase());
        }
        if let Some(amount) = from_whole_tokens(&text) {
            prop_assert_eq!(from_whole_tokens(&whole_tokens(amount)), Some(amount));
        }
        for kind in Kind::ALL {
            if let Ok(item) = Item::parse(kind, &text) {
                prop_assert_eq!(item.to_string(), text.clone());
                prop_assert!(!item.file_name().contains(['/', '\0', '\n']));
            }
            let _ = Item::of_file_name(kind, &text);
        }
        let _ = zkpoc_client::home::check_name(&text);
    }

    #[test]
    fn prop_names_are_one_plain_part_of_a_path(name in "[a-z0-9_./\\\\ \0\n-]{0,70}") {
        if zkpoc_client::home::check_name(&name).is_ok() {
            let parts: Vec<_> = Path::new(&name).components().collect();
            prop_assert!(matches!(parts[..], [std::path::Component::Normal(part)] if part == name.as_str()));
            prop_assert!(!name.contains(['.', '/', '\\', '\0', '\n', ' ']));
        }
    }
}
