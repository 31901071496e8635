//! Hints that a new head may be there: by websocket where there is one, by the clock otherwise. A hint is never a
//! fact; whoever gets one looks for himself.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use icc_chain::HeadHints;
use tokio::{sync::watch, time};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use url::Url;

/// Where hints come from.
#[derive(Debug, Clone)]
pub struct HeadSource {
    /// `ws://` or `wss://`; without one, or while it fails, the clock alone.
    pub websocket: Option<Url>,
    /// How often to hint while there is no websocket.
    pub poll_interval: Duration,
}

/// How often to hint although a websocket is up: a subscription can die without a word.
const WATCHDOG: Duration = Duration::from_secs(5);
const MAX_FRAME_BYTES: usize = 1 << 20;

/// Starts a task that hints until all receivers are gone.
pub fn spawn_head_hints(source: HeadSource) -> HeadHints {
    let (sender, receiver) = watch::channel(0);
    tokio::spawn(async move {
        tokio::select! {
            () = sender.closed() => {}
            () = run(&source, &sender) => {}
        }
    });
    receiver
}

async fn run(source: &HeadSource, sender: &watch::Sender<u64>) {
    let hint = || sender.send_modify(|count| *count = count.wrapping_add(1));
    loop {
        if let Some(url) = &source.websocket
            && let Err(error) = follow(url, &hint).await
        {
            tracing::debug!(host = url.host_str(), %error, "websocket ended; polling");
        }
        // Poll for a while, then try the websocket again.
        for _ in 0..20 {
            hint();
            let jitter =
                Duration::from_millis(rand::random_range(0..=source.poll_interval.as_millis() as u64 / 10));
            time::sleep(source.poll_interval + jitter).await;
        }
    }
}

async fn follow(url: &Url, hint: &impl Fn()) -> Result<(), String> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let connecting = connect_async_with_config(url.as_str(), Some(config), true);
    let (mut socket, _) = time::timeout(Duration::from_secs(5), connecting)
        .await
        .map_err(|_| "connecting timed out".to_owned())?
        .map_err(|error| error.to_string())?;
    let subscribe = r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#;
    socket.send(Message::text(subscribe)).await.map_err(|error| error.to_string())?;
    loop {
        match time::timeout(WATCHDOG, socket.next()).await {
            Err(_) => hint(),
            Ok(Some(Ok(Message::Text(text)))) => {
                if text.as_str().contains("\"error\"") {
                    return Err("subscription refused".to_owned());
                }
                hint();
            }
            Ok(Some(Ok(Message::Close(_))) | None) => return Err("closed".to_owned()),
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(error))) => return Err(error.to_string()),
        }
    }
}
