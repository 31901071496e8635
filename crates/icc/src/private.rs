//! Keys that were given where they do not belong: never repeated, by no error, usage line or panic.

use std::{
    panic,
    path::Path,
    sync::{LazyLock, OnceLock},
};

use eyre::bail;

/// A private key has 64 digits, and one that was mistyped about as many; an address has 40.
const FEWEST_DIGITS: usize = 48;
/// What stands in its place.
const HIDDEN: &str = "(hexadecimal digits, not repeated)";

static GIVEN: OnceLock<Given> = OnceLock::new();
static NOTHING: LazyLock<Given> = LazyLock::new(|| Given(Vec::new()));

/// What looks like a key among the arguments, in lower case. Hashes look the same, and are not repeated in errors either.
#[derive(Debug, Default, PartialEq, Eq)]
struct Given(Vec<String>);

impl Given {
    fn of(arguments: impl Iterator<Item = String>) -> Self {
        Self(arguments.flat_map(|argument| runs(&argument)).collect())
    }

    fn hide(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for key in &self.0 {
            while let Some(at) = shown.to_ascii_lowercase().find(key.as_str()) {
                shown.replace_range(at..at + key.len(), HIDDEN);
            }
        }
        shown
    }
}

/// Runs of about as many hexadecimal digits as a key has, or more.
fn runs(text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let digits = lower.split(|c: char| !c.is_ascii_hexdigit());
    digits.filter(|run| run.len() >= FEWEST_DIGITS).map(str::to_owned).collect()
}

/// Whether a text is what a private key looks like.
pub(crate) fn looks_like_a_key(text: &str) -> bool {
    !runs(text).is_empty()
}

/// Refuses a path that looks like a key: a file of that name would keep it.
pub(crate) fn refuse_as_path(argument: &str, path: &Path) -> eyre::Result<()> {
    if path.to_str().is_some_and(looks_like_a_key) {
        bail!("{argument}: what was given looks like a private key, and a file's path is wanted");
    }
    Ok(())
}

/// Whether anything was given that must not be repeated.
pub(crate) fn is_needed() -> bool {
    !given_now().0.is_empty()
}

/// Notes what must not be repeated from now on, panics included.
pub(crate) fn guard(arguments: impl Iterator<Item = String>) {
    let given = Given::of(arguments);
    if GIVEN.set(given).is_ok() && is_needed() {
        panic::set_hook(Box::new(|info| eprintln!("{}", hide(&info.to_string()))));
    }
}

fn given_now() -> &'static Given {
    GIVEN.get().unwrap_or(&NOTHING)
}

/// A text for people, without what must not be repeated.
pub(crate) fn hide(text: &str) -> String {
    given_now().hide(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_key_is_hidden_however_it_is_written() {
        let key = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
        let upper = key.to_uppercase();
        for given in [format!("0x{key}"), upper.clone(), format!("--key-env=0x{key}"), format!("file:{key}")]
        {
            let guarded = Given::of([given].into_iter());
            for text in [format!("error: 0x{key}?"), format!("{upper} and {key}")] {
                let shown = guarded.hide(&text);
                assert!(!shown.to_lowercase().contains(key), "{shown}");
            }
        }
        assert!(
            looks_like_a_key(&key[1..]) && !looks_like_a_key(&key[..40]) && !looks_like_a_key("BRIDGE_KEY")
        );
        assert_eq!(Given::of(["--help".to_owned()].into_iter()).hide("as it is"), "as it is");
    }
}
