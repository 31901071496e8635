//! Each figure: measured, told, and written into the page.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use icc_devnet::DevnetOptions;

use super::{
    BackfillOptions, Latency, Shape, Spread, Trial, backfill, flood,
    latency::latency,
    memory,
    plot::{Curve, Words, draw},
    report::{conditions, write_section},
    rig::{self, Rig},
    scaling, throughput,
};

/// Rates tried, in transfers per second: many deposits in a transaction, and one.
const RATES_MANY: [f64; 7] = [300.0, 600.0, 1000.0, 1500.0, 2000.0, 2500.0, 3000.0];
const RATES_ONE: [f64; 7] = [100.0, 200.0, 400.0, 600.0, 800.0, 1000.0, 1200.0];
/// Deposits of a latency run.
const DEPOSITS: usize = 60;
/// Transfers per second while memory is watched.
const STEADY: usize = 20;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Figure {
    /// Final head to signature and to delivery.
    Latency,
    /// Transfers per second.
    Throughput,
    /// With chains and validators.
    Scaling,
    /// Resident memory over half an hour.
    Memory,
    /// Events per second, against ponder.
    Backfill,
    /// What a flood of false attestations costs.
    Flood,
}

/// How to measure.
#[derive(Debug, Clone)]
pub struct Figures {
    /// The `icc` binary, a release build.
    pub icc: PathBuf,
    /// Runs of each; medians count.
    pub runs: usize,
    /// How long memory is watched.
    pub memory_for: Duration,
    /// `docs`: `performance.md` and its plots are written there; nothing is written if not given.
    pub docs: Option<PathBuf>,
}

impl Figures {
    /// Measures a figure, and tells it as a Markdown section.
    ///
    /// # Errors
    /// Whatever keeps it from being measured.
    pub async fn measure(&self, figure: Figure) -> eyre::Result<String> {
        let text = match figure {
            Figure::Latency => self.latency().await?,
            Figure::Throughput => self.throughput().await?,
            Figure::Scaling => self.scaling().await?,
            Figure::Memory => self.memory().await?,
            Figure::Backfill => self.backfill().await?,
            Figure::Flood => self.flood().await?,
        };
        let name = format!("{figure:?}").to_lowercase();
        let text = format!("{text}\n{}", conditions());
        if let Some(docs) = &self.docs {
            write_section(&docs.join("performance.md"), &name, &text)?;
        }
        Ok(text)
    }

    fn plot(&self, name: &str, words: &Words<'_>, curves: &[Curve]) -> eyre::Result<()> {
        let Some(docs) = &self.docs else { return Ok(()) };
        let folder = docs.join("plots");
        std::fs::create_dir_all(&folder)?;
        draw(&folder.join(format!("{name}.svg")), words, curves)
    }

    fn base(&self) -> DevnetOptions {
        DevnetOptions::new(self.icc.clone())
    }

    async fn latency(&self) -> eyre::Result<String> {
        let mut rig = Rig::start(&rig::options(&self.base(), 3, Duration::from_secs(1)), 2).await?;
        let mut runs: Vec<Latency> = Vec::new();
        for run in 0..self.runs {
            tell(&format!("latency: run {} of {}", run + 1, self.runs));
            runs.push(latency(&mut rig, DEPOSITS).await?);
        }
        rig.audit().await?;
        let over = |of: &dyn Fn(&Latency) -> f64| Spread::of(&runs.iter().map(of).collect::<Vec<_>>());
        let share = |of: &dyn Fn(&Latency) -> usize| {
            over(&|run: &Latency| 100.0 * of(run) as f64 / run.deliveries.max(1) as f64)
        };
        let mut text = format!(
            "{} runs of {DEPOSITS} deposits, one after the other; 3 chains with a block each second (final after 2 more), 4 validators, 2 cores.\n\n\
             | | median (least to most of the runs) | aim |\n|---|---:|---:|\n",
            self.runs
        );
        let rows = [
            ("final head received → checkpoint signed, p50, ms", over(&|run| run.quantiles()[0]), "10"),
            ("the same, p99, ms", over(&|run| run.quantiles()[1]), ""),
            (
                "final head received → delivery accepted by the destination's node, p50, ms",
                over(&|run| run.quantiles()[2]),
                "100",
            ),
            ("the same, p99, ms", over(&|run| run.quantiles()[3]), ""),
            (
                "deliveries in the destination's next block after acceptance, %",
                share(&|run| run.next_after_accepted),
                "99",
            ),
            (
                "deliveries in the destination's next block after the final head was received, %",
                share(&|run| run.next_after_final),
                "",
            ),
            (
                "deposit in a block → delivered, finality included, p50, ms",
                over(&|run| super::stats::quantile(&run.whole_ms, 0.5)),
                "",
            ),
        ];
        for (what, spread, aim) in rows {
            writeln!(text, "| {what} | {spread} | {aim} |")?;
        }
        Ok(text)
    }

    async fn throughput(&self) -> eyre::Result<String> {
        let mut text = format!(
            "A rate counts if it goes on for 60 s, everything is delivered within 10 s after, and supply = held = escrow. 3 chains with a block each second, 6 lanes, 4 validators, 2 cores, at most 2,000 holders; {} runs of the highest rate that passed.\n\n\
             | deposits | transfers a second | sent in, s | delivered after, s | CPU s per 1,000: bridge, all | |\n|---|---:|---:|---:|---:|---|\n",
            self.runs
        );
        let mut highest =
            "\n| deposits | highest rate that goes on | must | aim |\n|---|---:|---:|---:|\n".to_owned();
        let mut curves = Vec::new();
        for (shape, rates, name, must, aim) in [
            (Shape::Many, &RATES_MANY[..], "many in a transaction", "300", "1000"),
            (Shape::One, &RATES_ONE[..], "one in a transaction", "", "200"),
        ] {
            let trials = self.climb(shape, rates).await?;
            for Trial { offered, sending, settling, cpu, sustained, .. } in &trials {
                let verdict = if *sustained { "goes on" } else { "does not" };
                writeln!(
                    text,
                    "| {name} | {offered:.0} | {sending:.0} | {settling:.1} | {:.2}, {:.2} | {verdict} |",
                    cpu.0, cpu.1
                )?;
            }
            writeln!(highest, "| {name} | {:.0} | {must} | {aim} |", throughput::highest(&trials))?;
            let points = trials.iter().map(|trial| (trial.offered, trial.settling)).collect();
            curves.push(Curve { name: name.to_owned(), points });
        }
        let words = Words {
            title: "Until all is delivered, after a minute of a rate",
            x: "transfers a second",
            y: "seconds",
        };
        self.plot("throughput", &words, &curves)?;
        Ok(text + &highest)
    }

    /// Rates from low to high until two in a row do not go on; then the highest that did, again.
    async fn climb(&self, shape: Shape, rates: &[f64]) -> eyre::Result<Vec<Trial>> {
        let mut trials: Vec<Trial> = Vec::new();
        let options = rig::options(&self.base(), 3, Duration::from_secs(1));
        let mut failed = 0;
        for rate in rates {
            let mut rig = Rig::start(&options, 2).await?;
            let trial = throughput::trial(&mut rig, *rate, shape).await?;
            tell(&format!("throughput: {shape:?} {}", describe(&trial)));
            failed = if trial.sustained { 0 } else { failed + 1 };
            trials.push(trial);
            if failed == 2 {
                break;
            }
        }
        let best = throughput::highest(&trials);
        for _ in 1..if best > 0.0 { self.runs } else { 0 } {
            let mut rig = Rig::start(&options, 2).await?;
            let again = throughput::trial(&mut rig, best, shape).await?;
            tell(&format!("throughput: {shape:?} again {}", describe(&again)));
            trials.push(again);
        }
        Ok(trials)
    }

    async fn scaling(&self) -> eyre::Result<String> {
        let mut text = format!(
            "{} runs each, on new devnets; deposits one after the other from each chain to the next. Delays in ms: p50 of a run, median (least to most) of the runs.\n\n\
             | chains | validators | a block each, s | head → signed | head → accepted | CPU s/s idle: bridge, all | CPU s per transfer: bridge, all |\n|---:|---:|---:|---:|---:|---:|---:|\n",
            self.runs
        );
        let (mut by_chains, mut by_validators) = (Vec::new(), Vec::new());
        for (chains, validators, seconds) in scaling::sizes() {
            let mut runs = Vec::new();
            for _ in 0..self.runs {
                tell(&format!("scaling: {chains} chains, {validators} validators, a block each {seconds} s"));
                runs.push(scaling::size(&self.base(), (chains, validators, seconds)).await?);
            }
            let over =
                |of: &dyn Fn(&scaling::SizeRun) -> f64| Spread::of(&runs.iter().map(of).collect::<Vec<_>>());
            let (signed, accepted) =
                (over(&|run| run.latency.quantiles()[0]), over(&|run| run.latency.quantiles()[2]));
            writeln!(
                text,
                "| {chains} | {validators} | {seconds} | {signed} | {accepted} | {:.2}, {:.2} | {:.3}, {:.3} |",
                over(&|run| run.idle.0).median,
                over(&|run| run.idle.1).median,
                over(&|run| run.per_transfer.0).median,
                over(&|run| run.per_transfer.1).median,
            )?;
            if validators == 4 && seconds == 1 {
                by_chains.push((chains as f64, accepted.median));
            }
            if chains == 3 {
                by_validators.push((validators as f64, accepted.median));
            }
        }
        let curves = [
            Curve { name: "chains (4 validators)".to_owned(), points: by_chains },
            Curve { name: "validators (3 chains)".to_owned(), points: by_validators },
        ];
        let words = Words { title: "Final head → delivery accepted, p50", x: "number", y: "ms" };
        self.plot("scaling", &words, &curves)?;
        Ok(text)
    }

    async fn memory(&self) -> eyre::Result<String> {
        let mut rig = Rig::start(&rig::options(&self.base(), 3, Duration::from_secs(1)), 2).await?;
        tell(&format!("memory: for {:?}", self.memory_for));
        let lines = memory::memory(&mut rig, STEADY, self.memory_for).await?;
        rig.audit().await?;
        let mut text = format!(
            "{} minutes at {STEADY} transfers a second on 6 lanes; slope from the sixth minute on.\n\n\
             | process | resident at the end, MB | most, MB | slope, MB an hour | aim, MB |\n|---|---:|---:|---:|---:|\n",
            self.memory_for.as_secs() / 60
        );
        for line in &lines {
            let aim = match line.name.split('-').next() {
                Some("validator") => "80, flat",
                Some("core") => "150, flat",
                _ => "",
            };
            writeln!(
                text,
                "| {} | {:.1} | {:.1} | {:+.1} | {aim} |",
                line.name, line.last_mb, line.most_mb, line.slope_mb_per_hour
            )?;
        }
        let curves: Vec<Curve> =
            lines.into_iter().map(|line| Curve { name: line.name, points: line.samples }).collect();
        let words = Words { title: "Resident memory under load", x: "minutes", y: "MB" };
        self.plot("memory", &words, &curves)?;
        Ok(text)
    }

    /// With and without in turn, so that whatever else changes on the machine changes for both.
    async fn flood(&self) -> eyre::Result<String> {
        let (mut calm, mut flooded) = (Vec::new(), Vec::new());
        for run in 0..self.runs {
            for (is_flooded, runs) in [(false, &mut calm), (true, &mut flooded)] {
                let done = flood::run(&self.base(), is_flooded).await?;
                tell(&format!("flood: run {}, {is_flooded}: {done:?}", run + 1));
                runs.push(done);
            }
        }
        let over = |runs: &[flood::Run]| Spread::of(&runs.iter().map(|run| run.rate).collect::<Vec<_>>());
        let (without, with) = (over(&calm), over(&flooded));
        let told = Spread::of(&flooded.iter().map(|run| run.told as f64).collect::<Vec<_>>());
        Ok(format!(
            "{} runs of each, in turn, each on a new devnet: 3 chains with a block each second, {} validators, 2 cores; 45,000 transfers on 6 lanes as fast as the chains take them. The flood: {} false attestations a second were offered, by a member of the set (until it is out) and by a stranger.\n\n\
             | | transfers a second, first deposit to last delivery | false attestations told |\n|---|---:|---:|\n\
             | without | {without} | 0 |\n| with the flood | {with} | {told:.0} |\n| difference of the medians | {:+.1} % (at most −10 %) | |\n",
            self.runs,
            flood::VALIDATORS,
            flood::PER_SECOND,
            100.0 * (with.median / without.median.max(f64::MIN_POSITIVE) - 1.0),
        ))
    }

    async fn backfill(&self) -> eyre::Result<String> {
        let mut options = BackfillOptions::new(self.icc.clone());
        options.runs = self.runs;
        let report = backfill(&options, tell).await?;
        Ok(report.to_string())
    }
}

fn describe(trial: &Trial) -> String {
    format!(
        "{:.0}: {} sent in {:.0} s, delivered {:.1} s after{}",
        trial.offered,
        trial.transfers,
        trial.sending,
        trial.settling,
        if trial.sustained { "" } else { " (does not go on)" }
    )
}

fn tell(step: &str) {
    eprintln!("{step}");
}

/// The repository's documents, for a command run from within it.
#[must_use]
pub fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs")
}
