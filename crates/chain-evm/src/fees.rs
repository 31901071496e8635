//! EIP-1559 fees with bounded replacement.

use icc_chain::ChainError;

/// What the relay may pay for gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeePolicy {
    /// Most wei per gas, base fee included.
    pub max_fee_per_gas: u128,
    /// Least tip, in wei per gas.
    pub min_priority_fee_per_gas: u128,
}

impl Default for FeePolicy {
    fn default() -> Self {
        Self { max_fee_per_gas: 500_000_000_000, min_priority_fee_per_gas: 1_000_000 }
    }
}

/// The two fees of an EIP-1559 transaction, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) max_fee: u128,
    pub(crate) priority_fee: u128,
}

impl FeePolicy {
    /// Fees for the `attempt`-th transaction of one nonce: a quarter more each time (nodes ask for a tenth), at least
    /// what the present base fee demands, at most the cap.
    ///
    /// # Errors
    /// [`ChainError::FeeAboveCap`] if the cap is below the base fee and tip.
    pub(crate) fn fees(&self, base_fee: u128, tip: u128, attempt: u32) -> Result<Fees, ChainError> {
        let mut priority_fee = tip.max(self.min_priority_fee_per_gas);
        let mut max_fee = base_fee.saturating_mul(2).saturating_add(priority_fee);
        for _ in 0..attempt.min(64) {
            priority_fee = priority_fee.saturating_add(priority_fee / 4 + 1);
            max_fee = max_fee.saturating_add(max_fee / 4 + 1);
        }
        let wanted = base_fee.saturating_add(tip.max(self.min_priority_fee_per_gas));
        if wanted > self.max_fee_per_gas {
            return Err(ChainError::FeeAboveCap { wanted, cap: self.max_fee_per_gas });
        }
        let max_fee = max_fee.min(self.max_fee_per_gas);
        Ok(Fees { max_fee, priority_fee: priority_fee.min(max_fee) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attempt_offers_at_least_an_eighth_more_until_the_cap() {
        let policy = FeePolicy { max_fee_per_gas: 1_000_000, min_priority_fee_per_gas: 10 };
        let mut before = policy.fees(1000, 10, 0).unwrap();
        for attempt in 1..20 {
            let now = policy.fees(1000, 10, attempt).unwrap();
            assert!(now.max_fee * 8 >= before.max_fee * 9 && now.priority_fee * 8 >= before.priority_fee * 9);
            before = now;
        }
        assert_eq!(policy.fees(1000, 10, 60).unwrap().max_fee, 1_000_000);
    }

    #[test]
    fn a_base_fee_above_the_cap_waits() {
        let policy = FeePolicy { max_fee_per_gas: 100, min_priority_fee_per_gas: 1 };
        assert!(matches!(policy.fees(100, 1, 0), Err(ChainError::FeeAboveCap { wanted: 101, cap: 100 })));
    }
}
