//! From the name of a constraint to its gate, its argument and its attack: the tables in the gate files are complete and true.
//!
//! Constraints and degrees come from the constraint systems themselves, so a gate that is added, renamed or changed without
//! its line in a table fails here.

use crate::support;

use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::plonk::ConstraintSystem;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use support::{shape, stacked};
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::kind::{CircuitKind, ProfileCircuit};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;

/// Names of constraints, with the largest degree that each has in any profile.
type Degrees = BTreeMap<String, usize>;

/// The built-in profiles, one with a softmax, one of several steps, and shapes with the constraints that those lack: narrow limbs, three layers, a place without an update.
fn profiles() -> Vec<Profile> {
    let built_in = Profile::builtin_names().into_iter().map(|name| Profile::builtin(name).unwrap());
    let shapes = [(&[3, 2, 2][..], 6, 0), (&[3, 4, 3, 2], 4, 0), (&[3, 4, 2], 4, 1)];
    let shapes = shapes.map(|(layers, limb_bits, stack)| stacked(shape(layers, 3, 1, limb_bits).unwrap(), stack));
    built_in.chain(shapes).chain([crate::training::softmax::profile(), crate::training::laps::profile()]).collect()
}

fn degrees<C: ProfileCircuit>() -> (CircuitKind, Degrees) {
    let mut out = Degrees::new();
    for circuit in profiles().iter().filter_map(|profile| C::of_profile(profile).ok()) {
        let mut cs = ConstraintSystem::<Fr>::default();
        C::configure_with_params(&mut cs, circuit.params());
        for gate in cs.gates() {
            for (index, polynomial) in gate.polynomials().iter().enumerate() {
                let degree = out.entry(gate.constraint_name(index).to_owned()).or_default();
                *degree = polynomial.degree().max(*degree);
            }
        }
    }
    (C::KIND, out)
}

fn all_degrees() -> [(CircuitKind, Degrees); 3] {
    [degrees::<TrainingCircuit>(), degrees::<DatasetCircuit>(), degrees::<RoundCircuit>()]
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file and those in the folder of its name.
fn module(stem: &str) -> Vec<(PathBuf, String)> {
    let mut paths = vec![folder(&format!("{stem}.rs"))];
    if let Ok(files) = std::fs::read_dir(folder(stem)) {
        paths.extend(files.map(|file| file.unwrap().path()));
    }
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

fn gate_files(kind: CircuitKind) -> Vec<(PathBuf, String)> {
    module(&format!("src/{kind}/gates"))
}

/// A line of a table of constraints.
struct Row {
    constraint: String,
    degree: usize,
    attack: String,
}

/// The tables of a file that have a column for attack tests.
fn rows(text: &str) -> Vec<Row> {
    let mut out = Vec::new();
    let mut header: Vec<&str> = Vec::new();
    for line in text.lines() {
        let Some(line) = line.strip_prefix("//! |") else {
            header.clear();
            continue;
        };
        let cells: Vec<&str> = line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        if header.is_empty() {
            header = cells;
            continue;
        }
        let cell = |name: &str| header.iter().position(|title| *title == name).map(|at| cells[at].to_owned());
        let (Some(constraint), Some(degree), Some(attack)) = (cell("constraint"), cell("degree"), cell("attack test"))
        else {
            continue;
        };
        // The line below the header has no number.
        if let Ok(degree) = degree.parse() {
            out.push(Row { constraint, degree, attack });
        }
    }
    out
}

/// A test's comments, and its text from its name to its end.
fn test_of(files: &[(PathBuf, String)], name: &str) -> Option<(String, String)> {
    files.iter().find_map(|(_, text)| {
        let at = text.find(&format!("fn {name}()"))?;
        let body = &text[at..];
        let body = &body[..body.find("\n}\n")?];
        let line = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let above = text[..line].lines().rev().take_while(|line| line.starts_with("///") || line.starts_with("#["));
        Some((above.collect(), body.to_owned()))
    })
}

#[test]
fn audit_every_constraint_has_its_line_with_the_right_degree() {
    for (kind, degrees) in all_degrees() {
        let mut listed = Degrees::new();
        for row in gate_files(kind).iter().flat_map(|(_, text)| rows(text)) {
            assert_eq!(listed.insert(row.constraint.clone(), row.degree), None, "{kind}: {} twice", row.constraint);
        }
        assert_eq!(listed, degrees, "{kind}");
        assert!(degrees.len() > 10, "{kind}");
    }
}

#[test]
fn audit_every_constraint_leads_to_its_gate_and_its_argument() {
    for (kind, _) in all_degrees() {
        for (path, text) in gate_files(kind) {
            let listed = rows(&text);
            let doc: String = text.lines().filter(|line| line.starts_with("//!")).collect();
            let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            let argument = doc.split_once("# Soundness").map_or("", |(_, argument)| argument);
            for Row { constraint, .. } in listed {
                let path = path.display();
                assert!(code.contains(&format!("\"{constraint}\"")), "{path}: no gate has {constraint}");
                assert!(
                    argument.contains(&format!("`{constraint}`")),
                    "{path}: the argument is silent on {constraint}"
                );
            }
        }
    }
}

#[test]
fn audit_every_constraint_leads_to_its_attack() {
    for (kind, _) in all_degrees() {
        let tests = module(&format!("tests/{kind}"));
        for Row { constraint, attack, .. } in gate_files(kind).iter().flat_map(|(_, text)| rows(text)) {
            let (comments, body) =
                test_of(&tests, &attack).unwrap_or_else(|| panic!("{kind}: {constraint} has no test {attack}"));
            assert!(comments.contains("#[test]"), "{kind}: {attack} is no test");
            assert!(comments.contains(&format!("`{constraint}`")), "{kind}: {attack} does not say {constraint}");
            assert!(body.contains(&format!("\"{constraint}\"")), "{kind}: {attack} does not expect {constraint}");
        }
    }
}

/// What a gate file queries with.
const QUERIES: [&str; 18] = [
    "q.advice(",
    "q.lane(",
    "q.chain(",
    "q.unit(",
    "q.fixed(",
    "q.challenge(",
    "q.selectors()",
    "fold(q,",
    "at(lane",
    "at(relu",
    "at(meta,",
    "cell(config",
    "cell(parts",
    "advice(config",
    "fixed(config",
    "query_fixed(",
    "query_instance(",
    "query_challenge(",
];

/// Above each query, with no empty line between, a comment says what binds the cell.
#[test]
fn audit_every_query_says_what_binds_its_cell() {
    let mut queries = 0;
    for (path, text) in CIRCUITS.into_iter().flat_map(gate_files) {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            if line.starts_with("//") || line.contains("fn ") || !QUERIES.iter().any(|query| line.contains(query)) {
                continue;
            }
            queries += 1;
            let above = lines[..number].iter().rev().take(7).take_while(|line| !line.is_empty());
            let comment: Vec<&str> = above
                .copied()
                .skip_while(|line| !line.starts_with("//"))
                .take_while(|line| line.starts_with("//"))
                .collect();
            let comment = comment.join(" ");
            assert!(
                ["bound by", "bound there by"].iter().any(|words| comment.contains(words)),
                "{}:{}: nothing says what binds {line}",
                path.display(),
                number + 1
            );
        }
    }
    assert!(queries > 80, "{queries}");
}

const CIRCUITS: [CircuitKind; 3] = [CircuitKind::Training, CircuitKind::Dataset, CircuitKind::Round];

/// A name that a comment gives in full is that of a constraint.
#[test]
fn audit_no_comment_names_a_constraint_that_is_none() {
    let known: BTreeSet<String> = all_degrees().into_iter().flat_map(|(_, degrees)| degrees.into_keys()).collect();
    let mut files: Vec<_> = CIRCUITS.into_iter().flat_map(gate_files).collect();
    files.extend(module("src/logup"));
    let dotted = |word: &&str| word.contains('.') && word.split('.').all(is_word) && !word.ends_with(".rs");
    let mut seen = 0;
    for (path, text) in files {
        let comments: Vec<&str> = text.lines().filter(|line| line.trim_start().starts_with("//")).collect();
        // Words between backticks are the odd parts.
        for line in comments {
            for word in line.split('`').skip(1).step_by(2).filter(dotted) {
                assert!(known.contains(word), "{}: there is no constraint {word}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 200, "{seen}");
}

fn is_word(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase())
}
