use std::io::{Read, Write};
use std::net::TcpListener;

use super::*;
use crate::exchange::tests::{file, limits};
use alloy::primitives::B256;

/// A server that sends one fixed answer to each of `count` connections, and returns what it was asked.
fn hostile(
    answer: &'static [u8],
    endless: &'static [u8],
    count: usize,
) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let url = format!("http://{}", listener.local_addr().expect("address"));
    let thread = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().expect("connection");
            let mut head = vec![0; 4096];
            let length = stream.read(&mut head).expect("request");
            asked.push(String::from_utf8_lossy(&head[..length]).into_owned());
            let mut sent = stream.write_all(answer);
            while sent.is_ok() && !endless.is_empty() {
                sent = stream.write_all(endless);
            }
        }
        asked
    });
    (url, thread)
}

fn model() -> Item {
    Item::Model(B256::repeat_byte(5))
}

#[test]
fn a_server_cannot_fill_the_memory() {
    let answers: [(&[u8], &[u8]); 3] = [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"10\r\n0123456789abcdef\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", &[0x61; 4096]),
    ];
    for (answer, endless) in answers {
        let (url, thread) = hostile(answer, endless, 1);
        let source = Source::open(&url, limits()).expect("source");
        let error = source.fetch(&model()).expect_err("too large").to_string();
        assert!(error.contains(&url) && error.contains("at most"), "{error}");
        drop(source);
        thread.join().expect("server");
    }
}

#[test]
fn a_servers_words_are_cut_and_cleaned() {
    let answer = b"HTTP/1.1 418 X\r\ncontent-length: 12\r\nconnection: close\r\n\r\n\x1b[31mno \x07way\n";
    let (url, thread) = hostile(answer, b"", 1);
    let error = Source::open(&url, limits()).expect("source").fetch(&model()).expect_err("refused");
    assert!(matches!(&error, OpeningError::Refused { status: 418, reason, .. } if reason == "[31mno way"), "{error:?}");
    thread.join().expect("server");
}

#[test]
fn redirections_are_not_followed() {
    let answer = b"HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (url, thread) = hostile(answer, b"", 2);
    let source = Source::open(&url, limits()).expect("source");
    assert!(matches!(source.fetch(&model()), Err(OpeningError::Refused { status: 307, .. })));
    let (id, bytes) = file();
    assert!(matches!(source.publish(&Item::Opening(id), &bytes), Err(OpeningError::Refused { status: 307, .. })));
    thread.join().expect("server");
}

#[test]
fn rejects_lists_and_openings_that_are_not_asked_for() {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 15\r\nconnection: close\r\n\r\n[\"../../etc/x\"]";
    let (url, thread) = hostile(answer, b"", 2);
    let source = Source::open(&url, limits()).expect("source");
    assert!(matches!(source.list(Kind::Openings), Err(OpeningError::Name { .. })));
    assert!(matches!(source.fetch(&Item::Opening(B256::ZERO)), Err(OpeningError::Format { .. })));
    thread.join().expect("server");
}

#[test]
fn passwords_are_sent_and_not_shown() {
    let answer = b"HTTP/1.1 403 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let (url, thread) = hostile(answer, b"", 1);
    let url = url.replace("http://", "http://me:s3cret@") + "/pool";
    let error = Source::open(&url, limits()).expect("source").fetch(&model()).expect_err("refused").to_string();
    assert!(!error.contains("s3cret") && !error.contains("me:"), "{error}");
    let asked = thread.join().expect("server").remove(0);
    assert!(asked.starts_with(&format!("GET /pool/models/{} ", model())), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: basic "), "{asked}");
}

#[test]
fn rejects_addresses_that_are_no_servers() {
    for text in ["ftp://host/", "http://", "https://host/?a=b", "http://host/#x", "file:///etc"] {
        let error = Source::open(text, limits()).expect_err(text);
        assert!(matches!(error, OpeningError::Url { .. }), "{text}: {error}");
    }
    let error = Source::open("http://u:s3cret@127.0.0.1:99999/", limits()).expect_err("port").to_string();
    assert!(!error.contains("s3cret"), "{error}");
    assert!(matches!(Source::open("no/such/folder", limits()), Err(OpeningError::File(_))));
    let error = Source::open("http://127.0.0.1:1/", limits()).expect("source").list(Kind::Models).expect_err("nobody");
    assert!(matches!(error, OpeningError::Http { .. }) && error.is_environment(), "{error}");
}

#[test]
fn https_is_understood() {
    // Nobody speaks TLS there: the failure must be about the handshake, not about the scheme.
    let (url, thread) = hostile(b"HTTP/1.1 200 OK\r\n\r\n", b"", 1);
    let source = Source::open(&url.replace("http:", "https:"), limits()).expect("source");
    let error = source.list(Kind::Models).expect_err("no TLS").to_string();
    assert!(!error.contains("scheme"), "{error}");
    thread.join().expect("server");
}
