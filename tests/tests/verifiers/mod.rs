//! Three verifiers, one verdict; and no byte of a transcript without effect.
//!
//! [`kit`] holds circuits, their verifiers and valid proofs ([`proofs`] makes those of the product). [`classes`] is the table
//! of alterations and verdicts, [`mutate`] and [`abi`] make them, [`campaign`] runs them and counts, [`fuzz`] and [`link`] are
//! the campaigns on proofs and on links. [`order`] flips every byte that a verdict should depend on, and [`golden`]
//! holds on to a stored proof.

mod abi;
mod campaign;
mod classes;
mod fuzz;
mod golden;
mod kit;
mod link;
mod mutate;
mod order;
mod proofs;
#[path = "../../../verifier-contracts/tests/support/generator/mod.rs"]
mod support;
