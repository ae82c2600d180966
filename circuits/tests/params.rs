//! The profiles that the crate embeds are those of `params/`, the folder that users read.
//!
//! The crate holds copies, so that it can be packaged. After a change: `cp params/*.toml circuits/params/`.

use std::collections::BTreeMap;
use std::path::Path;
use zkpoc_circuits::profile::Profile;

/// TOML files of a folder by name.
fn profiles(folder: &str) -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let profiles = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    let entry = |path: std::path::PathBuf| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        (name, std::fs::read_to_string(path).unwrap())
    };
    profiles.map(entry).collect()
}

#[test]
fn golden_embedded_profiles_are_those_of_the_repository() {
    let (embedded, repository) = (profiles("params"), profiles("../params"));
    let names: Vec<&str> = embedded.keys().map(String::as_str).collect();
    let mut built_in = Profile::builtin_names();
    built_in.sort_unstable();
    assert_eq!(names, built_in);
    assert_eq!(embedded, repository, "cp params/*.toml circuits/params/");
    for (name, text) in repository {
        assert_eq!(Profile::builtin(&name).map(|profile| profile.id()), Profile::from_toml(&text).ok().map(|p| p.id()));
    }
}
