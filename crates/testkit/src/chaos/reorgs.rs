//! Reorgs within finality, of either end of a lane, under load.

use std::time::Duration;

use alloy_primitives::Address;
use async_trait::async_trait;
use eyre::ensure;
use icc_devnet::Role;

use super::{Scenario, World};
use crate::{
    reorgs::{self, DEEPEST},
    scene::Scene,
};

/// Longest that a lane may stand still after a reorg, on a slow machine.
const STALL: Duration = Duration::from_secs(45);

/// Reorgs of every chain at every step: send, quorum, delivery, expiry, rotation; then one after the other.
pub(super) struct Reorgs;

#[async_trait(?Send)]
impl Scenario for Reorgs {
    fn name(&self) -> &'static str {
        "reorgs"
    }

    fn what(&self) -> &'static str {
        "reorgs of both ends, shallow and deep, during send, quorum, delivery, expiry, rotation; then storms of them"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let routes = [(2, 0), (0, 1), (1, 2)];
        for (from, to) in routes.into_iter().take(world.scaled(1, 3)) {
            if !world.has_time() {
                break;
            }
            world.spare(to).await?;
            let token = Scene::prepare(world.devnet, from, to).await?.token;
            let scene = Scene { devnet: world.devnet, from, to, token };
            for depth in [1, DEEPEST] {
                reorgs::while_sending(&scene, depth).await?;
                reorgs::while_delivering(&scene, depth).await?;
            }
            reorgs::while_expiring(&scene).await?;
            reorgs::while_rotating(&scene).await?;
            (0..6).for_each(|_| world.fault());
            signing(world, (from, to), token).await?;
            world.load.spare(None);
            let rounds = world.scaled(4, 30);
            let scene = Scene { devnet: world.devnet, from, to, token };
            let longest = reorgs::storm(&scene, rounds).await?;
            ensure!(longest < STALL, "a lane stood still for {longest:?} after a reorg");
            (0..2 * rounds).for_each(|_| world.fault());
        }
        Ok(())
    }
}

/// While two validators of four are away.
async fn signing(world: &mut World<'_>, (from, to): (usize, usize), token: Address) -> eyre::Result<()> {
    let away = [Role::Validator(0), Role::Validator(1)];
    for role in away {
        world.devnet.process(role)?.kill();
    }
    let scene = Scene { devnet: world.devnet, from, to, token };
    let sent = scene.send(2).await?;
    let outcome = reorgs::while_signing(&scene, sent).await;
    for role in away {
        world.devnet.process(role)?.restart()?;
    }
    outcome?;
    world.fault();
    Scene { devnet: world.devnet, from, to, token }.arrives(sent).await.map(drop)
}
