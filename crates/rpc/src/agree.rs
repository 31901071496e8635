//! N-of-M agreement. Fails closed: an endpoint that is missing, slow or in error counts against, never for.

use futures::{StreamExt, stream::FuturesUnordered};
use icc_chain::ChainError;

use crate::{Misdeed, name_endpoint};

/// What one endpoint answered.
pub type Answer<T> = (String, Result<T, ChainError>);

/// Waits until `needed` of the questions have the same answer, and returns it. Endpoints that answer otherwise are
/// named by log and metric.
///
/// # Errors
/// [`ChainError::NoQuorum`] when all have answered and no answer has enough voices.
pub async fn agree<T, Fut>(what: &str, needed: usize, questions: Vec<Fut>) -> Result<T, ChainError>
where
    T: Eq + Clone + std::fmt::Debug,
    Fut: Future<Output = Answer<T>>,
{
    let asked = questions.len();
    let mut pending: FuturesUnordered<Fut> = questions.into_iter().collect();
    let mut voices: Vec<(T, Vec<String>)> = Vec::new();
    let mut details = String::new();
    while let Some((endpoint, answer)) = pending.next().await {
        match answer {
            Ok(value) => match voices.iter_mut().find(|(known, _)| *known == value) {
                Some((_, names)) => names.push(endpoint),
                None => voices.push((value, vec![endpoint])),
            },
            Err(error) => details.push_str(&format!("; {error}")),
        }
        if let Some(winner) = voices.iter().position(|(_, names)| names.len() >= needed) {
            let (value, _) = voices.swap_remove(winner);
            for (other, names) in &voices {
                for name in names {
                    name_endpoint(name, Misdeed::OtherAnswer, &format!("{what}: {other:?}"));
                }
            }
            return Ok(value);
        }
    }
    for (value, names) in &voices {
        details.push_str(&format!("; {} say {value:?}", names.join(", ")));
    }
    let agreeing = voices.iter().map(|(_, names)| names.len()).max().unwrap_or(0);
    Err(ChainError::NoQuorum { what: what.to_owned(), agreeing, asked, needed, details })
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, ready};

    use super::*;

    fn says(name: &str, value: u8) -> Ready<Answer<u8>> {
        ready((name.to_owned(), Ok(value)))
    }

    fn fails(name: &str) -> Ready<Answer<u8>> {
        let error = ChainError::Unavailable { endpoint: name.to_owned(), reason: "down".to_owned() };
        ready((name.to_owned(), Err(error)))
    }

    #[tokio::test]
    async fn two_of_three_win_over_a_liar() {
        assert_eq!(agree("x", 2, vec![says("a", 9), says("b", 1), says("c", 1)]).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn missing_endpoints_never_shrink_the_quorum() {
        let error = agree("x", 2, vec![says("a", 1), fails("b"), fails("c")]).await.unwrap_err();
        assert!(matches!(error, ChainError::NoQuorum { agreeing: 1, asked: 3, needed: 2, .. }), "{error}");
    }

    #[tokio::test]
    async fn three_answers_are_no_answer() {
        assert!(agree("x", 2, vec![says("a", 1), says("b", 2), says("c", 3)]).await.is_err());
    }
}
