//! What the tests of every crate stand on: real servers, a fake web site, a chaos proxy, the real
//! binary, and a way to wait.
//!
//! It panics with a clear message where a library would return an error, and never sleeps where
//! it can wait for something. Everything it starts ends with the value that stands for it.
//!
//! Map: [`nats`] and [`meili`] run the servers in a folder that is thrown away, [`site`] is the
//! web site (its answers in [`reply`], its certificates in [`tls`]), [`proxy`] breaks connections, [`role`] runs the
//! `speechmill` binary, [`eventually()`] waits.

mod connection;
pub mod eventually;
mod http2;
pub mod meili;
pub mod nats;
pub mod proxy;
pub mod reply;
pub mod role;
pub mod site;
pub mod tls;

pub use eventually::{LIMIT, eventually, eventually_within};
pub use meili::TestMeili;
pub use nats::TestNats;
pub use proxy::ChaosProxy;
pub use reply::Reply;
pub use role::{Role, RoleOptions, run};
pub use servers;
pub use site::{FakeSite, Request};
pub use tls::{ServerCertificate, TestCa};
