//! A JSON-RPC endpoint over HTTP before a real node, which says what its liar decides. Websockets are refused: whoever
//! would have listened to one has to poll.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use eyre::{OptionExt, ensure};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, time::sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use url::Url;

use crate::{Answer, Call, Honest, Liar, Node, Reply};

/// Most bytes of a question.
const MAX_QUESTION_BYTES: usize = 1 << 20;
/// Most calls of a batch.
const MAX_BATCH: usize = 100;
/// Most methods that are counted one by one.
const MAX_METHODS: usize = 100;
/// One piece of an endless body.
static PIECE: [u8; 1 << 16] = [b'0'; 1 << 16];
/// So that a cut body's first half is on its way before the connection ends.
const BEFORE_CUT: Duration = Duration::from_millis(20);

/// An endpoint before a node. Dropping it ends it.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    _stop: DropGuard,
}

struct Shared {
    node: Node,
    liar: watch::Sender<Arc<dyn Liar>>,
    asked: Mutex<BTreeMap<String, u64>>,
    lies: AtomicU64,
}

impl Proxy {
    /// An endpoint on a free port, honest at first.
    ///
    /// # Errors
    /// If there is no port.
    pub async fn start(node: Url) -> eyre::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let honest: Arc<dyn Liar> = Arc::new(Honest);
        let shared = Arc::new(Shared {
            node: Node::new(node)?,
            liar: watch::Sender::new(honest),
            asked: Mutex::default(),
            lies: AtomicU64::new(0),
        });
        let router = Router::new()
            .route("/", post(serve))
            .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES))
            .with_state(shared.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                served = axum::serve(listener, router) => {
                    if let Err(error) = served {
                        tracing::error!(port, %error, "proxy ended");
                    }
                }
            }
        });
        Ok(Self { port, shared, _stop: stop.drop_guard() })
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From the next call on, this one decides. What hangs is ended.
    pub fn set_liar(&self, liar: Arc<dyn Liar>) {
        self.shared.liar.send_replace(liar);
    }

    /// Makes it honest.
    pub fn heal(&self) {
        self.set_liar(Arc::new(Honest));
    }

    /// How often a method was asked for.
    pub fn asked(&self, method: &str) -> u64 {
        let asked = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(method).copied().unwrap_or(0)
    }

    /// How many replies were not honest.
    pub fn lies(&self) -> u64 {
        self.shared.lies.load(Ordering::Relaxed)
    }
}

/// What a body is made of.
enum Outcome {
    /// A JSON-RPC answer.
    Json(Value),
    /// Something that spoils the body, whatever else of a batch would be in it.
    Spoiled(Reply),
}

async fn serve(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    match shared.handle(&body).await {
        Ok(response) => response,
        Err(error) => {
            tracing::debug!(%error, "proxy cannot answer");
            (StatusCode::BAD_GATEWAY, error.to_string()).into_response()
        }
    }
}

impl Shared {
    async fn handle(&self, body: &[u8]) -> eyre::Result<Response> {
        let question: Value = serde_json::from_slice(body)?;
        let (questions, batch) = match &question {
            Value::Array(questions) => (questions.as_slice(), true),
            _ => (std::slice::from_ref(&question), false),
        };
        ensure!((1..=MAX_BATCH).contains(&questions.len()), "a batch of {} calls", questions.len());
        // Whoever is asked first decides all of it, and what hangs ends with him.
        let mut watched = self.liar.subscribe();
        let liar = watched.borrow_and_update().clone();
        let (mut answers, mut spoiled) = (Vec::with_capacity(questions.len()), None);
        for question in questions {
            match self.outcome(question, liar.as_ref()).await? {
                Outcome::Json(answer) => answers.push(answer),
                Outcome::Spoiled(reply) => spoiled = Some(reply),
            }
        }
        let answer = if batch { Value::Array(answers) } else { answers.pop().unwrap_or_default() };
        match spoiled {
            None => Ok(body_of(serde_json::to_vec(&answer)?)),
            Some(Reply::Raw(bytes)) => Ok(body_of(bytes)),
            Some(Reply::Endless(length)) => Ok(body_of(endless(length))),
            Some(Reply::Cut) => Ok(body_of(cut(question, &self.node).await?)),
            Some(_) => {
                let _ = watched.changed().await;
                Ok(body_of(Body::from_stream(stream::once(async { Err::<Bytes, _>(gone()) }))))
            }
        }
    }

    async fn outcome(&self, question: &Value, liar: &dyn Liar) -> eyre::Result<Outcome> {
        let method = question["method"].as_str().ok_or_eyre("a call without method")?.to_owned();
        let call = Call { method, params: question.get("params").cloned().unwrap_or_else(|| json!([])) };
        self.count(&call.method);
        let reply = liar.reply(&call, &self.node).await?;
        if reply != Reply::Honest {
            self.lies.fetch_add(1, Ordering::Relaxed);
        }
        let answer = match reply {
            Reply::Honest => self.node.answer(&call).await?,
            Reply::Late(delay) => {
                let answer = self.node.answer(&call).await?;
                sleep(delay).await;
                answer
            }
            Reply::Altered(answer) => answer,
            spoils => return Ok(Outcome::Spoiled(spoils)),
        };
        Ok(Outcome::Json(envelope(&question["id"], answer)))
    }

    fn count(&self, method: &str) {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if asked.len() < MAX_METHODS || asked.contains_key(method) {
            *asked.entry(method.to_owned()).or_default() += 1;
        }
    }
}

fn envelope(id: &Value, answer: Answer) -> Value {
    match answer {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => json!({"jsonrpc": "2.0", "id": id, "error": error}),
    }
}

fn body_of(body: impl Into<Body>) -> Response {
    ([(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

fn gone() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

/// The first half of what the node says to the whole question; then nothing more comes.
async fn cut(question: Value, node: &Node) -> eyre::Result<Body> {
    let first = match question {
        Value::Array(mut questions) => questions.swap_remove(0),
        single => single,
    };
    let method = first["method"].as_str().unwrap_or_default().to_owned();
    let answer = node.answer(&Call { method, params: first["params"].clone() }).await?;
    let mut whole = serde_json::to_vec(&envelope(&first["id"], answer))?;
    whole.truncate(whole.len() / 2);
    let half = stream::once(async { Ok(Bytes::from(whole)) });
    let end = stream::once(async {
        sleep(BEFORE_CUT).await;
        Err(gone())
    });
    Ok(Body::from_stream(half.chain(end)))
}

/// Begins like an answer whose result is a long hexadecimal text.
fn endless(length: u64) -> Body {
    let begin = stream::once(async { Bytes::from_static(br#"{"jsonrpc":"2.0","id":1,"result":"0x"#) });
    let pieces = stream::iter(0..length / PIECE.len() as u64).map(|_| Bytes::from_static(&PIECE));
    Body::from_stream(begin.chain(pieces).map(Ok::<_, Infallible>))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use async_trait::async_trait;
    use axum::Json;

    use super::*;
    use crate::liars::{Cut, Enormous, Hang, Malformed, Slow};

    /// A node that says the method's name and its parameters.
    async fn node() -> Url {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let echo = async |Json(question): Json<Value>| match question["method"].as_str() {
            Some("refused") => Json(json!({"id": 1, "error": {"code": 3, "message": "reverted"}})),
            _ => Json(json!({"id": 1, "result": {"said": question["method"], "to": question["params"]}})),
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(echo))).await });
        Url::parse(&url).unwrap()
    }

    async fn ask(proxy: &Proxy, question: &Value) -> reqwest::Result<Vec<u8>> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(3)).no_proxy().build()?;
        let url = format!("http://127.0.0.1:{}/", proxy.port());
        Ok(client.post(url).json(question).send().await?.bytes().await?.to_vec())
    }

    fn question(id: u64, method: &str) -> Value {
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": ["a"]})
    }

    async fn said(proxy: &Proxy, question: &Value) -> Value {
        serde_json::from_slice(&ask(proxy, question).await.unwrap()).unwrap()
    }

    struct Says(Value);

    #[async_trait]
    impl Liar for Says {
        async fn reply(&self, call: &Call, _: &Node) -> eyre::Result<Reply> {
            let lies = call.method == "x";
            Ok(if lies { Reply::Altered(Ok(self.0.clone())) } else { Reply::Honest })
        }
    }

    #[tokio::test]
    async fn an_honest_proxy_says_what_the_node_says_to_single_calls_and_batches() {
        let proxy = Proxy::start(node().await).await.unwrap();
        let answer = said(&proxy, &question(7, "x")).await;
        assert_eq!(answer, json!({"jsonrpc": "2.0", "id": 7, "result": {"said": "x", "to": ["a"]}}));
        let answers = said(&proxy, &json!([question(1, "x"), question(2, "refused")])).await;
        assert_eq!(answers[0]["result"]["said"], "x");
        assert_eq!(
            answers[1],
            json!({"jsonrpc": "2.0", "id": 2, "error": {"code": 3, "message": "reverted"}})
        );
        assert_eq!((proxy.asked("x"), proxy.asked("refused"), proxy.asked("y")), (2, 1, 0));
        assert_eq!(proxy.lies(), 0);
    }

    #[tokio::test]
    async fn a_liar_can_come_and_go() {
        let proxy = Proxy::start(node().await).await.unwrap();
        proxy.set_liar(Arc::new(Says(json!("0x1"))));
        let answers = said(&proxy, &json!([question(1, "x"), question(2, "y")])).await;
        assert_eq!(answers[0]["result"], "0x1");
        assert_eq!(answers[1]["result"]["said"], "y");
        assert_eq!(proxy.lies(), 1);
        proxy.heal();
        assert_eq!(said(&proxy, &question(3, "x")).await["result"]["said"], "x");
        assert_eq!(proxy.lies(), 1);
    }

    #[tokio::test]
    async fn bodies_are_spoiled_as_asked() {
        let proxy = Proxy::start(node().await).await.unwrap();
        proxy.set_liar(Arc::new(Cut));
        assert!(ask(&proxy, &question(1, "x")).await.is_err(), "a cut body ends in an error");
        proxy.set_liar(Arc::new(Enormous { bytes: 3 << 20 }));
        let body = ask(&proxy, &question(1, "x")).await.unwrap();
        assert!(body.len() >= 3 << 20 && body.starts_with(b"{\"jsonrpc\""), "{}", body.len());
        proxy.set_liar(Arc::new(Malformed::default()));
        let first = ask(&proxy, &question(1, "x")).await.unwrap();
        assert_ne!(first, ask(&proxy, &question(1, "x")).await.unwrap());
    }

    #[tokio::test]
    async fn what_hangs_ends_when_it_is_healed() {
        let proxy = Proxy::start(node().await).await.unwrap();
        proxy.set_liar(Arc::new(Slow { delay: Duration::from_millis(300) }));
        let began = Instant::now();
        assert_eq!(said(&proxy, &question(1, "x")).await["result"]["said"], "x");
        assert!(began.elapsed() >= Duration::from_millis(300));
        proxy.set_liar(Arc::new(Hang));
        assert!(ask(&proxy, &question(1, "x")).await.unwrap_err().is_timeout());
        let (hanging, asked) = (question(1, "x"), Instant::now());
        let asking = ask(&proxy, &hanging);
        let healing = async {
            sleep(Duration::from_millis(200)).await;
            proxy.heal();
        };
        assert!(tokio::join!(asking, healing).0.is_err());
        assert!(asked.elapsed() < Duration::from_secs(2), "ended by the healing, not by patience");
        assert_eq!(said(&proxy, &question(1, "x")).await["result"]["said"], "x");
    }

    #[tokio::test]
    async fn questions_are_bounded() {
        let proxy = Proxy::start(node().await).await.unwrap();
        let many = json!(vec![question(1, "x"); MAX_BATCH + 1]);
        assert!(String::from_utf8(ask(&proxy, &many).await.unwrap()).unwrap().contains("a batch of 101"));
        let long = json!("x".repeat(MAX_QUESTION_BYTES));
        let answered = ask(&proxy, &long).await;
        assert!(answered.is_err() || !String::from_utf8_lossy(&answered.unwrap()).contains("result"));
        assert_eq!(proxy.asked("x"), 0);
    }
}
