//! Proofs of a round: the next model comes from the sum of the round's updates.
//!
//! The sum's columns are given to their last row with the sum of the updates' blinding, so the point of the sum in the
//! proof is the sum of the updates' points, which a contract computes by itself.

use std::time::Instant;

use halo2_proofs::arithmetic::Field;
use halo2_proofs::halo2curves::bn256::Fr;
use rand_core::OsRng;
use zkpoc_circuits::grid::{Grid, TAIL};
use zkpoc_circuits::profile::Profile;
use zkpoc_circuits::reference::{Model, Update};
use zkpoc_circuits::round::{RoundCircuit, RoundWitness};

use super::{create, model_commitment, Phase, Progress, ProveError, ProvingContext, Timings, UpdateOpening};
use crate::blinding::Tail;
use crate::verify::{verify_round_alone, RoundPoints};

/// What a round's proof is made for.
#[derive(Debug)]
pub struct RoundRequest<'a> {
    /// The round's model.
    pub model: &'a Model,
    /// The sum of the included updates, with the sum of their blinding: [`UpdateOpening::sum`].
    pub sum: &'a UpdateOpening,
    /// Number of included updates.
    pub claims: u64,
    /// The first public input: where the proof is valid.
    pub context: Fr,
}

/// A round's proof.
#[derive(Clone, Debug)]
pub struct RoundProof {
    /// The proof.
    pub proof: Vec<u8>,
    /// Its public inputs.
    pub instances: Vec<Fr>,
    /// Its committed points.
    pub points: RoundPoints,
    /// The next model.
    pub next: Model,
    /// Times; there is no link.
    pub timings: Timings,
}

impl UpdateOpening {
    /// The opening of the sum of commitments; its tails have all [`TAIL`] rows.
    pub fn sum<'a>(profile: &Profile, grid: &Grid, openings: impl IntoIterator<Item = &'a UpdateOpening>) -> Self {
        let mut sum = Self { update: Update::zero(profile), tails: vec![vec![Fr::ZERO; TAIL]; grid.columns] };
        for opening in openings {
            sum.update.add(&opening.update);
            for (to, from) in sum.tails.iter_mut().zip(&opening.tails) {
                to.iter_mut().rev().zip(from.iter().rev()).for_each(|(to, from)| *to += from);
            }
        }
        sum
    }

    /// The sum that leads from the model of all zeros to `model` in a round of one claim, under fresh blinding.
    pub fn of_first_model(profile: &Profile, grid: &Grid, model: &Model) -> Self {
        let tail = || (0..TAIL).map(|_| Fr::random(OsRng)).collect();
        Self { update: Update::to_reach(profile, model), tails: (0..grid.columns).map(|_| tail()).collect() }
    }
}

/// Proves a round; [`crate::statement`] is the way in for applications.
#[doc(hidden)]
pub fn prove_round(
    context: &ProvingContext<'_, RoundCircuit>,
    request: &RoundRequest<'_>,
    progress: Progress<'_>,
) -> Result<RoundProof, ProveError> {
    let _span = tracing::info_span!("prove", circuit = "round").entered();
    let (key, profile) = (context.key, context.key.profile());
    let start = Instant::now();
    progress(Phase::Witness);
    let plan = key.circuit().plan();
    let witness = RoundWitness::new(plan, request.model, &request.sum.update, request.claims, &request.sum.tails)?;
    let next = request.model.apply_mean(profile, &request.sum.update, request.claims);
    let instances = vec![request.context, Fr::from(request.claims)];
    let rows = key.blinding_rows();
    let public = vec![Tail::Public.cells(rows)?; plan.grid.columns];
    let sum = request.sum.tails.iter().map(|tail| tail[TAIL - rows..].to_vec());
    let tails = public.iter().cloned().chain(sum).chain(public.iter().cloned()).collect();
    let mut timings = Timings { witness: start.elapsed(), ..Timings::default() };

    let proof = create(context, key.circuit().with_witness(witness), &instances, tails, &mut timings, progress)?;
    progress(Phase::Check);
    let start = Instant::now();
    let points = verify_round_alone(key.verifier(), context.srs, &proof, &instances)
        .map_err(|source| ProveError::SelfCheck { source })?;
    timings.verify = start.elapsed();
    if points.next != model_commitment(context.srs, &plan.grid, &next)? {
        return Err(ProveError::NextModel);
    }
    Ok(RoundProof { proof, instances, points, next, timings })
}
