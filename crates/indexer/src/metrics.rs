//! The indexer's metrics. Never a URL or a host as a label.

use std::time::Duration;

use metrics::{counter, histogram};

/// What became of documents: `upserted`, `deleted`, `refused`, `replaced` (a newer message of the
/// same speech came first).
pub(crate) fn documents(outcome: &'static str, number: usize) {
    counter!("speechmill_documents_total", "outcome" => outcome).increment(number as u64);
}

/// A task was accepted, over so many documents.
pub(crate) fn accepted(num_documents: usize) {
    histogram!("speechmill_task_documents").record(num_documents as f64);
}

/// From the first POST of a round to the end of its last task.
pub(crate) fn tasks_ended(took: Duration) {
    histogram!("speechmill_task_seconds").record(took.as_secs_f64());
}

/// A refused batch was cut in two.
pub(crate) fn bisected() {
    counter!("speechmill_bisections_total").increment(1);
}
