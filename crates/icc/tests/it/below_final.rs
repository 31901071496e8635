//! A forged block below what honest validators call final, on real processes and chains.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use icc_testkit::{Call, Liar, Node, Reply, liars};
use serde_json::json;
use tokio::time::sleep;

use crate::{
    proxied::{Proxied, deposit_on_fork, eventually, lane, on_fork, sent_on, signed},
    shared::with_bridge,
};

/// A fork up to a height, which it calls final; the true chain above it.
struct Below {
    fork: Node,
    height: u64,
}

#[async_trait]
impl Liar for Below {
    async fn reply(&self, call: &Call, _: &Node) -> eyre::Result<Reply> {
        if call.method != "eth_getBlockByNumber" {
            return Ok(Reply::Altered(self.fork.answer(call).await?));
        }
        let number = match call.param(0).as_str().and_then(|text| text.strip_prefix("0x")) {
            Some(digits) => u64::from_str_radix(digits, 16)?,
            None => self.height,
        };
        if number > self.height {
            return Ok(Reply::Honest);
        }
        let asked = call.with_param(0, json!(format!("{number:#x}")));
        Ok(Reply::Altered(self.fork.answer(&asked).await?))
    }
}

/// Attack: two of a validator's three endpoints serve a fork with a deposit of 500,000 that the chain has not, call its
/// newest block final, and serve the true blocks above it; the honest one is cut off. The other validators are honest and
/// ahead: what they call final does not descend from the forged block, and so vouches for nothing.
#[test]
fn a_forged_block_below_what_peers_call_final_is_not_signed() {
    with_bridge(async |bridge| {
        bridge.audit().await;
        let fork = bridge.devnet.fork(0).await.unwrap();
        let there = on_fork(bridge, 0, &fork);
        let proxied = Proxied::before(bridge, 0).await;
        let (lane, last) = lane(bridge, 0, 1).await;
        for endpoint in 0..2 {
            proxied.set(0, endpoint, Arc::new(liars::OtherFork::new(fork.url()).unwrap()));
        }
        bridge.devnet.endpoints[0][0][2].set_cut(true);
        deposit_on_fork(bridge, &there, 0, 1, 500_000).await;
        assert_eq!(sent_on(&there, bridge, 0, 1).await, (lane, last + 1));
        let node = Node::new(fork.url()).unwrap();
        let height = node.height(&json!("latest")).await.unwrap().unwrap();
        for endpoint in 0..2 {
            proxied.set(0, endpoint, Arc::new(Below { fork: node.clone(), height }));
        }
        let truth = Node::new(bridge.devnet.chains[0].url()).unwrap();
        eventually("the true chain is final above the forged block", async || {
            truth.height(&json!("finalized")).await.unwrap().unwrap() > height + 6
        })
        .await;
        let told = proxied.lies(0, 0);
        sleep(Duration::from_secs(4)).await;
        assert!(proxied.lies(0, 0) > told, "it hears the forgery");
        let forged = signed(bridge, 0, lane, last + 1).await;
        assert!(forged.is_empty(), "signed what the chain does not have: {forged:?}");

        bridge.devnet.endpoints[0][0][2].set_cut(false);
        proxied.heal();
        proxied.remove(bridge);
        crate::proxied::deposits(bridge, 0, 1, &[34]).await;
        bridge.audit().await;
        eventually("it comes back by itself", async || {
            let (own, others) =
                (signed(bridge, 0, lane, last + 1).await, signed(bridge, 1, lane, last + 1).await);
            !own.is_empty() && own == others
        })
        .await;
    });
}
