//! Files of the home, backups, the attestor's folder, deployments, keystores.

use std::path::{Path, PathBuf};

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::grid::Grid;
use zkpoc_circuits::kind::CircuitKind;
use zkpoc_circuits::reference::run;
use zkpoc_client::attest::{AttestError, Attestor, Audience};
use zkpoc_client::chain::{signer, Deployment};
use zkpoc_client::formats::bundle::{Context, ProofBundle};
use zkpoc_client::home::backup;
use zkpoc_client::home::backup::{OpenWith, SealWith};
use zkpoc_client::home::{blinding, ClaimRecord, Dataset, DatasetManifest, Home, Seed};
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::fsio;
use zkpoc_prover::fsio::Overwrite;
use zkpoc_prover::prove::{commit_shard, UpdateOpening};

use crate::model;
use crate::mutate::attack;
use crate::mutate::Otherwise;
use crate::shard;
use crate::shown;
use crate::srs;
use crate::toy;

fn dataset() -> Dataset {
    let (profile, seed) = (toy(), Seed::from_bytes([9; 32]));
    let grid = Grid::new(&profile).expect("a grid");
    let shards = vec![shard(0), shard(17)];
    let commitment = |(index, shard)| {
        commit_shard(srs(), &grid, shard, &blinding(&seed, &profile.id(), index as u64)).expect("a commitment")
    };
    let commitments = shards.iter().enumerate().map(commitment).collect();
    let manifest = DatasetManifest::new(&profile, srs().digest(), commitments).expect("a manifest");
    Dataset { manifest, shards, seed }
}

/// A home with the dataset `mine`.
fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(Some(&folder.path().join("home"))).expect("a home");
    let lock = home.lock().expect("the lock");
    home.save_dataset(&lock, "mine", &toy(), &dataset()).expect("saved");
    (folder, home)
}

/// A reader that puts bytes in the place of a secret file, and the good ones back after it.
fn replaced<'a>(
    file: PathBuf,
    read: impl Fn() -> Result<String, String> + 'a,
) -> impl Fn(&[u8]) -> Result<String, String> + 'a {
    let good = std::fs::read(&file).expect("the good file");
    move |bytes| {
        fsio::write_secret(&file, bytes, Overwrite::Replace).expect("written");
        let outcome = read();
        fsio::write_secret(&file, &good, Overwrite::Replace).expect("written");
        if let Err(words) = &outcome {
            assert!(words.contains(&*file.file_name().expect("a name").to_string_lossy()), "no file named: {words}");
        }
        outcome
    }
}

#[test]
fn prop_datasets_in_the_home() {
    let (_folder, home) = home();
    let folder = home.dataset_dir("mine").expect("a folder");
    let read = || {
        home.load_dataset("mine", &toy())
            .map(|set| format!("{:?} {:?}", set.manifest, set.shards))
            .map_err(|error| error.to_string())
    };
    for (name, otherwise) in [
        // The digest of the SRS is compared with the SRS where one is at hand.
        ("dataset.json", Otherwise::Another),
        ("secret/records.safetensors", Otherwise::Another),
        ("secret/seed", Otherwise::Same),
    ] {
        let good = std::fs::read(folder.join(name)).expect("a file");
        attack(250, &good, otherwise, &replaced(folder.join(name), read));
    }
}

#[test]
fn prop_claims_in_the_home() {
    let (_folder, home) = home();
    let profile = toy();
    let profile_id = B256::new(profile.id());
    let context =
        Context::Validity { chain_id: 1, registry: Address::ZERO, owner: Address::ZERO, root: B256::ZERO, index: 0 };
    let value = scalar_from_bytes(&context.value(profile_id).to_be_bytes()).expect("reduced");
    let bundle = ProofBundle {
        profile: profile.name.clone(),
        profile_id,
        circuit: CircuitKind::Dataset,
        k: profile.k,
        srs_digest: B256::ZERO,
        context,
        instances: vec![value],
        proof: vec![1, 2, 3],
        link: None,
    };
    let update = run(&profile, &model(), &shard(1)).expect("a step").update;
    let opening = UpdateOpening { update, tails: vec![[3, 4, 5].map(Fr::from).to_vec()] };
    let lock = home.lock().expect("the lock");
    home.save_claim(&lock, "one", &profile, &ClaimRecord { bundle, opening, mask: None }).expect("saved");
    let folder = home.claim_dir("one").expect("a folder");
    let read = || home.load_claim("one", &profile).map(|claim| format!("{claim:?}")).map_err(|error| error.to_string());
    for name in ["claim.json", "secret/update.safetensors", "secret/blinding"] {
        let good = std::fs::read(folder.join(name)).expect("a file");
        attack(250, &good, Otherwise::Another, &replaced(folder.join(name), read));
    }
}

#[test]
fn prop_backups() {
    let (folder, home) = home();
    let identity = age::x25519::Identity::generate();
    let file = folder.path().join("mine.age");
    let key = SealWith::Recipient(identity.to_public());
    backup::export(&home, "mine", &toy(), &file, &key, Overwrite::Refuse).expect("exported");
    let good = std::fs::read(&file).expect("the backup");
    let key = OpenWith::Identity(identity);
    attack(
        200,
        &good,
        Otherwise::Same,
        &replaced(file.clone(), || {
            let other = folder.path().join("other");
            let home = Home::open(Some(&other)).map_err(|error| error.to_string())?;
            let outcome = {
                let lock = home.lock().expect("the lock");
                backup::import(&home, &lock, &file, &toy(), None, &key).map_err(|error| error.to_string())
            };
            assert_eq!(home.datasets().expect("names").len(), usize::from(outcome.is_ok()), "whole or not at all");
            std::fs::remove_dir_all(&other).expect("removed");
            shown(outcome)
        }),
    );
    let file = folder.path().join("key.txt");
    let text = b"# a key\nAGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX\n";
    std::fs::write(&file, text).expect("written");
    for (bytes, words) in
        [(&b"\xff\xfe"[..], "not text"), (b"", "no identity"), (b"AGE-SECRET-KEY-1\n", "identity file")]
    {
        std::fs::write(&file, bytes).expect("written");
        let message = backup::identity(&file).map(drop).expect_err("no key").to_string();
        assert!(message.contains(words), "{message}");
    }
    std::fs::write(&file, b"\xff\xfe\xfd\xfc twelve and more\n").expect("written");
    let message = backup::passphrase(Some(&file)).map(drop).expect_err("not text").to_string();
    assert!(message.contains("not text"), "{message}");
}

#[test]
fn prop_the_attestors_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let desk = folder.path().join("desk");
    let signer = PrivateKeySigner::random();
    let audience = Audience { chain_id: 31337, registry: Address::ZERO, owner: Address::repeat_byte(1) };
    let attest = |desk: &Path| {
        let attestor = Attestor::open(desk).map_err(|error| error.to_string())?;
        shown(attestor.attest(srs(), &toy(), &dataset(), "me", &audience, &signer))
    };
    attest(&desk).expect("attested");
    let issued =
        std::fs::read_dir(desk.join("issued")).expect("a folder").next().expect("a file").expect("a file").path();
    let good = std::fs::read(&issued).expect("the file");
    // A file that can be read and is another is not given out again as it is: the records are known.
    attack(150, &good, Otherwise::Same, &|bytes| {
        fsio::write_secret(&issued, bytes, Overwrite::Replace).expect("written");
        let outcome = attest(&desk);
        fsio::write_secret(&issued, &good, Overwrite::Replace).expect("written");
        outcome
    });
    // A secret that was cut or lost is not replaced by another, under which no record would be known.
    let secret = desk.join("secret");
    let bytes = std::fs::read(&secret).expect("the secret");
    for length in [0, 1, 31] {
        fsio::write_secret(&secret, &bytes[..length], Overwrite::Replace).expect("written");
        let message = attest(&desk).expect_err("a cut secret");
        assert!(message.contains("32 bytes") && message.contains("secret"), "{message}");
    }
    std::fs::remove_file(&secret).expect("removed");
    assert!(matches!(Attestor::open(&desk), Err(AttestError::Format { .. })));
    assert!(!secret.exists());
}

#[test]
fn prop_deployments() {
    let folder = tempfile::tempdir().expect("a folder");
    let word = |byte: &str| format!("0x{}", byte.repeat(32));
    let good = format!(
        r#"{{"format":"zkpoc-deployment","version":1,"chain_id":5,"pools":{{"toy":{{"profile_id":"{0}","srs":{{"k":8,
        "digest":"{1}","origin":"ceremony"}},"block":7,"contracts":{{"Token":{{"address":"0x{2}","code_hash":"{0}",
        "code_bytes":9,"transaction":"{1}","gas_used":21000}}}}}}}}}}"#,
        word("11"),
        word("22"),
        "33".repeat(20)
    );
    let file = folder.path().join("5.json");
    let load = || shown(Deployment::load(folder.path(), 5));
    std::fs::write(&file, &good).expect("written");
    attack(400, good.as_bytes(), Otherwise::Another, &replaced(file.clone(), load));
    let twice = good.replace(r#"{"toy":"#, r#"{"toy":{},"toy":"#);
    std::fs::write(&file, twice).expect("written");
    assert!(load().expect_err("two pools of a name").contains("occurs twice"));
}

#[test]
fn prop_keystores() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("key.json");
    let zeros = "00".repeat(32);
    // Few rounds, so that a password is tried at once; it is the wrong one.
    let good = format!(
        r#"{{"crypto":{{"cipher":"aes-128-ctr","ciphertext":"{zeros}","cipherparams":{{"iv":"{0}"}},"kdf":"scrypt",
        "kdfparams":{{"dklen":32,"n":2,"p":1,"r":8,"salt":"{zeros}"}},"mac":"{zeros}"}},
        "id":"6c4485f3-3cc0-4081-848e-8bf489f2c262","version":3}}"#,
        "00".repeat(16)
    );
    std::env::set_var(signer::PASSWORD_VARIABLE, "not the password");
    attack(300, good.as_bytes(), Otherwise::Another, &|bytes| {
        std::fs::write(&file, bytes).expect("written");
        let error = signer::load(Some(&file)).map(drop).expect_err("the wrong password").to_string();
        assert!(error.contains("key.json"), "{error}");
        // The good file is one whose password is wrong; all others are refused for this or another reason.
        if bytes == good.as_bytes() {
            Ok(error)
        } else {
            Err(error)
        }
    });
}
