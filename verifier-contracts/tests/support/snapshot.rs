//! Figures that are committed and compared to the unit: `snapshots/*.json`, a name and a number each.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Set to 1, it makes the tests write the files anew.
const ENV_UPDATE: &str = "UPDATE_SNAPSHOTS";

/// Whether the committed figures are to be replaced.
pub(crate) fn updating() -> bool {
    std::env::var(ENV_UPDATE).is_ok_and(|value| value == "1")
}

/// Panics unless `got` are exactly the figures of `snapshots/<name>`, and says which differ and what to do.
pub(crate) fn compare(name: &str, got: &BTreeMap<String, u64>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots").join(name);
    assert!(!got.is_empty(), "no figures for {name}");
    if updating() {
        let text = serde_json::to_string_pretty(got).expect("figures are JSON");
        fs::write(&path, text + "\n").unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let expected: BTreeMap<String, u64> = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is no table of figures: {error}", path.display()));
    let differences = differences(&expected, got);
    assert!(
        differences.is_empty(),
        "{name} has changed:\n{}\nIf that is meant, run the same test with {ENV_UPDATE}=1 and commit snapshots/{name}",
        differences.join("\n")
    );
}

/// One line for each figure that is new, gone or another.
fn differences(expected: &BTreeMap<String, u64>, got: &BTreeMap<String, u64>) -> Vec<String> {
    let mut lines = Vec::new();
    for (figure, old) in expected {
        match got.get(figure) {
            Some(new) if new == old => {}
            Some(new) => lines.push(format!("  {figure}: {old} -> {new} ({:+})", i128::from(*new) - i128::from(*old))),
            None => lines.push(format!("  {figure}: {old} -> gone")),
        }
    }
    lines.extend(
        got.iter()
            .filter(|(figure, _)| !expected.contains_key(*figure))
            .map(|(figure, new)| format!("  {figure}: new, {new}")),
    );
    lines
}

#[test]
fn rejects_figures_that_differ_are_new_or_gone() {
    let table = |figures: &[(&str, u64)]| figures.iter().map(|(name, n)| ((*name).to_owned(), *n)).collect();
    let expected: BTreeMap<String, u64> = table(&[("a", 5), ("b", 6), ("c", 7)]);
    assert!(differences(&expected, &expected).is_empty());
    let got: BTreeMap<String, u64> = table(&[("a", 4), ("c", 7), ("d", 8)]);
    assert_eq!(differences(&expected, &got), ["  a: 5 -> 4 (-1)", "  b: 6 -> gone", "  d: new, 8"]);
}
