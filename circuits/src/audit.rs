//! Audit of circuits: what a recorder sees when a circuit is synthesised, and native checks on it.
//!
//! # Shapes
//! | file | content |
//! |---|---|
//! | [`recorder`] | an [`Assignment`](halo2_proofs::plonk::Assignment) that keeps every assigned cell |
//! | [`terms`] | gates as sparse polynomials in their cells, once the fixed cells of a row are known |
//! | [`check`] | constraints that fail, cells read without being assigned, colliding rotations |
//! | [`order`] | second-phase cells that no constraint computes from what was committed before the challenges |
//! | [`rigidity`] | cells that a prover could move unnoticed, from the constraints' Jacobian |
//! | [`watch`] | which constraints notice a change of some cells |
//!
//! The proving system's own mock prover does not notice unassigned cells, cells assigned twice, or
//! gates that read blinding rows; these checks do, and they name the constraint that fails.
//!
//! # Errors
//! Synthesis errors of the circuit are passed on.
//!
//! # Source
//! Own.

pub mod check;
pub mod order;
pub mod recorder;
pub mod rigidity;
mod sparse;
pub mod terms;
pub mod watch;

pub use check::{Audit, BadRead, Collision, Failure};
pub use recorder::Recorder;
pub use rigidity::{Cell, Question, Rigidity};
pub use watch::Watch;
