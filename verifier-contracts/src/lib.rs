//! Verifier generator and contracts of zkpoc.

pub mod compile;
pub mod generator;
pub mod tools;
pub mod transcript;
