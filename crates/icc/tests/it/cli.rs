//! The command line, as people and scripts use it.

use std::process::{Command, Output};

use serde_json::Value;

use crate::shared::{Bridge, icc, with_bridge};

pub fn run(arguments: &[&str]) -> Output {
    Command::new(icc()).args(arguments).env_remove("ICC_CORE").output().unwrap()
}

pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn by_hand(bridge: &Bridge, arguments: &[&str]) -> Output {
    let folder = bridge.devnet.folder().display().to_string();
    let (config, key) = (format!("{folder}/icc.toml"), format!("{folder}/user.key"));
    let core = bridge.devnet.core_urls[0].to_string();
    let mut all = vec!["--json", "send"];
    all.extend(arguments);
    let tail =
        ["--config", &config, "--key-file", &key, "--core", &core, "--patience", "60"].map(str::to_owned);
    let all: Vec<String> = all.into_iter().map(str::to_owned).chain(tail).collect();
    tokio::task::spawn_blocking(move || Command::new(icc()).args(all).output().unwrap()).await.unwrap()
}

#[test]
fn help_and_version_succeed_and_nonsense_is_a_usage_error() {
    for arguments in [&["--help"][..], &["--version"], &["send", "--help"], &["help", "devnet"]] {
        assert!(run(arguments).status.success(), "{arguments:?}");
    }
    assert_eq!(run(&["fly"]).status.code(), Some(2));
    assert_eq!(run(&["devnet", "--validators", "0"]).status.code(), Some(2));
}

#[test]
fn configuration_is_written_once_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("icc.toml");
    let file = file.to_str().unwrap();
    assert!(run(&["config", "init", "--config", file]).status.success());
    let again = run(&["config", "init", "--config", file]);
    assert!(!again.status.success() && said(&again).contains("must not exist"), "{}", said(&again));
    let checked = run(&["config", "check", "--offline", "--config", file]);
    assert!(checked.status.success(), "{}", said(&checked));
    let text = std::fs::read_to_string(file).unwrap().replace("rpc_quorum = 2", "rpc_quorun = 2");
    std::fs::write(file, text).unwrap();
    let refused = run(&["config", "check", "--offline", "--config", file]);
    assert!(!refused.status.success() && said(&refused).contains("rpc_quorun"), "{}", said(&refused));
}

#[test]
fn keys_are_made_private_and_never_shown() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    let made = run(&["keys", "new", file.to_str().unwrap()]);
    assert!(made.status.success());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let secret = std::fs::read_to_string(&file).unwrap();
    let shown = run(&["keys", "address", "--key-file", file.to_str().unwrap()]);
    assert_eq!(made.stdout, shown.stdout);
    assert!(!String::from_utf8_lossy(&shown.stdout).contains(secret.trim()));
    assert!(!run(&["keys", "new", file.to_str().unwrap()]).status.success(), "never overwrites");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = run(&["keys", "address", "--key-file", file.to_str().unwrap()]);
    assert!(!open.status.success() && said(&open).contains("chmod 600"), "{}", said(&open));
}

#[test]
fn a_person_sends_tokens_and_is_told_of_mistakes() {
    with_bridge(async |bridge| {
        let token = bridge.tokens[0].to_string();
        let before = bridge.balance(0, 1).await;
        let arguments = [
            "token",
            "--from",
            "alpha",
            "--to",
            "31002",
            "--token",
            &token,
            "--amount",
            "0.000000000000000003",
        ];
        let sent = by_hand(bridge, &arguments).await;
        assert!(sent.status.success(), "{}", said(&sent));
        let result: Value = serde_json::from_slice(&sent.stdout).unwrap();
        assert_eq!(result["arrived"], true, "{result}");
        assert_eq!(bridge.balance(0, 1).await - before, alloy_primitives::U256::from(3));

        let transaction = result["transaction"].as_str().unwrap().to_owned();
        let core = bridge.devnet.core_urls[1].to_string();
        let status = run(&["status", &transaction, "--core", &core]);
        assert!(status.status.success(), "{}", said(&status));

        let long = "9".repeat(5000);
        for (field, arguments) in [
            ("amount", ["token", "--from", "alpha", "--to", "beta", "--token", &token, "--amount", "-1"]),
            ("amount", ["token", "--from", "alpha", "--to", "beta", "--token", &token, "--amount", &long]),
            (
                "amount",
                ["token", "--from", "alpha", "--to", "beta", "--token", &token, "--amount", "1000000000"],
            ),
            ("token", ["token", "--from", "alpha", "--to", "beta", "--token", "0x12", "--amount", "1"]),
            ("token", ["token", "--from", "alpha", "--to", "beta", "--token", &long, "--amount", "1"]),
            ("--to", ["token", "--from", "alpha", "--to", "alpha", "--token", &token, "--amount", "1"]),
            ("--to", ["token", "--from", "alpha", "--to", "mars", "--token", &token, "--amount", "1"]),
            (
                "--from",
                [
                    "token",
                    "--from",
                    "99999999999999999999999",
                    "--to",
                    "beta",
                    "--token",
                    &token,
                    "--amount",
                    "1",
                ],
            ),
        ] {
            let mut arguments = arguments.to_vec();
            // A leading minus would be taken for a flag.
            let joined = format!("--amount={}", arguments[8]);
            arguments.truncate(7);
            arguments.push(&joined);
            let refused = by_hand(bridge, &arguments).await;
            assert!(!refused.status.success(), "{arguments:?}");
            let text = said(&refused);
            assert!(text.contains(field) && text.len() < 1200, "{arguments:?}: {text}");
        }
        bridge.audit().await;
    });
}

/// What a deployment says of its registry.
fn hub(treasury: alloy_primitives::Address) -> String {
    format!("hub = \"alpha\"\n[deployment.registry]\ntreasury = \"{treasury}\"\nmin_bond = \"10\"\n")
}

#[test]
fn deploying_again_changes_nothing() {
    with_bridge(async |bridge| {
        let folder = bridge.devnet.folder();
        let config = folder.join("again.toml");
        let text = std::fs::read_to_string(folder.join("icc.toml")).unwrap();
        let guardian = bridge.account(0).address();
        let deployment = format!(
            "[deployment]\nvalidators = [\"{guardian}\"]\nguardian = \"{guardian}\"\ntimelock_delay_seconds = 0\n{}",
            hub(guardian),
        );
        std::fs::write(&config, format!("{text}\n{deployment}")).unwrap();
        let key = folder.join("user.key");
        let arguments =
            ["--json", "deploy", "--config", config.to_str().unwrap(), "--key-file", key.to_str().unwrap()];
        let done = run(&arguments);
        assert!(done.status.success(), "{}", said(&done));
        let result: Value = serde_json::from_slice(&done.stdout).unwrap();
        let gateway = result["alpha"]["gateway"].as_str().unwrap();
        assert_eq!(gateway, bridge.devnet.configs[0].gateway.to_string().to_lowercase());
    });
}

/// `icc run` alone, in place of the cores and the indexer.
#[test]
fn run_is_a_whole_small_bridge_in_one_process() {
    use icc_devnet::Role;
    use nix::{
        sys::signal::{Signal, kill},
        unistd::Pid,
    };
    with_bridge(async |bridge| {
        let others = [Role::Core(0), Role::Core(1), Role::Indexer];
        for role in others {
            bridge.devnet.process(role).unwrap().kill();
        }
        let folder = bridge.devnet.folder();
        // In the place of the first core, so that validators find it.
        let listen = format!("127.0.0.1:{}", bridge.devnet.core_urls[0].port().unwrap());
        let mut alone = Command::new(icc())
            .args(["run", "--config", folder.join("icc.toml").to_str().unwrap()])
            .args(["--key-file", folder.join("user.key").to_str().unwrap()])
            .env("ICC__CORE__LISTEN", listen)
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let before = bridge.balance(0, 1).await;
        bridge.burst(0, 0, 1, 3).await;
        bridge.audit().await;
        assert_ne!(bridge.balance(0, 1).await, before);
        kill(Pid::from_raw(i32::try_from(alone.id()).unwrap()), Signal::SIGTERM).unwrap();
        assert!(alone.wait().unwrap().success(), "ends well when asked to");
        for role in others {
            bridge.devnet.process(role).unwrap().restart().unwrap();
        }
        bridge.burst(0, 0, 1, 1).await;
        bridge.audit().await;
    });
}

/// A network of its own on the devnet's chains: two chains at once, a third later, through a timelock that by then
/// makes everybody wait.
#[test]
fn a_chain_added_later_waits_for_the_timelock() {
    with_bridge(async |bridge| {
        let folder = bridge.devnet.folder();
        let file = folder.join("timelocked.toml");
        let key = folder.join("user.key");
        let owner = bridge.account(0).address();
        let chain = |name: &str, id: u64, rpc: &str, more: &str| {
            format!("[chains.{name}]\nid = {id}\nrpc_urls = [\"{rpc}\"]\n{more}\n")
        };
        let write = |deployed: &Value, names: &[(usize, &str)]| {
            let mut text = format!(
                "network = \"0x{}\"\n[deployment]\nvalidators = [\"{owner}\"]\nguardian = \"{owner}\"\n\
                 timelock_delay_seconds = 5\n{}",
                "7a".repeat(32),
                hub(owner),
            );
            for (index, name) in names {
                let known = match deployed[name].as_object() {
                    Some(at) => {
                        let told = ["gateway", "token_bridge", "registry"].into_iter();
                        let told = told.filter_map(|key| Some((key, at.get(key)?)));
                        told.map(|(key, address)| format!("{key} = {address}\n")).collect()
                    }
                    None => String::new(),
                };
                let rpc = bridge.devnet.chains[*index].url();
                text.push_str(&chain(name, bridge.id(*index).0, rpc.as_str(), &known));
            }
            std::fs::write(&file, text).unwrap();
        };
        let deploy = || {
            let arguments =
                ["--json", "deploy", "--config", file.to_str().unwrap(), "--key-file", key.to_str().unwrap()];
            let done = run(&arguments);
            let result = serde_json::from_slice::<Value>(&done.stdout);
            (done.status.code(), result.unwrap_or_else(|_| panic!("{}", said(&done))))
        };
        write(&Value::Null, &[(0, "alpha"), (1, "beta")]);
        let (code, deployed) = deploy();
        assert_eq!(code, Some(0), "{deployed}");
        write(&deployed, &[(0, "alpha"), (1, "beta"), (2, "gamma")]);
        let (code, waiting) = deploy();
        assert_eq!(code, Some(3), "{waiting}");
        assert!(waiting["alpha"]["waiting_until"].is_u64() && waiting["gamma"]["waiting_until"].is_null());
        let mut last = code;
        for _ in 0..20 {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            last = deploy().0;
            if last == Some(0) {
                break;
            }
        }
        assert_eq!(last, Some(0), "the timelock lets it through in the end");
    });
}
