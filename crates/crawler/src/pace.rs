//! The pace of requests to one host, within this process: one at a time, a delay apart, in turn.
//!
//! In: a host that somebody wants to ask. Out: a turn, or how much later to come back. Knows
//! nothing of other processes, and forgets hosts that nobody asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use messages::Host;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Lanes kept before idle ones are dropped.
const MAX_LANES: usize = 4_096;

/// What becomes of a wish to ask a host.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Ask now; the next one's turn comes when this value is gone.
    Turn(Turn),
    /// Not soon: come back after this time, without a right to a turn then.
    Later(Duration),
}

/// The right to one request.
#[derive(Debug)]
pub(crate) struct Turn {
    _lane: Arc<Lane>,
    _guard: OwnedMutexGuard<Instant>,
}

/// The lanes of all hosts that are being asked.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    lanes: Mutex<HashMap<Host, Arc<Lane>>>,
}

#[derive(Debug)]
struct Lane {
    times: Mutex<Times>,
    /// Held by whoever asks the host; others queue here, first come, first served. Inside: the
    /// earliest start of the next request.
    asking: Arc<tokio::sync::Mutex<Instant>>,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    /// When the next request may start if all that queue keep to their times.
    next_at: Instant,
    /// When the next one that is sent away may come back: they are spread, lest they all come at once.
    tail_at: Instant,
}

impl Pace {
    /// Waits for a turn; one who would wait longer than `patience` is sent away.
    pub(crate) async fn enter(
        &self,
        host: &Host,
        delay: Duration,
        patience: Option<Duration>,
    ) -> Entry {
        let lane = self.lane(host);
        let now = Instant::now();
        let Some(slot) = lane.reserve(now, delay, patience) else {
            return Entry::Later(lane.tail(now, delay));
        };
        let asking = lane.asking.clone().lock_owned();
        let mut guard = match patience {
            Some(patience) => match timeout_at(now + patience, asking).await {
                Ok(guard) => guard,
                // Those ahead took longer than their slots.
                Err(_) => return Entry::Later(lane.tail(Instant::now(), delay)),
            },
            None => asking.await,
        };
        sleep_until(slot.max(*guard)).await;
        *guard = Instant::now() + delay;
        Entry::Turn(Turn {
            _lane: lane,
            _guard: guard,
        })
    }

    fn lane(&self, host: &Host) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(host) {
            return lane.clone();
        }
        let now = Instant::now();
        if lanes.len() >= MAX_LANES {
            lanes.retain(|_, lane| {
                lane.is_used() || lane.times().next_at > now || lane.times().tail_at > now
            });
        }
        if lanes.len() >= MAX_LANES {
            // Costs the spread of those that come back, and nothing else.
            lanes.retain(|_, lane| lane.is_used() || lane.times().next_at > now);
        }
        let lane = Arc::new(Lane::new(now));
        lanes.insert(host.clone(), lane.clone());
        lane
    }
}

impl Lane {
    fn new(now: Instant) -> Self {
        Self {
            times: Mutex::new(Times {
                next_at: now,
                tail_at: now,
            }),
            asking: Arc::new(tokio::sync::Mutex::new(now)),
        }
    }

    fn times(&self) -> std::sync::MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Someone besides the table holds it; called with the table locked.
    fn is_used(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1
    }

    fn reserve(
        &self,
        now: Instant,
        delay: Duration,
        patience: Option<Duration>,
    ) -> Option<Instant> {
        let mut times = self.times();
        let slot = times.next_at.max(now);
        if patience.is_some_and(|patience| slot - now > patience) {
            return None;
        }
        times.next_at = slot + delay;
        Some(slot)
    }

    fn tail(&self, now: Instant, delay: Duration) -> Duration {
        let mut times = self.times();
        let at = times.tail_at.max(times.next_at).max(now);
        times.tail_at = at + delay;
        at - now
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use messages::CanonicalUrl;

    use super::*;

    const DELAY: Duration = Duration::from_secs(1);
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));

    fn host(name: &str) -> Host {
        format!("http://{name}/")
            .parse::<CanonicalUrl>()
            .unwrap()
            .host()
    }

    async fn turn(pace: &Pace, name: &str, patience: Option<Duration>) -> Turn {
        match pace.enter(&host(name), DELAY, patience).await {
            Entry::Turn(turn) => turn,
            Entry::Later(after) => panic!("sent away for {after:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_to_one_host_start_a_delay_apart_in_the_order_they_came() {
        let pace = Pace::default();
        let begin = Instant::now();
        let starts = join_all((0..4).map(|_| async {
            let _turn = turn(&pace, "a.cn", PATIENCE).await;
            begin.elapsed().as_secs()
        }));
        assert_eq!(starts.await, [0, 1, 2, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_holds_back_the_next_request_and_the_delay_counts_from_its_start() {
        let pace = Pace::default();
        let begin = Instant::now();
        let first = turn(&pace, "a.cn", PATIENCE).await;
        let second = async {
            drop(turn(&pace, "a.cn", None).await);
            begin.elapsed().as_secs()
        };
        let third = async {
            drop(turn(&pace, "a.cn", None).await);
            begin.elapsed().as_secs()
        };
        let slow = async {
            tokio::time::sleep(Duration::from_secs(10)).await;
            drop(first);
        };
        assert_eq!(tokio::join!(second, third, slow), (10, 11, ()));
    }

    #[tokio::test(start_paused = true)]
    async fn hosts_do_not_wait_for_each_other() {
        let pace = Pace::default();
        let begin = Instant::now();
        let _held = turn(&pace, "a.cn", PATIENCE).await;
        drop(turn(&pace, "b.cn", PATIENCE).await);
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_would_wait_too_long_is_sent_away_each_to_a_time_of_its_own() {
        let pace = Pace::default();
        let entries = join_all((0..9).map(|_| async {
            match pace.enter(&host("a.cn"), DELAY, PATIENCE).await {
                Entry::Turn(_turn) => None,
                Entry::Later(after) => Some(after.as_secs()),
            }
        }));
        let sent_away: Vec<u64> = entries.await.into_iter().flatten().collect();
        assert_eq!(sent_away, [6, 7, 8]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_slow_answer_loses_patience() {
        let pace = Pace::default();
        let _held = turn(&pace, "a.cn", PATIENCE).await;
        let entry = pace.enter(&host("a.cn"), DELAY, PATIENCE).await;
        assert!(matches!(entry, Entry::Later(_)), "{entry:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn idle_lanes_are_forgotten_and_busy_ones_are_not() {
        let pace = Pace::default();
        let _held = turn(&pace, "busy.cn", PATIENCE).await;
        for n in 0..MAX_LANES {
            drop(turn(&pace, &format!("h{n}.cn"), PATIENCE).await);
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        drop(turn(&pace, "last.cn", PATIENCE).await);
        let lanes = pace.lanes.lock().unwrap();
        assert!(
            lanes.contains_key(&host("busy.cn")) && lanes.len() == 2,
            "{}",
            lanes.len()
        );
    }
}
