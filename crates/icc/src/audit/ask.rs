//! Asks validators for all that they have signed.

use std::{collections::BTreeMap, time::Duration};

use alloy_primitives::Address;
use eyre::{WrapErr, bail};
use icc_attest::{AttestationBatch, MAX_BATCH};
use icc_protocol::{Domain, LaneId};
use reqwest::{Client, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use tokio::time::sleep;
use url::Url;

use crate::audit::{ledger::Outbound, signers::Signed};

/// Most bytes of an answer: 256 attestations of at most 400 bytes, with room.
const MAX_ANSWER_BYTES: usize = 256 * 1024;
/// A busy validator is asked again this often.
const BUSY_TRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(250);

#[derive(Deserialize)]
struct Identity {
    address: Address,
}

/// Host and port, for people.
pub(crate) fn name(url: &Url) -> String {
    format!("{}:{}", url.host_str().unwrap_or("?"), url.port_or_known_default().unwrap_or(0))
}

/// A client that is patient with signing, which a validator does again for each answer.
pub(crate) fn client() -> eyre::Result<Client> {
    Ok(Client::builder().timeout(Duration::from_secs(30)).no_proxy().build()?)
}

/// Takes what a validator has signed since `known`, lane by lane, page by page.
pub(crate) async fn ask(
    client: &Client,
    url: &Url,
    domain: Domain,
    lanes: &BTreeMap<LaneId, &Outbound>,
    known: Option<Signed>,
) -> eyre::Result<Signed> {
    let mut signed = match known {
        Some(signed) => signed,
        None => {
            let identity: Identity = get(client, url.join("v1/validator")?).await?;
            Signed::new(name(url), identity.address, domain)
        }
    };
    for (lane, outbound) in lanes {
        loop {
            let from = signed.next(*lane);
            let page: AttestationBatch =
                get(client, url.join(&format!("v1/attestations/{lane}?from={from}"))?).await?;
            if page.attestations.len() > MAX_BATCH {
                bail!("answers with more than {MAX_BATCH} attestations");
            }
            for attestation in &page.attestations {
                if attestation.nonce < from || !signed.take(*lane, outbound, attestation) {
                    bail!(
                        "answers with attestations that are not those asked for (lane {lane}, from {from})"
                    );
                }
            }
            if page.attestations.len() < MAX_BATCH {
                break;
            }
        }
    }
    Ok(signed)
}

async fn get<T: DeserializeOwned>(client: &Client, url: Url) -> eyre::Result<T> {
    for _ in 0..BUSY_TRIES {
        let mut response = client.get(url.clone()).send().await.map_err(reqwest::Error::without_url)?;
        if response.status() == StatusCode::TOO_MANY_REQUESTS {
            sleep(BUSY_PAUSE).await;
            continue;
        }
        response.error_for_status_ref().map_err(reqwest::Error::without_url)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                bail!("its answer is too long");
            }
            body.extend_from_slice(&chunk);
        }
        return serde_json::from_slice(&body).wrap_err("its answer is not understood");
    }
    bail!("is too busy to answer")
}
