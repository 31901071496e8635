//! Endpoints of a validator's own: each forwards to a node, can be cut off alone, and can be led elsewhere: to a proxy
//! that lies, or to another node.

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::anvil::local;

/// Where connections go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Route {
    target: u16,
    cut: bool,
}

/// A TCP endpoint in front of a node.
pub struct Forwarder {
    port: u16,
    node: u16,
    route: watch::Sender<Route>,
    _stop: DropGuard,
}

impl Forwarder {
    pub(crate) async fn start(node: u16) -> eyre::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let (route, watched) = watch::channel(Route { target: node, cut: false });
        let stop = CancellationToken::new();
        tokio::spawn(accept(listener, watched, stop.clone()));
        Ok(Self { port, node, route, _stop: stop.drop_guard() })
    }

    /// Its HTTP endpoint.
    pub fn url(&self) -> Url {
        local(&format!("http://127.0.0.1:{}", self.port))
    }

    /// Its websocket.
    pub fn websocket(&self) -> Url {
        local(&format!("ws://127.0.0.1:{}", self.port))
    }

    /// Refuses connections, or takes them again. Open ones end.
    pub fn set_cut(&self, cut: bool) {
        self.reroute(|route| route.cut = cut);
    }

    /// Leads to another port of this machine from now on. Open connections end.
    pub fn lead_to(&self, port: u16) {
        self.reroute(|route| route.target = port);
    }

    /// Leads to its node again. Open connections end.
    pub fn lead_home(&self) {
        self.lead_to(self.node);
    }

    fn reroute(&self, change: impl FnOnce(&mut Route)) {
        self.route.send_if_modified(|route| {
            let before = *route;
            change(route);
            *route != before
        });
    }
}

async fn accept(listener: TcpListener, mut route: watch::Receiver<Route>, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((mut client, _)) = accepted else { continue };
        let Route { target, cut } = *route.borrow_and_update();
        if cut {
            continue;
        }
        let (mut route, stop) = (route.clone(), stop.clone());
        tokio::spawn(async move {
            let Ok(mut node) = TcpStream::connect(("127.0.0.1", target)).await else { return };
            let _ = client.set_nodelay(true);
            let _ = node.set_nodelay(true);
            tokio::select! {
                () = stop.cancelled() => {}
                _ = route.changed() => {}
                _ = copy_bidirectional(&mut client, &mut node) => {}
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A server that says one letter to each connection and keeps it open.
    async fn says(letter: u8) -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut open = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                stream.write_all(&[letter]).await.unwrap();
                open.push(stream);
            }
        });
        port
    }

    /// The letter that a new connection hears, and the connection; `None` if it is ended at once.
    async fn hear(forwarder: &Forwarder) -> Option<(u8, TcpStream)> {
        let mut stream = TcpStream::connect(("127.0.0.1", forwarder.port)).await.unwrap();
        Some((stream.read_u8().await.ok()?, stream))
    }

    #[tokio::test]
    async fn it_leads_where_it_is_told_and_open_connections_end() {
        let forwarder = Forwarder::start(says(b'a').await).await.unwrap();
        let (letter, mut open) = hear(&forwarder).await.unwrap();
        assert_eq!(letter, b'a');
        forwarder.lead_to(says(b'b').await);
        assert!(open.read_u8().await.is_err(), "a connection to the former target has ended");
        let (letter, mut open) = hear(&forwarder).await.unwrap();
        assert_eq!(letter, b'b');
        forwarder.set_cut(true);
        assert!(open.read_u8().await.is_err());
        assert!(hear(&forwarder).await.is_none(), "nothing passes while it is cut");
        forwarder.set_cut(false);
        assert_eq!(hear(&forwarder).await.unwrap().0, b'b', "the cut does not change where it leads");
        forwarder.lead_home();
        assert_eq!(hear(&forwarder).await.unwrap().0, b'a');
    }
}
