//! Prover library of zkpoc.
