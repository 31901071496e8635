//! What a node answered: a result, or a refusal.

use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::{Map, Value};

/// Most characters of an error that are kept: a node's own words, or a parser's, which repeat the node's.
const MAX_MESSAGE_CHARS: usize = 300;

/// Why a call gave no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EndpointError {
    /// No answer, too slow, too long, or not JSON-RPC. Another endpoint may do better.
    #[error("{0}")]
    Transport(String),
    /// The node understood and refused.
    #[error("{message} (code {code})")]
    Refused {
        /// JSON-RPC error code.
        code: i64,
        /// Its message, shortened to 300 characters.
        message: String,
        /// Its data, which for a reverted call is the revert data in hexadecimal.
        data: Option<String>,
    },
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    #[serde(default)]
    message: String,
    data: Option<Value>,
}

/// An answer as nearly all are: a result, and no error.
#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Plain<T> {
    result: Option<T>,
    error: Option<IgnoredAny>,
}

/// Reads the body of a JSON-RPC answer.
///
/// # Errors
/// [`EndpointError::Refused`] if the node refused, [`EndpointError::Transport`] for anything but an answer.
pub fn read_answer<T: DeserializeOwned>(body: &[u8]) -> Result<T, EndpointError> {
    // Straight into the type, which for megabytes of logs costs half; everything else is looked at closely. A list would
    // be read as a structure's fields in order.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(Plain { result: Some(result), error: None }) = serde_json::from_slice(body)
    {
        return Ok(result);
    }
    let transport = |text: String| EndpointError::Transport(shortened(&text));
    let mut answer: Map<String, Value> =
        serde_json::from_slice(body).map_err(|error| transport(format!("not a JSON-RPC answer: {error}")))?;
    if let Some(refusal) = answer.remove("error").filter(|error| !error.is_null()) {
        return Err(serde_json::from_value(refusal)
            .map_or_else(|error| transport(format!("not a JSON-RPC error: {error}")), refused));
    }
    // Null is an answer ("there is none"), silence is not: it must not be taken for one.
    let result = answer
        .remove("result")
        .ok_or_else(|| transport("not a JSON-RPC answer: neither result nor error".to_owned()))?;
    serde_json::from_value(result).map_err(|error| transport(format!("unexpected result: {error}")))
}

fn refused(refusal: Refusal) -> EndpointError {
    let data = match refusal.data {
        Some(Value::String(data)) => Some(data),
        Some(Value::Object(mut data)) => data.remove("data").and_then(|d| d.as_str().map(str::to_owned)),
        _ => None,
    };
    EndpointError::Refused { code: refusal.code, message: shortened(&refusal.message), data }
}

/// For logs and the database: not long, in one line, without control characters.
fn shortened(text: &str) -> String {
    text.chars().take(MAX_MESSAGE_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node chooses these texts, and they end up in logs and the database.
    #[test]
    fn errors_are_short_and_of_one_line_whatever_the_node_says() {
        let long = "x".repeat(10_000);
        let wrong_result = format!(r#"{{"result": "\u0000\n{long}"}}"#);
        let refusal = format!(r#"{{"error": {{"code": 3, "message": "\u0000\n{long}"}}}}"#);
        for body in [wrong_result, refusal, format!(r#"{{"error": "\n{long}"}}"#)] {
            let (EndpointError::Transport(text) | EndpointError::Refused { message: text, .. }) =
                read_answer::<u64>(body.as_bytes()).unwrap_err();
            assert_eq!(text.chars().count(), MAX_MESSAGE_CHARS);
            assert!(!text.contains(char::is_control), "{text:?}");
        }
    }

    #[test]
    fn results_and_refusals_are_told_apart() {
        assert_eq!(read_answer::<u64>(br#"{"result": 7}"#).unwrap(), 7);
        assert_eq!(read_answer::<Option<u64>>(br#"{"result": null}"#).unwrap(), None);
        // What a provider says when it has something else to say: no block and no receipt is to be concluded from it.
        for body in ["{}", r#"{"message": "too many requests"}"#, "[null]", r#"{"error": null}"#, "null"] {
            let answer = read_answer::<Option<u64>>(body.as_bytes());
            assert!(matches!(answer, Err(EndpointError::Transport(_))), "{body}");
        }
        for data in [r#""0x01""#, r#"{"data": "0x01"}"#] {
            let body = format!(r#"{{"error": {{"code": 3, "message": "no", "data": {data}}}}}"#);
            let refused = read_answer::<u64>(body.as_bytes()).unwrap_err();
            let EndpointError::Refused { code: 3, data: Some(data), .. } = refused else {
                panic!("{refused}")
            };
            assert_eq!(data, "0x01");
        }
    }
}
