//! Verifier generator and contracts of zkpoc.
