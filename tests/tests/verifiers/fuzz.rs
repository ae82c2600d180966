//! The campaign on proofs: each mutation to the native verifier, our contract and the reference.
//!
//! Beside the verdicts, every answer of our contract is held to a bound of gas: a refusal while reading costs no more than
//! reading, any other no more than an honest proof. One mutation in eight is also given to `accumulate`, which must refuse
//! the same while reading and otherwise return two points whose pairing holds exactly if `verify` accepts; and to `defer`, whose
//! accumulator `decide` must judge as `verify` does.

use halo2_proofs::halo2curves::bn256::{pairing, G1Affine};
use zkpoc_engine::encoding::point_from_bytes;

use super::campaign::Judged;
use super::campaign::Plan;
use super::campaign::Trial;
use super::campaign::Verdict;
use super::classes::Expect;
use super::classes::CLASSES;
use super::kit::kit;
use super::kit::Kit;
use super::kit::Subject;
use super::kit::Word;
use super::mutate::Mutant;
use super::mutate::Start;
use super::support::circuit::Random;
use super::support::evm::calldata;
use super::support::evm::calldata_words;
use super::support::evm::Chain;
use super::support::evm::Outcome;
use super::support::FORWARDED;

/// Mutations of a run of all tests: ten of each class and circuit.
const MUTATIONS: u64 = 2_400;

/// Gas of a call's data: the price of execution, or the floor (EIP-7623), whichever is more.
fn intrinsic(data: &[u8]) -> [u64; 2] {
    let tokens: u64 = data.iter().map(|byte| if *byte == 0 { 1 } else { 4 }).sum();
    [21_000 + 4 * tokens, 21_000 + 10 * tokens]
}

/// Most gas of this answer to that call.
pub(crate) fn most_gas(subject: &Subject, data: &[u8], verdict: &Verdict) -> u64 {
    let [priced, floor] = intrinsic(data);
    let execution = match verdict {
        Err(fault) if fault.is_early() => 40_000,
        _ => {
            subject.gas - intrinsic(&calldata("verify", &subject.seeds[0].proof, &subject.seeds[0].instances))[0]
                + 5_000
        }
    };
    floor.max(priced + execution)
}

/// Checks `accumulate` against the verdict of `verify`.
fn accumulates(subject: &Subject, chain: &mut Chain, mutant: &Mutant, verdict: &Verdict) -> Option<String> {
    let data = calldata("accumulate", &mutant.claim.proof, &mutant.claim.instances);
    let outcome = subject.call(chain, data, FORWARDED);
    let consistent = match verdict {
        Err(fault) if fault.is_early() => outcome.verdict() == *verdict,
        _ => outcome.success && pairing_holds(subject, &outcome) == verdict.is_ok(),
    };
    (!consistent).then(|| format!("accumulate: {:?}, verify: {verdict:?}", outcome.verdict()))
}

/// Checks `defer` and `decide` against the verdict of `verify`.
fn defers(subject: &Subject, chain: &mut Chain, mutant: &Mutant, verdict: &Verdict) -> Option<String> {
    let deferred = subject.call(chain, calldata("defer", &mutant.claim.proof, &mutant.claim.instances), FORWARDED);
    if matches!(verdict, Err(fault) if fault.is_early()) || !deferred.success {
        return (deferred.verdict() != *verdict)
            .then(|| format!("defer: {:?}, verify: {verdict:?}", deferred.verdict()));
    }
    // Offset and length come before the words.
    let words: Vec<Word> = deferred.output[64..].chunks(32).filter_map(|word| word.try_into().ok()).collect();
    let decided = subject.call(chain, calldata_words("decide", &words), FORWARDED);
    (decided.verdict() != *verdict).then(|| format!("decide: {:?}, verify: {verdict:?}", decided.verdict()))
}

fn pairing_holds(subject: &Subject, outcome: &Outcome) -> bool {
    let point = |at: usize| -> G1Affine { point_from_bytes(&outcome.output[at..at + 64]).expect("a point") };
    let params = subject.key().1;
    pairing(&point(0), &params.s_g2()) == pairing(&point(64), &params.g2())
}

fn judge(subject: &Subject, chain: &mut Chain, expect: &Expect, mutant: &Mutant, accumulate: bool) -> Judged {
    let claim = &mutant.claim;
    let data = mutant.calldata.clone().unwrap_or_else(|| calldata("verify", &claim.proof, &claim.instances));
    let limit = |honest: u64| match mutant.gas {
        None => FORWARDED,
        // A transaction below the floor is none.
        Some(share) => intrinsic(&data)[1] + (honest - intrinsic(&data)[1]) * share / 1000,
    };
    let outcome = subject.call(chain, data.clone(), limit(subject.gas));
    let ours = outcome.verdict();
    let mut complaints = Vec::new();
    let bound = most_gas(subject, &data, &ours);
    if mutant.gas.is_none() && outcome.gas > bound {
        complaints.push(format!("{} gas for {ours:?}, at most {bound} expected", outcome.gas));
    }
    if accumulate && expect.native.is_some() {
        complaints.extend(accumulates(subject, chain, mutant, &ours));
        complaints.extend(defers(subject, chain, mutant, &ours));
    }
    Judged {
        native: expect.native.map(|_| subject.native(claim)),
        reference: expect.reference.map(|_| subject.reference(chain, claim, limit(subject.reference_gas)).success),
        ours,
        complaints,
        input: vec![("proof", claim.proof.clone()), ("instances", claim.instances.concat()), ("calldata", data)],
    }
}

/// One mutation: classes and circuits take turns.
fn trial(kit: &Kit, chains: &mut [Chain], index: u64, random: &mut Random) -> (usize, String, Trial) {
    let number = index as usize;
    let (class, which) = (number % CLASSES.len(), number / CLASSES.len() % kit.subjects.len());
    let (subject, chain) = (&kit.subjects[which], &mut chains[which]);
    let seed = &subject.seeds[random.below(subject.seeds.len())];
    let Some(mutant) = (CLASSES[class].mutate)(Start { subject, seed }, random) else {
        return (class, subject.name.into(), Trial::Skipped);
    };
    let what = format!("circuit {:?}: {}", subject.name, mutant.what);
    let canonical = calldata("verify", &seed.proof, &seed.instances);
    let same_data = mutant.calldata.as_ref().is_none_or(|data| *data == canonical);
    if mutant.claim == *seed && same_data && mutant.gas.is_none() {
        return (class, what, Trial::Skipped);
    }
    let judged = judge(subject, chain, &CLASSES[class].expect, &mutant, random.below(8) == 0);
    (class, what, Trial::Judged(judged))
}

pub(crate) fn expected() -> Vec<(&'static str, Expect)> {
    CLASSES.iter().map(|class| (class.name, class.expect)).collect()
}

#[test]
fn three_verifiers_give_the_verdicts_of_the_table() {
    let kit = kit();
    let plan = Plan::from_environment(MUTATIONS);
    let chains = || kit.subjects.iter().map(|subject| subject.chain.clone()).collect::<Vec<_>>();
    let report = plan.run("proofs", &expected(), chains, |chains, index, random| trial(kit, chains, index, random));
    report.check(&plan, &expected(), MUTATIONS);
}
