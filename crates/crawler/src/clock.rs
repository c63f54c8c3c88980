//! The clock of each host, shared by all crawlers through the record `<host>.clock`, by
//! compare-and-set.
//!
//! In: a host that somebody wants to ask. Out: a turn, or when to come back. Times are of this
//! machine's wall clock: crawlers on several machines need NTP, and a gap between two requests may
//! be off by as much as their clocks are.

mod decision;
mod lane;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use messages::{ClockRecord, ControlRecord, Host};
use time::OffsetDateTime;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use worker::topology::Bucket;
use worker::{Broker, BrokerError};

use crate::clock::decision::{Decision, PAUSED_FOR, Slot, Wish};
use crate::clock::lane::{Lane, Lines};

pub(crate) use crate::clock::decision::LONGEST_PAUSE;
pub(crate) use crate::clock::lane::Turn;

/// How long a request holds one of the process's places while others ask its host.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// How long where many wait: schedules wait for nothing.
const CROWDED_PATIENCE: Duration = Duration::from_secs(1);

/// Lanes kept before idle ones are dropped.
const MAX_LANES: usize = 4_096;

/// How long an operator's order may stay unnoticed.
const CONTROL_AGE: Duration = Duration::from_secs(2);

/// What becomes of the will to ask a host.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Ask now.
    Turn(Turn),
    /// Come back then, without a right to a turn.
    Later(OffsetDateTime),
}

/// Which pace a host is asked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// By its clock.
    Clock {
        /// The configured pause between two requests.
        delay: Duration,
        /// What the site asks for in its robots.txt.
        crawl_delay: Option<Duration>,
    },
    /// As fast as it answers: the operator's own.
    None,
}

/// The clocks of all hosts.
pub(crate) struct Clock {
    broker: Broker,
    latency_factor: f64,
    lines: Lines,
    /// Requests to one host without pace that may be on their way at once.
    num_unpaced: usize,
    lanes: Mutex<HashMap<Host, Arc<Lane>>>,
}

impl Clock {
    /// `concurrency`: requests that this process works on at once, over all hosts.
    pub(crate) fn new(broker: Broker, latency_factor: f64, concurrency: usize) -> Self {
        Self {
            broker,
            latency_factor,
            lines: Lines::new(concurrency / 2),
            num_unpaced: (concurrency / 2).max(1),
            lanes: Mutex::default(),
        }
    }

    /// Waits for a turn; one who would wait longer than `patience` is sent away, or earlier if many
    /// wait and its patience is no longer than [`PATIENCE`].
    pub(crate) async fn enter(
        &self,
        host: &Host,
        pace: Pace,
        patience: Duration,
    ) -> Result<Entry, BrokerError> {
        let lane = self.lane(host);
        match pace {
            Pace::None => self.enter_unpaced(&lane, patience).await,
            Pace::Clock { delay, crawl_delay } => {
                let wish = Wish {
                    delay,
                    crawl_delay,
                    latency_factor: self.latency_factor,
                    patience: Some(patience),
                    num_void: 0,
                };
                self.enter_paced(&lane, wish, patience).await
            }
        }
    }

    /// Blocks a host that refused a request which began at `began_at`. `pause` says for how long,
    /// by the number of blocks in a row.
    pub(crate) async fn block(
        &self,
        host: &Host,
        began_at: OffsetDateTime,
        code: &str,
        pause: impl Fn(u32) -> Duration,
    ) -> Result<(), BrokerError> {
        let lane = self.lane(host);
        let _writing = lane.writing.lock().await;
        let until = self
            .change(&lane, |record, now| {
                decision::block(record, began_at, now, code, &pause);
                record.blocked_until
            })
            .await?;
        if let Some(until) = until {
            tracing::warn!(%host, code, "{host} refuses requests: none is made until {until}");
        }
        Ok(())
    }

    async fn enter_paced(
        &self,
        lane: &Arc<Lane>,
        mut wish: Wish,
        patience: Duration,
    ) -> Result<Entry, BrokerError> {
        let is_determined = patience > PATIENCE;
        let Some(_place) = lane.line_up(&self.lines, is_determined) else {
            return self.tail(lane, wish).await;
        };
        let patience = if self.lines.are_full() && !is_determined {
            patience.min(CROWDED_PATIENCE)
        } else {
            patience
        };
        let deadline = Instant::now() + patience;
        let mut permit: Option<OwnedSemaphorePermit> = None;
        loop {
            wish.patience = Some(deadline.saturating_duration_since(Instant::now()));
            let slot = match self.reserve(lane, wish).await? {
                Decision::Slot(slot) => slot,
                Decision::Later(at) => return Ok(Entry::Later(at)),
            };
            until(slot.at).await;
            permit = match permit {
                Some(permit) => Some(permit),
                None => in_time(lane, slot).await,
            };
            if let Some(permit) = permit.take_if(|_| slot.remaining(now()).is_some()) {
                return Ok(Entry::Turn(lane.turn(permit)));
            }
            // The reservation is void: the one before us took long, or this machine did.
            match permit {
                Some(_) => wish.num_void += 1,
                None => match timeout_at(deadline, lane.asking.clone().acquire_owned()).await {
                    Ok(next) => permit = next.ok(),
                    Err(_) => return self.tail(lane, wish).await,
                },
            }
        }
    }

    async fn enter_unpaced(
        &self,
        lane: &Arc<Lane>,
        patience: Duration,
    ) -> Result<Entry, BrokerError> {
        if self.is_paused(lane).await? {
            return Ok(Entry::Later(lane.later(now() + PAUSED_FOR)));
        }
        if let Ok(permit) = lane.unpaced.clone().try_acquire_owned() {
            return Ok(Entry::Turn(lane.turn(permit)));
        }
        if !lane.is_slow()
            && let Ok(Ok(permit)) = timeout(patience, lane.unpaced.clone().acquire_owned()).await
        {
            return Ok(Entry::Turn(lane.turn(permit)));
        }
        lane.slow_for(patience);
        Ok(Entry::Later(lane.later(now() + patience)))
    }

    async fn tail(&self, lane: &Arc<Lane>, wish: Wish) -> Result<Entry, BrokerError> {
        let wish = Wish {
            patience: None,
            ..wish
        };
        match self.reserve(lane, wish).await? {
            Decision::Later(at) => Ok(Entry::Later(at)),
            Decision::Slot(_) => unreachable!("no slot was wanted"),
        }
    }

    /// Has a wish decided and written. Whoever comes to write does it for all that wait to: many
    /// places in the tail are taken in one write.
    async fn reserve(&self, lane: &Arc<Lane>, wish: Wish) -> Result<Decision, BrokerError> {
        loop {
            let mut told = lane.wish(wish);
            let _writing = lane.writing.lock().await;
            match told.try_recv() {
                Ok(decision) => return Ok(decision),
                // Who wrote for us could not.
                Err(TryRecvError::Closed) => continue,
                Err(TryRecvError::Empty) => {}
            }
            let wishes = lane.take_wishes();
            let is_paused = self.is_paused(lane).await?;
            let news = lane.take_news();
            let decisions = self
                .change(lane, |record, now| {
                    decision::learn(record, news);
                    let decide = |(wish, _): &_| decision::decide(record, now, wish, is_paused);
                    wishes.iter().map(decide).collect::<Vec<_>>()
                })
                .await?;
            for ((_, tell), decision) in wishes.into_iter().zip(decisions) {
                let _ = tell.send(decision);
            }
            if let Ok(decision) = told.try_recv() {
                return Ok(decision);
            }
        }
    }

    /// Changes a host's record; `change` is asked again when another process came between.
    async fn change<T>(
        &self,
        lane: &Lane,
        change: impl Fn(&mut ClockRecord, OffsetDateTime) -> T,
    ) -> Result<T, BrokerError> {
        let key = ClockRecord::key(&lane.host);
        loop {
            let (mut record, revision) = match self.broker.record(Bucket::Hosts, &key).await {
                Ok(Some(found)) => (found.value, Some(found.revision)),
                Ok(None) => (ClockRecord::new(lane.host.clone(), now()), None),
                Err(error @ BrokerError::Foreign { .. }) => {
                    // Nobody can tell when the host was asked last: now, say.
                    tracing::warn!(host = %lane.host, "{}: begun anew", worker::chain(&error));
                    let mut record = ClockRecord::new(lane.host.clone(), now());
                    record.next_at += Duration::from_secs(1);
                    self.broker
                        .write_record(Bucket::Hosts, &key, &record)
                        .await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let value = change(&mut record, now());
            let bucket = Bucket::Hosts;
            if self
                .broker
                .swap_record(bucket, &key, &record, revision)
                .await?
            {
                return Ok(value);
            }
        }
    }

    async fn is_paused(&self, lane: &Lane) -> Result<bool, BrokerError> {
        if let Some(is_paused) = lane.paused(CONTROL_AGE) {
            return Ok(is_paused);
        }
        let key = ControlRecord::key(&lane.host);
        let record = self.broker.record::<ControlRecord>(Bucket::Hosts, &key);
        let is_paused = match record.await {
            Ok(record) => record.is_some_and(|record| record.value.is_paused),
            Err(BrokerError::Foreign { .. }) => false,
            Err(error) => return Err(error),
        };
        lane.set_paused(is_paused);
        Ok(is_paused)
    }

    fn lane(&self, host: &Host) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(host) {
            return lane.clone();
        }
        if lanes.len() >= MAX_LANES {
            lanes.retain(|_, lane| lane.is_used());
        }
        let lane = Arc::new(Lane::new(host.clone(), self.num_unpaced));
        lanes.insert(host.clone(), lane.clone());
        lane
    }
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Waits for a time of the wall clock, which may be set while we wait.
async fn until(at: OffsetDateTime) {
    while let Ok(left) = Duration::try_from(at - now()) {
        if left.is_zero() {
            return;
        }
        sleep(left).await;
    }
}

/// The right to be on one's way, if it comes before the slot is over.
async fn in_time(lane: &Lane, slot: Slot) -> Option<OwnedSemaphorePermit> {
    let left = slot.remaining(now())?;
    let permit = timeout(left, lane.asking.clone().acquire_owned()).await;
    permit.ok()?.ok()
}
