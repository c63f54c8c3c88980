//! The indexer against a real Meilisearch and a real nats-server.

mod audit;
mod clusters;
mod failures;
mod indexing;
mod keys;
mod reindexing;
mod searching;
mod snapshots;
mod versions;
mod world;
