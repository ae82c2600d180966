//! Prover library of zkpoc.

pub mod blinding;
pub mod commit;
pub mod fsio;
pub mod keys;
pub mod link;
pub mod measure;
pub mod prove;
pub mod srs;
pub mod verify;
