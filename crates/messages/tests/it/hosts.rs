//! The records of a host on paper, as those of a URL and the messages are in `main.rs`.

use messages::{
    AgainRecord, CanonicalUrl, ClockRecord, ControlRecord, DelayFrom, Hashes, MemoryRecord,
    ProfileRecord, ReleaseRecord, RobotsRecord, VanishedRecord,
};
use time::macros::datetime;

use crate::check_record;
use crate::samples::{DETAIL, url_id};

#[test]
fn the_clock_of_a_host_and_its_control_keep_their_form_and_their_keys() {
    let at = datetime!(2026-03-02 08:29:58.5 UTC);
    let host = DETAIL.parse::<CanonicalUrl>().unwrap().host();
    let clock = ClockRecord {
        host: host.clone(),
        next_at: at,
        tail_at: at + time::Duration::MINUTE,
        delay_ms: 1_000,
        delay_from: DelayFrom::CrawlDelay,
        blocked_until: Some(at),
        blocked_by: Some("http_429".to_owned()),
        num_blocks: 2,
        latency_ms: 80,
    };
    check_record("record_clock", &clock, &["host", "next_at", "tail_at"]);
    let control = ControlRecord {
        host: host.clone(),
        is_paused: true,
        at,
    };
    check_record("record_control", &control, &["host", "at"]);
    let keys = [ClockRecord::key(&host), ControlRecord::key(&host)];
    assert_eq!(
        keys,
        ["clock", "control"].map(|end| format!("{host}.{end}"))
    );
}

#[test]
fn the_robots_txt_of_a_host_keeps_its_form_and_its_key() {
    let at = datetime!(2026-03-02 08:29:58 UTC);
    let robots = RobotsRecord {
        url: "https://www.example.com/robots.txt".parse().unwrap(),
        fetched_at: at,
        expires_at: at + time::Duration::DAY,
        status: 200,
        agent: "speechmill".to_owned(),
        rules: Some("User-agent: *\nDisallow: /a\n".to_owned()),
        num_failures: 2,
        unreachable_since: Some(at),
    };
    let required = ["url", "fetched_at", "expires_at", "status", "agent"];
    check_record("record_robots", &robots, &required);
    let key = RobotsRecord::key(&robots.url.host());
    assert_eq!(key, "www.example.com.robots");
}

#[test]
fn what_vanished_of_a_host_and_its_release_keep_their_form_and_their_keys() {
    let at = datetime!(2026-03-02 08:29:58 UTC);
    let host = DETAIL.parse::<CanonicalUrl>().unwrap().host();
    let vanished = VanishedRecord {
        host: host.clone(),
        num_pages: 80,
        num_vanished: 20,
        since: at,
        held_since: Some(at),
    };
    check_record("record_vanished", &vanished, &["host", "since"]);
    let keys = [VanishedRecord::key(&host), ReleaseRecord::key(&host)];
    let ends = ["vanished", "release"];
    assert_eq!(keys, ends.map(|end| format!("{}.{end}", host.key())));
    check_record(
        "record_release",
        &ReleaseRecord { host, at },
        &["host", "at"],
    );
}

#[test]
fn the_memory_of_a_host_keeps_its_form_and_its_keys() {
    let host = DETAIL.parse::<CanonicalUrl>().unwrap().host();
    let memory = MemoryRecord {
        host: host.clone(),
        learned: [url_id()].into(),
        generation: 1,
        blocks: Hashes::from_iter([1, u64::MAX]),
        tails: Hashes::from_iter([258]),
    };
    check_record("record_memory", &memory, &["host"]);
    let keys = [MemoryRecord::key(&host), AgainRecord::key(&host)];
    assert_eq!(
        keys,
        ["memory", "again"].map(|end| format!("{}.{end}", host.key()))
    );
    let again = AgainRecord {
        host,
        generation: 1,
    };
    check_record("record_again", &again, &["host", "generation"]);
}

#[test]
fn the_pages_on_which_a_profile_is_broken_keep_their_form_and_their_key() {
    let url: CanonicalUrl = DETAIL.parse().unwrap();
    let host = url.host();
    let profile = ProfileRecord {
        host: host.clone(),
        profile: "qinglan".to_owned(),
        broken: [url_id()].into(),
        last_broken: Some(url),
    };
    check_record("record_profile", &profile, &["host", "profile"]);
    assert_eq!(ProfileRecord::key(&host), format!("{}.profile", host.key()));
}
