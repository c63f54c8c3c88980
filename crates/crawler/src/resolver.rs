//! Names to addresses, only to addresses that the guard lets through.
//!
//! The client connects to what comes out of here and to nothing else, so a name can't change its
//! mind between the check and the connection. What is remembered is checked again at each use.

mod memory;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{Guard, NotPublic};
use memory::Memory;

/// The name is not known, or who should know it doesn't answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the name can't be resolved")]
pub struct Unresolved(#[source] Arc<io::Error>);

/// Why a name leads to no address that may be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    NotPublic(#[from] NotPublic),
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
}

/// Resolves by the system's resolver, and remembers for a minute; clones share what they remember.
#[derive(Debug, Clone, Default)]
pub(crate) struct Resolver {
    memory: Arc<Mutex<Memory>>,
    /// `None`: wherever a name leads.
    guard: Option<Arc<Guard>>,
}

impl Resolver {
    /// The same one for what the operator names: hosts that are allowed, and the proxy.
    pub(crate) fn unguarded() -> Self {
        Self::default()
    }

    pub(crate) fn guarded(&self, guard: Arc<Guard>) -> Self {
        Self {
            memory: self.memory.clone(),
            guard: Some(guard),
        }
    }

    /// The addresses of a name that may be asked, one at least; without a port.
    pub(crate) async fn addresses_of(&self, name: &str) -> Result<Vec<SocketAddr>, Refusal> {
        let found = self.look_up(name).await?;
        let is_open = |address: &SocketAddr| {
            let guard = self.guard.as_ref();
            guard.is_none_or(|guard| guard.lets_through(address.ip()))
        };
        let open: Vec<SocketAddr> = found.iter().copied().filter(is_open).collect();
        match found.first() {
            Some(refused) if open.is_empty() => Err(Refusal::NotPublic(NotPublic {
                host: name.to_owned(),
                address: refused.ip(),
            })),
            _ => Ok(open),
        }
    }

    async fn look_up(&self, name: &str) -> Result<Arc<[SocketAddr]>, Unresolved> {
        let known = self.with_memory(|memory| memory.find(name, Instant::now()));
        if let Some(known) = known {
            return known;
        }
        let found = tokio::net::lookup_host((name, 0)).await;
        let found = found.and_then(|found| {
            let found: Arc<[SocketAddr]> = found.collect();
            if found.is_empty() {
                let kind = io::ErrorKind::NotFound;
                return Err(io::Error::new(kind, "it has no address"));
            }
            Ok(found)
        });
        let found = found.map_err(|error| Unresolved(Arc::new(error)));
        self.with_memory(|memory| memory.keep(name, found.clone(), Instant::now()));
        found
    }

    fn with_memory<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            match resolver.addresses_of(name.as_str()).await {
                Ok(open) => Ok(Box::new(open.into_iter()) as Addrs),
                Err(Refusal::NotPublic(refused)) => Err(refused.into()),
                Err(Refusal::Unresolved(error)) => Err(error.into()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_remembered_for_one_is_still_refused_to_another() {
        let unguarded = Resolver::unguarded();
        let guarded = unguarded.guarded(Arc::new(Guard::default()));
        assert!(
            !unguarded
                .addresses_of("localhost")
                .await
                .unwrap()
                .is_empty()
        );
        let known = guarded.with_memory(|memory| memory.find("localhost", Instant::now()));
        assert!(known.is_some_and(|known| known.is_ok()));
        let refused = guarded.addresses_of("localhost").await;
        assert!(matches!(refused, Err(Refusal::NotPublic(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn a_name_that_leads_nowhere_is_an_error_also_when_it_is_remembered() {
        let resolver = Resolver::unguarded();
        for _ in 0..2 {
            let failed = resolver.addresses_of("nothing.invalid").await;
            assert!(matches!(failed, Err(Refusal::Unresolved(_))), "{failed:?}");
        }
    }
}
