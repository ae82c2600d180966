//! Prover library of zkpoc.

pub mod arith;
pub mod attest;
pub mod backup;
pub mod chain;
pub mod cli;
pub mod commit;
pub mod contracts_gen;
pub mod contribute;
pub mod data;
pub mod demo;
pub mod engine;
pub mod error;
pub mod float;
pub mod formats;
pub mod fsio;
pub mod home;
pub mod keys;
pub mod link;
pub mod metrics;
pub mod openings;
pub mod prove;
pub mod scripted;
pub mod srs;
pub mod stop;
pub mod verify;
pub mod watch;
