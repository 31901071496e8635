//! What happens to validators' journals.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use eyre::ensure;
use icc_devnet::Role;
use tokio::time::{Instant, sleep};

use super::{Scenario, World, machine::SmallDisk};

/// For a validator to start, to end, or to say what it has to.
const PATIENCE: Duration = Duration::from_secs(60);
/// What it says once it may sign.
const WHOLE: &str = "the journal has all that the cores hold of this key";
/// What it says of a journal that is not whole.
const LACKS: &str = "the journal lacks what this key has signed";
/// What it says when it has signed.
const SIGNED: &str = "watch: signed";

fn path(world: &World<'_>, validator: usize) -> PathBuf {
    world.devnet.folder().join(format!("validator-{validator}.journal"))
}

/// No room for the journal.
pub(super) struct FullDisk;

#[async_trait(?Send)]
impl Scenario for FullDisk {
    fn name(&self) -> &'static str {
        "journal-full-disk"
    }

    fn what(&self) -> &'static str {
        "a validator's journal has no room: it signs nothing that is not written, says so, and goes on by itself"
    }

    fn load(&self) -> f64 {
        8.0
    }

    fn skip(&self) -> Option<String> {
        SmallDisk::impossible()
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let role = Role::Validator(0);
        let journal = path(world, 0);
        let folder = journal.with_extension("disk");
        world.devnet.process(role)?.kill();
        let size = fs::metadata(&journal)?.len();
        let disk = SmallDisk::mount(&folder, size / (1 << 20) + 2)?;
        let moved = folder.join("journal");
        fs::copy(&journal, &moved)?;
        fs::remove_file(&journal)?;
        std::os::unix::fs::symlink(&moved, &journal)?;
        let outcome = full_and_free(world, role, &disk).await;
        // Back to where it was.
        world.devnet.process(role)?.kill();
        fs::remove_file(&journal)?;
        fs::copy(&moved, &journal)?;
        drop(disk);
        start_whole(world, role).await?;
        outcome
    }
}

async fn full_and_free(world: &mut World<'_>, role: Role, disk: &SmallDisk) -> eyre::Result<()> {
    start_whole(world, role).await?;
    disk.fill()?;
    world.fault();
    let from = world.log_length(role)?;
    world.until_said(role, from, "nothing is signed until it can be written", PATIENCE * 2).await?;
    sleep(world.scaled(Duration::from_secs(1), Duration::from_secs(10))).await;
    disk.free()?;
    let from = world.log_length(role)?;
    world.until_said(role, from, SIGNED, PATIENCE).await?;
    world.devnet.process(role)?.check()?;
    // Whatever it has signed is in its journal: otherwise it would refuse to start.
    world.devnet.process(role)?.kill();
    start_whole(world, role).await
}

/// Cut short.
pub(super) struct Cut;

#[async_trait(?Send)]
impl Scenario for Cut {
    fn name(&self) -> &'static str {
        "journal-cut"
    }

    fn what(&self) -> &'static str {
        "a validator's journal is cut short: refused; moved away: refused; --recover takes over what the cores have"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let role = Role::Validator(1);
        let journal = path(world, 1);
        signed_since(world, role, 1).await?;
        world.devnet.process(role)?.kill();
        let whole = fs::read(&journal)?;
        // The header alone, and nothing at all: whatever was recorded is gone.
        for (left, words) in [(4096, "is damaged"), (0, LACKS)] {
            fs::write(&journal, &whole[..left])?;
            world.fault();
            refused(world, role, words).await?;
        }
        // Part of the pages, which may be unused ones: refused, unless all that the cores hold is still there.
        for part in [2, 3] {
            fs::write(&journal, &whole[..whole.len() * (part - 1) / part])?;
            world.fault();
            refused_or_whole(world, role).await?;
        }
        fs::remove_file(&journal)?;
        world.fault();
        refused(world, role, LACKS).await?;
        recovered(world, role).await
    }
}

/// Put back as it was a while ago.
pub(super) struct OldCopy;

#[async_trait(?Send)]
impl Scenario for OldCopy {
    fn name(&self) -> &'static str {
        "journal-old-copy"
    }

    fn what(&self) -> &'static str {
        "a validator starts with an old copy of its journal, or none: refused; the newest put back, or --recover, helps"
    }

    async fn run(&self, world: &mut World<'_>) -> eyre::Result<()> {
        let role = Role::Validator(2);
        let journal = path(world, 2);
        let (old, newest) = (journal.with_extension("old"), journal.with_extension("newest"));
        signed_since(world, role, 1).await?;
        world.devnet.process(role)?.kill();
        fs::copy(&journal, &old)?;
        start_whole(world, role).await?;
        signed_since(world, role, world.scaled(3, 10)).await?;
        world.devnet.process(role)?.kill();
        fs::rename(&journal, &newest)?;
        replace(&old, &journal)?;
        world.fault();
        refused(world, role, LACKS).await?;
        // The first way out: the newest is found after all.
        replace(&newest, &journal)?;
        start_whole(world, role).await?;
        signed_since(world, role, 1).await?;
        world.devnet.process(role)?.kill();
        replace(&old, &journal)?;
        world.fault();
        refused(world, role, LACKS).await?;
        recovered(world, role).await?;
        // And from nothing.
        signed_since(world, role, 1).await?;
        world.devnet.process(role)?.kill();
        fs::remove_file(&journal)?;
        world.fault();
        refused(world, role, LACKS).await?;
        recovered(world, role).await
    }
}

fn replace(by: &Path, journal: &Path) -> eyre::Result<()> {
    fs::copy(by, journal)?;
    Ok(())
}

/// Waits until a validator has signed so many times more, and a core has had the time to take it.
async fn signed_since(world: &mut World<'_>, role: Role, times: usize) -> eyre::Result<()> {
    let from = world.log_length(role)?;
    let began = Instant::now();
    while world.log(role, from)?.matches(SIGNED).count() < times {
        ensure!(began.elapsed() < PATIENCE, "{role:?} has not signed {times} times within {PATIENCE:?}");
        sleep(Duration::from_millis(100)).await;
    }
    sleep(Duration::from_secs(1)).await;
    Ok(())
}

/// Starts it; it must confirm its journal.
async fn start_whole(world: &mut World<'_>, role: Role) -> eyre::Result<()> {
    let from = world.log_length(role)?;
    world.devnet.process(role)?.restart()?;
    world.until_said(role, from, WHOLE, PATIENCE).await
}

/// Starts it; it must end by itself, saying why and what to do, and have signed nothing.
async fn refused(world: &mut World<'_>, role: Role, words: &str) -> eyre::Result<()> {
    let from = world.log_length(role)?;
    let process = world.devnet.process(role)?;
    process.restart()?;
    let well = process.wait_end(PATIENCE)?;
    let said = world.log(role, from)?;
    ensure!(!well, "{role:?} has ended well with a journal that it must refuse");
    ensure!(
        said.contains(words) && said.contains("--recover"),
        "{role:?} does not say {words:?}, but: {said}"
    );
    ensure!(!said.contains(SIGNED), "{role:?} has signed with a journal that it must refuse");
    Ok(())
}

/// Starts it; it must refuse its journal, or have found it whole before it signs.
async fn refused_or_whole(world: &mut World<'_>, role: Role) -> eyre::Result<()> {
    let from = world.log_length(role)?;
    world.devnet.process(role)?.restart()?;
    let began = Instant::now();
    loop {
        let said = world.log(role, from)?;
        if said.contains("is damaged") || said.contains(LACKS) {
            let well = world.devnet.process(role)?.wait_end(PATIENCE)?;
            ensure!(!well, "{role:?} has ended well with a journal that it must refuse");
            return Ok(());
        }
        if let Some(whole) = said.find(WHOLE) {
            ensure!(!said[..whole].contains(SIGNED), "{role:?} has signed before its journal was confirmed");
            world.devnet.process(role)?.kill();
            return Ok(());
        }
        ensure!(
            began.elapsed() < PATIENCE,
            "{role:?} neither refuses its journal nor finds it whole: {said}"
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// Starts it with the way out; it must sign again, and start the usual way ever after.
async fn recovered(world: &mut World<'_>, role: Role) -> eyre::Result<()> {
    let from = world.log_length(role)?;
    world.devnet.process(role)?.restart_with(&["--recover"])?;
    world.until_said(role, from, WHOLE, PATIENCE).await?;
    world.until_said(role, from, SIGNED, PATIENCE).await?;
    world.devnet.process(role)?.kill();
    start_whole(world, role).await
}
