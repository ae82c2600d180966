//! Damaged and made-up content, drawn by proptest.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, Index};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// What stands for a number where one is expected.
const ODD_NUMBERS: [&str; 16] = [
    "NaN",
    "inf",
    "-inf",
    "1e400",
    "-1",
    "1.5",
    "0x10",
    "99999999999999999999",
    "18446744073709551615",
    "1152921504606846976",
    "",
    "null",
    "[]",
    "{}",
    "\"\"",
    "\"\\u0000\"",
];

/// One way to get from a good file to another.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    /// Anything at all.
    Random(Vec<u8>),
    /// The first part only.
    Cut(Index),
    /// One byte is another.
    Byte(Index, u8),
    /// A part is replaced.
    Part(Index, usize, Vec<u8>),
    /// A part occurs twice.
    Twice(Index, usize),
    /// Eight bytes say a huge number, in one of the two byte orders.
    Huge(Index, u64, bool),
    /// A decimal number is something else.
    Number(Index, &'static str),
    /// Something follows.
    More(Vec<u8>),
    /// A byte order mark comes first.
    Mark,
    /// Line breaks of another system.
    Breaks,
    /// Nesting without end.
    Deep(Index, &'static str),
}

/// Changes of every kind.
pub(crate) fn changes() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        2 => vec(any::<u8>(), 0..2048).prop_map(Change::Random),
        4 => at().prop_map(Change::Cut),
        6 => (at(), 1u8..=255).prop_map(|(at, bits)| Change::Byte(at, bits)),
        4 => (at(), 0..40usize, vec(any::<u8>(), 0..40)).prop_map(|(at, cut, new)| Change::Part(at, cut, new)),
        2 => (at(), 1..200usize).prop_map(|(at, length)| Change::Twice(at, length)),
        4 => (at(), select(vec![1 << 60, u64::MAX, 1 << 32, i64::MAX as u64]), any::<bool>())
            .prop_map(|(at, number, little)| Change::Huge(at, number, little)),
        4 => (at(), select(&ODD_NUMBERS[..])).prop_map(|(at, text)| Change::Number(at, text)),
        1 => vec(any::<u8>(), 1..40).prop_map(Change::More),
        1 => Just(Change::Mark),
        1 => Just(Change::Breaks),
        1 => (at(), select(vec!["[", "{\"a\":", "a.", "[[", "{a={"])).prop_map(|(at, text)| Change::Deep(at, text)),
    ]
}

impl Change {
    /// The changed content.
    pub(crate) fn apply(&self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        let place = |at: &Index| at.index(good.len().max(1));
        match self {
            Self::Random(random) => bytes.clone_from(random),
            Self::Cut(at) => bytes.truncate(place(at)),
            Self::Byte(at, bits) => bytes[place(at)] ^= bits,
            Self::Part(at, cut, new) => {
                let start = place(at);
                bytes.splice(start..(start + cut).min(good.len()), new.iter().copied());
            }
            Self::Twice(at, length) => {
                let start = place(at);
                let part = good[start..(start + length).min(good.len())].to_vec();
                bytes.splice(start..start, part);
            }
            Self::Huge(at, number, little) => {
                let start = place(at).min(good.len().saturating_sub(8));
                let number = if *little { number.to_le_bytes() } else { number.to_be_bytes() };
                let end = (start + 8).min(bytes.len());
                bytes.splice(start..end, number);
            }
            Self::Number(at, text) => {
                let digit = |at: usize| good.get(at).is_some_and(u8::is_ascii_digit);
                let starts: Vec<usize> =
                    (0..good.len()).filter(|at| digit(*at) && (*at == 0 || !digit(at - 1))).collect();
                if let Some(start) = starts.get(at.index(starts.len().max(1))).copied() {
                    let end = (start..good.len()).find(|at| !digit(*at)).unwrap_or(good.len());
                    bytes.splice(start..end, text.bytes());
                }
            }
            Self::More(more) => bytes.extend(more),
            Self::Mark => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
            Self::Breaks => {
                bytes = good.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect()
            }
            Self::Deep(at, text) => {
                let start = place(at);
                bytes.splice(start..start, text.repeat(20_000 / text.len()).into_bytes());
            }
        }
        bytes
    }
}

/// What a reader makes of bytes: a text that is equal for equal values, or why it refuses.
pub(crate) type Read<'a> = dyn Fn(&[u8]) -> Result<String, String> + 'a;

/// What may come of a changed file besides a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Only the value of the good file: everything is bound by something.
    Same,
    /// Another value: the format has no redundancy.
    Another,
}

/// Runs `cases` changes of a good file through a reader; every refusal has words, and not too many.
pub(crate) fn attack(cases: u32, good: &[u8], otherwise: Otherwise, read: &Read<'_>) {
    let value = read(good).expect("the good file");
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(config, random);
    let outcome = runner.run(&changes(), |change| {
        let bytes = change.apply(good);
        match read(&bytes) {
            Ok(read) if otherwise == Otherwise::Same => prop_assert!(read == value, "read as another value: {read}"),
            Ok(_) => {}
            Err(words) => {
                prop_assert!(words.len() > 8, "{words:?}");
                prop_assert!(words.len() < 200 + 4 * bytes.len(), "{} bytes of words", words.len());
            }
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}
