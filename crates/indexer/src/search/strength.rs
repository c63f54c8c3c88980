//! How strongly a speech says what was asked for: how often, where, and how much of it in one place.
//!
//! In: where Meilisearch found words, which the page shows anyway. Out: places that a hit gains. What
//! Meilisearch itself orders by knows neither how often a word stands nor, by attribute, how near.

use std::collections::{BTreeMap, HashMap};

use meilisearch_sdk::search::MatchRange;

use super::section::joined;
use crate::document::searched;

/// Of these the best one counts, for one says what the other says.
const HEAD: [&str; 3] = ["title", "occasion", "speaker"];

/// What a head that says all of it counts, beside one place in the text; a text, and the year too,
/// count no more: a book says everything often.
const MOST: f64 = 4.0;

/// Half of what was asked for, in one place, counts a sixteenth of all of it.
const POWER: i32 = 4;

/// So much is worth half of all places that can be gained.
const HALF: f64 = 5.0;
const PLACES: f64 = 10.0;

/// The lengths of what was found, in bytes; what touches is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Strength {
    heads: Vec<Vec<usize>>,
    text: Vec<usize>,
    has_year: bool,
}

impl Strength {
    pub(super) fn of(places: &HashMap<String, Vec<MatchRange>>) -> Self {
        let mut it = Self::default();
        for (name, places) in places {
            match name.as_str() {
                name if HEAD.contains(&name) => it.heads.push(lengths(places)),
                searched::YEAR => it.has_year = true,
                // Each word once, and nothing of how near: taken for one place.
                searched::WORDS => it.text.push(places.iter().map(|it| it.length).sum()),
                name if is_text(name) => it.text.extend(lengths(places)),
                _ => {}
            }
        }
        it
    }

    /// The places that it gains, when so many bytes were asked for.
    pub(super) fn places(&self, num_asked: usize) -> f64 {
        let share = |length: &usize| (*length as f64 / num_asked.max(1) as f64).min(1.0);
        let sum = |lengths: &[usize]| lengths.iter().map(|it| share(it).powi(POWER)).sum::<f64>();
        let head = self.heads.iter().map(|it| sum(it)).fold(0.0, f64::max);
        let year = f64::from(self.has_year);
        let value = MOST * (head.min(1.0) + year) + sum(&self.text).min(MOST);
        let all = self.heads.iter().flatten().chain(&self.text);
        let longest = all.map(share).fold(0.0, f64::max);
        PLACES * value / (value + HALF) + longest
    }
}

fn is_text(name: &str) -> bool {
    name == "text" || name.starts_with("text_") || name == "sections.heading"
}

/// Within each value of a field that has several.
fn lengths(places: &[MatchRange]) -> Vec<usize> {
    let mut values: BTreeMap<&Option<Vec<usize>>, Vec<(usize, usize)>> = BTreeMap::new();
    for it in places {
        let value = values.entry(&it.indices).or_default();
        value.push((it.start, it.start + it.length));
    }
    let joined = values.into_values().flat_map(joined);
    joined.map(|(from, to)| to - from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is gained by these places, when two words of six bytes were asked for.
    fn gained(fields: &[(&str, &[(usize, usize)])]) -> f64 {
        let range = |&(start, length): &(usize, usize)| MatchRange {
            start,
            length,
            indices: None,
        };
        let places = fields.iter().map(|(name, places)| {
            let places = places.iter().map(range).collect();
            ((*name).to_owned(), places)
        });
        Strength::of(&places.collect()).places(12)
    }

    #[test]
    fn more_often_is_more_and_beside_each_other_is_more_than_apart() {
        let once = gained(&[("text", &[(0, 6), (6, 6)])]);
        assert!(gained(&[("text", &[(0, 12), (30, 12)])]) > once);
        assert!(gained(&[("text", &[(0, 6), (9, 6)])]) < once);
        assert!(gained(&[("text", &[(0, 6)]), ("text_2", &[(6, 6)])]) < once);
    }

    #[test]
    fn a_title_counts_once_and_as_much_as_a_text_that_says_it_often() {
        let title = gained(&[("title", &[(0, 12)])]);
        let often: Vec<(usize, usize)> = (0..100).map(|n| (n * 20, 12)).collect();
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(gained(&[("text", &often)]), title));
        assert!(near(
            gained(&[("title", &[(0, 12)]), ("occasion", &[(3, 12)])]),
            title
        ));
        assert!(gained(&[("title", &[(0, 12)]), ("text", &often)]) < PLACES);
    }

    #[test]
    fn what_is_not_shown_as_text_counts_nothing() {
        let pinyin = gained(&[("search_pinyin", &[(0, 12)]), ("title_raw", &[(0, 12)])]);
        assert!(pinyin.abs() < 1e-9);
    }

    #[test]
    fn headings_are_not_one_text() {
        let heading = |index| MatchRange {
            start: 6 * index,
            length: 6,
            indices: Some(vec![index]),
        };
        assert_eq!(lengths(&[heading(0), heading(1)]), [6, 6]);
    }
}
