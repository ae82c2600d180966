//! Every command line of the book exists: its subcommands, and each of its flags.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// What begins like a command and is none: the names of the EIP-712 domains.
const DOMAINS: [&str; 2] = ["zkpoc rounds", "zkpoc aggregation"];

/// The `zkpoc` lines of a page's code blocks and code spans, without comments.
fn command_lines(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim_start();
        if line.starts_with("```") {
            inside = !inside;
        } else if inside {
            out.push(line.split(" #").next().unwrap_or_default().trim().to_owned());
        } else {
            out.extend(line.split('`').skip(1).step_by(2).map(|code| code.trim().to_owned()));
        }
    }
    out.retain(|line| line.starts_with("zkpoc ") && !DOMAINS.contains(&line.as_str()));
    out
}

/// The subcommands and the long flags of a line. Alternatives (`a|b`) and lists (`a | b`) of an overview are left out.
fn parts(line: &str) -> Option<(Vec<&str>, Vec<&str>)> {
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let is_name = |word: &&&str| word.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !word.starts_with('-');
    let global = words.iter().take_while(|word| word.starts_with('-')).count() * 2;
    let names: Vec<&str> = words.iter().skip(global).take_while(is_name).copied().collect();
    let is_list = |word: &&str| *word == "|" || word.ends_with(',') || (word.contains('|') && !word.contains("DIR"));
    if names.is_empty() || words.iter().any(is_list) {
        return None;
    }
    let flags = words.iter().filter(|word| word.starts_with("--")).map(|word| word.trim_end_matches(','));
    Some((names, flags.collect()))
}

/// What the command behind some words says of itself: the first two name it, or the first alone and values follow.
fn help(names: &[&str]) -> Option<String> {
    (1..=names.len().min(2)).rev().find_map(|length| {
        let names = &names[..length];
        let output = Command::new(env!("CARGO_BIN_EXE_zkpoc")).args(names).arg("--help").output().expect("run");
        let text = String::from_utf8(output.stdout).expect("text");
        (output.status.success() && text.contains(&format!("Usage: zkpoc {}", names.join(" ")))).then_some(text)
    })
}

#[test]
fn every_command_of_the_book_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let entries = std::fs::read_dir(root.join("docs")).expect("the book");
    let mut pages: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    pages.push(root.join("README.md"));
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    let (mut count, mut wrong) = (0, Vec::new());
    for page in pages {
        let text = std::fs::read_to_string(&page).expect("a page");
        let name = page.file_name().expect("a name").to_string_lossy();
        for line in command_lines(&text) {
            let Some((names, flags)) = parts(&line) else { continue };
            count += 1;
            let key = names[..names.len().min(2)].join(" ");
            let Some(text) = known.entry(key).or_insert_with(|| help(&names)) else {
                wrong.push(format!("{name}: no such command: {line}"));
                continue;
            };
            let words: BTreeSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '-')).collect();
            let unknown = flags.into_iter().filter(|flag| !words.contains(flag));
            wrong.extend(unknown.map(|flag| format!("{name}: {flag} is no flag of: {line}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 80, "only {count} command lines were found");
}

#[test]
fn command_lines_are_taken_apart() {
    let text = "```\nzkpoc round claim mine --exchange URL   # until D1\nother\n```\n`zkpoc inspect toy --json`, `no`";
    let lines = command_lines(text);
    assert_eq!(lines, ["zkpoc round claim mine --exchange URL", "zkpoc inspect toy --json"]);
    assert_eq!(parts(&lines[0]), Some((vec!["round", "claim", "mine"], vec!["--exchange"])));
    assert_eq!(parts("zkpoc --home lab verify x.json --model m"), Some((vec!["verify"], vec!["--home", "--model"])));
    assert_eq!(parts("zkpoc round open | seal"), None);
    assert_eq!(parts("zkpoc stop canary|contradiction"), None);
}
