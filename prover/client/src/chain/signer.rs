//! The sender's key.
//!
//! It comes from the environment variable [`KEY_VARIABLE`] (64 hex digits, with or without `0x`) or from a keystore file
//! (Web3 Secret Storage, scrypt or PBKDF2) whose password is in [`PASSWORD_VARIABLE`] or asked for on the terminal. There
//! is no argument for it: arguments end up in the process list and in shell histories.
//!
//! # Checks
//! A keystore says itself how much memory and time its password costs, and of which length its parts are; all of it is
//! limited before the key is derived.
//!
//! # Errors
//! [`ChainError::Key`] names the variable or file and what is wrong with it, and never repeats its content.

use std::env::{self, VarError};
use std::io::IsTerminal;
use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::ChainError;
use crate::formats::{json, FormatError};
use zkpoc_prover::fsio;

/// The variable that holds a private key.
pub const KEY_VARIABLE: &str = "ZKPOC_PRIVATE_KEY";
/// The variable that holds a keystore's password.
pub const PASSWORD_VARIABLE: &str = "ZKPOC_KEYSTORE_PASSWORD";

/// Longest keystore file.
const KEYSTORE_LIMIT: u64 = 64 * 1024;
/// Most memory that a keystore may ask for, bytes: four times that of the usual ones.
const MEMORY_LIMIT: u64 = 1 << 30;
/// Most rounds of PBKDF2; usual are 262,144.
const ROUNDS_LIMIT: u32 = 1 << 24;

/// What is looked at before a keystore is opened.
#[derive(Deserialize)]
struct Keystore {
    crypto: Crypto,
}

#[derive(Deserialize)]
struct Crypto {
    cipher: String,
    cipherparams: CipherParameters,
    kdfparams: KdfParameters,
}

#[derive(Deserialize)]
struct CipherParameters {
    iv: String,
}

#[derive(Deserialize)]
struct KdfParameters {
    dklen: u32,
    c: Option<u32>,
    n: Option<u32>,
    p: Option<u32>,
    r: Option<u32>,
}

/// The key: from `keystore` if given, else from the environment; `None` if there is neither.
pub fn load(keystore: Option<&Path>) -> Result<Option<PrivateKeySigner>, ChainError> {
    if let Some(file) = keystore {
        return from_keystore(file).map(Some);
    }
    match variable(KEY_VARIABLE)? {
        Some(text) => parse(&text).map(Some),
        None => Ok(None),
    }
}

/// The key, where one is needed.
pub fn require(keystore: Option<&Path>) -> Result<PrivateKeySigner, ChainError> {
    load(keystore)?.ok_or(ChainError::NoKey)
}

fn parse(text: &str) -> Result<PrivateKeySigner, ChainError> {
    text.trim().parse().map_err(|_| ChainError::Key {
        origin: KEY_VARIABLE.into(),
        reason: "expected a private key of 64 hex digits, below the group's order".into(),
    })
}

fn from_keystore(file: &Path) -> Result<PrivateKeySigner, ChainError> {
    let error = |reason: String| ChainError::Key { origin: format!("keystore {}", file.display()), reason };
    let content = fsio::read(file, KEYSTORE_LIMIT).map_err(|reason| error(reason.to_string()))?;
    check_keystore(&content).map_err(|reason| error(reason.to_string()))?;
    let password = match variable(PASSWORD_VARIABLE)? {
        Some(password) => password,
        None => ask(file)?,
    };
    PrivateKeySigner::decrypt_keystore(file, password.as_bytes()).map_err(|reason| error(reason.to_string()))
}

/// Refuses what the decryption would not survive, or not in reasonable time and memory.
fn check_keystore(content: &[u8]) -> Result<(), FormatError> {
    let Crypto { cipher, cipherparams, kdfparams } =
        json::read::<Keystore>("keystore", content, KEYSTORE_LIMIT as usize)?.crypto;
    let field = |name: &str, expected: &str, found: String| Err(FormatError::field(name, expected, found));
    if cipher != "aes-128-ctr" {
        return field("crypto.cipher", "aes-128-ctr", cipher);
    }
    if cipherparams.iv.len() != 32 {
        return field(
            "crypto.cipherparams.iv",
            "32 hexadecimal digits",
            format!("{} characters", cipherparams.iv.len()),
        );
    }
    if kdfparams.dklen != 32 {
        return field("crypto.kdfparams.dklen", "32", kdfparams.dklen.to_string());
    }
    match (kdfparams.c, kdfparams.n, kdfparams.p, kdfparams.r) {
        (Some(c), None, None, None) if (1..=ROUNDS_LIMIT).contains(&c) => Ok(()),
        (Some(c), None, None, None) => field("crypto.kdfparams.c", &format!("1 to {ROUNDS_LIMIT}"), c.to_string()),
        (None, Some(n), Some(p), Some(r)) => {
            let memory = u64::from(n).saturating_mul(u64::from(r)).saturating_mul(128);
            let fits = memory <= MEMORY_LIMIT && n.is_power_of_two() && n > 1 && (1..=16).contains(&p) && r > 0;
            let found = format!("n = {n}, p = {p}, r = {r}");
            let expected = format!("a power of two as n, p from 1 to 16, and 128 n r at most {MEMORY_LIMIT}");
            if fits {
                Ok(())
            } else {
                field("crypto.kdfparams", &expected, found)
            }
        }
        _ => field("crypto.kdfparams", "those of scrypt (n, p, r) or of PBKDF2 (c)", "others".into()),
    }
}

/// Asks on the terminal, without echo.
fn ask(file: &Path) -> Result<Zeroizing<String>, ChainError> {
    let error = |reason: String| ChainError::Key { origin: format!("password of {}", file.display()), reason };
    let terminal = console::Term::stderr();
    if !terminal.is_term() || !std::io::stdin().is_terminal() {
        return Err(error(format!("there is no terminal to ask on; set {PASSWORD_VARIABLE}")));
    }
    terminal
        .write_line(&format!("Password of {}:", file.display()))
        .and_then(|()| terminal.read_secure_line())
        .map(Zeroizing::new)
        .map_err(|source| error(source.to_string()))
}

/// A variable's value; an empty one counts as absent.
fn variable(name: &str) -> Result<Option<Zeroizing<String>>, ChainError> {
    match env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => {
            Err(ChainError::Key { origin: name.into(), reason: "its value is not text".into() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_keys_with_and_without_prefix() {
        let digits = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let plain = parse(digits).expect("digits");
        let prefixed = parse(&format!("0x{digits}\n")).expect("prefixed");
        assert_eq!(plain.address(), prefixed.address());
    }

    #[test]
    fn rejects_bad_keys_without_repeating_them() {
        for bad in ["0x1234", "zz", &"f".repeat(64)] {
            let message = parse(bad).expect_err("no key").to_string();
            assert!(message.contains(KEY_VARIABLE) && !message.contains(bad), "{message}");
        }
    }

    #[test]
    fn rejects_keystores_that_ask_for_too_much_or_too_little() {
        let keystore = |iv: &str, parameters: &str| {
            format!(
                r#"{{"crypto":{{"cipher":"aes-128-ctr","ciphertext":"{0}","cipherparams":{{"iv":"{iv}"}},"kdf":"scrypt",
                "kdfparams":{{{parameters},"salt":"{0}"}},"mac":"{0}"}},"id":"6c4485f3-3cc0-4081-848e-8bf489f2c262","version":3}}"#,
                "00".repeat(32)
            )
        };
        let iv = "00".repeat(16);
        for good in [r#""dklen":32,"n":262144,"p":1,"r":8"#, r#""dklen":32,"c":262144,"prf":"hmac-sha256""#] {
            check_keystore(keystore(&iv, good).as_bytes()).expect(good);
        }
        for (bad, field) in [
            (r#""dklen":31,"n":2,"p":1,"r":8"#, "dklen"),
            (r#""dklen":0,"n":2,"p":1,"r":8"#, "dklen"),
            (r#""dklen":32,"n":2147483648,"p":1,"r":8"#, "kdfparams"),
            (r#""dklen":32,"n":262144,"p":1,"r":4294967295"#, "kdfparams"),
            (r#""dklen":32,"n":0,"p":1,"r":8"#, "kdfparams"),
            (r#""dklen":32,"n":3,"p":1,"r":8"#, "kdfparams"),
            (r#""dklen":32,"n":2,"p":4294967295,"r":1"#, "kdfparams"),
            (r#""dklen":32,"n":2,"p":0,"r":1"#, "kdfparams"),
            (r#""dklen":32,"c":4294967295,"prf":"hmac-sha256""#, "kdfparams.c"),
            (r#""dklen":32"#, "kdfparams"),
            (r#""dklen":-1,"n":2,"p":1,"r":8"#, "keystore"),
            (r#""dklen":32,"dklen":32,"n":2,"p":1,"r":8"#, "occurs twice"),
        ] {
            let message = check_keystore(keystore(&iv, bad).as_bytes()).expect_err(bad).to_string();
            assert!(message.contains(field), "{bad}: {message}");
        }
        let short = keystore("00", r#""dklen":32,"n":2,"p":1,"r":8"#);
        assert!(check_keystore(short.as_bytes()).expect_err("iv").to_string().contains("iv"));
    }

    #[test]
    fn rejects_a_keystore_that_is_not_there() {
        let message = load(Some(Path::new("/nowhere/key.json"))).expect_err("no file").to_string();
        assert!(message.contains("/nowhere/key.json"), "{message}");
    }
}
