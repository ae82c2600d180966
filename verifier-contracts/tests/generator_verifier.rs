//! Generated contracts against real proofs, beside the native verifier and `snark-verifier`.

use crate::support::circuit::{Spec, Synthetic};
use crate::support::evm::{calldata, calldata_words, Outcome};
use crate::support::{prove, Case, FORWARDED};
use halo2_proofs::halo2curves::{
    bn256::{pairing, Fq, Fr, G1Affine, G1},
    ff::{Field, FromUniformBytes, PrimeField},
    group::{prime::PrimeCurveAffine, Curve},
    CurveAffine,
};
use sha3::{Digest, Keccak256};
use zkpoc_engine::encoding::scalar_to_bytes;

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

/// The words of an accumulator.
type Accumulator = Vec<[u8; 32]>;

/// What `defer` gives for a proof.
fn defer(case: &mut Case, proof: &[u8]) -> Accumulator {
    let outcome = case.chain.call(case.verifier, calldata("defer", proof, &case.instances), FORWARDED);
    assert!(outcome.success, "{outcome:?}");
    // Offset, length, words.
    assert_eq!(usize::from(outcome.output[63]) * 32 + 64, outcome.output.len());
    outcome.output[64..].chunks(32).map(|word| word.try_into().expect("a word")).collect()
}

/// Whether `decide` accepts these, and what it says and costs.
fn decide(case: &mut Case, accumulators: &[&Accumulator]) -> Outcome {
    let words: Vec<[u8; 32]> = accumulators.iter().flat_map(|words| words.iter().copied()).collect();
    case.chain.call(case.verifier, calldata_words("decide", &words), FORWARDED)
}

fn honest(case: &mut Case, count: u64) -> Vec<Accumulator> {
    (0..count)
        .map(|n| {
            let circuit = Synthetic::new(case.spec.clone(), 7);
            assert_eq!(circuit.instances.iter().map(scalar_to_bytes).collect::<Vec<_>>(), case.instances, "{n}");
            let proof = prove(&case.params, &case.pk, &circuit);
            defer(case, &proof)
        })
        .collect()
}

fn moved(accumulator: &Accumulator, by: G1) -> Accumulator {
    let point = Option::<G1Affine>::from(G1Affine::from_xy(word(&accumulator[2]), word(&accumulator[3])));
    let sum = (G1::from(point.expect("on the curve")) + by).to_affine();
    let mut moved = accumulator.clone();
    for (to, coordinate) in [(2, sum.x), (3, sum.y)] {
        moved[to] = coordinate.to_repr();
        moved[to].reverse();
    }
    moved
}

#[test]
fn accepts_accumulators_of_honest_proofs_together() {
    for spec in [Spec::narrow(), Spec::middle()] {
        let mut case = Case::new(spec);
        let all = honest(&mut case, 16);
        let (proof, instances) = (case.proof.clone(), case.instances.clone());
        let single = case.ours(&proof, &instances).gas;
        for count in [1, 2, 4, 16] {
            let outcome = decide(&mut case, &all[..count].iter().collect::<Vec<_>>());
            assert!(outcome.success && outcome.output.is_empty(), "{count}: {outcome:?}");
            println!("{}: verify {single} gas, decide {count}: {} gas", case.spec.name, outcome.gas);
        }
        // Anything that accepts the one and the other accepts both, in any order and more than once.
        assert!(decide(&mut case, &[&all[1], &all[0], &all[1]]).success);
    }
}

#[test]
fn rejects_an_accumulator_with_any_bit_changed_among_honest_ones() {
    let mut case = Case::new(Spec::narrow());
    let all = honest(&mut case, 3);
    // The scalar of a column of zeros multiplies the identity.
    let zeros = case.pk.get_vk().fixed_commitments().iter().filter(|point| bool::from(point.is_identity())).count();
    for place in 0..3 {
        let mut without_effect = 0;
        for n in 0..all[place].len() {
            let mut changed = all.clone();
            changed[place][n][31] ^= 1;
            let outcome = decide(&mut case, &changed.iter().collect::<Vec<_>>());
            without_effect += usize::from(outcome.success);
            // The words of the points leave the curve, the rest is another statement.
            let error = if n < 4 { "PrecompileFailed()" } else { "PairingFailed()" };
            assert!(outcome.success || outcome.reverted_with(error, None), "word {n} of {place}: {outcome:?}");
        }
        assert_eq!(without_effect, zeros, "place {place}");
    }
}

#[test]
fn rejects_errors_that_cancel_without_weights() {
    let mut case = Case::new(Spec::narrow());
    let all = honest(&mut case, 2);
    let error = G1::from(G1Affine::generator()) * Fr::from(1_234_567);
    let (plus, minus) = (moved(&all[0], error), moved(&all[1], -error));
    assert!(!decide(&mut case, &[&plus]).success && !decide(&mut case, &[&minus]).success);
    for members in [[&plus, &minus], [&minus, &plus]] {
        let outcome = decide(&mut case, &members);
        assert!(outcome.reverted_with("PairingFailed()", None), "{outcome:?}");
    }
    // A challenge known beforehand would let them pass: with it, errors of weight 1 and -1/rho cancel. It is a hash of them.
    let words: Vec<u8> = [&plus, &minus].iter().flat_map(|member| member.concat()).collect();
    let rho = challenge(&words);
    let adapted = moved(&all[1], -(error * Field::invert(&rho).expect("not zero")));
    let outcome = decide(&mut case, &[&plus, &adapted]);
    assert!(outcome.reverted_with("PairingFailed()", None), "{outcome:?}");
}

#[test]
fn rejects_words_that_are_no_accumulators() {
    let mut case = Case::new(Spec::narrow());
    let one = honest(&mut case, 1).remove(0);
    for words in [vec![], one[1..].to_vec(), [one.clone(), one[..1].to_vec()].concat()] {
        let outcome = decide(&mut case, &[&words]);
        assert!(outcome.reverted_with("AccumulatorCount(uint256)", Some(words.len() as u64)), "{outcome:?}");
    }
}

/// The hash of the words, below r.
fn challenge(words: &[u8]) -> Fr {
    let mut hash: [u8; 32] = Keccak256::digest(words).into();
    hash.reverse();
    let mut wide = [0; 64];
    wide[..32].copy_from_slice(&hash);
    Fr::from_uniform_bytes(&wide)
}
