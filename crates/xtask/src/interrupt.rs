//! Ctrl-C and its kin, while child processes run that must not outlive us.
//!
//! Out: an error that carries the exit code of the signal.

use std::future::Future;

use tokio::signal::unix::{SignalKind, signal};

/// We were asked to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interrupted(u8);

impl Interrupted {
    /// By convention 128 and the number of the signal.
    pub(crate) fn exit_code(self) -> u8 {
        128 + self.0
    }
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ended by signal {}", self.0)
    }
}

impl std::error::Error for Interrupted {}

/// Ends with the next signal that asks us to.
pub(crate) async fn interrupted() -> anyhow::Result<Interrupted> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => Interrupted(2),
        _ = terminate.recv() => Interrupted(15),
        _ = hangup.recv() => Interrupted(1),
    })
}

/// Does the work unless a signal comes first.
pub(crate) async fn unless_interrupted<T>(
    work: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        signal = interrupted() => Err(signal?.into()),
    }
}
