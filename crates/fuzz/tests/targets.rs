//! Some thousand executions of every target, in this process.

use fuzz::{Mutator, TARGETS, find, seeds};

fn run(name: &str, executions: usize) {
    let target = find(name).expect("a target");
    let corpus = seeds(target).expect("its seeds");
    assert!(corpus.len() > 1, "{name} has no seeds");
    for seed in &corpus {
        (target.run)(seed);
    }
    let mut mutator = Mutator::new(1, corpus, target.words);
    for _ in 0..executions {
        (target.run)(&mutator.next_input());
    }
}

#[test]
fn what_reads_pages_holds_its_properties() {
    run("extraction", 300);
    run("date", 2_000);
    run("charset", 1_000);
}

#[test]
fn what_reads_lists_of_addresses_holds_its_properties() {
    run("robots", 1_000);
    run("sitemap", 1_000);
}

#[test]
fn what_reads_addresses_and_messages_holds_its_properties() {
    run("url", 5_000);
    run("message", 5_000);
}

#[test]
fn every_target_has_an_entry_for_cargo_fuzz() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz");
    let manifest = std::fs::read_to_string(format!("{folder}/Cargo.toml")).expect("a manifest");
    for target in TARGETS {
        let file = format!("fuzz_targets/{}.rs", target.name);
        assert!(manifest.contains(&format!("path = \"{file}\"")), "{file}");
        let entry = std::fs::read_to_string(format!("{folder}/{file}")).expect("an entry");
        assert!(entry.contains(&format!("\"{}\"", target.name)), "{file}");
    }
}

#[test]
fn the_same_seed_makes_the_same_inputs() {
    let inputs = || {
        let mut mutator = Mutator::new(7, vec![b"one".to_vec(), b"two".to_vec()], &["three"]);
        (0..100).map(|_| mutator.next_input()).collect::<Vec<_>>()
    };
    assert_eq!(inputs(), inputs());
}
