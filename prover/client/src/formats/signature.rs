//! Signatures in files: of an account over an EIP-712 digest, in the one form that the contracts take.

use alloy::primitives::{Address, Signature, B256};

use super::FormatError;

/// Refuses a signature that is not the account's: the lower of the two possible ones, with 27 or 28.
pub(crate) fn check(signature: &[u8; 65], digest: &B256, account: Address) -> Result<(), FormatError> {
    let signer = Signature::try_from(&signature[..])
        .ok()
        .filter(|signed| signed.normalize_s().is_none() && matches!(signature[64], 27 | 28))
        .and_then(|signed| signed.recover_address_from_prehash(digest).ok());
    match signer == Some(account) {
        true => Ok(()),
        false => {
            let found = signer.map_or("none".to_owned(), |signer| signer.to_string());
            Err(FormatError::field("signature", format!("one by {account}"), found))
        }
    }
}
