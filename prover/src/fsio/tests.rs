use super::*;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("temporary folder")
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("list")
        .map(|e| e.expect("entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn rejects_overwriting_unless_told() {
    let dir = folder();
    let path = dir.path().join("a");
    write(&path, b"one", Overwrite::Refuse).expect("first write");
    let error = write(&path, b"two", Overwrite::Refuse).expect_err("must refuse");
    assert!(matches!(&error, FsError::Exists { path: p } if *p == path), "{error}");
    assert_eq!(read(&path, 10).expect("read"), b"one");
    write(&path, b"three", Overwrite::Replace).expect("replace");
    assert_eq!(read(&path, 10).expect("read"), b"three");
    assert_eq!(names(dir.path()), ["a"], "no temporary is left behind");
}

#[test]
fn rejects_files_over_the_limit_and_names_them() {
    let dir = folder();
    let path = dir.path().join("big");
    write(&path, &[7; 100], Overwrite::Refuse).expect("write");
    assert_eq!(read(&path, 100).expect("exactly the limit").len(), 100);
    let error = read(&path, 99).expect_err("over the limit");
    assert!(matches!(error, FsError::TooLarge { limit: 99, actual: 100, .. }));
    assert!(error.to_string().contains("big"));
}

#[test]
fn rejects_folders_and_missing_files() {
    let dir = folder();
    assert!(matches!(read(dir.path(), 10), Err(FsError::NotAFile { .. })));
    assert!(read(&dir.path().join("none"), 10).expect_err("missing").is_not_found());
}

#[cfg(unix)]
#[test]
fn secrets_are_for_the_owner_alone_and_rejected_otherwise() {
    use std::os::unix::fs::PermissionsExt;
    let dir = folder();
    let secret_dir = dir.path().join("outer/inner");
    create_secret_dir(&secret_dir).expect("create");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&secret_dir), 0o700);

    let path = secret_dir.join("seed");
    write_secret(&path, b"secret", Overwrite::Refuse).expect("write");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(&**read_secret(&path, 100).expect("read"), b"secret");

    fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).expect("chmod");
    assert!(matches!(read_secret(&path, 100), Err(FsError::Exposed { mode: 0o640, .. })));

    fs::set_permissions(&secret_dir, PermissionsExt::from_mode(0o755)).expect("chmod");
    create_secret_dir(&secret_dir).expect("existing folder");
    assert_eq!(mode(&secret_dir), 0o700);
}

#[test]
fn a_staged_folder_appears_whole_or_not_at_all() {
    let dir = folder();
    let target = dir.path().join("dataset");

    let dropped = StagedDir::new(&target).expect("stage");
    write(&dropped.path().join("a"), b"1", Overwrite::Refuse).expect("write");
    drop(dropped);
    assert!(names(dir.path()).is_empty(), "an abandoned folder is removed");

    let staged = StagedDir::new(&target).expect("stage");
    fs::create_dir(staged.path().join("secret")).expect("subfolder");
    write(&staged.path().join("secret/b"), b"2", Overwrite::Refuse).expect("write");
    assert!(!target.exists());
    staged.publish(&["secret"]).expect("publish");
    assert_eq!(names(dir.path()), ["dataset"]);
    assert_eq!(read(&target.join("secret/b"), 5).expect("read"), b"2");
    assert!(matches!(StagedDir::new(&target), Err(FsError::Exists { .. })));
}

#[test]
fn rejects_publishing_over_a_folder_that_appeared_meanwhile() {
    let dir = folder();
    let target = dir.path().join("dataset");
    let staged = StagedDir::new(&target).expect("stage");
    fs::create_dir(&target).expect("someone else");
    assert!(matches!(staged.publish(&[]), Err(FsError::Exists { .. })));
    assert_eq!(names(dir.path()), ["dataset"]);
}

#[test]
fn sweep_removes_only_what_a_crash_left() {
    let dir = folder();
    let stray = dir.path().join(format!("{STAGING_PREFIX}x"));
    fs::create_dir(&stray).expect("folder");
    fs::write(stray.join("half"), b"x").expect("file");
    fs::write(dir.path().join(format!("{STAGING_PREFIX}y")), b"x").expect("file");
    fs::write(dir.path().join("kept"), b"x").expect("file");
    assert_eq!(sweep(dir.path()).expect("sweep"), 2);
    assert_eq!(names(dir.path()), ["kept"]);
}

#[test]
fn only_old_strays_are_swept_where_others_may_write() {
    let dir = folder();
    let stray = |name: &str, age: Duration| {
        let path = dir.path().join(name);
        fs::write(&path, b"half").expect("write");
        let time = std::time::SystemTime::now() - age;
        File::options().write(true).open(&path).and_then(|file| file.set_modified(time)).expect("time");
    };
    let old = STAGING_AGE + Duration::from_secs(60);
    stray(".zkpoc-tmp-old", old);
    stray(".zkpoc-tmp-new", Duration::ZERO);
    stray("other", old);
    assert_eq!(sweep_old(dir.path()).expect("sweep"), 1);
    assert_eq!(names(dir.path()), [".zkpoc-tmp-new", "other"]);
    assert_eq!(sweep_old(&dir.path().join("nowhere")).expect("nothing"), 0);
    assert_eq!(sweep(dir.path()).expect("sweep"), 1);
}
