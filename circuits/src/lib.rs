//! Circuits of zkpoc.

#[cfg(feature = "test-utils")]
pub mod audit;
mod blinding;
pub mod columns;
pub mod dataset;
mod expr;
pub mod field;
pub mod grid;
pub mod instance;
pub mod profile;
pub mod quantize;
pub mod reference;
mod rotations;
pub mod round;
pub mod soundness;
pub mod training;
