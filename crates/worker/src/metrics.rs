//! The worker's metrics. Never a URL or a host as a label.

use std::time::Duration;

use metrics::{counter, gauge, histogram};

/// One more message of a stage ended, in one of the settlement table's ways.
pub(crate) fn settled(stage: &'static str, outcome: &'static str, code: &str) {
    counter!("speechmill_messages_total", "stage" => stage, "outcome" => outcome, "code" => code.to_owned())
        .increment(1);
}

/// Something within a message ended in a named way.
pub(crate) fn counted(stage: &'static str, code: &str, number: u64) {
    counter!("speechmill_ends_total", "stage" => stage, "code" => code.to_owned())
        .increment(number);
}

/// How long handling took, without publishing.
pub(crate) fn handled(stage: &'static str, took: Duration) {
    histogram!("speechmill_handle_seconds", "stage" => stage).record(took.as_secs_f64());
}

/// Whether a stage waits for a dependency.
pub(crate) fn waiting(stage: &'static str, waits: bool) {
    gauge!("speechmill_waiting", "stage" => stage).set(f64::from(u8::from(waits)));
}
