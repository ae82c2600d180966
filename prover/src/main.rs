//! The `zkpoc` command.
fn main() {}
