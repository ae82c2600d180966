//! `zkpoc round serve` as a user meets it: it says what it discloses, answers, and stops when asked.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use serde_json::Value;
use zkpoc_client::aggregation::keys::Place;
use zkpoc_client::exchange::acknowledgement::{Acknowledgement, Forum};
use zkpoc_client::exchange::complaint::Complaint;

fn start(folder: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_zkpoc"))
        .args(["round", "serve", "toy", "--folder", "round", "--listen", "127.0.0.1:0", "--home", "home", "--json"])
        .args(more)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("run")
}

fn ask(url: &str, request: &str) -> String {
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address).expect("connect");
    stream.write_all(request.as_bytes()).expect("request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answer");
    answer
}

/// Starts, asks, interrupts; the answers, the last line, and what was said on standard error.
fn session(more: &[&str], requests: &[String]) -> (Value, Vec<String>, Value, String) {
    let dir = tempfile::tempdir().expect("folder");
    let mut child = start(dir.path(), more);
    let mut output = BufReader::new(child.stdout.take().expect("output"));
    let mut line = String::new();
    output.read_line(&mut line).expect("first line");
    let first: Value = line.parse().expect("JSON");
    let url = first["url"].as_str().expect("URL").to_owned();
    let answers = requests.iter().map(|request| ask(&url, request)).collect();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(killed.success());
    let mut last = String::new();
    output.read_to_string(&mut last).expect("last line");
    assert!(child.wait().expect("end").success());
    let mut errors = String::new();
    child.stderr.take().expect("errors").read_to_string(&mut errors).expect("errors");
    (first, answers, last.parse().expect("JSON"), errors)
}

fn put(path: &str, body: &str) -> String {
    let length = body.len();
    format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}

#[test]
fn it_serves_until_it_is_interrupted() {
    let list = "GET /openings HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".to_owned();
    let forum = Forum { chain_id: 31337, rounds: Address::repeat_byte(9) };
    let signed = Acknowledgement::sign(forum, 1, B256::repeat_byte(5), &PrivateKeySigner::random()).expect("signed");
    let said = format!("/acknowledgements/{}", signed.item());
    let body = String::from_utf8(signed.to_json()).expect("text");
    let opening = format!("/openings/0x{}", "00".repeat(32));
    let place = Place { chain_id: 31337, contract: Address::repeat_byte(9), round: 1 };
    let signed = Complaint::sign(place, 2, B256::repeat_byte(5), &PrivateKeySigner::random()).expect("signed");
    let complaint = format!("/complaints/{}", signed.item());
    let complained = String::from_utf8(signed.to_json()).expect("text");
    let share = format!("/shares/0x{}", "00".repeat(32));
    let requests = [
        list,
        put(&said, &body),
        put(&said.replacen("/1-", "/2-", 1), &body),
        put(&opening, "{}\n"),
        // A complaint, one about another claim under its signature, something that is no share.
        put(&complaint, &complained),
        put(&complaint.replacen("/1-2-", "/1-3-", 1), &complained),
        put(&share, "{}\n"),
    ];
    let (first, answers, last, errors) = session(&["--accept"], &requests);
    assert_eq!(first["accepts"], true);
    for (answer, status) in answers.iter().zip(["200", "201", "400", "400", "201", "400", "400"]) {
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert!(answers[0].ends_with("[]"), "{}", answers[0]);
    assert_eq!((&last["openings"], &last["acknowledgements"]), (&Value::from(0), &Value::from(1)));
    assert!(errors.contains("gives away the records") && errors.contains("no TLS and no login"), "{errors}");
}

#[test]
fn it_takes_nothing_unless_asked_to() {
    let said = format!("/acknowledgements/1-0x{}-0x{}", "0b".repeat(32), "0a".repeat(20));
    let (first, answers, last, _) = session(&[], &[put(&said, "{}")]);
    assert_eq!(first["accepts"], false);
    assert!(answers[0].starts_with("HTTP/1.1 403 "), "{}", answers[0]);
    assert_eq!(last["acknowledgements"], 0);
}
