//! Bounded answers of others, as JSON.

use serde::de::DeserializeOwned;
use url::Url;

/// Asks for a path of a service.
///
/// # Errors
/// In words, without what a URL may hold of secrets.
pub(crate) async fn fetch<T: DeserializeOwned>(
    client: &reqwest::Client,
    service: &Url,
    path: &str,
    max_bytes: usize,
) -> Result<T, String> {
    let url = service.join(path).map_err(|error| error.to_string())?;
    let mut response = client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
    if !response.status().is_success() {
        return Err(format!("status {}", response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
        if body.len() + chunk.len() > max_bytes {
            return Err("its answer is too long".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).map_err(|error| error.to_string())
}
