//! The classes of alterations, and what each verifier must say to them: the table [`CLASSES`].
//!
//! Native verifier and generated contract agree everywhere, and where one thing alone is wrong they also name the same fault
//! at the same place. The contract of `snark-verifier` 0.2.7 reduces instances and scalars modulo r, and never looks at the
//! number of bytes or instances; so it accepts what its column says, and nothing else. Classes of calldata and gas concern
//! our contract alone (the reference has no ABI), except that too little gas is no reason for either to accept.
//!
//! `docs/fuzzing.md` holds this table as text; a test compares them.

use super::abi;
use super::mutate;
use super::support::circuit::Random;
use mutate::{Made, Start};

/// What one verifier must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepts,
    /// With one of these faults, by name.
    Refuses(&'static [&'static str]),
}

/// What all of them must say; `None` where there is nothing to ask.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    pub(crate) native: Option<Answer>,
    pub(crate) ours: Answer,
    /// Whether the reference accepts.
    pub(crate) reference: Option<bool>,
    /// Whether the first two must name the same fault.
    pub(crate) same: bool,
}

/// A class of alterations.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) expect: Expect,
    /// Whether alterations of this class can be put on top of each other.
    pub(crate) stacks: bool,
    pub(crate) mutate: fn(Start<'_>, &mut Random) -> Made,
}

type Mutate = fn(Start<'_>, &mut Random) -> Made;
type Faults = &'static [&'static str];

/// Refused by all.
const fn refused(name: &'static str, faults: Faults, mutate: Mutate) -> Class {
    let answer = Answer::Refuses(faults);
    let expect = Expect { native: Some(answer), ours: answer, reference: Some(false), same: true };
    Class { name, expect, stacks: true, mutate }
}

/// Refused by ours, accepted by the reference.
const fn lenient(name: &'static str, faults: Faults, mutate: Mutate) -> Class {
    let class = refused(name, faults, mutate);
    Class { expect: Expect { reference: Some(true), ..class.expect }, stacks: false, ..class }
}

/// About calldata.
const fn encoding(name: &'static str, ours: Answer, mutate: Mutate) -> Class {
    Class { name, expect: Expect { native: None, ours, reference: None, same: false }, stacks: false, mutate }
}

const ANY: Faults = &["length", "count", "instance", "point", "scalar", "equation"];
const DECODING: Faults = &["abi", "length", "count"];

/// The table.
pub(crate) const CLASSES: &[Class] = &[
    refused("point bit", &["point"], mutate::point_bit),
    refused("coordinate + q", &["point"], mutate::point_alias),
    refused("coordinate >= q", &["point"], mutate::point_above),
    refused("point negated", &["equation"], mutate::point_negated),
    refused("points swapped", &["equation"], mutate::points_swapped),
    refused("point repeated", &["equation"], mutate::point_repeated),
    refused("point of another proof", &["equation"], mutate::point_transplanted),
    refused("point random", &["equation"], mutate::point_random),
    refused("point identity", &["point"], mutate::point_identity),
    refused("point off the curve", &["point"], mutate::point_off_curve),
    refused("scalar bit", &["scalar", "equation"], mutate::scalar_bit),
    lenient("scalar + r", &["scalar"], mutate::scalar_alias),
    refused("scalar >= r", &["scalar"], mutate::scalar_above),
    refused("scalar replaced", &["equation"], mutate::scalar_replaced),
    refused("scalars swapped", &["equation"], mutate::scalars_swapped),
    refused("scalar repeated", &["equation"], mutate::scalar_repeated),
    refused("scalar of another proof", &["equation"], mutate::scalar_transplanted),
    refused("rest of another proof", &["equation"], mutate::spliced),
    refused("random bytes", &["point", "scalar", "equation"], mutate::random_bytes),
    Class {
        expect: Expect {
            native: Some(Answer::Refuses(ANY)),
            ours: Answer::Refuses(ANY),
            reference: Some(false),
            same: false,
        },
        stacks: false,
        ..refused("several of these", ANY, mutate::stacked)
    },
    refused("truncated", &["length"], mutate::truncated),
    lenient("extended", &["length"], mutate::extended),
    lenient("trailing zeros", &["length"], mutate::trailing_zeros),
    refused("empty", &["length"], mutate::emptied),
    refused("word dropped", &["length"], mutate::word_dropped),
    refused("word inserted", &["length"], mutate::word_inserted),
    refused("instance bit", &["instance", "equation"], mutate::instance_bit),
    lenient("instance + r", &["instance"], mutate::instance_alias),
    refused("instance >= r", &["instance"], mutate::instance_above),
    refused("instance replaced", &["equation"], mutate::instance_replaced),
    refused("instances permuted", &["equation"], mutate::instances_permuted),
    refused("instances fewer", &["count"], mutate::instances_fewer),
    refused("instances more", &["count"], mutate::instances_more),
    refused("instances of another proof", &["equation"], mutate::instances_transplanted),
    refused("another circuit", &["length", "point", "scalar", "equation"], mutate::of_another_circuit),
    refused("other fixed columns", &["equation"], mutate::of_other_columns),
    refused("another SRS", &["equation"], mutate::of_another_srs),
    refused("another k", &["length", "equation"], mutate::of_another_size),
    encoding("calldata reordered", Answer::Accepts, abi::reordered),
    encoding("calldata trailing", Answer::Accepts, abi::trailing),
    encoding("calldata shifted", Answer::Accepts, abi::shifted),
    encoding("calldata overlapping", Answer::Refuses(DECODING), abi::overlapping),
    encoding("calldata out of range", Answer::Refuses(&["abi"]), abi::out_of_range),
    encoding("calldata lengths", Answer::Refuses(DECODING), abi::wrong_length),
    encoding("calldata dirty bits", Answer::Refuses(&["abi"]), abi::dirty),
    encoding("calldata cut", Answer::Refuses(&["abi"]), abi::cut),
    encoding("another selector", Answer::Refuses(&["abi"]), abi::selector),
    Class {
        expect: Expect {
            native: None,
            ours: Answer::Refuses(&["halt", "precompile"]),
            reference: Some(false),
            same: false,
        },
        ..encoding("too little gas", Answer::Accepts, abi::starved)
    },
];

impl Answer {
    fn cell(self) -> String {
        match self {
            Answer::Accepts => "accepts".into(),
            Answer::Refuses(faults) => faults.join(", "),
        }
    }
}

/// The table as Markdown.
fn markdown(rows: &[(&str, Expect)], reference: bool) -> String {
    let mut text = String::from("| class | native | contract |");
    text.push_str(if reference { " reference |\n|---|---|---|---|\n" } else { "\n|---|---|---|\n" });
    for (name, expect) in rows {
        let native = expect.native.map_or("-".into(), Answer::cell);
        text.push_str(&format!("| {name} | {native} | {} |", expect.ours.cell()));
        if reference {
            let cell = expect.reference.map_or("-", |accepts| if accepts { "accepts" } else { "refuses" });
            text.push_str(&format!(" {cell} |"));
        }
        text.push('\n');
    }
    text
}

/// The page that holds the tables as text.
const PAGE: &str = include_str!("../../../docs/fuzzing.md");

#[test]
fn the_written_tables_are_those_that_run() {
    let (proofs, links) = (super::fuzz::expected(), super::link::expected());
    for (rows, reference) in [(proofs, true), (links, false)] {
        let text = markdown(&rows, reference);
        assert!(PAGE.contains(&text), "docs/fuzzing.md lacks this table:\n\n{text}");
    }
}
