//! The real node behind an endpoint.

use std::time::Duration;

use eyre::{OptionExt, bail, ensure};
use serde_json::{Value, json};
use url::Url;

use crate::Call;

/// Most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 64 << 20;
/// Longer than any client of the proxy waits.
const TIMEOUT: Duration = Duration::from_secs(60);

/// What a node answers: a result, or JSON-RPC's error object.
pub type Answer = Result<Value, Value>;

/// Asks a node; clones share it.
#[derive(Debug, Clone)]
pub struct Node {
    url: Url,
    client: reqwest::Client,
}

impl Node {
    /// The node at a URL.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(url: Url) -> eyre::Result<Self> {
        icc_service::install_tls();
        Ok(Self { url, client: reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build()? })
    }

    /// What it answers.
    ///
    /// # Errors
    /// If it does not answer JSON-RPC; a refusal is an answer.
    pub async fn answer(&self, call: &Call) -> eyre::Result<Answer> {
        let question = json!({"jsonrpc": "2.0", "id": 1, "method": call.method, "params": call.params});
        let mut response = self.client.post(self.url.clone()).json(&question).send().await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            ensure!(body.len() + chunk.len() <= MAX_ANSWER_BYTES, "the node's answer is too long");
            body.extend_from_slice(&chunk);
        }
        let mut answer: Value = serde_json::from_slice(&body)?;
        Ok(match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer.get_mut("result").ok_or_eyre("neither result nor error")?.take()),
        })
    }

    /// The result of a method.
    ///
    /// # Errors
    /// If it does not answer, or refuses.
    pub async fn ask(&self, method: &str, params: Value) -> eyre::Result<Value> {
        match self.answer(&Call { method: method.to_owned(), params }).await? {
            Ok(result) => Ok(result),
            Err(error) => bail!("{method}: {error}"),
        }
    }

    /// The number of a block by tag or height; `None` if there is none.
    ///
    /// # Errors
    /// As [`Node::ask`].
    pub async fn height(&self, tag: &Value) -> eyre::Result<Option<u64>> {
        let block = self.ask("eth_getBlockByNumber", json!([tag, false])).await?;
        if block.is_null() {
            return Ok(None);
        }
        Ok(Some(quantity(&block["number"]).ok_or_eyre("a block without number")?))
    }
}

/// A JSON-RPC quantity.
pub(crate) fn quantity(value: &Value) -> Option<u64> {
    u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()
}

/// As JSON-RPC writes one.
pub(crate) fn to_quantity(number: u64) -> Value {
    json!(format!("{number:#x}"))
}
