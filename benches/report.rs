//! Writes `docs/benchmarks.md` and `docs/benchmarks.svg` from what the benchmarks left in `target/criterion`.
//!
//! `cargo run --release --ignore-rust-version --example report`

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use plotters::coord::Shift;
use plotters::coord::ranged1d::SegmentValue;
use plotters::prelude::*;
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

const COLOURS: [RGBColor; 6] = [
    RGBColor(27, 94, 172),
    RGBColor(222, 119, 26),
    RGBColor(46, 139, 87),
    RGBColor(120, 120, 120),
    RGBColor(150, 60, 140),
    RGBColor(180, 40, 40),
];

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let results = Results::read(&root.join("target/criterion"))?;
    let docs = root.join("docs");
    fs::create_dir_all(&docs)?;
    fs::write(docs.join("benchmarks.md"), markdown(&results)?)?;
    draw(&docs.join("benchmarks.svg"), &results)
}

/// One thing that was measured, in nanoseconds by who does it.
struct Row {
    name: String,
    by: BTreeMap<String, f64>,
}

impl Row {
    /// How many times as long as `other` takes `one`.
    fn ratio(&self, one: &str, other: &str) -> Option<f64> {
        Some(self.by.get(one)? / self.by.get(other)?)
    }
}

struct Results {
    /// Statements and calls that reach C, and the VM's own beside them, by group.
    pairs: BTreeMap<String, Vec<Row>>,
    /// C API functions: pyabi and, where measured, others.
    api: Vec<Row>,
    /// Statements and callbacks in pyabi and in others.
    elsewhere: Vec<Row>,
    /// What the others are.
    versions: BTreeMap<String, String>,
    /// Kind of crossing, then pairs alive, then nanoseconds.
    crossings: BTreeMap<String, BTreeMap<u64, f64>>,
    bytes_per_pair: BTreeMap<u64, f64>,
    /// Packages at work, by what they are bound by.
    workloads: BTreeMap<String, Vec<Row>>,
}

impl Results {
    fn read(folder: &Path) -> Result<Self> {
        let mut results = Self {
            pairs: BTreeMap::new(),
            api: Vec::new(),
            elsewhere: Vec::new(),
            versions: BTreeMap::new(),
            crossings: BTreeMap::new(),
            bytes_per_pair: BTreeMap::new(),
            workloads: BTreeMap::new(),
        };
        let mut measured = Vec::new();
        find_estimates(folder, &mut measured)?;
        measured.sort_by(|a, b| (&a.group, &a.name, &a.label).cmp(&(&b.group, &b.name, &b.label)));
        for estimate in measured {
            results.add(estimate)?;
        }
        if let Some(value) = read_json(&folder.join("bytes-per-pair.json"))? {
            for (pairs, bytes) in object(&value) {
                let bytes = bytes.as_f64().ok_or("bytes are a number")?;
                results.bytes_per_pair.insert(pairs.parse()?, bytes);
            }
        }
        if let Some(value) = read_json(&folder.join("side-by-side.json"))? {
            results.add_side_by_side(&value);
        }
        if let Some(value) = read_json(&folder.join("workloads.json"))? {
            for (name, row) in object(&value["workloads"]) {
                let kind = row["kind"].as_str().unwrap_or_default().to_owned();
                let by = object(row)
                    .filter_map(|(who, value)| Some((who.clone(), value.as_f64()?)))
                    .collect();
                let name = name.clone();
                let rows = results.workloads.entry(kind).or_default();
                rows.push(Row { name, by });
            }
        }
        Ok(results)
    }

    fn add(&mut self, estimate: Estimate) -> Result<()> {
        let Estimate {
            group,
            name,
            label,
            nanoseconds,
        } = estimate;
        if group == "crossing" {
            let pairs = label.parse()?;
            let line = self.crossings.entry(name).or_default();
            line.insert(pairs, nanoseconds);
        } else if group == "api" {
            let by = BTreeMap::from([("pyabi".to_owned(), nanoseconds)]);
            self.api.push(Row { name: label, by });
        } else {
            let (name, who) = match label.split_once(' ') {
                _ if name.is_empty() => (label, "C"),
                Some(("own", _)) => (name, "own"),
                _ => (name, "C"),
            };
            let rows = self.pairs.entry(group).or_default();
            if rows.last().is_none_or(|row| row.name != name) {
                let by = BTreeMap::new();
                rows.push(Row { name, by });
            }
            let row = rows.last_mut().ok_or("one was just pushed")?;
            row.by.insert(who.to_owned(), nanoseconds);
        }
        Ok(())
    }

    /// The API's rows are replaced: ratios come from one run.
    fn add_side_by_side(&mut self, value: &Value) {
        for (name, version) in object(&value["versions"]) {
            let version = version.as_str().unwrap_or_default();
            let version = version.split(['(', '\n']).next().unwrap_or_default();
            self.versions.insert(name.clone(), version.trim().into());
        }
        let mut api = Vec::new();
        for (key, operation) in object(&value["operations"]) {
            let by = object(operation)
                .filter_map(|(who, summary)| Some((who.clone(), summary[0].as_f64()?)))
                .collect();
            match key.strip_prefix("api/") {
                Some(name) => api.push(Row {
                    name: name.into(),
                    by,
                }),
                None => self.elsewhere.push(Row {
                    name: key.clone(),
                    by,
                }),
            }
        }
        if !api.is_empty() {
            self.api = api;
        }
    }
}

/// One of criterion's results.
struct Estimate {
    group: String,
    name: String,
    label: String,
    nanoseconds: f64,
}

fn find_estimates(folder: &Path, found: &mut Vec<Estimate>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        if path.ends_with("new") {
            let (Some(id), Some(estimates)) = (
                read_json(&path.join("benchmark.json"))?,
                read_json(&path.join("estimates.json"))?,
            ) else {
                continue;
            };
            let text = |name: &str| id[name].as_str().unwrap_or_default().to_owned();
            found.push(Estimate {
                group: text("group_id"),
                name: text("function_id"),
                label: text("value_str"),
                nanoseconds: estimates["median"]["point_estimate"]
                    .as_f64()
                    .ok_or("an estimate is a number")?,
            });
        } else {
            find_estimates(&path, found)?;
        }
    }
    Ok(())
}

/// What a JSON file says, if it exists.
fn read_json(path: &Path) -> Result<Option<Value>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(serde_json::from_str(&text)?)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

const ABOUT: &str = "\
# Benchmarks

    cargo bench --ignore-rust-version
    python3 benches/side_by_side/compare.py --cpython /path/to/python3.14
    python3 benches/side_by_side/workloads.py --cpython /path/to/python3.14 --site /folder/with/packages
    cargo run --release --ignore-rust-version --example report

The first measures what is in `benches/`; the second runs the same extension binary in pyabi and in CPython, in turn (and
recompiled in PyPy: `--pypy`); the third does so with wheels of published packages and workloads of theirs, named in the
script; the last writes this file and its picture from what the others left in `target/criterion`.

Numbers are nanoseconds of CPU time per operation, medians. A statement of Python stands ten times in the body of its loop, and
a tenth of the empty loop's round is in its number. Operations of the C API are loops in C that make, read and free.
Compare within a table: its numbers come from one run.
";

fn markdown(results: &Results) -> Result<String> {
    let mut text = ABOUT.to_owned();
    text += "\n![What the tables say](benchmarks.svg)\n";
    write_summary(&mut text, results)?;
    for (group, title) in [
        ("call", "Python calls C"),
        ("from Rust", "Rust calls C through the VM"),
        ("type", "Python uses a type made in C"),
        ("callback", "C calls Python"),
    ] {
        let Some(rows) = results.pairs.get(group) else {
            continue;
        };
        write!(text, "\n## {title}\n\nBeside each, the VM's own: ")?;
        text += "the like without C.\n\n| | C | VM's own | ratio |\n|---|--:|--:|--:|\n";
        for row in rows {
            let (c, own) = (number(row.by.get("C")), number(row.by.get("own")));
            let ratio = ratio(row.ratio("C", "own"));
            writeln!(text, "| {} | {c} | {own} | {ratio} |", cell(&row.name))?;
        }
    }
    write_crossings(&mut text, results)?;
    write_others(&mut text, "The C API", &results.api)?;
    for (kind, rows) in &results.workloads {
        write_others(&mut text, &format!("Packages at work, {kind}, ms"), rows)?;
    }
    if !results.elsewhere.is_empty() {
        let title = "Python code, side by side";
        write_others(&mut text, title, &results.elsewhere)?;
        for (name, version) in &results.versions {
            writeln!(text, "\n{name}: {version}")?;
        }
    }
    Ok(text)
}

fn write_summary(text: &mut String, results: &Results) -> Result<()> {
    text.push_str("\n## In short\n\n");
    for (group, what) in [
        ("call", "A call of C takes"),
        ("type", "An operation on a C type's instance takes"),
    ] {
        let ratios = results.pairs.get(group).into_iter().flatten();
        if let Some(mean) = geometric_mean(ratios.filter_map(|row| row.ratio("C", "own"))) {
            writeln!(text, "- {what} {mean:.1} times as long as the VM's own.")?;
        }
    }
    let ratios = results.api.iter();
    if let Some(mean) = geometric_mean(ratios.filter_map(|row| row.ratio("pyabi", "cpython"))) {
        let what = "A C API function takes";
        writeln!(text, "- {what} {mean:.1} times as long as CPython's.")?;
    }
    if let (Some(line), Some((pairs, bytes))) = (
        results.crossings.get("VM to C, the same thousand"),
        results.bytes_per_pair.last_key_value(),
    ) && let (Some((_, least)), Some((most_pairs, most))) =
        (line.first_key_value(), line.last_key_value())
    {
        let most_pairs = grouped(*most_pairs);
        writeln!(
            text,
            "- A known object comes to C in {least:.1} ns, and in {most:.1} ns with {most_pairs} pairs alive."
        )?;
        let pairs = grouped(*pairs);
        writeln!(text, "- A pair takes {bytes:.0} bytes with {pairs} alive.")?;
    }
    text.push_str("\nMeans are geometric.\n");
    Ok(())
}

fn write_crossings(text: &mut String, results: &Results) -> Result<()> {
    if results.crossings.is_empty() {
        return Ok(());
    }
    let counts: Vec<u64> = results
        .crossings
        .values()
        .next()
        .map_or_else(Vec::new, |line| line.keys().copied().collect());
    text.push_str("\n## Crossings by the number of pairs alive\n\n");
    text.push_str(
        "Objects come to C from a list's iterator, a thousand in a call, and go back to be hashed. None crosses without a \
         pair. At random, it is memory that takes the time: the last line but one touches objects without crossing.\n\n|",
    );
    for count in &counts {
        write!(text, " | {}", grouped(*count))?;
    }
    write!(text, " |\n|---{}|\n", "|--:".repeat(counts.len()))?;
    let mut line = |name: &str, values: &BTreeMap<u64, f64>, digits: usize| -> Result<()> {
        write!(text, "| {name}")?;
        for count in &counts {
            match values.get(count) {
                Some(value) => write!(text, " | {value:.digits$}")?,
                None => text.push_str(" | "),
            }
        }
        text.push_str(" |\n");
        Ok(())
    };
    let (touches, crosses): (Vec<_>, Vec<_>) = results
        .crossings
        .iter()
        .partition(|(name, _)| name.starts_with("no crossing"));
    for (name, values) in crosses.into_iter().chain(touches) {
        line(name, values, 1)?;
    }
    line("bytes per pair", &results.bytes_per_pair, 0)
}

/// A table of pyabi and whatever else was measured.
fn write_others(text: &mut String, title: &str, rows: &[Row]) -> Result<()> {
    let mut others: Vec<&str> = Vec::new();
    for who in ["cpython", "pypy"] {
        if rows.iter().any(|row| row.by.contains_key(who)) {
            others.push(who);
        }
    }
    write!(text, "\n## {title}\n\n| | pyabi")?;
    for who in &others {
        write!(text, " | {who} | ratio")?;
    }
    write!(text, " |\n|---|--:{}|\n", "|--:|--:".repeat(others.len()))?;
    for row in rows {
        let ours = number(row.by.get("pyabi"));
        write!(text, "| {} | {ours}", cell(&row.name))?;
        for who in &others {
            let theirs = number(row.by.get(*who));
            write!(text, " | {theirs} | {}", ratio(row.ratio("pyabi", who)))?;
        }
        text.push_str(" |\n");
    }
    Ok(())
}

/// The text of a table's cell, in which a bar would start the next one.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn number(value: Option<&f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.1}"))
}

fn ratio(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}

/// 1000000 as 1 000 000, with narrow spaces that do not break.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

fn geometric_mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let logarithms: Vec<f64> = values.map(f64::ln).collect();
    let count = logarithms.len() as f64;
    (count > 0.0).then(|| (logarithms.iter().sum::<f64>() / count).exp())
}

fn draw(path: &Path, results: &Results) -> Result<()> {
    let calls: Vec<&Row> = ["call", "type", "callback"]
        .iter()
        .filter_map(|group| results.pairs.get(*group))
        .flatten()
        .filter(|row| row.by.len() == 2)
        .collect();
    let api: Vec<&Row> = results.api.iter().collect();
    let height = |rows: usize| 110 + 17 * rows as u32;
    let panels = [height(calls.len()), height(api.len()), 420];
    let drawing = SVGBackend::new(path, (1000, panels.iter().sum())).into_drawing_area();
    drawing.fill(&WHITE)?;
    let (first, rest) = drawing.split_vertically(panels[0]);
    let (second, third) = rest.split_vertically(panels[1]);
    let title = "Python and C call each other, ns";
    draw_dots(
        &first,
        title,
        &calls,
        &[("C", "with C"), ("own", "the VM's own")],
    )?;
    let who = [("pyabi", "pyabi"), ("cpython", "CPython"), ("pypy", "PyPy")];
    draw_dots(&second, "The C API, ns", &api, &who)?;
    draw_crossings(&third, &results.crossings)?;
    drawing.present()?;
    Ok(())
}

/// A line per row, a dot per who, on a logarithmic axis.
fn draw_dots(area: &Area<'_>, title: &str, rows: &[&Row], who: &[(&str, &str)]) -> Result<()> {
    let values = || rows.iter().flat_map(|row| row.by.values().copied());
    if rows.is_empty() {
        return Ok(());
    }
    let least = values().fold(f64::INFINITY, f64::min) / 1.5;
    let most = values().fold(0.0, f64::max) * 1.5;
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(390)
        .build_cartesian_2d((least..most).log_scale(), (0..rows.len()).into_segmented())?;
    // The first row is on top.
    let name = |value: &SegmentValue<usize>| match value {
        SegmentValue::CenterOf(i) if *i < rows.len() => rows[rows.len() - 1 - i].name.clone(),
        _ => String::new(),
    };
    chart
        .configure_mesh()
        .light_line_style(RGBColor(240, 240, 240))
        .bold_line_style(RGBColor(220, 220, 220))
        .y_labels(rows.len())
        .y_label_formatter(&name)
        .x_label_formatter(&|value| format!("{value:.0}"))
        .label_style(("sans-serif", 14))
        .draw()?;
    for (&(key, label), colour) in who.iter().zip(COLOURS) {
        let dots = rows.iter().rev().enumerate().filter_map(|(i, row)| {
            let &value = row.by.get(key)?;
            let place = (value, SegmentValue::CenterOf(i));
            Some(Circle::new(place, 4, colour.filled()))
        });
        let series: Vec<_> = dots.collect();
        if !series.is_empty() {
            chart
                .draw_series(series)?
                .label(label)
                .legend(move |(x, y)| Circle::new((x + 10, y), 4, colour.filled()));
        }
    }
    draw_legend(&mut chart)
}

fn draw_crossings(area: &Area<'_>, crossings: &BTreeMap<String, BTreeMap<u64, f64>>) -> Result<()> {
    let points = || crossings.values().flatten();
    let Some(pairs) = points().map(|(&pairs, _)| pairs).max() else {
        return Ok(());
    };
    let most = points().map(|(_, &value)| value).fold(0.0, f64::max) * 1.1;
    let mut chart = ChartBuilder::on(area)
        .caption(
            "A crossing by the number of pairs alive, ns",
            ("sans-serif", 20),
        )
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d((1e3..pairs as f64).log_scale(), 0.0..most)?;
    chart
        .configure_mesh()
        .light_line_style(RGBColor(245, 245, 245))
        .x_label_formatter(&|value| grouped(*value as u64))
        .label_style(("sans-serif", 14))
        .draw()?;
    for ((name, line), colour) in crossings.iter().zip(COLOURS) {
        let line = line.iter().map(|(&pairs, &value)| (pairs as f64, value));
        chart
            .draw_series(LineSeries::new(line, colour.stroke_width(2)).point_size(3))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], colour.stroke_width(2)));
    }
    draw_legend(&mut chart)
}

fn draw_legend<'a, C: CoordTranslate>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, C>,
) -> Result<()> {
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(200, 200, 200))
        .label_font(("sans-serif", 14))
        .draw()?;
    Ok(())
}
