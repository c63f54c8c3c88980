//! Waits until something has become true.
//!
//! In: what is waited for, in words, and a check. Out: what the check found. It panics with those
//! words when the time is over.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The time limit of [`eventually`].
pub const LIMIT: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(25);

/// Runs the check until it finds something, for 30 seconds at most.
pub async fn eventually<T>(what: &str, check: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(what, LIMIT, check).await
}

/// Runs the check until it finds something, within the limit; the check itself may hang.
pub async fn eventually_within<T>(
    what: &str,
    limit: Duration,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + limit;
    let poll = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            sleep(STEP).await;
        }
    };
    tokio::time::timeout_at(deadline, poll)
        .await
        .unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}
