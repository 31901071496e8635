//! The relay's way to the validators' signatures on sets: by the directory's URLs.

use alloy_primitives::Address;
use async_trait::async_trait;
use futures::future::join_all;
use icc_api::{Directory, ValidatorClient};
use icc_protocol::{CompactSignature, EpochRecord};
use icc_relay::SetVoices;

pub(crate) struct Voices {
    pub(crate) directory: Directory,
    pub(crate) client: ValidatorClient,
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
}
