//! Who decides what an endpoint answers.

use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use serde_json::Value;

use crate::{Answer, Node};

/// A question to an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// JSON-RPC method.
    pub method: String,
    /// Its parameters.
    pub params: Value,
}

impl Call {
    /// The parameter at a place; `null` if there is none.
    pub fn param(&self, at: usize) -> &Value {
        self.params.get(at).unwrap_or(&Value::Null)
    }

    /// The same question with another parameter at a place that has one.
    pub fn with_param(&self, at: usize, value: Value) -> Self {
        let mut call = self.clone();
        if let Some(param) = call.params.get_mut(at) {
            *param = value;
        }
        call
    }
}

/// What an endpoint does about a question.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// Says what the node says.
    Honest,
    /// Says what the node says, later.
    Late(Duration),
    /// Says this instead.
    Altered(Answer),
    /// Sends these bytes for a body.
    Raw(Bytes),
    /// Sends a body that begins like an answer and goes on for this many bytes.
    Endless(u64),
    /// Sends the first half of the true body and ends the connection.
    Cut,
    /// Takes the question and never answers.
    Hang,
}

/// Decides what an endpoint answers. It may ask the node whatever it needs for that.
#[async_trait]
pub trait Liar: Send + Sync {
    /// What to do about a question.
    ///
    /// # Errors
    /// If the node cannot be asked; the endpoint then fails the question.
    async fn reply(&self, call: &Call, node: &Node) -> eyre::Result<Reply>;
}

/// Tells the truth.
#[derive(Debug, Clone, Copy, Default)]
pub struct Honest;

#[async_trait]
impl Liar for Honest {
    async fn reply(&self, _: &Call, _: &Node) -> eyre::Result<Reply> {
        Ok(Reply::Honest)
    }
}
