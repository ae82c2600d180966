//! No secret, in any usual form, in what the commands wrote, said or sent.

use std::collections::HashMap;
use std::path::Path;

use alloy::primitives::U256;
use zkpoc_circuits::profile::Profile;
use zkpoc_client::home::{blinding, Seed};
use zkpoc_engine::encoding::scalar_to_bytes;

/// Secrets by name, in many forms, found by their first bytes.
pub(crate) struct Secrets {
    by_start: HashMap<[u8; START], Vec<(String, Vec<u8>)>>,
}

/// Every form of a secret is at least this long.
const START: usize = 8;

impl Secrets {
    pub(crate) fn new() -> Self {
        Self { by_start: HashMap::new() }
    }

    fn form(&mut self, name: &str, bytes: Vec<u8>) {
        let start = bytes.first_chunk::<START>().unwrap_or_else(|| panic!("{name} is too short to look for"));
        let known = self.by_start.entry(*start).or_default();
        known.push((name.to_owned(), bytes));
    }

    /// Bytes: as they are, in hexadecimal, in base64 at each place of a longer text.
    pub(crate) fn bytes(&mut self, name: &str, secret: &[u8]) {
        self.form(name, secret.to_vec());
        let text = hex::encode(secret);
        self.form(&format!("{name} in capital hexadecimal"), text.to_uppercase().into_bytes());
        self.form(&format!("{name} in hexadecimal"), text.into_bytes());
        for before in 0..3 {
            let text = base64(&[&[0; 2][..before], secret].concat());
            // Only the digits that depend on the secret alone.
            let own = &text[(8 * before).div_ceil(6)..8 * (before + secret.len()) / 6];
            self.form(&format!("{name} in base64"), own.as_bytes().to_vec());
            self.form(&format!("{name} in base64 for addresses"), own.replace('+', "-").replace('/', "_").into_bytes());
        }
    }

    /// A number of 32 bytes, big-endian: both orders of its bytes, and its decimal digits.
    pub(crate) fn number(&mut self, name: &str, big_endian: &[u8; 32]) {
        self.bytes(name, big_endian);
        let reversed: Vec<u8> = big_endian.iter().rev().copied().collect();
        self.bytes(&format!("{name}, least significant byte first"), &reversed);
        self.form(&format!("{name} in decimal"), U256::from_be_bytes(*big_endian).to_string().into_bytes());
    }

    /// Small integers: as text, and as little-endian bytes of each usual width.
    pub(crate) fn integers(&mut self, name: &str, values: &[i64]) {
        for separator in [",", ", "] {
            let text: Vec<String> = values.iter().map(i64::to_string).collect();
            self.form(&format!("{name} as text"), text.join(separator).into_bytes());
        }
        for width in [1, 2, 4, 8] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()[..width].to_vec()).collect();
            if bytes.len() >= START + 4 {
                self.bytes(&format!("{name} in {width} bytes"), &bytes);
            }
        }
    }

    /// The secrets of a dataset of profile `toy`: its seed, what follows from it, and its records.
    pub(crate) fn dataset(&mut self, folder: &Path, records: &str) {
        let seed: [u8; 32] = std::fs::read(folder.join("secret/seed")).expect("a seed").try_into().expect("32 bytes");
        self.number("seed", &seed);
        let profile = Profile::builtin("toy").expect("the profile");
        for index in 0..4 {
            for (row, value) in blinding(&Seed::from_bytes(seed), &profile.id(), index).iter().enumerate() {
                self.number(&format!("blinding {row} of shard {index}"), &scalar_to_bytes(value));
            }
        }
        for (line, text) in records.lines().enumerate().take(4 * profile.batch) {
            let values: Vec<i64> = text.split(',').map(|value| value.parse().expect("a number")).collect();
            // The first column is the label.
            self.integers(&format!("record {line}"), &values[1..]);
        }
    }

    /// What opens the update of a stored claim: its blinding rows and its values.
    pub(crate) fn claim(&mut self, folder: &Path) {
        let tails = std::fs::read(folder.join("secret/blinding")).expect("blinding");
        for (row, word) in tails.chunks_exact(32).enumerate() {
            self.number(&format!("blinding row {row} of the update"), word.try_into().expect("32 bytes"));
        }
        let update = std::fs::read(folder.join("secret/update.safetensors")).expect("an update");
        let header = u64::from_le_bytes(update[..8].try_into().expect("8 bytes")) as usize;
        let values: Vec<i64> = update[8 + header..]
            .chunks_exact(8)
            .map(|word| i64::from_le_bytes(word.try_into().expect("8 bytes")))
            .collect();
        for (place, values) in values.chunks_exact(6).enumerate() {
            // A run of zeros is no secret and occurs everywhere.
            if values.iter().filter(|value| value.abs() > 9).count() >= 3 {
                self.integers(&format!("six values of the update from {}", 6 * place), values);
            }
        }
    }

    /// Names of the secrets in some bytes.
    pub(crate) fn found(&self, bytes: &[u8]) -> Vec<&str> {
        let mut found = Vec::new();
        for at in 0..bytes.len().saturating_sub(START - 1) {
            let start = bytes[at..].first_chunk::<START>().expect("long enough");
            let forms = self.by_start.get(start).into_iter().flatten();
            found.extend(forms.filter(|(_, form)| bytes[at..].starts_with(form)).map(|(name, _)| name.as_str()));
        }
        found
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let digit = |at: usize| (0..6).fold(0usize, |value, bit| value << 1 | usize::from(bits(at + bit)));
    (0..8 * bytes.len()).step_by(6).map(|at| DIGITS[digit(at)] as char).collect()
}

/// Every file of a folder with its name, but those that a test leaves out.
pub(crate) fn files(folder: &Path, skip: &dyn Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(folder).expect("inside").to_string_lossy().into_owned();
            match path.is_dir() {
                _ if skip(&name) => {}
                true => folders.push(path),
                false => out.push((name, std::fs::read(&path).expect("a file"))),
            }
        }
    }
    out
}

#[test]
fn base64_is_that_of_the_standard() {
    for (bytes, text) in [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
        assert_eq!(base64(bytes.as_bytes()), text);
    }
}

#[test]
fn every_form_of_a_secret_is_found_in_the_middle_of_other_bytes() {
    let mut secrets = Secrets::new();
    let word: [u8; 32] = std::array::from_fn(|at| (at as u8).wrapping_mul(37).wrapping_add(201));
    secrets.number("word", &word);
    secrets.integers("values", &[17, -4, 250, 0, 12, 13]);
    let mut reversed = word;
    reversed.reverse();
    let values: Vec<u8> = [17i64, -4, 250, 0, 12, 13].iter().flat_map(|value| value.to_le_bytes()).collect();
    for before in 0..4 {
        let around = |inner: &[u8]| [&vec![7; before][..], inner, &[9; 5]].concat();
        for inner in [
            word.to_vec(),
            reversed.to_vec(),
            hex::encode(word).into_bytes(),
            hex::encode_upper(reversed).into_bytes(),
            U256::from_be_bytes(word).to_string().into_bytes(),
            values.clone(),
            b"17,-4,250,0,12,13".to_vec(),
        ] {
            assert!(!secrets.found(&around(&inner)).is_empty(), "{before} {inner:?}");
        }
        assert!(!secrets.found(base64(&around(&word)).as_bytes()).is_empty(), "base64 after {before} bytes");
    }
    assert!(secrets.found(&[7; 200]).is_empty());
}
