//! Acts of the owner, through its timelock.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::SolValue;
use icc_chain::ChainError;

use crate::{Account, bindings::Timelock};

/// What became of the owner's acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acts {
    /// There was nothing to do.
    Complete,
    /// All were done.
    Done(usize),
    /// They wait in the timelock; run the deployment again at this UNIX time or later.
    WaitingUntil(u64),
}

/// What OpenZeppelin's timelock says of an operation that was executed.
const DONE: U256 = U256::from_limbs([1, 0, 0, 0]);
/// Times that the same acts can be done.
const MAX_TIMES: u64 = 1000;

/// Acts of the owner: schedules them as one batch, or executes it if its time has come.
///
/// # Errors
/// Any [`ChainError`]; run it again.
pub async fn through_timelock(
    account: &Account,
    timelock: Address,
    acts: Vec<(Address, Bytes)>,
) -> Result<Acts, ChainError> {
    if acts.is_empty() {
        return Ok(Acts::Complete);
    }
    let delay: U256 = account.view(timelock, Timelock::getMinDelayCall {}).await?;
    let count = acts.len();
    let (targets, payloads): (Vec<Address>, Vec<Bytes>) = acts.into_iter().unzip();
    let values = vec![U256::ZERO; count];
    // The same acts may be wanted again later (a limit that goes back to what it was): each time is a batch of its own.
    let mut salt = B256::ZERO;
    let mut ready_at = DONE;
    let mut id = B256::ZERO;
    for time in 0..MAX_TIMES {
        salt = keccak256((targets.clone(), payloads.clone(), U256::from(time)).abi_encode());
        let call = Timelock::hashOperationBatchCall {
            targets: targets.clone(),
            values: values.clone(),
            payloads: payloads.clone(),
            predecessor: B256::ZERO,
            salt,
        };
        id = account.view(timelock, call).await?;
        ready_at = account.view(timelock, Timelock::getTimestampCall { id }).await?;
        if ready_at != DONE {
            break;
        }
    }
    if ready_at.is_zero() {
        account
            .send(
                timelock,
                Timelock::scheduleBatchCall {
                    targets: targets.clone(),
                    values: values.clone(),
                    payloads: payloads.clone(),
                    predecessor: B256::ZERO,
                    salt,
                    delay,
                },
            )
            .await?;
        ready_at = account.view(timelock, Timelock::getTimestampCall { id }).await?;
    }
    if !account.view(timelock, Timelock::isOperationReadyCall { id }).await? {
        return Ok(Acts::WaitingUntil(ready_at.saturating_to()));
    }
    let call = Timelock::executeBatchCall { targets, values, payloads, predecessor: B256::ZERO, salt };
    account.send(timelock, call).await?;
    Ok(Acts::Done(count))
}
