use super::*;
use crate::fsio::FsError;
use halo2_proofs::poly::commitment::ParamsProver;

#[test]
fn a_stored_string_reads_back_and_any_changed_byte_is_rejected() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("dev.srs");
    let srs = Srs::dev_insecure(4).expect("dev string");
    srs.save(&file, Overwrite::Refuse).expect("save");
    assert!(matches!(srs.save(&file, Overwrite::Refuse), Err(SrsError::File(FsError::Exists { .. }))));
    let read = Srs::load(&file).expect("load");
    assert_eq!((read.digest(), read.origin()), (srs.digest(), Origin::DevInsecure));
    assert_eq!(read.params().get_g(), srs.params().get_g());
    read.check(&file).expect("consistent");
    let manifest = std::fs::read_to_string(manifest_path(&file)).expect("manifest");
    assert!(manifest.contains("INSECURE"), "{manifest}");

    let good = std::fs::read(&file).expect("points");
    for at in (0..good.len()).step_by(61) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&file, &bad).expect("write");
        assert!(matches!(Srs::load(&file), Err(SrsError::Layout { section: "SHA-256", .. })), "{at}");
    }
    for length in [0, 3, good.len() - 1] {
        std::fs::write(&file, &good[..length]).expect("write");
        assert!(matches!(Srs::load(&file), Err(SrsError::Layout { section: "length", .. })));
    }
    std::fs::write(&file, &good).expect("write");
    for (from, to) in [("\"k\": 4", "\"k\": 5"), ("0x", "0y"), ("zkpoc-srs", "zkpoc"), ("\"k\": 4", "\"k\": 60")] {
        assert!(manifest.contains(from));
        std::fs::write(manifest_path(&file), manifest.replace(from, to)).expect("write");
        assert!(Srs::load(&file).is_err(), "{from} -> {to}");
    }
}

#[test]
fn rejects_stored_points_off_the_curve_even_if_the_manifest_agrees() {
    let dir = tempfile::tempdir().expect("temporary folder");
    let file = dir.path().join("dev.srs");
    Srs::dev_insecure(4).expect("dev string").save(&file, Overwrite::Refuse).expect("save");
    let good = std::fs::read(&file).expect("points");
    let manifest_file = manifest_path(&file);
    let manifest = std::fs::read_to_string(&manifest_file).expect("manifest");
    let resealed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(&mut bad);
        let old = hex::encode(Sha256::digest(&good));
        let new = hex::encode(Sha256::digest(&bad));
        std::fs::write(&file, &bad).expect("write");
        std::fs::write(&manifest_file, manifest.replace(&old, &new)).expect("write");
        Srs::load(&file)
    };
    let off_curve = resealed(&|bytes| bytes[4 + 64 * 7 + 32] ^= 1);
    assert!(matches!(off_curve, Err(SrsError::Point { section: "G1 powers", index: 7, .. })), "{off_curve:?}");
    let lagrange = resealed(&|bytes| bytes[4 + 64 * 16 + 64 * 2] ^= 1);
    assert!(matches!(lagrange, Err(SrsError::Point { section: "Lagrange points", index: 2, .. })));
    let identity = resealed(&|bytes| bytes[4 + 64..4 + 128].fill(0));
    assert!(matches!(identity, Err(SrsError::Point { section: "G1 powers", index: 1, .. })));
    let size = resealed(&|bytes| bytes[0] = 3);
    assert!(matches!(size, Err(SrsError::Layout { section: "size", .. })));
    // Points that are members but not powers pass the reader and fail the full check.
    let swapped = resealed(&|bytes| {
        for i in 0..64 {
            bytes.swap(4 + 64 * 2 + i, 4 + 64 * 3 + i);
        }
    })
    .expect("members of the group");
    assert!(matches!(swapped.check(&file), Err(SrsError::Powers { index: 2, .. })));
}
