//! What the roles' /metrics say about the time that things took.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::http;

use super::Mill;

/// What a metric of seconds has seen since its role started.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Timed {
    /// How often.
    pub(crate) num: u64,
    /// All of them added up; some may have run at the same time.
    pub(crate) total: Duration,
}

/// By metric, with its labels: `speechmill_handle_seconds{stage="extractor"}`.
pub(crate) async fn timings(mill: &Mill) -> anyhow::Result<BTreeMap<String, Timed>> {
    let mut timings = BTreeMap::new();
    for role in &mill.roles {
        let text = http::get(&format!("{}/metrics", role.url())).await?;
        add(&mut timings, &text);
    }
    Ok(timings)
}

fn add(timings: &mut BTreeMap<String, Timed>, metrics: &str) {
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let Some((series, value)) = line.rsplit_once(' ') else {
            continue;
        };
        if series.contains("_seconds_sum")
            && let Some(total) = seconds(value)
        {
            let key = series.replacen("_seconds_sum", "_seconds", 1);
            timings.entry(key).or_default().total += total;
        } else if series.contains("_seconds_count")
            && let Ok(num) = value.parse::<u64>()
        {
            let key = series.replacen("_seconds_count", "_seconds", 1);
            timings.entry(key).or_default().num += num;
        }
    }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_counts_are_read_and_quantiles_left_alone() {
        let text = "# TYPE speechmill_handle_seconds summary\n\
            speechmill_handle_seconds{stage=\"crawler\",quantile=\"0.5\"} 0.1\n\
            speechmill_handle_seconds_sum{stage=\"crawler\"} 0.5\n\
            speechmill_handle_seconds_count{stage=\"crawler\"} 3\n\
            speechmill_messages_total{stage=\"crawler\",outcome=\"done\",code=\"\"} 2\n";
        let mut timings = BTreeMap::new();
        add(&mut timings, text);
        let expected = Timed {
            num: 3,
            total: Duration::from_millis(500),
        };
        let key = "speechmill_handle_seconds{stage=\"crawler\"}".to_owned();
        assert_eq!(timings, BTreeMap::from([(key, expected)]));
    }
}
