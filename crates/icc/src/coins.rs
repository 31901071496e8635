//! What coins are worth, by the configuration: a table, a file, or a program's output.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use async_trait::async_trait;
use eyre::OptionExt;
use icc_chain::GasPrice;
use icc_chain_evm::Account;
use icc_protocol::{ChainId, CoinPrices, OVERHEAD_GAS, target_price};
use icc_relay::CoinFeed;
use icc_service::config::Config;
use tokio::{fs, process::Command, time::timeout};

/// A file that nobody has written for this long says nothing about the present.
const MAX_AGE: Duration = Duration::from_secs(6 * 3600);
/// Longest that the program may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of a file or an output.
const MAX_BYTES: usize = 64 * 1024;
/// Prices are kept as integers of a millionth of the unit.
const SCALE: f64 = 1e6;

/// Worths of coins, in millionths of a common unit.
pub(crate) type Worths = HashMap<ChainId, u64>;

enum Source {
    Table(BTreeMap<String, f64>),
    File(PathBuf),
    Program(Vec<String>),
}

/// Reads what coins are worth.
pub(crate) struct Coins {
    source: Source,
    chains: BTreeMap<String, ChainId>,
}

impl Coins {
    /// By the configuration; `None` if it names no source.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let fees = &config.fees;
        let source = if !fees.coin_prices.is_empty() {
            Source::Table(fees.coin_prices.clone())
        } else if let Some(file) = &fees.coin_prices_file {
            Source::File(file.into())
        } else if !fees.coin_prices_command.is_empty() {
            Source::Program(fees.coin_prices_command.clone())
        } else {
            return None;
        };
        let chains = config.chains.iter().map(|(name, chain)| (name.clone(), ChainId(chain.id))).collect();
        Some(Self { source, chains })
    }

    /// The present worths.
    pub(crate) async fn read(&self) -> Result<Worths, String> {
        let table = match &self.source {
            Source::Table(table) => table.clone(),
            Source::File(file) => parse(&read_file(file).await?)?,
            Source::Program(command) => parse(&run(command).await?)?,
        };
        self.worths(&table)
    }

    fn worths(&self, table: &BTreeMap<String, f64>) -> Result<Worths, String> {
        let mut worths = HashMap::new();
        for (name, price) in table {
            let Some(chain) = self.chains.get(name) else { continue };
            let scaled = price * SCALE;
            if !(1.0..1e18).contains(&scaled) {
                return Err(format!("the price of {name}'s coin, {price}, is no usable number"));
            }
            // In range, as just checked.
            worths.insert(*chain, scaled as u64);
        }
        Ok(worths)
    }
}

#[async_trait]
impl CoinFeed for Coins {
    async fn coin_prices(&self) -> Result<Worths, String> {
        self.read().await
    }
}

async fn read_file(file: &PathBuf) -> Result<String, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let metadata = fs::metadata(file).await.map_err(|error| told(&error))?;
    let age = metadata.modified().ok().and_then(|time| time.elapsed().ok()).unwrap_or_default();
    if age > MAX_AGE {
        return Err(told(&format!("was last written {} minutes ago", age.as_secs() / 60)));
    }
    if metadata.len() > MAX_BYTES as u64 {
        return Err(told(&"is too long"));
    }
    fs::read_to_string(file).await.map_err(|error| told(&error))
}

async fn run(command: &[String]) -> Result<String, String> {
    let (program, arguments) = command.split_first().ok_or("no program")?;
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, output).await.map_err(|_| format!("{program} took too long"))?;
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status));
    }
    if output.stdout.len() > MAX_BYTES {
        return Err(format!("{program} printed too much"));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("{program} printed no text"))
}

/// Lines `name = price`; empty ones and comments (#) are passed over.
fn parse(text: &str) -> Result<BTreeMap<String, f64>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let bad = || format!("coin prices: {line:.60?} is not `name = price`");
            let (name, price) = line.split_once('=').ok_or_else(bad)?;
            Ok((name.trim().to_owned(), price.trim().parse().map_err(|_| bad())?))
        })
        .collect()
}

/// What gas is first taken to cost, in wei: the same in every run, so that what waits in the timelock stays the same.
/// The updater moves it to what gas does cost, by a quarter a minute.
const FIRST_GAS_COST: u128 = 1_000_000_000;
/// Of worths, this many bits are kept for the first price: small moves between two runs must not change it.
const FIRST_WORTH_BITS: u32 = 1;

/// What a gateway first asks for gas at another chain.
pub(crate) fn initial_price(
    config: &Config,
    worths: &Worths,
    here: &Account,
    there: &Account,
) -> eyre::Result<GasPrice> {
    let worth = |account: &Account| {
        let name = &account.chain().name;
        let found = worths.get(&account.chain().id).copied();
        found.map(rough).ok_or_eyre(format!("fees: there is no price for the coin of {name}"))
    };
    let coins = CoinPrices { source: worth(here)?, destination: worth(there)? };
    let price = target_price(FIRST_GAS_COST, coins, config.fees.margin_percent);
    let price = price.ok_or_eyre("fees: a coin without a price")?;
    Ok(GasPrice { price, overhead_gas: OVERHEAD_GAS, set_at: 0 })
}

/// A number's highest bits.
fn rough(worth: u64) -> u64 {
    let kept = u64::BITS.saturating_sub(worth.leading_zeros()).saturating_sub(FIRST_WORTH_BITS);
    (worth >> kept) << kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_errors_name_them() {
        let table = parse("# today\n alpha = 2500.5\n\nbeta=1\n").unwrap();
        assert_eq!(table["alpha"], 2500.5);
        assert_eq!(table["beta"], 1.0);
        assert!(parse("alpha 1").unwrap_err().contains("alpha 1"));
        assert!(parse("alpha = x").is_err());
    }

    #[test]
    fn unusable_prices_are_refused() {
        let chains = BTreeMap::from([("alpha".to_owned(), ChainId(1))]);
        let coins = Coins { source: Source::Table(BTreeMap::new()), chains };
        for price in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert!(coins.worths(&BTreeMap::from([("alpha".to_owned(), price)])).is_err(), "{price}");
        }
        let worths = coins.worths(&BTreeMap::from([("alpha".to_owned(), 1.5), ("zeta".to_owned(), 1.0)]));
        assert_eq!(worths.unwrap(), HashMap::from([(ChainId(1), 1_500_000)]));
    }

    #[tokio::test]
    async fn a_program_is_asked_and_its_failure_told() {
        let sh = |script: &str| vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()];
        assert_eq!(run(&sh("echo alpha = 2")).await.unwrap(), "alpha = 2\n");
        assert!(run(&sh("exit 3")).await.unwrap_err().contains("ended with"));
    }
}
