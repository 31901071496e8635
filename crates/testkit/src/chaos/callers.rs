//! What callers do to cores: too much, too long, too slow, again and again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use alloy_primitives::B256;
use async_trait::async_trait;
use eyre::{OptionExt, WrapErr, ensure};
use icc_api::CoreClient;
use icc_attest::{Attestation, AttestationBatch, MAX_BATCH};
use icc_chain_evm::bindings::{Gateway, IGateway};
use icc_devnet::Role;
use icc_protocol::{CompactSignature, LaneId};
use reqwest::{Client, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use url::Url;

use super::{Scenario, World, machine::resident_bytes};

/// More memory than this is not used for callers, however they are.
const MEMORY: u64 = 256 << 20;
/// For a transfer to arrive meanwhile.
const PATIENCE: Duration = Duration::from_secs(90);
/// Callers of each kind at once.
const FLOODERS: usize = 6;
const DRIBBLERS: usize = 300;
/// Far beyond what a core takes.
const HUGE: usize = 64 << 20;

/// All kinds of callers at once.
pub(super) struct Callers;

#[async_trait(?Send)]
impl Scenario for Callers {
    fn name(&self) -> &'static str {
        "callers"
    }

    fn what(&self) -> &'static str {
        "cores are flooded with invalid and repeated attestations, huge bodies and slow connections; transfers go on"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let until = Instant::now() + world.scaled(Duration::from_secs(10), Duration::from_secs(60));
        let (core, lane) = (world.devnet.core_urls[0].clone(), a_lane(world).await?);
        let process = world.devnet.process(Role::Core(0))?.id().ok_or_eyre("no core")?;
        let before = resident_bytes(process)?;
        let client = Client::builder().timeout(Duration::from_secs(20)).no_proxy().build()?;
        let done = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        let copied = copies(&client, &world.devnet.validator_urls, lane).await?;
        ensure!(!copied.attestations.is_empty(), "no validator serves anything of lane {lane}");
        for _ in 0..FLOODERS {
            callers.spawn(post_until(client.clone(), core.clone(), invalid(lane), until, done.clone()));
            callers.spawn(post_until(client.clone(), core.clone(), copied.clone(), until, done.clone()));
        }
        callers.spawn(huge_until(client.clone(), core.clone(), until, done.clone()));
        for number in 0..DRIBBLERS {
            callers.spawn(dribble_until(core.clone(), number, until, done.clone()));
        }
        let mut peak = before;
        let arrival = world.load.guest_deposit(0, 1, 0).await?;
        let follower = CoreClient::new(world.devnet.core_urls[1].clone())?;
        let arrives = follower.follow(arrival, PATIENCE, |_| {});
        let watches = async {
            while Instant::now() < until {
                peak = peak.max(resident_bytes(process)?);
                sleep(Duration::from_millis(250)).await;
            }
            eyre::Ok(())
        };
        let (arrived, watched) = tokio::join!(arrives, watches);
        watched?;
        arrived.wrap_err("a transfer while callers do all they can")?;
        while let Some(ended) = callers.join_next().await {
            ended?.wrap_err("a caller was not answered as it should be")?;
        }
        for _ in 0..done.load(Ordering::Relaxed) {
            world.fault();
        }
        tracing::info!(before, peak, "memory of the core");
        ensure!(peak < before + MEMORY, "the core took {} MiB for callers", (peak - before) >> 20);
        // Answers honest callers as before.
        CoreClient::new(core)?.chains().await.wrap_err("the core after the flood")?;
        Ok(())
    }
}

/// A lane with messages.
async fn a_lane(world: &World<'_>) -> eyre::Result<LaneId> {
    let (source, destination) = (&world.devnet.configs[0], &world.devnet.configs[1]);
    let outbox = world.devnet.account(0)?;
    let outbox = outbox.view(source.gateway, Gateway::outboxCall { chain: destination.id.0 }).await?;
    let remote = IGateway::Remote {
        chain: source.id.0,
        generation: outbox.generation,
        gateway: source.gateway.into_word(),
    };
    let inbox = world.devnet.account(1)?;
    Ok(LaneId(inbox.view(destination.gateway, Gateway::laneFromCall { remote }).await?))
}

/// Of a lane that exists, each with a signature of somebody who is no validator.
fn invalid(lane: LaneId) -> AttestationBatch {
    let attestations = (0..MAX_BATCH).map(|number| {
        let mut signature = [0u8; 64];
        signature[..32].copy_from_slice(B256::repeat_byte(0x11).as_slice());
        signature[40] = u8::try_from(number % 251).unwrap_or(0);
        signature[63] = 7;
        Attestation {
            lane,
            nonce: 1 + number as u64,
            accumulator: B256::repeat_byte(9),
            signature: CompactSignature(signature),
        }
    });
    AttestationBatch { attestations: attestations.collect() }
}

/// What validators themselves have sent long ago.
async fn copies(client: &Client, validators: &[Url], lane: LaneId) -> eyre::Result<AttestationBatch> {
    let mut all = AttestationBatch::default();
    for validator in validators {
        let url = validator.join(&format!("v1/attestations/{lane}"))?;
        let batch: AttestationBatch = client.get(url).send().await?.json().await?;
        all.attestations.extend(batch.attestations);
    }
    all.attestations.truncate(MAX_BATCH);
    Ok(all)
}

/// Posts a batch again and again: taken, refused, or told to come later, but answered.
async fn post_until(
    client: Client,
    core: Url,
    batch: AttestationBatch,
    until: Instant,
    done: Arc<AtomicU64>,
) -> eyre::Result<()> {
    let url = core.join("v1/attestations")?;
    while Instant::now() < until {
        let status = client.post(url.clone()).json(&batch).send().await?.status();
        let answered = status.is_success()
            || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status);
        ensure!(answered, "a batch was answered with {status}");
        done.fetch_add(1, Ordering::Relaxed);
        if status == StatusCode::TOO_MANY_REQUESTS {
            sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

/// Bodies that no request needs: refused before they are read.
async fn huge_until(client: Client, core: Url, until: Instant, done: Arc<AtomicU64>) -> eyre::Result<()> {
    let url = core.join("v1/attestations")?;
    while Instant::now() < until {
        let request = client.post(url.clone()).header("content-type", "application/json");
        // Refused in words, or cut off in the midst of the body.
        if let Ok(answer) = request.body(vec![b' '; HUGE]).send().await {
            let status = answer.status();
            ensure!(status == StatusCode::PAYLOAD_TOO_LARGE, "a huge body was answered with {status}");
        }
        done.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

/// Sends a request byte by byte: every second one its headers, the others the body.
async fn dribble_until(core: Url, number: usize, until: Instant, done: Arc<AtomicU64>) -> eyre::Result<()> {
    let address = ("127.0.0.1", core.port().ok_or_eyre("a core without port")?);
    while Instant::now() < until {
        let Ok(Ok(mut connection)) = timeout(Duration::from_secs(5), TcpStream::connect(address)).await
        else {
            sleep(Duration::from_secs(1)).await;
            continue;
        };
        done.fetch_add(1, Ordering::Relaxed);
        let head: &[u8] = if number.is_multiple_of(2) {
            b"POST /v1/attestations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n"
        } else {
            b"GET /v1/chains HTTP/1.1\r\nx: "
        };
        let mut answer = [0u8; 64];
        let mut alive = connection.write_all(head).await.is_ok();
        while alive && Instant::now() < until {
            alive = connection.write_all(b" ").await.is_ok();
            // Answered or cut off: begin again.
            alive &= timeout(Duration::from_secs(1), connection.read(&mut answer)).await.is_err();
        }
    }
    Ok(())
}
