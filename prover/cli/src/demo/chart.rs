//! A demo's report for a browser: one self-contained page, no script, no network.
//!
//! Learning curve, gas of each round, time of each kind of phase; every chart has its numbers in a table below.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::demo::Report;
use crate::markup::escape;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 36.0;
const TOP: f64 = 16.0;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1c2024;--soft:#667;--line:#d5d9e0;--a:#2563eb;--b:#d97706;--c:#059669;--page:#fff}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e8eb;--soft:#9aa;--line:#3a3f47;--a:#60a5fa;--b:#fbbf24;--c:#34d399;--page:#14171a}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:760px;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}\
th,td{text-align:right;padding:.25rem .5rem;border-bottom:1px solid var(--line)}th:first-child,td:first-child{text-align:left}\
svg{width:100%;height:auto}svg text{fill:var(--soft);font-size:12px}svg .grid{stroke:var(--line)}\
.scroll{overflow-x:auto}";

/// The page.
pub fn page(report: &Report) -> String {
    let title = format!(
        "{}: {} rounds, {} contributors",
        report.profile,
        report.rounds.len(),
        report.rounds.first().map_or(0, |round| round.claims)
    );
    let mut out = String::new();
    out.push_str("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    // invariant: writing to a string does not fail.
    let _ = write!(out, "<title>{0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>", escape(&title));
    let _ = write!(
        out,
        "<p>{} parameters, {} records a shard; accuracy on {} test records. Every step from the first model to the last is \
         proven and was verified on a local chain before {} tokens were minted.</p>",
        report.parameters,
        report.shard_records(),
        report.test_records,
        escape(&report.rounds.iter().filter_map(|round| round.minted.parse::<f64>().ok()).sum::<f64>().to_string())
    );
    let first = report.rounds.first().map(|round| (0.0, round.test_accuracy_before * 1e2));
    let accuracy: Vec<(f64, f64)> =
        first.into_iter().chain(report.rounds.iter().map(|r| (r.round as f64, r.test_accuracy * 1e2))).collect();
    let loss: Vec<(f64, f64)> = report.rounds.iter().map(|r| (r.round as f64 - 1.0, r.loss)).collect();
    let _ = write!(out, "<h2>Learning curve</h2>{}", curve("test accuracy, %", "var(--a)", &accuracy));
    let _ = write!(out, "<h2>Loss of the claimed shards</h2>{}", curve("mean loss of a record", "var(--b)", &loss));
    let gas: Vec<[f64; 2]> =
        report.rounds.iter().map(|r| [r.gas_claim.iter().sum::<u64>() as f64, r.gas_finalize as f64]).collect();
    let _ = write!(out, "<h2>Gas of a round</h2>{}", bars(&["claims", "finalization"], &gas));
    out.push_str(&rounds_table(report));
    out.push_str(&phases_table(report));
    out.push_str("</body></html>\n");
    out
}

fn rounds_table(report: &Report) -> String {
    let mut out = String::from(
        "<h2>Rounds</h2><div class=\"scroll\"><table><thead><tr><th>round</th><th>claims</th><th>gas of claims</th>\
         <th>gas of finalization</th><th>round proof, s</th><th>loss before</th><th>accuracy after, %</th><th>minted</th></tr>\
         </thead><tbody>",
    );
    for round in &report.rounds {
        let gas: Vec<String> = round.gas_claim.iter().map(u64::to_string).collect();
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.2}</td><td>{:.4}</td><td>{:.2}</td><td>{}</td></tr>",
            round.round,
            round.claims,
            gas.join(" "),
            round.gas_finalize,
            round.round_prove_ms / 1e3,
            round.loss,
            round.test_accuracy * 1e2,
            escape(&round.minted)
        );
    }
    out.push_str("</tbody></table></div>");
    out
}

/// What a phase is about, whoever takes it in whichever round.
fn kind(name: &str) -> &str {
    let rest = name.split_once(": ").map_or(name, |(_, rest)| rest);
    for (word, kind) in
        [("well-formed", "prove a shard well-formed"), ("commit", "commit"), ("measure", "measure the model")]
    {
        if rest.contains(word) {
            return kind;
        }
    }
    rest
}

fn phases_table(report: &Report) -> String {
    let mut sums: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for (name, time) in &report.phases {
        let sum = sums.entry(kind(name)).or_default();
        sum.0 += 1;
        sum.1 += time.as_secs_f64();
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by(|a, b| b.1 .1.total_cmp(&a.1 .1));
    let total = report.total_ms.max(1.0) / 1e3;
    let mut out = String::from(
        "<h2>Time</h2><div class=\"scroll\"><table><thead><tr><th>phase</th><th>times</th><th>seconds</th><th>share</th></tr>\
         </thead><tbody>",
    );
    for (name, (count, seconds)) in rows {
        let share = seconds / total;
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{count}</td><td>{seconds:.2}</td><td><svg viewBox=\"0 0 100 10\" role=\"img\" \
             aria-label=\"{:.1} %\" style=\"width:100px;height:10px\"><rect width=\"{:.1}\" height=\"10\" fill=\"var(--c)\"/></svg> \
             {:.1} %</td></tr>",
            escape(name),
            share * 1e2,
            share * 1e2,
            share * 1e2
        );
    }
    let _ = write!(out, "</tbody></table></div><p>{total:.1} s in all.</p>");
    out
}

/// Axis from zero to a round number not below the largest value.
fn ceiling(values: impl Iterator<Item = f64>) -> f64 {
    let most = values.fold(0.0, f64::max);
    if most <= 0.0 {
        return 1.0;
    }
    let unit = 10f64.powf(most.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * unit).find(|top| *top >= most).unwrap_or(most)
}

fn frame(out: &mut String, label: &str, top: f64) {
    let _ = write!(
        out,
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\"><title>{0}</title>",
        escape(label)
    );
    for step in 0..=4 {
        let y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * f64::from(step) / 4.0;
        let value = top * f64::from(step) / 4.0;
        let shown = if value >= 1e4 { format!("{:.0}k", value / 1e3) } else { format!("{value}") };
        let _ = write!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{shown}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    let _ = write!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">round</text>",
        (LEFT + WIDTH) / 2.0,
        HEIGHT - 6.0
    );
}

fn curve(label: &str, colour: &str, points: &[(f64, f64)]) -> String {
    let top = ceiling(points.iter().map(|point| point.1));
    let last = points.last().map_or(1.0, |point| point.0).max(1.0);
    let place = |(x, y): (f64, f64)| {
        let x = LEFT + 8.0 + (WIDTH - LEFT - 16.0) * x / last;
        (x, HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * y / top)
    };
    let mut out = String::new();
    frame(&mut out, label, top);
    let line: Vec<String> = points.iter().map(|point| place(*point)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let _ =
        write!(out, "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>", line.join(" "));
    for point in points {
        let (x, y) = place(*point);
        let _ = write!(
            out,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"><title>round {}: {:.4}</title></circle>",
            point.0, point.1
        );
    }
    let _ = write!(out, "<text x=\"{LEFT}\" y=\"12\">{}</text></svg>", escape(label));
    out
}

fn bars(names: &[&str; 2], rows: &[[f64; 2]]) -> String {
    let top = ceiling(rows.iter().map(|row| row.iter().sum()));
    let each = (WIDTH - LEFT - 8.0) / rows.len().max(1) as f64;
    let mut out = String::new();
    frame(&mut out, "gas of a round", top);
    for (place, row) in rows.iter().enumerate() {
        let mut base = HEIGHT - BOTTOM;
        for ((value, name), colour) in row.iter().zip(names).zip(["var(--a)", "var(--b)"]) {
            let height = (HEIGHT - BOTTOM - TOP) * value / top;
            base -= height;
            let _ = write!(
                out,
                "<rect x=\"{:.1}\" y=\"{base:.1}\" width=\"{:.1}\" height=\"{height:.1}\" fill=\"{colour}\">\
                 <title>round {}, {name}: {value}</title></rect>",
                LEFT + 8.0 + each * place as f64,
                (each * 0.8).max(0.5),
                place + 1
            );
        }
    }
    let _ = write!(
        out,
        "<text x=\"{LEFT}\" y=\"12\"><tspan fill=\"var(--a)\">{}</tspan>, <tspan fill=\"var(--b)\">{}</tspan></text></svg>",
        names[0], names[1]
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert!(curve("<loss>", "red", &[(0.0, 1.0), (1.0, 0.5)]).contains("&lt;loss&gt;"));
    }

    #[test]
    fn every_opened_tag_is_closed() {
        for text in [curve("loss", "red", &[(0.0, 1.0), (1.0, 0.5)]), bars(&["a", "b"], &[[1.0, 2.0], [3.0, 0.0]])] {
            for tag in ["svg", "text", "title", "circle", "rect", "tspan"] {
                let opened = text.matches(&format!("<{tag}")).count();
                assert_eq!(opened, text.matches(&format!("</{tag}>")).count(), "{tag} in {text}");
            }
        }
    }

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let top = |values: &[f64]| ceiling(values.iter().copied());
        assert_eq!((top(&[0.93, 0.1]), top(&[86.0]), top(&[1_234_567.0]), top(&[])), (1.0, 100.0, 2e6, 1.0));
    }

    #[test]
    fn phases_of_one_kind_are_added_up() {
        assert_eq!(kind("round 3, contributor 2: train, prove, claim"), "train, prove, claim");
        assert_eq!(kind("contributor 1: commit 8 shards"), "commit");
        assert_eq!(kind("verifying keys"), "verifying keys");
    }
}
