//! What a host's clock answers to one who wants to ask the host: a slot, or a time to come back.
//!
//! In: the host's record, now, and a wish. Out: a decision, and the record as it has to be written
//! before anybody may rely on it. Pure: it neither looks at a clock nor waits.

use std::time::Duration;

use messages::{ClockRecord, DelayFrom};
use time::OffsetDateTime;

/// No pause is longer, whatever was configured or asked for.
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_hours(30 * 24);

/// A host that answers slowly is not made to wait longer than this for it.
const LONGEST_FOR_LATENCY: Duration = Duration::from_secs(60);

/// How long a paused host counts as blocked, again and again.
pub(crate) const PAUSED_FOR: Duration = Duration::from_secs(60);

/// A request may start so much later than its slot: a twentieth of the delay, but what a busy
/// machine needs to wake up.
const SMALLEST_SLACK: Duration = Duration::from_millis(20);
const LARGEST_SLACK: Duration = Duration::from_secs(2);

/// What somebody wants who wants to ask a host.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// The configured pause between two requests.
    pub(crate) delay: Duration,
    /// What the site asks for in its robots.txt.
    pub(crate) crawl_delay: Option<Duration>,
    /// The pause is at least so many times as long as the site takes to answer.
    pub(crate) latency_factor: f64,
    /// How long a slot may be away; `None`: only a place in the tail is wanted.
    pub(crate) patience: Option<Duration>,
    /// Reservations of the same wish that were void: the next one is made with more slack.
    pub(crate) num_void: u32,
}

/// What becomes of a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Start then.
    Slot(Slot),
    /// Come back then, without a right to a slot.
    Later(OffsetDateTime),
}

/// A reserved start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) at: OffsetDateTime,
    /// A start later than this after `at` is too late: others count on it.
    pub(crate) slack: Duration,
}

impl Slot {
    /// How long from now a start is still in time; `None`: it is too late.
    pub(crate) fn remaining(&self, now: OffsetDateTime) -> Option<Duration> {
        Duration::try_from(self.at + self.slack - now).ok()
    }
}

/// What was learned of a host since its record was written last.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct News {
    pub(crate) latency: Option<Duration>,
    /// When the last request began that ended well.
    pub(crate) well_at: Option<OffsetDateTime>,
}

impl News {
    pub(crate) fn add(&mut self, began_at: OffsetDateTime, took: Duration, is_well: bool) {
        self.latency = Some(self.latency.map_or(took, |before| mean(before, took)));
        if is_well {
            self.well_at = self.well_at.max(Some(began_at));
        }
    }
}

/// A moving average: a quarter of it is the newest.
fn mean(before: Duration, newest: Duration) -> Duration {
    (before * 3 + newest) / 4
}

/// Puts what was learned into the record.
pub(crate) fn learn(record: &mut ClockRecord, news: News) {
    if let Some(newest) = news.latency {
        let before = Duration::from_millis(record.latency_ms);
        let now = if before.is_zero() {
            newest
        } else {
            mean(before, newest)
        };
        record.latency_ms = millis(now);
    }
    // A request from before the block says nothing about how the host is now.
    if news.well_at.is_some() && news.well_at >= record.blocked_until {
        record.blocked_until = None;
        record.blocked_by = None;
        record.num_blocks = 0;
    }
}

/// Takes a slot, or a place in the tail.
pub(crate) fn decide(
    record: &mut ClockRecord,
    now: OffsetDateTime,
    wish: &Wish,
    is_paused: bool,
) -> Decision {
    let (delay, from) = delay(record, wish);
    (record.delay_ms, record.delay_from) = (millis(delay), from);
    let mut free_at = now.max(record.next_at);
    free_at = free_at.max(record.blocked_until.unwrap_or(now));
    if is_paused {
        free_at = free_at.max(now + PAUSED_FOR);
    }
    // Late because the broker is far away: leave it the time that it takes.
    let slot = free_at.max(now + lead(wish.num_void));
    if let Some(patience) = wish.patience
        && slot - now <= patience
    {
        let slack = slack(delay, wish.num_void);
        record.next_at = slot + delay + slack;
        return Decision::Slot(Slot { at: slot, slack });
    }
    let at = free_at.max(record.tail_at);
    record.tail_at = at + delay;
    Decision::Later(at)
}

/// Blocks the host after a refusal, unless the one who was refused asked before the last block.
/// `pause` says how long, by the number of blocks in a row.
pub(crate) fn block(
    record: &mut ClockRecord,
    began_at: OffsetDateTime,
    now: OffsetDateTime,
    code: &str,
    pause: impl Fn(u32) -> Duration,
) {
    if record.blocked_until.is_none_or(|until| began_at >= until) {
        record.num_blocks = record.num_blocks.saturating_add(1);
    }
    let pause = pause(record.num_blocks)
        .max(record.delay())
        .min(LONGEST_PAUSE);
    record.blocked_until = record.blocked_until.max(Some(now + pause));
    record.blocked_by = Some(code.to_owned());
}

fn delay(record: &ClockRecord, wish: &Wish) -> (Duration, DelayFrom) {
    let latency = Duration::from_millis(record.latency_ms)
        .min(LONGEST_FOR_LATENCY)
        .mul_f64(wish.latency_factor)
        .min(LONGEST_FOR_LATENCY);
    let mut longest = (wish.delay, DelayFrom::Configured);
    if let Some(crawl_delay) = wish.crawl_delay.filter(|delay| *delay > longest.0) {
        longest = (crawl_delay, DelayFrom::CrawlDelay);
    }
    if latency > longest.0 {
        longest = (latency, DelayFrom::Latency);
    }
    (longest.0.min(LONGEST_PAUSE), longest.1)
}

fn slack(delay: Duration, num_void: u32) -> Duration {
    let doubled = 1_u32 << num_void.min(8);
    let slack = (delay / 20).max(SMALLEST_SLACK);
    (slack * doubled).min(LARGEST_SLACK.max(delay / 20))
}

fn lead(num_void: u32) -> Duration {
    match num_void {
        0 => Duration::ZERO,
        more => (SMALLEST_SLACK * (1 << more.min(8))).min(LARGEST_SLACK),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use messages::CanonicalUrl;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);
    const WISH: Wish = Wish {
        delay: Duration::from_secs(1),
        crawl_delay: None,
        latency_factor: 1.0,
        patience: Some(Duration::from_secs(5)),
        num_void: 0,
    };

    fn new() -> ClockRecord {
        let url: CanonicalUrl = "http://a.cn/".parse().unwrap();
        ClockRecord::new(url.host(), NOW)
    }

    fn after(ms: u64) -> OffsetDateTime {
        NOW + Duration::from_millis(ms)
    }

    /// Milliseconds from now to the slot or to the place in the tail.
    fn take(record: &mut ClockRecord, wish: &Wish) -> (&'static str, i128) {
        let ms = |at: OffsetDateTime| (at - NOW).whole_milliseconds();
        match decide(record, NOW, wish, false) {
            Decision::Slot(slot) => ("slot", ms(slot.at)),
            Decision::Later(at) => ("later", ms(at)),
        }
    }

    #[test]
    fn slots_are_a_delay_and_its_slack_apart_and_the_rest_goes_to_the_tail() {
        let mut record = new();
        let taken: Vec<_> = (0..8).map(|_| take(&mut record, &WISH)).collect();
        let slots = [0, 1_050, 2_100, 3_150, 4_200].map(|ms| ("slot", ms));
        assert_eq!(taken[..5], slots);
        let tail = [5_250, 6_250, 7_250].map(|ms| ("later", ms));
        assert_eq!(taken[5..], tail);
    }

    #[test]
    fn whatever_starts_in_time_is_a_delay_after_the_one_before() {
        for num_void in 0..12 {
            let mut record = new();
            let wish = Wish {
                num_void,
                patience: Some(LONGEST_PAUSE),
                ..WISH
            };
            let mut slots = (0..3).map(|_| match decide(&mut record, NOW, &wish, false) {
                Decision::Slot(slot) => slot,
                Decision::Later(at) => panic!("sent away until {at}"),
            });
            let (first, second) = (slots.next().unwrap(), slots.next().unwrap());
            assert_eq!(second.at - (first.at + first.slack), WISH.delay);
            assert!(first.remaining(first.at + first.slack).is_some());
            assert!(
                first
                    .remaining(first.at + first.slack + Duration::from_nanos(1))
                    .is_none()
            );
        }
    }

    #[test]
    fn a_backlog_that_comes_due_at_once_spreads_again() {
        let mut record = new();
        // All that was deferred is overdue, and the clock stands still since an hour.
        record.next_at = NOW - Duration::from_hours(1);
        record.tail_at = NOW - Duration::from_mins(1);
        let mut times: Vec<_> = (0..60).map(|_| take(&mut record, &WISH).1).collect();
        times.dedup();
        assert_eq!(times.len(), 60);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 1_000));
    }

    #[test]
    fn the_longest_of_the_three_delays_holds() {
        let mut record = new();
        record.latency_ms = 1_500;
        take(&mut record, &WISH);
        assert_eq!(
            (record.delay_ms, record.delay_from),
            (1_500, DelayFrom::Latency)
        );
        let wish = Wish {
            crawl_delay: Some(Duration::from_secs(10)),
            ..WISH
        };
        take(&mut record, &wish);
        assert_eq!(
            (record.delay_ms, record.delay_from),
            (10_000, DelayFrom::CrawlDelay)
        );
        record.latency_ms = u64::MAX;
        take(&mut record, &WISH);
        assert_eq!(record.delay(), LONGEST_FOR_LATENCY);
    }

    #[test]
    fn a_blocked_host_defers_everything_beyond_its_block() {
        let mut record = new();
        block(&mut record, NOW, NOW, "http_429", |_| {
            Duration::from_mins(10)
        });
        assert_eq!(take(&mut record, &WISH), ("later", 600_000));
        assert_eq!(take(&mut record, &WISH), ("later", 601_000));
        assert_eq!(record.blocked_by.as_deref(), Some("http_429"));
    }

    #[test]
    fn blocks_in_a_row_grow_and_one_refusal_of_many_at_once_counts_once() {
        let mut record = new();
        let pause = |number| Duration::from_secs(2) * number;
        block(&mut record, NOW, NOW, "http_503", pause);
        block(&mut record, NOW, after(10), "http_503", pause);
        assert_eq!(
            (record.num_blocks, record.blocked_until),
            (1, Some(after(2_010)))
        );
        block(&mut record, after(3_000), after(3_010), "http_503", pause);
        assert_eq!(
            (record.num_blocks, record.blocked_until),
            (2, Some(after(7_010)))
        );
    }

    #[test]
    fn an_answer_after_the_block_ends_it_and_one_from_before_does_not() {
        let mut record = new();
        block(&mut record, NOW, NOW, "http_503", |_| {
            Duration::from_secs(9)
        });
        let mut news = News::default();
        news.add(NOW, Duration::from_millis(80), true);
        learn(&mut record, news);
        assert_eq!((record.num_blocks, record.latency_ms), (1, 80));
        news.add(after(9_000), Duration::from_millis(80), true);
        learn(&mut record, news);
        assert_eq!(
            (record.num_blocks, record.blocked_until, record.blocked_by),
            (0, None, None)
        );
    }

    #[test]
    fn a_paused_host_gives_no_slot_and_a_minute_later_none_again() {
        let mut record = new();
        for minute in 0..3 {
            let now = NOW + Duration::from_mins(minute);
            let decision = decide(&mut record, now, &WISH, true);
            assert_eq!(decision, Decision::Later(now + PAUSED_FOR));
        }
        // Nothing of it stays once it is resumed.
        assert_eq!(take(&mut record, &WISH), ("slot", 0));
    }

    #[test]
    fn however_long_a_pause_was_all_that_waited_comes_within_a_minute_and_its_own_pace() {
        for num_requests in [1_u32, 30, 600] {
            let mut record = new();
            let mut times = BinaryHeap::from(vec![Reverse(NOW); num_requests as usize]);
            let resumed_at = NOW + Duration::from_hours(5);
            let mut last = resumed_at;
            while let Some(Reverse(at)) = times.pop() {
                match decide(&mut record, at, &WISH, at < resumed_at) {
                    Decision::Slot(slot) => last = last.max(slot.at),
                    Decision::Later(at) => times.push(Reverse(at)),
                }
            }
            let pace = (WISH.delay + slack(WISH.delay, 0)) * num_requests;
            let took = last - resumed_at;
            assert!(took <= PAUSED_FOR + pace, "{num_requests}: {took}");
        }
    }

    #[test]
    fn only_a_place_in_the_tail_is_given_to_who_wants_no_slot() {
        let mut record = new();
        let wish = Wish {
            patience: None,
            ..WISH
        };
        assert_eq!(take(&mut record, &wish), ("later", 0));
        assert_eq!(take(&mut record, &wish), ("later", 1_000));
        assert_eq!(take(&mut record, &WISH), ("slot", 0));
    }
}
