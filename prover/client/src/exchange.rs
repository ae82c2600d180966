//! Openings of updates, handed from contributors to whoever makes the aggregate of a round.
//!
//! A claim carries commitments to its update. To add the updates of a round up and to show that the sum is theirs, whoever
//! finalizes the round needs what opens each commitment: the update and the blinding rows of its columns. This module
//! writes, checks, stores, serves and fetches such openings, and the models and acknowledgements that follow from them.
//!
//! - [`update`], [`share`]: an update's opening and a masked update as files;
//! - [`complaint`], [`acknowledgement`]: what members sign;
//! - [`item`]: kinds of things and their ids;
//! - [`store`]: a folder of them;
//! - [`http`]: the folder over HTTP;
//! - [`source`]: a folder or a URL, for those who fetch and publish.
//!
//! # Disclosure
//! **An opening gives the contributor's shard away to everyone who gets it.** It holds the exact integer gradient of a
//! small batch under a known model; the records of such a batch can be computed from it. The commitments hide it from the
//! rest of the world, and only from them. In the mode `open` there is no other protection than who can read the folder or
//! reach the server, so both are for a group whose members may see each other's records.
//!
//! # Soundness
//! An opening is not trusted to be what it says. [`Checker`] recomputes its commitments and compares all of them:
//! commitments bind, so what passes is the update that was proven. Three checks come before, without which a passing
//! opening could hold other numbers than the proven ones: as many tails as columns (columns without a tail would be left
//! out), tails no longer than [`TAIL`](zkpoc_circuits::grid::TAIL) (a longer one would add to cells of the update), and the
//! profile's bound on every cell (larger ones would be cut off). Guarded by `rejects_*` of the tests.
//!
//! # Errors
//! [`OpeningError`].

use alloy::primitives::B256;
use halo2_proofs::halo2curves::bn256::G1Affine;
use zeroize::Zeroizing;
use zkpoc_circuits::grid::{Grid, LayoutError};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::ReferenceError;

use crate::chain::words::points_id;
use crate::formats::FormatError;
use zkpoc_circuits::ErrorKind;
use zkpoc_engine::encoding::point_to_bytes;
use zkpoc_prover::commit::CommitError;
use zkpoc_prover::fsio::FsError;
use zkpoc_prover::prove::UpdateOpening;
use zkpoc_prover::srs::Srs;

pub mod acknowledgement;
pub mod complaint;
pub mod http;
pub mod item;
pub mod share;
pub mod source;
pub mod store;
pub mod update;

pub use http::Server;
pub use item::{Item, Kind, Limits};
pub use source::Source;
pub use store::{Folder, Put, Quota};

/// What is wrong with an opening, or with the place it is in.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// A file or folder.
    #[error(transparent)]
    File(#[from] FsError),
    /// Content that is not in its format.
    #[error("{origin}: {source}")]
    Format {
        /// The file or URL.
        origin: String,
        /// What is wrong in it.
        source: Box<FormatError>,
    },
    /// The profile has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An update of another shape.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A column cannot be committed to.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The SRS is of another size than the profile.
    #[error("the profile has k = {expected}, the SRS has k = {found}")]
    Size {
        /// k of the profile.
        expected: u32,
        /// k of the SRS.
        found: u32,
    },
    /// A value that no proof can have been about.
    #[error("update column {column}, row {row}: expected -{bound} to {bound}, found {found}")]
    Magnitude {
        /// The column.
        column: usize,
        /// The row.
        row: usize,
        /// The profile's bound.
        bound: u128,
        /// The value.
        found: i64,
    },
    /// Not one commitment for each column.
    #[error("expected {expected} commitments, one for each update column, found {found}")]
    Points {
        /// Update columns of the profile.
        expected: usize,
        /// Commitments given.
        found: usize,
    },
    /// The opening is of another commitment.
    #[error(
        "the opening does not open the commitment of update column {column}: expected {expected}, it gives {found}"
    )]
    Commitment {
        /// The column.
        column: usize,
        /// The claim's commitment.
        expected: String,
        /// The opening's.
        found: String,
    },
    /// The content is of another update or share than its name says.
    #[error("{origin}: expected the content of {expected}, found that of {found}")]
    Id {
        /// The file or URL.
        origin: String,
        /// The id it is asked for under.
        expected: B256,
        /// The id of the content.
        found: B256,
    },
    /// Not the id of a thing of this kind.
    #[error("{name:?} is no id among {}; expected {}", kind.name(), match kind {
        Kind::Acknowledgements => "a round, `-`, and 0x with 40 lowercase hexadecimal digits",
        Kind::Complaints => "a round, `-`, a claim, `-`, and 0x with 40 lowercase hexadecimal digits",
        _ => "0x and 64 lowercase hexadecimal digits",
    })]
    Name {
        /// The kind.
        kind: Kind,
        /// The text, cut short.
        name: String,
    },
    /// Another content has the name.
    #[error("another content is stored under {item} among the {}", item.kind().name())]
    Conflict {
        /// The item.
        item: Item,
    },
    /// The quota is used up.
    #[error("no room for more {}: at most {limit} {what} are kept", kind.name())]
    Full {
        /// The kind.
        kind: Kind,
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// An address that cannot be used.
    #[error("{url}: {reason}; expected a folder, http://HOST[:PORT]/ or https://HOST[:PORT]/")]
    Url {
        /// The address, without a password.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A server cannot be reached, or does not answer as it should.
    #[error("cannot {action} {url}: {reason}")]
    Http {
        /// What was tried, as a verb.
        action: &'static str,
        /// Where.
        url: String,
        /// Why not.
        reason: String,
    },
    /// A server said no.
    #[error("{url}: the server refused with status {status}: {reason}")]
    Refused {
        /// Where.
        url: String,
        /// Status code.
        status: u16,
        /// The server's words.
        reason: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The system's reason.
        source: std::io::Error,
    },
    /// No threads for the network.
    #[error("cannot start the network runtime: {0}")]
    Runtime(std::io::Error),
}

impl OpeningError {
    /// What the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::File(error) => error.kind(),
            _ if self.is_refusal() => ErrorKind::Refused,
            _ if self.is_environment() => ErrorKind::Environment,
            _ => ErrorKind::Input,
        }
    }

    fn format(origin: impl Into<String>) -> impl FnOnce(FormatError) -> Self {
        let origin = origin.into();
        move |source| Self::Format { origin, source: Box::new(source) }
    }

    /// True if an opening or a server's answer was refused as wrong.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Magnitude { .. }
                | Self::Commitment { .. }
                | Self::Id { .. }
                | Self::Conflict { .. }
                | Self::Refused { .. }
        )
    }

    /// True if the network, the disk or the system is at fault.
    pub fn is_environment(&self) -> bool {
        matches!(self, Self::Http { .. } | Self::Listen { .. } | Self::Runtime(_) | Self::Full { .. })
    }
}

/// The id of an update's commitment, as claims name it.
pub fn update_id(points: &[G1Affine]) -> Result<B256, OpeningError> {
    points_id(points).map_err(|_| OpeningError::Points { expected: 1, found: points.len() })
}

/// Recomputes what openings open.
#[derive(Debug)]
pub struct Checker<'a> {
    profile: &'a Profile,
    srs: &'a Srs,
    grid: Grid,
}

impl<'a> Checker<'a> {
    /// Refuses an SRS of another size.
    pub fn new(profile: &'a Profile, srs: &'a Srs) -> Result<Self, OpeningError> {
        if srs.k() != profile.k {
            return Err(OpeningError::Size { expected: profile.k, found: srs.k() });
        }
        Ok(Self { profile, srs, grid: Grid::new(profile)? })
    }

    /// The commitments of an opening whose shape and values fit the profile.
    pub fn commitments(&self, opening: &UpdateOpening) -> Result<Vec<G1Affine>, OpeningError> {
        opening.update.check(self.profile)?;
        update::check_tails(self.profile, &opening.tails).map_err(OpeningError::format("opening"))?;
        let bound = self.profile.bounds().update;
        for (column, cells) in self.grid.update_columns(&opening.update).iter().enumerate() {
            if let Some(row) = cells.iter().position(|cell| u128::from(cell.unsigned_abs()) > bound) {
                return Err(OpeningError::Magnitude { column, row, bound, found: cells[row] });
            }
        }
        let points = opening.commit(self.srs, &self.grid)?;
        match points.len() == self.grid.columns {
            true => Ok(points),
            false => Err(OpeningError::Points { expected: self.grid.columns, found: points.len() }),
        }
    }

    /// Checks an opening against the commitments of a claim.
    pub fn check(&self, opening: &UpdateOpening, points: &[G1Affine]) -> Result<(), OpeningError> {
        if points.len() != self.grid.columns {
            return Err(OpeningError::Points { expected: self.grid.columns, found: points.len() });
        }
        let found = self.commitments(opening)?;
        let different = points.iter().zip(&found).position(|(expected, found)| expected != found);
        let text = |point: &G1Affine| crate::formats::hexadecimal::encode(&point_to_bytes(point));
        match different {
            None => Ok(()),
            Some(column) => {
                Err(OpeningError::Commitment { column, expected: text(&points[column]), found: text(&found[column]) })
            }
        }
    }

    /// Writes an opening as a file, with the id that its commitments have.
    pub fn write(&self, opening: &UpdateOpening) -> Result<(B256, Zeroizing<Vec<u8>>), OpeningError> {
        let id = update_id(&self.commitments(opening)?)?;
        let bytes = update::write(self.profile, id, self.srs.digest(), opening)
            .map_err(OpeningError::format(format!("opening of {id}")))?;
        Ok((id, bytes))
    }

    /// Reads a file that must open the commitments of an id. `origin` is for messages: the file or URL.
    pub fn read(&self, origin: &str, id: B256, bytes: &[u8]) -> Result<UpdateOpening, OpeningError> {
        let file = update::read(self.profile, bytes).map_err(OpeningError::format(origin))?;
        let (expected, found) = (self.srs.digest(), file.header.srs_digest);
        if found != expected {
            return Err(OpeningError::format(origin)(FormatError::field("srs_digest", expected, found)));
        }
        let recomputed = update_id(&self.commitments(&file.opening)?)?;
        for found in [file.header.update_id, recomputed] {
            if found != id {
                return Err(OpeningError::Id { origin: origin.to_owned(), expected: id, found });
            }
        }
        Ok(file.opening)
    }

    /// Fetches the opening of an id and checks it; `None` if it is not there.
    pub fn fetch(&self, source: &Source, id: B256) -> Result<Option<UpdateOpening>, OpeningError> {
        let item = Item::Opening(id);
        let Some(bytes) = source.fetch(&item)? else { return Ok(None) };
        self.read(&source.origin(&item), id, &bytes).map(Some)
    }

    /// Publishes an opening. **Everyone who can read the source can compute the shard from it.**
    pub fn publish(&self, source: &Source, opening: &UpdateOpening) -> Result<(B256, Put), OpeningError> {
        let (id, bytes) = self.write(opening)?;
        Ok((id, source.publish(&Item::Opening(id), &bytes)?))
    }
}

#[cfg(test)]
mod tests;
