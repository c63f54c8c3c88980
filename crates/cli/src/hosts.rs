//! What is known of hosts: who waits for them, when they may be asked next, and why not before; and
//! how their site profiles do.

use std::collections::BTreeMap;
use std::fmt;

use messages::{
    CanonicalUrl, ClockRecord, ControlRecord, CrawlRequest, DelayFrom, Host, ProfileRecord,
    VanishedRecord,
};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use worker::topology::{Bucket, CRAWL, STREAMS};
use worker::{Broker, BrokerError};

use crate::output;

/// Requests that are looked at to count those of each host.
const MAX_COUNTED: usize = 100_000;

/// One host.
#[derive(Debug, Serialize)]
pub(crate) struct HostState {
    host: String,
    /// Requests that wait for a crawler, or are with one.
    num_due: u64,
    /// Requests that wait for their time.
    num_deferred: u64,
    /// When the next request may start; absent where the host was never asked at a pace.
    #[serde(with = "time::serde::rfc3339::option")]
    next_at: Option<OffsetDateTime>,
    delay_ms: Option<u64>,
    /// `configured`, `crawl_delay` or `latency`.
    delay_from: Option<DelayFrom>,
    is_paused: bool,
    #[serde(with = "time::serde::rfc3339::option")]
    blocked_until: Option<OffsetDateTime>,
    /// `paused`, or the code of the answer that blocked it.
    why: Option<String>,
    latency_ms: Option<u64>,
    /// Absent unless the host's profile is broken on some page.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken_profile: Option<BrokenProfile>,
}

/// A site profile that fails its self-check on pages of a host.
#[derive(Debug, Serialize)]
struct BrokenProfile {
    name: String,
    /// [`ProfileRecord::MAX_BROKEN`] stands for so many or more.
    num_broken: u64,
    /// Pages of the host that yield a speech.
    num_pages: u64,
    last_broken: Option<CanonicalUrl>,
}

/// All hosts that are known, and whether all of their requests were counted.
#[derive(Debug, Serialize)]
pub(crate) struct Hosts {
    pub(crate) hosts: Vec<HostState>,
    pub(crate) is_complete: bool,
}

impl HostState {
    fn new(host: &Host) -> Self {
        Self {
            host: host.to_string(),
            num_due: 0,
            num_deferred: 0,
            next_at: None,
            delay_ms: None,
            delay_from: None,
            is_paused: false,
            blocked_until: None,
            why: None,
            latency_ms: None,
            broken_profile: None,
        }
    }

    fn tick(&mut self, clock: &ClockRecord, now: OffsetDateTime) {
        let blocked_until = clock.blocked_until.filter(|until| *until > now);
        let next_at = clock.next_at.max(now);
        self.next_at = Some(next_at.max(blocked_until.unwrap_or(next_at)));
        self.delay_ms = Some(clock.delay_ms);
        self.delay_from = Some(clock.delay_from);
        self.latency_ms = Some(clock.latency_ms);
        if blocked_until.is_some() {
            self.blocked_until = blocked_until;
            self.why.clone_from(&clock.blocked_by);
        }
    }
}

/// Reads clocks, orders, the frontier and how profiles do.
pub(crate) async fn read(broker: &Broker) -> Result<Hosts, BrokerError> {
    let mut hosts: BTreeMap<Host, HostState> = BTreeMap::new();
    let mut is_complete = true;
    if !is_set_up(broker).await? {
        return Ok(Hosts {
            hosts: Vec::new(),
            is_complete,
        });
    }
    for (subjects, is_due) in [("crawl.request.*", true), ("crawl.later.*", false)] {
        let count = |request: CrawlRequest| {
            let host = request.url.host();
            let state = entry(&mut hosts, &host);
            if is_due {
                state.num_due += 1;
            } else {
                state.num_deferred += 1;
            }
        };
        is_complete &= broker.each(CRAWL, subjects, MAX_COUNTED, count).await?;
    }
    let now = OffsetDateTime::now_utc();
    for clock in broker
        .records_ending::<ClockRecord>(Bucket::Hosts, ClockRecord::SUFFIX)
        .await?
    {
        entry(&mut hosts, &clock.host).tick(&clock, now);
    }
    for control in paused(broker).await? {
        let state = entry(&mut hosts, &control.host);
        state.is_paused = true;
        state.why = Some("paused".to_owned());
    }
    read_profiles(broker, &mut hosts).await?;
    Ok(Hosts {
        hosts: hosts.into_values().collect(),
        is_complete,
    })
}

async fn read_profiles(
    broker: &Broker,
    hosts: &mut BTreeMap<Host, HostState>,
) -> Result<(), BrokerError> {
    let mut records = broker
        .records_ending::<ProfileRecord>(Bucket::Hosts, ProfileRecord::SUFFIX)
        .await?;
    records.retain(|record| !record.broken.is_empty());
    for record in records {
        let key = VanishedRecord::key(&record.host);
        let pages = broker.record::<VanishedRecord>(Bucket::Hosts, &key).await?;
        let num_broken = record.broken.len() as u64;
        // The two are counted apart, and a page may be in the one a moment before the other.
        let num_pages = pages.map_or(0, |pages| pages.value.num_pages);
        entry(hosts, &record.host).broken_profile = Some(BrokenProfile {
            name: record.profile,
            num_broken,
            num_pages: num_pages.max(num_broken),
            last_broken: record.last_broken,
        });
    }
    Ok(())
}

/// The hosts that an operator paused.
pub(crate) async fn paused(broker: &Broker) -> Result<Vec<ControlRecord>, BrokerError> {
    if !is_set_up(broker).await? {
        return Ok(Vec::new());
    }
    let mut records = broker
        .records_ending::<ControlRecord>(Bucket::Hosts, ControlRecord::SUFFIX)
        .await?;
    records.retain(|record| record.is_paused);
    Ok(records)
}

/// Whether any role ever ran.
async fn is_set_up(broker: &Broker) -> Result<bool, BrokerError> {
    Ok(broker.stream_states().await?.len() == STREAMS.len())
}

fn entry<'a>(hosts: &'a mut BTreeMap<Host, HostState>, host: &Host) -> &'a mut HostState {
    hosts
        .entry(host.clone())
        .or_insert_with(|| HostState::new(host))
}

/// A table for people.
pub(crate) fn print(hosts: &Hosts) -> std::io::Result<()> {
    let rows: Vec<[String; 8]> = hosts.hosts.iter().map(row).collect();
    if rows.is_empty() {
        return output::line("no host is known yet");
    }
    let headings = [
        "HOST", "DUE", "DEFERRED", "NEXT", "DELAY", "BLOCKED", "WHY", "PROFILE",
    ];
    output::table(headings, &rows)?;
    if !hosts.is_complete {
        output::line(format!(
            "the frontier is large: only its first {MAX_COUNTED} requests were counted"
        ))?;
    }
    Ok(())
}

fn row(state: &HostState) -> [String; 8] {
    let delay = state.delay_ms.map_or_else(String::new, |ms| {
        let from = match state.delay_from {
            Some(DelayFrom::CrawlDelay) => " (robots.txt)",
            Some(DelayFrom::Latency) => " (slow)",
            _ => "",
        };
        format!("{:.1} s{from}", ms as f64 / 1_000.0)
    });
    [
        state.host.clone(),
        state.num_due.to_string(),
        state.num_deferred.to_string(),
        state.next_at.map_or_else(String::new, second),
        delay,
        match (state.is_paused, state.blocked_until) {
            (true, _) => "until resumed".to_owned(),
            (false, until) => until.map_or_else(String::new, second),
        },
        state.why.clone().unwrap_or_default(),
        state
            .broken_profile
            .as_ref()
            .map_or_else(String::new, BrokenProfile::to_string),
    ]
}

impl fmt::Display for BrokenProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let more = if self.num_broken >= ProfileRecord::MAX_BROKEN as u64 {
            " or more"
        } else {
            ""
        };
        let (name, num_broken, num_pages) = (&self.name, self.num_broken, self.num_pages);
        write!(f, "{name}: broken on {num_broken}{more} of {num_pages}")
    }
}

/// A time to the second, for people.
pub(crate) fn second(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_profile_is_shown_with_the_number_of_its_pages() {
        let broken = |num_broken| BrokenProfile {
            name: "library".to_owned(),
            num_broken,
            num_pages: 400,
            last_broken: None,
        };
        assert_eq!(broken(3).to_string(), "library: broken on 3 of 400");
        let many = broken(ProfileRecord::MAX_BROKEN as u64).to_string();
        assert_eq!(many, "library: broken on 100 or more of 400");
    }
}
