//! The sender's key.
//!
//! It comes from the environment variable [`KEY_VARIABLE`] (64 hex digits, with or without `0x`) or from a keystore file
//! (Web3 Secret Storage, scrypt or PBKDF2) whose password is in [`PASSWORD_VARIABLE`] or asked for on the terminal. There
//! is no argument for it: arguments end up in the process list and in shell histories.
//!
//! # Errors
//! [`ChainError::Key`] names the variable or file and what is wrong with it, and never repeats its content.

use std::env::{self, VarError};
use std::io::IsTerminal;
use std::path::Path;

use alloy::signers::local::PrivateKeySigner;
use zeroize::Zeroizing;

use super::ChainError;

/// The variable that holds a private key.
pub const KEY_VARIABLE: &str = "ZKPOC_PRIVATE_KEY";
/// The variable that holds a keystore's password.
pub const PASSWORD_VARIABLE: &str = "ZKPOC_KEYSTORE_PASSWORD";

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
    if !file.is_file() {
        return Err(error("there is no such file".into()));
    }
    let password = match variable(PASSWORD_VARIABLE)? {
        Some(password) => password,
        None => ask(file)?,
    };
    PrivateKeySigner::decrypt_keystore(file, password.as_bytes()).map_err(|reason| error(reason.to_string()))
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
    fn rejects_a_keystore_that_is_not_there() {
        let message = load(Some(Path::new("/nowhere/key.json"))).expect_err("no file").to_string();
        assert!(message.contains("/nowhere/key.json"), "{message}");
    }
}
