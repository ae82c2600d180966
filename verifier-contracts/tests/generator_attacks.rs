//! Altered proofs and inputs against three verifiers: the generated contract, the strict native
//! verifier and the contract of `snark-verifier` 0.2.7.
//!
//! The generated contract and the native verifier refuse all of them. The reference accepts exactly
//! these, by design of its loader:
//!
//! | alteration | reference | why |
//! |---|---|---|
//! | instance + r | accepts | reduces instances mod r |
//! | evaluation + r | accepts | reduces scalars mod r |
//! | bytes after the proof | accepts | never looks at the length |
//!
//! On points that are not valid it also burns what the caller forwards; the generated contract
//! must stop within the cost of reading.

use crate::support::circuit::{Random, Spec};
use crate::support::evm::{calldata, calldata_reordered, compile_verifier};
use crate::support::{deploy, Case, FORWARDED};
use halo2_proofs::halo2curves::bn256::Fr;
use halo2_proofs::halo2curves::ff::PrimeField;
use zkpoc_engine::encoding::{point_from_bytes, point_to_bytes, scalar_to_bytes};

const R: &str = "30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";
const Q: &str = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";

/// What an alteration must lead to.
#[derive(Clone, Copy)]
enum Expect {
    /// Refused while reading, with this error and argument.
    Early(&'static str, u64),
    /// Refused by the pairing.
    Pairing,
}

/// Offsets of a proof's elements.
struct Offsets {
    points: Vec<usize>,
    scalars: Vec<usize>,
}

fn offsets(case: &Case) -> Offsets {
    let vk = case.pk.get_vk();
    let first = vk.cs().num_advice_columns() + 1 + vk.get_domain().get_quotient_poly_degree();
    let evals = case.proof.len() - 64 * (first + 2);
    let end = case.proof.len();
    Offsets {
        points: (0..first).map(|i| 64 * i).chain([end - 128, end - 64]).collect(),
        scalars: (0..evals / 32).map(|i| 64 * first + 32 * i).collect(),
    }
}

/// Adds a modulus to the word at `at`; no word of a proof overflows by that.
fn add(bytes: &mut [u8], at: usize, modulus: &str) {
    let modulus = hex::decode(modulus).expect("hexadecimal");
    let mut carry = 0u16;
    for i in (0..32).rev() {
        let sum = u16::from(bytes[at + i]) + u16::from(modulus[i]) + carry;
        bytes[at + i] = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

/// Asserts the verdicts on one alteration.
fn refused(case: &mut Case, what: &str, proof: &[u8], instances: &[[u8; 32]], expect: Expect, reference_accepts: bool) {
    let ours = case.ours(proof, instances);
    assert!(!ours.success, "{what}: accepted");
    let reading = 21_000 + 16 * calldata("verify", proof, instances).len() as u64 + 40_000;
    match expect {
        Expect::Early(error, argument) => {
            assert!(ours.reverted_with(error, Some(argument)), "{what}: {ours:?}");
            assert!(ours.gas < reading, "{what}: {} gas, bound {reading}", ours.gas);
        }
        Expect::Pairing => {
            assert!(ours.reverted_with("PairingFailed()", None), "{what}: {ours:?}");
            assert!(ours.gas < 700_000, "{what}: {} gas", ours.gas);
        }
    }
    assert!(!case.native(proof, instances), "{what}: native accepts");
    let theirs = case.theirs(proof, instances);
    assert_eq!(theirs.success, reference_accepts, "{what}: reference");
}

fn rejects_every_altered_region(spec: Spec) {
    let mut case = Case::new(spec);
    let Offsets { points, scalars } = offsets(&case);
    let (proof, instances) = (case.proof.clone(), case.instances.clone());
    let at = |offset: usize| Expect::Early("PointInvalid(uint256)", offset as u64);
    let altered = |change: &dyn Fn(&mut [u8])| {
        let mut bytes = proof.clone();
        change(&mut bytes);
        bytes
    };
    for (i, offset) in points.iter().copied().enumerate() {
        let next = points[(i + 1) % points.len()];
        let x_flipped = altered(&|p| p[offset + 31] ^= 1);
        let y_flipped = altered(&|p| p[offset + 40] ^= 4);
        let identity = altered(&|p| p[offset..offset + 64].fill(0));
        let x_aliased = altered(&|p| add(p, offset, Q));
        let y_aliased = altered(&|p| add(p, offset + 32, Q));
        let negated = altered(&|p| {
            let point = point_from_bytes(&p[offset..offset + 64]).unwrap();
            p[offset..offset + 64].copy_from_slice(&point_to_bytes(&-point));
        });
        let swapped = altered(&|p| {
            for n in 0..64 {
                p.swap(offset + n, next + n);
            }
        });
        let malformed = [
            ("x flipped", x_flipped),
            ("y flipped", y_flipped),
            ("identity", identity),
            ("x + q", x_aliased),
            ("y + q", y_aliased),
        ];
        for (what, bytes) in malformed {
            let what = format!("{what} at {offset}");
            refused(&mut case, &what, &bytes, &instances, at(offset), false);
        }
        for (what, bytes) in [("negated", negated), ("swapped", swapped)] {
            let what = format!("{what} at {offset}");
            refused(&mut case, &what, &bytes, &instances, Expect::Pairing, false);
        }
    }
    for offset in scalars {
        let not_canonical = Expect::Early("ScalarNotCanonical(uint256)", offset as u64);
        let flipped = altered(&|p| p[offset + 31] ^= 1);
        refused(&mut case, "scalar flipped", &flipped, &instances, Expect::Pairing, false);
        let aliased = altered(&|p| add(p, offset, R));
        refused(&mut case, "scalar + r", &aliased, &instances, not_canonical, true);
        let largest = altered(&|p| p[offset..offset + 32].fill(0xff));
        refused(&mut case, "scalar 2^256 - 1", &largest, &instances, not_canonical, false);
    }
    for i in 0..instances.len() {
        let mut other = instances.clone();
        other[i][31] ^= 1;
        refused(&mut case, "instance flipped", &proof, &other, Expect::Pairing, false);
        let mut other = instances.clone();
        add(&mut other[i], 0, R);
        let expect = Expect::Early("InstanceNotCanonical(uint256)", i as u64);
        refused(&mut case, "instance + r", &proof, &other, expect, true);
    }
    if instances.len() > 1 {
        let mut other = instances.clone();
        other.swap(0, 1);
        refused(&mut case, "instances swapped", &proof, &other, Expect::Pairing, false);
    }
}

#[test]
fn rejects_every_altered_region_of_the_narrow_circuit() {
    rejects_every_altered_region(Spec::narrow());
}

#[test]
fn rejects_every_altered_region_of_the_middle_circuit() {
    rejects_every_altered_region(Spec::middle());
}

#[test]
fn rejects_other_lengths_counts_keys_and_encodings() {
    let mut case = Case::new(Spec::middle());
    let (proof, instances) = (case.proof.clone(), case.instances.clone());
    let length = |got: usize| {
        let mut error = ours_error("ProofLength(uint256,uint256)");
        error.extend(scalar_to_bytes(&Fr::from(proof.len() as u64)));
        error.extend(scalar_to_bytes(&Fr::from(got as u64)));
        error
    };
    let other_lengths = [
        (proof[..proof.len() - 1].to_vec(), false),
        (proof[..proof.len() - 32].to_vec(), false),
        (Vec::new(), false),
        ([proof.clone(), vec![0]].concat(), true),
        ([proof.clone(), vec![0; 32]].concat(), true),
        ([proof.clone(), proof.clone()].concat(), true),
    ];
    for (bytes, reference_accepts) in other_lengths {
        let ours = case.ours(&bytes, &instances);
        assert_eq!(ours.output, length(bytes.len()));
        assert!(!ours.success && !ours.halted);
        assert!(!case.native(&bytes, &instances));
        assert_eq!(case.theirs(&bytes, &instances).success, reference_accepts);
    }
    // Another number of instances, zero padding included, which changes no evaluation.
    for count in [0, 2, 4] {
        let mut other = instances.clone();
        other.resize(count, [0; 32]);
        let ours = case.ours(&proof, &other);
        assert!(!ours.success && ours.output[..4] == ours_error("InstanceCount(uint256,uint256)"));
        assert!(!case.native(&proof, &other));
    }
    // A key and SRS of another setup.
    let mut stranger = Case::new(Spec::middle());
    refused(&mut stranger, "other key", &proof, &instances, Expect::Pairing, false);
    // The evaluator with another key's data.
    let (creation, _) = compile_verifier(&case.generated.verifier_sol, "MiddleVerifier");
    let refusal = deploy(&mut case.chain, &stranger.generated, creation);
    let refusal = refusal.expect_err("another key's data");
    assert_eq!(refusal.output[..4], ours_error("KeyMismatch(bytes32,bytes32)"));
    // Heads are followed, wherever they point; what they do not point to counts for nothing.
    let forged = vec![scalar_to_bytes(&Fr::from(999)); 3];
    let data = calldata_reordered(&proof, &instances, &forged);
    assert!(case.chain.call(case.verifier, data, FORWARDED).success);
    let data = calldata_reordered(&proof, &forged, &instances);
    let ours = case.chain.call(case.verifier, data, FORWARDED);
    assert!(ours.reverted_with("PairingFailed()", None));
    // Calldata that ends early.
    let data = calldata("verify", &proof, &instances);
    let ours = case.chain.call(case.verifier, data[..data.len() - 32].to_vec(), FORWARDED);
    assert!(!ours.success && !ours.halted);
    // Too little gas never turns into acceptance.
    let enough = case.ours(&proof, &instances).gas;
    for step in 1..60 {
        let ours = case.chain.call(case.verifier, data.clone(), enough - step * enough / 100);
        assert!(!ours.success, "{step} % less gas");
    }
}

fn ours_error(signature: &str) -> Vec<u8> {
    use sha3::{Digest, Keccak256};
    Keccak256::digest(signature.as_bytes())[..4].to_vec()
}

#[test]
fn agrees_with_the_native_verifier_on_random_alterations() {
    let mut case = Case::new(Spec::narrow());
    let (proof, instances) = (case.proof.clone(), case.instances.clone());
    let mut random = Random(2026);
    for _ in 0..400 {
        let (mut proof, mut instances) = (proof.clone(), instances.clone());
        for _ in 0..1 + random.below(3) {
            let value = random.next() as u8;
            if random.below(20) == 0 {
                let i = random.below(instances.len());
                instances[i][random.below(32)] = value;
            } else {
                let at = random.below(proof.len());
                proof[at] = value;
            }
        }
        let native = case.native(&proof, &instances);
        let ours = case.ours(&proof, &instances);
        assert_eq!(ours.success, native);
        assert!(!ours.halted);
        let changed = proof != case.proof || instances != case.instances;
        assert_eq!(native, !changed, "only the honest proof is accepted");
    }
}

#[test]
fn constants_are_the_moduli() {
    assert_eq!(Fr::MODULUS.trim_start_matches("0x"), R);
    assert_eq!(halo2_proofs::halo2curves::bn256::Fq::MODULUS.trim_start_matches("0x"), Q);
}
