//! The program itself, with bad input in every place where it takes a file or a value: it ends soon, with exit code 1 to 3
//! and words that say what was wrong, and it does so within two gigabytes of address space.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Address space of the program, in units of 1024 bytes.
const MEMORY: u32 = 2 << 20;
/// Nothing here has work to do.
const PATIENCE: Duration = Duration::from_secs(60);
const ADDRESS: &str = "0x00000000000000000000000000000000000000aa";
const WORD: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    /// A folder with a dataset, a model, a backup and the identity that opens it.
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        let line = |n: u32| format!("{},{},{},3,0,15,7\n", n % 3, n, 9 - n);
        place.write("data.csv", (0..6).map(line).collect::<String>().as_bytes());
        place.good(&["dataset", "commit", "mine", "--profile", "toy", "--shards", "2", "--data", "data.csv"]);
        place.good(&["train", "--profile", "toy", "--dataset", "mine", "--out", "model.safetensors"]);
        let identity = age::x25519::Identity::generate();
        place.good(&["dataset", "export", "mine", "mine.age", "--recipient", &identity.to_public().to_string()]);
        let text = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        place.write("key.txt", text.as_bytes());
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).expect("written");
    }

    /// Exit code (`None` for a signal, or no end within [`PATIENCE`]) and what was said.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut child = Command::new("sh")
            .args(["-c", &format!("ulimit -v {MEMORY}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_zkpoc")])
            .args(arguments)
            .args(["--home", "home", "--threads", "1"])
            .current_dir(self.folder.path())
            .env_remove("ZKPOC_HOME")
            .env_remove("ZKPOC_PRIVATE_KEY")
            .env_remove("ZKPOC_PASSPHRASE")
            .env("ZKPOC_KEYSTORE_PASSWORD", "not the password")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let start = Instant::now();
        let status = loop {
            match child.try_wait().expect("a state") {
                Some(status) => break status.code(),
                None if start.elapsed() > PATIENCE => {
                    child.kill().expect("killed");
                    child.wait().expect("ended");
                    break None;
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        assert!(!said.contains("panicked"), "{arguments:?}: {said}");
        (status, said)
    }

    fn good(&self, arguments: &[&str]) {
        let (code, said) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
    }

    /// Refused, with these words among others.
    #[track_caller]
    fn bad(&self, arguments: &[&str], words: &str) {
        let (code, said) = self.run(arguments);
        assert!(matches!(code, Some(1..=3)), "{arguments:?}: {code:?}: {said}");
        assert!(said.contains("error: ") && said.contains(words), "{arguments:?}: {said}");
        assert!(said.len() < 8000, "{arguments:?}: {} bytes", said.len());
        assert!(!said.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{arguments:?}: {said:?}");
    }
}

/// A command for every option that names a file to read; `FILE` stands for it.
const READERS: [&str; 13] = [
    "inspect FILE.toml",
    "dataset commit more --profile toy --shards 1 --data FILE",
    "train --profile toy --shards 1 --data FILE --out o.safetensors",
    "eval toy --data data.csv --model FILE",
    "train --profile toy --dataset mine --out o.safetensors --model FILE",
    "verify FILE",
    "srs import FILE --k 2 --out o.srs",
    "srs check FILE",
    "keys toy --srs FILE",
    "dataset import FILE --profile toy --name more --identity key.txt",
    "dataset import mine.age --profile toy --name more --identity FILE",
    "dataset export mine o.age --passphrase-file FILE",
    "round status toy --keystore FILE",
];

/// Puts something at a path.
type Make = fn(&Path);

/// What may be where a file is expected.
fn odd_files() -> Vec<(&'static str, Make)> {
    fn link(target: &str, path: &Path) {
        std::os::unix::fs::symlink(target, path).expect("a link");
    }
    vec![
        ("nothing", |_| {}),
        ("a folder", |path| std::fs::create_dir(path).expect("a folder")),
        ("a pipe", |path| {
            assert!(Command::new("mkfifo").arg(path).status().expect("mkfifo").success());
        }),
        ("a device without end", |path| link("/dev/zero", path)),
        ("a link to nothing", |path| link("nowhere", path)),
        ("a link to itself", |path| link(path.to_str().expect("text"), path)),
        ("an empty file", |path| std::fs::write(path, b"").expect("written")),
        ("a very large file", |path| {
            std::fs::File::create(path).and_then(|file| file.set_len(1 << 42)).expect("a sparse file");
        }),
    ]
}

#[test]
fn odd_files_are_refused_by_name_wherever_a_file_is_read() {
    let place = Place::new();
    for (number, line) in READERS.iter().enumerate() {
        for (kind, (what, make)) in odd_files().into_iter().enumerate() {
            let name = format!("odd-{number}-{kind}");
            let line = line.replace("FILE", &name);
            make(&place.path(line.split_whitespace().find(|word| word.starts_with("odd")).expect("a file")));
            let arguments: Vec<&str> = line.split_whitespace().collect();
            // The records of an empty file are too few; a backup is opened by its content.
            let words = if what == "an empty file" { "" } else { name.as_str() };
            place.bad(&arguments, words);
        }
    }
    for name in ["o.safetensors", "o.srs", "o.age", "home/datasets/more"] {
        assert!(!place.path(name).exists(), "{name}");
    }
}

#[test]
fn a_written_file_takes_the_place_of_no_folder_pipe_or_device() {
    let place = Place::new();
    for (kind, (what, make)) in odd_files().into_iter().enumerate() {
        if !matches!(what, "a folder" | "a pipe") {
            continue;
        }
        let name = format!("odd-{kind}");
        make(&place.path(&name));
        let before = place.path(&name).symlink_metadata().expect("there").file_type();
        for line in [
            "train --profile toy --dataset mine --replace --out FILE",
            "dataset export mine FILE --replace --recipient age1qyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqszqgpqyqs3290gq",
            "srs new --k 2 --replace --out FILE",
        ] {
            let line = line.replace("FILE", &name);
            let (code, said) = place.run(&line.split_whitespace().collect::<Vec<_>>());
            assert!(matches!(code, Some(2..=3)), "{what}, {line}: {code:?}: {said}");
        }
        assert_eq!(place.path(&name).symlink_metadata().expect("there").file_type(), before, "{what}");
    }
    assert!(std::fs::read_dir(place.folder.path())
        .expect("a folder")
        .flatten()
        .all(|entry| { !entry.file_name().to_string_lossy().starts_with(".zkpoc-tmp-") }));
}

/// What files declare costs no memory: the limit of [`Place::run`] is far below all of it.
#[test]
fn declared_lengths_cost_nothing() {
    let place = Place::new();
    let line = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let bad = |text: &str, words: &str| place.bad(&line(text).iter().map(String::as_str).collect::<Vec<_>>(), words);

    for length in [1u64 << 60, u64::MAX, 1 << 31] {
        place.write("m.safetensors", &[&length.to_le_bytes()[..], &[b' '; 100]].concat());
        bad("train --profile toy --dataset mine --out o --model m.safetensors", "m.safetensors");
    }
    let header =
        r#"{"layers.0.weight":{"dtype":"I64","shape":[1152921504606846976],"data_offsets":[0,9223372036854775808]}}"#;
    place.write("m.safetensors", &[&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat());
    bad("train --profile toy --dataset mine --out o --model m.safetensors", "m.safetensors");

    std::fs::create_dir(place.path("idx")).expect("a folder");
    let dims = |dims: &[u32]| {
        [&[0, 0, 8, dims.len() as u8][..], &dims.iter().flat_map(|d| d.to_be_bytes()).collect::<Vec<_>>()].concat()
    };
    place.write("idx/train-images-idx3-ubyte", &dims(&[u32::MAX, 28, 28]));
    place.write("idx/train-labels-idx1-ubyte", &dims(&[u32::MAX]));
    bad("dataset commit more --profile mnist-linear --shards 1 --data idx", "labels-idx1");

    place.good(&["srs", "new", "--k", "2", "--out", "k2.srs"]);
    let manifest = std::fs::read_to_string(place.path("k2.srs.json")).expect("text");
    for k in [28u32, 29, u32::MAX] {
        place.write("k2.srs.json", manifest.replace("\"k\": 2", &format!("\"k\": {k}")).as_bytes());
        bad("srs check k2.srs", "k2.srs");
    }
    // A file that really has the length of k = 28: 34 GB of nothing.
    place.write("k2.srs.json", manifest.replace("\"k\": 2", "\"k\": 28").as_bytes());
    let file = std::fs::File::create(place.path("k2.srs")).expect("a file");
    file.set_len(4 + 128 * (1 << 28) + 256).expect("a sparse file");
    bad("srs check k2.srs", "memory");

    let mut ceremony = zkpoc_prover::srs::BUNDLED_CEREMONY.to_vec();
    ceremony[16..24].copy_from_slice(&(1u64 << 60).to_le_bytes());
    place.write("a.ptau", &ceremony);
    bad("srs import a.ptau --k 2 --out o.srs", "section length");

    for (text, words) in
        [("[".repeat(1 << 20), "deep.json"), (format!("{{\"a\":{}", "[1,".repeat(300_000)), "deep.json")]
    {
        place.write("deep.json", text.as_bytes());
        bad("verify deep.json", words);
    }
    place.write("line.csv", &b"1,".repeat(8 << 20));
    bad("dataset commit more --profile toy --shards 1 --data line.csv", "line.csv:1: column");
    let toy = include_str!("../../../../params/toy.toml");
    for (from, to, words) in [
        ("layers = [6, 4, 3]", "layers = [1048576, 1048576, 3]", "weights and biases"),
        ("layers = [6, 4, 3]", "layers = [1152921504606846976, 4, 3]", "layers[0]"),
        ("batch = 3", "batch = 9223372036854775807", "batch"),
        ("\nk = 8", "\nk = 63", "`k`"),
        ("\nk = 8", "\nk = 8\nk = 8", "duplicate"),
        ("batch = 3", "batch = nan", "batch"),
        ("batch = 3", "batch = 1e400", "own.toml"),
    ] {
        assert!(toy.contains(from), "{from}");
        place.write("own.toml", toy.replace(from, to).as_bytes());
        bad("inspect own.toml", words);
    }
    place.write("own.toml", format!("a = {}", "[".repeat(60_000)).as_bytes());
    bad("inspect own.toml", "own.toml");
    place.write("own.toml", format!("{}a = 1", "a.".repeat(30_000)).as_bytes());
    bad("inspect own.toml", "own.toml");
    place.write("own.toml", &[toy.as_bytes(), b"# \xff\n"].concat());
    bad("inspect own.toml", "utf-8");
    // The largest size that a profile may have, for a few values: its figures are had without its columns.
    place.write("own.toml", toy.replace("\nk = 8", "\nk = 24").as_bytes());
    place.good(&["inspect", "own.toml"]);
}

#[test]
fn numbers_and_words_of_arguments_have_one_form() {
    let place = Place::new();
    let prove = |option: &str, value: &str| {
        let mut arguments =
            vec!["prove", "training", "--dataset", "mine", "--model", "model.safetensors", "--out", "o.json"];
        let given = [
            ("--shard", "1"),
            ("--chain-id", "31337"),
            ("--rounds", ADDRESS),
            ("--round", "3"),
            ("--claimant", ADDRESS),
            ("--subject", WORD),
            ("--id", "one"),
        ];
        let values = given.map(|(name, good)| format!("{name}={}", if name == option { value } else { good }));
        arguments.extend(values.iter().map(String::as_str));
        place.bad(&arguments, "");
    };
    let odd =
        ["", " ", "-1", "+", "1.5", "1e3", "1e400", "NaN", "inf", "0x", "1 ", "\u{661}", "1\n", "18446744073709551616"];
    for value in odd {
        for option in ["--shard", "--chain-id"] {
            prove(option, value);
        }
        for arguments in [
            ["srs", "new", "--out=o.srs", "--k="],
            ["eval", "toy", "--data=data.csv", "--rounds="],
            ["round", "finalize", "toy", "--round="],
        ] {
            let last = format!("{}{value}", arguments[3]);
            place.bad(&[arguments[0], arguments[1], arguments[2], &last], "");
        }
    }
    for value in ["-1", "NaN", "1e400", "1.5", &"9".repeat(79), "0xzz"] {
        prove("--round", value);
    }
    for value in [
        "",
        "0x",
        "0x12",
        "00",
        &ADDRESS[..41],
        &format!("{ADDRESS}0"),
        "0xg0000000000000000000000000000000000000aa",
        WORD,
    ] {
        prove("--claimant", value);
        prove("--rounds", value);
    }
    for value in ["", "0x", ADDRESS, &WORD[..65], &format!("{WORD}0"), &WORD.replace("11", "\u{e9}")] {
        prove("--subject", value);
    }
    for name in [
        "",
        ".",
        "..",
        "../x",
        "/tmp/x",
        "a/b",
        "a\\b",
        "a b",
        "a\nb",
        "A",
        "\u{e9}",
        "\u{1b}[2J",
        &"a".repeat(65),
        "-a",
    ] {
        place.bad(&["dataset", "commit", "--profile=toy", "--shards=1", "--data=data.csv", "--", name], "");
        prove("--id", name);
        place.bad(
            &["dataset", "import", "mine.age", "--profile=toy", "--identity=key.txt", &format!("--name={name}")],
            "",
        );
    }
    assert!(!place.path("o.json").exists() && !place.path("o.srs").exists());
    let kept = std::fs::read_dir(place.path("home/datasets")).expect("a folder").count();
    assert_eq!(kept, 1, "nothing was stored under an odd name");
}

/// What files say is shown in errors, and moves no terminal.
#[test]
fn control_characters_of_files_are_shown_as_escapes() {
    let place = Place::new();
    let attack = "\\u001b[2J\\u0007";
    place.write("a.json", format!(r#"{{"format":"{attack}","{attack}":1}}"#).as_bytes());
    place.bad(&["verify", "a.json"], "");
    place.write("a.toml", format!("name = \"{attack}\"\n").as_bytes());
    place.bad(&["inspect", "a.toml"], "");
    place.bad(&["verify", "\u{1b}[2J"], "\\u{1b}");
    let header = format!(r#"{{"{attack}":{{"dtype":"I64","shape":[0],"data_offsets":[0,0]}}}}"#);
    place.write("m.safetensors", &[&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat());
    place.bad(&["train", "--profile=toy", "--dataset=mine", "--out=o", "--model=m.safetensors"], "");
}
