//! Many messages in few transactions.

use alloy_primitives::{Address, B256, Bytes, U256, hex};
use alloy_sol_types::SolCall;
use eyre::ensure;
use icc_chain_evm::{Account, bindings::Gateway};
use icc_devnet::Devnet;
use serde_json::json;

/// A contract that calls another one many times with the same data. Its calldata: how many times (32 bytes), whom
/// (32 bytes), and the data.
pub(crate) const REPEATER: [u8; 40] = hex!(
    "36 6040 90 03" // CALLDATASIZE − 64: length of the data
    "80 6040 5f 37" // CALLDATACOPY(to 0, from 64, length)
    "5f 35" //         times = CALLDATALOAD(0)
    "5b" //            0x0c, the loop; on the stack: length, times
    "5f 5f 83 5f 5f" //   no return data; the data's length and place; no value
    "6020 35 5a f1" //    CALL(all gas, CALLDATALOAD(32), …)
    "15 6024 57" //       refused: to 0x24
    "6001 90 03" //       times − 1
    "80 600c 57" //       not 0: again
    "00" //            STOP
    "5b 5f 5f fd" //   0x24: REVERT without data
);
/// Where it is put: an address without a meaning.
pub(crate) const REPEATER_AT: Address = Address::repeat_byte(0xbe);
/// As long as what a token's transfer carries, about.
const PAYLOAD_BYTES: usize = 128;
/// Transactions sent before waiting for the last of them, which bounds what a node has to keep waiting.
const TRANSACTIONS_AT_ONCE: usize = 250;
const GAS_LIMIT: u32 = 100_000;

/// Sends messages from chain 0 to chain 1, a transaction per block, `per_transaction` messages in each.
///
/// # Errors
/// If they do not get there, or the outbox did not count them all.
pub(crate) async fn send_messages(devnet: &Devnet, messages: u64, per_transaction: u64) -> eyre::Result<()> {
    ensure!(
        per_transaction > 0 && messages.is_multiple_of(per_transaction),
        "{messages} messages are not full transactions of {per_transaction}"
    );
    let anvil = &devnet.chains[0];
    anvil.rpc("anvil_setCode", json!([REPEATER_AT, Bytes::from(REPEATER)])).await?;
    let (gateway, destination) = (devnet.contracts[0].gateway, devnet.configs[1].id.0);
    let account = devnet.account(0)?;
    let before = nonce(&account, gateway, destination).await?;
    let send = Gateway::sendCall {
        destinationChain: U256::from(destination),
        recipient: B256::repeat_byte(0x11),
        gasLimit: GAS_LIMIT,
        deadline: 0,
        payload: vec![0xa5; PAYLOAD_BYTES].into(),
    };
    let data = repeated(per_transaction, gateway, &send.abi_encode());
    let mut left = usize::try_from(messages / per_transaction)?;
    while left > 0 {
        let now = left.min(TRANSACTIONS_AT_ONCE);
        let sent = account.burst(REPEATER_AT, &vec![data.clone(); now]).await?;
        if let Some(last) = sent.last() {
            account.wait(*last).await?;
        }
        left -= now;
    }
    let counted = nonce(&account, gateway, destination).await? - before;
    ensure!(counted == messages, "the outbox counts {counted} new messages, not {messages}");
    Ok(())
}

/// Calldata with which the repeater calls somebody so many times.
pub(crate) fn repeated(times: u64, whom: Address, call: &[u8]) -> Bytes {
    let times = U256::from(times).to_be_bytes::<32>();
    [times.as_slice(), whom.into_word().as_slice(), call].concat().into()
}

async fn nonce(account: &Account, gateway: Address, destination: u64) -> eyre::Result<u64> {
    Ok(account.view(gateway, Gateway::outboxCall { chain: destination }).await?.nonce)
}
