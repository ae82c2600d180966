//! Verifier generator and contracts of zkpoc.

pub mod bindings;
pub mod compile;
pub mod deploy;
pub mod generator;
pub mod tools;
