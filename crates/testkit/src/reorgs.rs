//! Reorgs within finality, of the source and of the destination, at every step of a message's way. Each fault is one
//! function; it returns once what is on the chains has arrived. The audit is the caller's.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use alloy_primitives::{B256, Bytes, U256};
use alloy_signer::SignerSync;
use alloy_sol_types::SolCall;
use eyre::{OptionExt, ensure};
use icc_chain_evm::{
    Account, TokenDeposit,
    bindings::{Gateway, TokenBridge},
    token_id,
};
use icc_devnet::{Anvil, wait_each_settled};
use icc_protocol::{CompactSignature, Domain, SignatureSet, TransferState, ValidatorSet};
use serde_json::json;

use crate::{
    mempool::{Waiting, until_waiting},
    scene::{PATIENCE, Scene, until, without_blocks},
};

/// Blocks of a devnet's chain that are not final.
pub const DEEPEST: u64 = 2;
/// Seconds ahead of a deadline that is to pass.
const DEADLINE: u64 = 9;

/// Deposits vanish from the source before they are final: what left is what arrives.
///
/// # Errors
/// If the lane does not go on.
pub async fn while_sending(scene: &Scene<'_>, depth: u64) -> eyre::Result<()> {
    scene.send(2).await?;
    scene.source().reorg(depth).await?;
    // Something must follow on the new fork, or there would be nothing to resume with.
    let sent = scene.send(1).await?;
    scene.arrives(sent).await.map(drop)
}

/// The source loses what is not final while signatures on what was sent are missing.
///
/// # Errors
/// If they are not, or nobody says so.
pub async fn while_signing(scene: &Scene<'_>, sent: B256) -> eyre::Result<()> {
    scene.is_told(sent, "signatures").await?;
    scene.source().reorg(DEEPEST).await
}

/// The destination loses the block of a delivery, `depth` blocks later: it is delivered again.
///
/// # Errors
/// If the delivery is not taken back, or not made again.
pub async fn while_delivering(scene: &Scene<'_>, depth: u64) -> eyre::Result<()> {
    let chain = scene.destination();
    let sent = without_blocks(chain, async || {
        let sent = scene.send(3).await?;
        let from = scene.devnet.configs[scene.from].id;
        until_waiting(chain, "a delivery to be offered", |one| one.delivers_from(from)).await?;
        let before = scene.inbox().await?;
        for _ in 0..depth {
            chain.rpc("evm_mine", json!([])).await?;
        }
        ensure!(scene.inbox().await? != before, "the delivery was not included");
        chain.reorg(depth).await?;
        ensure!(scene.inbox().await? == before, "the delivery was not taken back");
        Ok(sent)
    })
    .await?;
    scene.arrives(sent).await.map(drop)
}

/// The destination loses the block in which a message past its deadline was sent back: it is sent back again, once.
///
/// # Errors
/// If that is not taken back, or the tokens do not come home.
pub async fn while_expiring(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let id = token_id(scene.devnet.configs[scene.from].id, scene.token);
    guardian(scene, TokenBridge::pauseCall { tokenId: id, deposits: false, releases: true }).await?;
    let account = scene.devnet.account(scene.from)?;
    let user = scene.user(&account);
    let to = scene.devnet.configs[scene.to].id;
    // A chain with fast blocks may be ahead of the clock.
    let times = [time_of(scene.source()).await?, time_of(chain).await?, now()];
    let deadline = times.into_iter().max().unwrap_or_default() + DEADLINE;
    let deposit =
        TokenDeposit { deadline, ..TokenDeposit::new(scene.token, U256::from(1), to, account.address()) };
    let fee = user.quote(&deposit).await?;
    let sent = user.deposit(&deposit, fee).await?;
    until("the message to be recorded", async || {
        let messages = scene.messages(sent).await?;
        Ok(messages.first().is_some_and(|message| message.state == TransferState::Recorded).then_some(()))
    })
    .await?;
    without_blocks(chain, async || {
        // The chain's time goes on with its blocks. Before the deadline nobody sends it back; after it no block is made.
        while time_of(chain).await? <= deadline {
            tokio::time::sleep(Duration::from_millis(200)).await;
            chain.rpc("evm_mine", json!([])).await?;
        }
        let expires = |one: &Waiting| one.calls::<Gateway::expireCall>();
        let expires = until_waiting(chain, "the message to be sent back", expires).await?;
        chain.rpc("evm_mine", json!([])).await?;
        let receipt = async || chain.rpc("eth_getTransactionReceipt", json!([expires.hash])).await;
        ensure!(receipt().await?["status"] == "0x1", "it was not sent back");
        chain.reorg(1).await?;
        ensure!(receipt().await?.is_null(), "that was not taken back");
        Ok(())
    })
    .await?;
    let messages = scene.arrives(sent).await?;
    let state = messages.first().ok_or_eyre("no message")?.state;
    ensure!(state == TransferState::Refunded, "it is {state:?}");
    owner(scene, TokenBridge::unpauseCall { tokenId: id, deposits: false, releases: false }).await
}

/// The destination's validators are replaced (by all but the last of them), and the block of it vanishes: under the set
/// that is back, and under the new one when it is installed again, everything is delivered.
///
/// # Errors
/// If a rotation is refused, or something does not arrive.
pub async fn while_rotating(scene: &Scene<'_>) -> eyre::Result<()> {
    let chain = scene.destination();
    let (all, epoch) = present_set(scene).await?;
    let fewer = ValidatorSet::new(all.members()[..all.members().len() - 1].to_vec())?;
    without_blocks(chain, async || {
        let rotation = rotate(scene, &fewer, epoch + 1).await?;
        chain.rpc("evm_mine", json!([])).await?;
        scene.devnet.account(scene.to)?.wait(rotation).await?;
        chain.rpc("evm_mine", json!([])).await?;
        chain.reorg(DEEPEST).await?;
        ensure!(present_set(scene).await?.1 == epoch, "the rotation was not taken back");
        Ok(())
    })
    .await?;
    let under_the_old = scene.send(2).await?;
    scene.arrives(under_the_old).await?;
    for (set, epoch) in [(&fewer, epoch + 1), (&all, epoch + 2)] {
        let rotation = rotate(scene, set, epoch).await?;
        // Signed under one set, delivered under the other.
        let sent = scene.send(2).await?;
        scene.devnet.account(scene.to)?.wait(rotation).await?;
        scene.arrives(sent).await?;
    }
    ensure!(present_set(scene).await? == (all, epoch + 2), "the set is not as it was");
    Ok(())
}

/// Reorgs of the destination, one after the other, while deliveries come in. Returns the longest time that it took
/// every lane to be even again after one.
///
/// # Errors
/// If they are not within [`PATIENCE`].
pub async fn storm(scene: &Scene<'_>, rounds: u32) -> eyre::Result<Duration> {
    let mut longest = Duration::ZERO;
    for round in 0..rounds {
        scene.send(4).await?;
        // From before the signatures to after the delivery.
        tokio::time::sleep(Duration::from_millis(u64::from(round * 137 % 1900))).await;
        for depth in [1, u64::from(round % 2) + 1] {
            scene.destination().reorg(depth).await?;
        }
        let began = Instant::now();
        wait_each_settled(scene.devnet, PATIENCE).await?;
        longest = longest.max(began.elapsed());
        tracing::info!(round, took = ?began.elapsed(), "even again");
    }
    Ok(longest)
}

/// The destination's validator set and its epoch.
///
/// # Errors
/// If the chain cannot be read.
pub async fn present_set(scene: &Scene<'_>) -> eyre::Result<(ValidatorSet, u64)> {
    let account = scene.devnet.account(scene.to)?;
    let present = account.view(account.chain().gateway, Gateway::validatorSetCall {}).await?;
    Ok((ValidatorSet::decode(&present.set)?, present.epoch))
}

/// Hands the destination's gateway its next set, signed by all of the present one; returns the transaction without
/// waiting for it.
///
/// # Errors
/// If it is refused.
pub async fn rotate(scene: &Scene<'_>, set: &ValidatorSet, epoch: u64) -> eyre::Result<B256> {
    let (present, _) = present_set(scene).await?;
    let hub_time = now();
    let digest = Domain::new(scene.devnet.network).set_digest(epoch, set.hash(), hub_time);
    let mut signatures = Vec::new();
    for key in &scene.devnet.validator_keys {
        signatures.push((key.address(), CompactSignature::from(key.sign_hash_sync(&digest)?)));
    }
    let quorum = SignatureSet::of_quorum(&present, signatures).ok_or_eyre("the keys make no quorum")?;
    let call = Gateway::rotateCall {
        newSet: set.encode().into(),
        epoch,
        hubTime: hub_time,
        signatures: quorum.pack().into(),
    };
    let account = scene.devnet.account(scene.to)?;
    let data: Bytes = call.abi_encode().into();
    Ok(account.submit(Some(account.chain().gateway), data, U256::ZERO).await?)
}

/// The issuer's or guardian's acts at the destination's token bridge.
async fn guardian(scene: &Scene<'_>, call: impl SolCall) -> eyre::Result<()> {
    let chain = scene.devnet.configs[scene.to].clone();
    let account = Account::new(chain, scene.devnet.operator.clone())?;
    account.send(scene.devnet.contracts[scene.to].token_bridge, call).await?;
    Ok(())
}

async fn owner(scene: &Scene<'_>, call: impl SolCall) -> eyre::Result<()> {
    let at = scene.devnet.contracts[scene.to].token_bridge;
    scene.devnet.owner_acts(scene.to, vec![(at, call.abi_encode().into())]).await
}

/// A chain's own time: that of its newest block.
async fn time_of(chain: &Anvil) -> eyre::Result<u64> {
    let block = chain.rpc("eth_getBlockByNumber", json!(["latest", false])).await?;
    Ok(serde_json::from_value::<U256>(block["timestamp"].clone())?.to())
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs())
}
