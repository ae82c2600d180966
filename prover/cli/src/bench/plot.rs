//! A chart with two logarithmic axes, as an SVG file that is read on light and on dark pages.
//!
//! Deterministic: the same series give the same bytes. No fonts, scripts or network.

use std::fmt::Write as _;

use crate::markup::escape;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 36.0;
const BOTTOM: f64 = 56.0;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#445}.t{font-size:14px}.g{stroke:#d5d9e0}\
.c0{--c:#2563eb}.c1{--c:#d97706}.c2{--c:#059669}.c3{--c:#9333ea}\
@media(prefers-color-scheme:dark){text{fill:#a8b0b8}.g{stroke:#3a3f47}\
.c0{--c:#60a5fa}.c1{--c:#fbbf24}.c2{--c:#34d399}.c3{--c:#c084fc}}\
polyline{fill:none;stroke:var(--c);stroke-width:2}circle{fill:var(--c)}.k{fill:var(--c)}";

/// One line of a chart.
#[derive(Clone, Debug)]
pub struct Series {
    /// What the legend calls it.
    pub name: String,
    /// Points; those with a coordinate that is not positive are left out.
    pub points: Vec<(f64, f64)>,
}

/// What the axes show, with units.
#[derive(Clone, Copy, Debug)]
pub struct Labels<'a> {
    /// Above the chart.
    pub title: &'a str,
    /// Below it.
    pub x: &'a str,
    /// Beside it.
    pub y: &'a str,
}

/// Whole powers of ten around the values; a decade at least.
fn decades(values: impl Iterator<Item = f64>) -> (i32, i32) {
    let (least, most) = values.fold((f64::INFINITY, 0.0f64), |(least, most), v| (least.min(v), most.max(v)));
    if most <= 0.0 {
        return (0, 1);
    }
    let (low, high) = (least.log10().floor() as i32, most.log10().ceil() as i32);
    (low, high.max(low + 1))
}

fn power(exponent: i32) -> String {
    match exponent {
        0..=3 => format!("{}", 10u32.pow(exponent.unsigned_abs())),
        _ => format!("10<tspan dy=\"-5\" font-size=\"9\">{exponent}</tspan>"),
    }
}

/// The chart.
pub fn log_log(labels: &Labels<'_>, series: &[Series]) -> String {
    let positive = |s: &Series| s.points.iter().copied().filter(|(x, y)| *x > 0.0 && *y > 0.0).collect::<Vec<_>>();
    let cleaned: Vec<(&str, Vec<(f64, f64)>)> = series.iter().map(|s| (s.name.as_str(), positive(s))).collect();
    let all = || cleaned.iter().flat_map(|(_, points)| points.iter().copied());
    let ((x0, x1), (y0, y1)) = (decades(all().map(|p| p.0)), decades(all().map(|p| p.1)));
    let x_at = |log: f64| LEFT + (WIDTH - LEFT - RIGHT) * (log - f64::from(x0)) / f64::from(x1 - x0);
    let y_at = |log: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (log - f64::from(y0)) / f64::from(y1 - y0);
    let (right, floor) = (WIDTH - RIGHT, HEIGHT - BOTTOM);

    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{0}\">\
         <style>{STYLE}</style><text class=\"t\" x=\"{LEFT}\" y=\"20\">{0}</text>\n",
        escape(labels.title)
    );
    // invariant: writing to a string does not fail.
    for exponent in x0..=x1 {
        let (x, text) = (x_at(f64::from(exponent)), power(exponent));
        let _ = writeln!(
            out,
            "<line class=\"g\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{floor}\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>",
            floor + 18.0
        );
    }
    for exponent in y0..=y1 {
        let (y, text) = (y_at(f64::from(exponent)), power(exponent));
        let _ = writeln!(
            out,
            "<line class=\"g\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(18 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 14.0,
        escape(labels.x),
        (TOP + floor) / 2.0,
        escape(labels.y)
    );
    for (index, (name, points)) in cleaned.iter().enumerate() {
        let places: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x_at(x.log10()), y_at(y.log10()))).collect();
        let line: Vec<String> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(out, "<g class=\"c{}\"><polyline points=\"{}\"/>", index % 4, line.join(" "));
        for ((x, y), (px, py)) in points.iter().zip(&places) {
            let _ = write!(out, "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3.5\"><title>{x}: {y:.4}</title></circle>");
        }
        let y = TOP + 14.0 + 18.0 * index as f64;
        let _ = writeln!(
            out,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/><text class=\"k\" x=\"{:.1}\" y=\"{y:.1}\">{}</text></g>",
            right + 14.0,
            y - 4.0,
            right + 24.0,
            escape(name)
        );
    }
    out.push_str("</svg>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_the_same_each_time_and_every_tag_is_closed() {
        let labels = Labels { title: "time & <memory>", x: "parameters", y: "time, ms" };
        let series = [
            Series { name: "a".into(), points: vec![(1e3, 5.0), (1e5, 700.0), (0.0, 1.0)] },
            Series { name: "b".into(), points: vec![] },
        ];
        let chart = log_log(&labels, &series);
        assert_eq!(chart, log_log(&labels, &series));
        assert!(chart.contains("time &amp; &lt;memory&gt;") && !chart.contains("NaN") && !chart.contains("inf"));
        // Two points and a key of each series.
        assert_eq!(chart.matches("<circle").count(), 4);
        for tag in ["svg", "g", "text", "title", "tspan"] {
            let opened = chart.matches(&format!("<{tag} ")).count() + chart.matches(&format!("<{tag}>")).count();
            assert_eq!(opened, chart.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }

    #[test]
    fn axes_end_at_powers_of_ten() {
        let of = |values: &[f64]| decades(values.iter().copied());
        assert_eq!((of(&[12.0, 900.0]), of(&[10.0]), of(&[])), ((1, 3), (1, 2), (0, 1)));
    }
}
