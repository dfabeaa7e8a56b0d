//! The picture: a panel for each database, bars for the rates, and beside them where the CPU time went.

use std::fmt::Write;

use super::row::{ratio, thousands};
use crate::{
    contestants::Side,
    results::{Figure, Results},
};

const WIDTH: f64 = 980.0;
/// Where the columns begin, and how wide they are.
const BARS: (f64, f64) = (250.0, 330.0);
const CPU: (f64, f64) = (720.0, 220.0);
const LINE: f64 = 26.0;
const BAR: f64 = 16.0;
const HEAD: f64 = 84.0;
const PANEL_HEAD: f64 = 62.0;
const PANEL_FOOT: f64 = 18.0;

const INK: &str = "#1f2328";
const FAINT: &str = "#6e7781";
const GRID: &str = "#eaeef2";
const OURS: &str = "#0969da";
const BY_HAND: &str = "#8c959f";
const CEILING: &str = "#d0d7de";
const CLIENT: &str = "#0969da";
const DATABASE: &str = "#8250df";
const BROKER: &str = "#bf8700";

/// An SVG.
pub(super) fn plot(all: &[Results]) -> String {
    let height = HEAD + all.iter().map(panel_height).sum::<f64>() + PANEL_FOOT;
    let mut svg = Svg::new(WIDTH, height);
    svg.text(24.0, 36.0, "bold 20", INK, "start", "Messages per second, beside code written by hand");
    legend(&mut svg);
    let mut top = HEAD;
    for results in all {
        panel(&mut svg, results, top);
        top += panel_height(results);
    }
    svg.finish()
}

fn panel_height(results: &Results) -> f64 {
    PANEL_HEAD + results.compared().count() as f64 * LINE + PANEL_FOOT
}

fn legend(svg: &mut Svg) {
    let mut left = 24.0;
    for (colour, text) in [(OURS, "ours"), (BY_HAND, "by hand"), (CEILING, "ceilings, which do less")] {
        left = key(svg, left, colour, text);
    }
    svg.text(left, 62.0, "12", FAINT, "start", "whiskers: slowest and fastest round");
    let mut left = CPU.0;
    for (colour, text) in [(CLIENT, "client"), (DATABASE, "database"), (BROKER, "broker")] {
        left = key(svg, left, colour, text);
    }
}

fn key(svg: &mut Svg, left: f64, colour: &str, text: &str) -> f64 {
    svg.rect(left, 52.0, 12.0, 12.0, colour);
    svg.text(left + 17.0, 62.0, "12", INK, "start", text);
    left + 17.0 + text.len() as f64 * 6.6 + 16.0
}

fn panel(svg: &mut Svg, results: &Results, top: f64) {
    let bottom = top + PANEL_HEAD + results.compared().count() as f64 * LINE;
    svg.line(24.0, top, WIDTH - 24.0, top, GRID);
    svg.text(24.0, top + 30.0, "bold 15", INK, "start", &results.title());
    let what = format!("messages/s, {} queues; × the best per message by hand", results.queue_kind.as_str());
    svg.text(BARS.0, top + 30.0, "12", FAINT, "start", &what);
    svg.text(CPU.0, top + 30.0, "12", FAINT, "start", "CPU time per message, µs");

    let rates = Scale::new(BARS, highest(results, rate_of));
    let times = Scale::new(CPU, highest(results, cpu_of));
    for scale in [&rates, &times] {
        for tick in scale.ticks() {
            let x = scale.at(tick);
            svg.line(x, top + PANEL_HEAD - 6.0, x, bottom, GRID);
            svg.text(x, top + PANEL_HEAD - 11.0, "10", FAINT, "middle", &thousands(tick));
        }
    }
    for (at, figure) in results.compared().enumerate() {
        let middle = top + PANEL_HEAD + (at as f64 + 0.5) * LINE;
        let weight = if figure.side == Side::Ours { "bold 12" } else { "12" };
        svg.text(BARS.0 - 10.0, middle + 4.0, weight, INK, "end", &figure.name);
        rate_bar(svg, results, figure, &rates, middle);
        cpu_bar(svg, figure, &times, middle);
    }
}

/// The longest bar that is drawn whole: a ceiling may be higher, and is cut.
fn highest(results: &Results, of: fn(&Figure) -> f64) -> f64 {
    let whole = results.compared().filter(|figure| figure.side != Side::Ceiling);
    let highest = whole.map(of).fold(0.0, f64::max);
    let any = || results.compared().map(of).fold(0.0, f64::max);
    if highest > 0.0 { highest } else { any().max(1.0) }
}

fn rate_of(figure: &Figure) -> f64 {
    figure.rate().map_or(0.0, |rate| rate.max)
}

fn cpu_of(figure: &Figure) -> f64 {
    parts(figure).iter().map(|(_, us)| us).sum()
}

fn parts(figure: &Figure) -> [(&'static str, f64); 3] {
    let median = |part: fn(&crate::results::Sample) -> Option<f64>| figure.median(part).unwrap_or(0.0);
    [
        (CLIENT, median(|sample| Some(sample.client_us))),
        (DATABASE, median(|sample| sample.database_us)),
        (BROKER, median(|sample| sample.broker_us)),
    ]
}

fn rate_bar(svg: &mut Svg, results: &Results, figure: &Figure, scale: &Scale, middle: f64) {
    let Some(rate) = figure.rate() else { return };
    let colour = match figure.side {
        Side::Ours => OURS,
        Side::ByHand | Side::Baseline => BY_HAND,
        Side::Ceiling => CEILING,
    };
    let (length, cut) = scale.length(rate.median);
    svg.rect(BARS.0, middle - BAR / 2.0, length, BAR, colour);
    let mut end = BARS.0 + length;
    if cut {
        svg.cut(end - 12.0, middle, BAR);
    } else {
        let (low, high) = (scale.at(rate.min), scale.at(rate.max));
        svg.line(low, middle, high, middle, INK);
        svg.line(low, middle - 3.0, low, middle + 3.0, INK);
        svg.line(high, middle - 3.0, high, middle + 3.0, INK);
        end = end.max(high);
    }
    let compared = results.baseline().and_then(|baseline| figure.ratio(baseline)).map(ratio);
    let compared = compared.map_or_else(String::new, |ratio| format!("  {ratio}×"));
    svg.text(end + 6.0, middle + 4.0, "12", INK, "start", &format!("{}{compared}", thousands(rate.median)));
}

fn cpu_bar(svg: &mut Svg, figure: &Figure, scale: &Scale, middle: f64) {
    let mut left = CPU.0;
    for (colour, us) in parts(figure) {
        let (length, _) = scale.length(us);
        svg.rect(left, middle - BAR / 2.0, length, BAR, colour);
        left += length;
    }
    let total = cpu_of(figure);
    if total > 0.0 {
        svg.text(left + 5.0, middle + 4.0, "11", FAINT, "start", &thousands(total));
    }
}

/// From values to places.
struct Scale {
    left: f64,
    width: f64,
    highest: f64,
}

impl Scale {
    fn new((left, width): (f64, f64), highest: f64) -> Self {
        Self { left, width, highest }
    }

    fn at(&self, value: f64) -> f64 {
        self.left + value / self.highest * self.width
    }

    /// How long a bar is, and whether it was cut.
    fn length(&self, value: f64) -> (f64, bool) {
        let cut = value > self.highest;
        (if cut { self.width } else { value / self.highest * self.width }, cut)
    }

    /// Four or five round numbers.
    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let rough = self.highest / 4.0;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power);
        let step = step.into_iter().find(|step| *step >= rough * 0.9).unwrap_or(rough);
        let highest = self.highest;
        (0..).map(move |at| f64::from(at) * step).take_while(move |tick| *tick <= highest)
    }
}

/// Shapes as text.
struct Svg {
    text: String,
}

impl Svg {
    fn new(width: f64, height: f64) -> Self {
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" font-family=\"system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#ffffff\"/>\n"
        );
        Self { text }
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str) {
        self.add(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" fill=\"{fill}\"/>"
        ));
    }

    fn line(&mut self, x1: f64, y1: f64, x2: f64, y2: f64, stroke: &str) {
        self.add(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\"/>"
        ));
    }

    /// Two white strokes through a bar that is longer than there is room.
    fn cut(&mut self, x: f64, middle: f64, height: f64) {
        for x in [x, x + 5.0] {
            let (top, bottom) = (middle - height / 2.0 - 1.0, middle + height / 2.0 + 1.0);
            self.add(format_args!(
                "<line x1=\"{:.1}\" y1=\"{top:.1}\" x2=\"{:.1}\" y2=\"{bottom:.1}\" stroke=\"#ffffff\" \
                 stroke-width=\"2\"/>",
                x + 3.0,
                x - 1.0
            ));
        }
    }

    /// `font` is a size, with `bold ` before it or not.
    fn text(&mut self, x: f64, y: f64, font: &str, fill: &str, anchor: &str, text: &str) {
        let (weight, size) = font.strip_prefix("bold ").map_or(("400", font), |size| ("600", size));
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" font-weight=\"{weight}\" fill=\"{fill}\" \
             text-anchor=\"{anchor}\" xml:space=\"preserve\">{text}</text>"
        ));
    }

    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a `String` cannot fail.
        let _ = writeln!(self.text, "{shape}");
    }

    fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_few_and_round() {
        let ticks = |highest| Scale::new(BARS, highest).ticks().collect::<Vec<_>>();
        assert_eq!(ticks(10_000.0), [0.0, 5_000.0, 10_000.0]);
        assert_eq!(ticks(430.0), [0.0, 100.0, 200.0, 300.0, 400.0]);
    }

    #[test]
    fn a_ceiling_that_is_too_high_is_cut() {
        let scale = Scale::new(BARS, 100.0);
        assert_eq!(scale.length(50.0), (BARS.1 / 2.0, false));
        assert_eq!(scale.length(1_000.0), (BARS.1, true));
    }

    #[test]
    fn text_is_escaped() {
        let mut svg = Svg::new(1.0, 1.0);
        svg.text(0.0, 0.0, "bold 9", INK, "start", "a < b & c");
        assert!(svg.finish().contains("font-weight=\"600\" fill=\"#1f2328\" text-anchor=\"start\" xml:space=\"preserve\">a &lt; b &amp; c<"));
    }
}
