//! `icc audit`.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use alloy_primitives::Address;
use eyre::WrapErr;
use futures::{StreamExt, future::join_all, stream};
use icc_api::read_validators;
use icc_chain::{Hub, Standing};
use icc_chain_evm::EvmHub;
use icc_protocol::{ChainId, Domain, LaneId};
use icc_service::config::Config;
use icc_store::Store;
use reqwest::Client;
use tokio::time::{Instant, sleep};
use url::Url;

use crate::{
    audit::{
        Answers, Bridges, Cut, Outbound, Report, Signed, Source, Verdict, ask, judge, leases, tokens_here,
    },
    cli::AuditArgs,
    commands::PENDING,
    output::{self, Talk},
    wiring,
};

/// Something could not be read: nothing is known of it.
const UNREADABLE: u8 = 4;
/// Validators asked at once.
const AT_ONCE: usize = 8;
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

/// What could not be read, and why.
type Unreadable = BTreeSet<String>;

/// What is read goes on from look to look.
struct Auditor<'a> {
    config: &'a Config,
    client: Client,
    domain: Domain,
    /// Who the validators are, and who of them has been convicted.
    hub: Option<EvmHub>,
    /// Validators by argument.
    named: Vec<Url>,
    /// Whom to ask.
    validators: Vec<Url>,
    liars: BTreeSet<Address>,
    sources: BTreeMap<String, Source>,
    signed: BTreeMap<Url, Signed>,
}

impl<'a> Auditor<'a> {
    fn new(config: &'a Config, arguments: &AuditArgs) -> eyre::Result<Self> {
        let hub = match config.chains.values().any(|chain| chain.registry.is_some()) {
            true => Some(EvmHub::new(&wiring::hub_chain(config)?)?),
            false => None,
        };
        let liars = arguments.liars.iter().map(|text| wiring::address("--liar", text));
        Ok(Self {
            config,
            client: crate::audit::client()?,
            domain: Domain::new(config.network),
            hub,
            named: arguments.validators.clone(),
            validators: Vec::new(),
            liars: liars.collect::<eyre::Result<_>>()?,
            sources: BTreeMap::new(),
            signed: BTreeMap::new(),
        })
    }

    /// Looks at everything once.
    async fn look(&mut self) -> Report {
        let mut unreadable = Unreadable::new();
        if let Err(error) = self.open(&mut unreadable).await {
            unreadable.insert(format!("configuration: {error:#}"));
        }
        // All that has happened so far, then the signatures, then the little that is new: what is signed is final by then.
        self.catch_up(&mut unreadable).await;
        if let Err(error) = self.find_validators().await {
            unreadable.insert(format!("registry: {error:#}"));
        }
        self.ask_validators(&mut unreadable).await;
        let read = self.catch_up(&mut unreadable).await;
        let answers = self.answers(&read, &mut unreadable).await;
        let sources = self.sources.values().filter_map(|source| {
            let chain = source.ledger.chain;
            Some((chain, (&source.ledger, answers.get(&chain)?)))
        });
        let cut = Cut { chains: sources.collect() };
        let mut report = judge(&cut);
        for signed in self.signed.values_mut() {
            signed.judge(&cut, self.liars.contains(&signed.address), &mut report);
        }
        if let Some(url) = &self.config.database_url
            && let Err(error) = self.database(url, &mut report).await
        {
            unreadable.insert(format!("database: {error:#}"));
        }
        report.unreadable = unreadable.into_iter().collect();
        report.close();
        report
    }

    async fn open(&mut self, unreadable: &mut Unreadable) -> eyre::Result<()> {
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
                Err(error) => {
                    unreadable.insert(format!("{name}: {error:#}"));
                }
            }
        }
        Ok(())
    }

    /// Reads on; returns the chains of which that could be done.
    async fn catch_up(&mut self, unreadable: &mut Unreadable) -> BTreeSet<ChainId> {
        let reading =
            self.sources.values_mut().map(|source| async move { (source.catch_up().await, &source.ledger) });
        let mut read = BTreeSet::new();
        for (result, ledger) in join_all(reading).await {
            match result {
                Ok(()) => {
                    read.insert(ledger.chain);
                }
                Err(error) => {
                    unreadable.insert(format!("{}: {error:#}", ledger.name));
                }
            }
        }
        read
    }

    /// Of the chains that have been read on: one that stayed behind would seem to have sent too little.
    async fn answers(
        &self,
        read: &BTreeSet<ChainId>,
        unreadable: &mut Unreadable,
    ) -> BTreeMap<ChainId, Answers> {
        let tokens = tokens_here(self.sources.values().map(|source| &source.ledger));
        let none = BTreeMap::new();
        let sources = self.sources.iter().filter(|(_, source)| read.contains(&source.ledger.chain));
        let asking = sources.map(|(name, source)| {
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
                Err(error) => {
                    unreadable.insert(format!("{name}: {error:#}"));
                }
            }
        }
        answers
    }

    /// Those in the set, by the registry; without one, those that are configured. Besides, those that are named.
    async fn find_validators(&mut self) -> eyre::Result<()> {
        let mut urls = match &self.hub {
            Some(hub) => {
                let known = read_validators(hub).await?.into_values();
                let honest = known.filter(|one| one.in_set && one.standing != Standing::Convicted);
                honest.map(|one| one.url.parse::<Url>().wrap_err(one.url)).collect::<eyre::Result<_>>()?
            }
            None => self.config.core.validator_urls.clone(),
        };
        urls.extend(self.named.iter().cloned());
        urls.sort();
        urls.dedup();
        self.validators = urls;
        Ok(())
    }

    /// Whether a validator is known to have lied: by argument, or convicted by the registry.
    async fn is_liar(&self, signer: Address) -> eyre::Result<bool> {
        let convicted = match &self.hub {
            Some(hub) => hub.registration(signer).await?.standing == Standing::Convicted,
            None => false,
        };
        Ok(convicted || self.liars.contains(&signer))
    }

    async fn ask_validators(&mut self, unreadable: &mut Unreadable) {
        let lanes: BTreeMap<LaneId, &Outbound> = self
            .sources
            .values()
            .flat_map(|source| source.ledger.outbound.iter().map(|(lane, outbound)| (*lane, outbound)))
            .collect();
        let asking: Vec<_> = self.validators.iter().map(|url| (url, self.signed.remove(url))).collect();
        let asking = asking.into_iter().map(|(url, known)| {
            let asked = ask(&self.client, url, self.domain, &lanes, known);
            async move { (url, asked.await) }
        });
        let mut answers = stream::iter(asking).buffer_unordered(AT_ONCE);
        while let Some((url, answer)) = answers.next().await {
            match answer {
                Ok(signed) => {
                    self.signed.insert(url.clone(), signed);
                }
                Err(error) => {
                    unreadable.insert(format!("validator at {}: {error:#}", crate::audit::name(url)));
                }
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
            if self.is_liar(twice.signer).await? {
                report.notes.push(text);
            } else {
                report.violations.push(text);
            }
        }
        leases(&store.lease_terms().await?, report);
        Ok(())
    }
}
