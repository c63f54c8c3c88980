//! Lists of what was found into one.
//!
//! Source: reciprocal rank fusion, Cormack, Clarke and Büttcher, 2009.

use std::collections::HashMap;

/// How little the first places count for more than the next ones.
const SMOOTHING: f64 = 60.0;

/// What one form found, best first.
pub(super) struct List {
    /// How much its places count.
    pub(super) weight: f64,
    pub(super) versions: Vec<u64>,
}

/// All versions, best first, each with the number of the first list that has it. Between equals the
/// earlier list decides.
pub(super) fn lists(lists: &[List]) -> Vec<(u64, usize)> {
    let mut scores: HashMap<u64, f64> = HashMap::new();
    let mut all: Vec<(u64, usize)> = Vec::new();
    for (n, list) in lists.iter().enumerate() {
        for (place, version) in list.versions.iter().enumerate() {
            let score = scores.entry(*version).or_insert_with(|| {
                all.push((*version, n));
                0.0
            });
            *score += list.weight / (SMOOTHING + place as f64);
        }
    }
    let score = |version| scores.get(&version).copied().unwrap_or_default();
    all.sort_by(|a, b| score(b.0).total_cmp(&score(a.0)));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_several_lists_have_goes_before_what_one_has() {
        let list = |weight, versions: &[u64]| List {
            weight,
            versions: versions.to_vec(),
        };
        let fused = lists(&[list(1.0, &[1, 2]), list(1.0, &[3, 2]), list(0.5, &[4])]);
        assert_eq!(fused, [(2, 0), (1, 0), (3, 1), (4, 2)]);
    }
}
