//! What is handed over during a round, and how each thing is called.
//!
//! | kind | id | file in a folder | secret |
//! |---|---|---|---|
//! | openings | the update's id | `openings/0x{64 digits}.opening` | yes |
//! | models | the model's id | `models/0x{64 digits}.safetensors` | no |
//! | acknowledgements | round, next model and account | `acknowledgements/{round}-0x{64 digits}-0x{40 digits}.json` | no |
//! | shares | the share's id | `shares/0x{64 digits}.share` | no: masked |
//! | complaints | round, claim and account | `complaints/{round}-{claim}-0x{40 digits}.json` | no |
//!
//! An id has one spelling: lowercase hexadecimal after `0x`, and for a round decimal digits without leading zeros. File
//! names are made from parsed ids only, so no text from outside becomes part of a path.

use std::fmt;

use alloy::primitives::{Address, B256};
use zkpoc_circuits::profile::Profile;

use super::{update, OpeningError};
use crate::formats::{hexadecimal, tensors};

/// A kind of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Openings of updates: secrets of the group that makes the aggregate.
    Openings,
    /// Models.
    Models,
    /// Signed statements of claimants that they hold the next model.
    Acknowledgements,
    /// Masked updates of groups, for everyone.
    Shares,
    /// Signed statements of members that another one's share is not to be had.
    Complaints,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Openings, Self::Models, Self::Acknowledgements, Self::Shares, Self::Complaints];

    /// Its folder, and its part of a URL's path.
    pub fn name(self) -> &'static str {
        match self {
            Self::Openings => "openings",
            Self::Models => "models",
            Self::Acknowledgements => "acknowledgements",
            Self::Shares => "shares",
            Self::Complaints => "complaints",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// How its files' names end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Openings => "opening",
            Self::Models => "safetensors",
            Self::Acknowledgements | Self::Complaints => "json",
            Self::Shares => "share",
        }
    }

    /// Whether its files are for their owner alone.
    pub fn is_secret(self) -> bool {
        self == Self::Openings
    }

    /// Whether a server can take new ones. Models are made by whoever runs the server.
    pub fn is_accepted(self) -> bool {
        self != Self::Models
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Openings | Self::Models | Self::Shares => "application/octet-stream",
            Self::Acknowledgements | Self::Complaints => "application/json",
        }
    }
}

/// One thing, by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// The opening of an update, by the update's id.
    Opening(B256),
    /// A model, by its id.
    Model(B256),
    /// An account's acknowledgement of a next model in a round.
    Acknowledgement {
        /// The round.
        round: u64,
        /// Id of the next model.
        model: B256,
        /// The account.
        account: Address,
    },
    /// The share of a group's member, by the share's id.
    Share(B256),
    /// An account's word that a claim's share is not to be had.
    Complaint {
        /// The round.
        round: u64,
        /// The claim.
        number: u64,
        /// The account.
        account: Address,
    },
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening(id) | Self::Model(id) | Self::Share(id) => f.write_str(&hexadecimal::encode(id.as_slice())),
            Self::Acknowledgement { round, model, account } => {
                let (model, account) = (hexadecimal::encode(model.as_slice()), hexadecimal::encode(account.as_slice()));
                write!(f, "{round}-{model}-{account}")
            }
            Self::Complaint { round, number, account } => {
                write!(f, "{round}-{number}-{}", hexadecimal::encode(account.as_slice()))
            }
        }
    }
}

impl Item {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Opening(_) => Kind::Openings,
            Self::Model(_) => Kind::Models,
            Self::Acknowledgement { .. } => Kind::Acknowledgements,
            Self::Share(_) => Kind::Shares,
            Self::Complaint { .. } => Kind::Complaints,
        }
    }

    /// Reads an id.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, OpeningError> {
        let word = || hexadecimal::decode_array("id", text).ok().map(B256::new);
        let item = match kind {
            Kind::Openings => word().map(Self::Opening),
            Kind::Models => word().map(Self::Model),
            Kind::Shares => word().map(Self::Share),
            Kind::Complaints => text.split_once('-').and_then(|(round, rest)| {
                let (number, account) = rest.split_once('-')?;
                let account = hexadecimal::decode_array("id", account).ok().map(Address::new)?;
                Some(Self::Complaint { round: round.parse().ok()?, number: number.parse().ok()?, account })
            }),
            Kind::Acknowledgements => text.split_once('-').and_then(|(round, rest)| {
                let (model, account) = rest.split_once('-')?;
                let model = hexadecimal::decode_array("id", model).ok().map(B256::new)?;
                let account = hexadecimal::decode_array("id", account).ok().map(Address::new)?;
                Some(Self::Acknowledgement { round: round.parse().ok()?, model, account })
            }),
        };
        // What does not print as it was written has a second spelling.
        item.filter(|item| item.to_string() == text)
            .ok_or_else(|| OpeningError::Name { kind, name: text.chars().take(80).collect() })
    }

    /// The name of its file, in the folder of its kind.
    pub fn file_name(&self) -> String {
        format!("{self}.{}", self.kind().extension())
    }

    /// The item of a file's name.
    pub fn of_file_name(kind: Kind, name: &str) -> Option<Self> {
        let stem = name.strip_suffix(kind.extension())?.strip_suffix('.')?;
        Self::parse(kind, stem).ok()
    }
}

/// Length of the largest file of each kind, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of an opening.
    pub opening: u64,
    /// Of a model.
    pub model: u64,
    /// Of an acknowledgement or a complaint.
    pub acknowledgement: u64,
    /// Of a share.
    pub share: u64,
}

impl Limits {
    /// The limits of a profile.
    pub fn of(profile: &Profile) -> Self {
        let opening = update::limit(profile);
        let share = crate::exchange::share::limit(profile);
        Self { opening, model: opening.min(tensors::LIMIT), acknowledgement: 16 * 1024, share }
    }

    /// The limit of a kind.
    pub fn get(&self, kind: Kind) -> u64 {
        match kind {
            Kind::Openings => self.opening,
            Kind::Models => self.model,
            Kind::Acknowledgements | Kind::Complaints => self.acknowledgement,
            Kind::Shares => self.share,
        }
    }
}
