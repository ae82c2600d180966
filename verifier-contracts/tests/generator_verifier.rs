//! Generated contracts against real proofs, beside the native verifier and `snark-verifier`.

#[path = "support/generator/mod.rs"]
mod support;

use halo2_proofs::halo2curves::{
    bn256::{pairing, Fq, G1Affine},
    ff::PrimeField,
    CurveAffine,
};
use support::circuit::Spec;
use support::evm::calldata;
use support::{Case, FORWARDED};

fn accepts(spec: Spec) {
    let mut case = Case::new(spec);
    let (proof, instances) = (case.proof.clone(), case.instances.clone());
    assert_eq!(proof.len(), case.generated.proof_bytes);
    assert!(case.native(&proof, &instances), "native");
    let theirs = case.theirs(&proof, &instances);
    assert!(theirs.success, "reference");
    let ours = case.ours(&proof, &instances);
    assert!(ours.success, "ours: {ours:?}");
    assert!(ours.output.is_empty());
    println!(
        "{}: proof {} bytes, verifier {} bytes (reference {}), key {} bytes, gas {} (reference {})",
        case.spec.name,
        proof.len(),
        case.verifier_bytes,
        case.reference_bytes,
        case.generated.key_bytes.len(),
        ours.gas,
        theirs.gas,
    );
    assert!(case.verifier_bytes < 24_576);
    accumulates(&mut case);
    assert!(ours.gas < theirs.gas);
}

fn word(word: &[u8]) -> Fq {
    let mut bytes: [u8; 32] = word.try_into().expect("a word");
    bytes.reverse();
    Option::from(Fq::from_repr(bytes)).expect("canonical")
}

/// The points of `accumulate` satisfy the equation that its documentation states, those of another
/// instance do not.
fn accumulates(case: &mut Case) {
    let holds = |case: &mut Case, instances: &[[u8; 32]]| {
        let data = calldata("accumulate", &case.proof, instances);
        let outcome = case.chain.call(case.verifier, data, FORWARDED);
        assert!(outcome.success && outcome.output.len() == 128, "{outcome:?}");
        let point = |at: usize| {
            let (x, y) = (word(&outcome.output[at..at + 32]), word(&outcome.output[at + 32..at + 64]));
            Option::<G1Affine>::from(G1Affine::from_xy(x, y)).expect("on the curve")
        };
        let (lhs, rhs) = (point(0), point(64));
        pairing(&lhs, &case.params.s_g2()) == pairing(&rhs, &case.params.g2())
    };
    let mut instances = case.instances.clone();
    assert!(holds(case, &instances));
    instances[0][31] ^= 1;
    assert!(!holds(case, &instances));
    let mut proof = case.proof.clone();
    proof[31] ^= 1;
    let data = calldata("accumulate", &proof, &case.instances);
    let outcome = case.chain.call(case.verifier, data, FORWARDED);
    assert!(outcome.reverted_with("PointInvalid(uint256)", Some(0)));
}

#[test]
fn accepts_an_honest_proof_of_the_narrow_circuit() {
    accepts(Spec::narrow());
}

#[test]
fn accepts_an_honest_proof_of_the_middle_circuit() {
    accepts(Spec::middle());
}

#[test]
fn accepts_an_honest_proof_of_the_wide_circuit() {
    accepts(Spec::wide());
}
