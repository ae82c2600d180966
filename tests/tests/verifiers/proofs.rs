//! Valid proofs of the three circuits of `toy` and of profiles near it.

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::dataset::DatasetCircuit;
use zkpoc_circuits::profile::{LearningRate, Loss, OutputTable, Profile};
use zkpoc_circuits::reference::{Model, Shard};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::TrainingCircuit;
use zkpoc_engine::encoding::{point_to_bytes, scalar_to_bytes};
use zkpoc_prover::blinding::random_blinding;
use zkpoc_prover::keys::ProverKey;
use zkpoc_prover::link::LinkProof;
use zkpoc_prover::prove::{
    commit_shard, prove_dataset, prove_round, prove_training, ProvingContext, Registered, RoundRequest,
    TrainingRequest, UpdateOpening,
};
use zkpoc_prover::srs::Srs;

use super::kit::words;
use super::kit::Claim;
use super::kit::Word;
use super::link::Linked;

/// Proofs about one shard.
pub(crate) struct Made {
    pub(crate) training: Claim,
    pub(crate) dataset: Claim,
    pub(crate) round: Claim,
    /// The links of the first two.
    pub(crate) links: [Linked; 2],
}

/// A profile's keys.
pub(crate) struct Maker {
    pub(crate) profile: Profile,
    srs: Srs,
    pub(crate) training: ProverKey<TrainingCircuit>,
    pub(crate) dataset: ProverKey<DatasetCircuit>,
    pub(crate) round: ProverKey<RoundCircuit>,
}

impl Maker {
    /// Of a built-in profile.
    pub(crate) fn new(name: &str, srs: &Srs) -> Self {
        Self::of(Profile::builtin(name).expect("a profile"), srs)
    }

    /// Profiles near `toy`, with other tables or constants in some of the circuits.
    pub(crate) fn near(srs: &Srs) -> [Self; 4] {
        let toy = || Profile::builtin("toy").expect("a profile");
        [
            Profile { limb_bits: 5, ..toy() },
            Profile { feature_bits: 3, ..toy() },
            Profile { learning_rate: LearningRate { numerator: 2, shift: 9 }, ..toy() },
            Profile { learning_rate: LearningRate { numerator: 1, shift: 8 }, ..toy() },
        ]
        .map(|profile| Self::of(profile, srs))
    }

    /// `toy` with twice the rows.
    pub(crate) fn larger(srs: &Srs) -> Self {
        let toy = Profile::builtin("toy").expect("a profile");
        Self::of(Profile { k: toy.k + 1, ..toy }, srs)
    }

    /// `toy` with a softmax: a probability of 1 is 2^4, and two steps of the table are a unit of the exponent.
    pub(crate) fn softmax(srs: &Srs) -> Self {
        let output_table = Some(OutputTable { table_bits: 4, exponent_bits: 6, probability_bits: 4 });
        let toy = Profile::builtin("toy").expect("a profile");
        let (residual_shift, target) = (1, 1 << 5);
        Self::of(Profile { loss: Loss::CrossEntropy, output_table, residual_shift, target, k: 9, ..toy }, srs)
    }

    fn of(profile: Profile, srs: &Srs) -> Self {
        profile.validate().expect("a valid profile");
        Self {
            training: ProverKey::generate(&profile, srs).expect("training key"),
            dataset: ProverKey::generate(&profile, srs).expect("dataset key"),
            round: ProverKey::generate(&profile, srs).expect("round key"),
            srs: srs.clone(),
            profile,
        }
    }

    /// Digests of the keys of training, dataset and round.
    pub(crate) fn digests(&self) -> [Word; 3] {
        [self.training.verifier(), self.dataset.verifier(), self.round.verifier()].map(|key| key.digest().0)
    }

    /// Proves about shard, model and contexts number `n`. Two numbers of equal parity share the model.
    pub(crate) fn make(&self, n: u64) -> Made {
        let srs = &self.srs;
        let grid = &self.training.circuit().plan().grid;
        let feature = |i: u16| (i * 7 + 3 * n as u16) % (1 << self.profile.feature_bits);
        let shard = Shard { features: (0..18).map(feature).collect(), labels: vec![0, n as u16 % 3, 1] };
        let model = Model::random(&self.profile, [7 + n as u8 % 2; 32]);
        let blinding = random_blinding();
        let commitment = commit_shard(srs, grid, &shard, &blinding).expect("a commitment");
        let registered = Registered { commitment, blinding };
        let context = |circuit: u64| Fr::from(1_000_003).pow([circuit + 10 * (n + 1)]);

        let proving = ProvingContext::new(srs, &self.training).expect("a context");
        let request = TrainingRequest {
            model: &model,
            shard: &shard,
            registered: &registered,
            buckets: None,
            context: context(1),
        };
        let training = prove_training(&proving, &request, &mut |_| {}).expect("a training proof");
        let proving = ProvingContext::new(srs, &self.dataset).expect("a context");
        let dataset = prove_dataset(&proving, &shard, &registered, context(2), &mut |_| {}).expect("a validity proof");
        let proving = ProvingContext::new(srs, &self.round).expect("a context");
        let sum = UpdateOpening::sum(&self.profile, grid, [&training.opening]);
        let request = RoundRequest { model: &model, sum: &sum, claims: 1 + n % 2, context: context(3) };
        let round = prove_round(&proving, &request, &mut |_| {}).expect("a round proof");

        let linked = |context: &Fr, copy, link: &LinkProof| {
            let points = [point_to_bytes(&commitment), point_to_bytes(copy)].concat();
            Linked([scalar_to_bytes(context).to_vec(), points, link.to_bytes().to_vec()].concat())
        };
        Made {
            links: [
                linked(&training.instances[0], &training.points.data, &training.link),
                linked(&dataset.instances[0], &dataset.points.data, &dataset.link),
            ],
            training: Claim { proof: training.proof, instances: words(&training.instances) },
            dataset: Claim { proof: dataset.proof, instances: words(&dataset.instances) },
            round: Claim { proof: round.proof, instances: words(&round.instances) },
        }
    }
}
