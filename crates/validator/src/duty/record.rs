//! What one validator did of what it was asked, over a window of time.

use std::{collections::VecDeque, time::Duration};

use icc_attest::Participation;
use tokio::time::Instant;

/// Outcomes kept of one validator.
const MAX_OUTCOMES: usize = 256;
/// Fewer say nothing.
const LEAST_OUTCOMES: usize = 4;
/// Outcomes of one validator, the oldest first.
#[derive(Default)]
pub(super) struct Record(VecDeque<(Instant, bool)>);

impl Record {
    pub(super) fn note(&mut self, at: Instant, answered: bool, window: Duration) {
        self.0.push_back((at, answered));
        // One more than the window is kept: it shows that the window was watched from its beginning.
        while self.0.len() > MAX_OUTCOMES || self.0.get(1).is_some_and(|(second, _)| at - *second > window) {
            self.0.pop_front();
        }
    }

    pub(super) fn participation(&self, now: Instant, window: Duration) -> Participation {
        let asked = self.0.len();
        let answered = self.0.iter().filter(|(_, answered)| *answered).count();
        let long = self.0.front().is_some_and(|(first, _)| now - *first >= window);
        let silent = long && asked >= LEAST_OUTCOMES && answered * 2 < asked;
        Participation { asked, answered, silent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(100);

    fn record(outcomes: &[(u64, bool)]) -> (Record, Instant) {
        let (mut record, began) = (Record::default(), Instant::now());
        for (second, answered) in outcomes {
            record.note(began + Duration::from_secs(*second), *answered, WINDOW);
        }
        let last = outcomes.last().map_or(0, |last| last.0);
        (record, began + Duration::from_secs(last))
    }

    #[test]
    fn silence_takes_the_whole_window_and_more_than_half_of_it() {
        let silent = |outcomes: &[(u64, bool)]| {
            let (record, now) = record(outcomes);
            record.participation(now, WINDOW).silent
        };
        assert!(silent(&[(0, false), (30, false), (60, false), (101, false)]));
        assert!(!silent(&[(0, false), (30, false), (60, false), (90, false)]), "not yet");
        assert!(!silent(&[(0, false), (30, true), (60, true), (101, false)]), "half of it");
        assert!(silent(&[(0, false), (30, false), (60, true), (101, false)]));
        assert!(!silent(&[(0, false), (101, false)]), "too few to tell");
        assert!(!silent(&[]));
    }

    #[test]
    fn what_is_long_ago_counts_no_more() {
        let mut outcomes: Vec<(u64, bool)> = (0..20).map(|i| (i * 10, false)).collect();
        outcomes.extend((20..40).map(|i| (i * 10, true)));
        let (record, now) = record(&outcomes);
        let participation = record.participation(now, WINDOW);
        assert_eq!(participation.answered, participation.asked);
        assert!(participation.asked <= 12, "{participation:?}");
    }
}
