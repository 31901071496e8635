//! What becomes of a relay's transactions: dropped, stuck, replaced, overtaken, out of gas, too dear, unpaid, behind a
//! gap. Each fault is one function; it returns once what was to be delivered has arrived, and fails if the relay did
//! not meet it as it should. The audit is the caller's.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_signer_local::PrivateKeySigner;
use alloy_sol_types::SolConstructor;
use eyre::{OptionExt, ensure};
use icc_chain_evm::{
    Account, FeePolicy, OutgoingMessage,
    bindings::{Gateway, MessageBoard},
};
use serde_json::{Value, json};

use crate::{
    front_runner::FrontRunner,
    mempool::{Waiting, until_waiting, waiting},
    scene::{Scene, until, without_blocks},
};

const GWEI: u128 = 1_000_000_000;
/// Above what the devnet's relays may pay (500 gwei).
const ABOVE_THE_CAP: u128 = 600 * GWEI;
/// Above what runs within a delivery.
const BOARD_GAS: u32 = 260_000;
/// Tried until the same signer has made two deliveries in a row.
const TRIES: usize = 5;

/// The node forgets the delivery before it is in a block.
///
/// # Errors
/// If it is not offered again.
pub async fn dropped(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let sent = without_blocks(chain, async || {
        let sent = scene.send(3).await?;
        let first = delivery(scene).await?;
        chain.rpc("anvil_dropTransaction", json!([first.hash])).await?;
        ensure!(waiting(chain).await?.iter().all(|one| one.hash != first.hash), "it is still in the pool");
        Ok(sent)
    })
    .await?;
    scene.arrives(sent).await.map(drop)
}

/// No block takes the delivery: more is offered for it, and people are told.
///
/// # Errors
/// If nothing more is offered, nobody is told, or what is told stays when it is over.
pub async fn stuck(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let sent = without_blocks(chain, async || {
        let sent = scene.send(3).await?;
        let first = delivery(scene).await?;
        let more = |one: &Waiting| (one.from, one.nonce) == (first.from, first.nonce);
        until_waiting(chain, "a higher offer", |one| more(one) && one.max_fee > first.max_fee).await?;
        scene.is_told(sent, "is in no block after").await?;
        Ok(sent)
    })
    .await?;
    scene.arrives(sent).await.map(drop)
}

/// Another process with the same key, that died since, has taken the delivery's nonce.
///
/// # Errors
/// If the relay does not go on with the next nonce.
pub async fn replaced(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let (sent, other) = without_blocks(chain, async || {
        let sent = scene.send(3).await?;
        let first = delivery(scene).await?;
        let twin = relayer(scene, first.from, 100 * GWEI)?;
        ensure!(twin.nonce().await? == first.nonce, "the delivery waits behind another transaction");
        let other = twin.submit(Some(twin.address()), Bytes::new(), U256::ZERO).await?;
        ensure!(waiting(chain).await?.iter().all(|one| one.hash != first.hash), "it was not replaced");
        Ok((sent, (twin, other)))
    })
    .await?;
    other.0.wait(other.1).await?;
    scene.arrives(sent).await.map(drop)
}

/// A stranger delivers the first half of the relay's batch in the same block, before it: the rest is still delivered
/// by the relay's own transaction.
///
/// # Errors
/// If either transaction fails.
pub async fn front_run(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let stranger = FrontRunner::new(*scene)?;
    let (sent, ours, theirs) = without_blocks(chain, async || {
        let sent = scene.send_in_one_block(6).await?;
        let ours = delivery(scene).await?;
        let (theirs, count) = stranger.deliver_first_half().await?;
        ensure!(count == 3, "{count} of 6 messages delivered by the stranger");
        Ok((sent, ours.hash, theirs))
    })
    .await?;
    scene.arrives(sent).await?;
    let (theirs, ours) = (receipt(scene, theirs).await?, receipt(scene, ours).await?);
    ensure!(theirs["status"] == "0x1" && ours["status"] == "0x1", "one has failed: {theirs} {ours}");
    let place = |receipt: &Value| (receipt["blockNumber"].clone(), receipt["transactionIndex"].clone());
    ensure!(place(&theirs).0 == place(&ours).0 && place(&theirs).1 != place(&ours).1, "not in one block");
    Ok(())
}

/// The delivery that waits is of a process that has died: `restart` ends all cores and starts them again. They offer it
/// again, and it is delivered once.
///
/// # Errors
/// If nothing is offered by those who live.
pub async fn abandoned(
    scene: &Scene<'_>,
    restart: impl AsyncFnOnce() -> eyre::Result<()>,
) -> eyre::Result<()> {
    let chain = scene.destination();
    let sent = without_blocks(chain, async || {
        let sent = scene.send(3).await?;
        let first = delivery(scene).await?;
        restart().await?;
        let from = scene.devnet.configs[scene.from].id;
        let again = |one: &Waiting| one.delivers_from(from) && one.hash != first.hash;
        until_waiting(chain, "the delivery to be offered by another core", again).await?;
        Ok(sent)
    })
    .await?;
    scene.arrives(sent).await.map(drop)
}

/// What a message's call costs grows between its simulation and its block: its transaction runs out of gas there, and
/// is made again with more.
///
/// # Errors
/// If the first transaction does not fail, or the message is given up.
pub async fn out_of_gas(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let there = scene.devnet.account(scene.to)?;
    let gateway = scene.devnet.configs[scene.to].gateway;
    let arguments = MessageBoard::constructorCall { gateway_: gateway }.abi_encode();
    let nonce = there.nonce().await?;
    there.transact(None, [MessageBoard::BYTECODE.as_ref(), &arguments].concat().into()).await?;
    let board = there.address().create(nonce);
    // The same words again cost next to nothing; after the board has been wiped, twenty times as much.
    let payload = Bytes::from(vec![0x55; 4000]);
    scene.arrives(post(scene, board, &payload).await?).await?;
    let (sent, first) = without_blocks(chain, async || {
        let sent = post(scene, board, &payload).await?;
        delivery(scene).await?;
        chain.rpc("evm_mine", json!([])).await?;
        let executes = |one: &Waiting| one.calls::<Gateway::executeCall>();
        let first = until_waiting(chain, "the message's execution", executes).await?;
        wipe(scene, board).await?;
        Ok((sent, first.hash))
    })
    .await?;
    scene.arrives(sent).await?;
    let receipt = receipt(scene, first).await?;
    let (status, used) = (&receipt["status"], &receipt["gasUsed"]);
    let limit = chain.rpc("eth_getTransactionByHash", json!([first])).await?["gas"].take();
    ensure!(status == "0x0", "the first execution did not run out of gas: {used} of {limit} used");
    let posts = there.view(board, MessageBoard::countCall {}).await?;
    ensure!(posts == U256::from(2), "{posts} posts on the board, not 2");
    Ok(())
}

/// The base fee is above the cap before anything is offered, and rises above what is offered after: both wait, say so,
/// and go on when it falls.
///
/// # Errors
/// If nobody is told, or it does not go on.
pub async fn base_fee_spike(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let spike = async || {
        chain.rpc("anvil_setNextBlockBaseFeePerGas", json!([U256::from(ABOVE_THE_CAP)])).await?;
        chain.rpc("evm_mine", json!([])).await
    };
    let before = without_blocks(chain, async || {
        spike().await?;
        let sent = scene.send(2).await?;
        scene.is_told(sent, "above the cap").await?;
        Ok(sent)
    })
    .await?;
    scene.arrives(before).await?;
    let after = without_blocks(chain, async || {
        let sent = scene.send(2).await?;
        delivery(scene).await?;
        spike().await?;
        scene.is_told(sent, "more cannot be offered: fee of").await?;
        Ok(sent)
    })
    .await?;
    scene.arrives(after).await.map(drop)
}

/// One signer of the pool is without funds: the next one takes over. Then all are: people are told, and it goes on once
/// they are funded.
///
/// # Errors
/// If nobody takes over, nobody is told, or it does not go on.
pub async fn signers_without_funds(scene: &Scene<'_>) -> eyre::Result<()> {
    let first = scene.devnet.relayers[0].address();
    set_balances(scene, &[first], U256::ZERO).await?;
    let sent = scene.send(2).await?;
    let arrived = scene.arrives(sent).await?;
    let by = arrived.iter().filter_map(|message| message.delivery_transaction).next_back();
    let by = by.ok_or_eyre("it arrived without a delivery")?;
    let delivery = scene.destination().rpc("eth_getTransactionByHash", json!([by])).await?;
    let from: Address = serde_json::from_value(delivery["from"].clone())?;
    ensure!(from != first, "{first} has paid without funds");
    let all = relayers(scene);
    set_balances(scene, &all, U256::ZERO).await?;
    let sent = scene.send(2).await?;
    scene.is_told(sent, "too little to pay for gas").await?;
    fund(scene).await?;
    scene.arrives(sent).await.map(drop)
}

/// The signer's funds are gone while its transaction waits: nothing more can be offered, nobody else offers the same,
/// and it is included once the signer is funded.
///
/// # Errors
/// If nobody is told, somebody else offers it, or it does not go on.
pub async fn funds_gone_while_waiting(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let sent = without_blocks(chain, async || {
        let sent = scene.send(2).await?;
        let first = delivery(scene).await?;
        set_balances(scene, &[first.from], U256::ZERO).await?;
        scene.is_told(sent, "more cannot be offered: signer").await?;
        let from = scene.devnet.configs[scene.from].id;
        let others = waiting(chain).await?;
        let twice = others.iter().any(|one| one.delivers_from(from) && one.from != first.from);
        ensure!(!twice, "another signer offers the same: {others:?}");
        fund(scene).await?;
        Ok(sent)
    })
    .await?;
    scene.arrives(sent).await.map(drop)
}

/// The signer's nonce jumps ahead under its waiting transaction, as when transactions of another process come in.
///
/// # Errors
/// If it does not go on from there.
pub async fn nonce_ahead(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let sent = without_blocks(chain, async || {
        let sent = scene.send(2).await?;
        let first = delivery(scene).await?;
        chain.rpc("anvil_setNonce", json!([first.from, U256::from(first.nonce + 3)])).await?;
        Ok(sent)
    })
    .await?;
    scene.arrives(sent).await.map(drop)
}

/// A reorg takes back a delivery while the signer's next one waits: that waits behind the gap now, which has to be
/// filled.
///
/// # Errors
/// If it is not filled.
pub async fn nonce_gap(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let mut made = false;
    for _ in 0..TRIES {
        let sent = without_blocks(chain, async || {
            scene.send(2).await?;
            let first = delivery(scene).await?;
            chain.rpc("evm_mine", json!([])).await?;
            let sent = scene.send(2).await?;
            let second = delivery(scene).await?;
            made = (second.from, second.nonce) == (first.from, first.nonce + 1);
            chain.reorg(1).await?;
            Ok(sent)
        })
        .await?;
        scene.arrives(sent).await?;
        if made {
            return Ok(());
        }
    }
    Err(eyre::eyre!("two deliveries in a row never had one signer"))
}

/// Waits for a delivery of the scene's lane to be offered.
async fn delivery(scene: &Scene<'_>) -> eyre::Result<Waiting> {
    let from = scene.devnet.configs[scene.from].id;
    until_waiting(scene.destination(), "a delivery to be offered", |one| one.delivers_from(from)).await
}

fn relayers(scene: &Scene<'_>) -> Vec<Address> {
    scene.devnet.relayers.iter().map(|relayer| relayer.address()).collect()
}

/// What a second process with a relayer's key can do at the destination.
fn relayer(scene: &Scene<'_>, address: Address, tip: u128) -> eyre::Result<Account> {
    let key = scene.devnet.relayers.iter().find(|relayer| relayer.address() == address);
    let key: Arc<PrivateKeySigner> = key.ok_or_eyre("it is of no relayer")?.clone();
    let mut chain = scene.devnet.configs[scene.to].clone();
    chain.fees = FeePolicy { min_priority_fee_per_gas: tip, ..chain.fees };
    Ok(Account::new(chain, key)?)
}

/// Funds all relayers at the destination, as an operator would.
///
/// # Errors
/// If the chain cannot be told.
pub async fn fund(scene: &Scene<'_>) -> eyre::Result<()> {
    set_balances(scene, &relayers(scene), U256::from(10).pow(U256::from(24))).await
}

/// Takes all coin from all relayers at the destination.
///
/// # Errors
/// If the chain cannot be told.
pub async fn take_funds(scene: &Scene<'_>) -> eyre::Result<()> {
    set_balances(scene, &relayers(scene), U256::ZERO).await
}

async fn set_balances(scene: &Scene<'_>, accounts: &[Address], wei: U256) -> eyre::Result<()> {
    for account in accounts {
        scene.destination().rpc("anvil_setBalance", json!([account, wei])).await?;
    }
    Ok(())
}

async fn receipt(scene: &Scene<'_>, transaction: B256) -> eyre::Result<Value> {
    until("a receipt", async || {
        let receipt = scene.destination().rpc("eth_getTransactionReceipt", json!([transaction])).await?;
        Ok((!receipt.is_null()).then_some(receipt))
    })
    .await
}

/// Sends a message to a board at the destination, to be executed in a transaction of its own.
async fn post(scene: &Scene<'_>, board: Address, payload: &Bytes) -> eyre::Result<B256> {
    let account = scene.devnet.account(scene.from)?;
    let user = scene.user(&account);
    let to = scene.devnet.configs[scene.to].id;
    // Just too much for a delivery: an execution brings at least this, and as much more as it was simulated with.
    let (recipient, gas_limit, payload) = (board, BOARD_GAS, payload.clone());
    let message = OutgoingMessage { to, recipient, gas_limit, deadline: 0, payload };
    let fee = user.quote_message(&message).await?;
    Ok(user.message(&message, fee).await?)
}

/// Wipes the last payload off a board.
async fn wipe(scene: &Scene<'_>, board: Address) -> eyre::Result<()> {
    // Slot 2: count, last sender, last payload.
    let length = U256::from(2);
    let first = U256::from_be_bytes(keccak256(length.to_be_bytes::<32>()).0);
    let words = (0..125).map(|index| first + U256::from(index));
    for slot in words.chain([length]) {
        let wiped = json!([board, B256::from(slot), B256::ZERO]);
        scene.destination().rpc("anvil_setStorageAt", wiped).await?;
    }
    Ok(())
}

/// Does all of them, one after the other; tells each.
///
/// # Errors
/// As the first that fails, naming it.
pub async fn all(scene: &Scene<'_>, mut done: impl FnMut(&str)) -> eyre::Result<()> {
    macro_rules! each {
        ($($fault:ident),*) => {$(
            $fault(scene).await.map_err(|error| error.wrap_err(stringify!($fault)))?;
            done(stringify!($fault));
        )*};
    }
    each!(dropped, stuck, replaced, front_run, out_of_gas, base_fee_spike, signers_without_funds);
    each!(funds_gone_while_waiting, nonce_ahead, nonce_gap);
    Ok(())
}
