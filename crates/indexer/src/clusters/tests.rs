//! The table as a whole, over small texts with some words in common.

use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use super::*;

fn id(number: usize) -> SpeechId {
    name_of((number as u128).to_be_bytes()).unwrap()
}

/// A paragraph like no other.
fn paragraph(number: usize) -> String {
    let mut state = number as u64 + 1;
    let chars = (0..60).filter_map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        char::from_u32(0x4e00 + u32::try_from(state >> 33).unwrap() % 0x5000)
    });
    chars.collect()
}

fn text(paragraphs: &[usize]) -> String {
    paragraphs.iter().map(|number| paragraph(*number)).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "a change is a sketch or none")]
fn sketch(paragraphs: &[usize]) -> Option<Sketch> {
    Some(Sketch::of(&text(paragraphs)))
}

fn table(texts: &[(usize, &[usize])]) -> Clusters {
    let mut table = Clusters::default();
    for (number, paragraphs) in texts {
        table.apply([(id(*number), sketch(paragraphs))]);
    }
    table
}

fn names(table: &Clusters, numbers: std::ops::Range<usize>) -> Vec<Option<SpeechId>> {
    numbers
        .map(|number| table.cluster_of(&id(number)))
        .collect()
}

#[test]
fn copies_are_in_the_cluster_of_the_smallest_id_and_others_in_their_own() {
    let all: Vec<usize> = (0..20).collect();
    let table = table(&[(3, &all), (1, &all[..19]), (2, &[100, 101, 102, 103])]);
    assert_eq!(
        names(&table, 0..4),
        [None, Some(id(1)), Some(id(2)), Some(id(1))]
    );
}

#[test]
fn a_text_cut_to_a_third_is_in_the_cluster_of_the_whole() {
    let all: Vec<usize> = (0..30).collect();
    let table = table(&[(1, &all[..10]), (2, &all)]);
    assert_eq!(table.cluster_of(&id(2)), Some(id(1)));
}

#[test]
fn a_part_of_two_texts_does_not_make_them_one_and_the_better_one_has_it() {
    let part: Vec<usize> = (0..12).collect();
    let with = |from: usize| [&part[..], &(from..from + 24).collect::<Vec<_>>()].concat();
    let (mut one, other) = (with(100), with(200));
    one[2] = 300;
    one[7] = 301;
    for order in [[1, 2, 3], [1, 3, 2], [2, 3, 1], [3, 1, 2], [3, 2, 1]] {
        let texts = order.map(|number| match number {
            1 => (1, &one[..]),
            2 => (2, &other[..]),
            _ => (3, &part[..]),
        });
        let table = table(&texts);
        assert_eq!(names(&table, 1..4), [Some(id(1)), Some(id(2)), Some(id(2))]);
    }
}

#[test]
fn a_third_text_merges_two_clusters_and_says_who_was_moved() {
    let all: Vec<usize> = (0..40).collect();
    let mut table = table(&[
        (1, &all[..21]),
        (2, &all[..22]),
        (3, &all[20..]),
        (4, &all[21..]),
    ]);
    assert_ne!(table.cluster_of(&id(1)), table.cluster_of(&id(4)));
    let moved = table.apply([(id(5), sketch(&all))]);
    assert_eq!(moved, [id(3), id(4)]);
    assert_eq!(names(&table, 1..6), vec![Some(id(1)); 5]);
    let moved = table.apply([(id(5), None)]);
    assert_eq!(moved, [id(3), id(4)]);
    assert_eq!(table.cluster_of(&id(4)), Some(id(3)));
    assert_eq!(table.cluster_of(&id(5)), None);
}

#[test]
fn more_copies_than_are_thought_of_are_one_cluster_and_so_they_stay() {
    let mut table = Clusters::default();
    let copy = |number: usize| {
        let mut all: Vec<usize> = (0..20).collect();
        all[number % 20] = 100 + number;
        all
    };
    for number in 0..100 {
        table.apply([(id(number), sketch(&copy(number)))]);
        // Some that are no copies, and some that are a part.
        let other = [
            &(200 + number * 50..230 + number * 50).collect::<Vec<_>>(),
            &copy(number)[..10],
        ];
        table.apply([(id(1_000 + number), sketch(&other.concat()))]);
        table.apply([(id(2_000 + number), sketch(&copy(number)[5..15]))]);
    }
    assert_eq!(names(&table, 0..100), vec![Some(id(0)); 100]);
    assert_ne!(table.cluster_of(&id(1_007)), Some(id(0)));
    table.apply((0..30).map(|number| (id(number), None)));
    assert_eq!(names(&table, 30..100), vec![Some(id(30)); 70]);
}

#[test]
fn the_same_text_again_changes_nothing() {
    let all: Vec<usize> = (0..20).collect();
    let mut table = table(&[(1, &all), (2, &all)]);
    let bytes = table.to_bytes();
    assert!(
        table
            .apply([(id(2), sketch(&all)), (id(1), sketch(&all))])
            .is_empty()
    );
    assert_eq!(table.to_bytes(), bytes);
}

#[test]
fn bytes_that_are_no_table_are_none() {
    let all: Vec<usize> = (0..20).collect();
    let bytes = table(&[(1, &all), (2, &all)]).to_bytes();
    assert!(Clusters::of_bytes(&bytes).is_some());
    assert!(Clusters::of_bytes(&[]).is_none());
    for len in 2..bytes.len() {
        assert!(Clusters::of_bytes(&bytes[..len]).is_none_or(|table| table.num_speeches() == 1));
    }
    for at in 0..60 {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x80;
        // Whatever it is, reading it ends well.
        let _ = Clusters::of_bytes(&bytes);
    }
}

/// Texts of one to some forty paragraphs, many of them shared.
fn texts() -> impl Strategy<Value = Vec<Vec<usize>>> {
    let base = prop_oneof![Just(0_usize), Just(30), Just(60)];
    let one = base.prop_flat_map(|from| {
        let own: Vec<usize> = (from..from + 45).collect();
        subsequence(own, 8..=45)
    });
    prop::collection::vec(one, 2..14)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_of_arrival_and_the_cut_into_batches_make_no_difference(
        texts in texts(),
        swaps in prop::collection::vec(any::<(Index, Index)>(), 20),
        size in 1_usize..5,
    ) {
        let changes: Vec<_> = texts.iter().enumerate().map(|(n, text)| (id(n), sketch(text))).collect();
        let mut one = Clusters::default();
        one.apply(changes.clone());
        let mut order = changes;
        for (a, b) in swaps {
            let (a, b) = (a.index(order.len()), b.index(order.len()));
            order.swap(a, b);
        }
        let mut other = Clusters::default();
        for batch in order.chunks(size) {
            other.apply(batch.to_vec());
        }
        prop_assert_eq!(names(&one, 0..texts.len()), names(&other, 0..texts.len()));
        prop_assert_eq!(one.to_bytes(), other.to_bytes());
    }

    #[test]
    fn what_is_withdrawn_or_changed_and_comes_back_leaves_no_trace(
        texts in texts(),
        visits in prop::collection::vec(any::<(Index, Index)>(), 1..12),
    ) {
        let mut table = Clusters::default();
        for (n, text) in texts.iter().enumerate() {
            table.apply([(id(n), sketch(text))]);
        }
        let before = table.to_bytes();
        for (who, what) in visits {
            let (who, what) = (who.index(texts.len()), what.index(texts.len()));
            let other = if who == what { None } else { sketch(&texts[what]) };
            table.apply([(id(who), other)]);
            table.apply([(id(who), sketch(&texts[who]))]);
        }
        prop_assert_eq!(table.to_bytes(), before);
    }

    #[test]
    fn every_change_of_a_name_is_told_and_bytes_give_the_same_table(
        texts in texts(),
        changes in prop::collection::vec(any::<(Index, Option<Index>)>(), 1..12),
    ) {
        let mut table = Clusters::default();
        let mut known: BTreeMap<SpeechId, SpeechId> = BTreeMap::new();
        for (who, what) in changes {
            let who = id(who.index(texts.len()));
            let what = what.and_then(|what| sketch(&texts[what.index(texts.len())]));
            let moved = table.apply([(who.clone(), what)]);
            known.remove(&who);
            for id in moved.into_iter().chain([who]) {
                if let Some(name) = table.cluster_of(&id) {
                    known.insert(id, name);
                }
            }
            for (id, name) in &known {
                prop_assert_eq!(table.cluster_of(id), Some(name.clone()));
            }
            prop_assert_eq!(known.len(), table.num_speeches());
            table = Clusters::of_bytes(&table.to_bytes()).unwrap();
        }
    }
}

#[test]
fn the_bytes_of_these_texts_change_only_with_the_version() {
    let all: Vec<usize> = (0..30).collect();
    let copy = [&all[1..], &[100]].concat();
    let table = table(&[(1, &all[..12]), (2, &all), (3, &copy), (4, &[200, 201])]);
    let print = table.to_bytes().into_iter().fold(0, |print: u32, byte| {
        print.wrapping_mul(31).wrapping_add(byte.into())
    });
    assert_eq!((Clusters::VERSION, print), (1, 459_349_523));
}
