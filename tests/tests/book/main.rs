//! The book says what is there: its links lead somewhere, the files it names exist, and its tables of constraints are those
//! of the circuits.

mod review;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::{Circuit, ConstraintSystem};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::{Loss, OutputTable, Profile};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

/// Pages at the top of the repository.
const TOP: [&str; 4] = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md"];
/// What a path from the top of the repository begins with.
const FOLDERS: [&str; 8] =
    ["circuits/", "prover/", "verifier-contracts/", "tests/", "benches/", "params/", "docs/", ".ci/"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The pages of the book, as paths from the top.
fn book() -> Vec<String> {
    let entries = std::fs::read_dir(root().join("docs")).expect("the folder of the book");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"));
    let mut pages: Vec<String> =
        names.filter(|name| name.ends_with(".md")).map(|name| format!("docs/{name}")).collect();
    pages.sort();
    assert!(pages.len() >= 20, "{pages:?}");
    pages
}

fn pages() -> Vec<String> {
    book().into_iter().chain(TOP.map(str::to_owned)).collect()
}

/// The lines of a page outside of code blocks.
fn prose(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The targets of a text's links and images.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let parts = text.split("](").skip(1);
    parts.filter_map(|rest| rest.split_once(')')).map(|(target, _)| target.to_owned()).collect()
}

/// What is in single backquotes.
fn quoted(text: &str) -> Vec<String> {
    let text = prose(text);
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> BTreeSet<String> {
    let text = prose(text);
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    headings
        .map(|heading| {
            let kept = heading
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .collect::<String>();
            kept.replace(' ', "-")
        })
        .collect()
}

/// What is wrong with a link of a page, if anything is.
fn broken(page: &str, target: &str) -> Option<String> {
    if target.starts_with("http://") || target.starts_with("https://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = Path::new(page).parent().expect("a folder");
    let path = if file.is_empty() { PathBuf::from(page) } else { folder.join(file) };
    if !root().join(&path).exists() {
        return Some(format!("{page}: {target}: there is no {}", path.display()));
    }
    // The book is read as a book, too: mdBook rewrites links to pages, and knows its own only.
    if page.starts_with("docs/") && file.starts_with("..") && file.ends_with(".md") {
        return Some(format!("{page}: {target} leaves the book"));
    }
    if anchor.is_empty() || path.extension().is_none_or(|extension| extension != "md") {
        return None;
    }
    let known = anchors(&read(path.to_str().expect("a path")));
    (!known.contains(anchor)).then(|| format!("{page}: {target}: no such heading among {known:?}"))
}

/// The alternatives of `a/{b,c}.rs`.
fn alternatives(pattern: &str) -> Vec<String> {
    let Some((before, rest)) = pattern.split_once('{') else { return vec![pattern.to_owned()] };
    let Some((inner, after)) = rest.split_once('}') else { return vec![pattern.to_owned()] };
    inner.split(',').flat_map(|choice| alternatives(&format!("{before}{choice}{after}"))).collect()
}

/// Whether there is a file or folder of a name in which `*` stands for anything but `/`.
fn exists(folder: &Path, pattern: &str) -> bool {
    let (part, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
    let Some((start, end)) = part.split_once('*') else {
        let path = folder.join(part);
        return path.exists() && (rest.is_empty() || exists(&path, rest));
    };
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name().into_string().unwrap_or_default();
        let fits = name.len() >= start.len() + end.len() && name.starts_with(start) && name.ends_with(end);
        fits && (rest.is_empty() || exists(&entry.path(), rest))
    })
}

/// The repository's paths that a text names, without what follows `#`.
fn named_paths(text: &str) -> Vec<String> {
    let is_path = |text: &String| {
        FOLDERS.iter().any(|folder| text.starts_with(folder))
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "_./*{},-".contains(c))
    };
    let quoted = quoted(text).into_iter().map(|code| code.split('#').next().unwrap_or_default().to_owned());
    quoted.filter(is_path).flat_map(|path| alternatives(&path)).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in pages() {
        for target in links(&read(&page)) {
            count += 1;
            wrong.extend(broken(&page, &target));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 150, "only {count} links were found");
}

#[test]
fn every_file_that_is_named_exists() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for page in pages().into_iter().filter(|page| page != "CHANGELOG.md") {
        for path in named_paths(&read(&page)) {
            count += 1;
            if !exists(&root(), path.trim_end_matches('/')) {
                wrong.push(format!("{page}: {path}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these files are named and do not exist:\n{}", wrong.join("\n"));
    assert!(count >= 150, "only {count} paths were found");
}

#[test]
fn every_page_is_in_the_summary_and_in_the_index() {
    let (summary, index) = (links(&read("docs/SUMMARY.md")), links(&read("docs/README.md")));
    for page in book() {
        let name = page.trim_start_matches("docs/");
        // The summary is mdBook's table of contents, no page of the book.
        if name == "SUMMARY.md" {
            continue;
        }
        assert!(summary.iter().any(|target| target == name), "SUMMARY.md lacks {name}");
        assert!(name == "README.md" || index.iter().any(|target| target == name), "docs/README.md lacks {name}");
    }
}

/// Where modules are, in the order of the code map.
const SOURCES: [&str; 7] = [
    "circuits/src",
    "prover/engine/src",
    "prover/src",
    "verifier-contracts/src",
    "verifier-contracts/contracts",
    "prover/client/src",
    "prover/cli/src",
];

/// The source files below a folder but for tests, as paths from the top.
fn sources(folder: &str) -> Vec<String> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}")) {
        let entry = entry.expect("an entry");
        let name = entry.file_name().into_string().expect("a name");
        let path = format!("{folder}/{name}");
        match entry.path().is_dir() {
            true => out.extend(sources(&path)),
            false if name.ends_with("tests.rs") => {}
            false => out.extend((name.ends_with(".rs") || name.ends_with(".sol")).then_some(path)),
        }
    }
    out.sort();
    out
}

/// What a source says of itself: the first sentence of its documentation, or its title.
fn about(path: &str) -> String {
    let text = read(path);
    let line = match path.ends_with(".sol") {
        true => {
            let tagged = |tag| text.lines().find_map(|line| line.trim().strip_prefix(tag)).map(str::to_owned);
            tagged("/// @title ").or_else(|| tagged("/// @notice "))
        }
        false => {
            let lines =
                text.lines().skip_while(|line| !line.starts_with("//!")).map_while(|line| line.strip_prefix("//!"));
            let first: Vec<&str> = lines.map(str::trim).take_while(|line| !line.is_empty()).collect();
            let first = first.join(" ");
            // A full stop inside of a code span ends no sentence.
            let outside = |at: &usize| first[..*at].matches('`').count().is_multiple_of(2);
            let end = first.match_indices(". ").map(|(at, _)| at).find(outside).unwrap_or(first.len());
            (!first.is_empty()).then(|| first[..end].to_owned())
        }
    };
    let line = line.unwrap_or_else(|| panic!("{path} does not say what it is"));
    let plain = line
        .replace("[`", "`")
        .replace("`]", "`")
        .replace("mod@", "")
        .replace("super::", "")
        .replace("crate::", "")
        .replace('|', "\\|");
    plain.trim_end_matches('.').to_owned()
}

/// With `ZKPOC_REWRITE_MAP` set, writes the tables of the code map anew instead of comparing them.
#[test]
fn the_code_map_has_a_line_for_each_module() {
    let page = read("docs/code-map.md");
    let mut parts = page.split("<!-- modules of ");
    let mut wanted = parts.next().unwrap_or_default().to_owned();
    for (part, folder) in parts.zip(SOURCES) {
        assert!(part.starts_with(&format!("{folder} -->")), "expected the modules of {folder}");
        let (_, rest) = part.split_once("<!-- end -->").expect("the end of a table");
        let rows = sources(folder).into_iter().map(|path| format!("| `{path}` | {} |\n", about(&path)));
        let table = format!("| module | what it is |\n|---|---|\n{}", rows.collect::<String>());
        wanted += &format!("<!-- modules of {folder} -->\n\n{table}\n<!-- end -->{rest}");
    }
    assert_eq!(wanted.matches("<!-- end -->").count(), SOURCES.len());
    if std::env::var_os("ZKPOC_REWRITE_MAP").is_some() {
        std::fs::write(root().join("docs/code-map.md"), wanted).expect("written");
        return;
    }
    let known: BTreeSet<&str> = page.lines().collect();
    let missing: Vec<&str> = wanted.lines().filter(|line| !known.contains(line)).collect();
    assert!(
        missing.is_empty(),
        "the code map lacks these lines (ZKPOC_REWRITE_MAP=1 writes them):\n{}",
        missing.join("\n")
    );
    assert_eq!(page, wanted, "ZKPOC_REWRITE_MAP=1 writes the code map anew");
}

/// Names of constraints with their degrees, the largest over all circuits given.
fn constraints<C: Circuit<Fr>>(circuits: &[C]) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::new();
    for circuit in circuits {
        let mut cs = ConstraintSystem::default();
        C::configure_with_params(&mut cs, circuit.params());
        for gate in cs.gates() {
            for (index, polynomial) in gate.polynomials().iter().enumerate() {
                let degree = out.entry(gate.constraint_name(index).to_owned()).or_insert(0);
                *degree = polynomial.degree().max(*degree);
            }
        }
    }
    out
}

/// The built-in profiles, and small ones that have what those lack: a deeper network, narrower limbs, no hidden layer,
/// stacked columns, a softmax.
fn profiles() -> Vec<Profile> {
    let mut out: Vec<Profile> = Profile::builtin_names().into_iter().filter_map(Profile::builtin).collect();
    let toy = Profile::builtin("toy").expect("the profile");
    for (layers, batch, limb_bits, stack_bits) in
        [(vec![3, 4, 3, 2], 3, 4, 0), (vec![3, 2, 2], 3, 6, 0), (vec![3, 2], 6, 4, 0), (vec![3, 4, 2], 3, 4, 1)]
    {
        let shape = Profile { layers, batch, limb_bits, ..toy.clone() };
        let fits = |k| {
            let profile = Profile { k: k + stack_bits, stack_bits, ..shape.clone() };
            let fits = profile.validate().is_ok()
                && TrainingCircuit::new(&profile).is_ok()
                && DatasetCircuit::new(&profile).is_ok();
            fits.then_some(profile)
        };
        out.push((6..=12).find_map(fits).expect("a size"));
    }
    // A probability of 1 is 2^4, and two steps of the table are a unit of the exponent.
    let output_table = Some(OutputTable { table_bits: 4, exponent_bits: 6, probability_bits: 4 });
    out.push(Profile { loss: Loss::CrossEntropy, output_table, residual_shift: 1, target: 1 << 5, k: 9, ..toy });
    out
}

/// The table of the section `title`: constraints with their degrees.
fn table(page: &str, title: &str) -> BTreeMap<String, usize> {
    let section = page.split("\n## ").find(|section| section.starts_with(title)).expect("the section");
    let gates = section.split("\n### Gate ").skip(1);
    let rows = gates.flat_map(str::lines).filter(|line| line.starts_with("| `"));
    let mut out = BTreeMap::new();
    for row in rows {
        let cells: Vec<&str> = row.split(" | ").collect();
        let name = cells[0].trim_start_matches("| ").trim_matches('`').to_owned();
        let degree = cells[1].parse().unwrap_or_else(|_| panic!("no degree in {row}"));
        assert!(cells.last().is_some_and(|attack| attack.contains("#rejects_")), "no attack in {row}");
        assert!(out.insert(name, degree).is_none(), "twice: {row}");
    }
    out
}

#[test]
fn the_tables_of_constraints_are_the_circuits() {
    let page = read("docs/constraints.md");
    let profiles = profiles();
    let training: Vec<_> = profiles.iter().map(|profile| TrainingCircuit::new(profile).expect("a circuit")).collect();
    let dataset: Vec<_> = profiles.iter().map(|profile| DatasetCircuit::new(profile).expect("a circuit")).collect();
    let round: Vec<_> = profiles.iter().map(|profile| RoundCircuit::new(profile).expect("a circuit")).collect();
    assert_eq!(table(&page, "Training circuit"), constraints(&training));
    assert_eq!(table(&page, "Dataset circuit"), constraints(&dataset));
    assert_eq!(table(&page, "Round circuit"), constraints(&round));
}

#[test]
fn links_paths_and_anchors_are_found() {
    let text = "# A `b` c, d-e\n[x](y.md#z) and ![i](../i.svg)\n```\n[no](no.md) `tests/no.rs`\n```\n`tests/a.rs#b`, `x/y.rs`, `docs/{a,b}.md`";
    assert_eq!(links(text), ["y.md#z", "../i.svg"]);
    assert_eq!(named_paths(text), ["tests/a.rs", "docs/a.md", "docs/b.md"]);
    assert_eq!(anchors(text), BTreeSet::from(["a-b-c-d-e".to_owned()]));
    assert!(broken("docs/README.md", "nowhere.md").is_some() && broken("docs/README.md", "../README.md").is_some());
    assert!(broken("docs/README.md", "glossary.md#nobody-says-this").is_some());
    assert!(broken("docs/README.md", "glossary.md#data").is_none());
    assert!(exists(&root(), "docs/gloss*.md") && !exists(&root(), "docs/glass*.md") && !exists(&root(), "docs/x/*"));
}
