//! `make chaos`: all scenarios, one after the other, on a devnet; bounded in time; a table at the end.
#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, Instant},
};

use eyre::{OptionExt, WrapErr, bail};
use icc_devnet::{Devnet, DevnetOptions};
use icc_testkit::{
    chaos::{self, Outcome, Scale, Scenario, Settings},
    load::Load,
};
use tokio::time::sleep;

const HELP: &str = "\
usage: chaos [--minutes N] [--seed N] [--short] [--folder DIR] [--list] [SCENARIO…]

  --minutes N   ends by itself after about so long; what was not run by then fails the run (default 25)
  --seed N      of all that is random; printed, so that a failure can be run again
  --short       few faults of each kind, as `make test` does
  --folder DIR  where a failed scenario leaves its logs (default: a new folder under the system's temporary one)
  --list        what there is

The icc binary is taken from ICC_BINARY, or found beside this one.";

/// Longest that one scenario may take.
const SCENARIO: Duration = Duration::from_secs(600);
/// For what was sent to arrive, on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(300);

struct Arguments {
    minutes: u64,
    seed: u64,
    scale: Scale,
    folder: PathBuf,
    list: bool,
    names: Vec<String>,
}

fn arguments() -> eyre::Result<Arguments> {
    let seed = rand::random::<u32>().into();
    let folder = std::env::temp_dir().join(format!("icc-chaos-{}", std::process::id()));
    let mut parsed =
        Arguments { minutes: 25, seed, scale: Scale::Full, folder, list: false, names: Vec::new() };
    let mut given = std::env::args().skip(1);
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or_else(|| eyre::eyre!("{argument} needs a value\n\n{HELP}"));
        match argument.as_str() {
            "--minutes" => parsed.minutes = value()?.parse().wrap_err("--minutes: not a number")?,
            "--seed" => parsed.seed = value()?.parse().wrap_err("--seed: not a number")?,
            "--folder" => parsed.folder = value()?.into(),
            "--short" => parsed.scale = Scale::Short,
            "--list" => parsed.list = true,
            "--help" | "-h" => bail!("{HELP}"),
            name if !name.starts_with('-') => parsed.names.push(name.to_owned()),
            other => bail!("{other} is not known\n\n{HELP}"),
        }
    }
    Ok(parsed)
}

/// The `icc` binary of the same build.
fn icc() -> eyre::Result<PathBuf> {
    if let Some(path) = std::env::var_os("ICC_BINARY") {
        return Ok(path.into());
    }
    let own = std::env::current_exe()?;
    let built = own.ancestors().skip(1).take(2).map(|folder| folder.join("icc")).find(|path| path.is_file());
    built.ok_or_eyre("there is no icc binary beside this one; run `make build`")
}

fn chosen(names: &[String]) -> eyre::Result<Vec<Box<dyn Scenario>>> {
    let all = chaos::all();
    for name in names {
        if !all.iter().any(|scenario| scenario.name() == name) {
            let known: Vec<&str> = all.iter().map(|scenario| scenario.name()).collect();
            bail!("there is no scenario {name:?}; there are: {}", known.join(", "));
        }
    }
    let wanted =
        |scenario: &dyn Scenario| names.is_empty() || names.iter().any(|name| name == scenario.name());
    Ok(all.into_iter().filter(|scenario| wanted(scenario.as_ref())).collect())
}

#[tokio::main]
async fn main() -> ExitCode {
    // Ended early, it still ends what it started, and unmounts what it mounted.
    let outcome = tokio::select! {
        outcome = run() => outcome,
        _ = tokio::signal::ctrl_c() => Err(eyre::eyre!("interrupted")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> eyre::Result<bool> {
    let arguments = arguments()?;
    let scenarios = chosen(&arguments.names)?;
    if arguments.list {
        for scenario in &scenarios {
            println!("{:<22} {}", scenario.name(), scenario.what());
        }
        return Ok(true);
    }
    let ends = Instant::now() + Duration::from_secs(60 * arguments.minutes);
    println!("seed {}; logs of what fails stay in {}", arguments.seed, arguments.folder.display());
    let icc = icc()?;
    let mut bench = Bench { icc: icc.clone(), folder: arguments.folder.clone(), devnets: 0, running: None };
    let mut rows = Vec::new();
    for scenario in &scenarios {
        let left = ends.saturating_duration_since(Instant::now());
        let row = if let Some(reason) = scenario.skip() {
            Row::Skipped(scenario.name(), reason)
        } else if left < Duration::from_secs(60) {
            Row::NoTime(scenario.name())
        } else {
            // Room for the audit as well.
            let limit = SCENARIO.min(left.saturating_sub(Duration::from_secs(30)));
            let (scale, seed) = (arguments.scale, arguments.seed);
            let settings = Settings { icc: &icc, scale, seed, limit, patience: PATIENCE };
            Row::Ran(bench.run(scenario.as_ref(), settings).await?)
        };
        println!("{}", row.text());
        rows.push(row);
    }
    println!("\n{}", Row::HEADER);
    for row in &rows {
        println!("{}", row.text());
    }
    let good = rows.iter().all(Row::is_good);
    println!("\nseed {}: {}", arguments.seed, if good { "all held" } else { "NOT all held" });
    if good {
        let _ = std::fs::remove_dir(&arguments.folder);
    }
    Ok(good)
}

/// A devnet that is replaced after a failure, whose files then stay.
struct Bench {
    icc: PathBuf,
    folder: PathBuf,
    devnets: usize,
    running: Option<(Devnet, Load)>,
}

impl Bench {
    async fn run(&mut self, scenario: &dyn Scenario, settings: Settings<'_>) -> eyre::Result<Outcome> {
        let (mut devnet, load) = match self.running.take() {
            Some(running) => running,
            None => self.start().await?,
        };
        let outcome = chaos::run(scenario, &mut devnet, &load, settings).await;
        if outcome.result.is_ok() {
            self.running = Some((devnet, load));
            if scenario.spoils() {
                self.throw_away();
            }
        }
        Ok(outcome)
    }

    async fn start(&mut self) -> eyre::Result<(Devnet, Load)> {
        self.devnets += 1;
        let mut options = DevnetOptions::new(self.icc.clone());
        for (chain, milliseconds) in options.chains.iter_mut().zip([300, 500, 200]) {
            chain.block_time = Duration::from_millis(milliseconds);
        }
        options.folder = Some(self.folder.join(format!("devnet-{}", self.devnets)));
        let devnet = Devnet::start(&options, |_| {}).await.wrap_err("the devnet does not start")?;
        // The first blocks: lanes are indexed, validators follow.
        sleep(Duration::from_secs(1)).await;
        let load = Load::prepare(&devnet).await.wrap_err("the load's tokens")?;
        Ok((devnet, load))
    }
}

impl Bench {
    /// What a devnet without a failure leaves is of no use.
    fn throw_away(&mut self) {
        if let Some((devnet, _)) = self.running.take() {
            let folder = devnet.folder().to_owned();
            drop(devnet);
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.throw_away();
    }
}

enum Row {
    Ran(Outcome),
    Skipped(&'static str, String),
    NoTime(&'static str),
}

impl Row {
    const HEADER: &str = "scenario                faults  transfers  seconds  outcome";

    fn is_good(&self) -> bool {
        match self {
            Self::Ran(outcome) => outcome.result.is_ok(),
            Self::Skipped(..) => true,
            Self::NoTime(_) => false,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Ran(o) => {
                let result = match &o.result {
                    Ok(()) => "held".to_owned(),
                    Err(error) => format!("FAILED: {error:#}"),
                };
                let seconds = o.took.as_secs();
                format!("{:<22} {:>7} {:>10} {seconds:>8}  {result}", o.name, o.faults, o.transfers)
            }
            Self::Skipped(name, reason) => {
                format!("{name:<22} {:>7} {:>10} {:>8}  skipped: {reason}", "-", "-", "-")
            }
            Self::NoTime(name) => {
                format!(
                    "{name:<22} {:>7} {:>10} {:>8}  NOT RUN: the time was over; give --minutes more",
                    "-", "-", "-"
                )
            }
        }
    }
}
