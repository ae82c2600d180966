//! HTTP in both directions: changed requests to the real server, changed answers to the real client.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, B256};
use alloy::signers::local::PrivateKeySigner;
use tokio::sync::oneshot;
use zkpoc_client::exchange::acknowledgement::{Acknowledgement, Forum};
use zkpoc_client::exchange::http::{Acceptance, Timeouts};
use zkpoc_client::exchange::{Folder, Item, Kind, Limits, Server, Source};

use crate::mutate::attack;
use crate::mutate::Otherwise;
use crate::toy;

fn acknowledgement() -> Acknowledgement {
    let forum = Forum { chain_id: 31337, rounds: Address::repeat_byte(9) };
    Acknowledgement::sign(forum, 3, B256::repeat_byte(5), &PrivateKeySigner::random()).expect("signed")
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

#[test]
fn prop_requests_leave_the_server_answering_and_its_folder_sound() {
    let folder = tempfile::tempdir().expect("a folder");
    let round = Folder::create(folder.path(), Limits::of(&toy())).expect("a folder");
    let acceptance: Acceptance = Arc::new(|item, bytes| match Acknowledgement::from_json(bytes) {
        Ok(said) if said.item() == *item => Ok(()),
        Ok(_) => Err("of another name".into()),
        Err(error) => Err(error.to_string()),
    });
    let [head, body, connection] = [150, 150, 1000].map(Duration::from_millis);
    let server = Server::bind(SocketAddr::from(([127, 0, 0, 1], 0)), round.clone(), Some(acceptance))
        .expect("a server")
        .with_timeouts(Timeouts { head, body, connection });
    let address = server.address();
    let (stop, stopped) = oneshot::channel::<()>();
    let running = std::thread::spawn(move || server.run(async { drop(stopped.await) }));

    let said = acknowledgement();
    let (item, content) = (said.item(), said.to_json());
    let head = format!(
        "PUT /acknowledgements/{item} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        content.len()
    );
    let good = [head.as_bytes(), &content].concat();
    attack(100, &good, Otherwise::Another, &|request| {
        let mut stream = connect(address);
        // It may have answered and gone before everything is sent.
        let sent = stream.write_all(request);
        let mut answer = Vec::new();
        let read = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        match answer.split(' ').nth(1) {
            Some("200" | "201") => Ok("stored".into()),
            Some(code) => Err(format!("status {code}: {answer}")),
            None => Err(format!("no answer: {sent:?}, {read:?}")),
        }
    });
    // Only what was signed got in, under its own name.
    for stored in round.list(Kind::Acknowledgements).expect("listed") {
        let bytes = round.get(&stored).expect("readable").expect("there");
        assert_eq!(Acknowledgement::from_json(&bytes).expect("signed").item(), stored);
    }
    assert_eq!(round.list(Kind::Acknowledgements).expect("listed"), [item]);
    let files = std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name());
    assert_eq!(files.collect::<Vec<_>>(), ["acknowledgements"], "nothing beside");
    drop(stop);
    running.join().expect("no panic").expect("a clean end");
}

#[test]
fn prop_answers_are_the_item_or_an_error() {
    let (answers, next) = mpsc::channel::<Vec<u8>>();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let serving = std::thread::spawn(move || {
        for answer in next {
            let (mut stream, _) = listener.accept().expect("a connection");
            let _asked = stream.read(&mut [0; 4096]);
            // The client may have seen enough.
            let _sent = stream.write_all(&answer);
        }
    });
    let said = acknowledgement();
    let content = said.to_json();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", content.len());
    let good = [head.as_bytes(), &content].concat();
    let answers = RefCell::new(answers);
    let ask = |answer: &[u8]| {
        answers.borrow().send(answer.to_vec()).expect("a server");
        // A client of its own: a connection is not used twice.
        Source::open(&url, Limits::of(&toy())).expect("a source")
    };
    attack(150, &good, Otherwise::Same, &|answer| {
        let fetched = ask(answer).fetch(&said.item()).map_err(|error| error.to_string())?;
        let bytes = fetched.ok_or_else(|| "it is not there".to_owned())?;
        let read = Acknowledgement::from_json(&bytes).map_err(|error| error.to_string())?;
        Ok(format!("{read:?}"))
    });
    let list = format!("[\"{}\"]", said.item());
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", list.len());
    attack(150, (head + &list).as_bytes(), Otherwise::Another, &|answer| {
        let items = ask(answer).list(Kind::Acknowledgements).map_err(|error| error.to_string())?;
        assert!(items.iter().all(|item| matches!(item, Item::Acknowledgement { .. })));
        Ok(format!("{items:?}"))
    });
    drop(answers);
    serving.join().expect("no panic");
}
