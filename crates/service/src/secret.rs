//! Private keys: from a file that nobody else can read, from the environment, or from standard input. Never written,
//! never logged, wiped from memory.

use std::{
    fmt, fs,
    io::Read,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::PathBuf,
};

use alloy_primitives::hex;
use alloy_signer_local::PrivateKeySigner;
use zeroize::Zeroizing;

use crate::Signer;

/// Most bytes read from a source: several keys and comments.
const MAX_LENGTH: u64 = 64 << 10;
/// Most keys of one source.
const MAX_KEYS: usize = 64;

/// Where keys come from.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file with mode 0600 or 0400; one key a line, `#` begins a comment.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// Standard input, to its end.
    Stdin,
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "key file {}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

/// Why there is no key. Never says what was read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// Could not be read.
    #[error("{key_source}: {problem}")]
    Unreadable {
        /// Which source.
        key_source: KeySource,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl KeySource {
    /// Reads one or more keys.
    ///
    /// # Errors
    /// [`SecretError`] naming the source, never the content.
    pub fn read(&self) -> Result<Vec<Signer>, SecretError> {
        let text = self.text()?;
        let mut signers = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or("").trim();
            if line.is_empty() {
                continue;
            }
            if signers.len() == MAX_KEYS {
                return Err(self.fail(format!("holds more than {MAX_KEYS} keys")));
            }
            signers.push(parse(line).ok_or_else(|| {
                self.fail(format!("line {} is no private key (0x and 64 hexadecimal digits)", number + 1))
            })?);
        }
        if signers.is_empty() {
            return Err(self.fail("holds no key; `icc keys new` makes one".to_owned()));
        }
        Ok(signers)
    }

    /// Reads exactly one key.
    ///
    /// # Errors
    /// [`SecretError`], also when there are several.
    pub fn read_one(&self) -> Result<Signer, SecretError> {
        let mut signers = self.read()?;
        match (signers.pop(), signers.is_empty()) {
            (Some(signer), true) => Ok(signer),
            _ => Err(self.fail("holds several keys, one is wanted".to_owned())),
        }
    }

    fn text(&self) -> Result<Zeroizing<String>, SecretError> {
        let mut text = Zeroizing::new(String::with_capacity(4096));
        match self {
            Self::File(path) => {
                let file = fs::File::open(path).map_err(|error| self.fail(error.to_string()))?;
                let meta = file.metadata().map_err(|error| self.fail(error.to_string()))?;
                let mode = meta.permissions().mode() & 0o777;
                if mode & 0o077 != 0 {
                    return Err(self.fail(format!("has mode {mode:04o}: others could read it; chmod 600 it")));
                }
                if meta.uid() != effective_user() && effective_user() != 0 {
                    return Err(self.fail("belongs to another user".to_owned()));
                }
                file.take(MAX_LENGTH)
                    .read_to_string(&mut text)
                    .map_err(|error| self.fail(error.to_string()))?;
            }
            Self::Environment(name) => {
                let value = std::env::var(name).map_err(|_| self.fail("is not set".to_owned()))?;
                text.push_str(&Zeroizing::new(value).replace(',', "\n"));
            }
            Self::Stdin => {
                std::io::stdin()
                    .take(MAX_LENGTH)
                    .read_to_string(&mut text)
                    .map_err(|error| self.fail(error.to_string()))?;
            }
        }
        Ok(text)
    }

    fn fail(&self, problem: String) -> SecretError {
        SecretError::Unreadable { key_source: self.clone(), problem }
    }
}

fn effective_user() -> u32 {
    // /proc/self belongs to the effective user; elsewhere the check of the mode has to do.
    fs::metadata("/proc/self").map(|meta| meta.uid()).unwrap_or(0)
}

fn parse(line: &str) -> Option<Signer> {
    let mut bytes = Zeroizing::new([0u8; 32]);
    hex::decode_to_slice(line, bytes.as_mut_slice()).ok()?;
    PrivateKeySigner::from_slice(bytes.as_slice()).ok().map(Signer::new)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn file(mode: u32, text: &str) -> (tempfile::NamedTempFile, KeySource) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let source = KeySource::File(file.path().to_owned());
        (file, source)
    }

    #[test]
    fn reads_keys_that_nobody_else_can_read() {
        let key = format!("0x{}", "11".repeat(32));
        let (_keep, source) = file(0o600, &format!("# relayers\n{key}\n\n{}  # second\n", "22".repeat(32)));
        assert_eq!(source.read().unwrap().len(), 2);
        let (_keep, source) = file(0o644, &key);
        assert!(source.read().unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn errors_never_show_the_content() {
        let (_keep, source) = file(0o600, "0xdeadbeef");
        let error = format!("{:?}", source.read().unwrap_err());
        assert!(!error.contains("deadbeef") && error.contains("line 1"), "{error}");
        let (_keep, source) = file(0o600, &"00".repeat(32));
        assert!(source.read().is_err(), "zero is no key");
    }
}
