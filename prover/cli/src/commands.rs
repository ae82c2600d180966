//! One file for each command: its arguments, and what it does with them.

pub mod attest;
pub mod bench;
pub mod claim;
pub mod contracts;
pub mod dataset;
pub mod demo;
pub mod eval;
pub mod finalize;
pub mod group;
pub mod inspect;
pub mod keys;
pub mod prove;
pub mod register;
pub mod relay;
pub mod round;
pub mod serve;
pub mod srs;
pub mod stop;
pub mod train;
pub mod validate;
pub mod vana;
pub mod verify;
pub mod watch;
