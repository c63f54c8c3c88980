//! One host within this process: who asks it now, who stands in line, what was learned of it.
//!
//! Nothing here is politeness itself: that is the clock's, shared with all processes. A lane that
//! is forgotten costs a reading of the record, and nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use messages::Host;
use time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::clock::decision::{Decision, News, Wish};

/// How long a lane is kept for whoever comes next.
const KEPT: Duration = Duration::from_secs(60);

/// Requests that a host without pace has no time for come back so far from each other.
const SPREAD: Duration = Duration::from_millis(50);

/// A wish, and whom to tell.
pub(crate) type Wished = (Wish, oneshot::Sender<Decision>);

#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) host: Host,
    /// Held by the one request that is on its way.
    pub(crate) asking: Arc<Semaphore>,
    /// Held by each request that is on its way to a host without pace.
    pub(crate) unpaced: Arc<Semaphore>,
    /// Wishes that wait to be written with the next change of the record.
    wishes: Mutex<Vec<Wished>>,
    /// Held by whoever changes the record: a process takes its reservations one after another.
    pub(crate) writing: tokio::sync::Mutex<()>,
    num_in_line: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    used_at: Instant,
    news: News,
    /// Whether it is paused, and when we looked.
    paused: Option<(Instant, bool)>,
    /// Until then whoever would have to wait for a host without pace is sent away at once.
    slow_until: Instant,
    tail_at: OffsetDateTime,
}

/// All who wait for a slot, of whatever host: few of each host where many hosts are waited for, so
/// that none keeps the others out.
#[derive(Debug)]
pub(crate) struct Lines {
    /// As many may wait at once.
    room: usize,
    num_waiting: AtomicUsize,
    /// Hosts that somebody waits for.
    num_hosts: AtomicUsize,
}

/// A place in a host's line; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    lane: Arc<Lane>,
    lines: &'a Lines,
}

/// The right to one request; the next one's turn comes when it ends.
#[derive(Debug)]
pub(crate) struct Turn {
    lane: Arc<Lane>,
    began: Instant,
    pub(crate) began_at: OffsetDateTime,
    _permit: OwnedSemaphorePermit,
}

impl Lane {
    pub(crate) fn new(host: Host, num_unpaced: usize) -> Self {
        let now = Instant::now();
        Self {
            host,
            asking: Arc::new(Semaphore::new(1)),
            unpaced: Arc::new(Semaphore::new(num_unpaced)),
            wishes: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            num_in_line: AtomicUsize::new(0),
            state: Mutex::new(State {
                used_at: now,
                news: News::default(),
                paused: None,
                slow_until: now,
                tail_at: OffsetDateTime::UNIX_EPOCH,
            }),
        }
    }

    /// Someone besides the table holds it, or did a moment ago; called with the table locked.
    pub(crate) fn is_used(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1 || self.state().used_at.elapsed() < KEPT
    }

    /// A place in line, unless the host has its share already; `whatever`: even then.
    pub(crate) fn line_up<'a>(
        self: &Arc<Self>,
        lines: &'a Lines,
        whatever: bool,
    ) -> Option<Place<'a>> {
        let num_before = self.num_in_line.fetch_add(1, Ordering::Relaxed);
        if num_before == 0 {
            lines.num_hosts.fetch_add(1, Ordering::Relaxed);
        }
        lines.num_waiting.fetch_add(1, Ordering::Relaxed);
        let place = Place {
            lane: self.clone(),
            lines,
        };
        (whatever || num_before < lines.share()).then_some(place)
    }

    /// Puts a wish down for whoever writes next.
    pub(crate) fn wish(&self, wish: Wish) -> oneshot::Receiver<Decision> {
        let (tell, told) = oneshot::channel();
        self.wishes().push((wish, tell));
        told
    }

    /// All wishes, oldest first, without those whose owner is gone.
    pub(crate) fn take_wishes(&self) -> Vec<Wished> {
        let mut wishes = std::mem::take(&mut *self.wishes());
        wishes.retain(|(_, tell)| !tell.is_closed());
        wishes
    }

    pub(crate) fn take_news(&self) -> News {
        std::mem::take(&mut self.state().news)
    }

    /// Whether the host was paused when we looked, if that was less than `age` ago.
    pub(crate) fn paused(&self, age: Duration) -> Option<bool> {
        let looked = self.state().paused;
        looked.and_then(|(at, is_paused)| (at.elapsed() < age).then_some(is_paused))
    }

    pub(crate) fn set_paused(&self, is_paused: bool) {
        self.state().paused = Some((Instant::now(), is_paused));
    }

    pub(crate) fn is_slow(&self) -> bool {
        Instant::now() < self.state().slow_until
    }

    pub(crate) fn slow_for(&self, time: Duration) {
        self.state().slow_until = Instant::now() + time;
    }

    /// A time to come back to a host without pace, each another one.
    pub(crate) fn later(&self, earliest: OffsetDateTime) -> OffsetDateTime {
        let mut state = self.state();
        let at = state.tail_at.max(earliest);
        state.tail_at = at + SPREAD;
        at
    }

    pub(crate) fn turn(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Turn {
        self.state().used_at = Instant::now();
        Turn {
            lane: self.clone(),
            began: Instant::now(),
            began_at: OffsetDateTime::now_utc(),
            _permit: permit,
        }
    }

    fn wishes(&self) -> MutexGuard<'_, Vec<Wished>> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// The request has ended; `is_well`: the host answered as a healthy one does.
    pub(crate) fn end(self, is_well: bool) {
        let took = self.began.elapsed();
        self.lane.state().news.add(self.began_at, took, is_well);
    }
}

impl Lines {
    pub(crate) fn new(room: usize) -> Self {
        Self {
            room: room.max(1),
            num_waiting: AtomicUsize::new(0),
            num_hosts: AtomicUsize::new(0),
        }
    }

    /// So many wait that nobody should for long.
    pub(crate) fn are_full(&self) -> bool {
        self.num_waiting.load(Ordering::Relaxed) > self.room
    }

    fn share(&self) -> usize {
        let num_hosts = self.num_hosts.load(Ordering::Relaxed);
        (self.room / num_hosts.max(1)).max(1)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.lane.num_in_line.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.lines.num_hosts.fetch_sub(1, Ordering::Relaxed);
        }
        self.lines.num_waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use messages::CanonicalUrl;

    use super::*;

    fn lane(name: &str) -> Arc<Lane> {
        let url: CanonicalUrl = format!("http://{name}/").parse().unwrap();
        Arc::new(Lane::new(url.host(), 1))
    }

    #[test]
    fn a_host_alone_may_take_all_room_and_one_among_many_its_share() {
        let lines = Lines::new(4);
        let (a, b) = (lane("a.cn"), lane("b.cn"));
        let mut places: Vec<_> = (0..4).map_while(|_| a.line_up(&lines, false)).collect();
        assert_eq!(places.len(), 4);
        assert!(a.line_up(&lines, false).is_none());
        assert!(b.line_up(&lines, false).is_some(), "none keeps others out");
        places.extend(b.line_up(&lines, false));
        assert!(lines.are_full());
        places.truncate(2);
        assert!(a.line_up(&lines, false).is_some() && !lines.are_full());
        places.extend(b.line_up(&lines, false));
        assert!(a.line_up(&lines, false).is_none(), "two hosts, two each");
        assert!(a.line_up(&lines, true).is_some());
        drop(places);
        assert_eq!(lines.num_waiting.load(Ordering::Relaxed), 0);
        assert_eq!(lines.num_hosts.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn those_that_come_back_to_a_host_without_pace_come_one_after_another() {
        let (lane, now) = (lane("a.cn"), OffsetDateTime::now_utc());
        assert_eq!(lane.later(now), now);
        assert_eq!(lane.later(now), now + SPREAD);
    }
}
