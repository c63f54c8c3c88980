//! The whole pipeline: real roles, a real nats-server, a real Meilisearch, a fake web site.
//!
//! In: URLs on `crawl.submit`. Out: what Meilisearch holds, what `speechmill status` says. Each test
//! has servers of its own.

// What a test sets up either works or ends the test.
#![allow(clippy::unwrap_used)]

#[path = "pipeline/mill.rs"]
mod mill;
#[path = "pipeline/pages.rs"]
mod pages;
#[path = "pipeline/secured.rs"]
mod secured;

#[path = "pipeline/collections.rs"]
mod collections;
#[path = "pipeline/discovery.rs"]
mod discovery;
#[path = "pipeline/ends.rs"]
mod ends;
#[path = "pipeline/faults.rs"]
mod faults;
#[path = "pipeline/fields.rs"]
mod fields;
#[path = "pipeline/memory.rs"]
mod memory;
#[path = "pipeline/permissions.rs"]
mod permissions;
#[path = "pipeline/poison.rs"]
mod poison;
#[path = "pipeline/politeness.rs"]
mod politeness;
#[path = "pipeline/pressure.rs"]
mod pressure;
#[path = "pipeline/recrawl.rs"]
mod recrawl;
#[path = "pipeline/refused.rs"]
mod refused;
#[path = "pipeline/reindexing.rs"]
mod reindexing;
#[path = "pipeline/takedown.rs"]
mod takedown;
