//! Random shapes: every honest round is provable, and no other step is.

use super::*;
use proptest::prelude::*;
use rand::Rng;

/// Shapes of every depth, with one or two weight columns and limbs of any number.
fn shapes() -> impl Strategy<Value = (Profile, u64)> {
    let layers = prop_oneof![
        Just(vec![3, 2]),
        Just(vec![5, 4]),
        Just(vec![5, 6, 2]),
        Just(vec![4, 8, 6, 2]),
        Just(vec![2, 4, 2, 4, 2])
    ];
    let rate = (1u64..=7, 4u32..=12);
    (layers, 1usize..=9, 1usize..=2, rate, 4u32..=14, any::<u64>()).prop_filter_map(
        "no layout",
        |(layers, batch, columns, (numerator, shift), weight_bits, seed)| {
            let mut profile = shape(&layers, batch, columns, 5)?;
            profile.weight_bits = weight_bits;
            profile.weight_frac_bits = weight_bits / 2;
            profile.learning_rate = LearningRate { numerator, shift };
            profile.max_claims = 3;
            profile.validate().ok()?;
            RoundPlan::new(&profile).ok()?;
            Some((profile, seed))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn prop_rounds_of_any_shape_are_provable_and_unique((profile, seed) in shapes(), claims in 1u64..=3) {
        let round = Round::new(&profile, seed % 1_000_000, claims);
        prop_assert_eq!(round.failing(round.witness()), names(&[]));
        let mut rng = StdRng::seed_from_u64(seed);
        let mut next = round.next();
        let l = rng.gen_range(0..next.layers.len());
        let at = rng.gen_range(0..next.layers[l].weights.len());
        let by = if rng.gen() { 1 } else { -1 };
        next.layers[l].weights[at] += by;
        prop_assert!(!round.failing(round.to(&next)).is_empty());
    }
}
