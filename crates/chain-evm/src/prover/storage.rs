//! Storage slots, proved against a header whose hash is known.

use std::{collections::BTreeSet, sync::atomic::Ordering};

use alloy_primitives::{Address, B256};
use icc_chain::{ChainError, ProvedOutbox};
use icc_evm_proof::{AccountClaim, StorageClaim, verify_account, verify_storage};
use icc_rpc::{Endpoint, Misdeed, name_endpoint};

use super::EvmProver;
use crate::node::{self, VerifiedHeader};

/// A proof that does not lead to the header. The endpoint may lie, or the chain may have changed since.
fn refuted(endpoint: &Endpoint, reason: String) -> ChainError {
    ChainError::Forged { endpoint: endpoint.name().to_owned(), reason }
}

/// What was proved of each slot, or what is wrong about its proof.
type SlotProofs = Vec<(B256, Result<B256, String>)>;

impl EvmProver {
    /// Storage slots of a contract in the state of a block; `None` for one that no endpoint could prove. Endpoints whose
    /// proof does not verify are passed over, slot by slot.
    pub(super) async fn prove(
        &self,
        header: &VerifiedHeader,
        contract: Address,
        slots: &[B256],
    ) -> Result<Vec<Option<B256>>, ChainError> {
        let mut values: Vec<Option<B256>> = vec![None; slots.len()];
        let mut last = ChainError::UnknownBlock(header.at().to_string());
        let mut refuted: Vec<(usize, B256, String)> = Vec::new();
        let start = self.proving.load(Ordering::Relaxed);
        for step in 0..self.endpoints.len() {
            let index = (start + step) % self.endpoints.len();
            let lacking: Vec<B256> = slots
                .iter()
                .zip(&values)
                .filter(|(_, value)| value.is_none())
                .map(|(slot, _)| *slot)
                .collect();
            match self.prove_at(&self.endpoints[index], header, (contract, &lacking)).await {
                Ok(told) => {
                    for (slot, proved) in told {
                        match proved {
                            Ok(value) => {
                                let place = slots.iter().zip(&mut values).find(|(known, _)| **known == slot);
                                if let Some((_, place)) = place {
                                    *place = Some(value);
                                }
                            }
                            Err(reason) => refuted.push((index, slot, reason)),
                        }
                    }
                }
                Err(error) => {
                    if let ChainError::Forged { reason, .. } = &error {
                        refuted.extend(lacking.iter().map(|slot| (index, *slot, reason.clone())));
                    }
                    last = error;
                }
            }
            if values.iter().all(Option::is_some) {
                self.proving.store(index, Ordering::Relaxed);
                break;
            }
        }
        // Only now is it known what of it can be proved: where nobody could, nobody is blamed.
        let provable =
            |slot: &B256| slots.iter().zip(&values).any(|(known, value)| known == slot && value.is_some());
        let mut blamed = BTreeSet::new();
        for (endpoint, slot, reason) in &refuted {
            if provable(slot) && blamed.insert(*endpoint) {
                name_endpoint(self.endpoints[*endpoint].name(), Misdeed::Forgery, reason);
            }
        }
        if values.iter().all(Option::is_none) && !slots.is_empty() {
            return Err(match refuted.first() {
                Some((endpoint, _, reason)) => self::refuted(&self.endpoints[*endpoint], reason.clone()),
                None => last,
            });
        }
        Ok(values)
    }

    /// The same, where all are needed.
    pub(super) async fn prove_all(
        &self,
        header: &VerifiedHeader,
        contract: Address,
        slots: &[B256],
    ) -> Result<Vec<B256>, ChainError> {
        let values = self.prove(header, contract, slots).await?;
        values
            .into_iter()
            .collect::<Option<_>>()
            .ok_or_else(|| ChainError::UnknownBlock(format!("{}: its storage is not proved", header.at())))
    }

    /// What one endpoint proves.
    async fn prove_at(
        &self,
        endpoint: &Endpoint,
        header: &VerifiedHeader,
        (contract, slots): (Address, &[B256]),
    ) -> Result<SlotProofs, ChainError> {
        let proof = node::proof(endpoint, contract, slots, header.header.number).await?;
        let account = AccountClaim {
            address: contract,
            nonce: proof.nonce,
            balance: proof.balance,
            storage_root: proof.storage_hash,
            code_hash: proof.code_hash,
        };
        verify_account(header.header.state_root, &account, &proof.account_proof)
            .map_err(|error| refuted(endpoint, error.to_string()))?;
        let proved = slots.iter().map(|slot| {
            let told = proof.storage_proof.iter().find(|told| told.key.as_b256() == *slot);
            let told = told.ok_or_else(|| format!("no proof of slot {slot}"));
            let value = told.and_then(|told| {
                let claim = StorageClaim { slot: *slot, value: told.value };
                verify_storage(proof.storage_hash, &claim, &told.proof).map_err(|error| error.to_string())?;
                Ok(B256::from(told.value))
            });
            (*slot, value)
        });
        Ok(proved.collect())
    }
}

/// An outbox from its three words.
pub(super) fn outbox([accumulator, word, remote_gateway]: [B256; 3]) -> ProvedOutbox {
    let nonce = u64::from_be_bytes(*word.last_chunk::<8>().unwrap_or(&[0; 8]));
    let generation = word[20..24].try_into().map(u32::from_be_bytes).unwrap_or_default();
    ProvedOutbox { accumulator, nonce, generation, remote_gateway }
}
