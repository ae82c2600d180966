//! What public bytes say about a record: nothing, unless a rule about blinding is broken.
//!
//! [`system`] is a tester of guesses: given commitments, evaluations and links of many proofs, and a guess of a hidden
//! column, it says whether the guess is confirmed, refuted or neither. [`product`] makes real proofs under the real
//! ceremony's string; [`spy`] takes their bytes apart. [`shards`] asks about records, [`updates`] about updates and their
//! sums, [`sharing`] what two proofs of one statement have in common. The rules are broken on purpose in tests whose names
//! begin with `breaks_`, and there the tester finds the right guess: so it would find a leak in the product.

mod product;
mod shards;
mod sharing;
mod spy;
mod system;
mod updates;
