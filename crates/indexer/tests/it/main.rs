//! The indexer against a real Meilisearch and a real nats-server.

mod failures;
mod indexing;
mod searching;
mod versions;
mod world;
