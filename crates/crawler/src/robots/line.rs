//! Who may fetch a host's robots.txt: one at a time in this process, a few wait for what comes of
//! it, and all others are sent away, lest a silent host holds every slot of the crawler.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use messages::Host;
use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};

/// How long one waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whoever is sent away stays away at least so long.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);

/// Lines kept before idle ones are dropped.
const MAX_LINES: usize = 1_024;

/// The right to fetch.
pub(crate) type Fetching = OwnedMutexGuard<()>;

/// The lines before all hosts.
#[derive(Debug)]
pub(super) struct Lines {
    lines: Mutex<HashMap<Host, Line>>,
    max_waiting: usize,
}

#[derive(Debug)]
struct Line {
    fetching: Arc<tokio::sync::Mutex<()>>,
    /// When the last one began to fetch.
    began_at: Instant,
}

impl Line {
    fn new() -> Self {
        Self {
            fetching: Arc::default(),
            began_at: Instant::now(),
        }
    }

    /// Called with the table locked, which holds one of them.
    fn num_inside(&self) -> usize {
        Arc::strong_count(&self.fetching) - 1
    }
}

impl Lines {
    pub(super) fn new(max_waiting: usize) -> Self {
        Self {
            lines: Mutex::default(),
            max_waiting,
        }
    }

    /// `Err`: come back after this time; it grows with the time that the fetch takes.
    pub(super) async fn enter(&self, host: &Host) -> Result<Fetching, Duration> {
        let entered = {
            let mut lines = self.lines();
            if lines.len() >= MAX_LINES {
                lines.retain(|_, line| line.num_inside() > 0);
            }
            let line = lines.entry(host.clone()).or_insert_with(Line::new);
            (line.num_inside() <= self.max_waiting).then(|| line.fetching.clone())
        };
        if let Some(fetching) = entered
            && let Ok(fetching) = timeout(PATIENCE, fetching.lock_owned()).await
        {
            if let Some(line) = self.lines().get_mut(host) {
                line.began_at = Instant::now();
            }
            return Ok(fetching);
        }
        let began_at = self.lines().get(host).map(|line| line.began_at);
        let took = began_at.map(|at| at.elapsed()).unwrap_or_default();
        Err(took.max(SHORTEST_PAUSE))
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Host, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use messages::CanonicalUrl;

    use super::*;

    fn host(name: &str) -> Host {
        let url: CanonicalUrl = format!("https://{name}/").parse().unwrap();
        url.host()
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_wait_and_the_others_are_sent_away_at_once() {
        let lines = Lines::new(3);
        let first = lines.enter(&host("a.cn")).await.unwrap();
        let begin = Instant::now();
        let others = join_all((0..9).map(|_| async {
            let entered = lines.enter(&host("a.cn")).await;
            (entered.err(), begin.elapsed())
        }));
        let others = others.await;
        let at_once = others.iter().filter(|(_, after)| after.is_zero());
        assert_eq!((at_once.count(), begin.elapsed()), (6, PATIENCE));
        assert!(others.iter().all(|(pause, _)| pause.is_some()));
        assert!(lines.enter(&host("b.cn")).await.is_ok());
        drop(first);
        assert!(lines.enter(&host("a.cn")).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_sent_away_stays_away_the_longer_the_longer_it_takes() {
        let lines = Lines::new(0);
        let _first = lines.enter(&host("a.cn")).await.unwrap();
        for (seconds, pause) in [(0, 1), (5, 5), (15, 20)] {
            tokio::time::advance(Duration::from_secs(seconds)).await;
            let away = lines.enter(&host("a.cn")).await.unwrap_err();
            assert_eq!(away.as_secs(), pause);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_let_in_when_the_first_is_done() {
        let lines = Lines::new(1);
        let first = lines.enter(&host("a.cn")).await.unwrap();
        let hosts = host("a.cn");
        let second = lines.enter(&hosts);
        let done = async {
            tokio::task::yield_now().await;
            drop(first);
        };
        let (second, ()) = tokio::join!(second, done);
        assert!(second.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_lines_are_forgotten_and_busy_ones_are_not() {
        let lines = Lines::new(1);
        let _held = lines.enter(&host("busy.cn")).await.unwrap();
        for n in 0..MAX_LINES {
            drop(lines.enter(&host(&format!("h{n}.cn"))).await.unwrap());
        }
        let num_lines = lines.lines().len();
        assert!(num_lines <= MAX_LINES && lines.lines().contains_key(&host("busy.cn")));
    }
}
