//! What public bytes say about a record: nothing, unless a rule about blinding is broken.
//!
//! [`system`] is a tester of guesses: given commitments, evaluations and links of many proofs, and a guess of a hidden
//! column, it says whether the guess is confirmed, refuted or neither. [`product`] makes real proofs under the real
//! ceremony's string; [`spy`] takes their bytes apart. [`shards`] asks about records, [`updates`] about updates and their
//! sums, [`sharing`] what two proofs of one statement have in common. [`masked`] asks about members of a group whose sum is
//! public, [`masked_collusion`] what colluding members know, [`masked_sums`] about second sums, [`masked_keys`] about keys;
//! [`masked_group`] makes such groups, [`masked_view`] looks at them. The rules are broken on purpose in tests whose names begin with `breaks_`, and there
//! the tester finds the right guess: so it would find a leak in the product.

mod masked;
mod masked_collusion;
mod masked_group;
mod masked_keys;
mod masked_sums;
mod masked_view;
mod product;
mod shards;
mod sharing;
mod spy;
mod system;
mod updates;
