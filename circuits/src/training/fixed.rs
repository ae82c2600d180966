//! Values of the fixed columns.

use super::config::TrainingConfig;
use super::plan::Plan;
use crate::columns::FixedCells;

/// Every non-zero fixed cell: column, row, value.
pub(super) fn cells(config: &TrainingConfig, plan: &Plan, out: &mut FixedCells<'_>) {
    let grid = &plan.grid;
    let fixed = &config.fixed;
    let rows = grid.rows_per_block;
    let depth = grid.depth();

    for section in grid.sections() {
        for block in section {
            let folds_start = block == grid.stop() || (1..=depth).any(|l| grid.bias(l) == block);
            let first = grid.row(block);
            for row in first..first + rows {
                out.push((fixed.q_section, row, 1));
                if folds_start {
                    out.push((fixed.q_edge, row, 1));
                }
                if row % 4 == 3 {
                    out.push((fixed.q_group, row, 1));
                }
            }
            out.push((fixed.q_block, first + rows - 1, 1));
        }
    }

    for row in 0..rows {
        out.push((fixed.q_edge, row, if row == 0 { 2 } else { 1 }));
    }
    for l in 1..=depth {
        let first = grid.row(grid.gap(l));
        out.extend((first..first + rows).map(|row| (fixed.q_gap, row, 1)));
        out.push((fixed.q_edge, first, 1));
    }

    for l in 1..depth {
        out.extend(plan.unit_rows(l).map(|row| (fixed.q_hidden, row, 1)));
    }
    for row in plan.unit_rows(depth) {
        let phantom = row % rows >= grid.batch;
        out.push((fixed.q_output, row, if phantom { 2 } else { 1 }));
    }
    out.extend(plan.area.rows.clone().map(|row| (fixed.q_lookup, row, 1)));
    out.extend((plan.table_row..).zip(plan.table_codes()).map(|(row, code)| (fixed.t_limb, row, code)));
    if let Some(column) = fixed.t_exp {
        let values = plan.exponential_rows().zip(&plan.exponentials);
        out.extend(values.filter(|(_, exp)| **exp != 0).map(|(row, exp)| (column, row, exp.unsigned_abs())));
    }
    let (norm, loss) = plan.buckets();
    for bucket in [norm, loss] {
        let last = bucket.end - 1;
        out.extend(bucket.map(|row| (fixed.q_section, row, if row == last { 2 } else { 1 })));
    }
    if let Some(column) = fixed.q_backward {
        for l in 2..depth {
            let first = grid.row(grid.transposed(l, 0));
            out.extend((first..first + grid.layers[l] * rows).map(|row| (column, row, 1)));
        }
    }
}
