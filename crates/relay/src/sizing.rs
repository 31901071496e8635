//! How many messages a batch holds. Most calls take much less gas than they may: batches are sized by what the lane's
//! calls took of late, and by what they may take once that has failed, so that nobody's call can hold up a lane for
//! longer than one transaction.

use icc_protocol::{INLINE_GAS, Message};

/// Bytes of messages in one batch; nodes refuse transactions above 128 kB.
const MAX_BYTES: usize = 100_000;
/// Gas of a message beside its call.
const MESSAGE_GAS: u64 = 40_000;
/// Gas of a delivery without messages.
const BASE_GAS: u64 = 300_000;
/// A smaller batch tells little of what a message takes.
const TELLING: u64 = 16;
/// Batches sized by what calls may take, after a failure: few, as it may have been a rotation between building and
/// inclusion.
const CAUTIOUS: u32 = 4;
/// Twice as many after each failure that follows soon, up to this: calls that mean to fail spoil one batch of so many. A
/// failure is forgotten after as many deliveries without another.
const MOST_CAUTIOUS: u32 = 64;

/// What one lane's worker has learned.
#[derive(Debug, Default)]
pub(crate) struct Sizing {
    /// Gas of a message, all in all, with a quarter more; `None`: not known, or not to be relied on.
    learned: Option<u64>,
    /// Batches still to be made before anything is learned again.
    cautious: u32,
    /// Failures of late.
    failures: u32,
    /// Deliveries since caution was over.
    smooth: u32,
}

impl Sizing {
    /// How many messages, encoded, fit one transaction of `batch_gas`; at least one, if there is one.
    pub(crate) fn fitting<M: AsRef<[u8]>>(&self, messages: &[M], batch_gas: u64) -> usize {
        let (mut gas, mut bytes) = (BASE_GAS, 0);
        for (index, message) in messages.iter().map(AsRef::as_ref).enumerate() {
            gas += self.learned.unwrap_or(u64::MAX).min(most(message));
            bytes += message.len() + 2;
            if index > 0 && (gas > batch_gas || bytes > MAX_BYTES) {
                return index;
            }
        }
        messages.len()
    }

    /// A batch of `count` messages has taken `gas`.
    pub(crate) fn delivered(&mut self, count: u64, gas: u64) {
        if self.cautious > 0 {
            self.cautious -= 1;
            return;
        }
        self.smooth += 1;
        if self.smooth >= MOST_CAUTIOUS {
            (self.failures, self.smooth) = (0, 0);
        }
        if count >= TELLING {
            // What was dear is forgotten slowly.
            let remembered = self.learned.unwrap_or(0) / 8 * 7;
            self.learned = Some((gas / count / 4 * 5).max(remembered));
        }
    }

    /// A batch was refused, or failed in its block: whatever the reason, it may have been too large.
    pub(crate) fn failed(&mut self) {
        if self.learned.take().is_some() {
            self.cautious = CAUTIOUS.checked_shl(self.failures).unwrap_or(MOST_CAUTIOUS).min(MOST_CAUTIOUS);
            (self.failures, self.smooth) = ((self.failures + 1).min(MOST_CAUTIOUS.ilog2()), 0);
        }
    }
}

/// What a message may take: its call, calldata and hashing, at 16 gas a byte and more.
fn most(message: &[u8]) -> u64 {
    let call = Message::decode(message).map_or(0, |m| if m.gas_limit > INLINE_GAS { 0 } else { m.gas_limit });
    u64::from(call) + MESSAGE_GAS + 20 * message.len() as u64
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{B256, Bytes};
    use icc_protocol::Kind;

    use super::*;

    const BATCH_GAS: u64 = 12_000_000;

    fn transfers() -> Vec<Vec<u8>> {
        let message = Message {
            kind: Kind::Call,
            nonce: 1,
            deadline: 0,
            gas_limit: 180_000,
            sender: B256::ZERO,
            recipient: B256::ZERO,
            payload: Bytes::new(),
        };
        vec![message.encode(); 512]
    }

    #[test]
    fn what_calls_took_decides_and_what_they_may_take_after_a_failure() {
        let messages = transfers();
        let mut sizing = Sizing::default();
        let by_limits = sizing.fitting(&messages, BATCH_GAS);
        assert!((50..55).contains(&by_limits), "{by_limits}");
        sizing.delivered(50, 50 * 48_000);
        assert_eq!(sizing.fitting(&messages, BATCH_GAS), 195);
        sizing.failed();
        for _ in 0..CAUTIOUS {
            assert_eq!(sizing.fitting(&messages, BATCH_GAS), by_limits);
            sizing.delivered(50, 50 * 48_000);
        }
        sizing.delivered(50, 50 * 48_000);
        assert_eq!(sizing.fitting(&messages, BATCH_GAS), 195);
    }

    /// Fails, and tells how many batches are small then.
    fn small_batches(sizing: &mut Sizing) -> u32 {
        let messages = transfers();
        let large = sizing.fitting(&messages, BATCH_GAS);
        sizing.failed();
        let mut small = 0;
        while sizing.fitting(&messages, BATCH_GAS) < large {
            sizing.delivered(50, 50 * 48_000);
            small += 1;
        }
        small
    }

    /// A lane's worst case is one spoilt batch in so many, and a single failure is soon forgotten.
    #[test]
    fn caution_grows_with_failures_that_follow_each_other_and_fades() {
        let mut sizing = Sizing::default();
        sizing.delivered(50, 50 * 48_000);
        let small: Vec<u32> = (0..7).map(|_| small_batches(&mut sizing)).collect();
        assert_eq!(small, [5, 9, 17, 33, 65, 65, 65], "and the one that teaches again");
        for _ in 0..MOST_CAUTIOUS {
            sizing.delivered(50, 50 * 48_000);
        }
        assert_eq!(small_batches(&mut sizing), 5);
    }

    #[test]
    fn a_failure_of_a_batch_by_limits_changes_nothing() {
        let mut sizing = Sizing::default();
        sizing.failed();
        sizing.delivered(50, 50 * 48_000);
        assert!(sizing.learned.is_some());
    }

    #[test]
    fn small_batches_teach_nothing_and_dear_ones_are_remembered() {
        let mut sizing = Sizing::default();
        sizing.delivered(1, 300_000);
        assert_eq!(sizing.learned, None);
        sizing.delivered(20, 20 * 80_000);
        sizing.delivered(20, 20 * 40_000);
        assert_eq!(sizing.learned, Some(87_500));
    }

    #[test]
    fn a_message_that_may_take_little_is_not_taken_for_dear_and_one_always_fits() {
        let mut sizing = Sizing::default();
        sizing.delivered(20, 20 * 400_000);
        let messages = transfers();
        assert!(sizing.fitting(&messages, BATCH_GAS) > 50);
        assert_eq!(sizing.fitting(&messages, 1), 1);
        assert_eq!(sizing.fitting(&messages[..0], 1), 0);
    }
}
