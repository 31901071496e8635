//! The one thing that holds a private key.

use std::{fmt, sync::Arc};

use alloy_primitives::{Address, B256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use icc_protocol::CompactSignature;

/// A private key that signs. Shows its address, never itself; the key is wiped when the last clone is dropped.
#[derive(Clone)]
pub struct Signer(Arc<PrivateKeySigner>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.0.address())
    }
}

impl Signer {
    /// Wraps a key.
    pub fn new(key: PrivateKeySigner) -> Self {
        Self(Arc::new(key))
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// Signs a digest. Deterministic (RFC 6979): the same digest gives the same signature.
    ///
    /// # Errors
    /// Only if the key cannot sign at all.
    pub fn sign(&self, digest: &B256) -> Result<CompactSignature, alloy_signer::Error> {
        Ok(self.0.sign_hash_sync(digest)?.into())
    }

    /// The key, for what signs transactions.
    pub fn key(&self) -> Arc<PrivateKeySigner> {
        self.0.clone()
    }
}
