//! Proofs as the product makes them, and provers that break its rules about blinding.

use std::sync::OnceLock;

use alloy::primitives::U256;
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::dataset::{DatasetCircuit, DatasetWitness};
use zkpoc_circuits::field::signed;
use zkpoc_circuits::grid::{Grid, TAIL};
use zkpoc_circuits::kind::ProfileCircuit;
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{run, Model, Shard, Update};
use zkpoc_circuits::round::RoundCircuit;
use zkpoc_circuits::training::{Phase1, TrainingCircuit};
use zkpoc_client::aggregation::mask::Bases;
use zkpoc_client::aggregation::MaskShape;
use zkpoc_client::chain::words::{point_to_words, scalar_to_word};
use zkpoc_contracts::bindings::digests::link_challenge;
use zkpoc_contracts::bindings::G1Point;
use zkpoc_prover::blinding::{random_blinding, Blinding, Tail};
use zkpoc_prover::keys::ProverKey;
use zkpoc_prover::link::LinkProof;
use zkpoc_prover::prove::*;
use zkpoc_prover::srs::Srs;

use super::spy::Opened;

/// Keys, a model and shards of profile `toy` under the real ceremony's string.
pub(crate) struct Kit {
    pub(crate) srs: Srs,
    pub(crate) training: ProverKey<TrainingCircuit>,
    pub(crate) dataset: ProverKey<DatasetCircuit>,
    pub(crate) round: ProverKey<RoundCircuit>,
    pub(crate) model: Model,
    pub(crate) shards: Vec<Shard>,
    pub(crate) shape: MaskShape,
    pub(crate) bases: Bases,
}

/// Made once.
pub(crate) fn kit() -> &'static Kit {
    static KIT: OnceLock<Kit> = OnceLock::new();
    KIT.get_or_init(|| {
        let profile = Profile::builtin("toy").expect("the profile");
        let srs = Srs::bundled_ceremony(profile.k).expect("the ceremony");
        let training = ProverKey::<TrainingCircuit>::generate(&profile, &srs).expect("training key");
        let shape = MaskShape::of(&training.circuit().plan().grid);
        Kit {
            bases: shape.bases(&srs).expect("bases"),
            shape,
            training,
            dataset: ProverKey::generate(&profile, &srs).expect("dataset key"),
            round: ProverKey::generate(&profile, &srs).expect("round key"),
            model: Model::random(&profile, [7; 32]),
            shards: vec![shard(1), shard(4)],
            srs,
        }
    })
}

/// A shard; another one for each number below 16.
pub(crate) fn shard(first: u16) -> Shard {
    Shard { features: (0..18).map(|i| (i * 7 + first) % 16).collect(), labels: vec![0, 2, 1] }
}

impl Kit {
    pub(crate) fn profile(&self) -> &Profile {
        self.training.profile()
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.training.circuit().plan().grid
    }

    pub(crate) fn register(&self, shard: &Shard) -> Registered {
        let blinding = random_blinding();
        Registered {
            commitment: commit_shard(&self.srs, self.grid(), shard, &blinding).expect("a commitment"),
            blinding,
        }
    }

    /// A training proof of the product.
    pub(crate) fn train(&self, shard: &Shard, registered: &Registered, context: u64) -> TrainingProof {
        self.train_in(shard, registered, Fr::from(context))
    }

    /// The same in a context of the protocol.
    pub(crate) fn train_in(&self, shard: &Shard, registered: &Registered, context: Fr) -> TrainingProof {
        let proving = ProvingContext::new(&self.srs, &self.training).expect("a context");
        let request = TrainingRequest { model: &self.model, shard, registered, buckets: None, context };
        prove_training(&proving, &request, &mut |_| {}).expect("a proof")
    }

    /// A validity proof of the product.
    pub(crate) fn validate(&self, shard: &Shard, registered: &Registered, context: u64) -> DatasetProof {
        let proving = ProvingContext::new(&self.srs, &self.dataset).expect("a context");
        prove_dataset(&proving, shard, registered, Fr::from(context), &mut |_| {}).expect("a proof")
    }

    /// A round proof of the product.
    pub(crate) fn finalize(&self, openings: &[&UpdateOpening], context: u64) -> RoundProof {
        self.finalize_sums(openings, openings.len(), context)
    }

    /// The same of sums of so many claims together.
    pub(crate) fn finalize_sums(&self, sums: &[&UpdateOpening], claims: usize, context: u64) -> RoundProof {
        let proving = ProvingContext::new(&self.srs, &self.round).expect("a context");
        let sum = UpdateOpening::sum(self.profile(), self.grid(), sums.iter().copied());
        let claims = claims as u64;
        let request = RoundRequest { model: &self.model, sum: &sum, claims, context: Fr::from(context) };
        prove_round(&proving, &request, &mut |_| {}).expect("a proof")
    }

    /// A validity proof whose data column has the blinding of choice.
    pub(crate) fn validate_with(&self, shard: &Shard, blinding: &Blinding, context: u64) -> Opened {
        let circuit = self.dataset.circuit();
        let circuit = circuit.with_witness(DatasetWitness::new(circuit.plan(), shard));
        let tail = Tail::Hiding(*blinding).cells(self.dataset.blinding_rows()).expect("rows");
        self.prove(&self.dataset, circuit, &[Fr::from(context)], &[tail])
    }

    /// A training proof whose update columns end in the random rows of choice, with zeros before them.
    pub(crate) fn train_with(&self, shard: &Shard, random: &[Fr], context: u64) -> Opened {
        let (circuit, rows) = (self.training.circuit(), self.training.blinding_rows());
        let plan = circuit.plan();
        let trace = run(self.profile(), &self.model, shard).expect("a step");
        let Buckets { norm_log2, loss_log2 } = Buckets::covering(plan, &trace);
        let witness = Phase1::new(plan, &self.model, shard, &trace, norm_log2, loss_log2).expect("a witness");
        let inputs = [Fr::from(context), witness.norm_bound, witness.loss_bound];
        let [public, hiding] =
            [Tail::Public, Tail::Hiding(random_blinding())].map(|tail| tail.cells(rows).expect("rows"));
        let update = [vec![Fr::zero(); rows - random.len()], random.to_vec()].concat();
        self.prove(&self.training, circuit.with_witness(witness), &inputs, &[public, hiding, update])
    }

    fn prove<C: ProfileCircuit>(&self, key: &ProverKey<C>, circuit: C, inputs: &[Fr], tails: &[Vec<Fr>]) -> Opened {
        let proving = ProvingContext::new(&self.srs, key).expect("a context");
        let (proof, _) = prove_columns(&proving, circuit, inputs, tails).expect("a proof");
        Opened::read(key.verifier(), &self.srs, &proof, inputs)
    }

    /// A shard's column, with 0 in the tail.
    pub(crate) fn data_cells(&self, shard: &Shard) -> Vec<Fr> {
        self.grid().data_column(shard).into_iter().map(|value| signed(value.into())).collect()
    }

    /// The rows that an update can fill.
    pub(crate) fn update_rows(&self) -> &[u32] {
        let rows = self.shape.rows();
        &rows[..rows.len() - TAIL]
    }

    /// The one column of the update of a shard, with 0 in the tail.
    pub(crate) fn update_cells(&self, shard: &Shard) -> Vec<Fr> {
        self.cells_of(&run(self.profile(), &self.model, shard).expect("a step").update)
    }

    /// The one column of an update, with 0 in the tail.
    pub(crate) fn cells_of(&self, update: &Update) -> Vec<Fr> {
        let [column] = &self.grid().update_columns(update)[..] else { panic!("toy has one update column") };
        column.iter().map(|value| signed(i128::from(*value))).collect()
    }
}

/// A shard that differs in one feature, by one.
pub(crate) fn off_by_one(shard: &Shard) -> Shard {
    let mut other = shard.clone();
    other.features[4] ^= 1;
    other
}

/// The challenge of a link, from public values.
pub(crate) fn challenge(context: &Fr, registered: &G1Affine, copy: &G1Affine, link: &LinkProof) -> Fr {
    let [registered, copy, nonce] = [registered, copy, &link.r].map(|point| {
        let [x, y] = point_to_words(point);
        G1Point { x, y }
    });
    let e: U256 = link_challenge(scalar_to_word(context), &registered, &copy, &nonce);
    zkpoc_engine::encoding::scalar_from_bytes(&e.to_be_bytes()).expect("below the order")
}
