//! Two lists of hits into one.
//!
//! Source: reciprocal rank fusion, Cormack, Clarke and Büttcher, 2009.

use std::collections::HashMap;

use super::{Hit, SearchOptions, SearchPage};

/// How little the first places count for more than the next ones.
const SMOOTHING: f64 = 60.0;

/// The page that was asked for; both lists begin at the first hit. What counts all hits is taken from
/// the longer one.
pub(super) fn pages(a: SearchPage, b: SearchPage, options: &SearchOptions) -> SearchPage {
    let mut scores: HashMap<String, f64> = HashMap::new();
    let mut hits: Vec<Hit> = Vec::new();
    let took_ms = a.took_ms + b.took_ms;
    let (mut longer, shorter) = if a.estimated_total >= b.estimated_total {
        (a, b)
    } else {
        (b, a)
    };
    for list in [std::mem::take(&mut longer.hits), shorter.hits] {
        for (place, hit) in list.into_iter().enumerate() {
            let score = 1.0 / (SMOOTHING + place as f64);
            let known = scores.entry(hit.id.clone()).or_default();
            if *known == 0.0 {
                hits.push(hit);
            }
            *known += score;
        }
    }
    let score = |hit: &Hit| scores.get(&hit.id).copied().unwrap_or_default();
    hits.sort_by(|a, b| score(b).total_cmp(&score(a)));
    SearchPage {
        hits: hits
            .into_iter()
            .skip(options.offset)
            .take(options.limit)
            .collect(),
        took_ms,
        ..longer
    }
}
