//! Files of the operator: the configuration, and keys. The first byte chooses.
#![no_main]

use std::{collections::BTreeSet, fs, path::PathBuf, sync::LazyLock};

use icc_service::{KeySource, config::Config};
use libfuzzer_sys::fuzz_target;

/// A file in memory where there is such a folder; readable by its owner alone.
static FILE: LazyLock<tempfile::NamedTempFile> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let file = if memory.is_dir() {
        tempfile::NamedTempFile::new_in(memory)
    } else {
        tempfile::NamedTempFile::new()
    };
    file.expect("a file")
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    fs::write(FILE.path(), bytes).expect("the file can be written");
    if choice % 2 == 0 { config() } else { keys(bytes) }
});

/// What was accepted keeps the promises that the rest relies on, and is the same when it is written and read again.
fn config() {
    let config = match Config::load(FILE.path()) {
        Ok(config) => config,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    assert!(!config.network.0.is_zero() && (1..=64).contains(&config.chains.len()));
    let ids: BTreeSet<u64> = config.chains.values().map(|chain| chain.id).collect();
    assert_eq!(ids.len(), config.chains.len(), "two chains of one id");
    for (name, chain) in &config.chains {
        assert!(chain.id > 0 && chain.rpc_quorum > 0 && (1..=32).contains(&chain.rpc_urls.len()));
        let found = |by: &str| config.chain(by).expect("a chain has a name and an id").1.id;
        assert_eq!(found(name), chain.id, "by its name");
        assert_eq!(found(&chain.id.to_string()), chain.id, "by its id");
    }
    let written = config.to_toml().expect("a configuration can be written");
    fs::write(FILE.path(), &written).expect("the file can be written");
    let again = Config::load(FILE.path()).expect("what was written can be read");
    assert_eq!(again.to_toml().expect("and written"), written);
}

/// Every line is a key or a refusal, and a refusal never shows what was read.
fn keys(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    match KeySource::File(FILE.path().to_owned()).read() {
        Ok(signers) => {
            assert!((1..=64).contains(&signers.len()) && signers.len() == lines.len());
            for (signer, line) in signers.iter().zip(&lines) {
                let key: [u8; 32] = alloy_primitives::hex::decode_to_array(line).expect("hexadecimal digits");
                assert_eq!(signer.key().to_bytes(), key);
                assert!(!format!("{signer:?}").contains(line.trim_start_matches("0x")));
            }
        }
        Err(error) => {
            let told = format!("{error} {error:?}");
            // A fuzzer finds the words of the error itself; what matters is what may be of a key.
            let mut digits = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|run| run.len() >= 8);
            assert_eq!(digits.find(|run| told.contains(*run)), None, "an error shows what was read");
        }
    }
}
