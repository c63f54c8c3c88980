//! Records of several parts: whole, or none.

use bytes::Bytes;
use worker::topology::Bucket;
use worker::{Broker, LargeRecord};

use crate::setup::Bench;

const KEY: &str = "table";

/// Three parts, and different ones for each seed.
fn bytes(seed: u32) -> Bytes {
    let numbers = (0..300_000_u32).map(|number| number.wrapping_mul(2_654_435_761) ^ seed);
    numbers.flat_map(u32::to_le_bytes).collect()
}

async fn write(broker: &Broker, seed: u32) -> bool {
    let written = broker.write_large_record(Bucket::Copies, KEY, seed, bytes(seed));
    written.await.unwrap()
}

async fn record(broker: &Broker) -> Option<LargeRecord<u32>> {
    broker.large_record(Bucket::Copies, KEY).await.unwrap()
}

/// What the record says and what its bytes are.
async fn read(broker: &Broker) -> (u32, Option<Bytes>) {
    let record = record(broker).await.expect("a record");
    let bytes = broker.bytes_of(Bucket::Copies, KEY, &record).await;
    (record.value, bytes.unwrap())
}

#[tokio::test]
async fn a_large_record_is_read_as_it_was_written_last_also_by_who_began_before() {
    let bench = Bench::start().await;
    assert!(record(&bench.broker).await.is_none());
    for seed in 1..=3 {
        let before = record(&bench.broker).await;
        assert!(write(&bench.broker, seed).await);
        assert_eq!(read(&bench.broker).await, (seed, Some(bytes(seed))));
        if let Some(before) = before {
            let found = bench.broker.bytes_of(Bucket::Copies, KEY, &before).await;
            assert_eq!(found.unwrap(), Some(bytes(seed - 1)));
        }
    }
}

#[tokio::test]
async fn bytes_that_are_not_what_was_written_are_none() {
    let bench = Bench::start().await;
    let spoilt = format!("{KEY}.0.1");
    assert!(write(&bench.broker, 1).await);
    let written = bench
        .broker
        .write_record(Bucket::Copies, &spoilt, &"spoilt");
    written.await.unwrap();
    assert_eq!(read(&bench.broker).await, (1, None));
    // The next one goes elsewhere.
    assert!(write(&bench.broker, 2).await);
    assert_eq!(read(&bench.broker).await, (2, Some(bytes(2))));
}

#[tokio::test]
async fn of_two_that_write_at_once_one_wins_and_its_bytes_are_its_own_or_none() {
    let bench = Bench::start().await;
    for seed in [10, 20, 30] {
        let (one, other) = tokio::join!(write(&bench.broker, seed), write(&bench.broker, seed + 1));
        assert!(one != other, "{one} and {other}");
        let (winner, found) = read(&bench.broker).await;
        assert_eq!(winner, seed + u32::from(other));
        assert!(found.is_none_or(|found| found == bytes(winner)));
    }
}
