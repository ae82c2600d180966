use alloy::primitives::{keccak256, Address, B256};
use halo2_proofs::halo2curves::bn256::Fr;
use rand_core::OsRng;
use zkpoc_circuits::reference::{run, Model, Shard};

use super::*;
use crate::aggregation::Seat;
use crate::chain::words::points_id;
use crate::exchange::share::{peek, Checker};
use zkpoc_engine::encoding::scalar_to_bytes;
use zkpoc_prover::srs::Srs;

/// A group with real updates.
struct Group {
    profile: Profile,
    srs: Srs,
    grid: Grid,
    place: Place,
    roster: Roster,
    secrets: Vec<MaskSecret>,
    openings: Vec<UpdateOpening>,
    points: Vec<Vec<G1Affine>>,
}

impl Group {
    fn new(members: usize) -> Self {
        let profile = Profile::builtin("toy").expect("a profile");
        let srs = Srs::bundled_ceremony(profile.k).expect("a string");
        let grid = Grid::new(&profile).expect("a grid");
        let model = Model::random(&profile, [3; 32]);
        let opening = |member: usize| {
            let features = (0..18).map(|i| ((member * 5 + i * 3) % 16) as u16).collect();
            let shard = Shard { features, labels: vec![0, 1, (member % 3) as u16] };
            let update = run(&profile, &model, &shard).expect("a step").update;
            UpdateOpening { update, tails: vec![(0..15).map(|_| Fr::random(OsRng)).collect()] }
        };
        let openings: Vec<_> = (0..members).map(opening).collect();
        let points: Vec<_> = openings.iter().map(|o| o.commit(&srs, &grid).expect("points")).collect();
        let secrets: Vec<_> = (0..members).map(|_| MaskSecret::random()).collect();
        let seat = |number: usize| Seat {
            number: number as u64,
            claimant: Address::with_last_byte(number as u8 + 1),
            key: secrets[number].public(),
            nullifier: keccak256([number as u8]),
            update_id: points_id(&points[number]).expect("an id"),
        };
        let roster = Roster::new(0, (0..members).map(seat).collect());
        let place = Place { chain_id: 31337, contract: Address::repeat_byte(9), round: 1 };
        Group { profile, srs, grid, place, roster, secrets, openings, points }
    }

    fn checker(&self) -> Checker<'_> {
        Checker::new(&self.profile, &self.srs).expect("a layout").expect("bases")
    }

    fn seeds(&self, own: usize) -> Vec<Option<PairSeed>> {
        seeds(&self.secrets[own], &self.place, &self.roster, own).expect("seeds")
    }

    fn prepare(&self, own: usize) -> Prepared {
        let checker = self.checker();
        Share::prepare(&self.grid, checker.shape(), checker.bases(), &self.openings[own], &self.seeds(own), own)
    }

    fn expected(&self, members: impl IntoIterator<Item = usize>) -> UpdateOpening {
        UpdateOpening::sum(&self.profile, &self.grid, members.into_iter().map(|member| &self.openings[member]))
    }
}

#[test]
fn shares_add_up_and_each_opens_its_points() {
    for members in [3, 4, 16] {
        let group = Group::new(members);
        let checker = group.checker();
        let prepared: Vec<Prepared> = (0..members).map(|own| group.prepare(own)).collect();
        let mut sum = Sum::new(checker.shape());
        for (own, made) in prepared.iter().enumerate() {
            let points = points_of_share(&group.points[own], &made.masks, own).expect("points");
            assert_eq!(checker.points(&made.share).expect("points"), points, "{members}: {own}");
            // Both ends name the same points.
            for other in (0..members).filter(|other| *other != own) {
                let index = |of: usize, with: usize| if with > of { with - 1 } else { with };
                assert_eq!(made.masks[index(own, other)], prepared[other].masks[index(other, own)]);
            }
            let seeds = group.seeds(own);
            assert_eq!(Share::mask(&group.grid, checker.shape(), &group.openings[own], &seeds, own), made.share);
            sum.add(&made.share).expect("a share");
        }
        let opening = sum.opening(&group.profile, &group.grid, checker.shape()).expect("a sum");
        assert_eq!(opening, group.expected(0..members), "{members}");
    }
}

#[test]
fn the_sum_of_the_rest_is_left_when_seeds_of_the_missing_are_revealed() {
    let group = Group::new(5);
    let checker = group.checker();
    for missing in [vec![0], vec![2], vec![4], vec![1, 3]] {
        let posted: Vec<usize> = (0..5).filter(|place| !missing.contains(place)).collect();
        let mut sum = Sum::new(checker.shape());
        for own in &posted {
            sum.add(&group.prepare(*own).share).expect("a share");
        }
        // Before the seeds are known, the sum is noise.
        let noise = sum.clone().opening(&group.profile, &group.grid, checker.shape());
        assert!(matches!(noise, Err(AggregationError::Sum { .. })), "{missing:?}");
        for own in &posted {
            for absent in &missing {
                let seed = group.seeds(*own)[*absent].clone().expect("a seed");
                sum.remove(checker.shape(), &seed, *own, *absent);
            }
        }
        let opening = sum.opening(&group.profile, &group.grid, checker.shape()).expect("a sum");
        assert_eq!(opening, group.expected(posted), "{missing:?}");
    }
}

#[test]
fn rejects_a_sum_with_a_mask_left_in_it() {
    let group = Group::new(4);
    let checker = group.checker();
    let opening = |sum: &Sum| sum.opening(&group.profile, &group.grid, checker.shape());
    let noise = |sum: &Sum| assert!(matches!(opening(sum), Err(AggregationError::Sum { .. })));
    let shares: Vec<Share> = (0..4).map(|own| group.prepare(own).share).collect();
    let with = |which: &[usize]| {
        let mut sum = Sum::new(checker.shape());
        which.iter().for_each(|own| sum.add(&shares[*own]).expect("a share"));
        sum
    };
    noise(&with(&[0, 1, 2]));
    // One twice, in another's place.
    noise(&with(&[0, 1, 2, 2]));
    // A seed that is not that of the pair.
    let mut sum = with(&[0, 1, 2]);
    for own in 0..3 {
        sum.remove(checker.shape(), &PairSeed::from_bytes([own as u8; 32]), own, 3);
    }
    noise(&sum);
    // Another round's masks.
    let other = Place { round: 2, ..group.place };
    let stale = seeds(&group.secrets[3], &other, &group.roster, 3).expect("seeds");
    let mut sum = with(&[0, 1, 2]);
    sum.add(&Share::mask(&group.grid, checker.shape(), &group.openings[3], &stale, 3)).expect("a share");
    noise(&sum);
    // The right one.
    assert!(opening(&with(&[0, 1, 2, 3])).is_ok());
    // Of another size.
    assert!(matches!(with(&[0]).add(&Share { cells: vec![] }), Err(AggregationError::Cells { found: 0, .. })));
}

#[test]
fn rejects_points_of_masks_that_are_not_one_for_each_column() {
    let group = Group::new(3);
    let mut masks = group.prepare(0).masks;
    masks[1].clear();
    let answer = points_of_share(&group.points[0], &masks, 0);
    assert!(matches!(answer, Err(AggregationError::Points { expected: 1, found: 0 })));
}

#[test]
fn a_share_survives_its_file_and_no_change() {
    let group = Group::new(3);
    let checker = group.checker();
    let share = group.prepare(1).share;
    let id = checker.id(&share).expect("an id");
    let bytes = checker.write(id, &share);
    assert_eq!(checker.read("file", id, &bytes).expect("read"), share);
    assert_eq!(peek(&bytes).expect("a header"), id);
    assert!(bytes.len() as u64 <= crate::exchange::share::limit(&group.profile));

    let header = bytes.iter().position(|byte| *byte == b'\n').expect("a line");
    let refuse = |bytes: &[u8], what: &str| {
        let error = checker.read("file", id, bytes).expect_err(what).to_string();
        assert!(error.starts_with("file: "), "{what}: {error}");
    };
    for at in [header + 1, header + 32, bytes.len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        refuse(&changed, &format!("byte {at}"));
    }
    // A second spelling of a cell: the number above the order.
    let mut second = bytes.clone();
    let order = alloy::primitives::U256::from_be_bytes(scalar_to_bytes(&-Fr::ONE)) + alloy::primitives::U256::ONE;
    let cell = alloy::primitives::U256::from_be_slice(&second[header + 1..header + 33]);
    second[header + 1..header + 33].copy_from_slice(&(cell + order).to_be_bytes::<32>());
    refuse(&second, "a cell above the order");
    refuse(&bytes[..bytes.len() - 1], "short");
    refuse(&[&bytes[..], &[0]].concat(), "long");
    refuse(&bytes[..header], "no line break");
    refuse(&[], "empty");
    let text = String::from_utf8_lossy(&bytes[..header]).into_owned();
    let changes = [
        ("zkpoc-share", "zkpoc-opening"),
        ("\"version\":1", "\"version\":2"),
        ("\"profile\":\"toy\"", "\"profile\":\"digits-tiny\""),
        ("\"cells\":", "\"cells\":1"),
        ("\"cells\":", "\"more\":1,\"cells\":"),
        ("\"version\":1", "\"version\":1,\"version\":1"),
        ("\"srs_digest\":\"0x", "\"srs_digest\":\"0X"),
    ];
    for (from, to) in changes {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        refuse(&[changed.as_bytes(), &bytes[header..]].concat(), from);
    }
    // The share of another member under this one's name.
    let other = group.prepare(2).share;
    let error = checker.read("file", id, &checker.write(id, &other)).expect_err("another share").to_string();
    assert!(error.contains("share_id"), "{error}");
    assert!(checker.read("file", B256::ZERO, &bytes).is_err());
}

#[test]
fn integers_are_told_from_field_elements() {
    for value in [0i64, 1, -1, 1 << 40, -(1 << 40)] {
        assert_eq!(integer(&zkpoc_circuits::field::signed(i128::from(value)), 1 << 41), Some(value));
    }
    for wild in [Fr::from(1 << 42), -Fr::from(1 << 42), Fr::random(OsRng)] {
        assert_eq!(integer(&wild, 1 << 41), None);
    }
    assert_eq!(integer(&Fr::from(u64::MAX), u128::MAX), None);
}
