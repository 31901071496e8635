//! Endpoints of a validator's own: each forwards to a node, and can be cut off alone.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::anvil::local;

/// A TCP endpoint in front of a node.
pub struct Forwarder {
    port: u16,
    cut: Arc<AtomicBool>,
    _stop: DropGuard,
}

impl Forwarder {
    pub(crate) async fn start(target: u16) -> eyre::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let cut = Arc::new(AtomicBool::new(false));
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, target, cut.clone(), stop.clone()));
        Ok(Self { port, cut, _stop: stop.drop_guard() })
    }

    /// Its HTTP endpoint.
    pub fn url(&self) -> Url {
        local(&format!("http://127.0.0.1:{}", self.port))
    }

    /// Its websocket.
    pub fn websocket(&self) -> Url {
        local(&format!("ws://127.0.0.1:{}", self.port))
    }

    /// Refuses new connections, or takes them again. Open ones end with their next request.
    pub fn set_cut(&self, cut: bool) {
        self.cut.store(cut, Ordering::Relaxed);
    }
}

async fn accept(listener: TcpListener, target: u16, cut: Arc<AtomicBool>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((mut client, _)) = accepted else { continue };
        if cut.load(Ordering::Relaxed) {
            continue;
        }
        let (cut, stop) = (cut.clone(), stop.clone());
        tokio::spawn(async move {
            let Ok(mut node) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            let _ = client.set_nodelay(true);
            let _ = node.set_nodelay(true);
            tokio::select! {
                () = stop.cancelled() => {}
                () = until_cut(&cut) => {}
                _ = copy_bidirectional(&mut client, &mut node) => {}
            }
        });
    }
}

async fn until_cut(cut: &AtomicBool) {
    while !cut.load(Ordering::Relaxed) {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
