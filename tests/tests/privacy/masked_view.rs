//! What the public and colluding members have of groups of a masked round, as equations.

use std::collections::BTreeMap;

use halo2_proofs::halo2curves::bn256::Fr;
use zkpoc_circuits::reference::Shard;
use zkpoc_prover::blinding::LINK_ROWS;
use zkpoc_prover::prove::UpdateOpening;

use super::masked_group::cells;
use super::masked_group::context;
use super::masked_group::Group;
use super::masked_group::Member;
use super::masked_group::UPDATE;
use super::product::challenge;
use super::product::kit;
use super::spy::Opened;
use super::system::Count;
use super::system::Evidence;
use super::system::Observer;
use super::system::Verdict;

/// The data column of the training circuit of `toy`, and the column of a round's sum.
const DATA: usize = 1;
const SUM: usize = 1;

/// What is seen of a group.
struct Seen<'a> {
    group: &'a Group,
    updates: Vec<usize>,
    masks: BTreeMap<(usize, usize), usize>,
}

/// What somebody sees of groups of one round.
pub(crate) struct View<'a> {
    pub(crate) evidence: Evidence,
    seen: Vec<Seen<'a>>,
}

impl<'a> View<'a> {
    /// All claims with their proofs and links, and all points of masks.
    pub(crate) fn of(groups: &[&'a Group]) -> Self {
        let mut view = Self { evidence: Evidence::new(kit().srs.k()), seen: Vec::new() };
        for group in groups {
            let updates = group.members.iter().map(|member| view.claim(member)).collect();
            let mut masks = BTreeMap::new();
            for own in 0..group.members.len() {
                let points = group.prepare(own).masks;
                for (other, point) in (0..).filter(|other| *other != own).zip(points) {
                    let mask = view.evidence.mask(point[0], kit().shape.rows());
                    let both_ends = masks.insert((own.min(other), own.max(other)), mask);
                    assert!(both_ends.is_none_or(|first| first == mask));
                }
            }
            view.seen.push(Seen { group, updates, masks });
        }
        view
    }

    fn claim(&mut self, member: &Member) -> usize {
        let evidence = &mut self.evidence;
        if let Some(link) = &member.link {
            let shard = evidence.guessed();
            let registered = evidence.column(shard, member.registered.commitment, LINK_ROWS);
            let copy = evidence.column(shard, member.claim.points[DATA], LINK_ROWS);
            evidence.opening(&[copy], &member.claim.openings(DATA));
            let e =
                challenge(&context(&member.fields), &member.registered.commitment, &member.claim.points[DATA], link);
            evidence.link(registered, copy, &e, link);
        }
        let update = evidence.guessed();
        let (point, random) = (member.claim.points[UPDATE], member.opening.tails[0].len());
        let column = evidence.sparse(update, point, random, kit().update_rows());
        evidence.opening(&[column], &member.claim.openings(UPDATE));
        column
    }

    /// A member publishes its share.
    pub(crate) fn publish(&mut self, group: usize, own: usize) {
        let Seen { group, updates, masks } = &self.seen[group];
        let pairs = masks.iter().filter(|((one, other), _)| *one == own || *other == own);
        let terms: Vec<_> = pairs.map(|((one, _), mask)| (*mask, *one == own)).chain([(updates[own], true)]).collect();
        self.evidence.shown(&terms, kit().shape.rows(), &group.share(own).cells);
    }

    /// The seed of a pair becomes known.
    pub(crate) fn reveal(&mut self, group: usize, own: usize, other: usize) {
        let Seen { group, masks, .. } = &self.seen[group];
        let mask = kit().shape.expand(&group.seed(own, other));
        let column = masks[&(own.min(other), own.max(other))];
        self.evidence.shown(&[(column, true)], kit().shape.rows(), mask.cells());
    }

    /// A member hands over all it has: the seeds of its masks, its update and shard.
    pub(crate) fn collude(&mut self, group: usize, own: usize) {
        let members = self.seen[group].group.members.len();
        (0..members).filter(|other| *other != own).for_each(|other| self.reveal(group, own, other));
        let Seen { group, updates, .. } = &self.seen[group];
        let opening = group.members[own].opening.clone();
        let (column, rows) = (updates[own], opening.tails[0].len());
        let all = cells(&opening);
        let tail = kit().shape.rows().len() - rows;
        self.evidence.given(&[(column, true)], kit().shape.rows(), &all);
        self.evidence.shown(&[(column, true)], &kit().shape.rows()[tail..], &all[tail..]);
    }

    /// Everyone knows the sum of these members' updates beforehand.
    pub(crate) fn know_sum(&mut self, group: usize, posted: &[usize]) {
        let Seen { group, updates, .. } = &self.seen[group];
        let terms: Vec<_> = posted.iter().map(|place| (updates[*place], true)).collect();
        self.evidence.given(&terms, kit().shape.rows(), &cells(&group.sum(posted)));
    }

    /// Against the rules, the sum of a part of a whole group becomes known, as two finalizations with and without that part
    /// would show it.
    pub(crate) fn show_part(&mut self, group: usize, part: &[usize]) {
        let Seen { group, updates, .. } = &self.seen[group];
        let terms: Vec<_> = part.iter().map(|place| (updates[*place], true)).collect();
        let openings = part.iter().map(|place| &group.members[*place].opening);
        let sum = UpdateOpening::sum(kit().profile(), kit().grid(), openings);
        self.evidence.shown(&terms, kit().shape.rows(), &cells(&sum));
    }

    /// A proof of the round, of these members of each group.
    pub(crate) fn finalize(&mut self, included: &[&[usize]], context: u64) {
        let (mut sums, mut columns) = (Vec::new(), Vec::new());
        for (seen, posted) in self.seen.iter().zip(included).filter(|(_, posted)| !posted.is_empty()) {
            sums.push(seen.group.sum(posted));
            columns.extend(posted.iter().map(|place| seen.updates[*place]));
        }
        let sums: Vec<_> = sums.iter().collect();
        let made = kit().finalize_sums(&sums, columns.len(), context);
        let opened = Opened::read(kit().round.verifier(), &kit().srs, &made.proof, &made.instances);
        self.evidence.opening(&columns, &opened.openings(SUM));
    }

    /// A guess of all members' shards, in order, and the updates that follow. With `made_up` the update at the first place is
    /// changed so that the updates at the others keep their sum.
    pub(crate) fn guess(&self, shards: &[Shard], made_up: Option<(usize, &[usize])>) -> Vec<Vec<Fr>> {
        let kit = kit();
        let members: Vec<&Member> = self.seen.iter().flat_map(|seen| &seen.group.members).collect();
        assert_eq!(members.len(), shards.len(), "a shard for every member");
        let mut updates: Vec<Vec<Fr>> = shards.iter().map(|shard| kit.update_cells(shard)).collect();
        if let Some((at, posted)) = made_up {
            let differs = |place: &usize| {
                let truth = kit.update_cells(&members[*place].shard);
                truth.iter().zip(&updates[*place]).map(|(truth, guess)| *truth - guess).collect::<Vec<Fr>>()
            };
            let differences: Vec<Vec<Fr>> = posted.iter().map(differs).collect();
            for difference in differences {
                updates[at].iter_mut().zip(&difference).for_each(|(cell, more)| *cell += more);
            }
        }
        let mut guess = Vec::new();
        for ((member, shard), update) in members.iter().zip(shards).zip(updates) {
            guess.extend(member.link.is_some().then(|| kit.data_cells(shard)));
            guess.push(update);
        }
        guess
    }

    /// The shards as they are.
    pub(crate) fn shards(&self) -> Vec<Shard> {
        self.seen.iter().flat_map(|seen| &seen.group.members).map(|member| member.shard.clone()).collect()
    }

    pub(crate) fn judge(&self, guess: &[Vec<Fr>]) -> Verdict {
        self.evidence.judge(&kit().srs, guess)
    }

    /// Prints and gives the sizes, without and with discrete logarithms.
    pub(crate) fn count(&self, what: &str) -> [Count; 2] {
        let counts = [Observer::Public, Observer::Unbounded].map(|observer| self.evidence.count(observer));
        println!("{what}: {:?}; with discrete logarithms {:?}", counts[0], counts[1]);
        counts
    }

    /// Nothing is known of the guessed cells but what is given, not even by discrete logarithms.
    pub(crate) fn assert_hides(&self, what: &str, guesses: &[Vec<Vec<Fr>>]) -> [Count; 2] {
        let counts = self.count(what);
        assert_eq!(counts.map(|count| count.leaks), [0, 0], "{what}");
        for (number, guess) in guesses.iter().enumerate() {
            assert_eq!(self.judge(guess), Verdict::Undetermined, "{what}: guess {number}");
        }
        counts
    }
}
