//! One node.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use icc_chain::ChainError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::{EndpointError, Misdeed, answer::read_answer, name_endpoint};

/// Most bytes of one answer: a block of full logs, with room.
const MAX_BODY_BYTES: usize = 32 << 20;
const TOO_LONG: &str = "answer is longer than";

/// The way to a node: a JSON-RPC request there, the answer's bytes back.
#[async_trait]
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// Carries one request.
    ///
    /// # Errors
    /// In words, without what a URL may hold of secrets.
    async fn carry(&self, request: &Value) -> Result<Vec<u8>, String>;
}

/// A JSON-RPC endpoint; clones share it.
#[derive(Debug, Clone)]
pub struct Endpoint {
    name: Arc<str>,
    transport: Arc<dyn Transport>,
}

impl Endpoint {
    /// An endpoint over HTTP whose calls take at most `timeout`.
    ///
    /// # Errors
    /// A [`ChainError::Misconfigured`] if no HTTP client can be made.
    pub fn new(url: Url, timeout: Duration) -> Result<Self, ChainError> {
        // Paths and queries of provider URLs often hold a key: they are never shown.
        let name = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str().unwrap_or("?")),
            None => url.host_str().unwrap_or("?").to_owned(),
        };
        Ok(Self::over(&name, Arc::new(Http::new(url, timeout)?)))
    }

    /// An endpoint over another way.
    pub fn over(name: &str, transport: Arc<dyn Transport>) -> Self {
        Self { name: name.into(), transport }
    }

    /// Host and port, for logs and metrics; without path, query or credentials.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`EndpointError`], which tells a refusal from a failure.
    pub async fn call<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, EndpointError> {
        let result = self.call_inner(method, params).await;
        let outcome = match &result {
            Ok(_) => "ok",
            Err(EndpointError::Transport(_)) => "failed",
            Err(EndpointError::Refused { .. }) => "refused",
        };
        if let Err(EndpointError::Transport(reason)) = &result {
            name_endpoint(&self.name, Misdeed::Failure, reason);
        }
        metrics::counter!("icc_rpc_calls_total", "endpoint" => self.name.to_string(), "outcome" => outcome)
            .increment(1);
        result
    }

    async fn call_inner<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, EndpointError> {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let body = self
            .transport
            .carry(&request)
            .await
            .map_err(|error| EndpointError::Transport(format!("{method}: {error}")))?;
        read_answer(&body).map_err(|error| match error {
            EndpointError::Transport(reason) => EndpointError::Transport(format!("{method}: {reason}")),
            refused => refused,
        })
    }

    /// The same failure as a chain's error, naming this endpoint.
    pub fn failed(&self, error: EndpointError) -> ChainError {
        ChainError::Unavailable { endpoint: self.name.to_string(), reason: error.to_string() }
    }

    /// As [`Endpoint::failed`], for a range of logs, which an endpoint may refuse for its size.
    pub fn range_failed(&self, error: EndpointError) -> ChainError {
        let too_large = match &error {
            EndpointError::Refused { message, .. } => is_about_size(message),
            EndpointError::Transport(message) => message.contains(TOO_LONG),
        };
        let (endpoint, reason) = (self.name.to_string(), error.to_string());
        if too_large {
            ChainError::RangeTooLarge { endpoint, reason }
        } else {
            ChainError::Unavailable { endpoint, reason }
        }
    }
}

/// HTTP, with bounded answers.
#[derive(Debug)]
struct Http {
    url: Url,
    client: reqwest::Client,
}

impl Http {
    fn new(url: Url, timeout: Duration) -> Result<Self, ChainError> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            .connect_timeout(timeout.min(Duration::from_secs(3)))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ChainError::Misconfigured(format!("no HTTP client: {error}")))?;
        Ok(Self { url, client })
    }
}

#[async_trait]
impl Transport for Http {
    async fn carry(&self, request: &Value) -> Result<Vec<u8>, String> {
        let response = self.client.post(self.url.clone()).json(request).send().await.map_err(without_url)?;
        read_bounded(response).await
    }
}

/// Providers say in many words that a range is too large; "rate limit" is not one of them.
fn is_about_size(message: &str) -> bool {
    let lower = message.to_lowercase();
    !lower.contains("rate")
        && ["range", "too many", "limit", "response size", "exceed"].iter().any(|w| lower.contains(w))
}

/// reqwest's errors print the URL, which may hold a key.
fn without_url(error: reqwest::Error) -> String {
    let timeout = error.is_timeout();
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    if timeout { "timed out".to_owned() } else { format!("{error}{cause}") }
}

async fn read_bounded(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let too_long = || format!("{TOO_LONG} {MAX_BODY_BYTES} bytes");
    if response.content_length().is_some_and(|length| length > MAX_BODY_BYTES as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(without_url)? {
        if body.len() + chunk.len() > MAX_BODY_BYTES {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
