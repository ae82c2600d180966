use super::*;
use crate::exchange::tests::{file, limits};
use alloy::primitives::{Address, B256};

fn folder() -> (tempfile::TempDir, Folder) {
    let dir = tempfile::tempdir().expect("temporary folder");
    let folder = Folder::create(&dir.path().join("round"), limits()).expect("folder");
    (dir, folder)
}

fn acknowledgement(round: u64) -> Item {
    Item::Acknowledgement { round, model: B256::repeat_byte(3), account: Address::repeat_byte(7) }
}

#[test]
fn what_is_put_can_be_listed_and_read() {
    let (_dir, folder) = folder();
    let (id, bytes) = file();
    let item = Item::Opening(id);
    assert_eq!(folder.list(Kind::Openings).expect("list"), []);
    assert!(folder.get(&item).expect("look").is_none());
    assert_eq!(folder.put(&item, &bytes).expect("put"), Put::Stored);
    assert_eq!(folder.put(&item, &bytes).expect("put"), Put::Present);
    assert_eq!(folder.get(&item).expect("get").expect("there").as_slice(), bytes);
    assert_eq!(folder.list(Kind::Openings).expect("list"), [item]);
    let model = Item::Model(B256::repeat_byte(1));
    folder.put(&model, b"model").expect("put");
    folder.put(&acknowledgement(3), b"{}").expect("put");
    assert_eq!(folder.list(Kind::Models).expect("list"), [model]);
    assert_eq!(folder.list(Kind::Acknowledgements).expect("list"), [acknowledgement(3)]);
}

#[cfg(unix)]
#[test]
fn openings_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, folder) = folder();
    let (id, bytes) = file();
    let item = Item::Opening(id);
    folder.put(&item, &bytes).expect("put");
    let path = folder.path(&item);
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().expect("folder"))), (0o600, 0o700));
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).expect("chmod");
    assert!(matches!(folder.get(&item), Err(OpeningError::File(FsError::Exposed { .. }))));
}

#[cfg(unix)]
#[test]
fn rejects_links() {
    let (dir, folder) = folder();
    let (id, bytes) = file();
    let item = Item::Opening(id);
    folder.put(&item, &bytes).expect("put");
    let aside = dir.path().join("aside");
    fs::rename(folder.path(&item), &aside).expect("move");
    std::os::unix::fs::symlink(&aside, folder.path(&item)).expect("link");
    assert!(matches!(folder.get(&item), Err(OpeningError::File(FsError::NotAFile { .. }))));
    assert!(folder.put(&item, &bytes).is_err());
    assert_eq!(folder.list(Kind::Openings).expect("list"), []);
}

#[test]
fn rejects_openings_under_another_name() {
    let (_dir, folder) = folder();
    let (id, bytes) = file();
    let other = Item::Opening(B256::repeat_byte(9));
    assert!(matches!(folder.put(&other, &bytes), Err(OpeningError::Id { found, .. }) if found == id));
    assert!(matches!(folder.put(&other, b"{}"), Err(OpeningError::Format { .. })));
    folder.put(&Item::Opening(id), &bytes).expect("put");
    fs::rename(folder.path(&Item::Opening(id)), folder.path(&other)).expect("rename");
    let error = folder.get(&other).expect_err("renamed");
    assert!(matches!(&error, OpeningError::Id { origin, .. } if origin.ends_with(".opening")), "{error}");
}

#[test]
fn rejects_a_second_content() {
    let (_dir, folder) = folder();
    folder.put(&acknowledgement(1), b"{}").expect("put");
    let error = folder.put(&acknowledgement(1), b"[]").expect_err("second");
    assert!(matches!(error, OpeningError::Conflict { .. }), "{error}");
    assert_eq!(folder.get(&acknowledgement(1)).expect("get").expect("there").as_slice(), b"{}");
}

#[test]
fn rejects_more_than_the_quota_and_the_limits() {
    let (_dir, folder) = folder();
    let folder = folder.with_quota(Quota { files: 3, bytes: 10 });
    folder.put(&acknowledgement(1), b"123456").expect("put");
    let full = |item: &Item, bytes: &[u8]| match folder.put(item, bytes) {
        Err(OpeningError::Full { what, .. }) => what,
        other => panic!("{other:?}"),
    };
    assert_eq!(full(&acknowledgement(2), b"12345"), "bytes");
    folder.put(&acknowledgement(2), b"1").expect("put");
    folder.put(&acknowledgement(3), b"1").expect("put");
    assert_eq!(full(&acknowledgement(4), b"1"), "files");
    // What is there already needs no room.
    assert_eq!(folder.put(&acknowledgement(3), b"1").expect("again"), Put::Present);
    let long = vec![0; usize::try_from(limits().acknowledgement).expect("limit") + 1];
    assert!(matches!(folder.put(&acknowledgement(5), &long), Err(OpeningError::File(FsError::TooLarge { .. }))));
    fs::write(folder.path(&acknowledgement(6)), &long).expect("write");
    assert!(matches!(folder.get(&acknowledgement(6)), Err(OpeningError::File(FsError::TooLarge { .. }))));
}

#[test]
fn other_files_are_not_listed() {
    let (_dir, folder) = folder();
    folder.put(&acknowledgement(1), b"{}").expect("put");
    let inside = folder.root().join("acknowledgements");
    for name in [".zkpoc-tmp-abc", "README", "01-0x00.json", "x.json", ".json"] {
        fs::write(inside.join(name), b"{}").expect("write");
    }
    fs::create_dir(inside.join(acknowledgement(2).file_name())).expect("folder");
    assert_eq!(folder.list(Kind::Acknowledgements).expect("list"), [acknowledgement(1)]);
    assert!(folder.get(&acknowledgement(2)).is_err());
}

#[test]
fn rejects_folders_that_are_not_there() {
    let (dir, folder) = folder();
    let error = Folder::open(&dir.path().join("none"), limits()).expect_err("none");
    assert!(error.to_string().contains("none"), "{error}");
    folder.put(&acknowledgement(1), b"{}").expect("put");
    assert!(Folder::open(&folder.path(&acknowledgement(1)), limits()).is_err());
}
