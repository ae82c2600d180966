//! Runs the Foundry suite with the installed tools, offline, and compares the gas of the main calls with `snapshots/gas.json`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use zkpoc_contracts::tools::Tools;

/// What `test/Gas.t.sol` measured, as forge writes it: the figures are strings.
fn gas(file: &Path) -> BTreeMap<String, u64> {
    let text = fs::read_to_string(file).expect("forge wrote the gas figures");
    let figures: BTreeMap<String, String> = serde_json::from_str(&text).expect("a table of figures");
    figures.into_iter().map(|(call, gas)| (call, gas.parse().expect("a number"))).collect()
}

#[test]
fn accepts_the_foundry_suite_and_its_gas() {
    let tools = Tools::ensure().expect("the pinned tools");
    let Ok(forge) = tools.forge() else {
        panic!("no forge for this system; run `forge test` by hand with Foundry installed");
    };
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let modules = tools.root().join("node_modules");
    let output = Command::new(forge)
        .arg("test")
        .arg("--root")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")))
        .arg("--remappings")
        .arg(format!("@openzeppelin/={}/", modules.join("@openzeppelin").display()))
        .arg("--lib-paths")
        .arg(&modules)
        .arg("--out")
        .arg(scratch.path().join("out"))
        .arg("--cache-path")
        .arg(scratch.path().join("cache"))
        .env("SOLCJS_ROOT", tools.root())
        .env("NO_COLOR", "1")
        .env("FOUNDRY_SNAPSHOTS", scratch.path().join("snapshots"))
        .output()
        .expect("forge runs");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "the Foundry suite failed:\n{text}");
    // An empty run also exits with 0.
    let passed = text
        .lines()
        .find_map(|line| line.split_once("): ")?.1.split_once(" tests passed"))
        .and_then(|(count, _)| count.parse::<u32>().ok());
    assert!(passed.is_some_and(|count| count >= 260), "too few Foundry tests ran: {passed:?}\n{text}");
    crate::snapshot::compare("gas.json", &gas(&scratch.path().join("snapshots").join("gas.json")));
}
