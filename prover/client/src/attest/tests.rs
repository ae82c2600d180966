use super::*;
use crate::home::{blinding, Seed};
use alloy::primitives::{address, Address, Signature};
use zkpoc_circuits::reference::Shard;
use zkpoc_contracts::bindings::digests::attestation_digest;

fn profile() -> Profile {
    Profile::builtin("toy").expect("the profile")
}

fn srs() -> Srs {
    Srs::bundled_ceremony(8).expect("the ceremony")
}

/// Shard `i` holds records whose first feature is `first + i`.
fn shards(first: u16, count: u16, label: u16) -> Vec<Shard> {
    let profile = profile();
    let record = |i: u16, j: u16| {
        let mut features = vec![j; profile.features()];
        features[0] = first + i;
        features
    };
    let shard = |i| Shard {
        features: (0..profile.batch as u16).flat_map(|j| record(i, j)).collect(),
        labels: vec![label; profile.batch],
    };
    (0..count).map(shard).collect()
}

fn dataset(shards: Vec<Shard>) -> Dataset {
    let (profile, srs, seed) = (profile(), srs(), Seed::random());
    let grid = Grid::new(&profile).expect("a grid");
    let commit = |(index, shard): (usize, &Shard)| {
        commit_shard(&srs, &grid, shard, &blinding(&seed, &profile.id(), index as u64)).expect("a commitment")
    };
    let commitments = shards.iter().enumerate().map(commit).collect();
    let manifest = DatasetManifest::new(&profile, srs.digest(), commitments).expect("a manifest");
    Dataset { manifest, shards, seed }
}

fn audience() -> Audience {
    Audience {
        chain_id: 31337,
        registry: address!("00000000000000000000000000000000000000aa"),
        owner: address!("00000000000000000000000000000000000000bb"),
    }
}

struct Desk {
    _folder: tempfile::TempDir,
    attestor: Attestor,
    signer: PrivateKeySigner,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let attestor = Attestor::open(&folder.path().join("attestor")).expect("opened");
        Self { _folder: folder, attestor, signer: PrivateKeySigner::random() }
    }

    fn attest(&self, dataset: &Dataset, source: &str) -> Result<SignedAttestation, AttestError> {
        self.attestor.attest(&srs(), &profile(), dataset, source, &audience(), &self.signer)
    }
}

#[test]
fn accepts_fresh_records_and_signs_what_the_contract_recovers() {
    let desk = Desk::new();
    let data = dataset(shards(0, 2, 1));
    let signed = desk.attest(&data, "alice").expect("attested");
    signed.check(&data.manifest, &audience()).expect("about this dataset");
    assert_eq!(signed.attestation.epoch, 1);
    let digest = attestation_digest(&signed.attestation, 31337, audience().registry);
    let recovered = Signature::from_raw(&signed.signature).expect("a signature").recover_address_from_prehash(&digest);
    assert_eq!(recovered.expect("recovered"), desk.signer.address());
    assert!(matches!(signed.signature[64], 27 | 28));
    let read = SignedAttestation::from_json(&signed.to_json()).expect("read");
    assert_eq!(read, signed);
}

#[test]
fn accepts_the_same_request_again_with_the_same_answer() {
    let desk = Desk::new();
    let data = dataset(shards(0, 2, 1));
    let first = desk.attest(&data, "alice").expect("attested");
    assert_eq!(desk.attest(&data, "alice").expect("again"), first);
    let next = desk.attest(&dataset(shards(8, 1, 1)), "alice").expect("new records");
    assert_eq!((next.attestation.subject, next.attestation.epoch), (first.attestation.subject, 2));
    assert_ne!(desk.attestor.subject("bob").expect("a subject"), first.attestation.subject);
}

#[test]
fn rejects_the_same_records_under_two_roots() {
    let desk = Desk::new();
    let first = dataset(shards(0, 2, 1));
    desk.attest(&first, "alice").expect("attested");
    // The same records under another seed, with other labels, for another source: new commitments each time.
    for (shards, source) in [(shards(0, 2, 1), "alice"), (shards(0, 2, 2), "alice"), (shards(1, 2, 1), "bob")] {
        let copy = dataset(shards);
        assert_ne!(copy.manifest.root, first.manifest.root);
        let error = desk.attest(&copy, source).expect_err("records seen before");
        let root = first.manifest.root;
        assert!(matches!(error, AttestError::Duplicate { shard: 0, root: found, .. } if found == root), "{error}");
    }
    // A refusal leaves nothing behind: fresh records of the same source are still attested.
    desk.attest(&dataset(shards(9, 1, 1)), "bob").expect("fresh records");
}

#[test]
fn rejects_a_record_that_occurs_in_two_shards() {
    let twice = [shards(0, 1, 1), shards(0, 1, 2)].concat();
    let error = Desk::new().attest(&dataset(twice), "alice").expect_err("twice the same records");
    assert!(matches!(error, AttestError::Duplicate { shard: 1, record: 0, .. }), "{error}");
}

#[test]
fn rejects_commitments_that_are_not_of_the_records_and_seed() {
    let desk = Desk::new();
    let mut data = dataset(shards(0, 2, 1));
    data.shards[1].labels[0] = 0;
    let error = desk.attest(&data, "alice").expect_err("another label");
    assert!(matches!(error, AttestError::Commitment { index: 1 }), "{error}");
    let mut data = dataset(shards(0, 2, 1));
    data.seed = Seed::random();
    let error = desk.attest(&data, "alice").expect_err("another seed");
    assert!(matches!(error, AttestError::Commitment { index: 0 }), "{error}");
    let mut data = dataset(shards(0, 2, 1));
    data.manifest.root = B256::repeat_byte(1);
    let error = desk.attest(&data, "alice").expect_err("another root");
    assert!(matches!(error, AttestError::Mismatch { what: "root", .. }), "{error}");
    let mut data = dataset(shards(0, 2, 1));
    data.shards[0].features[0] = 16;
    let error = desk.attest(&data, "alice").expect_err("a feature out of range");
    assert!(matches!(error, AttestError::Shard { index: 0, .. }), "{error}");
}

#[test]
fn rejects_a_changed_attestation() {
    let desk = Desk::new();
    let data = dataset(shards(0, 2, 1));
    let signed = desk.attest(&data, "alice").expect("attested");
    let mut other = signed.clone();
    other.attestation.owner = Address::repeat_byte(7);
    let error = SignedAttestation::from_json(&other.to_json()).expect_err("another owner");
    assert!(matches!(error, AttestError::Statement { what: "signer", .. }), "{error}");
    let others = Audience { owner: Address::repeat_byte(7), ..audience() };
    let error = signed.check(&data.manifest, &others).expect_err("another owner");
    assert!(matches!(error, AttestError::Statement { what: "owner", .. }), "{error}");
    let text = String::from_utf8(signed.to_json()).expect("text").replace("\"epoch\": 1", "\"epoch\": 1, \"more\": 2");
    assert!(matches!(SignedAttestation::from_json(text.as_bytes()), Err(AttestError::Format { .. })));
}

#[test]
fn rejects_a_ledger_that_others_can_read() {
    let desk = Desk::new();
    desk.attest(&dataset(shards(0, 1, 1)), "alice").expect("attested");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let secret = desk.attestor.folder.join(SECRET);
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(0o644)).expect("mode");
        assert!(matches!(desk.attestor.subject("alice"), Err(AttestError::File(FsError::Exposed { .. }))));
    }
}
