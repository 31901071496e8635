//! What contracts are deployed with.

use serde::{Deserialize, Serialize};

/// What contracts are deployed with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeploymentConfig {
    /// Addresses of the first validator set.
    pub validators: Vec<String>,
    /// With fewer validators in a set, deliveries stop.
    #[serde(default = "default_min_validators")]
    pub min_validators: u16,
    /// May pause; cannot resume.
    pub guardian: String,
    /// Seconds that every act of the owner waits once the deployment is complete.
    pub timelock_delay_seconds: u64,
    /// Seconds that a deadline must be ahead when a message is sent: time to finality, and to deliver.
    #[serde(default = "default_min_deadline")]
    pub min_deadline_delay_seconds: u64,
    /// Seconds over which tokens' rate limits count, and for which a transfer above them waits.
    #[serde(default = "default_rate_window")]
    pub rate_window_seconds: u64,
    /// One of the relay's signers, which then keeps gas prices; none: the owner sets them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_updater: Option<String>,
    /// Gets the fees; none: they stay in the gateways.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_collector: Option<String>,
    /// The chain that the validator registry is deployed on.
    pub hub: String,
    /// The registry.
    pub registry: RegistryConfig,
}

/// What the validator registry is deployed with. None of it can be changed later, except the treasury.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryConfig {
    /// Gets what is taken from liars, less the reporter's share.
    pub treasury: String,
    /// The token that validators bond; none: the hub's native coin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bond_token: Option<String>,
    /// Least that a validator bonds, in whole tokens: `10` or `0.5`.
    pub min_bond: String,
    /// Least seconds between two epochs.
    #[serde(default = "default_epoch_length")]
    pub epoch_seconds: u64,
    /// Seconds from registering to joining.
    #[serde(default = "default_probation")]
    pub probation_seconds: u64,
    /// Seconds from leaving to a free bond.
    #[serde(default = "default_unbonding")]
    pub unbonding_seconds: u64,
    /// Seconds in which the guardian may veto or confirm a conviction.
    #[serde(default = "default_defeat_window")]
    pub defeat_window_seconds: u64,
    /// Seconds from jailing to coming back.
    #[serde(default = "default_jail")]
    pub jail_seconds: u64,
    /// Of a taken bond, in 1/10,000, to who reported.
    #[serde(default = "default_reporter_share")]
    pub reporter_share: u16,
}

fn default_min_validators() -> u16 {
    1
}
fn default_min_deadline() -> u64 {
    3600
}
fn default_rate_window() -> u64 {
    86_400
}
fn default_epoch_length() -> u64 {
    86_400
}
fn default_probation() -> u64 {
    86_400
}
fn default_unbonding() -> u64 {
    21 * 86_400
}
fn default_defeat_window() -> u64 {
    3 * 86_400
}
fn default_jail() -> u64 {
    86_400
}
fn default_reporter_share() -> u16 {
    1000
}
