//! The shape of the code: who may depend on whom, how long a file may be.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What each crate may depend on, of this workspace. An edge that is not here is a decision to be made, not a detail.
const EDGES: [(&str, &[&str]); 16] = [
    ("protocol", &[]),
    ("evm-proof", &[]),
    ("chain", &["protocol"]),
    ("lane", &["chain", "protocol"]),
    ("rpc", &["chain"]),
    ("chain-evm", &["chain", "evm-proof", "protocol", "rpc"]),
    ("store", &["protocol"]),
    ("indexer", &["chain", "lane", "protocol", "store"]),
    ("attest", &["protocol"]),
    ("service", &["protocol"]),
    ("validator", &["attest", "chain", "lane", "protocol", "rpc", "service"]),
    ("relay", &["chain", "protocol", "store"]),
    ("api", &["attest", "chain", "protocol", "service", "store"]),
    ("devnet", &["api", "chain", "chain-evm", "protocol", "service"]),
    (
        "icc",
        &[
            "api",
            "attest",
            "chain",
            "chain-evm",
            "devnet",
            "indexer",
            "lane",
            "protocol",
            "relay",
            "service",
            "store",
            "validator",
        ],
    ),
    (
        "testkit",
        &[
            "api",
            "attest",
            "chain",
            "chain-evm",
            "devnet",
            "evm-proof",
            "protocol",
            "rpc",
            "service",
            "store",
            "validator",
        ],
    ),
];

const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn crates() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn sources(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, extension, found);
        } else if path.extension().is_some_and(|e| e == extension) {
            found.push(path);
        }
    }
}

#[test]
fn dependencies_point_one_way() {
    for name in crates() {
        let manifest = fs::read_to_string(root().join("crates").join(&name).join("Cargo.toml")).unwrap();
        let shipped = manifest.split("[dev-dependencies]").next().unwrap();
        let allowed = EDGES.iter().find(|(known, _)| *known == name);
        let (_, allowed) = allowed.unwrap_or_else(|| panic!("crate {name} is not in the list of edges"));
        for line in shipped.lines().filter(|line| line.starts_with("icc-")) {
            let dependency = line.trim_start_matches("icc-").split(['.', ' ']).next().unwrap();
            assert!(allowed.contains(&dependency), "{name} must not depend on {dependency}");
        }
    }
}

#[test]
fn only_store_holds_sql_and_only_some_name_a_chain_family() {
    for name in crates() {
        let manifest = fs::read_to_string(root().join("crates").join(&name).join("Cargo.toml")).unwrap();
        assert!(name == "store" || !manifest.contains("sqlx"), "{name} must not know SQL");
        let knows_evm = ["icc", "devnet", "testkit", "chain-evm"].contains(&name.as_str());
        assert!(knows_evm || !manifest.contains("icc-chain-evm"), "{name} must not name a chain family");
    }
}

#[test]
fn files_stay_short() {
    let mut files = Vec::new();
    for name in crates() {
        sources(&root().join("crates").join(name).join("src"), "rs", &mut files);
    }
    sources(&root().join("contracts/src"), "sol", &mut files);
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MAX_LINES, "{} has {lines} lines, more than {MAX_LINES}: split it", file.display());
    }
}

#[test]
fn every_crate_uses_the_workspace_lints() {
    for name in crates() {
        let manifest = fs::read_to_string(root().join("crates").join(&name).join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{name} has lints of its own");
    }
}
