//! Prover library of zkpoc.

pub mod commit;
pub mod fsio;
pub mod link;
pub mod scripted;
pub mod srs;
pub mod data;
pub mod formats;
pub mod keys;
pub mod metrics;
pub mod prove;
pub mod verify;
pub mod home;
pub mod backup;
pub mod cli;
pub mod error;
pub mod attest;
pub mod chain;
pub mod contracts_gen;
pub mod contribute;
pub mod demo;
