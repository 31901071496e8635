//! A key that is given where it does not belong.

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::shared::icc;

const KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// What runs for ever with it is ended.
const PATIENCE: Duration = Duration::from_secs(5);

fn run(arguments: &[String]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(icc())
        .args(arguments)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > PATIENCE {
            child.kill().unwrap();
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap()
}

fn help(path: &[String]) -> String {
    let asked = path.iter().cloned().chain(["--help".to_owned()]).collect::<Vec<_>>();
    String::from_utf8(run(&asked).stdout).unwrap()
}

/// The words at the beginning of the lines of a section of the help.
fn section(help: &str, title: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != title).skip(1).take_while(|line| !line.is_empty());
    // Descriptions are further in.
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("         "));
    names.map(|line| line.trim().to_owned()).collect()
}

/// Every command without commands of its own, and its help.
fn leaves(path: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let help = help(path);
    let commands = section(&help, "Commands:");
    if commands.is_empty() {
        found.push((path.to_vec(), help));
        return;
    }
    for command in commands {
        let name = command.split_whitespace().next().unwrap().to_owned();
        // A devnet starts whatever it is given; `help` repeats commands' names alone.
        if name != "help" && name != "devnet" {
            leaves(&[path, &[name]].concat(), found);
        }
    }
}

/// Attack on oneself: whoever types a key in the place of a name, a path, an address or an amount finds it in no output: it
/// would be in terminals, logs and bug reports.
#[test]
fn a_key_in_any_argument_is_never_repeated() {
    let mut found = Vec::new();
    leaves(&[], &mut found);
    assert!(found.len() > 20, "{found:?}");
    let mut tried = 0;
    for (path, help) in &found {
        let options = help.lines().filter_map(|line| {
            let option = line.trim().split(' ').find(|word| word.starts_with("--"))?;
            (line.contains('<') && line.starts_with("  ")).then(|| option.trim_end_matches(',').to_owned())
        });
        let mut cases: Vec<Vec<String>> = options.map(|option| vec![option, format!("0x{KEY}")]).collect();
        cases.push(vec![KEY.to_owned()]);
        cases.push(vec![format!("--{KEY}")]);
        for case in cases {
            let output = run(&[path.clone(), case.clone()].concat());
            for said in [&output.stdout, &output.stderr] {
                let said = String::from_utf8_lossy(said).to_lowercase();
                assert!(!said.contains(KEY), "icc {} {}: {said}", path.join(" "), case[0]);
            }
            tried += 1;
        }
    }
    assert!(tried > 100, "only {tried} arguments were tried");
}

#[test]
fn a_key_in_the_place_of_its_source_is_refused() {
    for argument in ["--key-env", "--key-file"] {
        let arguments = ["validator", argument, KEY, "--config", "none.toml"].map(str::to_owned);
        let output = run(&arguments);
        assert!(!output.status.success());
    }
}
