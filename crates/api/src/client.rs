//! A typed client of the core's API.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256};
use serde::de::DeserializeOwned;
use tokio::time::sleep;
use url::Url;

use crate::{ChainView, EvidenceView, MessageView, Problem, TransactionView};

/// Most bytes of an answer.
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// The core could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not reached, or not understood.
    #[error("core at {core}: {reason}")]
    Unavailable {
        /// Which core.
        core: String,
        /// What happened.
        reason: String,
    },
    /// Followed for as long as was asked for.
    #[error("transaction {transaction} has not arrived after {patience:?}: {reason}")]
    NotArrived {
        /// Which.
        transaction: B256,
        /// How long.
        patience: Duration,
        /// Where its messages are.
        reason: String,
    },
    /// It refused.
    #[error("core at {core}: {reason}")]
    Refused {
        /// Which core.
        core: String,
        /// Its words.
        reason: String,
    },
}

/// Between two looks at a transaction.
const POLL: Duration = Duration::from_millis(150);

/// Asks one core, or the load balancer in front of several.
#[derive(Debug, Clone)]
pub struct CoreClient {
    core: Url,
    client: reqwest::Client,
}

impl CoreClient {
    /// A client of the core at a URL.
    ///
    /// # Errors
    /// [`ClientError::Unavailable`] if no HTTP client can be made.
    pub fn new(core: Url) -> Result<Self, ClientError> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(10)).no_proxy().build();
        let client = client.map_err(|error| ClientError::Unavailable {
            core: core.to_string(),
            reason: error.to_string(),
        })?;
        Ok(Self { core, client })
    }

    /// The messages of a transaction; none while the core has not seen it.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn transaction(&self, hash: B256) -> Result<TransactionView, ClientError> {
        self.get(&format!("v1/transactions/{hash}")).await
    }

    /// Polls until all messages of a transaction have run at their destination or are refunded, telling every change. A core that is
    /// away for a while is asked again.
    ///
    /// # Errors
    /// [`ClientError::NotArrived`] when `patience` is over, saying where the messages are.
    pub async fn follow(
        &self,
        transaction: B256,
        patience: Duration,
        tell: impl Fn(&MessageView),
    ) -> Result<Vec<MessageView>, ClientError> {
        let began = Instant::now();
        let mut told: Vec<String> = Vec::new();
        let mut trouble = None;
        while began.elapsed() < patience {
            match self.transaction(transaction).await {
                Ok(view) => {
                    trouble = None;
                    told.resize(view.messages.len(), String::new());
                    for (message, told) in view.messages.iter().zip(&mut told) {
                        if *told != message.reason {
                            tell(message);
                            told.clone_from(&message.reason);
                        }
                    }
                    if !view.messages.is_empty()
                        && view.messages.iter().all(|message| message.state.is_settled())
                    {
                        return Ok(view.messages);
                    }
                }
                Err(error) => trouble = Some(error.to_string()),
            }
            sleep(POLL).await;
        }
        let mut reasons = told;
        reasons.extend(trouble);
        if reasons.is_empty() {
            reasons.push("the core has not seen it: is it in a block, and of this bridge?".to_owned());
        }
        Err(ClientError::NotArrived { transaction, patience, reason: reasons.join("; ") })
    }

    /// How far the core's view of the chains is.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn chains(&self) -> Result<Vec<ChainView>, ClientError> {
        self.get("v1/chains").await
    }

    /// The proofs of lies that the core keeps, the newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn evidence(&self) -> Result<Vec<EvidenceView>, ClientError> {
        self.get("v1/evidence").await
    }

    /// For how many checkpoints of the last day each validator was late.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn late(&self) -> Result<BTreeMap<Address, u64>, ClientError> {
        self.get("v1/late").await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let unavailable = |reason: String| ClientError::Unavailable { core: self.core.to_string(), reason };
        let url = self.core.join(path).map_err(|error| unavailable(error.to_string()))?;
        let mut response = self
            .client
            .get(url)
            .send()
            .await
            .map_err(|error| unavailable(error.without_url().to_string()))?;
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) =
            response.chunk().await.map_err(|error| unavailable(error.without_url().to_string()))?
        {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(unavailable("answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| unavailable(error.to_string()));
        }
        let reason =
            serde_json::from_slice::<Problem>(&body).map_or_else(|_| status.to_string(), |p| p.error);
        Err(ClientError::Refused { core: self.core.to_string(), reason })
    }
}
