//! Circuits of zkpoc.

pub mod profile;
pub mod quantize;
pub mod reference;
