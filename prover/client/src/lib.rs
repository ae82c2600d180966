//! Client library of zkpoc.

#![forbid(unsafe_code)]

pub mod aggregation;
pub mod attest;
pub mod chain;
pub mod contracts_gen;
pub mod contradiction;
pub mod contribute;
pub mod data;
pub mod error;
pub mod exchange;
pub mod formats;
pub mod home;
pub mod vana;
pub mod watch;
