//! Generated contracts against real proofs, beside the native verifier and `snark-verifier`.

#[path = "support/generator/mod.rs"]
mod support;

use support::circuit::Spec;
use support::Case;

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
    assert!(ours.gas < theirs.gas);
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
