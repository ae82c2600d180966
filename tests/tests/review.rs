//! Every test that the book's review names is there.

use std::path::Path;

const BOOK: [&str; 2] = ["docs/review.md", "docs/privacy.md"];

/// The `file#name` references of a page.
fn references(text: &str) -> Vec<(&str, &str)> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter_map(|code| code.split_once('#'))
        .filter(|(file, _)| file.contains('.') && !file.contains(' '))
        .collect()
}

#[test]
fn every_test_that_the_review_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for (page, least) in BOOK.into_iter().zip([120, 15]) {
        let text = std::fs::read_to_string(root.join(page)).expect("the page");
        let named = references(&text);
        assert!(named.len() >= least, "{page} names {} tests", named.len());
        for (file, name) in named {
            let source =
                std::fs::read_to_string(root.join(file)).unwrap_or_else(|error| panic!("{page}: {file}: {error}"));
            let is_test = match file.ends_with(".sol") {
                true => source.contains(&format!("function {name}(")),
                // Property tests are declared inside a macro, with arguments.
                false => source.contains(&format!("fn {name}(")) && source.contains("#[test]"),
            };
            assert!(is_test, "{page} names a test that {file} does not have: {name}");
        }
    }
}

#[test]
fn references_are_found_where_they_are_quoted() {
    let text = "see `a/b.rs#name_of_it`, `plain`, `c.t.sol#test_It` and `x # y`";
    assert_eq!(references(text), [("a/b.rs", "name_of_it"), ("c.t.sol", "test_It")]);
}
