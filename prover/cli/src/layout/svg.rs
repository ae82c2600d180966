//! A drawing of a training circuit's layout: columns from left to right, rows downwards, coloured by what they are for.
//!
//! # Shapes
//! Advice columns in the order of the proof, then fixed columns. The drawing is the same for the same profile, byte by
//! byte, and needs nothing from elsewhere (no script, font file or style sheet).
//!
//! # Source
//! Own; SVG 1.1, W3C recommendation.

use std::fmt::Write;

use zkpoc_circuits::training::regions::{self, Gadget, Region};
use zkpoc_circuits::training::Plan;

const HEIGHT: f64 = 720.0;
const WIDTH: usize = 36;
const STEP: usize = 44;
const TOP: usize = 60;
const LEFT: usize = 60;

/// Colour and name of a gadget.
fn style(gadget: Gadget) -> (&'static str, &'static str) {
    match gadget {
        Gadget::Model => ("#4e79a7", "model"),
        Gadget::Data => ("#59a14f", "data"),
        Gadget::Update => ("#e15759", "update"),
        Gadget::Unit => ("#edc948", "units"),
        Gadget::Bucket => ("#9c755f", "state and buckets"),
        Gadget::Lookup => ("#b07aa1", "limbs, multiplicities"),
        Gadget::Sign => ("#ff9da7", "signs"),
        Gadget::Softmax => ("#d37295", "softmax"),
        Gadget::InputFold => ("#76b7b2", "fold of inputs"),
        Gadget::Dot => ("#f28e2b", "dot products, folds"),
        Gadget::Sum => ("#86699c", "LogUp sums"),
        Gadget::UnitFold => ("#c9b037", "folds of units"),
        Gadget::Fixed => ("#79706e", "fixed cells"),
        Gadget::Tail => ("#bab0ac", "tail"),
    }
}

const LEGEND: [Gadget; 14] = [
    Gadget::Model,
    Gadget::Data,
    Gadget::Update,
    Gadget::Unit,
    Gadget::Bucket,
    Gadget::Lookup,
    Gadget::Sign,
    Gadget::Softmax,
    Gadget::InputFold,
    Gadget::Dot,
    Gadget::Sum,
    Gadget::UnitFold,
    Gadget::Fixed,
    Gadget::Tail,
];

/// The drawing.
#[must_use]
pub fn draw(plan: &Plan) -> String {
    let (advice, advice_columns) = regions::advice(plan);
    let (fixed, fixed_columns) = regions::fixed(plan);
    let rows = plan.grid.rows();
    let columns = advice_columns + fixed_columns;
    let legend = LEFT + columns * STEP + 20;
    let (width, height) = (legend + 200, TOP + HEIGHT as usize + 20);
    let mut out = String::new();
    // invariant: writing to a string does not fail.
    let mut line = |text: std::fmt::Arguments<'_>| writeln!(out, "{text}").unwrap_or_default();
    line(format_args!(r#"<?xml version="1.0" encoding="UTF-8"?>"#));
    line(format_args!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">"#
    ));
    line(format_args!(r##"<rect width="{width}" height="{height}" fill="#ffffff"/>"##));
    line(format_args!(
        r#"<text x="{LEFT}" y="20" font-size="14">{}: training circuit, 2^{} rows, {advice_columns} advice and {fixed_columns} fixed columns</text>"#,
        plan.profile.name, plan.grid.k
    ));
    for column in 0..columns {
        let x = LEFT + column * STEP;
        let name = if column < advice_columns { format!("a{column}") } else { format!("f{}", column - advice_columns) };
        line(format_args!(r#"<text x="{x}" y="{}">{name}</text>"#, TOP - 8));
        line(format_args!(
            r##"<rect x="{x}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="#f4f4f4" stroke="#cccccc"/>"##
        ));
    }
    let shifted = fixed.iter().map(|region| Region { column: advice_columns + region.column, ..region.clone() });
    for region in advice.iter().cloned().chain(shifted) {
        let y = TOP as f64 + HEIGHT * region.rows.start as f64 / rows as f64;
        // A single row is still to be seen.
        let tall = (HEIGHT * region.rows.len() as f64 / rows as f64).max(0.5);
        let (colour, name) = style(region.gadget);
        line(format_args!(
            r#"<rect x="{}" y="{y:.2}" width="{WIDTH}" height="{tall:.2}" fill="{colour}"><title>{name}: rows {} to {}</title></rect>"#,
            LEFT + region.column * STEP,
            region.rows.start,
            region.rows.end - 1
        ));
    }
    for (index, gadget) in LEGEND.into_iter().enumerate() {
        let (colour, name) = style(gadget);
        let y = TOP + index * 20;
        line(format_args!(r#"<rect x="{legend}" y="{y}" width="14" height="14" fill="{colour}"/>"#));
        line(format_args!(r#"<text x="{}" y="{}">{name}</text>"#, legend + 20, y + 11));
    }
    for (row, y) in [(0, TOP + 10), (rows, TOP + HEIGHT as usize)] {
        line(format_args!(r#"<text x="4" y="{y}">{row}</text>"#));
    }
    line(format_args!("</svg>"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use zkpoc_circuits::profile::Profile;

    fn plan(name: &str) -> Plan {
        Plan::new(&Profile::builtin(name).expect("a profile")).expect("a layout")
    }

    /// Every tag is closed, in order, and every attribute is quoted.
    fn well_formed(text: &str) {
        let body = text.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n").expect("a declaration");
        let mut open: Vec<&str> = Vec::new();
        let mut roots = 0;
        for (index, part) in body.split('<').enumerate() {
            let Some((tag, content)) = part.split_once('>') else {
                assert!(index == 0 && part.trim().is_empty(), "text outside of tags: {part}");
                continue;
            };
            assert!(!content.contains(['&', '"']) && tag.matches('"').count() % 2 == 0, "{part}");
            let name = tag.trim_start_matches('/').split([' ', '/']).next().expect("a name");
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name));
                roots += usize::from(open.is_empty());
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            assert!(!open.is_empty() || content.trim().is_empty(), "text outside of the drawing: {content}");
        }
        assert_eq!((open.len(), roots), (0, 1));
    }

    #[test]
    fn drawings_are_well_formed_and_the_same_each_time() {
        for name in Profile::builtin_names() {
            let plan = plan(name);
            let text = draw(&plan);
            well_formed(&text);
            assert_eq!(text, draw(&plan));
        }
    }

    #[test]
    fn every_region_is_drawn_inside_its_column() {
        for name in ["toy", "mnist-mlp-cheap", "digits-local"] {
            let plan = plan(name);
            let text = draw(&plan);
            let regions = [regions::advice(&plan), regions::fixed(&plan)];
            for region in regions.iter().flat_map(|(regions, _)| regions) {
                assert!(region.rows.end <= plan.grid.rows() && !region.rows.is_empty(), "{name}: {region:?}");
                let title =
                    format!("{}: rows {} to {}<", style(region.gadget).1, region.rows.start, region.rows.end - 1);
                assert!(text.contains(&title), "{name}: {title}");
            }
            assert!(regions.iter().all(|(regions, columns)| regions.iter().all(|region| region.column < *columns)));
        }
    }
}
