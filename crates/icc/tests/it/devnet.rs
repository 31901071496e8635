//! `icc devnet` as a person runs it: up in time, and gone without a trace however it ends.

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use url::Url;

use crate::shared::{icc, with_bridge};

/// Once built, a devnet is ready in less than this.
const READY: Duration = Duration::from_secs(30);

struct Running {
    child: Child,
    addresses: Vec<String>,
}

fn start(folder: &std::path::Path) -> Running {
    let began = Instant::now();
    let mut child = Command::new(icc())
        .args(["--json", "devnet", "--cores", "1", "--folder", folder.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(began.elapsed() < READY, "ready after {:?}", began.elapsed());
    let up: Value = serde_json::from_str(&line).unwrap();
    let lists = [&up["cores"], &up["validators"]].into_iter().flat_map(|list| list.as_array().unwrap());
    let rpcs = up["chains"].as_array().unwrap().iter().map(|chain| &chain["rpc"]);
    let addresses = lists.chain(rpcs).chain([&up["database"]]).map(|url| {
        let url: Url = url.as_str().unwrap().parse().unwrap();
        format!("127.0.0.1:{}", url.port().unwrap())
    });
    Running { child, addresses: addresses.collect() }
}

fn open(addresses: &[String]) -> Vec<&String> {
    addresses.iter().filter(|address| TcpStream::connect(address).is_ok()).collect()
}

fn ends(running: &mut Running, signal: Signal) {
    assert_eq!(open(&running.addresses).len(), running.addresses.len(), "everything listens");
    kill(Pid::from_raw(i32::try_from(running.child.id()).unwrap()), signal).unwrap();
    running.child.wait().unwrap();
    let began = Instant::now();
    while !open(&running.addresses).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(15), "left behind: {:?}", open(&running.addresses));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Beside the shared devnet, which goes on.
#[test]
fn a_second_devnet_works_and_ctrl_c_or_a_kill_ends_all_of_it_and_nothing_else() {
    with_bridge(async |bridge| {
        for signal in [Signal::SIGINT, Signal::SIGKILL] {
            let folder = tempfile::tempdir().unwrap();
            let mut running = start(folder.path());
            ends(&mut running, signal);
            bridge.devnet.check().unwrap();
        }
        bridge.burst(0, 0, 1, 1).await;
        bridge.audit().await;
    });
}
