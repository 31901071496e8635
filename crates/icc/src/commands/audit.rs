//! `icc audit`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use alloy_primitives::Address;
use futures::future::join_all;
use icc_protocol::{ChainId, Domain, LaneId};
use icc_service::config::Config;
use icc_store::Store;
use reqwest::Client;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    audit::{
        Answers, Bridges, Cut, LeaseLine, Outbound, Report, Signed, Source, Verdict, ask, judge, tokens_here,
    },
    cli::AuditArgs,
    commands::PENDING,
    output::{self, Talk},
    wiring,
};

/// Something could not be read: nothing is known of it.
const UNREADABLE: u8 = 4;
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);
/// For so long at least, a source that lags behind its destination may catch up.
const LAG: Duration = Duration::from_secs(10);

pub(crate) async fn run(arguments: AuditArgs, json: bool) -> ExitCode {
    match audit(&arguments, json).await {
        Ok(code) => code,
        // Whatever keeps the audit from being made is no violation.
        Err(report) => {
            output::error(&report);
            ExitCode::from(UNREADABLE)
        }
    }
}

async fn audit(arguments: &AuditArgs, json: bool) -> eyre::Result<ExitCode> {
    let config = wiring::load(&arguments.file)?;
    let mut auditor = Auditor::new(&config, arguments)?;
    let (talk, began) = (Talk::new(), Instant::now());
    let patience = Duration::from_secs(arguments.patience);
    let mut said = String::new();
    let report = loop {
        let report = auditor.look().await;
        let again = match report.verdict() {
            Verdict::Whole => false,
            Verdict::Unsettled => arguments.settled && began.elapsed() < patience,
            Verdict::Unreadable => began.elapsed() < patience,
            Verdict::Violated => report.torn && began.elapsed() < patience.max(LAG),
        };
        if !again {
            break report;
        }
        let waits = [&report.violations, &report.unreadable, &report.pending];
        let wait = waits.into_iter().flatten().next().cloned().unwrap_or_default();
        if wait != said {
            talk.step(&format!("waiting: {wait}"));
            said = wait;
        }
        sleep(PAUSE).await;
    };
    talk.end();
    output::result(json, &report, &report.text(arguments.settled))?;
    Ok(match report.verdict() {
        Verdict::Violated => ExitCode::FAILURE,
        Verdict::Unreadable => ExitCode::from(UNREADABLE),
        Verdict::Unsettled if arguments.settled => ExitCode::from(PENDING),
        Verdict::Unsettled | Verdict::Whole => ExitCode::SUCCESS,
    })
}

/// What is read goes on from look to look.
struct Auditor<'a> {
    config: &'a Config,
    client: Client,
    domain: Domain,
    validators: Vec<Url>,
    liars: BTreeSet<Address>,
    sources: BTreeMap<String, Source>,
    signed: BTreeMap<Url, Signed>,
}

impl<'a> Auditor<'a> {
    fn new(config: &'a Config, arguments: &AuditArgs) -> eyre::Result<Self> {
        let mut validators = config.core.validator_urls.clone();
        for url in &arguments.validators {
            if !validators.contains(url) {
                validators.push(url.clone());
            }
        }
        let liars = arguments.liars.iter().map(|text| wiring::address("--liar", text));
        Ok(Self {
            config,
            client: crate::audit::client()?,
            domain: Domain::new(config.network),
            validators,
            liars: liars.collect::<eyre::Result<_>>()?,
            sources: BTreeMap::new(),
            signed: BTreeMap::new(),
        })
    }

    /// Looks at everything once.
    async fn look(&mut self) -> Report {
        let mut unreadable = Vec::new();
        if let Err(error) = self.open(&mut unreadable).await {
            unreadable.push(format!("configuration: {error:#}"));
        }
        // All that has happened so far, then the signatures, then the little that is new: what is signed is final by then.
        self.catch_up(&mut unreadable).await;
        self.ask_validators(&mut unreadable).await;
        self.catch_up(&mut unreadable).await;
        let answers = self.answers(&mut unreadable).await;
        let read = self.sources.values().filter_map(|source| {
            let chain = source.ledger.chain;
            Some((chain, (&source.ledger, answers.get(&chain)?)))
        });
        let cut = Cut { chains: read.collect() };
        let mut report = judge(&cut);
        for signed in self.signed.values_mut() {
            signed.judge(&cut, self.liars.contains(&signed.address), &mut report);
        }
        if let Some(url) = &self.config.database_url
            && let Err(error) = self.database(url, &mut report).await
        {
            unreadable.push(format!("database: {error:#}"));
        }
        unreadable.dedup();
        report.unreadable = unreadable;
        report.close();
        report
    }

    async fn open(&mut self, unreadable: &mut Vec<String>) -> eyre::Result<()> {
        let chains = wiring::deployed_chains(self.config)?;
        let bridges: Bridges =
            chains.iter().map(|(chain, _)| (chain.id, chain.token_bridge.into_word())).collect();
        for (chain, chain_config) in chains {
            let name = chain.name.clone();
            if self.sources.contains_key(&name) {
                continue;
            }
            match Source::open(chain, chain_config.start_block, bridges.clone()).await {
                Ok(source) => {
                    self.sources.insert(name, source);
                }
                Err(error) => unreadable.push(format!("{name}: {error:#}")),
            }
        }
        Ok(())
    }

    async fn catch_up(&mut self, unreadable: &mut Vec<String>) {
        let reading =
            self.sources.iter_mut().map(|(name, source)| async move { (name, source.catch_up().await) });
        for (name, read) in join_all(reading).await {
            if let Err(error) = read {
                unreadable.push(format!("{name}: {error:#}"));
            }
        }
    }

    async fn answers(&self, unreadable: &mut Vec<String>) -> BTreeMap<ChainId, Answers> {
        let tokens = tokens_here(self.sources.values().map(|source| &source.ledger));
        let none = BTreeMap::new();
        let asking = self.sources.iter().map(|(name, source)| {
            let chain = source.ledger.chain;
            let here = tokens.get(&chain).unwrap_or(&none);
            async move { (name, chain, source.answers(here).await) }
        });
        let mut answers = BTreeMap::new();
        for (name, chain, answer) in join_all(asking).await {
            match answer {
                Ok(answer) => {
                    answers.insert(chain, answer);
                }
                Err(error) => unreadable.push(format!("{name}: {error:#}")),
            }
        }
        answers
    }

    async fn ask_validators(&mut self, unreadable: &mut Vec<String>) {
        let lanes: BTreeMap<LaneId, &Outbound> = self
            .sources
            .values()
            .flat_map(|source| source.ledger.outbound.iter().map(|(lane, outbound)| (*lane, outbound)))
            .collect();
        for url in &self.validators {
            let known = self.signed.remove(url);
            match ask(&self.client, url, self.domain, &lanes, known).await {
                Ok(signed) => {
                    self.signed.insert(url.clone(), signed);
                }
                Err(error) => unreadable.push(format!("validator at {}: {error:#}", crate::audit::name(url))),
            }
        }
    }

    async fn database(&self, url: &str, report: &mut Report) -> eyre::Result<()> {
        let store = Store::open_to_read(url).await?;
        for twice in store.equivocations().await? {
            let text = format!(
                "validator {}: the database has {} accumulators signed for message {} of lane {}",
                twice.signer, twice.accumulators, twice.nonce, twice.lane
            );
            if self.liars.contains(&twice.signer) {
                report.notes.push(text);
            } else {
                report.violations.push(text);
            }
        }
        let terms = store.lease_terms().await?;
        for twice in &terms.overlaps {
            report.violations.push(format!(
                "lease {}: {} (token {}) had it when {} (token {}) still held it",
                twice.name, twice.next.0, twice.next.1, twice.holder.0, twice.holder.1
            ));
        }
        let held_twice = terms.overlaps.len() as u64;
        report.leases = Some(LeaseLine { leases: terms.leases, terms: terms.terms, held_twice });
        Ok(())
    }
}
