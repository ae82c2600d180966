use super::*;
use crate::fsio::Overwrite;
use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine, G2Affine};
use halo2_proofs::halo2curves::group::Curve;
use halo2_proofs::halo2curves::serde::SerdeObject;

/// Section table of the bundled file: (type, start, length).
fn section(kind: u32) -> (usize, usize) {
    let file = BUNDLED_CEREMONY;
    let u32_at = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("4 bytes"));
    let mut at = 12;
    loop {
        let length = u64::from_le_bytes(file[at + 4..at + 12].try_into().expect("8 bytes")) as usize;
        if u32_at(at) == kind {
            return (at + 12, length);
        }
        at += 12 + length;
    }
}

fn import_bytes(bytes: &[u8], k: u32) -> Result<Srs, SrsError> {
    Srs::import_from(Cursor::new(bytes), Path::new("test.ptau"), k, None)
}

fn tampered(change: impl FnOnce(&mut Vec<u8>)) -> Result<Srs, SrsError> {
    let mut bytes = BUNDLED_CEREMONY.to_vec();
    change(&mut bytes);
    import_bytes(&bytes, 6)
}

#[test]
fn accepts_the_real_ceremony_file_for_every_size_it_holds() {
    for k in [1, 4, 8] {
        let srs = Srs::bundled_ceremony(k).expect("ceremony file");
        assert_eq!((srs.k(), srs.origin()), (k, Origin::Ceremony));
        assert_eq!(srs.digest(), CEREMONY_DIGEST, "tau does not depend on the size");
        srs.check(Path::new("memory")).expect("consistent");
    }
    assert!(matches!(Srs::bundled_ceremony(9), Err(SrsError::Size { k: 9, limit: 8 })));
    assert!(matches!(import_bytes(BUNDLED_CEREMONY, 9), Err(SrsError::Layout { section: "power", .. })));
}

#[test]
fn golden_hash_of_the_ceremony_file() {
    // BLAKE2b is what the ceremony publishes; SHA-256 of the same bytes is what is at hand here.
    let hash = <sha2::Sha256 as sha2::Digest>::digest(BUNDLED_CEREMONY);
    let expected = "f741f2ddee2875915c24db8aae90d021f51181533f1ee3b58baf64b042e91654";
    assert_eq!(hex::encode(hash), expected);
}

#[test]
fn rejects_powers_in_another_order_and_names_the_first() {
    let (start, _) = section(2);
    let result = tampered(|bytes| {
        let (a, b) = (start + 64 * 5, start + 64 * 6);
        let first = bytes[a..a + 64].to_vec();
        bytes.copy_within(b..b + 64, a);
        bytes[b..b + 64].copy_from_slice(&first);
    });
    assert!(matches!(result, Err(SrsError::Powers { index: 5, .. })), "{result:?}");
}

#[test]
fn rejects_a_power_that_is_a_point_but_not_the_right_one() {
    let (start, _) = section(2);
    for index in [1, 17, 63] {
        let result = tampered(|bytes| {
            let at = start + 64 * index;
            let point = G1Affine::from_raw_bytes(&bytes[at..at + 64]).expect("point");
            bytes[at..at + 64].copy_from_slice(&(-point).to_raw_bytes());
        });
        assert!(matches!(result, Err(SrsError::Powers { index: i, .. }) if i == index), "{result:?}");
    }
}

#[test]
fn rejects_points_off_the_curve_or_not_canonical_and_names_them() {
    let (start, _) = section(2);
    let off_curve = tampered(|bytes| bytes[start + 64 * 9 + 40] ^= 1);
    assert!(matches!(off_curve, Err(SrsError::Point { index: 9, .. })), "{off_curve:?}");
    let large = tampered(|bytes| bytes[start + 64 * 3..start + 64 * 3 + 32].fill(0xff));
    assert!(matches!(large, Err(SrsError::Point { index: 3, .. })), "{large:?}");
    let identity = tampered(|bytes| bytes[start + 64 * 4..start + 64 * 5].fill(0));
    assert!(matches!(identity, Err(SrsError::Point { index: 4, .. })), "{identity:?}");
    let (g2, _) = section(3);
    let off_curve = tampered(|bytes| bytes[g2 + 128 + 3] ^= 1);
    assert!(matches!(off_curve, Err(SrsError::Point { index: 1, .. })), "{off_curve:?}");
}

#[test]
fn rejects_other_generators_and_degenerate_tau() {
    let (g1, _) = section(2);
    let (g2, _) = section(3);
    let scaled = tampered(|bytes| {
        let doubled = (G1Affine::generator() * Fr::from(2)).to_affine();
        bytes[g1..g1 + 64].copy_from_slice(&doubled.to_raw_bytes());
    });
    assert!(matches!(scaled, Err(SrsError::Point { index: 0, .. })), "{scaled:?}");
    let tau_is_one = tampered(|bytes| bytes.copy_within(g2..g2 + 128, g2 + 128));
    assert!(matches!(tau_is_one, Err(SrsError::Point { index: 1, .. })), "{tau_is_one:?}");
    let tau_is_zero = tampered(|bytes| bytes[g2 + 128..g2 + 256].fill(0));
    assert!(matches!(tau_is_zero, Err(SrsError::Point { index: 1, .. })), "{tau_is_zero:?}");
}

#[test]
fn rejects_a_tau_that_is_not_that_of_the_powers() {
    let (g2, _) = section(3);
    let of_another = Srs::dev_insecure(1).expect("dev string").params().s_g2();
    let squared = G2Affine::from_raw_bytes(&BUNDLED_CEREMONY[g2 + 256..g2 + 384]).expect("the square of tau");
    for point in [of_another, squared, -squared] {
        let result = tampered(|bytes| bytes[g2 + 128..g2 + 256].copy_from_slice(&point.to_raw_bytes()));
        assert!(matches!(result, Err(SrsError::Powers { index: 1, .. })), "{result:?}");
    }
}

#[test]
fn rejects_powers_of_two_ceremonies_put_together() {
    // A list that changes its tau in the middle: every point is a power of something.
    let (start, _) = section(2);
    let other = Srs::dev_insecure(6).expect("dev string");
    let result = tampered(|bytes| {
        for (index, point) in other.params().get_g().iter().enumerate().skip(40) {
            bytes[start + 64 * index..start + 64 * index + 64].copy_from_slice(&point.to_raw_bytes());
        }
    });
    assert!(matches!(result, Err(SrsError::Powers { index: 40, .. })), "{result:?}");
}

#[test]
fn rejects_a_single_wrong_lagrange_point() {
    let good = Srs::bundled_ceremony(5).expect("ceremony");
    let points: Vec<G1Affine> = (0..32).map(|row| lagrange_basis(good.params(), row).expect("row")).collect();
    let with = |change: &dyn Fn(&mut Vec<G1Affine>)| {
        let (p, mut points) = (good.params(), points.clone());
        change(&mut points);
        let params = p.from_parts(5, p.get_g().to_vec(), Some(points), p.g2(), p.s_g2());
        Srs::new(params, Origin::Ceremony).check(Path::new("memory"))
    };
    with(&|_| {}).expect("the right points");
    let swapped = with(&|points| points.swap(3, 4));
    assert!(matches!(swapped, Err(SrsError::Lagrange { .. })), "{swapped:?}");
    for row in [0, 17, 31] {
        let negated = with(&|points| points[row] = -points[row]);
        assert!(matches!(negated, Err(SrsError::Lagrange { .. })), "{row}: {negated:?}");
    }
}

#[test]
fn rejects_a_tau_in_the_domain_under_which_nothing_is_hidden() {
    // The powers of a root of unity pass every other check.
    let factory = Srs::dev_insecure(1).expect("dev string").params;
    let root = |k: u32| (k..Fr::S).fold(Fr::ROOT_OF_UNITY, |root, _| root.square());
    for (k, exponent) in [(5, 3), (5, 16), (5, 30), (5, 31), (1, 1)] {
        let tau = root(k).pow([exponent]);
        let powers = std::iter::successors(Some(Fr::ONE), |power| Some(*power * tau)).take(1 << k);
        let g: Vec<G1Affine> = powers.map(|power| (G1Affine::generator() * power).to_affine()).collect();
        let params = factory.from_parts(k, g, None, G2Affine::generator(), (G2Affine::generator() * tau).to_affine());
        let result = Srs::new(params, Origin::Ceremony).check(Path::new("memory"));
        assert!(matches!(result, Err(SrsError::Point { section: "Lagrange points", .. })), "{k}: {result:?}");
    }
}

#[test]
fn rejects_a_tau_outside_the_subgroup() {
    use ark_ff::{Field as _, UniformRand};
    // A point of the twist found by trying x; the cofactor is huge, so it is outside almost surely.
    let mut rng = ark_std_rng();
    let outside = loop {
        let x = ark_bn254::Fq2::rand(&mut rng);
        let b = <ark_bn254::g2::Config as ark_ec::short_weierstrass::SWCurveConfig>::COEFF_B;
        if let Some(y) = (x * x * x + b).sqrt() {
            let point = ark_bn254::G2Affine::new_unchecked(x, y);
            assert!(point.is_on_curve());
            if !point.is_in_correct_subgroup_assuming_on_curve() {
                break point;
            }
        }
    };
    let (g2, _) = section(3);
    let result = tampered(|bytes| {
        let limbs = [outside.x.c0, outside.x.c1, outside.y.c0, outside.y.c1];
        for (index, value) in limbs.iter().enumerate() {
            // Montgomery form, as the file has it.
            for (limb, word) in value.0 .0.iter().enumerate() {
                let at = g2 + 128 + 32 * index + 8 * limb;
                bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
            }
        }
    });
    assert!(matches!(result, Err(SrsError::Point { index: 1, section: "G2 powers", .. })), "{result:?}");
}

fn ark_std_rng() -> impl rand::RngCore {
    <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(7)
}

#[test]
fn rejects_files_of_another_layout() {
    let layout = |result: Result<Srs, SrsError>, name: &str| match result {
        Err(SrsError::Layout { section, .. }) => assert_eq!(section, name),
        other => panic!("expected a layout error in {name}, found {other:?}"),
    };
    let (header, _) = section(1);
    layout(tampered(|bytes| bytes[0] = b'q'), "magic");
    layout(tampered(|bytes| bytes[4] = 2), "version");
    layout(tampered(|bytes| bytes[8..12].fill(0xff)), "number of sections");
    layout(tampered(|bytes| bytes[16..24].fill(0xff)), "section length");
    layout(tampered(|bytes| bytes.push(0)), "end");
    layout(tampered(|bytes| bytes.truncate(5)), "start");
    layout(tampered(|bytes| bytes.truncate(bytes.len() - 1)), "section length");
    layout(tampered(|bytes| bytes[header] = 48), "bytes per field element");
    layout(tampered(|bytes| bytes[header + 4] ^= 1), "modulus");
    layout(tampered(|bytes| bytes[header + 36] = 9), "section 2 (G1 powers)");
    layout(tampered(|bytes| bytes[header + 36] = 200), "power");
    layout(tampered(|bytes| bytes[12] = 99), "section 1 (header)");
}

#[test]
fn rejects_a_self_made_ceremony_unless_its_digest_is_named() {
    // A valid string of a tau that its maker knows, put into a ceremony file.
    let dev = Srs::dev_insecure(8).expect("dev string");
    let mut bytes = BUNDLED_CEREMONY.to_vec();
    let ((g1, _), (g2, _)) = (section(2), section(3));
    for (index, point) in dev.params().get_g().iter().enumerate() {
        let at = g1 + 64 * index;
        bytes[at..at + 64].copy_from_slice(&point.to_raw_bytes());
    }
    bytes[g2 + 128..g2 + 256].copy_from_slice(&dev.params().s_g2().to_raw_bytes());
    match import_bytes(&bytes, 8) {
        Err(SrsError::UnknownCeremony { expected, found, .. }) => {
            assert_eq!((expected, found), (CEREMONY_DIGEST, dev.digest()));
        }
        other => panic!("expected an unknown ceremony, found {other:?}"),
    }
    let named = Srs::import_from(Cursor::new(&bytes), Path::new("x"), 8, Some(dev.digest()));
    assert_eq!(named.expect("named digest").origin(), Origin::Ceremony);
}

#[test]
fn a_development_string_passes_every_check() {
    for k in [1, 2, 7, 11] {
        let srs = Srs::dev_insecure(k).expect("dev string");
        assert_eq!((srs.k(), srs.params().get_g().len()), (k, 1 << k));
        srs.check(Path::new("memory")).expect("consistent");
    }
    let digests = [1, 1].map(|k| Srs::dev_insecure(k).expect("dev string").digest());
    assert_ne!(digests[0], digests[1]);
    assert!(matches!(Srs::dev_insecure(0), Err(SrsError::Size { .. })));
    assert!(matches!(Srs::dev_insecure(29), Err(SrsError::Size { .. })));
}

#[test]
fn rejects_a_development_string_on_public_chains() {
    let dev = Srs::dev_insecure(3).expect("dev string");
    for chain_id in DEV_CHAIN_IDS {
        dev.check_chain(chain_id).expect("development chain");
    }
    for chain_id in [1, 10, 11155111, 0, 31338] {
        let error = dev.check_chain(chain_id).expect_err("public chain");
        assert!(matches!(error, SrsError::InsecureOnChain { chain_id: c } if c == chain_id));
    }
    Srs::bundled_ceremony(3).expect("ceremony").check_chain(1).expect("any chain");
}

#[test]
fn the_lagrange_basis_of_a_smaller_size_is_derived_anew() {
    let large = Srs::bundled_ceremony(8).expect("ceremony");
    let small = large.downsize(5).expect("smaller");
    assert_eq!(small.k(), 5);
    small.check(Path::new("memory")).expect("consistent");
    let direct = Srs::bundled_ceremony(5).expect("ceremony");
    assert_eq!(lagrange_basis(small.params(), 31).expect("row"), lagrange_basis(direct.params(), 31).expect("row"));
    assert!(matches!(direct.downsize(6), Err(SrsError::Size { k: 6, limit: 5 })));
}

#[test]
fn rejects_lagrange_points_of_another_root_of_unity() {
    // The file's own Lagrange section, which an importer could be tempted to use.
    let good = Srs::bundled_ceremony(8).expect("ceremony");
    let (start, _) = section(12);
    let first = start + 64 * ((1 << 8) - 1);
    let foreign: Vec<G1Affine> = (0..256)
        .map(|i| G1Affine::from_raw_bytes(&BUNDLED_CEREMONY[first + 64 * i..first + 64 * (i + 1)]))
        .collect::<Option<_>>()
        .expect("points");
    let p = good.params();
    let params = p.from_parts(8, p.get_g().to_vec(), Some(foreign), p.g2(), p.s_g2());
    let result = Srs::new(params, Origin::Ceremony).check(Path::new("memory"));
    assert!(matches!(result, Err(SrsError::Lagrange { test: "the commitment to X", .. })), "{result:?}");
}

#[test]
fn a_string_that_was_not_finished_is_made_anew() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("k2.srs");
    let [first, second] = [(); 2].map(|()| Srs::dev_insecure(2).expect("dev string"));
    first.save(&file, Overwrite::Refuse).expect("save");
    assert!(matches!(second.save(&file, Overwrite::Refuse), Err(SrsError::File(FsError::Exists { .. }))));
    assert_eq!(Srs::load(&file).expect("untouched").digest(), first.digest());
    // What a crash between the two writes leaves.
    std::fs::remove_file(&file).expect("removed");
    second.save(&file, Overwrite::Refuse).expect("save");
    assert_eq!(Srs::load(&file).expect("load").digest(), second.digest());
}

#[test]
#[ignore = "slow; prints the times of a full-size string"]
fn times_at_k_16() {
    let clock = std::time::Instant::now();
    let lap = |what: &str, from: std::time::Instant| println!("{what}: {:?}", from.elapsed());
    let srs = Srs::dev_insecure(16).expect("dev string");
    lap("made", clock);
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("dev.srs");
    let clock = std::time::Instant::now();
    srs.save(&file, Overwrite::Refuse).expect("save");
    lap("saved", clock);
    let clock = std::time::Instant::now();
    let read = Srs::load(&file).expect("load");
    lap("loaded", clock);
    let clock = std::time::Instant::now();
    read.check(&file).expect("consistent");
    lap("checked", clock);
    let clock = std::time::Instant::now();
    let bases = crate::link::link_bases(&read).expect("bases");
    lap("link bases", clock);
    let clock = std::time::Instant::now();
    let small = read.downsize(12).expect("smaller");
    lap("downsized to 12", clock);
    assert_eq!((small.k(), bases.len()), (12, 4));
}
