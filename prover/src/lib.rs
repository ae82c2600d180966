//! Prover library of zkpoc.

pub mod commit;
pub mod fsio;
pub mod link;
pub mod scripted;
pub mod srs;
