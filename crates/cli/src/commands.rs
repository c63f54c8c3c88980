//! One file a command.

pub(crate) mod check;
pub(crate) mod dead;
pub(crate) mod explain;
pub(crate) mod extract;
pub(crate) mod host;
pub(crate) mod keys;
pub(crate) mod nats_keys;
pub(crate) mod reextract;
pub(crate) mod reindex;
pub(crate) mod remove;
pub(crate) mod roles;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod stats;
pub(crate) mod status;
pub(crate) mod submit;
pub(crate) mod up;
