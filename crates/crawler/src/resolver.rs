//! Names to addresses, only to addresses that the guard lets through.
//!
//! The client connects to what comes out of here and to nothing else, so a name can't change its
//! mind between the check and the connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Guard, NotPublic};

/// The name is not known, or who should know it doesn't answer.
#[derive(Debug, thiserror::Error)]
#[error("the name can't be resolved")]
pub(crate) struct Unresolved(#[source] io::Error);

/// Resolves by the system's resolver.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    /// `None` for hosts that the operator allows by name, wherever they lead.
    guard: Option<Arc<Guard>>,
}

impl Resolver {
    pub(crate) fn guarded(guard: Arc<Guard>) -> Self {
        Self { guard: Some(guard) }
    }

    pub(crate) fn unguarded() -> Self {
        Self { guard: None }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.guard.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found: Vec<SocketAddr> = found.map_err(Unresolved)?.collect();
            let is_open = |address: &SocketAddr| {
                guard
                    .as_ref()
                    .is_none_or(|guard| guard.lets_through(address.ip()))
            };
            let open: Vec<SocketAddr> = found.iter().copied().filter(is_open).collect();
            match (found.first(), open.is_empty()) {
                (_, false) => Ok(Box::new(open.into_iter()) as Addrs),
                (Some(refused), true) => Err(NotPublic {
                    host: name.as_str().to_owned(),
                    address: refused.ip(),
                }
                .into()),
                (None, true) => {
                    let nothing = io::Error::new(io::ErrorKind::NotFound, "it has no address");
                    Err(Unresolved(nothing).into())
                }
            }
        })
    }
}
