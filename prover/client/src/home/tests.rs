use super::*;
use crate::data::csv::digits_sample;
use crate::data::Records;
use crate::formats::bundle::{Context, ProofBundle};
use alloy::primitives::{Address, B256};
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, Model};
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::commit::lagrange_basis;
use zkpoc_prover::fsio::STAGING_PREFIX;
use zkpoc_prover::prove::UpdateOpening;
use zkpoc_prover::srs::Srs;

pub(crate) fn profile() -> Profile {
    Profile::builtin("digits-tiny").expect("profile")
}

/// Three shards of digits; the points stand for commitments, which the store does not recompute.
pub(crate) fn dataset() -> Dataset {
    let srs = Srs::bundled_ceremony(3).expect("ceremony");
    let points = (0..3).map(|row| lagrange_basis(srs.params(), row).expect("row")).collect();
    let shards = digits_sample().expect("digits").shards(&profile(), 3).expect("shards");
    let manifest = DatasetManifest::new(&profile(), srs.digest(), points).expect("manifest");
    Dataset { manifest, shards, seed: Seed::from_bytes([9; 32]) }
}

pub(crate) fn home() -> (tempfile::TempDir, Home) {
    let dir = tempfile::tempdir().expect("temporary folder");
    let home = Home::open(Some(&dir.path().join("home"))).expect("home");
    (dir, home)
}

fn saved() -> (tempfile::TempDir, Home) {
    let (dir, home) = home();
    let lock = home.lock().expect("lock");
    home.save_dataset(&lock, "mine", &profile(), &dataset()).expect("save");
    drop(lock);
    (dir, home)
}

#[test]
fn a_dataset_survives_the_disk() {
    let (_dir, home) = saved();
    let read = home.load_dataset("mine", &profile()).expect("load");
    let written = dataset();
    assert_eq!(read.manifest, written.manifest);
    assert_eq!(read.shards, written.shards);
    assert_eq!(read.blinding(2), written.blinding(2));
    assert_eq!(home.load_manifest("mine").expect("manifest"), written.manifest);
    assert_eq!(home.datasets().expect("names"), ["mine"]);
    assert_eq!((read.manifest.shard_count(), read.manifest.record_count), (3, 24));
}

#[cfg(unix)]
#[test]
fn nothing_in_the_home_is_open_to_others() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, home) = saved();
    let mode = |path: &Path| std::fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    let folder = home.dataset_dir("mine").expect("folder");
    for path in [home.root(), &home.datasets_dir(), &folder, &folder.join("secret")] {
        assert_eq!(mode(path), 0o700, "{path:?}");
    }
    for file in ["secret/seed", "secret/records.safetensors"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    let seed = folder.join("secret/seed");
    std::fs::set_permissions(&seed, PermissionsExt::from_mode(0o644)).expect("chmod");
    let error = home.load_dataset("mine", &profile()).expect_err("exposed");
    assert!(matches!(error, HomeError::File(FsError::Exposed { .. })), "{error}");

    let open = dir.path().join("open");
    std::fs::create_dir(&open).expect("folder");
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o755)).expect("chmod");
    Home::open(Some(&open)).expect("home");
    assert_eq!(mode(&open), 0o700, "an open folder is closed");
}

#[test]
fn rejects_a_taken_name_and_keeps_the_first() {
    let (_dir, home) = saved();
    let lock = home.lock().expect("lock");
    let mut other = dataset();
    other.seed = Seed::random();
    let error = home.save_dataset(&lock, "mine", &profile(), &other).expect_err("taken");
    assert!(matches!(error, HomeError::File(FsError::Exists { .. })), "{error}");
    let kept = home.load_dataset("mine", &profile()).expect("load");
    assert_eq!(kept.seed, dataset().seed);
}

#[test]
fn rejects_names_that_leave_the_folder() {
    let (_dir, home) = home();
    for name in ["", ".", "..", "a/b", "../x", "A", "-x", "a b", "\u{e9}", &"x".repeat(65), "a\0"] {
        assert!(matches!(home.dataset_dir(name), Err(HomeError::Name { .. })), "{name:?}");
        assert!(matches!(home.claim_dir(name), Err(HomeError::Name { .. })), "{name:?}");
    }
    home.dataset_dir("alice_2-a").expect("good name");
}

#[test]
fn a_crash_leaves_nothing_visible_and_the_next_writer_cleans_up() {
    let (_dir, home) = saved();
    let stray = home.datasets_dir().join(format!("{STAGING_PREFIX}abc"));
    std::fs::create_dir(&stray).expect("folder");
    std::fs::write(stray.join("seed"), b"half").expect("file");
    assert_eq!(home.datasets().expect("names"), ["mine"], "unfinished datasets are not listed");
    drop(home.lock().expect("lock"));
    assert!(!stray.exists());
    home.load_dataset("mine", &profile()).expect("the finished one is untouched");
}

#[test]
fn rejects_a_second_writer() {
    let (_dir, home) = home();
    let lock = home.lock().expect("lock");
    assert!(matches!(home.lock(), Err(HomeError::Busy { .. })));
    drop(lock);
    home.lock().expect("free again");
}

#[test]
fn rejects_any_changed_byte_of_the_manifest_or_gives_the_same_dataset() {
    let (_dir, home) = saved();
    let path = home.dataset_dir("mine").expect("folder").join("dataset.json");
    let good = std::fs::read(&path).expect("manifest");
    let mut accepted = 0;
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).expect("write");
        if let Ok(dataset) = home.load_dataset("mine", &profile()) {
            // Only what nothing else in the folder depends on can change unseen: the SRS digest,
            // which is compared with the SRS wherever one is used.
            assert_ne!(dataset.manifest.srs_digest, super::tests::dataset().manifest.srs_digest);
            accepted += 1;
        }
    }
    assert!(accepted <= 64, "{accepted}");
}

#[test]
fn rejects_records_that_were_cut_swapped_or_doubled() {
    let (_dir, home) = saved();
    let folder = home.dataset_dir("mine").expect("folder");
    let path = folder.join("secret/records.safetensors");
    let good = std::fs::read(&path).expect("records");
    let write = |bytes: &[u8]| {
        fsio::write_secret(&path, bytes, fsio::Overwrite::Replace).expect("write");
        home.load_dataset("mine", &profile())
    };
    assert!(matches!(write(&good[..good.len() - 8]), Err(HomeError::Format { .. })));
    let records = |shards: usize| {
        let records = digits_sample().expect("digits").range(0..8 * shards).expect("range");
        crate::formats::tensors::write_records(&profile(), &records).expect("write")
    };
    assert!(matches!(write(&records(2)), Err(HomeError::Mismatch { what: "number of records", .. })));
    let digits = digits_sample().expect("digits");
    let mut doubled = Records::new(64);
    for index in (0..23).chain([0]) {
        let row = &digits.features()[64 * index..64 * (index + 1)];
        doubled.push(row, digits.labels()[index]).expect("push");
    }
    let doubled = crate::formats::tensors::write_records(&profile(), &doubled).expect("write");
    assert!(matches!(write(&doubled), Err(HomeError::Data { .. })));
    write(&good).expect("the original");

    let seed = folder.join("secret/seed");
    fsio::write_secret(&seed, &[1; 31], fsio::Overwrite::Replace).expect("write");
    assert!(matches!(home.load_dataset("mine", &profile()), Err(HomeError::Mismatch { what: "length", .. })));
}

#[test]
fn rejects_a_dataset_under_another_profile() {
    let (_dir, home) = saved();
    let mut other = profile();
    other.max_claims += 1;
    assert!(home.load_dataset("mine", &other).is_err());
    let lock = home.lock().expect("lock");
    let error = home.save_dataset(&lock, "theirs", &other, &dataset()).expect_err("other id");
    assert!(matches!(error, HomeError::Mismatch { what: "profile id", .. }), "{error}");
    let mut short = dataset();
    short.shards.pop();
    let error = home.save_dataset(&lock, "short", &profile(), &short).expect_err("two shards");
    assert!(matches!(error, HomeError::Mismatch { what: "number of shards", .. }), "{error}");
}

#[test]
fn a_claim_survives_the_disk() {
    let (_dir, home) = home();
    let profile = profile();
    let shard = dataset().shards.remove(0);
    let update = run(&profile, &Model::zero(&profile), &shard).expect("step").update;
    let profile_id = B256::new(profile.id());
    let context =
        Context::Validity { chain_id: 1, registry: Address::ZERO, owner: Address::ZERO, root: B256::ZERO, index: 0 };
    let value = zkpoc_engine::encoding::scalar_from_bytes(&context.value(profile_id).to_be_bytes());
    let bundle = ProofBundle {
        profile: profile.name.clone(),
        profile_id,
        circuit: CircuitKind::Dataset,
        k: profile.k,
        srs_digest: B256::ZERO,
        context,
        instances: vec![value.expect("reduced")],
        proof: vec![1, 2, 3],
        link: None,
    };
    let tails: Vec<_> = (0..profile.model_points()).map(|_| random_blinding().to_vec()).collect();
    let mut claim = ClaimRecord { bundle, opening: UpdateOpening { update, tails }, mask: None };
    let lock = home.lock().expect("lock");
    home.save_claim(&lock, "round-1", &profile, &claim).expect("save");
    let read = home.load_claim("round-1", &profile).expect("load");
    assert_eq!(read.bundle, claim.bundle);
    assert_eq!(read.opening, claim.opening);
    assert_eq!(home.claims().expect("ids"), ["round-1"]);

    claim.opening.tails.push(random_blinding().to_vec());
    assert!(matches!(
        home.save_claim(&lock, "round-2", &profile, &claim),
        Err(HomeError::Mismatch { what: "number of update columns", .. })
    ));
    let path = home.claim_dir("round-1").expect("folder").join("secret/blinding");
    let mut bytes = std::fs::read(&path).expect("blinding");
    bytes[0] = 0xff;
    fsio::write_secret(&path, &bytes, fsio::Overwrite::Replace).expect("write");
    assert!(home.load_claim("round-1", &profile).is_err(), "not below r");
}

#[test]
fn blindings_depend_on_seed_profile_index_and_row() {
    let seed = Seed::from_bytes([1; 32]);
    let base = blinding(&seed, &[2; 32], 3);
    assert_eq!(base, blinding(&seed, &[2; 32], 3));
    let mut all: Vec<Fr> = base.to_vec();
    all.extend(blinding(&Seed::from_bytes([2; 32]), &[2; 32], 3));
    all.extend(blinding(&seed, &[3; 32], 3));
    all.extend(blinding(&seed, &[2; 32], 4));
    for (index, value) in all.iter().enumerate() {
        assert!(!all[index + 1..].contains(value));
    }
}

#[test]
fn golden_blinding() {
    // Python: hmac.new(bytes(range(32)), b"zkpoc.blinding.v1" + bytes([0x11]) * 32
    //         + (7).to_bytes(8, "big") + bytes([row, j]), "sha256"), little-endian, modulo r.
    let seed = Seed::from_bytes(std::array::from_fn(|i| i as u8));
    let values = blinding(&seed, &[0x11; 32], 7);
    let texts = values.map(|value| hex::encode(zkpoc_engine::encoding::scalar_to_bytes(&value)));
    assert_eq!(texts, GOLDEN_BLINDING);
    assert_eq!(format!("{seed:?}"), "Seed(..)");
}

const GOLDEN_BLINDING: [&str; 4] = [
    "18d30713bdc88c688e8909232bd8b28143de2fd812560fb77a338eb945655db8",
    "074e852cb289677ebee8e306cac4bb468438710c650e63e67e5260d4f308f51c",
    "0d94ce627c484e59c472f2be318e5945436588d2b301aabb4cd7a41c7438c919",
    "05bc3621044978b8844329785b365ca5850eb4c7154ba22a38d20ef9af0eb123",
];
