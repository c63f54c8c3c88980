//! Configuration: how to reach the broker, and how the loop behaves.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Reads `500ms`, `30s`, `5m`, `2h`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a duration: write it as 500ms, 30s, 5m or 2h");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .ok_or_else(bad)
}

/// How to reach NATS, and how large its streams are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "NATS")]
pub struct BrokerConfig {
    /// Where NATS listens; several servers of one cluster are separated by commas.
    #[arg(
        long,
        env = "SPEECHMILL_NATS_URL",
        default_value = "nats://127.0.0.1:4222",
        hide_env_values = true
    )]
    pub nats_url: String,

    /// A credentials file of NATS, or a file with the seed of a user's nkey.
    #[arg(long, env = "SPEECHMILL_NATS_CREDS")]
    pub nats_creds: Option<PathBuf>,

    /// Certificates (PEM) to trust besides those of the system, for a URL that begins with tls://.
    #[arg(long, env = "SPEECHMILL_NATS_CA")]
    pub nats_ca: Option<PathBuf>,

    /// How long to look for NATS before giving up.
    #[arg(long, env = "SPEECHMILL_NATS_TIMEOUT", default_value = "5s", value_parser = parse_duration)]
    pub nats_timeout: Duration,

    /// Copies of each stream: 1 on a single server, 3 in a cluster.
    #[arg(long, env = "SPEECHMILL_REPLICAS", default_value_t = 1)]
    pub replicas: usize,

    /// Largest size of the stream PAGES, in MiB; the other streams are sized in proportion.
    #[arg(long, env = "SPEECHMILL_PAGES_MAX_MIB", default_value_t = 1024, value_parser = clap::value_parser!(u64).range(16..))]
    pub pages_max_mib: u64,

    /// How long a role may hold a message without a sign of life before another one gets it.
    #[arg(long, env = "SPEECHMILL_ACK_WAIT", default_value = "30s", value_parser = parse_duration)]
    pub ack_wait: Duration,
}

/// How often and how soon a message is tried again.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Retries")]
pub struct RetryConfig {
    /// Attempts before a message becomes a dead letter.
    #[arg(long, env = "SPEECHMILL_MAX_ATTEMPTS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub max_attempts: u32,

    /// Pause after the first failure; it doubles with each further one.
    #[arg(long, env = "SPEECHMILL_RETRY_BASE", default_value = "2s", value_parser = parse_duration)]
    pub retry_base: Duration,

    /// Longest pause, also for a Retry-After.
    #[arg(long, env = "SPEECHMILL_RETRY_CAP", default_value = "15m", value_parser = parse_duration)]
    pub retry_cap: Duration,
}

impl RetryConfig {
    /// The pause after the `attempt`-th failure (from 1): exponential, the upper half by chance, or
    /// what the other side asked for; capped.
    pub fn pause(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        if let Some(asked) = asked {
            return asked.min(self.retry_cap);
        }
        let doubled = self.retry_base.saturating_mul(
            1_u32
                .checked_shl(attempt.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        doubled.min(self.retry_cap).mul_f64(0.5 + 0.5 * chance())
    }
}

/// A number from 0 to 1, from the clock: jitter needs no better.
fn chance() -> f64 {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    f64::from(now.subsec_micros() % 1_000) / 1_000.0
}

/// How the loop of a role behaves.
#[derive(Debug, Clone, Copy, Args)]
pub struct WorkerConfig {
    /// Retries.
    #[command(flatten)]
    pub retry: RetryConfig,

    /// How long a role may finish what it holds when it is asked to end.
    #[arg(long, env = "SPEECHMILL_GRACE", default_value = "20s", value_parser = parse_duration, help_heading = "Worker")]
    pub grace: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retry() -> RetryConfig {
        RetryConfig {
            max_attempts: 10,
            retry_base: Duration::from_secs(2),
            retry_cap: Duration::from_secs(900),
        }
    }

    #[test]
    fn durations_are_read_with_their_unit_and_never_without() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        for bad in ["", "5", "m", "5 m", "-5s", "1.5s", "99999999999999999999h"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        for (attempt, low, high) in [(1, 1, 2), (2, 2, 4), (4, 8, 16), (40, 450, 900)] {
            let pause = retry().pause(attempt, None);
            assert!(
                pause >= Duration::from_secs(low) && pause <= Duration::from_secs(high),
                "{attempt}: {pause:?}"
            );
        }
    }

    #[test]
    fn what_the_other_side_asks_for_wins_up_to_the_cap() {
        assert_eq!(
            retry().pause(1, Some(Duration::from_secs(60))),
            Duration::from_secs(60)
        );
        assert_eq!(
            retry().pause(1, Some(Duration::from_secs(86_400))),
            Duration::from_secs(900)
        );
    }
}
