//! What tests across the zkpoc crates start from.
//!
//! [`world`] is a pool on a local chain, with members, datasets and real proofs; [`stage`] is a local chain with the
//! `zkpoc` program. The tests themselves are in `tests/`.

#![forbid(unsafe_code)]
#![allow(missing_debug_implementations)] // nodes and keys have nothing to show
#![allow(clippy::new_without_default)] // nobody gets a chain without asking

pub mod stage;
pub mod world;
