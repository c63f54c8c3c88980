//! The usual measures of a ranked list against graded answers.
//!
//! In: what was found, best first, and the grades that a reader gave. Out: numbers from 0 to 1.
//! Grade 3: what was asked for; 2: largely about it; 1: it says something of it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::rounded;

/// Hits that count.
pub(super) const HITS: usize = 10;

/// From this grade on a speech is an answer; a lower one only helps the order.
const ANSWER: u8 = 2;

/// How one query was answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scores {
    /// Source: Järvelin and Kekäläinen, 2002; a gain of 2^grade - 1.
    pub(super) ndcg: f64,
    /// Of the answers that have a place among the hits, how many took one.
    recall: f64,
    /// One by the place of the first answer.
    reciprocal_rank: f64,
    /// No hit has a grade.
    is_nothing: bool,
}

/// Means over queries.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Measures {
    pub(super) queries: usize,
    pub(super) ndcg: f64,
    pub(super) recall: f64,
    pub(super) mrr: f64,
    /// Share of queries without one relevant hit.
    pub(super) none_found: f64,
}

impl Scores {
    pub(super) fn of(hits: &[String], answers: &BTreeMap<String, u8>) -> Self {
        let hits = &hits[..hits.len().min(HITS)];
        let grades: Vec<u8> = hits
            .iter()
            .map(|id| answers.get(id).copied().unwrap_or_default())
            .collect();
        let mut ideal: Vec<u8> = answers.values().copied().collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        ideal.truncate(HITS);
        let are_answers = |grades: &[u8]| grades.iter().filter(|it| **it >= ANSWER).count();
        let first = grades.iter().position(|it| *it >= ANSWER);
        Self {
            ndcg: share(gain(&grades), gain(&ideal)),
            recall: share(are_answers(&grades) as f64, are_answers(&ideal) as f64),
            reciprocal_rank: first.map_or(0.0, |place| 1.0 / (place + 1) as f64),
            is_nothing: grades.iter().all(|it| *it == 0),
        }
    }
}

impl Measures {
    pub(super) fn of(scores: &[Scores]) -> Self {
        let num = scores.len() as f64;
        let mean = |value: fn(&Scores) -> f64| {
            let sum: f64 = scores.iter().map(value).sum();
            rounded(share(sum, num))
        };
        Self {
            queries: scores.len(),
            ndcg: mean(|it| it.ndcg),
            recall: mean(|it| it.recall),
            mrr: mean(|it| it.reciprocal_rank),
            none_found: mean(|it| f64::from(it.is_nothing)),
        }
    }
}

/// Discounted by the place.
fn gain(grades: &[u8]) -> f64 {
    let one = |(place, grade): (usize, &u8)| {
        let gain = f64::from(*grade).exp2() - 1.0;
        gain / ((place + 2) as f64).log2()
    };
    // The sum of nothing is -0.0, which looks odd in print.
    grades.iter().enumerate().map(one).sum::<f64>() + 0.0
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(hits: &[&str], answers: &[(&str, u8)]) -> Scores {
        let hits: Vec<String> = hits.iter().map(|&id| id.to_owned()).collect();
        let answers = answers.iter().map(|&(id, grade)| (id.to_owned(), grade));
        Scores::of(&hits, &answers.collect())
    }

    fn is_near(value: f64, expected: f64) -> bool {
        (value - expected).abs() < 1e-9
    }

    #[test]
    fn the_best_order_is_worth_one_and_no_hit_nothing() {
        let answers = [("a", 3), ("b", 2), ("c", 1)];
        let best = scores(&["a", "b", "c", "d"], &answers);
        assert!(is_near(best.ndcg, 1.0) && is_near(best.recall, 1.0));
        assert!(is_near(best.reciprocal_rank, 1.0) && !best.is_nothing);
        let none = scores(&[], &answers);
        assert!(is_near(none.ndcg, 0.0) && none.is_nothing);
    }

    #[test]
    fn a_lower_place_is_worth_less() {
        let third = scores(&["x", "y", "a"], &[("a", 3)]);
        assert!(is_near(third.ndcg, 0.5));
        assert!(is_near(third.reciprocal_rank, 1.0 / 3.0));
    }

    #[test]
    fn a_mere_mention_helps_the_order_and_is_no_answer() {
        let mention = scores(&["c"], &[("a", 3), ("c", 1)]);
        assert!(mention.ndcg > 0.0 && !mention.is_nothing);
        assert!(is_near(mention.recall, 0.0) && is_near(mention.reciprocal_rank, 0.0));
    }

    #[test]
    fn more_answers_than_places_do_not_spoil_recall() {
        let names: Vec<String> = (0..13).map(|n| n.to_string()).collect();
        let answers = names.iter().map(|name| (name.clone(), 3)).collect();
        assert!(is_near(Scores::of(&names, &answers).recall, 1.0));
    }
}
