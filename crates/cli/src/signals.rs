//! SIGINT and SIGTERM: the first asks for a graceful end, a second one ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::End;

/// Watches for signals; the token is cancelled by the first.
#[derive(Clone)]
pub(crate) struct Signals {
    pub(crate) shutdown: CancellationToken,
    number: Arc<AtomicU8>,
}

impl Signals {
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let signals = Self {
            shutdown: CancellationToken::new(),
            number: Arc::default(),
        };
        let watching = signals.clone();
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    Some(()) = interrupt.recv() => 2,
                    Some(()) = terminate.recv() => 15,
                    else => return,
                };
                if watching.number.swap(number, Ordering::SeqCst) != 0 {
                    std::process::exit(128 + i32::from(number));
                }
                tracing::info!("finishing what is in hand; a second signal ends at once");
                watching.shutdown.cancel();
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
