//! One phase of one circuit over time: base load and EVSEs stacked, the highest total, the rating.

use plotters::prelude::*;
use studies::ReplayReport;
use studies::report::CircuitReport;
use units::civil::Zone;
use units::{Amperes, Phase, TimeSpan};

/// At most so many points wide.
pub const POINTS: usize = 360;

const SIZE: (u32, u32) = (960, 260);
const BASE: RGBColor = RGBColor(196, 201, 206);
const TOTAL: RGBColor = RGBColor(29, 35, 41);
const RATING: RGBColor = RGBColor(179, 38, 30);
/// Tints of one hue, so that neighbours can be told apart and the whole reads as one thing.
const EVSES: [RGBColor; 4] =
    [RGBColor(46, 139, 97), RGBColor(92, 172, 132), RGBColor(63, 155, 140), RGBColor(128, 196, 153)];

/// The chart as an SVG element.
///
/// # Panics
///
/// Where plotters cannot write into a string, which it does without any device.
#[must_use]
pub fn phase(report: &ReplayReport, circuit: &CircuitReport, phase: Phase, zone: &Zone) -> String {
    let mut svg = String::new();
    let drawn = draw(&mut svg, report, circuit, phase, zone);
    assert!(drawn.is_ok(), "the chart of {} {phase} could not be drawn: {drawn:?}", circuit.name);
    svg
}

fn draw(
    svg: &mut String,
    report: &ReplayReport,
    circuit: &CircuitReport,
    phase: Phase,
    zone: &Zone,
) -> Result<(), Box<dyn std::error::Error>> {
    let bucket = report.evses.first().map_or(1, |evse| evse.current[phase].len()).div_ceil(POINTS).max(1);
    let layers = layers(report, circuit, phase, bucket);
    let highest = reduce(&circuit.highest[phase], bucket, |values| values.iter().copied().max());
    let points = layers.iter().map(Vec::len).max().unwrap_or(0).max(highest.len()).max(2);
    let top = highest.iter().chain([&circuit.rating[phase]]).copied().max().unwrap_or(Amperes::ZERO);
    let last = i32::try_from(points - 1)?;
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(4)
        .x_label_area_size(22)
        .y_label_area_size(44)
        .build_cartesian_2d(0..last, 0.0..amperes(top) * 1.06)?;
    let span = report.step.milliseconds() * i64::try_from(bucket)?;
    let label = |place: &i32| {
        let civil = zone.civil(report.starts_at + TimeSpan::from_milliseconds(span * i64::from(*place)));
        match span * i64::from(last) {
            ..172_800_000 => format!("{:02}:{:02}", civil.hour, civil.minute),
            _ => format!("{}.{}.", civil.date.day, civil.date.month),
        }
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(227, 231, 234))
        .axis_style(RGBColor(160, 168, 175))
        .x_labels(9)
        .y_labels(5)
        .x_label_formatter(&label)
        .y_label_formatter(&|current: &f64| format!("{current:.0} A"))
        .draw()?;
    // From the top layer down: each covers what lies below it.
    for (place, layer) in layers.iter().enumerate().rev() {
        let colour = if place == 0 { BASE } else { EVSES[place % EVSES.len()] };
        chart.draw_series(AreaSeries::new(line(layer), 0.0, colour))?;
    }
    chart.draw_series(LineSeries::new(line(&highest), TOTAL.stroke_width(1)))?;
    let rating = amperes(circuit.rating[phase]);
    chart.draw_series(LineSeries::new([(0, rating), (last, rating)], RATING.stroke_width(2)))?;
    area.present()?;
    Ok(())
}

/// Cumulated layers: base load first, then each EVSE that drew anything on the phase.
fn layers(report: &ReplayReport, circuit: &CircuitReport, phase: Phase, bucket: usize) -> Vec<Vec<Amperes>> {
    let mean = |values: &[Amperes]| {
        let sum: Amperes = values.iter().copied().sum();
        i64::try_from(values.len()).ok().filter(|&count| count > 0).map(|count| sum.div_floor(count))
    };
    let mut top = reduce(&circuit.base[phase], bucket, mean);
    let mut layers = vec![top.clone()];
    for &place in &circuit.evses {
        let current = &report.evses[place].current[phase];
        if current.iter().all(|&current| current == Amperes::ZERO) {
            continue;
        }
        let current = reduce(current, bucket, mean);
        top.resize(top.len().max(current.len()), Amperes::ZERO);
        for (sum, current) in top.iter_mut().zip(current) {
            *sum += current;
        }
        layers.push(top.clone());
    }
    layers
}

fn reduce(series: &[Amperes], bucket: usize, of: impl Fn(&[Amperes]) -> Option<Amperes>) -> Vec<Amperes> {
    series.chunks(bucket).filter_map(of).collect()
}

fn line(series: &[Amperes]) -> impl Iterator<Item = (i32, f64)> {
    (0_i32..).zip(series.iter().map(|&current| amperes(current)))
}

/// For drawing only: no current on a page is beyond what an `i32` of milliamperes holds.
fn amperes(current: Amperes) -> f64 {
    f64::from(i32::try_from(current.milliamperes()).unwrap_or(i32::MAX)) / 1_000.0
}
