//! ponder, an indexer that many projects use, on the project in `bench/ponder`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use eyre::{OptionExt, bail, ensure};
use icc_devnet::Devnet;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    process::{Child, Command},
    time::sleep,
};

use super::backfill::{BackfillOptions, BackfillRun, Meter};

const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How often the one node is listed; see `bench/ponder/ponder.config.ts`.
const ENDPOINTS: u32 = 100;

/// Indexes chain 0 into the devnet's database, which must be empty.
pub(crate) async fn run(devnet: &Devnet, options: &BackfillOptions) -> eyre::Result<BackfillRun> {
    let project = project()?;
    let program = project.join("node_modules/ponder/dist/esm/bin/ponder.js");
    ensure!(program.is_file(), "ponder is not installed; run `npm ci` in {}", project.display());
    let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
    let contracts = &devnet.contracts[0];
    let log_file = devnet.folder().join("ponder.log");
    let log = std::fs::File::create(&log_file)?;
    let mut meter = Meter::start(devnet);
    let mut child = Command::new("node")
        .arg(program)
        .args(["start", "--schema", "ponder", "--hostname", "127.0.0.1", "--log-format", "json"])
        .args(["--port", &port.to_string()])
        .current_dir(&project)
        .env("PONDER_TELEMETRY_DISABLED", "true")
        .env("DATABASE_URL", devnet.postgres.url())
        .env("ICC_RPC_URL", devnet.chains[0].url().as_str())
        .env("ICC_ENDPOINTS", ENDPOINTS.to_string())
        .env("ICC_CHAIN_ID", devnet.configs[0].id.to_string())
        .env("ICC_GATEWAY", contracts.gateway.to_string())
        .env("ICC_TOKEN_BRIDGE", contracts.token_bridge.to_string())
        .env("ICC_START_BLOCK", contracts.start_block.unwrap_or(0).to_string())
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).no_proxy().build()?;
    let base = format!("http://127.0.0.1:{port}");
    wait_ready(&mut child, &client, &base, options.patience).await?;
    let mut run = meter.stop(child.id(), devnet);
    run.by_own_clock = own_clock(&std::fs::read_to_string(&log_file)?);
    let stored = stored_messages(&client, &base).await?;
    child.kill().await?;
    ensure!(stored == options.messages, "ponder has stored {stored} messages of {}", options.messages);
    Ok(run)
}

fn project() -> eyre::Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/ponder").canonicalize()?)
}

/// Until its backfill is complete, by its own word.
async fn wait_ready(
    child: &mut Child,
    client: &reqwest::Client,
    base: &str,
    patience: Duration,
) -> eyre::Result<()> {
    let began = Instant::now();
    while began.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            bail!("ponder ended with {status}; see ponder.log in the devnet's folder");
        }
        // Nobody listens at first.
        if let Ok(answer) = client.get(format!("{base}/ready")).send().await
            && answer.status().is_success()
        {
            return Ok(());
        }
        sleep(LOOK_AGAIN).await;
    }
    bail!("ponder is not ready after {patience:?}; see ponder.log in the devnet's folder")
}

async fn stored_messages(client: &reqwest::Client, base: &str) -> eyre::Result<u64> {
    let query = json!({"query": "{ messages(limit: 1) { totalCount } }"});
    let answer: Value =
        client.post(format!("{base}/graphql")).json(&query).send().await?.error_for_status()?.json().await?;
    answer["data"]["messages"]["totalCount"].as_u64().ok_or_eyre(format!("no count in {answer}"))
}

/// How long its backfill took by its own word, which leaves out its start-up and the making of indexes at the end.
fn own_clock(log: &str) -> Option<Duration> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut told = lines.filter(|line| line["msg"] == "Completed backfill indexing across all chains");
    let milliseconds = told.next()?["duration"].as_f64()?;
    Duration::try_from_secs_f64(milliseconds / 1000.0).ok()
}
