//! `icc lane`.

use std::process::ExitCode;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_sol_types::SolCall;
use eyre::{WrapErr, bail};
use icc_chain::{ChainReader, Event, LocatedEvent};
use icc_chain_evm::{
    Account, EvmReader,
    bindings::{Gateway, IGateway},
    timelock,
};
use icc_protocol::{Lane, NetworkId};

use crate::{
    cli::{KeyArgs, LaneArgs, LaneWhat, RouteArgs},
    commands::token::told,
    output,
    reconcile::{Report, Sent, reconcile},
    wiring,
};

/// Bytes of messages in one transaction; nodes refuse transactions above 128 kB.
const MAX_BYTES: usize = 60_000;
/// An outbox keeps every 256th accumulator, which a part that is sent again must reach.
const SNAPSHOT_INTERVAL: usize = 256;

/// One end: an account on its chain, and where its events begin.
struct End {
    account: Account,
    start_block: u64,
}

/// Both ends of a lane.
struct Ends {
    network: NetworkId,
    source: End,
    destination: End,
}

pub(crate) async fn run(arguments: LaneArgs, json: bool) -> eyre::Result<ExitCode> {
    match arguments.what {
        LaneWhat::Reconcile { route, generation } => {
            let ends = ends(&route, None).await?;
            let lane = ends.lane(generation).await?;
            let (report, _) = ends.report(&lane).await?;
            output::result(json, &report, &report.text())?;
            Ok(if report.contradictions.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        LaneWhat::Close { route, keys } => close(&ends(&route, Some(&keys)).await?, json).await,
        LaneWhat::Reopen { route, keys } => reopen(&ends(&route, Some(&keys)).await?, json).await,
        LaneWhat::AllowResend { route, keys, generation } => {
            allow_resend(&ends(&route, Some(&keys)).await?, generation, json).await
        }
        LaneWhat::Strike { route, keys, id } => {
            let id: B256 = id.parse().wrap_err("id: must be 0x and 64 hexadecimal digits")?;
            strike(&ends(&route, Some(&keys)).await?, id, json).await
        }
        LaneWhat::Resend { route, keys, generation } => {
            resend(&ends(&route, Some(&keys)).await?, generation, json).await
        }
    }
}

async fn ends(route: &RouteArgs, keys: Option<&KeyArgs>) -> eyre::Result<Ends> {
    let config = wiring::load(&route.file)?;
    let key = wiring::key_or_nobody(keys)?;
    let mut ends = Vec::new();
    for (field, name) in [("--from", &route.from), ("--to", &route.to)] {
        let (name, chain) = config.chain(name).wrap_err(field)?;
        let start_block = chain.start_block;
        let chain = wiring::chain(name, chain)?;
        if chain.gateway.is_zero() {
            bail!("chains.{name}.gateway is missing in the configuration; `icc deploy` tells it");
        }
        let account = Account::new(chain, key.clone())?;
        account.check_chain_id().await?;
        ends.push(End { account, start_block });
    }
    let (Some(destination), Some(source)) = (ends.pop(), ends.pop()) else { bail!("two ends") };
    if source.account.chain().id == destination.account.chain().id {
        bail!("--to: is the chain it is sent from");
    }
    Ok(Ends { network: config.network, source, destination })
}

impl End {
    fn gateway(&self) -> alloy_primitives::Address {
        self.account.chain().gateway
    }

    async fn outbox(&self, to: &End) -> eyre::Result<IGateway::Outbox> {
        Ok(self.account.view(self.gateway(), Gateway::outboxCall { chain: to.account.chain().id.0 }).await?)
    }

    /// All events of the gateway up to the newest block.
    async fn events(&self) -> eyre::Result<Vec<LocatedEvent>> {
        let chain = self.account.chain();
        let reader = EvmReader::new(chain.clone())?;
        let head = reader.head().await?.at.number;
        let mut events = Vec::new();
        let mut from = self.start_block + 1;
        while from <= head {
            let to = head.min(from.saturating_add(chain.max_range - 1));
            events.extend(reader.events_in_range(from, to).await?);
            from = to + 1;
        }
        Ok(events)
    }

    /// Whether the block that closed a lane into here is final.
    async fn has_ended_finally(&self, lane: &Lane) -> eyre::Result<bool> {
        let finalized = EvmReader::new(self.account.chain().clone())?.finalized().await?.at.number;
        let ended = |located: &LocatedEvent| {
            matches!(&located.event, Event::LaneEnded(ended) if ended.inbound == lane.id())
                && located.at.block.number <= finalized
        };
        Ok(self.events().await?.iter().any(ended))
    }

    async fn owner_acts(&self, call: Vec<u8>) -> eyre::Result<(String, timelock::Acts)> {
        let timelock = self.account.view(self.gateway(), Gateway::ownerCall {}).await?;
        let acts = vec![(self.gateway(), Bytes::from(call))];
        let acts = timelock::through_timelock(&self.account, timelock, acts).await?;
        Ok((self.account.chain().name.clone(), acts))
    }
}

impl Ends {
    /// The lane of a generation; without one, the newest.
    async fn lane(&self, generation: Option<u32>) -> eyre::Result<Lane> {
        let newest = self.source.outbox(&self.destination).await?.generation;
        let generation = generation.unwrap_or(newest);
        if generation == 0 || generation > newest {
            bail!("generation: there are {newest} from {}", self.source.account.chain().name);
        }
        Ok(Lane {
            network: self.network,
            source_chain: self.source.account.chain().id,
            source_gateway: self.source.gateway().into_word(),
            destination_chain: self.destination.account.chain().id,
            destination_gateway: self.destination.gateway().into_word(),
            generation,
        })
    }

    async fn report(&self, lane: &Lane) -> eyre::Result<(Report, Sent)> {
        let arrived = self.destination.events().await?;
        let there = self.destination.gateway();
        let mut inbox =
            self.destination.account.view(there, Gateway::inboxCall { lane: lane.id().0 }).await?;
        if inbox.is_zero() {
            let call = Gateway::lastInboxCall { lane: lane.id().0 };
            inbox = self.destination.account.view(there, call).await?;
        }
        // The source after the destination: what has arrived by now has left. Its events after its outbox: they hold at
        // least what the outbox does.
        let here = self.source.gateway();
        let end = self.source.account.view(here, Gateway::endOfCall { lane: lane.id().0 }).await?;
        let outbox = self.source.outbox(&self.destination).await?;
        let outbox = if !end.accumulator.is_zero() {
            Some((end.nonce, end.accumulator))
        } else {
            Some((outbox.nonce, outbox.accumulator)).filter(|_| outbox.generation == lane.generation)
        };
        let sent = Sent::new(lane, &self.source.events().await?);
        Ok((reconcile(lane, &sent, outbox, &arrived, inbox), sent))
    }
}

async fn close(ends: &Ends, json: bool) -> eyre::Result<ExitCode> {
    let mut told_acts = Vec::new();
    // The destination first: what it has taken by then is where the source goes on.
    for (end, other) in [(&ends.destination, &ends.source), (&ends.source, &ends.destination)] {
        let outbox = end.outbox(other).await?;
        if outbox.accumulator.is_zero() {
            continue;
        }
        let call = Gateway::closeLaneCall { chain: other.account.chain().id.0 }.abi_encode();
        told_acts.push(end.owner_acts(call).await?);
    }
    told(&told_acts, json)
}

async fn reopen(ends: &Ends, json: bool) -> eyre::Result<ExitCode> {
    let mut next = 0;
    for (end, other) in [(&ends.source, &ends.destination), (&ends.destination, &ends.source)] {
        let outbox = end.outbox(other).await?;
        // An end that is open already has the number that the other one needs.
        let number = outbox.generation + u32::from(outbox.accumulator.is_zero());
        next = next.max(number);
    }
    let mut closed = Vec::new();
    for (end, other) in [(&ends.source, &ends.destination), (&ends.destination, &ends.source)] {
        let outbox = end.outbox(other).await?;
        if outbox.generation == next {
            continue;
        }
        if !outbox.accumulator.is_zero() {
            bail!("the lane is open at {}; close it first: icc lane close", end.account.chain().name);
        }
        closed.push((end, other));
    }
    let mut told_acts = Vec::new();
    for (end, other) in closed {
        let remote = IGateway::Remote {
            chain: other.account.chain().id.0,
            generation: next,
            gateway: other.gateway().into_word(),
        };
        told_acts.push(end.owner_acts(Gateway::openLaneCall { remote }.abi_encode()).await?);
    }
    told(&told_acts, json)
}

fn remote_of(ends: &Ends, generation: u32) -> IGateway::Remote {
    IGateway::Remote {
        chain: ends.destination.account.chain().id.0,
        generation,
        gateway: ends.destination.gateway().into_word(),
    }
}

async fn allow_resend(ends: &Ends, generation: u32, json: bool) -> eyre::Result<ExitCode> {
    let lane = ends.lane(Some(generation)).await?;
    let (report, _) = ends.report(&lane).await?;
    if report.ended != (true, true) {
        bail!("generation: {generation} is not closed at both ends; icc lane close");
    }
    if !report.contradictions.is_empty() {
        bail!("the ends contradict each other; decide by hand: {}", report.contradictions.join("; "));
    }
    if report.undelivered.is_empty() {
        bail!("generation: {generation} has delivered everything");
    }
    if !ends.destination.has_ended_finally(&lane).await? {
        let name = &ends.destination.account.chain().name;
        bail!("the lane's end on {name} is not final yet: what it stopped at may still change; try again");
    }
    let call = Gateway::allowResendCall { ended: remote_of(ends, generation), from: report.inbox };
    told(&[ends.source.owner_acts(call.abi_encode()).await?], json)
}

async fn strike(ends: &Ends, id: B256, json: bool) -> eyre::Result<ExitCode> {
    let end = &ends.destination;
    if !end.account.view(end.gateway(), Gateway::isRecordedCall { id }).await? {
        bail!("id: {id} is not recorded on {}", end.account.chain().name);
    }
    told(&[end.owner_acts(Gateway::strikeCall { id }.abi_encode()).await?], json)
}

async fn resend(ends: &Ends, generation: u32, json: bool) -> eyre::Result<ExitCode> {
    let lane = ends.lane(Some(generation)).await?;
    let sent = Sent::new(&lane, &ends.source.events().await?);
    let gateway = ends.source.gateway();
    let mut transactions = Vec::new();
    loop {
        let end = ends.source.account.view(gateway, Gateway::endOfCall { lane: lane.id().0 }).await?;
        if end.resendFrom.is_zero() {
            bail!("generation: nothing of {generation} may be sent again; icc lane allow-resend");
        }
        let Some(done) = sent.covered(&lane, end.resendFrom) else {
            bail!("the allowed point is no accumulator of the lane");
        };
        if done >= sent.messages.len() {
            break;
        }
        let (messages, tail) = part(&sent, done);
        let call = Gateway::resendCall { ended: remote_of(ends, generation), messages, tail };
        transactions.push(ends.source.account.send(gateway, call).await?.transaction);
    }
    let text = transactions.iter().map(B256::to_string).collect::<Vec<_>>().join("\n");
    output::result(json, &serde_json::json!({ "transactions": transactions }), &text)?;
    Ok(ExitCode::SUCCESS)
}

/// The next messages after the first `done`, and the leaves from them to a kept accumulator or the lane's end.
fn part(sent: &Sent, done: usize) -> (Bytes, Vec<B256>) {
    let mut messages = Vec::new();
    let mut last = done;
    for (message, _) in &sent.messages[done..] {
        if last > done && messages.len() + message.len() > MAX_BYTES {
            break;
        }
        // A message is at most 85 + 10,272 bytes long, so its length fits two bytes.
        messages.extend_from_slice(&(message.len() as u16).to_be_bytes());
        messages.extend_from_slice(message);
        last += 1;
    }
    let kept = last.next_multiple_of(SNAPSHOT_INTERVAL).min(sent.messages.len());
    let tail = sent.messages[last..kept].iter().map(|(message, _)| keccak256(message)).collect();
    (messages.into(), tail)
}
