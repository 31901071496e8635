//! The relay's way to the validators' signatures on sets (by the directory's URLs), and to what the watchtower keeps.

use std::sync::Arc;

use alloy_primitives::Address;
use async_trait::async_trait;
use futures::future::join_all;
use icc_api::{Directory, Submittable, ValidatorClient, Watchtower};
use icc_attest::SignedSet;
use icc_chain::{Hub, Standing};
use icc_protocol::{ChainId, CompactSignature, EpochRecord};
use icc_relay::{Accuser, Charge, SetVoices};
use icc_store::{EvidenceRow, StoreError};

pub(crate) struct Voices {
    pub(crate) directory: Directory,
    pub(crate) client: ValidatorClient,
    pub(crate) watchtower: Watchtower,
}

#[async_trait]
impl SetVoices for Voices {
    async fn signatures(&self, epoch: u64, members: &[Address]) -> Vec<(EpochRecord, CompactSignature)> {
        let asking = members.iter().filter_map(|member| Some((member, self.directory.url_of(member)?)));
        let asking = asking.map(|(member, url)| async move {
            match self.client.signed_set(&url, epoch).await {
                Ok(signed) => Some((signed.record(), signed.signature)),
                Err(error) => {
                    tracing::debug!(%member, epoch, error, "a validator has not signed a set");
                    None
                }
            }
        });
        // At most 128 members.
        join_all(asking).await.into_iter().flatten().collect()
    }

    async fn silent(&self, members: &[Address]) -> Vec<(Address, u64, CompactSignature)> {
        let urls = members.iter().filter_map(|member| self.directory.url_of(member));
        let asking = urls.map(|url| async move { self.client.jail_words(&url).await.unwrap_or_default() });
        let words = join_all(asking).await.into_iter().flatten();
        words.map(|word| (word.validator, word.epoch, word.signature)).collect()
    }

    async fn false_set(
        &self,
        signer: Address,
        (record, signature): (EpochRecord, CompactSignature),
        registered: &EpochRecord,
    ) {
        let EpochRecord { epoch, set_hash, hub_time } = record;
        let signed = SignedSet { epoch, set_hash, hub_time, signature };
        if let Err(error) = self.watchtower.false_set(signer, signed, registered).await {
            tracing::error!(%signer, %error, "a false set is not kept as evidence");
        }
    }
}

/// Proofs that the watchtower keeps, for whoever relays.
pub(crate) struct Charges {
    pub(crate) watchtower: Watchtower,
    /// Gets the reporter's share.
    pub(crate) reporter: Address,
    pub(crate) hub: Option<Arc<dyn Hub>>,
}

impl Charges {
    /// Whether nothing more can be had of a liar: it is convicted, or gone with its bond. If the hub cannot be asked, not;
    /// nor before it was tried: who is convicted of a lesser lie can be of a greater one.
    async fn is_done(&self, row: &EvidenceRow) -> Option<&'static str> {
        if row.attempts < 2 {
            return None;
        }
        match self.hub.as_ref()?.registration(row.signer).await.ok()?.standing {
            Standing::Convicted => Some("convicted"),
            Standing::Unknown => Some("gone with its bond"),
            _ => None,
        }
    }
}

#[async_trait]
impl Accuser for Charges {
    async fn due(&self, chain: ChainId) -> Result<Vec<(EvidenceRow, Charge)>, StoreError> {
        let mut due = Vec::new();
        for (row, how) in self.watchtower.due(chain, self.reporter).await? {
            let charge = match (self.is_done(&row).await, how) {
                (Some(done), _) => Charge::Settled(done.to_owned()),
                (None, Submittable::Call(call)) => Charge::Submit(call),
                (None, Submittable::Settled(why)) => Charge::Settled(why),
                (None, Submittable::Later(why)) => Charge::Later(why),
            };
            due.push((row, charge));
        }
        Ok(due)
    }
}
