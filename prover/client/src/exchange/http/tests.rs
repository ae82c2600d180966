use std::io::{Read, Write};
use std::net::TcpStream as Stream;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Instant;

use super::*;
use crate::exchange::tests::{file, limits, opening, profile, srs};
use crate::exchange::{Checker, Quota, Source};
use alloy::primitives::{Address, B256};
use tokio::sync::oneshot;

/// A server on a free port, stopped when dropped.
struct Running {
    address: SocketAddr,
    dir: tempfile::TempDir,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), OpeningError>>>,
}

impl Running {
    fn start(accept: bool, timeouts: Timeouts) -> Self {
        let dir = tempfile::tempdir().expect("temporary folder");
        let folder = Folder::create(&dir.path().join("round"), limits()).expect("folder");
        let folder = folder.with_quota(Quota { files: 2, bytes: 1 << 20 });
        let acceptance: Acceptance = Arc::new(|item, bytes| {
            let profile = profile();
            match item {
                Item::Opening(id) => {
                    let checker = Checker::new(&profile, srs()).expect("checker");
                    checker.read("the opening", *id, bytes).map(|_| ()).map_err(|error| error.to_string())
                }
                _ => Ok(()),
            }
        });
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = Server::bind(any, folder, accept.then_some(acceptance)).expect("server").with_timeouts(timeouts);
        let address = server.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            server.run(async {
                let _dropped = stopped.await;
            })
        });
        Self { address, dir, stop: Some(stop), thread: Some(thread) }
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn source(&self) -> Source {
        Source::open(&self.url(), limits()).expect("source")
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("round")
    }

    fn connect(&self) -> Stream {
        let stream = Stream::connect(self.address).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
        stream
    }

    /// Sends bytes as they are, and reads to the end.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may have answered and gone.
        let _sent = stream.write_all(request);
        rest(&mut stream)
    }

    fn ask(&self, method: &str, path: &str) -> String {
        self.raw(format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").as_bytes())
    }

    fn put(&self, path: &str, body: &[u8]) -> String {
        let head = format!(
            "PUT {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("server").expect("clean end");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

fn rest(stream: &mut Stream) -> String {
    let mut bytes = Vec::new();
    let _cut = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0)
}

fn quick() -> Timeouts {
    let [head, body, connection] = [300, 300, 1500].map(Duration::from_millis);
    Timeouts { head, body, connection }
}

#[test]
fn e2e_an_opening_is_published_listed_fetched_and_checked() {
    let server = Running::start(true, Timeouts::default());
    let (profile, source, opening) = (profile(), server.source(), opening());
    let checker = Checker::new(&profile, srs()).expect("checker");
    let (id, put) = checker.publish(&source, &opening).expect("publish");
    assert_eq!(put, Put::Stored);
    assert_eq!(checker.publish(&source, &opening).expect("again").1, Put::Present);
    assert_eq!(source.list(Kind::Openings).expect("list"), [Item::Opening(id)]);
    assert_eq!(checker.fetch(&source, id).expect("fetch"), Some(opening.clone()));
    assert_eq!(checker.fetch(&source, B256::ZERO).expect("fetch"), None);
    // The same from the folder.
    let folder = Source::open(server.root().to_str().expect("path"), limits()).expect("folder");
    assert_eq!(checker.fetch(&folder, id).expect("fetch"), Some(opening));
    assert_eq!(folder.list(Kind::Openings).expect("list"), [Item::Opening(id)]);
}

#[test]
fn models_and_acknowledgements_are_served() {
    let server = Running::start(true, Timeouts::default());
    let folder = Folder::open(&server.root(), limits()).expect("folder");
    let (model, source) = (Item::Model(B256::repeat_byte(3)), server.source());
    folder.put(&model, b"the model").expect("put");
    assert_eq!(source.fetch(&model).expect("fetch").expect("there").as_slice(), b"the model");
    let error = source.publish(&Item::Model(B256::ZERO), b"x").expect_err("models are not taken");
    assert!(matches!(error, OpeningError::Refused { status: 405, .. }), "{error}");
    let said = Item::Acknowledgement { round: 4, model: B256::repeat_byte(2), account: Address::repeat_byte(1) };
    assert_eq!(source.publish(&said, b"{}").expect("publish"), Put::Stored);
    assert!(matches!(source.publish(&said, b"{} "), Err(OpeningError::Conflict { item }) if item == said));
    assert_eq!(source.list(Kind::Acknowledgements).expect("list"), [said]);
    let answer = server.ask("GET", &format!("/acknowledgements/{said}"));
    assert!(answer.contains("application/json") && answer.contains("no-store") && answer.ends_with("{}"), "{answer}");
}

#[test]
fn rejects_uploads_that_the_check_refuses() {
    let server = Running::start(true, Timeouts::default());
    let (id, mut bytes) = file();
    let last = bytes.len() - 1;
    bytes[last - 7] ^= 1;
    let path = format!("/openings/0x{}", hex::encode(id));
    let answer = server.put(&path, &bytes);
    assert!(status(&answer) == 400 && answer.contains("expected the content of"), "{answer}");
    let answer = server.put(&path, b"{}");
    assert!(status(&answer) == 400 && answer.contains("`header`"), "{answer}");
    assert_eq!(server.source().list(Kind::Openings).expect("list"), []);
    assert!(matches!(
        server.source().publish(&Item::Opening(id), &bytes),
        Err(OpeningError::Refused { status: 400, .. })
    ));
}

#[test]
fn rejects_uploads_where_nothing_is_taken() {
    let server = Running::start(false, Timeouts::default());
    let (id, bytes) = file();
    let error = server.source().publish(&Item::Opening(id), &bytes).expect_err("read only");
    assert!(matches!(error, OpeningError::Refused { status: 403, .. }) && error.is_refusal(), "{error}");
    assert!(!server.root().join("openings").exists());
}

#[test]
fn rejects_more_than_the_quota() {
    let server = Running::start(true, Timeouts::default());
    let said = |round| Item::Acknowledgement { round, model: B256::ZERO, account: Address::ZERO };
    for round in 0..2 {
        server.source().publish(&said(round), b"{}").expect("room");
    }
    let error = server.source().publish(&said(2), b"{}").expect_err("full");
    assert!(matches!(&error, OpeningError::Refused { status: 507, .. }), "{error}");
}

#[test]
fn rejects_other_methods_kinds_and_ids() {
    let server = Running::start(true, Timeouts::default());
    let path = format!("/openings/0x{}", "00".repeat(32));
    for method in ["POST", "DELETE", "PATCH", "OPTIONS", "BREW"] {
        assert_eq!(status(&server.ask(method, &path)), 405, "{method}");
        assert_eq!(status(&server.ask(method, "/openings")), 405, "{method}");
    }
    assert_eq!(status(&server.put("/openings", b"x")), 405);
    assert_eq!(status(&server.ask("HEAD", "/openings")), 200);
    for path in ["/", "/keys", "/openings/", "/openings/x/y", "/keys/x", &path] {
        assert_eq!(status(&server.ask("GET", path)), 404, "{path}");
    }
    for id in ["x", "0x00", "..", "%00", "0X", "%ff%fe", "1-2"] {
        assert_eq!(status(&server.ask("GET", &format!("/openings/{id}"))), 400, "{id}");
        assert_eq!(status(&server.put(&format!("/openings/{id}"), b"x")), 400, "{id}");
    }
    assert_eq!(status(&server.raw(b"nonsense\r\n\r\n")), 400);
}

#[test]
fn rejects_paths_out_of_the_folder() {
    let server = Running::start(true, Timeouts::default());
    let secret = "do not show";
    std::fs::write(server.dir.path().join("secret"), secret).expect("write");
    std::fs::write(server.root().join("secret"), secret).expect("write");
    std::fs::create_dir_all(server.root().join("openings")).expect("folder");
    std::fs::write(server.root().join("openings/secret.opening"), secret).expect("write");
    let absolute = server.dir.path().join("secret").display().to_string().replace('/', "%2f");
    let paths = [
        "/../secret",
        "/openings/../../secret",
        "/openings/..%2fsecret",
        "/openings/..%2f..%2fsecret",
        "/openings/%2e%2e/secret",
        "/openings/%2e%2e%2fsecret",
        "/openings/secret",
        "/openings/secret.opening",
        "/..%2f/secret",
        "//secret",
        "/openings//secret",
        "/openings/..%5csecret",
        "/secret",
        "/./secret",
    ];
    for path in paths.iter().map(|path| (*path).to_owned()).chain([format!("/openings/{absolute}")]) {
        for answer in [server.ask("GET", &path), server.put(&path, b"changed")] {
            assert!((400..500).contains(&status(&answer)) && !answer.contains(secret), "{path}: {answer}");
        }
    }
    assert_eq!(std::fs::read_to_string(server.root().join("secret")).expect("secret"), secret);
    assert_eq!(std::fs::read_to_string(server.dir.path().join("secret")).expect("secret"), secret);
}

#[test]
fn rejects_bodies_and_heads_that_are_too_long() {
    let server = Running::start(true, Timeouts::default());
    let path = format!("/openings/0x{}", "00".repeat(32));
    let head = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\n");
    let declared = server.raw(format!("{head}content-length: 99999999999\r\n\r\n").as_bytes());
    assert_eq!(status(&declared), 413, "{declared}");
    // Not declared, sent in chunks for as long as the server listens.
    let mut stream = server.connect();
    stream.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).expect("head");
    let chunk = [b"10000\r\n".as_slice(), &[b'a'; 0x10000], b"\r\n"].concat();
    let sent = (0..10_000).take_while(|_| stream.write_all(&chunk).is_ok()).count();
    assert!(sent < 10_000, "the server read everything");
    assert_eq!(server.source().list(Kind::Openings).expect("still there"), []);
    let long = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(100_000));
    assert!(matches!(status(&server.raw(long.as_bytes())), 0 | 414 | 431));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(20_000));
    assert!(matches!(status(&server.raw(many.as_bytes())), 0 | 400 | 431));
}

#[test]
fn slow_clients_are_let_go() {
    let server = Running::start(true, quick());
    let start = Instant::now();
    // Says nothing; half a head; half a body; a new request now and then, but never an end.
    assert_eq!(rest(&mut server.connect()), "");
    let head = server.raw(b"GET /openings HTTP/1.1\r\nhost: loc");
    assert!(matches!(status(&head), 0 | 408), "{head}");
    let path = format!("/openings/0x{}", "00".repeat(32));
    let half = format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf");
    assert_eq!(status(&server.raw(half.as_bytes())), 408);
    let mut stream = server.connect();
    let asked = Instant::now();
    while asked.elapsed() < Duration::from_secs(10) {
        let request = b"GET /openings HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let mut answer = [0; 4096];
        if stream.write_all(request).is_err() || !matches!(stream.read(&mut answer), Ok(1..)) {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(asked.elapsed() < Duration::from_secs(10), "a connection has no end");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn silent_connections_do_not_keep_others_out() {
    let server = Running::start(true, quick());
    let silent: Vec<Stream> = (0..CONNECTIONS + 10).map(|_| server.connect()).collect();
    assert_eq!(status(&server.ask("GET", "/openings")), 200);
    drop(silent);
}

#[test]
fn rejects_names_in_host_on_the_loopback_address() {
    let server = Running::start(false, Timeouts::default());
    let ask = |host: &str| {
        let request = format!("GET /openings HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        status(&server.raw(request.as_bytes()))
    };
    for host in ["localhost", "localhost:8787", "127.0.0.1:1", "[::1]:80"] {
        assert_eq!(ask(host), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "evil.example:8787", "a@b", "", "127.0.0.1.evil.example"] {
        assert!(matches!(ask(host), 400 | 403), "{host}");
    }
}

#[test]
fn stops_though_a_connection_is_open() {
    let mut server = Running::start(false, Timeouts::default());
    let mut idle = server.connect();
    idle.write_all(b"GET /openings HTTP/1.1\r\nhost: localhost\r\n\r\n").expect("request");
    let mut answer = [0; 1024];
    assert!(idle.read(&mut answer).expect("answer") > 0);
    let start = Instant::now();
    server.end();
    assert!(start.elapsed() < FAREWELL, "the idle connection was waited for");
    assert!(Stream::connect(server.address).is_err());
}

#[test]
fn rejects_an_address_in_use() {
    let server = Running::start(false, Timeouts::default());
    let folder = Folder::open(&server.root(), limits()).expect("folder");
    let error = Server::bind(server.address, folder, None).expect_err("in use");
    assert!(matches!(error, OpeningError::Listen { .. }) && error.is_environment(), "{error}");
}
