//! What a core takes for the chain: a block counts once a second endpoint has it. One endpoint alone can be on a fork, or
//! make one up; with a single one configured nothing it says is checked, and that is told.

use std::time::Duration;

use futures::{StreamExt, stream::FuturesUnordered};
use icc_chain::{ChainError, LocatedEvent};
use icc_rpc::{Endpoint, Misdeed, name_endpoint};
use tokio::time::timeout;

use crate::node::{self, VerifiedHeader};

/// How long to wait for the rest once two have answered: long enough for a remote provider, so that two near nodes that
/// stand still do not win every time.
const STRAGGLERS: Duration = Duration::from_millis(500);

/// How many must have a block.
fn needed(endpoints: &[Endpoint]) -> usize {
    endpoints.len().min(2)
}

/// The header of a height that two endpoints have; `None` while too few have one.
///
/// # Errors
/// The last error, if no endpoint has answered.
pub(crate) async fn header_at(
    endpoints: &[Endpoint],
    number: u64,
) -> Result<Option<VerifiedHeader>, ChainError> {
    let mut asking: FuturesUnordered<_> = endpoints
        .iter()
        .map(|endpoint| async move { (endpoint, node::header(endpoint, &node::number_tag(number)).await) })
        .collect();
    let mut voices: Vec<(VerifiedHeader, Vec<&Endpoint>)> = Vec::new();
    let (mut answered, mut last) = (false, None);
    while let Some((endpoint, answer)) = asking.next().await {
        match answer {
            Ok(None) => answered = true,
            Ok(Some(header)) => {
                answered = true;
                match voices.iter_mut().find(|(known, _)| known.hash == header.hash) {
                    Some((_, names)) => names.push(endpoint),
                    None => voices.push((header, vec![endpoint])),
                }
            }
            Err(error) => last = Some(error),
        }
        let enough = voices.iter().position(|(_, names)| names.len() >= needed(endpoints));
        if let Some(enough) = enough {
            let (header, _) = voices.swap_remove(enough);
            for other in voices.iter().flat_map(|(_, names)| names) {
                let what = format!("block {number}: two others have {}", header.hash);
                name_endpoint(other.name(), Misdeed::OtherAnswer, &what);
            }
            return Ok(Some(header));
        }
    }
    match last {
        Some(error) if !answered => Err(error),
        _ => Ok(None),
    }
}

/// Events that two endpoints tell alike: one may leave out what does not suit it, or add what never was. Two are asked, and
/// the others one by one while there is no pair; who told otherwise than a pair is named.
///
/// # Errors
/// [`ChainError::RangeTooLarge`] if anybody says so; [`ChainError::NoQuorum`] while no two tell the same.
pub(crate) async fn told_alike<F, Fut>(
    endpoints: &[Endpoint],
    first: usize,
    ask: F,
) -> Result<Vec<LocatedEvent>, ChainError>
where
    F: Fn(Endpoint) -> Fut,
    Fut: Future<Output = Result<Vec<LocatedEvent>, ChainError>>,
{
    let needed = needed(endpoints);
    let turn = |step: usize| endpoints[(first + step) % endpoints.len()].clone();
    let mut asking: FuturesUnordered<_> = FuturesUnordered::new();
    let question = |endpoint: Endpoint| {
        let asking = ask(endpoint.clone());
        async move { (endpoint, asking.await) }
    };
    let mut asked = 0;
    while asked < needed {
        asking.push(question(turn(asked)));
        asked += 1;
    }
    let mut voices: Vec<(Vec<LocatedEvent>, Vec<Endpoint>)> = Vec::new();
    let (mut too_large, mut details) = (None, String::new());
    while let Some((endpoint, answer)) = asking.next().await {
        match answer {
            Ok(events) => match voices.iter_mut().find(|(known, _)| *known == events) {
                Some((_, names)) => names.push(endpoint),
                None => voices.push((events, vec![endpoint])),
            },
            Err(error @ ChainError::RangeTooLarge { .. }) => too_large = Some(error),
            Err(error) => details.push_str(&format!("; {error}")),
        }
        if let Some(pair) = voices.iter().position(|(_, names)| names.len() >= needed) {
            let (events, _) = voices.swap_remove(pair);
            for other in voices.iter().flat_map(|(_, names)| names) {
                name_endpoint(other.name(), Misdeed::OtherEvents, "two others tell other events");
            }
            return Ok(events);
        }
        if asking.is_empty() && asked < endpoints.len() {
            asking.push(question(turn(asked)));
            asked += 1;
        }
    }
    let agreeing = voices.iter().map(|(_, names)| names.len()).max().unwrap_or(0);
    let asked = endpoints.len();
    Err(too_large.unwrap_or(ChainError::NoQuorum {
        what: "events".to_owned(),
        agreeing,
        asked,
        needed,
        details,
    }))
}

/// The highest block that two endpoints have reached, by what `ask` says of each.
///
/// # Errors
/// [`ChainError::NoQuorum`] while there is none.
pub(crate) async fn reached<F, Fut>(
    endpoints: &[Endpoint],
    what: &str,
    ask: F,
) -> Result<VerifiedHeader, ChainError>
where
    F: Fn(Endpoint) -> Fut,
    Fut: Future<Output = Result<VerifiedHeader, ChainError>>,
{
    let needed = needed(endpoints);
    let mut asking: FuturesUnordered<_> = endpoints.iter().map(|endpoint| ask(endpoint.clone())).collect();
    let (mut headers, mut details) = (Vec::new(), String::new());
    loop {
        let next = if headers.len() < needed {
            asking.next().await
        } else {
            timeout(STRAGGLERS, asking.next()).await.unwrap_or(None)
        };
        match next {
            Some(Ok(header)) => headers.push(header),
            Some(Err(error)) => details.push_str(&format!("; {error}")),
            None => break,
        }
    }
    headers.sort_by_key(|header: &VerifiedHeader| std::cmp::Reverse(header.header.number));
    let no_second = |agreeing: usize, details: String| ChainError::NoQuorum {
        what: what.to_owned(),
        agreeing,
        asked: endpoints.len(),
        needed,
        details,
    };
    let Some(second) = headers.get(needed - 1) else { return Err(no_second(headers.len(), details)) };
    if headers.iter().filter(|header| header.hash == second.hash).count() >= needed {
        return Ok(second.clone());
    }
    let found = header_at(endpoints, second.header.number).await?;
    found.ok_or_else(|| no_second(1, details))
}
