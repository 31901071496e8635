//! The registry, read through any endpoint of a pool: for cores and people. What is signed is proved (see `prover`).

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall;
use async_trait::async_trait;
use icc_chain::{ChainError, Epoch, EpochProgress, Hub, Registration, Standing};
use icc_protocol::{ChainId, EpochRecord, ValidatorSet};
use icc_rpc::{Endpoint, Pool};

use crate::{EvmChain, bindings::ValidatorRegistry, view::Viewer};

/// The hub's registry.
pub struct EvmHub {
    chain: ChainId,
    registry: Address,
    pool: Pool,
}

impl EvmHub {
    /// The registry that a chain's configuration names.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] without endpoints or registry.
    pub fn new(config: &EvmChain) -> Result<Self, ChainError> {
        let registry = config.registry.ok_or_else(|| {
            ChainError::Misconfigured(format!("chain {} is not the hub: hub.registry is missing", config.id))
        })?;
        Ok(Self { chain: config.id, registry, pool: config.pool()? })
    }

    /// The registry as one endpoint tells it.
    pub(crate) fn at(chain: ChainId, registry: Address, endpoint: Endpoint) -> Result<Self, ChainError> {
        Ok(Self { chain, registry, pool: Pool::new(vec![endpoint])? })
    }

    async fn view<C: SolCall>(&self, call: C) -> Result<C::Return, ChainError> {
        Viewer::now(&self.pool, self.chain, Address::ZERO).view(self.registry, call).await
    }
}

/// In the order of the contract's `Status`.
fn standing(status: u8) -> Result<Standing, ChainError> {
    Ok(match status {
        0 => Standing::Unknown,
        1 => Standing::Waiting,
        2 => Standing::Active,
        3 => Standing::Leaving,
        4 => Standing::Jailed,
        5 => Standing::Left,
        6 => Standing::Convicted,
        _ => {
            return Err(ChainError::Misconfigured(
                "the registry tells a status that there is not".to_owned(),
            ));
        }
    })
}

#[async_trait]
impl Hub for EvmHub {
    fn chain(&self) -> ChainId {
        self.chain
    }

    async fn progress(&self) -> Result<EpochProgress, ChainError> {
        let epochs = self.view(ValidatorRegistry::epochsCall {}).await?;
        let due = self.view(ValidatorRegistry::epochDueCall {}).await?;
        Ok(EpochProgress { newest: epochs.newest, signed: epochs.signed, due: due.isDue })
    }

    async fn epoch(&self, epoch: u64) -> Result<Epoch, ChainError> {
        let told = self.view(ValidatorRegistry::epochSetCall { epoch }).await?;
        let signatures: Bytes = self.view(ValidatorRegistry::epochSignaturesCall { epoch }).await?;
        let set = ValidatorSet::decode(&told.set)
            .map_err(|error| ChainError::Misconfigured(format!("the registry's epoch {epoch}: {error}")))?;
        let record = EpochRecord { epoch, set_hash: told.setHash, hub_time: told.hubTime };
        Ok(Epoch { record, set, signatures })
    }

    async fn registration(&self, key: Address) -> Result<Registration, ChainError> {
        let told = self.view(ValidatorRegistry::validatorCall { key }).await?;
        let out_at: u64 = told.outAt.to();
        Ok(Registration {
            key,
            payout: told.payout,
            standing: standing(told.status)?,
            in_set: told.inSet,
            since: told.since.to(),
            out: (out_at != 0).then_some((out_at, told.outEpoch)),
            bond: told.bond,
            url: told.url,
        })
    }

    async fn waiting(&self) -> Result<Vec<Address>, ChainError> {
        self.view(ValidatorRegistry::waitingCall {}).await
    }

    async fn held_epoch(&self, chain: ChainId) -> Result<Option<u64>, ChainError> {
        let record = self.view(ValidatorRegistry::gatewayCall { chain: chain.0 }).await?;
        Ok((!record.gateway.is_zero()).then_some(record.heldEpoch))
    }
}
