use super::*;
use crate::home::tests::{dataset, home, profile};
use age::secrecy::ExposeSecret;

fn words() -> SecretString {
    SecretString::from("correct horse battery".to_owned())
}

/// A home with the dataset `mine`, and a backup of it for a fresh key pair.
fn backed_up() -> (tempfile::TempDir, Home, PathBuf, age::x25519::Identity) {
    let (dir, home) = home();
    let lock = home.lock().expect("lock");
    home.save_dataset(&lock, "mine", &profile(), &dataset()).expect("save");
    let identity = age::x25519::Identity::generate();
    let file = dir.path().join("backup.age");
    let key = SealWith::Recipient(identity.to_public());
    let manifest = export(&home, "mine", &profile(), &file, &key, Overwrite::Refuse);
    assert_eq!(manifest.expect("export"), dataset().manifest);
    drop(lock);
    (dir, home, file, identity)
}

fn restore(file: &Path, key: &OpenWith, rename: Option<&str>) -> Result<(String, crate::home::Dataset), BackupError> {
    let (_dir, other) = home();
    let lock = other.lock()?;
    match import(&other, &lock, file, &profile(), rename, key) {
        Ok((name, _)) => {
            let dataset = other.load_dataset(&name, &profile())?;
            Ok((name, dataset))
        }
        Err(error) => {
            assert!(other.datasets()?.is_empty(), "a failed import leaves nothing");
            Err(error)
        }
    }
}

#[test]
fn a_backup_restores_the_dataset_elsewhere() {
    let (_dir, _home, file, identity) = backed_up();
    let key = OpenWith::Identity(identity);
    let (name, restored) = restore(&file, &key, None).expect("import");
    assert_eq!(name, "mine");
    assert_eq!(restored.shards, dataset().shards);
    assert_eq!(restored.seed, dataset().seed);
    assert_eq!(restored.manifest, dataset().manifest);
    assert_eq!(restore(&file, &key, Some("second")).expect("import").0, "second");
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_another_does_not() {
    let (dir, home, _, _) = backed_up();
    let file = dir.path().join("words.age");
    let key = SealWith::Passphrase(words());
    export(&home, "mine", &profile(), &file, &key, Overwrite::Refuse).expect("export");
    restore(&file, &OpenWith::Passphrase(words()), None).expect("import");
    let wrong = OpenWith::Passphrase(SecretString::from("correct horse batterx".to_owned()));
    assert!(matches!(restore(&file, &wrong, None), Err(BackupError::Decrypt { .. })));
    let again = export(&home, "mine", &profile(), &file, &key, Overwrite::Refuse);
    assert!(matches!(again, Err(BackupError::File(FsError::Exists { .. }))));
}

#[test]
fn rejects_another_key_and_any_changed_byte() {
    let (dir, _home, file, identity) = backed_up();
    let other = OpenWith::Identity(age::x25519::Identity::generate());
    assert!(matches!(restore(&file, &other, None), Err(BackupError::Decrypt { .. })));
    let key = OpenWith::Identity(identity);
    let good = std::fs::read(&file).expect("backup");
    let bad_file = dir.path().join("bad.age");
    for at in (0..good.len()).step_by(good.len() / 150) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&bad_file, &bad).expect("write");
        assert!(restore(&bad_file, &key, None).is_err(), "byte {at}");
    }
    for length in [0, 10, 200, good.len() / 2, good.len() - 1] {
        std::fs::write(&bad_file, &good[..length]).expect("write");
        assert!(restore(&bad_file, &key, None).is_err(), "length {length}");
    }
}

#[test]
fn the_file_shows_no_secret() {
    let (_dir, home, file, _) = backed_up();
    let sealed = std::fs::read(&file).expect("backup");
    let contains = |needle: &[u8]| sealed.windows(needle.len()).any(|window| window == needle);
    assert!(!contains(dataset().seed.expose()) && !contains(b"zkpoc") && !contains(b"labels"));
    let records = home.dataset_dir("mine").expect("folder").join("secret/records.safetensors");
    let records = std::fs::read(records).expect("records");
    assert!(!contains(&records[records.len() - 32..]));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).expect("metadata").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn rejects_content_that_is_no_backup() {
    let (dir, _home, _, identity) = backed_up();
    let seal_with = SealWith::Recipient(identity.to_public());
    let key = OpenWith::Identity(identity);
    let file = dir.path().join("other.age");
    let part = |bytes: &[u8]| [&(bytes.len() as u64).to_le_bytes()[..], bytes].concat();
    let three = [MAGIC, &part(b"x"), &part(b"{}"), &part(b"")].concat();
    let four = [&three[..], &part(b"")].concat();
    let long = [MAGIC, &u64::MAX.to_le_bytes()[..], b"x"].concat();
    let contents: [&[u8]; 5] = [b"hello", &three, &long, &[&four[..], b"!"].concat(), &MAGIC[..10]];
    for content in contents {
        std::fs::write(&file, seal(content, &seal_with).expect("seal")).expect("write");
        let result = restore(&file, &key, None);
        assert!(matches!(result, Err(BackupError::Content { .. })), "{content:?}: {result:?}");
    }
    let escape = [MAGIC, &part(b"../x"), &part(b"{}"), &part(b""), &part(b"")].concat();
    std::fs::write(&file, seal(&escape, &seal_with).expect("seal")).expect("write");
    assert!(matches!(restore(&file, &key, None), Err(BackupError::Home(HomeError::Name { .. }))));
    std::fs::write(&file, seal(&four, &seal_with).expect("seal")).expect("write");
    assert!(matches!(restore(&file, &key, None), Err(BackupError::Home(HomeError::Format { .. }))));
}

#[test]
fn rejects_importing_over_a_dataset() {
    let (_dir, home, file, identity) = backed_up();
    let lock = home.lock().expect("lock");
    let result = import(&home, &lock, &file, &profile(), None, &OpenWith::Identity(identity));
    assert!(matches!(result, Err(BackupError::Home(HomeError::File(FsError::Exists { .. })))));
}

#[test]
fn passphrases_come_from_the_first_line_of_a_file_and_must_be_long() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("words");
    std::fs::write(&file, "correct horse battery\r\nsecond line").expect("write");
    assert_eq!(passphrase(Some(&file)).expect("words").expose_secret(), words().expose_secret());
    std::fs::write(&file, "short\n").expect("write");
    assert!(matches!(passphrase(Some(&file)), Err(BackupError::ShortPassphrase { actual: 5 })));
}

#[test]
fn rejects_keys_of_another_form() {
    assert!(matches!(recipient("ssh-ed25519 AAAA"), Err(BackupError::Key { .. })));
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("key");
    let identity_key = age::x25519::Identity::generate();
    let secret = identity_key.to_string();
    std::fs::write(&file, format!("# created\n{}\n", secret.expose_secret())).expect("write");
    let read = identity(&file).expect("identity");
    let public = recipient(&identity_key.to_public().to_string()).expect("recipient");
    assert_eq!(read.to_public().to_string(), public.to_string());
    std::fs::write(&file, "AGE-SECRET-KEY-1NONSENSE").expect("write");
    assert!(matches!(identity(&file), Err(BackupError::Key { .. })));
    std::fs::write(&file, "nothing").expect("write");
    assert!(matches!(identity(&file), Err(BackupError::Key { .. })));
}
