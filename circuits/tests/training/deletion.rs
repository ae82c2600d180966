//! Deletion score of the training circuit.

use super::support::{quiet, score, Fixture};
use super::*;

const CHEATS: &[fn()] = &[
    rejects_an_update_with_values_in_its_padding,
    rejects_an_update_with_values_where_a_stacked_column_has_none,
    rejects_update_cells_beside_transposed_weights,
    rejects_update_cells_of_a_section_that_stand_for_no_weight,
    rejects_an_update_cell_off_by_one,
    rejects_a_wrong_activation,
    rejects_a_sign_that_is_no_bit,
    rejects_a_masked_unit_that_is_active,
    rejects_a_residual_that_is_not_the_rounded_clamp,
    rejects_a_residual_of_a_record_that_does_not_exist,
    rejects_a_rounded_value_that_is_not_the_product,
    rejects_limbs_off_the_table_and_forged_multiplicities,
    rejects_a_top_limb_beyond_the_missing_bits,
    bounds::rejects_bounds_below_the_norm_or_the_loss,
    bounds::rejects_heads_that_are_not_what_is_left,
    bounds::rejects_limbs_of_a_bucket_that_do_not_add_up,
    bounds::rejects_limbs_of_a_row_of_a_bucket_that_do_not_add_up,
    bounds::rejects_other_bounds_than_the_proven_ones,
    chains::rejects_folds_of_cells_that_are_not_committed,
    chains::rejects_a_fold_of_samples_that_is_bent,
    chains::rejects_a_dot_chain_that_is_bent,
    chains::rejects_input_folds_that_do_not_start_at_zero,
    chains::rejects_update_folds_that_do_not_start_at_zero,
    chains::rejects_unit_folds_that_do_not_start_at_zero,
    chains::rejects_signal_folds_that_do_not_start_at_zero,
    chains::rejects_a_dot_of_inputs_and_signals_that_is_bent,
    chains::rejects_folds_of_units_that_are_not_the_units,
    chains::rejects_a_signal_fold_that_ignores_the_mask,
    chains::rejects_an_output_signal_that_is_not_the_residual,
    chains::rejects_a_loss_that_does_not_count_or_starts_below_zero,
    chains::rejects_a_backward_signal_that_is_not_the_unit_and_updates_beside_it,
    chains::rejects_values_off_the_table_that_are_summed_as_others,
    chains::rejects_sums_of_other_limbs_and_multiplicities,
    chains::rejects_sums_that_something_else_makes_good,
    chains::rejects_a_norm_that_forgets_a_layer,
    softmax::rejects_an_index_that_is_capped_early,
    softmax::rejects_two_largest_outputs_of_a_record,
    softmax::rejects_a_largest_output_that_no_output_is,
    softmax::rejects_an_exponential_off_the_table,
    softmax::rejects_sums_of_exponentials_that_are_bent,
    softmax::rejects_a_sum_that_forgets_an_output,
    softmax::rejects_sums_beside_units_that_have_no_softmax,
    softmax::rejects_a_share_that_is_not_the_rounded_one,
    laps::rejects_an_update_of_a_run_with_values_in_its_padding,
    laps::rejects_a_run_that_starts_from_another_model,
    laps::rejects_steps_that_do_not_follow_each_other,
    laps::rejects_a_copy_of_a_fine_weight_that_is_another,
    laps::rejects_folds_of_copies_that_are_bent,
    laps::rejects_folds_of_the_update_that_are_bent,
    laps::rejects_a_norm_that_forgets_a_lap,
    laps::rejects_lookups_that_do_not_go_on_from_lap_to_lap,
    laps::rejects_a_loss_that_does_not_go_on_from_lap_to_lap,
    laps::rejects_exponentials_that_do_not_go_on_from_lap_to_lap,
    laps::rejects_back_propagated_sums_that_do_not_start_at_zero,
];

/// Every constraint of the toy circuit, and those that only a deeper network, narrower limbs or stacked columns have.
#[test]
fn deletion_score() {
    let score = score::of(CHEATS);
    let toy = quiet();
    let enabled = |f: &Fixture| {
        let audit = f.audit(&f.claim(), 1);
        let rows = audit.enabled_rows();
        audit.labels().into_iter().filter(|label| !rows[label].is_empty()).collect::<Vec<_>>()
    };
    let mut labels = enabled(toy);
    let mut noticed = score[&toy.profile.layers].clone();
    let shapes = [(&[3, 4, 3, 2][..], 3, 4, 0), (&[3, 2, 2], 3, 6, 0), (&[3, 2], 6, 4, 0), (&[3, 4, 2], 3, 4, 1)];
    let shapes = shapes.map(|(layers, batch, limb_bits, stack_bits)| {
        Fixture::random(stacked(shape(layers, batch, 1, limb_bits).unwrap(), stack_bits), 1)
    });
    for other in shapes.iter().chain([softmax::soft(), laps::two()]) {
        let name = |label: &String| label.split('#').next().unwrap_or_default().to_owned();
        let more: Vec<_> =
            enabled(other).into_iter().filter(|l| labels.iter().all(|known| name(known) != name(l))).collect();
        noticed.extend(score[&other.profile.layers].iter().cloned());
        labels.extend(more);
    }
    score::report("training", &labels, &noticed);
}
