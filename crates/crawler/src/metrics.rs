//! The crawler's metrics. Never a URL or a host as a label.

use std::time::Duration;

use metrics::{counter, histogram};

/// One request to a site ended: with a status, or with none.
pub(crate) fn fetched(status: Option<u16>, took: Duration) {
    let class = match status {
        Some(200..=299) => "2xx",
        Some(300..=399) => "3xx",
        Some(400..=499) => "4xx",
        Some(500..=599) => "5xx",
        Some(_) => "other",
        None => "none",
    };
    counter!("speechmill_fetches_total", "status" => class).increment(1);
    histogram!("speechmill_fetch_seconds").record(took.as_secs_f64());
}

/// Bytes of a page, its compression undone.
pub(crate) fn body(num_bytes: usize) {
    counter!("speechmill_fetch_bytes_total").increment(num_bytes as u64);
}
