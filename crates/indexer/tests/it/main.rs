//! The indexer against a real Meilisearch and a real nats-server.

mod audit;
mod failures;
mod indexing;
mod keys;
mod reindexing;
mod searching;
mod versions;
mod world;
