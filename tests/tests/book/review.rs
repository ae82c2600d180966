//! Every test that the book names is there.

use std::path::Path;

/// Pages that rest on tests, and how many references each has at least.
const RESTS: [(&str, usize); 3] = [("review.md", 180), ("privacy.md", 30), ("constraints.md", 70)];

/// The `file#name` references of a page.
fn references(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.lines().flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted
        .filter_map(|code| code.split_once('#'))
        .filter(|(file, name)| file.contains('.') && !file.contains(' ') && !name.is_empty())
        .collect()
}

/// Whether a source declares a test of this name.
fn is_test(file: &str, source: &str, name: &str) -> bool {
    match file.ends_with(".sol") {
        true => source.contains(&format!("function {name}(")),
        // Property tests are declared inside a macro, with arguments.
        false => source.contains(&format!("fn {name}(")) && source.contains("#[test]"),
    }
}

#[test]
fn every_test_that_the_book_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut wrong = Vec::new();
    let mut rests = RESTS.to_vec();
    for entry in std::fs::read_dir(root.join("docs")).expect("the folder of the book") {
        let page = entry.expect("an entry").file_name().into_string().expect("a name");
        if !page.ends_with(".md") {
            continue;
        }
        let text = std::fs::read_to_string(root.join("docs").join(&page)).expect("the page");
        let named = references(&text);
        rests.retain(|(name, least)| *name != page || named.len() < *least);
        for (file, name) in named {
            match std::fs::read_to_string(root.join(file)) {
                Ok(source) if is_test(file, &source, name) => {}
                Ok(_) => wrong.push(format!("{page}: {file} has no test {name}")),
                Err(error) => wrong.push(format!("{page}: {file}: {error}")),
            }
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rests.is_empty(), "too few tests are named, or a page is gone: {rests:?}");
}

#[test]
fn every_attack_of_the_review_says_what_stops_it_and_names_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("docs/review.md")).expect("the page");
    let attacks: Vec<&str> = text.split("\n### ").skip(1).collect();
    assert!(attacks.len() >= 80, "{} attacks", attacks.len());
    for attack in attacks {
        let title = attack.lines().next().unwrap_or_default();
        let own = attack.split("\n## ").next().unwrap_or_default();
        for part in ["**Attack.** ", "**What stops it.** "] {
            assert_eq!(own.matches(part).count(), 1, "{title}: {part}");
        }
        assert!(!references(own).is_empty() || own.contains("**Tests.** None: "), "{title}: no tests");
    }
}

#[test]
fn references_are_found_where_they_are_quoted() {
    let text = "see `a/b.rs#name_of_it`, `plain`, `c.t.sol#test_It` and `x # y`";
    assert_eq!(references(text), [("a/b.rs", "name_of_it"), ("c.t.sol", "test_It")]);
    assert!(is_test("a.rs", "#[test]\nfn b() {}", "b") && !is_test("a.rs", "fn b() {}", "b"));
    assert!(is_test("a.t.sol", "function test_B() public", "test_B") && !is_test("a.t.sol", "", "test_B"));
}
