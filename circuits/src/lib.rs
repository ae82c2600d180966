//! Circuits of zkpoc.

#[cfg(feature = "test-utils")]
pub mod audit;
pub mod circuit;
pub mod columns;
pub mod dataset;
mod expr;
pub mod field;
pub mod grid;
pub mod instance;
pub mod kind;
mod logup;
pub mod profile;
pub mod quantize;
pub mod reference;
pub mod round;
pub mod soundness;
pub mod training;
