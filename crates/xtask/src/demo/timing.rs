//! Prints how long each stage took, and says what that means.

use std::time::Duration;

use crate::mill::{Mill, timings};

const SETTLING: Duration = Duration::from_secs(10);

/// A stage, the metric that tells of it, and what that metric counts.
const STAGES: [(&str, &str, &str); 4] = [
    (
        "admit",
        "speechmill_handle_seconds{stage=\"admission\"}",
        "messages with URLs or links, checked and queued",
    ),
    (
        "fetch",
        "speechmill_fetch_seconds",
        "requests to the site; waiting for a turn is not counted",
    ),
    (
        "extract",
        "speechmill_handle_seconds{stage=\"extractor\"}",
        "pages cleaned, some at the same time, by a build without optimisation",
    ),
    (
        "index",
        "speechmill_task_seconds",
        "batches, from the first POST until Meilisearch has finished",
    ),
];

/// A table of the stages that run, and the whole way as a clock at the wall saw it.
pub(crate) async fn print(mill: &Mill, whole: &str, took: Duration) -> anyhow::Result<()> {
    // Meilisearch has a document before the indexer hears that it has.
    mill.wait_idle(SETTLING).await?;
    let timings = timings(mill).await?;
    println!("\nstage    number     in all       each  what is counted");
    for (stage, metric, meaning) in STAGES {
        let Some(timed) = timings.get(metric).filter(|timed| timed.num > 0) else {
            continue;
        };
        let total = timed.total.as_secs_f64() * 1_000.0;
        let each = total / timed.num as f64;
        println!(
            "{stage:<7}  {:>6}  {total:>6.0} ms  {each:>6.1} ms  {meaning}",
            timed.num
        );
    }
    println!("whole          {:>8.2} s   {whole}", took.as_secs_f64());
    Ok(())
}
