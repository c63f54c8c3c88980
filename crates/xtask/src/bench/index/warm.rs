//! Memory that costs the same for all that are measured.
//!
//! A virtual machine gives memory that is free for some seconds back to its host, and the first touch
//! of it costs twenty times as much then. Who is measured after a pause would pay for that, who comes
//! right after another would not, and who takes its memory early would be better off.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What servers and their files take at the beginning, about, and what they take after that.
const AT_ONCE: usize = 1024 * 1024 * 1024;
const NUM_PIECES: usize = 56;
const PIECE: usize = 64 * 1024 * 1024;

/// So the pieces last for the time that is measured, some 14 s: who takes longer must not find less.
const PAUSE: Duration = Duration::from_millis(250);

/// Memory that was touched, and is set free bit by bit for whoever needs it. Dropped: all of it.
pub(super) struct WarmMemory(JoinHandle<()>);

impl WarmMemory {
    /// Takes and touches it.
    pub(super) fn take() -> Self {
        let pieces: Vec<Vec<u8>> = (0..NUM_PIECES).map(|_| vec![1; PIECE]).collect();
        drop(std::hint::black_box(vec![1_u8; AT_ONCE]));
        Self(tokio::spawn(async move {
            for piece in pieces {
                drop(std::hint::black_box(piece));
                sleep(PAUSE).await;
            }
        }))
    }
}

impl Drop for WarmMemory {
    fn drop(&mut self) {
        self.0.abort();
    }
}
