use super::csv::{digits_sample, parse, CsvShape};
use super::idx::Idx;
use super::*;
use std::path::Path;

const SHAPE: CsvShape = CsvShape { width: 3, min: 0, max: 16, factor: 15, classes: 4 };

fn csv(text: &str) -> Result<Records, DataError> {
    parse(Path::new("data.csv"), text.as_bytes(), SHAPE)
}

#[test]
fn accepts_csv_with_and_without_header() {
    let plain = csv("3,0,1,16\n0,2, 3 ,4\r\n").expect("plain");
    assert_eq!(plain.labels(), [3, 0]);
    assert_eq!(plain.features(), [0, 15, 240, 30, 45, 60]);
    assert_eq!(csv("label,a,b,c\n3,0,1,16\n0,2,3,4").expect("header"), plain);
    assert!(csv("").expect("empty").is_empty());
}

#[test]
fn rejects_csv_fields_that_are_not_small_integers_with_their_place() {
    for bad in ["NaN", "inf", "-inf", "1.0", "-1", "+1", "1e1", "", "17", "0x1", "99999999999", "\"1\"", "١"] {
        match csv(&format!("1,2,3,4\n2,5,{bad},6\n")) {
            Err(DataError::Csv { line: 2, column: 3, .. }) => {}
            other => panic!("{bad:?}: {other:?}"),
        }
    }
    assert!(matches!(csv("4,0,0,0"), Err(DataError::Csv { line: 1, column: 1, .. })), "label");
    assert!(matches!(csv("1,2,3"), Err(DataError::Csv { line: 1, column: 3, .. })), "short");
    assert!(matches!(csv("1,2,3,4\n1,2,3,4,5"), Err(DataError::Csv { line: 2, column: 5, .. })));
    assert!(matches!(csv("1,2,3,4\nlabel,a,b,c"), Err(DataError::Csv { line: 2, column: 1, .. })));
}

#[test]
fn the_digits_sample_fits_its_profile_without_duplicates() {
    let mut digits = digits_sample().expect("sample");
    assert_eq!((digits.len(), digits.width()), (512, 64));
    assert_eq!(digits.remove_duplicates(), 0);
    let profile = Profile::builtin("digits-tiny").expect("profile");
    let shards = digits.shards(&profile, 64).expect("shards");
    assert_eq!(shards.len(), 64);
    assert_eq!(Records::from_shards(64, &shards).expect("records"), digits);
    assert!(matches!(digits.shards(&profile, 65), Err(DataError::TooFew { needed: 520, available: 512 })));
    assert!(matches!(digits.shards(&profile, usize::MAX), Err(DataError::TooFew { .. })));
}

#[test]
fn negative_features_are_read_where_the_shape_has_them() {
    let shape = CsvShape { min: -128, max: 127, factor: 1, ..SHAPE };
    let read = |text: &str| parse(Path::new("data.csv"), text.as_bytes(), shape);
    assert_eq!(read("3,-128,127,-1").expect("in range").features(), [65408, 127, 65535]);
    for bad in ["-129", "128", "--1", "-", "- 1", "-1.0"] {
        assert!(matches!(read(&format!("1,{bad},0,0")), Err(DataError::Csv { line: 1, column: 2, .. })), "{bad}");
    }
    assert!(matches!(read("-1,0,0,0"), Err(DataError::Csv { line: 1, column: 1, .. })), "a label has no sign");
}

#[test]
fn raw_digits_are_standardised_for_the_profile_that_says_so() {
    let raw = digits_sample().expect("sample");
    let tiny = Profile::builtin("digits-tiny").expect("profile");
    assert_eq!(raw.clone().prepared(&tiny), raw);
    let local = Profile::builtin("digits-local").expect("profile");
    assert!(matches!(raw.shards(&local, 1), Err(DataError::Profile(ReferenceError::SignedFeature { .. }))));
    let records = raw.prepared(&local);
    assert_eq!(records.shards(&local, 16).expect("in range").len(), 16);
    let values = records.features().iter().map(|x| f64::from(*x as i16) / 32.0);
    let count = records.features().len() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let deviation = (values.map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
    // The constants are those of the whole data set, of which this is a part.
    assert!(mean.abs() < 0.02 && (deviation - 1.0).abs() < 0.02, "{mean} {deviation}");
}

#[test]
fn equal_features_are_one_record_whatever_the_labels() {
    let mut records = csv("1,2,3,4\n2,2,3,4\n1,4,3,2\n1,2,3,4\n").expect("records");
    assert_eq!(records.remove_duplicates(), 2);
    assert_eq!(records, csv("1,2,3,4\n1,4,3,2\n").expect("records"));
}

#[test]
fn rejects_duplicates_across_shards() {
    let profile = Profile::builtin("digits-tiny").expect("profile");
    let digits = digits_sample().expect("sample");
    let mut doubled = digits.range(0..15).expect("range");
    doubled.push(&digits.features()[64 * 2..64 * 3], 9).expect("push");
    assert!(matches!(
        doubled.shards(&profile, 2),
        Err(DataError::Profile(ReferenceError::Duplicate { first: 2, second: 15 }))
    ));
    assert!(matches!(doubled.push(&[1, 2], 0), Err(DataError::Width { expected: 64, found: 2 })));
    assert!(digits.range(500..513).is_err());
}

fn idx_file(name: &str, bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("temporary folder");
    let path = dir.path().join(name);
    std::fs::write(&path, bytes).expect("write");
    (dir, path)
}

fn idx(dims: &[u32], values: usize) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dims.len() as u8];
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend((0..values).map(|i| i as u8));
    bytes
}

#[test]
fn accepts_an_idx_file_and_reads_only_what_is_asked_for() {
    let (_dir, path) = idx_file("x", &idx(&[5, 2, 3], 30));
    let mut file = Idx::open(&path, 3).expect("open");
    assert_eq!((file.count(), file.item_len()), (5, 6));
    assert_eq!(file.read(1..3).expect("items"), (6..18).collect::<Vec<u8>>());
    assert!(matches!(file.read(4..6), Err(DataError::TooFew { needed: 6, available: 5 })));
}

#[test]
fn rejects_idx_files_that_lie_about_their_size() {
    let what = |bytes: &[u8], rank: u8| {
        let (_dir, path) = idx_file("x", bytes);
        match Idx::open(&path, rank).map(|file| file.count()) {
            Err(DataError::Idx { what, .. }) => what,
            other => panic!("{other:?}"),
        }
    };
    // 2^96 values declared: nothing may be allocated for them.
    assert_eq!(what(&idx(&[u32::MAX; 3], 10), 3), "length");
    assert_eq!(what(&idx(&[4_000_000_000], 10), 1), "length");
    assert_eq!(what(&idx(&[5, 2], 9), 2), "length");
    assert_eq!(what(&idx(&[5, 2], 11), 2), "length");
    assert_eq!(what(&idx(&[5, 2], 10), 3), "magic number");
    assert_eq!(what(&[0x1f, 0x8b, 8, 1, 0, 0, 0, 0, 0], 1), "magic number");
    assert_eq!(what(&[0, 0, 8], 1), "header");
}

#[test]
fn accepts_the_mnist_layout_and_rejects_wrong_counts() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let data = dir.path().join("data");
    std::fs::create_dir(&data).expect("folder");
    std::fs::write(data.join("train-images-idx3-ubyte"), idx(&[3, 28, 28], 3 * 784)).expect("write");
    std::fs::write(data.join("train-labels-idx1-ubyte"), idx(&[3], 3)).expect("write");
    for folder in [dir.path(), &data] {
        assert_eq!(mnist::count(folder, mnist::Part::Train).expect("count"), 3);
        let records = mnist::load(folder, mnist::Part::Train, 1..3).expect("records");
        assert_eq!((records.len(), records.width(), records.labels()), (2, 784, &[1, 2][..]));
        assert_eq!(records.features()[0], u16::from((784 % 256) as u8));
    }
    let missing = mnist::load(dir.path(), mnist::Part::Test, 0..1).expect_err("missing");
    assert!(missing.to_string().contains("t10k-images-idx3-ubyte"), "{missing}");

    std::fs::write(data.join("train-labels-idx1-ubyte"), idx(&[4], 4)).expect("write");
    let result = mnist::load(dir.path(), mnist::Part::Train, 0..1);
    assert!(matches!(result, Err(DataError::Idx { what: "number of labels", .. })));
    std::fs::write(data.join("train-labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 3, 1, 10, 2]).expect("write");
    let result = mnist::load(dir.path(), mnist::Part::Train, 0..3);
    assert!(matches!(&result, Err(DataError::Idx { what: "label", found, .. }) if found == "10 at index 1"));
}
