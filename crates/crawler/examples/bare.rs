//! Fetching and nothing else, with the crawler's HTTP client: what `cargo xtask bench crawl` measures
//! the crawler against.
//!
//! In: how many at once, and a file of URLs, one a line. Out: the seconds that it took, on standard
//! output; then it waits for the end of standard input, so that its usage can be read.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use futures_util::{StreamExt, TryStreamExt, stream};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(concurrency), Some(file)) = (args.next(), args.next()) else {
        return Err("usage: bare CONCURRENCY FILE".into());
    };
    let concurrency: usize = concurrency.parse()?;
    let text = std::fs::read_to_string(file)?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .user_agent("bare")
        .connect_timeout(Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .pool_max_idle_per_host(concurrency)
        .build()?;
    let start = Instant::now();
    stream::iter(text.lines().map(ToOwned::to_owned))
        .map(|url| {
            let client = client.clone();
            // On all cores, as the crawler's are.
            let fetching = tokio::spawn(async move {
                let response = client.get(url).send().await?.error_for_status()?;
                response.bytes().await
            });
            async { fetching.await.expect("a fetch panicked") }
        })
        .buffer_unordered(concurrency)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    println!("{}", start.elapsed().as_secs_f64());
    std::io::stdout().flush()?;
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}
