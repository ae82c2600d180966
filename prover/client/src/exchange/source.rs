//! Where openings, models and acknowledgements come from and go to: a folder, or a server's URL.
//!
//! # Checks
//! A file is read up to the limit of its kind, whatever a server declares, and an opening is of the update that was asked
//! for, as far as its header says. Nothing that comes from here is true because of that: openings are for
//! [`Checker::fetch`](super::Checker::fetch), a model's id has to be recomputed, an acknowledgement's signature verified.
//!
//! A user and password in the URL (`https://user:password@host/`) are sent to the server and left out of messages.
//! Redirections are not followed. Over `http` to another machine everybody on the way can read what is sent, and with it
//! the shard behind an opening; that is warned about.
//!
//! # Errors
//! [`OpeningError`].

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::{redirect, Client, Response, StatusCode, Url};
use tokio::runtime::{Builder, Runtime};
use zeroize::Zeroizing;

use super::{store, Folder, Item, Kind, Limits, OpeningError, Put};
use crate::formats::{json, FormatError};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest pause within an answer.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
const TOTAL_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest list of ids, bytes.
const LIST_LIMIT: u64 = 4 << 20;
/// Longest reason that is repeated, bytes.
const REASON_LIMIT: u64 = 1024;

/// A folder or a server.
#[derive(Debug)]
pub enum Source {
    /// A folder of this machine.
    Folder(Folder),
    /// A server.
    Remote(Remote),
}

impl Source {
    /// A URL if the text has `://` in it, else a folder, which must be there.
    pub fn open(text: &str, limits: Limits) -> Result<Self, OpeningError> {
        match text.contains("://") {
            true => Remote::new(text, limits).map(Self::Remote),
            false => Folder::open(Path::new(text), limits).map(Self::Folder),
        }
    }

    /// Reads an item; `None` if it is not there.
    pub fn fetch(&self, item: &Item) -> Result<Option<Zeroizing<Vec<u8>>>, OpeningError> {
        match self {
            Self::Folder(folder) => folder.get(item),
            Self::Remote(remote) => remote.fetch(item),
        }
    }

    /// Stores an item that the caller has made or checked.
    pub fn publish(&self, item: &Item, bytes: &[u8]) -> Result<Put, OpeningError> {
        match self {
            Self::Folder(folder) => folder.put(item, bytes),
            Self::Remote(remote) => remote.publish(item, bytes),
        }
    }

    /// The items of a kind, sorted.
    pub fn list(&self, kind: Kind) -> Result<Vec<Item>, OpeningError> {
        match self {
            Self::Folder(folder) => folder.list(kind),
            Self::Remote(remote) => remote.list(kind),
        }
    }

    /// Where an item is, for messages.
    pub fn origin(&self, item: &Item) -> String {
        match self {
            Self::Folder(folder) => folder.path(item).display().to_string(),
            Self::Remote(remote) => remote.shown(&item_path(item)),
        }
    }
}

/// A server.
#[derive(Debug)]
pub struct Remote {
    runtime: Runtime,
    client: Client,
    base: Url,
    limits: Limits,
}

impl Remote {
    /// A server's URL; nothing is asked yet.
    pub fn new(url: &str, limits: Limits) -> Result<Self, OpeningError> {
        let wrong = |shown: &str, reason: &str| OpeningError::Url { url: shown.to_owned(), reason: reason.to_owned() };
        // A text that is no URL is not repeated: there may be a password in it.
        let mut base: Url = url.parse().map_err(|error| wrong("the address", &format!("{error}")))?;
        let shown = without_password(&base);
        if !matches!(base.scheme(), "http" | "https") {
            return Err(wrong(&shown, "is not HTTP"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(wrong(&shown, "has a query or a fragment"));
        }
        if !base.path().ends_with('/') {
            let path = format!("{}/", base.path());
            base.set_path(&path);
        }
        let runtime = Builder::new_current_thread().enable_all().build().map_err(OpeningError::Runtime)?;
        crate::tls::provide();
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(READ_TIMEOUT)
            .timeout(TOTAL_TIMEOUT)
            .build()
            .map_err(|error| wrong(&shown, &explain(error)))?;
        Ok(Self { runtime, client, base, limits })
    }

    fn fetch(&self, item: &Item) -> Result<Option<Zeroizing<Vec<u8>>>, OpeningError> {
        let path = item_path(item);
        let limit = self.limits.get(item.kind());
        let bytes = self.get(&path, limit)?;
        if let Some(bytes) = &bytes {
            store::check_name(item, &self.shown(&path), bytes)?;
        }
        Ok(bytes)
    }

    fn list(&self, kind: Kind) -> Result<Vec<Item>, OpeningError> {
        let bytes = self.get(kind.name(), LIST_LIMIT)?.unwrap_or_else(|| Zeroizing::new(b"[]".to_vec()));
        let ids: Vec<String> = json::read("list of ids", &bytes, LIST_LIMIT as usize)
            .map_err(OpeningError::format(self.shown(kind.name())))?;
        let mut items = ids.iter().map(|id| Item::parse(kind, id)).collect::<Result<Vec<_>, _>>()?;
        items.sort();
        items.dedup();
        Ok(items)
    }

    fn publish(&self, item: &Item, bytes: &[u8]) -> Result<Put, OpeningError> {
        let path = item_path(item);
        let limit = self.limits.get(item.kind());
        if bytes.len() as u64 > limit {
            let (limit, actual) = (usize::try_from(limit).unwrap_or(usize::MAX), bytes.len());
            return Err(OpeningError::format(self.shown(&path))(FormatError::TooLarge { what: "file", limit, actual }));
        }
        if item.kind().is_secret() && self.base.scheme() == "http" && !self.is_local() {
            tracing::warn!(
                url = self.shown(""),
                "an opening is sent without encryption; others on the way can read it"
            );
        }
        self.runtime.block_on(async {
            const ACTION: &str = "send to";
            let sent = self.client.put(self.url(&path)?).body(bytes.to_vec()).send().await;
            let response = sent.map_err(|error| self.failed(ACTION, &path, error))?;
            match response.status() {
                StatusCode::CREATED => Ok(Put::Stored),
                StatusCode::OK => Ok(Put::Present),
                StatusCode::CONFLICT => Err(OpeningError::Conflict { item: *item }),
                status => Err(self.refused(&path, status, response).await),
            }
        })
    }

    fn get(&self, path: &str, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, OpeningError> {
        const ACTION: &str = "read from";
        self.runtime.block_on(async {
            let sent = self.client.get(self.url(path)?).send().await;
            let response = sent.map_err(|error| self.failed(ACTION, path, error))?;
            match response.status() {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND => return Ok(None),
                status => return Err(self.refused(path, status, response).await),
            }
            let read = collect(response, limit).await.map_err(|error| self.failed(ACTION, path, error))?;
            let too_large = || {
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                OpeningError::format(self.shown(path))(FormatError::TooLarge {
                    what: "answer",
                    limit,
                    actual: limit.saturating_add(1),
                })
            };
            read.map(Some).ok_or_else(too_large)
        })
    }

    /// True if the server is this machine.
    fn is_local(&self) -> bool {
        let host = self.base.host_str().unwrap_or_default();
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    fn url(&self, path: &str) -> Result<Url, OpeningError> {
        self.base.join(path).map_err(|error| OpeningError::Url { url: self.shown(path), reason: error.to_string() })
    }

    fn shown(&self, path: &str) -> String {
        format!("{}{path}", without_password(&self.base))
    }

    fn failed(&self, action: &'static str, path: &str, error: reqwest::Error) -> OpeningError {
        OpeningError::Http { action, url: self.shown(path), reason: explain(error) }
    }

    async fn refused(&self, path: &str, status: StatusCode, response: Response) -> OpeningError {
        let bytes = collect(response, REASON_LIMIT).await.ok().flatten().unwrap_or_default();
        // A server's words go to a terminal.
        let reason: String = String::from_utf8_lossy(&bytes).trim().chars().filter(|c| !c.is_control()).collect();
        let reason = match reason.is_empty() {
            true => status.canonical_reason().unwrap_or("no reason given").to_owned(),
            false => reason,
        };
        OpeningError::Refused { url: self.shown(path), status: status.as_u16(), reason }
    }
}

/// Reads a body; `None` if it is longer than `limit`.
async fn collect(mut response: Response, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, reqwest::Error> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Ok(None);
    }
    let mut bytes = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await? {
        if (bytes.len() as u64).saturating_add(chunk.len() as u64) > limit {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Some(bytes))
}

fn item_path(item: &Item) -> String {
    format!("{}/{item}", item.kind().name())
}

fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have one.
    let _none = (url.set_username(""), url.set_password(None));
    url.into()
}

/// The error and its causes, without the URL.
fn explain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
