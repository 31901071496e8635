//! Plots as SVG.

use std::path::Path;

use eyre::eyre;
use plotters::prelude::*;

/// Points, joined.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// A plot's words.
pub(crate) struct Words<'a> {
    pub(crate) title: &'a str,
    pub(crate) x: &'a str,
    pub(crate) y: &'a str,
}

/// Told apart also by people who do not see all colours (Okabe, Ito, "Color Universal Design").
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// Draws curves from zero on.
pub(crate) fn draw(file: &Path, words: &Words<'_>, curves: &[Curve]) -> eyre::Result<()> {
    let failed = |error: &dyn std::fmt::Display| eyre!("{}: {error}", file.display());
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let most_x = points().fold(1.0, |most: f64, point| most.max(point.0)) * 1.05;
    let most_y = points().fold(1.0, |most: f64, point| most.max(point.1)) * 1.15;
    let root = SVGBackend::new(file, (720, 400)).into_drawing_area();
    root.fill(&WHITE).map_err(|error| failed(&error))?;
    let mut chart = ChartBuilder::on(&root)
        .caption(words.title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..most_x, 0.0..most_y)
        .map_err(|error| failed(&error))?;
    let mut mesh = chart.configure_mesh();
    mesh.x_desc(words.x).y_desc(words.y).light_line_style(WHITE).draw().map_err(|error| failed(&error))?;
    for (index, curve) in curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let line = LineSeries::new(curve.points.iter().copied(), colour.stroke_width(2));
        let drawn = chart.draw_series(line).map_err(|error| failed(&error))?;
        drawn
            .label(&curve.name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 18, y)], colour.stroke_width(2)));
        if curve.points.len() <= 12 {
            let dots = curve.points.iter().map(|point| Circle::new(*point, 3, colour.filled()));
            chart.draw_series(dots).map_err(|error| failed(&error))?;
        }
    }
    let mut labels = chart.configure_series_labels();
    labels.border_style(BLACK).background_style(WHITE.mix(0.8)).draw().map_err(|error| failed(&error))?;
    root.present().map_err(|error| failed(&error))
}
