//! Circuits of zkpoc.
