use std::sync::OnceLock;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use proptest::prelude::*;
use rand_core::OsRng;
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::TAIL;
use zkpoc_circuits::reference::{run, LayerUpdate, Model, Shard, Update};

use super::*;

const ROWS: usize = 6;

pub(crate) fn profile() -> Profile {
    Profile::builtin("toy").expect("profile")
}

pub(crate) fn srs() -> &'static Srs {
    static SRS: OnceLock<Srs> = OnceLock::new();
    SRS.get_or_init(|| Srs::bundled_ceremony(8).expect("ceremony"))
}

/// The update of one step of toy, under fresh blinding.
pub(crate) fn opening() -> UpdateOpening {
    let profile = profile();
    let features = (0..18).map(|value| value % 16).collect();
    let shard = Shard { features, labels: vec![0, 1, 2] };
    let update = run(&profile, &Model::random(&profile, [7; 32]), &shard).expect("step").update;
    UpdateOpening { update, tails: vec![(0..ROWS).map(|_| Fr::random(OsRng)).collect()] }
}

pub(crate) fn limits() -> Limits {
    Limits::of(&profile())
}

/// An opening as a file, with its id.
pub(crate) fn file() -> (B256, Vec<u8>) {
    let (id, bytes) = Checker::new(&profile(), srs()).expect("checker").write(&opening()).expect("file");
    (id, bytes.to_vec())
}

/// One opening, its points and its file for all tests that change it.
fn written() -> &'static (UpdateOpening, B256, Vec<u8>) {
    static WRITTEN: OnceLock<(UpdateOpening, B256, Vec<u8>)> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        let opening = opening();
        let (id, bytes) = Checker::new(&profile(), srs()).expect("checker").write(&opening).expect("file");
        (opening, id, bytes.to_vec())
    })
}

fn parts() -> (serde_json::Value, Vec<u8>) {
    let bytes = &written().2;
    let end = bytes.iter().position(|byte| *byte == b'\n').expect("line");
    (serde_json::from_slice(&bytes[..end]).expect("header"), bytes[end + 1..].to_vec())
}

fn joined(header: &serde_json::Value, update: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_string().into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(update);
    bytes
}

fn read(bytes: &[u8]) -> Result<UpdateOpening, OpeningError> {
    Checker::new(&profile(), srs()).expect("checker").read("x.opening", written().1, bytes)
}

#[test]
fn an_opening_survives_its_file() {
    let (opening, id, bytes) = written();
    assert_eq!(read(bytes).expect("opening"), *opening);
    let header = update::peek(bytes).expect("header");
    assert_eq!(header.mode, update::Mode::Open);
    assert_eq!((header.profile.as_str(), header.profile_id), ("toy", B256::new(profile().id())));
    assert_eq!((header.update_id, header.srs_digest), (*id, srs().digest()));
    assert!(bytes.len() as u64 <= update::limit(&profile()));
    // Another writer's spacing and order of fields.
    let (header, update) = parts();
    assert_eq!(read(&joined(&header, &update)).expect("opening"), *opening);
}

#[test]
fn the_id_is_that_of_the_claims_event() {
    let (opening, id, _) = written();
    let points = opening.commit(srs(), &Grid::new(&profile()).expect("grid")).expect("points");
    assert_eq!(*id, alloy::primitives::keccak256(point_to_bytes(&points[0])));
    Checker::new(&profile(), srs()).expect("checker").check(opening, &points).expect("opens");
}

#[test]
fn rejects_headers_that_say_something_else() {
    let (header, update) = parts();
    let zero = format!("0x{}", "00".repeat(32));
    let changes = [
        ("format", serde_json::json!("zkpoc-proof"), "`format`"),
        ("version", serde_json::json!(2), "`version`"),
        ("version", serde_json::json!("1"), "header"),
        ("mode", serde_json::json!("masked"), "`mode`"),
        ("mode", serde_json::json!(null), "header"),
        ("profile", serde_json::json!("digits-tiny"), "`profile`"),
        ("profile_id", serde_json::json!(zero), "`profile_id`"),
        ("profile_id", serde_json::json!("0x00"), "`profile_id`"),
        ("update_id", serde_json::json!(zero), "expected the content of"),
        ("srs_digest", serde_json::json!(zero), "`srs_digest`"),
        ("update_bytes", serde_json::json!(update.len() + 1), "`update_bytes`"),
        ("update_bytes", serde_json::json!(u64::MAX), "`update_bytes`"),
        ("update_bytes", serde_json::json!(-1), "header"),
        ("more", serde_json::json!(1), "unknown field `more`"),
    ];
    for (field, value, expected) in changes {
        let mut changed = header.clone();
        changed[field] = value;
        let error = read(&joined(&changed, &update)).expect_err(field).to_string();
        assert!(error.starts_with("x.opening: ") && error.contains(expected), "{field}: {error}");
    }
    let unknown = header.to_string().replace("\"mode\":\"open\"", "\"mode\":\"masked\",\"shares\":3");
    let error = read(&[unknown.as_bytes(), b"\n"].concat()).expect_err("mode").to_string();
    assert!(error.contains("`mode`") && error.contains("masked"), "{error}");
    let doubled = header.to_string().replacen('{', "{\"version\":1,", 1);
    let error = read(&[doubled.as_bytes(), b"\n", &update].concat()).expect_err("doubled").to_string();
    assert!(error.contains("occurs twice"), "{error}");
    for field in ["format", "mode", "tails", "update_id"] {
        let mut changed = header.clone();
        changed.as_object_mut().expect("object").remove(field);
        let error = read(&joined(&changed, &update)).expect_err(field).to_string();
        assert!(error.contains(field), "{field}: {error}");
    }
}

#[test]
fn rejects_tails_that_are_not_blinding_rows() {
    let (header, update) = parts();
    let good = header["tails"][0].as_str().expect("tail").to_owned();
    let order = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
    let changes = [
        (vec![], "`tails`"),
        (vec![good.clone(), good.clone()], "`tails`"),
        (vec!["0x".to_owned()], "`tails[0]`"),
        (vec![good[..good.len() - 2].to_owned()], "`tails[0]`"),
        (vec![good[2..].to_owned()], "`tails[0]`"),
        (vec![good.to_uppercase().replace("0X", "0x")], "`tails[0]`"),
        (vec![format!("0x{}", "00".repeat(32 * (TAIL + 1)))], "`tails[0]`"),
        (vec![format!("0x{}{order}", "00".repeat(32))], "`tails[0], row 1`"),
        (vec![format!("0x{}", "é".repeat(32))], "`tails[0]`"),
    ];
    for (tails, expected) in changes {
        let mut changed = header.clone();
        changed["tails"] = tails.into();
        let error = read(&joined(&changed, &update)).expect_err(expected).to_string();
        assert!(error.starts_with("x.opening: ") && error.contains(expected), "{expected}: {error}");
        // A message is logged and sent about; the blinding is not.
        assert!(!error.contains(&good[2..40]) && !error.contains(&good[2..40].to_uppercase()), "{error}");
    }
}

#[test]
fn rejects_lengths_that_do_not_fit() {
    let (header, update) = parts();
    let bytes = &written().2;
    assert!(read(&[bytes.as_slice(), b"\n"].concat()).expect_err("trailing").to_string().contains("update_bytes"));
    // Trailing bytes that the header counts are refused by the container.
    let mut counted = header.clone();
    counted["update_bytes"] = (update.len() + 1).into();
    assert!(read(&joined(&counted, &[update.as_slice(), b"\0"].concat())).is_err());
    // A container that declares a huge header, or huge tensors.
    for at in [0, 7] {
        let mut huge = update.clone();
        huge[at] = 0xff;
        assert!(read(&joined(&header, &huge)).is_err());
    }
    let large = vec![b' '; usize::try_from(update::limit(&profile())).expect("limit") + 1];
    assert!(read(&large).expect_err("large").to_string().contains("at most"));
    let line = vec![b' '; update::HEADER_LIMIT];
    assert!(read(&[&line, b"\n".as_slice()].concat()).expect_err("line").to_string().contains("`header`"));
    for length in 0..bytes.len() {
        assert!(update::read(&profile(), &bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn rejects_an_opening_of_another_commitment() {
    let checker_profile = profile();
    let checker = Checker::new(&checker_profile, srs()).expect("checker");
    let (opening, id, bytes) = written();
    let points = checker.commitments(opening).expect("points");
    let mut other = opening.clone();
    other.update.layers[1].bias[2] += 1;
    let error = checker.check(&other, &points).expect_err("value");
    assert!(matches!(error, OpeningError::Commitment { column: 0, .. }) && error.is_refusal(), "{error}");
    let mut other = opening.clone();
    other.tails[0][0] += Fr::ONE;
    assert!(matches!(checker.check(&other, &points), Err(OpeningError::Commitment { column: 0, .. })));
    assert!(matches!(checker.check(opening, &[]), Err(OpeningError::Points { expected: 1, found: 0 })));
    // A header that claims the id of another update.
    let forged = update::write(&checker_profile, *id, srs().digest(), &other).expect("file");
    let error = checker.read("x.opening", *id, &forged).expect_err("forged");
    assert!(matches!(error, OpeningError::Id { expected, .. } if expected == *id), "{error}");
    let error = checker.read("x.opening", B256::ZERO, bytes).expect_err("asked for another");
    assert!(matches!(error, OpeningError::Id { found, .. } if found == *id), "{error}");
}

/// Without the limit on tails, any numbers at all would open a commitment.
#[test]
fn rejects_tails_that_reach_into_the_update() {
    let profile = profile();
    let grid = Grid::new(&profile).expect("grid");
    let (opening, ..) = written();
    let points = opening.commit(srs(), &grid).expect("points");
    let integers = &grid.update_columns(&opening.update)[0];
    let mut tail: Vec<Fr> = integers.iter().map(|value| signed(i128::from(*value))).collect();
    let first = tail.len() - ROWS;
    tail[first..].copy_from_slice(&opening.tails[0]);
    let forged = UpdateOpening { update: zero_update(&profile), tails: vec![tail] };
    assert_eq!(forged.commit(srs(), &grid).expect("points"), points, "the attack works on the bare commitments");
    let error = Checker::new(&profile, srs()).expect("checker").check(&forged, &points).expect_err("forged");
    assert!(error.to_string().contains("`tails[0]`"), "{error}");
}

/// Without the count of tails, the columns after the last tail would be open to any numbers.
#[test]
fn rejects_columns_without_a_tail() {
    let text = include_str!("../../../../params/toy.toml");
    let text = text.replace("[6, 4, 3]", "[6, 4, 2]").replace("weight_columns = 1", "weight_columns = 2");
    let profile = Profile::from_toml(&text.replace("\"toy\"", "\"toy-2\"")).expect("profile");
    let checker = Checker::new(&profile, srs()).expect("checker");
    let tail = |cells: usize| vec![Fr::ONE; cells];
    let whole = UpdateOpening { update: zero_update(&profile), tails: vec![tail(3), tail(3)] };
    let points = checker.commitments(&whole).expect("points");
    assert_eq!(points.len(), 2);
    for tails in
        [vec![], vec![tail(3)], vec![tail(3), tail(2)], vec![tail(3), tail(3), tail(3)], vec![tail(0), tail(0)]]
    {
        let cut = UpdateOpening { update: whole.update.clone(), tails };
        for points in [&points[..], &points[..1]] {
            assert!(checker.check(&cut, points).is_err());
        }
        assert!(update::write(&profile, B256::ZERO, B256::ZERO, &cut).is_err());
    }
}

#[test]
fn rejects_values_beyond_the_bound() {
    let profile = profile();
    let checker = Checker::new(&profile, srs()).expect("checker");
    let bound = profile.bounds().update;
    for value in [i64::try_from(bound).expect("bound") + 1, i64::MIN, i64::MAX] {
        let mut large = written().0.clone();
        large.update.layers[0].weights[3] = value;
        let error = checker.commitments(&large).expect_err("large");
        assert!(matches!(error, OpeningError::Magnitude { column: 0, found, .. } if found == value), "{error}");
        assert!(error.to_string().contains("update column 0"), "{error}");
        // Neither does such a file come in.
        let (id, digest) = (written().1, srs().digest());
        let bytes = update::write(&profile, id, digest, &large).expect("file");
        assert!(checker.read("x.opening", id, &bytes).expect_err("large").to_string().contains("layers.0.weight"));
    }
    let mut least = written().0.clone();
    least.update.layers[0].weights[3] = -i64::try_from(bound).expect("bound");
    checker.commitments(&least).expect("within the bound");
}

#[test]
fn rejects_updates_of_another_shape() {
    let profile = profile();
    let mut cut = written().0.clone();
    cut.update.layers[0].weights.pop();
    let error = Checker::new(&profile, srs()).expect("checker").commitments(&cut).expect_err("cut");
    assert!(matches!(error, OpeningError::Reference(_)), "{error}");
    let small = Srs::bundled_ceremony(7).expect("ceremony");
    assert!(matches!(Checker::new(&profile, &small), Err(OpeningError::Size { expected: 8, found: 7 })));
}

#[test]
fn ids_have_one_spelling_and_no_path_in_them() {
    let id = written().1;
    for kind in [Kind::Openings, Kind::Models] {
        let text = format!("0x{}", hex::encode(id));
        let item = Item::parse(kind, &text).expect("id");
        assert_eq!((item.kind(), item.to_string()), (kind, text.clone()));
        assert_eq!(Item::of_file_name(kind, &item.file_name()), Some(item));
        let bad = [text[2..].to_owned(), text.to_uppercase(), format!("{text} "), format!("{text}0"), "..".into()];
        for bad in bad.iter().map(String::as_str).chain(["", "0x", "/etc/passwd", "../openings", "0x00/../00", "\0"]) {
            assert!(matches!(Item::parse(kind, bad), Err(OpeningError::Name { .. })), "{bad:?}");
        }
    }
    let (account, next) = (format!("0x{}", "ab".repeat(20)), format!("0x{}", "cd".repeat(32)));
    let kind = Kind::Acknowledgements;
    let item = Item::parse(kind, &format!("12-{next}-{account}")).expect("id");
    assert_eq!(item.file_name(), format!("12-{next}-{account}.json"));
    for round in ["", "+1", "01", "-1", "1-", "..", "18446744073709551616", "0x1", " 1"] {
        assert!(Item::parse(kind, &format!("{round}-{next}-{account}")).is_err(), "{round:?}");
    }
    assert!(Item::parse(kind, &format!("12-{next}-{}", account.to_uppercase())).is_err());
    assert!(Item::parse(kind, &format!("12-{account}")).is_err());
    assert!(Item::parse(kind, "12").is_err());
}

pub(super) fn zero_update(profile: &Profile) -> Update {
    let layer = |n: &[usize]| LayerUpdate { weights: vec![0; n[0] * n[1]], bias: vec![0; n[1]] };
    Update { layers: profile.layers.windows(2).map(layer).collect() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn prop_random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        prop_assert!(update::peek(&bytes).is_err());
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn prop_random_updates_are_refused(update in proptest::collection::vec(any::<u8>(), 0..4096)) {
        let (mut header, _) = parts();
        header["update_bytes"] = update.len().into();
        prop_assert!(read(&joined(&header, &update)).is_err());
    }

    #[test]
    fn prop_a_flipped_bit_never_gives_another_opening(at in any::<prop::sample::Index>(), bit in 0..8) {
        let mut bytes = written().2.clone();
        let at = at.index(bytes.len());
        bytes[at] ^= 1u8 << bit;
        if let Ok(opening) = read(&bytes) {
            prop_assert!(opening == written().0);
        }
    }

    #[test]
    fn prop_replaced_bytes_never_give_another_opening(
        at in any::<prop::sample::Index>(),
        cut in 0..40usize,
        new in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let mut bytes = written().2.clone();
        let at = at.index(bytes.len());
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, new);
        if let Ok(opening) = read(&bytes) {
            prop_assert!(opening == written().0);
        }
    }
}
