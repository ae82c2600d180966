//! A folder over HTTP.
//!
//! # Endpoints
//! `KIND` is `openings`, `models`, `acknowledgements`, `shares` or `complaints`; ids are those of [`item`](super::item).
//!
//! | request | answer |
//! |---|---|
//! | `GET /KIND` | 200, a JSON list of ids, sorted |
//! | `GET /KIND/ID` | 200, the file; 404 |
//! | `PUT /KIND/ID` | 201 stored, 200 was there already; not for models |
//!
//! Refusals carry one line of text: 400 not an id, or refused by the check (which one is said); 403 the server takes
//! nothing, or a name in `Host` (below); 404; 405; 408 the body came too slowly; 409 another content has this id; 413 too
//! long; 503 too many uploads at a time; 507 the quota is used up. What is wrong with the server's own folder is logged
//! and answered with 500.
//!
//! # Protection
//! - **There is no TLS and no login.** Whoever reaches the port can read every opening, and so compute shards. Listen on
//!   the loopback address (the default of the command) or in a network of the group; for anything else put a proxy with
//!   TLS and a login in front.
//! - On a loopback address, requests whose `Host` is a name other than `localhost` are refused, so that a web page cannot
//!   make a browser read openings under its own name (DNS rebinding). A proxy passes `Host: 127.0.0.1`.
//! - What is uploaded is stored only after the caller's [`Acceptance`] has seen it; two checks run at a time.
//! - Lengths are limited by [`Limits`](super::Limits), folders by [`Quota`](super::Quota), uploads to [`UPLOADS`] at a
//!   time, connections to [`CONNECTIONS`]; request heads, bodies and connections have the time of [`Timeouts`].
//! - Paths are made from parsed ids only.
//!
//! The bytes of requests and answers pass through buffers that are not wiped.
//!
//! # Errors
//! [`OpeningError`] when it cannot listen; no request ends the server.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::uri::Authority;
use axum::http::{header, HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{watch, Semaphore};
use tokio::task::{spawn_blocking, JoinSet};
use tokio::time::timeout;

use super::{Folder, Item, Kind, OpeningError, Put};

/// Where a server listens unless told otherwise.
pub const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8787);
/// Connections at a time; more wait.
pub const CONNECTIONS: usize = 64;
/// Uploads at a time; more are refused.
pub const UPLOADS: usize = 16;
const CHECKS: usize = 2;
const HEAD_BYTES: usize = 16 * 1024;
/// How long requests in progress are waited for at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Says why an uploaded file is refused. Runs on a thread where it may take its time.
pub type Acceptance = Arc<dyn Fn(&Item, &[u8]) -> Result<(), String> + Send + Sync>;

/// How long a client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the head of a request.
    pub head: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// For all requests of a connection, and for reading the answers.
    pub connection: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let [head, body, connection] = [10, 60, 300].map(Duration::from_secs);
        Self { head, body, connection }
    }
}

/// A server that listens but does not answer yet.
pub struct Server {
    listener: std::net::TcpListener,
    address: SocketAddr,
    folder: Folder,
    acceptance: Option<Acceptance>,
    timeouts: Timeouts,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Server({}, {}, accepts: {})", self.address, self.folder.root().display(), self.acceptance.is_some())
    }
}

impl Server {
    /// Listens. Without an acceptance nothing can be uploaded.
    pub fn bind(address: SocketAddr, folder: Folder, acceptance: Option<Acceptance>) -> Result<Self, OpeningError> {
        let listen = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = listen().map_err(|source| OpeningError::Listen { address, source })?;
        Ok(Self { listener, address, folder, acceptance, timeouts: Timeouts::default() })
    }

    /// The same server with other times.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Where it listens; the port is known even if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as a URL.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Answers until `stop` is done, then for a few seconds those who have asked before.
    pub fn run(self, stop: impl Future<Output = ()>) -> Result<(), OpeningError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("zkpoc-http")
            .enable_all()
            .build()
            .map_err(OpeningError::Runtime)?;
        runtime.block_on(async {
            let address = self.address;
            let listener = TcpListener::from_std(self.listener);
            let listener = listener.map_err(|source| OpeningError::Listen { address, source })?;
            let shared = Arc::new(Shared {
                folder: self.folder,
                acceptance: self.acceptance,
                timeouts: self.timeouts,
                loopback: address.ip().is_loopback(),
                uploads: Semaphore::new(UPLOADS),
                checks: Semaphore::new(CHECKS),
            });
            answer(&listener, router(shared), self.timeouts, stop).await;
            Ok(())
        })
    }
}

/// Serves a folder; a short form of [`Server`].
pub fn serve(
    folder: Folder,
    address: SocketAddr,
    acceptance: Option<Acceptance>,
    stop: impl Future<Output = ()>,
) -> Result<(), OpeningError> {
    Server::bind(address, folder, acceptance)?.run(stop)
}

struct Shared {
    folder: Folder,
    acceptance: Option<Acceptance>,
    timeouts: Timeouts,
    loopback: bool,
    uploads: Semaphore,
    checks: Semaphore,
}

async fn answer(listener: &TcpListener, router: Router, timeouts: Timeouts, stop: impl Future<Output = ()>) {
    let mut connections = JoinSet::new();
    let (ended, end) = watch::channel(());
    let mut stop = std::pin::pin!(stop);
    loop {
        // Finished ones are taken out; while too many are open, nobody is let in.
        while connections.try_join_next().is_some() {}
        if connections.len() >= CONNECTIONS {
            tokio::select! {
                () = &mut stop => break,
                _ = connections.join_next() => continue,
            }
        }
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(connection(stream, router.clone(), timeouts, end.clone()));
            }
            Err(error) => {
                // Such as too many open files; it passes.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(ended);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(FAREWELL, all).await.is_err() {
        tracing::warn!("connections were cut off at the end");
    }
}

async fn connection(stream: TcpStream, router: Router, timeouts: Timeouts, mut end: watch::Receiver<()>) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(timeouts.head).max_buf_size(HEAD_BYTES);
    let served = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut served = std::pin::pin!(served);
    let until_done = async {
        tokio::select! {
            done = served.as_mut() => done,
            _ = end.changed() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        }
    };
    match timeout(timeouts.connection, until_done).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        Err(_) => tracing::debug!("a connection took too long"),
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/{kind}", get(list))
        .route("/{kind}/{id}", get(fetch).put(store))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "nothing here") })
        .layer(middleware::from_fn_with_state(shared.clone(), check_host))
        .with_state(shared)
}

async fn check_host(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if shared.loopback && !is_local_host(request.headers()) {
        let reason = "expected `localhost` or an IP address in the header `Host`";
        return Refusal::new(StatusCode::FORBIDDEN, reason).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    response
}

fn is_local_host(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let authority = host.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    authority.is_some_and(|authority| {
        let host = authority.host();
        host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
    })
}

/// A status, and a line of text that says why.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl Refusal {
    fn new(status: StatusCode, reason: impl Into<String>) -> Self {
        Self(status, reason.into())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1 + "\n").into_response()
    }
}

async fn list(State(shared): State<Arc<Shared>>, Path(kind): Path<String>) -> Result<Response, Refusal> {
    let kind = self::kind(&kind)?;
    let folder = shared.folder.clone();
    let items = blocking(move || folder.list(kind)).await?;
    let ids: Vec<String> = items.iter().map(Item::to_string).collect();
    Ok(([(header::CONTENT_TYPE, "application/json")], serde_json::Value::from(ids).to_string()).into_response())
}

async fn fetch(
    State(shared): State<Arc<Shared>>,
    Path((kind, id)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    let item = item(&kind, &id)?;
    let folder = shared.folder.clone();
    let bytes = blocking(move || folder.get(&item)).await?;
    let bytes = bytes.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "not here"))?;
    let body = Body::from(Bytes::from_owner(bytes));
    Ok(([(header::CONTENT_TYPE, item.kind().media_type())], body).into_response())
}

async fn store(
    State(shared): State<Arc<Shared>>,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let item = item(&kind, &id)?;
    let _upload = shared
        .uploads
        .try_acquire()
        .map_err(|_| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "too many uploads at a time; try again"))?;
    // Read before anything is refused: a client that is still sending may not see the answer.
    let bytes = upload(&shared, shared.folder.limits().get(item.kind()), &headers, body).await?;
    if !item.kind().is_accepted() {
        let text = format!("{} are not taken from outside\n", item.kind().name());
        return Ok((StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET,HEAD")], text).into_response());
    }
    let takes_nothing = || Refusal::new(StatusCode::FORBIDDEN, "this server takes nothing");
    let acceptance = shared.acceptance.clone().ok_or_else(takes_nothing)?;
    let _check = shared.checks.acquire().await;
    let folder = shared.folder.clone();
    let stored = blocking(move || match acceptance(&item, &bytes) {
        Ok(()) => folder.put(&item, &bytes).map(Ok),
        Err(reason) => Ok(Err(reason)),
    });
    match stored.await? {
        Ok(Put::Stored) => Ok((StatusCode::CREATED, "stored\n").into_response()),
        Ok(Put::Present) => Ok((StatusCode::OK, "was here already\n").into_response()),
        Err(reason) => Err(Refusal::new(StatusCode::BAD_REQUEST, reason)),
    }
}

/// Reads a body within its limit and its time.
async fn upload(shared: &Shared, limit: u64, headers: &HeaderMap, body: Body) -> Result<Bytes, Refusal> {
    let too_long = || Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, format!("expected at most {limit} bytes"));
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit) {
        return Err(too_long());
    }
    let read = axum::body::to_bytes(body, usize::try_from(limit).unwrap_or(usize::MAX));
    match timeout(shared.timeouts.body, read).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_long()),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")),
    }
}

fn kind(name: &str) -> Result<Kind, Refusal> {
    Kind::parse(name).ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "no such kind"))
}

fn item(kind: &str, id: &str) -> Result<Item, Refusal> {
    let kind = self::kind(kind)?;
    Item::parse(kind, id).map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
}

/// Runs what may wait for the disk or compute; its errors become answers.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpeningError> + Send + 'static,
) -> Result<T, Refusal> {
    // What goes wrong here names paths of this machine: it is for the log.
    let fault = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "a request was not finished");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server has a fault; its log says more")
    };
    match spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error @ OpeningError::Conflict { .. })) => Err(Refusal::new(StatusCode::CONFLICT, error.to_string())),
        Ok(Err(error @ OpeningError::Full { .. })) => {
            Err(Refusal::new(StatusCode::INSUFFICIENT_STORAGE, error.to_string()))
        }
        Ok(Err(error)) => Err(fault(&error)),
        Err(error) => Err(fault(&error)),
    }
}

#[cfg(test)]
mod tests;
