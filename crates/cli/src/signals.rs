//! SIGINT and SIGTERM: the first asks for a graceful end, a second one ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::End;

/// Watches for signals.
#[derive(Clone)]
pub(crate) struct Signals {
    /// Cancelled by the first.
    pub(crate) shutdown: CancellationToken,
    /// Cancelled by the second, for a process that has children to stop before it ends.
    pub(crate) at_once: CancellationToken,
    number: Arc<AtomicU8>,
}

impl Signals {
    /// For a process of its own: the second signal ends it.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        Self::ending_at(2)
    }

    /// For a process with children: only a third signal leaves them behind.
    pub(crate) fn watch_with_children() -> anyhow::Result<Self> {
        Self::ending_at(3)
    }

    fn ending_at(last: usize) -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let signals = Self {
            shutdown: CancellationToken::new(),
            at_once: CancellationToken::new(),
            number: Arc::default(),
        };
        let watching = signals.clone();
        tokio::spawn(async move {
            for count in 1.. {
                let number = tokio::select! {
                    Some(()) = interrupt.recv() => 2,
                    Some(()) = terminate.recv() => 15,
                    else => return,
                };
                if count >= last {
                    std::process::exit(128 + i32::from(number));
                }
                watching.number.store(number, Ordering::SeqCst);
                if count == 1 {
                    tracing::info!("finishing what is in hand; a second signal ends at once");
                    watching.shutdown.cancel();
                } else {
                    watching.at_once.cancel();
                }
            }
        });
        Ok(signals)
    }

    /// How the command ended: by a signal, if there was one.
    pub(crate) fn end(&self) -> End {
        match self.number.load(Ordering::SeqCst) {
            0 => End::Done,
            number => End::Signal(number),
        }
    }
}
