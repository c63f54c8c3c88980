//! Admission and the crawler, each alone, against a real nats-server and a web site of the test's own.

#![expect(
    clippy::unwrap_used,
    reason = "a test that can't go on says so by its panic"
)]

mod it {
    mod admission;
    mod articles;
    mod broken;
    mod fetching;
    mod files;
    mod guarding;
    mod https;
    mod lab;
    mod overdue;
    mod politeness;
    mod proxy;
    mod recrawl;
    mod retrying;
    mod robots;
    mod safety;
    mod sessions;
}
