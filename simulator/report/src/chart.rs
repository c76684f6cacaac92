//! Charts over time: the current of one phase of one circuit, and what limited EVs.
//!
//! Drawn by plotters in the colours of a light page; the page's style turns them where it is dark. A chart has at most
//! [`LAYERS`] layers, so that its key can be read whatever the size of the site: circuits that have circuits below them
//! are stacked by those, others by their EVSEs, the largest by themselves and the rest as one.

use plotters::prelude::*;
use studies::ReplayReport;
use studies::report::CircuitReport;
use units::civil::Zone;
use units::{Amperes, Phase, TimeSpan, Timestamp, WattHours};

use crate::story::{Moment, limit_words, limits};
use crate::words::sentence;

/// At most so many points wide.
pub const POINTS: usize = 360;
/// At most so many layers above the base load.
pub const LAYERS: usize = 8;
/// Charts below the grid connection are many and small.
const POINTS_BELOW: usize = 160;

const SIZE: (u32, u32) = (960, 250);
const BASE: RGBColor = RGBColor(196, 201, 206);
const TOTAL: RGBColor = RGBColor(29, 35, 41);
const RATING: RGBColor = RGBColor(179, 38, 30);
const GRID: RGBColor = RGBColor(227, 231, 234);
const AXIS: RGBColor = RGBColor(160, 168, 175);
const MARK: RGBColor = RGBColor(90, 62, 150);
/// Neighbours differ in lightness too; the last is for what is gathered.
const TINTS: [RGBColor; LAYERS] = [
    RGBColor(31, 122, 88),
    RGBColor(126, 200, 162),
    RGBColor(44, 104, 168),
    RGBColor(143, 188, 230),
    RGBColor(150, 106, 20),
    RGBColor(228, 188, 96),
    RGBColor(112, 84, 160),
    RGBColor(178, 190, 186),
];

/// A layer of a circuit's charts: whose current it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// For the key.
    pub name: String,
    /// EVSEs: indices into the report's.
    pub evses: Vec<usize>,
}

/// The layers of a circuit, from the bottom up, without base load.
#[must_use]
pub fn layers(report: &ReplayReport, circuit: &CircuitReport) -> Vec<Layer> {
    let below: Vec<&CircuitReport> =
        report.circuits.iter().filter(|other| other.parent.as_ref() == Some(&circuit.circuit)).collect();
    let mut layers: Vec<Layer> =
        below.iter().map(|below| Layer { name: below.name.clone(), evses: below.evses.clone() }).collect();
    let is_own = |evse: &&usize| !below.iter().any(|below| below.evses.contains(evse));
    let own = circuit.evses.iter().filter(is_own);
    layers.extend(own.map(|&evse| Layer { name: report.evses[evse].name.clone(), evses: vec![evse] }));
    layers.retain(|layer| energy(report, layer) > WattHours::ZERO);
    if layers.len() <= LAYERS {
        return layers;
    }
    let mut by_energy = layers.clone();
    by_energy.sort_by_key(|layer| std::cmp::Reverse(energy(report, layer)));
    let (large, small) = by_energy.split_at(LAYERS - 1);
    let others = Layer {
        name: format!("{} others", small.len()),
        evses: small.iter().flat_map(|layer| layer.evses.iter().copied()).collect(),
    };
    layers.retain(|layer| large.contains(layer));
    layers.push(others);
    layers
}

fn energy(report: &ReplayReport, layer: &Layer) -> WattHours {
    layer.evses.iter().map(|&evse| report.evses[evse].energy).sum()
}

/// The colour of a layer as the page's style knows it.
#[must_use]
pub fn tint(place: usize) -> String {
    let RGBColor(red, green, blue) = TINTS[place.min(LAYERS - 1)];
    format!("#{red:02X}{green:02X}{blue:02X}")
}

/// One phase of one circuit as an SVG element.
///
/// # Panics
///
/// Where plotters cannot write into a string, which it does without any device.
#[must_use]
pub fn phase(
    report: &ReplayReport,
    circuit: &CircuitReport,
    layers: &[Layer],
    phase: Phase,
    moments: &[Moment],
    zone: &Zone,
) -> String {
    let points = if circuit.parent.is_none() { POINTS } else { POINTS_BELOW };
    let steps = circuit.highest[phase].len().max(circuit.base[phase].len());
    let bucket = steps.div_ceil(points).max(1);
    let mut sums = vec![Amperes::ZERO; steps.div_ceil(bucket)];
    let mut stacked = Vec::new();
    let mut stack = |series: &[Amperes]| {
        for (sum, mean) in sums.iter_mut().zip(reduce(series, bucket, mean)) {
            *sum += mean;
        }
        stacked.push(sums.iter().copied().map(amperes).collect());
    };
    stack(&circuit.base[phase]);
    for layer in layers {
        let mut series = vec![Amperes::ZERO; steps];
        for &evse in &layer.evses {
            for (sum, current) in series.iter_mut().zip(&report.evses[evse].current[phase]) {
                *sum += *current;
            }
        }
        stack(&series);
    }
    let highest = reduce(&circuit.highest[phase], bucket, |values| values.iter().copied().max());
    let chart = Chart {
        stacked,
        tints: std::iter::once(BASE).chain(TINTS).collect(),
        line: highest.into_iter().map(amperes).collect(),
        rating: Some(amperes(circuit.rating[phase])),
        unit: " A",
        step: report.step * i64::try_from(bucket).unwrap_or(1),
    };
    chart.svg(report.starts_at, moments, zone)
}

/// What limited EVs over time, as an SVG element: the largest as `limits` lists them, from the bottom up.
///
/// # Panics
///
/// As [`phase()`].
#[must_use]
pub fn limits_over_time(report: &ReplayReport, moments: &[Moment], zone: &Zone) -> String {
    let steps = report.limits.first().map_or(0, |limit| limit.evs.len());
    let bucket = steps.div_ceil(POINTS).max(1);
    let mut sums = vec![0.0; steps.div_ceil(bucket)];
    let mut stacked = Vec::new();
    for layer in limit_layers(report) {
        for limit in &layer.1 {
            let Some(series) = report.limits.get(*limit) else { continue };
            for (sum, evs) in sums.iter_mut().zip(series.evs.chunks(bucket)) {
                let evs_mean = evs.iter().map(|&evs| f64::from(evs)).sum::<f64>();
                *sum += evs_mean / f64::from(u32::try_from(evs.len().max(1)).unwrap_or(1));
            }
        }
        stacked.push(sums.clone());
    }
    let step = report.step * i64::try_from(bucket).unwrap_or(1);
    let chart = Chart { stacked, tints: TINTS.to_vec(), line: Vec::new(), rating: None, unit: "", step };
    chart.svg(report.starts_at, moments, zone)
}

/// The layers of [`limits_over_time`]: a name for the key, and places in the report's limits.
#[must_use]
pub fn limit_layers(report: &ReplayReport) -> Vec<(String, Vec<usize>)> {
    let place = |limit| report.limits.iter().position(|known| known.limit == limit);
    let mut layers: Vec<(String, Vec<usize>)> = limits(report)
        .into_iter()
        .map(|(limit, _)| (sentence(&limit_words(&limit)), place(limit).into_iter().collect()))
        .collect();
    if layers.len() > LAYERS {
        let rest = layers.split_off(LAYERS - 1);
        let name = format!("{} other reasons", rest.len());
        layers.push((name, rest.into_iter().flat_map(|(_, places)| places).collect()));
    }
    layers
}

struct Chart {
    /// Cumulated, from the bottom up.
    stacked: Vec<Vec<f64>>,
    tints: Vec<RGBColor>,
    /// A dark line above all.
    line: Vec<f64>,
    rating: Option<f64>,
    unit: &'static str,
    step: TimeSpan,
}

impl Chart {
    fn svg(&self, starts_at: Timestamp, moments: &[Moment], zone: &Zone) -> String {
        let mut svg = String::new();
        let drawn = self.draw(&mut svg, starts_at, moments, zone);
        assert!(drawn.is_ok(), "a chart could not be drawn: {drawn:?}");
        svg
    }

    fn draw(
        &self,
        svg: &mut String,
        starts_at: Timestamp,
        moments: &[Moment],
        zone: &Zone,
    ) -> Result<(), Box<dyn std::error::Error>> {
        let points = self.stacked.iter().map(Vec::len).max().unwrap_or(0).max(self.line.len()).max(2);
        let last = i32::try_from(points - 1)?;
        let values = self.stacked.iter().flatten().chain(&self.line).chain(&self.rating);
        let top = values.copied().fold(1.0, f64::max) * 1.12;
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(4)
            .margin_top(8)
            .x_label_area_size(24)
            .y_label_area_size(50)
            .build_cartesian_2d(0..last, 0.0..top)?;
        let length = self.step * i64::from(last);
        let label = |place: &i32| {
            let civil = zone.civil(starts_at + self.step * i64::from(*place));
            match length.milliseconds() {
                ..172_800_000 => format!("{:02}:{:02}", civil.hour, civil.minute),
                _ => format!("{}.{}.", civil.date.day, civil.date.month),
            }
        };
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(AXIS)
            .label_style(("sans-serif", 14).into_font().color(&TOTAL))
            .x_labels(9)
            .y_labels(5)
            .x_label_formatter(&label)
            .y_label_formatter(&|value: &f64| format!("{value:.0}{}", self.unit))
            .draw()?;
        // From the top layer down: each covers what lies below it.
        for (layer, tint) in self.stacked.iter().zip(&self.tints).rev() {
            chart.draw_series(AreaSeries::new(line(layer), 0.0, *tint))?;
        }
        chart.draw_series(LineSeries::new(line(&self.line), TOTAL.stroke_width(1)))?;
        if let Some(rating) = self.rating {
            chart.draw_series(LineSeries::new([(0, rating), (last, rating)], RATING.stroke_width(2)))?;
        }
        for (number, moment) in (1..).zip(moments) {
            let place = moment.at.since(starts_at).milliseconds() / self.step.milliseconds().max(1);
            let place = i32::try_from(place).unwrap_or(last).clamp(0, last);
            chart.draw_series(LineSeries::new([(place, 0.0), (place, top * 0.94)], MARK.stroke_width(1)))?;
            let style = ("sans-serif", 14, FontStyle::Bold).into_font().color(&MARK);
            chart.draw_series([Text::new(number_text(number), (place, top), style)])?;
        }
        area.present()?;
        Ok(())
    }
}

fn number_text(number: usize) -> String {
    number.to_string()
}

fn mean(values: &[Amperes]) -> Option<Amperes> {
    let sum: Amperes = values.iter().copied().sum();
    i64::try_from(values.len()).ok().filter(|&count| count > 0).map(|count| sum.div_floor(count))
}

fn reduce(series: &[Amperes], bucket: usize, of: impl Fn(&[Amperes]) -> Option<Amperes>) -> Vec<Amperes> {
    series.chunks(bucket).filter_map(of).collect()
}

fn line(series: &[f64]) -> impl Iterator<Item = (i32, f64)> {
    (0_i32..).zip(series.iter().copied())
}

/// For drawing only: no current on a page is beyond what an `i32` of milliamperes holds.
fn amperes(current: Amperes) -> f64 {
    f64::from(i32::try_from(current.milliamperes()).unwrap_or(i32::MAX)) / 1_000.0
}
