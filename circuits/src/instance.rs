//! The table of public inputs. One instance column; the order is part of the verifying key.
//!
//! | circuit | row | name | who computes it |
//! |---|---|---|---|
//! | training | 0 | context | the contract, from claimant, round, root, index, profile |
//! | training | 1 | norm bound | the contract, `2^norm_log2`; proven: squared norm of the update < bound |
//! | training | 2 | loss bound | the contract, `2^loss_log2`; proven: loss < bound |
//! | dataset | 0 | context | the contract, from registry, owner, root, index, profile |
//! | round | 0 | context | the contract, from round and included claims, or from the first model's seed |
//! | round | 1 | claims | the contract, the number of updates in the sum |
//!
//! The context is read by no gate: it is absorbed by the transcript before the first challenge, so a
//! proof verifies under one context only.

/// Row of the context.
pub const CONTEXT: usize = 0;
/// Row of the bound on the squared norm.
pub const NORM_BOUND: usize = 1;
/// Row of the bound on the loss.
pub const LOSS_BOUND: usize = 2;
/// Row of the number of claims.
pub const CLAIMS: usize = 1;
/// Public inputs of the training circuit.
pub const TRAINING_INPUTS: usize = 3;
/// Public inputs of the dataset circuit.
pub const DATASET_INPUTS: usize = 1;
/// Public inputs of the round circuit.
pub const ROUND_INPUTS: usize = 2;
