//! Values of the fixed columns.

use super::config::TrainingConfig;
use super::plan::Plan;
use crate::columns::FixedCells;

/// Every non-zero fixed cell: column, row, value.
pub(super) fn cells(config: &TrainingConfig, plan: &Plan, out: &mut FixedCells<'_>) {
    let (grid, fixed) = (&plan.grid, &config.fixed);
    for lap in 0..grid.laps {
        step(config, plan, lap, out);
    }
    out.extend((plan.table_row..).zip(plan.table_codes()).map(|(row, code)| (fixed.t_limb, row, code)));
    if let Some(column) = fixed.t_exp {
        let values = plan.exponential_rows().zip(&plan.exponentials);
        out.extend(values.filter(|(_, exp)| **exp != 0).map(|(row, exp)| (column, row, exp.unsigned_abs())));
    }
    // The norm is known at the end of the last lap, the loss, which counts from the last output, at the beginning of the first.
    let ((norm, loss), last) = (plan.buckets(), grid.lap(grid.laps - 1));
    for bucket in [norm.start + last..norm.end + last, loss] {
        let last = bucket.end - 1;
        out.extend(bucket.map(|row| (fixed.q_section, row, if row == last { 2 } else { 1 })));
    }
    let Some(laps) = &config.laps else { return };
    out.push((laps.q_lap, 0, 1));
    for section in grid.sections() {
        out.extend((grid.row(section.start)..grid.row(section.end)).map(|row| (laps.q_lap, row, 1)));
    }
    out.extend((1..=grid.depth()).map(|l| (laps.q_lap, last + grid.row(grid.gap(l)), 1)));
    for (row, zone) in grid.update_zones().into_iter().enumerate() {
        if zone.code() != 0 {
            out.push((laps.f_update, row, zone.code()));
        }
    }
}

/// What every lap has.
fn step(config: &TrainingConfig, plan: &Plan, lap: usize, out: &mut FixedCells<'_>) {
    let (grid, fixed) = (&plan.grid, &config.fixed);
    let (rows, depth) = (grid.rows_per_block, grid.depth());
    let origin = grid.lap(lap);
    let row = |block: usize| origin + grid.row(block);

    for section in grid.sections() {
        // With several laps the chains of the last section are told from those of the others.
        let code = if grid.laps > 1 && section.start == grid.output(0) { 2 } else { 1 };
        for block in section {
            let folds_start = block == grid.stop() || (1..=depth).any(|l| grid.bias(l) == block);
            let first = row(block);
            for row in first..first + rows {
                out.push((fixed.q_section, row, 1));
                if folds_start {
                    out.push((fixed.q_edge, row, 1));
                }
                if row % 4 == 3 {
                    out.push((fixed.q_group, row, code));
                }
            }
            out.push((fixed.q_block, first + rows - 1, code));
        }
    }

    out.push((fixed.q_edge, origin, 2));
    out.extend((origin + 1..origin + rows).map(|row| (fixed.q_edge, row, 1)));
    for l in 1..=depth {
        let first = row(grid.gap(l));
        out.extend((first..first + rows).map(|row| (fixed.q_gap, row, 1)));
        out.push((fixed.q_edge, first, 1));
    }

    for l in 1..depth {
        out.extend(plan.unit_rows(l).map(|row| (fixed.q_hidden, origin + row, 1)));
    }
    for row in plan.unit_rows(depth) {
        let phantom = row % rows >= grid.batch;
        out.push((fixed.q_output, origin + row, if phantom { 2 } else { 1 }));
    }
    out.extend(plan.area.rows.clone().map(|row| (fixed.q_lookup, origin + row, 1)));
    if let Some(column) = fixed.q_backward {
        for l in 2..depth {
            let first = row(grid.transposed(l, 0));
            out.extend((first..first + grid.layers[l] * rows).map(|row| (column, row, 1)));
        }
    }
}
