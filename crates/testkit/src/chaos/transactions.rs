//! What becomes of the relay's transactions, under load.

use async_trait::async_trait;

use super::{Scenario, World};
use crate::{scene::Scene, transactions};

/// Transactions dropped, stuck, replaced, overtaken, out of gas, too dear, unpaid, behind a gap.
pub(super) struct Transactions;

#[async_trait(?Send)]
impl Scenario for Transactions {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn what(&self) -> &'static str {
        "deliveries dropped, stuck, replaced, front-run, out of gas, too dear, unpaid, behind a nonce gap"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let rounds = world.scaled(1, 6);
        for round in 0..rounds {
            if !world.has_time() {
                break;
            }
            let (from, to) = [(0, 2), (2, 0), (1, 2), (0, 1), (2, 1), (1, 0)][round % 6];
            world.spare(to).await?;
            let scene = Scene::prepare(world.devnet, from, to).await?;
            let mut done = 0;
            transactions::all(&scene, |_| done += 1).await?;
            (0..done).for_each(|_| world.fault());
        }
        Ok(())
    }
}
