use super::*;
use crate::blinding::random_blinding;
use crate::commit::commit_column;
use alloy_primitives::U256;
use halo2_proofs::halo2curves::group::prime::PrimeCurveAffine;
use halo2_proofs::halo2curves::group::Group;
use std::sync::OnceLock;

const K: u32 = 5;
const N: usize = 1 << K;

fn srs() -> &'static Srs {
    static SRS: OnceLock<Srs> = OnceLock::new();
    SRS.get_or_init(|| Srs::dev_insecure(K).expect("a string"))
}

fn bases() -> &'static LinkBases {
    static BASES: OnceLock<LinkBases> = OnceLock::new();
    BASES.get_or_init(|| link_bases(srs()).expect("bases"))
}

fn commitment(data: u64, blinding: &Blinding) -> G1Affine {
    let mut column: Vec<Fr> = (0..N as u64).map(|row| Fr::from(row * data)).collect();
    column[N - 10..].fill(Fr::ZERO);
    column[N - LINK_ROWS..].copy_from_slice(blinding);
    commit_column(srs().params(), &column).expect("column")
}

struct Case {
    delta: Blinding,
    context: Fr,
    registered: G1Affine,
    copy: G1Affine,
}

fn case() -> Case {
    let (a, b) = (random_blinding(), random_blinding());
    Case {
        delta: difference(&a, &b),
        context: Fr::random(OsRng),
        registered: commitment(7, &a),
        copy: commitment(7, &b),
    }
}

impl Case {
    fn prove(&self) -> LinkProof {
        prove_link(bases(), &self.delta, &self.context, &self.registered, &self.copy).expect("honest link")
    }

    fn verify(&self, proof: &LinkProof) -> Result<(), LinkError> {
        verify_link(bases(), &self.context, &self.registered, &self.copy, proof)
    }
}

#[test]
fn accepts_an_honest_link_and_its_encoding() {
    let case = case();
    let proof = case.prove();
    assert_eq!(case.verify(&proof), Ok(()));
    let bytes = proof.to_bytes();
    assert_eq!(bytes.len(), 192);
    assert_eq!(LinkProof::from_bytes(&bytes), Ok(proof));
}

fn word(scalar: &Fr) -> U256 {
    U256::from_be_bytes(scalar_to_bytes(scalar))
}

#[test]
fn the_challenge_is_that_of_the_contract() {
    use zkpoc_contracts::bindings::digests::link_challenge;
    use zkpoc_contracts::bindings::G1Point;
    let case = case();
    let proof = case.prove();
    let [registered, copy, nonce] = [case.registered, case.copy, proof.r].map(|point| {
        let bytes = point_to_bytes(&point);
        let [x, y] = [0, 32].map(|at| U256::from_be_slice(&bytes[at..at + 32]));
        G1Point { x, y }
    });
    let context = word(&case.context);
    let expected = link_challenge(context, &registered, &copy, &nonce);
    let e = challenge(&case.context, &case.registered, &case.copy, &proof.r);
    assert_eq!(word(&e), expected);
}

#[test]
fn rejects_a_change_of_any_field() {
    let case = case();
    let proof = case.prove();
    let other = G1::random(OsRng).to_affine();
    assert_eq!(case.verify(&LinkProof { r: other, ..proof }), Err(LinkError::Invalid));
    for index in 0..LINK_ROWS {
        let mut z = proof.z;
        z[index] += Fr::ONE;
        assert_eq!(case.verify(&LinkProof { z, ..proof }), Err(LinkError::Invalid), "z_{index}");
    }
    let swapped = LinkProof { z: [proof.z[1], proof.z[0], proof.z[2], proof.z[3]], ..proof };
    assert_eq!(case.verify(&swapped), Err(LinkError::Invalid));
    for (registered, copy) in [(other, case.copy), (case.registered, other), (case.copy, case.registered)] {
        let changed = verify_link(bases(), &case.context, &registered, &copy, &proof);
        assert_eq!(changed, Err(LinkError::Invalid));
    }
    let mut permuted = *bases();
    permuted.swap(0, 3);
    let result = verify_link(&permuted, &case.context, &case.registered, &case.copy, &proof);
    assert_eq!(result, Err(LinkError::Invalid));
}

#[test]
fn rejects_replay_under_another_context() {
    let case = case();
    let proof = case.prove();
    let replayed = Case { context: case.context + Fr::ONE, ..case };
    assert_eq!(replayed.verify(&proof), Err(LinkError::Invalid));
}

#[test]
fn rejects_data_that_differs_outside_the_random_rows() {
    let (a, b) = (random_blinding(), random_blinding());
    let (registered, copy) = (commitment(7, &a), commitment(8, &b));
    let (delta, context) = (difference(&a, &b), Fr::from(3));
    let refused = prove_link(bases(), &delta, &context, &registered, &copy);
    assert_eq!(refused, Err(LinkError::NotLinked));

    // A prover that skips its own check makes a proof that does not verify.
    let nonces = random_blinding();
    let r = best_multiexp(&nonces, bases()).to_affine();
    let e = challenge(&context, &registered, &copy, &r);
    let z = std::array::from_fn(|i| nonces[i] + e * delta[i]);
    let forged = LinkProof { r, z };
    assert_eq!(verify_link(bases(), &context, &registered, &copy, &forged), Err(LinkError::Invalid));

    // Nor does one whose R was shifted by the true difference to cancel a guessed challenge.
    let shifted = (G1::from(r) - (G1::from(registered) - G1::from(copy)) * e).to_affine();
    let forged = LinkProof { r: shifted, z: nonces };
    assert_eq!(verify_link(bases(), &context, &registered, &copy, &forged), Err(LinkError::Invalid));
}

#[test]
fn rejects_using_the_registered_commitment_itself() {
    let case = case();
    let refused = prove_link(bases(), &[Fr::ZERO; 4], &case.context, &case.copy, &case.copy);
    assert_eq!(refused, Err(LinkError::SameCommitment));

    // With the difference 0 the equation itself would hold for all-zero knowledge.
    let nonces = random_blinding();
    let r = best_multiexp(&nonces, bases()).to_affine();
    let proof = LinkProof { r, z: nonces };
    let accepted = verify_link(bases(), &case.context, &case.copy, &case.copy, &proof);
    assert_eq!(accepted, Err(LinkError::SameCommitment));
}

#[test]
fn rejects_encodings_that_are_not_canonical() {
    let case = case();
    let bytes = case.prove().to_bytes();
    for length in [0, 191, 193] {
        let mut other = bytes.to_vec();
        other.resize(length, 0);
        assert_eq!(LinkProof::from_bytes(&other), Err(LinkError::Length { actual: length }));
    }
    let order = word(&-Fr::ONE) + U256::from(1);
    for index in 0..LINK_ROWS {
        let mut alias = bytes;
        let slot = &mut alias[64 + 32 * index..96 + 32 * index];
        let z = U256::from_be_slice(slot) + order;
        slot.copy_from_slice(&z.to_be_bytes::<32>());
        assert_eq!(LinkProof::from_bytes(&alias), Err(LinkError::Answer { index }));
    }
    let mut identity = bytes;
    identity[..64].fill(0);
    let point = |source| Err(LinkError::Point { which: "R", source });
    assert_eq!(LinkProof::from_bytes(&identity), point(PointError::Identity));
    let mut off_curve = bytes;
    off_curve[63] ^= 1;
    assert_eq!(LinkProof::from_bytes(&off_curve), point(PointError::NotOnCurve));
    let mut large = bytes;
    large[0] = 0xff;
    assert_eq!(LinkProof::from_bytes(&large), point(PointError::NotCanonical { coordinate: 'x' }));
}

#[test]
fn rejects_identity_points_in_the_statement() {
    let case = case();
    let proof = case.prove();
    let identity = G1Affine::identity();
    for (registered, copy) in [(identity, case.copy), (case.registered, identity)] {
        let result = verify_link(bases(), &case.context, &registered, &copy, &proof);
        assert!(matches!(result, Err(LinkError::Point { source: PointError::Identity, .. })));
    }
}

#[test]
fn every_flipped_bit_is_rejected() {
    let case = case();
    let bytes = case.prove().to_bytes();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes;
        flipped[bit / 8] ^= 1 << (bit % 8);
        let verdict = LinkProof::from_bytes(&flipped).and_then(|proof| case.verify(&proof));
        assert!(verdict.is_err(), "bit {bit}");
    }
}

#[test]
fn nonces_depend_on_the_secret_the_statement_and_the_randomness() {
    let case = case();
    let nonces = |delta: &Blinding, context: &Fr, fresh: u8| {
        hedged_nonces(delta, context, &case.registered, &case.copy, &[fresh; 64])
    };
    let base = nonces(&case.delta, &case.context, 1);
    let mut other = case.delta;
    other[2] += Fr::ONE;
    assert_eq!(base, nonces(&case.delta, &case.context, 1));
    for changed in [
        nonces(&other, &case.context, 1),
        nonces(&case.delta, &(case.context + Fr::ONE), 1),
        nonces(&case.delta, &case.context, 2),
    ] {
        assert!(base.iter().zip(&changed).all(|(a, b)| a != b));
    }
    assert!(base.iter().enumerate().all(|(i, a)| !base[i + 1..].contains(a)));
    assert_ne!(case.prove().r, case.prove().r, "two proofs of one statement differ");
}
