//! What happens to databases.

use std::{fs, time::Duration};

use async_trait::async_trait;
use eyre::OptionExt;
use nix::sys::signal::Signal;
use rand::Rng;
use tokio::time::sleep;

use super::{
    Scenario, World,
    machine::{SmallDisk, copy, family, signal},
};

/// Longer than a lease lasts.
const LONG_PAUSE: Duration = Duration::from_secs(16);

/// Killed, and restarted at once.
pub(super) struct Killed;

#[async_trait(?Send)]
impl Scenario for Killed {
    fn name(&self) -> &'static str {
        "postgres-killed"
    }

    fn what(&self) -> &'static str {
        "PostgreSQL killed (the server alone, or all of it) or restarted in the midst of everything"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let kills = world.scaled(2, 12);
        while world.faults() < kills {
            world.pause_up_to(Duration::from_secs(3)).await;
            match world.random.random_range(0..3) {
                0 => world.devnet.postgres.process.kill(),
                1 => kill_all(world)?,
                // start_again stops it first, cutting all connections off.
                _ => {}
            }
            world.fault();
            world.pause_up_to(Duration::from_secs(2)).await;
            world.devnet.postgres.start_again().await?;
        }
        sleep(world.scaled(Duration::from_secs(1), Duration::from_secs(3))).await;
        Ok(())
    }
}

/// Does not answer, and comes back as if nothing had been.
pub(super) struct Paused;

#[async_trait(?Send)]
impl Scenario for Paused {
    fn name(&self) -> &'static str {
        "postgres-paused"
    }

    fn what(&self) -> &'static str {
        "PostgreSQL stops answering, for moments and for longer than a lease lasts, and goes on (SIGSTOP, SIGCONT)"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let pauses = world.scaled(1, 4);
        for turn in 0..pauses {
            world.pause_up_to(Duration::from_secs(2)).await;
            let server = family(world.devnet.postgres.process.id().ok_or_eyre("no PostgreSQL")?)?;
            signal(&server, Signal::SIGSTOP)?;
            world.fault();
            let pause = if turn % 2 == 1 { LONG_PAUSE } else { Duration::from_secs(4) };
            sleep(pause).await;
            signal(&server, Signal::SIGCONT)?;
        }
        sleep(Duration::from_secs(2)).await;
        Ok(())
    }
}

/// Failed over to a copy of what it was a while ago.
pub(super) struct OldCopy;

#[async_trait(?Send)]
impl Scenario for OldCopy {
    fn name(&self) -> &'static str {
        "postgres-old-copy"
    }

    fn what(&self) -> &'static str {
        "PostgreSQL fails over to a copy that lacks the last seconds or minute: rows, attestations, leases go back"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let ages = world.scaled(vec![5], vec![4, 20, 45]);
        for age in ages {
            let data = world.devnet.postgres.data().to_owned();
            let copied = data.with_extension("copy");
            let server = family(world.devnet.postgres.process.id().ok_or_eyre("no PostgreSQL")?)?;
            // As a snapshot of its volume: all of it at one moment.
            signal(&server, Signal::SIGSTOP)?;
            let outcome = copy(&data, &copied);
            signal(&server, Signal::SIGCONT)?;
            outcome?;
            sleep(Duration::from_secs(age)).await;
            kill_all(world)?;
            fs::remove_dir_all(&data)?;
            fs::rename(&copied, &data)?;
            world.fault();
            world.devnet.postgres.start_again().await?;
            sleep(Duration::from_secs(3)).await;
        }
        Ok(())
    }
}

/// No room left.
pub(super) struct FullDisk;

#[async_trait(?Send)]
impl Scenario for FullDisk {
    fn name(&self) -> &'static str {
        "postgres-full-disk"
    }

    fn what(&self) -> &'static str {
        "PostgreSQL's disk is full for a while (it fails, or ends), then has room again and is started again"
    }

    fn skip(&self) -> Option<String> {
        SmallDisk::impossible()
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let data = world.devnet.postgres.data().to_owned();
        let aside = data.with_extension("aside");
        world.devnet.postgres.process.stop(Duration::from_secs(10));
        fs::rename(&data, &aside)?;
        let disk_folder = data.with_extension("disk");
        let disk = SmallDisk::mount(&disk_folder, 400)?;
        let outcome = async {
            copy(&aside, &disk_folder.join("data"))?;
            std::os::unix::fs::symlink(disk_folder.join("data"), &data)?;
            world.devnet.postgres.start_again().await?;
            sleep(Duration::from_secs(3)).await;
            disk.fill()?;
            world.fault();
            sleep(world.scaled(Duration::from_secs(5), Duration::from_secs(25))).await;
            disk.free()?;
            if world.devnet.postgres.process.check().is_err() {
                world.devnet.postgres.start_again().await?;
            }
            sleep(Duration::from_secs(3)).await;
            eyre::Ok(())
        }
        .await;
        // Back to where it was, whatever happened.
        world.devnet.postgres.process.stop(Duration::from_secs(20));
        if data.is_symlink() {
            fs::remove_file(&data)?;
        }
        if outcome.is_ok() {
            copy(&disk_folder.join("data"), &data)?;
            fs::remove_dir_all(&aside)?;
        } else {
            fs::rename(&aside, &data)?;
        }
        drop(disk);
        world.devnet.postgres.start_again().await?;
        outcome
    }
}

/// The server and every process of it.
fn kill_all(world: &mut World<'_>) -> eyre::Result<()> {
    let server = family(world.devnet.postgres.process.id().ok_or_eyre("no PostgreSQL")?)?;
    signal(&server, Signal::SIGKILL)?;
    world.devnet.postgres.process.kill();
    Ok(())
}
