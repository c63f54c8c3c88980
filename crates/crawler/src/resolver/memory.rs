//! What names led to lately, within bounds.
//!
//! The system's resolver does not say how long an answer holds, so none is kept for long. What is in
//! here was not checked by anybody.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Unresolved;

/// How long a site's move to another address may go unseen.
const FOUND_FOR: Duration = Duration::from_secs(60);

/// Long enough for the redirects and retries of one page.
const FAILED_FOR: Duration = Duration::from_secs(5);

const MAX_NAMES: usize = 10_000;

type Outcome = Result<Arc<[SocketAddr]>, Unresolved>;

#[derive(Debug, Default)]
pub(super) struct Memory {
    /// With the time at which it is forgotten.
    names: HashMap<String, (Instant, Outcome)>,
}

impl Memory {
    pub(super) fn find(&self, name: &str, now: Instant) -> Option<Outcome> {
        let (until, outcome) = self.names.get(name)?;
        (now < *until).then(|| outcome.clone())
    }

    pub(super) fn keep(&mut self, name: &str, outcome: Outcome, now: Instant) {
        if self.names.len() >= MAX_NAMES {
            self.names.retain(|_, (until, _)| now < *until);
        }
        if self.names.len() >= MAX_NAMES {
            // Costs one look-up each.
            self.names.clear();
        }
        let lifetime = match outcome {
            Ok(_) => FOUND_FOR,
            Err(_) => FAILED_FOR,
        };
        self.names
            .insert(name.to_owned(), (now + lifetime, outcome));
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    fn found() -> Arc<[SocketAddr]> {
        Arc::new(["192.0.2.1:0".parse().unwrap()])
    }

    fn failed() -> Unresolved {
        Unresolved(Arc::new(io::ErrorKind::NotFound.into()))
    }

    #[test]
    fn an_address_is_remembered_for_a_minute_and_a_failure_for_seconds() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let later = |seconds| now + Duration::from_secs(seconds);
        memory.keep("a.cn", Ok(found()), now);
        memory.keep("b.cn", Err(failed()), now);
        assert!(memory.find("a.cn", later(59)).is_some_and(|it| it.is_ok()));
        assert!(memory.find("b.cn", later(4)).is_some_and(|it| it.is_err()));
        assert!(memory.find("a.cn", later(60)).is_none());
        assert!(memory.find("b.cn", later(5)).is_none());
        assert!(memory.find("c.cn", now).is_none());
    }

    #[test]
    fn a_failure_does_not_outlive_a_later_success() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        memory.keep("a.cn", Err(failed()), now);
        memory.keep("a.cn", Ok(found()), now);
        assert!(memory.find("a.cn", now).is_some_and(|it| it.is_ok()));
    }

    #[test]
    fn memory_stays_within_its_bounds_and_keeps_the_newest() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        for number in 0..3 * MAX_NAMES {
            let name = format!("h{number}.cn");
            memory.keep(&name, Ok(found()), now);
            assert!(memory.names.len() <= MAX_NAMES && memory.find(&name, now).is_some());
        }
    }
}
