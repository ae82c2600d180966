//! Groups of a masked round as the product makes them: claims, rosters, shares and their sums.

use alloy::primitives::{Address, B256, U256};
use halo2_proofs::halo2curves::bn256::{Fr, G1Affine};
use zkpoc_circuits::reference::{step, Shard};
use zkpoc_client::aggregation::keys::Place;
use zkpoc_client::aggregation::share::{points_of_share, seeds, Prepared, Share, Sum};
use zkpoc_client::aggregation::{MaskSecret, PairSeed, Roster, Seat};
use zkpoc_client::chain::words::{point_to_words, points_id};
use zkpoc_client::contribute::model_id;
use zkpoc_contracts::bindings::digests::{leaf, nullifier, TrainingContext};
use zkpoc_contracts::bindings::G1Point;
use zkpoc_engine::encoding::scalar_from_bytes;
use zkpoc_prover::link::LinkProof;
use zkpoc_prover::prove::{Registered, UpdateOpening};

use super::product::kit;
use super::product::shard;
use super::spy::Opened;

/// The update column of the training circuit of `toy`.
pub(crate) const UPDATE: usize = 2;

pub(crate) fn place(round: u64) -> Place {
    Place { chain_id: 31337, contract: Address::repeat_byte(9), round }
}

/// Points of the one column.
fn update_point(opening: &UpdateOpening) -> Vec<G1Affine> {
    opening.commit(&kit().srs, kit().grid()).expect("points")
}

/// A claim with its secrets.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) shard: Shard,
    pub(crate) registered: Registered,
    pub(crate) fields: TrainingContext,
    pub(crate) secret: MaskSecret,
    pub(crate) opening: UpdateOpening,
    pub(crate) claim: Opened,
    pub(crate) link: Option<LinkProof>,
}

impl Member {
    fn fields(round: u64, number: u64, registered: &Registered, secret: &MaskSecret) -> TrainingContext {
        TrainingContext {
            chain_id: place(round).chain_id,
            rounds: Address::repeat_byte(8),
            round: U256::from(round),
            claimant: Address::with_last_byte(number as u8 + 1),
            subject: B256::with_last_byte(number as u8 + 1),
            root: points_id(&[registered.commitment]).expect("an id"),
            index: 0,
            profile_id: B256::new(kit().profile().id()),
            mask_key: secret.public(),
        }
    }

    /// The product's claim of a shard; its proof is bound to the key of its masks.
    pub(crate) fn new(round: u64, number: u64, shard: Shard) -> Self {
        let registered = kit().register(&shard);
        Self::again(round, number, shard, registered)
    }

    /// A claim of a registered shard: fresh blinding, fresh key.
    pub(crate) fn again(round: u64, number: u64, shard: Shard, registered: Registered) -> Self {
        let kit = kit();
        let secret = MaskSecret::random();
        let fields = Self::fields(round, number, &registered, &secret);
        let made = kit.train_in(&shard, &registered, context(&fields));
        let claim = Opened::read(kit.training.verifier(), &kit.srs, &made.proof, &made.instances);
        Self { shard, registered, fields, secret, opening: made.opening, claim, link: Some(made.link) }
    }

    /// A claim whose update has random rows of choice; there is no link.
    pub(crate) fn thin(number: u64, shard: Shard, random: Vec<Fr>) -> Self {
        let kit = kit();
        let (registered, secret) = (kit.register(&shard), MaskSecret::random());
        let claim = kit.train_with(&shard, &random, number);
        let update = step(kit.profile(), &kit.model, &shard).expect("a step").update;
        let opening = UpdateOpening { update, tails: vec![random] };
        Self {
            fields: Self::fields(1, number, &registered, &secret),
            shard,
            registered,
            secret,
            opening,
            claim,
            link: None,
        }
    }

    pub(crate) fn nullifier(&self) -> B256 {
        let [x, y] = point_to_words(&self.registered.commitment);
        let model = model_id(&kit().srs, kit().profile(), &kit().model).expect("an id");
        nullifier(model, self.fields.subject, leaf(self.fields.profile_id, self.fields.index, &G1Point { x, y }))
    }

    pub(crate) fn seat(&self, number: u64) -> Seat {
        let update_id = points_id(&[self.claim.points[UPDATE]]).expect("an id");
        let (claimant, key) = (self.fields.claimant, self.secret.public());
        Seat { number, claimant, key, nullifier: self.nullifier(), update_id }
    }
}

/// A context as the public input.
pub(crate) fn context(fields: &TrainingContext) -> Fr {
    scalar_from_bytes(&fields.value().to_be_bytes()).expect("below the order")
}

/// A group of a round.
#[derive(Clone)]
pub(crate) struct Group {
    pub(crate) members: Vec<Member>,
    pub(crate) place: Place,
    pub(crate) roster: Roster,
}

impl Group {
    /// Of claims of a round that the product made, of shards with these numbers.
    pub(crate) fn new(shards: &[u16]) -> Self {
        let member = |(number, first): (u64, &u16)| Member::new(1, number, shard(*first));
        Self::of(1, (0..).zip(shards).map(member).collect())
    }

    pub(crate) fn of(round: u64, members: Vec<Member>) -> Self {
        let seats = members.iter().enumerate().map(|(number, member)| member.seat(number as u64)).collect();
        Self { members, place: place(round), roster: Roster::new(0, seats) }
    }

    pub(crate) fn seeds(&self, own: usize) -> Vec<Option<PairSeed>> {
        seeds(&self.members[own].secret, &self.place, &self.roster, own).expect("seeds")
    }

    pub(crate) fn seed(&self, own: usize, other: usize) -> PairSeed {
        self.seeds(own)[other].clone().expect("another member")
    }

    /// The share of a member and the points that it posts.
    pub(crate) fn prepare(&self, own: usize) -> Prepared {
        let (kit, member) = (kit(), &self.members[own]);
        let made = Share::prepare(kit.grid(), &kit.shape, &kit.bases, &member.opening, &self.seeds(own), own);
        let points = points_of_share(&[member.claim.points[UPDATE]], &made.masks, own).expect("points");
        assert_eq!(kit.bases.commit(&made.share.cells), points, "the share opens what the contract computes");
        made
    }

    pub(crate) fn share(&self, own: usize) -> Share {
        self.prepare(own).share
    }

    /// The sum of the members that posted, from their shares and the seeds they share with the others, as everyone
    /// computes it.
    pub(crate) fn sum(&self, posted: &[usize]) -> UpdateOpening {
        let kit = kit();
        let mut sum = Sum::new(&kit.shape);
        for own in posted {
            sum.add(&self.share(*own)).expect("a share");
            for missing in (0..self.members.len()).filter(|place| !posted.contains(place)) {
                sum.remove(&kit.shape, &self.seed(*own, missing), *own, missing);
            }
        }
        sum.opening(kit.profile(), kit.grid(), &kit.shape).expect("a sum")
    }

    /// The share of one member without the masks of all others, by seeds that somebody else has.
    pub(crate) fn unmask(&self, own: usize, seeds: &[Option<PairSeed>]) -> UpdateOpening {
        unmask(&self.share(own), own, seeds)
    }
}

/// A share without its masks.
pub(crate) fn unmask(share: &Share, own: usize, seeds: &[Option<PairSeed>]) -> UpdateOpening {
    let kit = kit();
    let mut sum = Sum::new(&kit.shape);
    sum.add(share).expect("a share");
    for (other, seed) in seeds.iter().enumerate() {
        if let Some(seed) = seed {
            sum.remove(&kit.shape, seed, own, other);
        }
    }
    sum.opening(kit.profile(), kit.grid(), &kit.shape).expect("an update")
}

/// That an opening is a member's update, random rows included.
pub(crate) fn assert_computed(found: &UpdateOpening, member: &Member) {
    assert_eq!(found.update, member.opening.update);
    assert_eq!(update_point(found)[0], member.claim.points[UPDATE], "it opens the claim's commitment");
}

/// The masked cells of an update without masks.
pub(crate) fn cells(opening: &UpdateOpening) -> Vec<Fr> {
    Share::mask(kit().grid(), &kit().shape, opening, &[], 0).cells
}
