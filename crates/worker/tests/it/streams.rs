//! What streams and consumers are said to hold.

use worker::topology::INDEXER;

use crate::setup::Bench;
use crate::sinks::{change, publish};

/// The server, asked alone, says 0 in some of them on a busy machine.
const TRIES: usize = 200;

#[tokio::test]
async fn what_is_stored_is_pending_at_once() {
    let bench = Bench::start().await;
    let outside = bench.outside().await;
    let speeches = outside.get_stream("SPEECHES").await.unwrap();
    for _ in 0..TRIES {
        publish(&bench, &change(1, 1)).await;
        let state = bench.broker.consumer_state(INDEXER).await.unwrap();
        assert_ne!(state.unwrap().num_pending, 0);
        speeches.purge().await.unwrap();
    }
}
