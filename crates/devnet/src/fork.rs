//! A second history of a chain: the same up to now, another from now on.

use crate::{Anvil, ChainSpec, Devnet};

impl Devnet {
    /// Starts another node of a chain that has all of its blocks and its state, and goes on by itself: what is sent to
    /// one is not on the other. Headers, logs and proofs of both are whole, so nothing but comparing them tells which
    /// one the chain is.
    ///
    /// The two differ from the first block on that has something in it; empty ones can be the same.
    ///
    /// # Errors
    /// If it does not start or does not take the state.
    pub async fn fork(&self, chain: usize) -> eyre::Result<Anvil> {
        let ChainSpec { name, id, block_time } = self.spec(chain).clone();
        let spec = ChainSpec { name: format!("{name}-fork"), id, block_time };
        let fork = Anvil::start(&spec, self.folder(), self.guard()).await?;
        fork.load(self.chains[chain].dump().await?).await?;
        Ok(fork)
    }
}
