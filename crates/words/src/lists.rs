//! The lists of words.
//!
//! `synonyms.txt`: a line holds words that mean the same, or `word > other other`: who asks for the
//! first is given the others too. `stop.txt`: words that say nothing. `#` begins a comment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

static LISTS: LazyLock<Lists> = LazyLock::new(Lists::ours);

/// All lists.
#[derive(Debug, Default)]
pub struct Lists {
    synonyms: BTreeMap<String, BTreeSet<String>>,
    stop: BTreeSet<String>,
}

/// All of them.
pub fn lists() -> &'static Lists {
    &LISTS
}

impl Lists {
    fn ours() -> Self {
        let mut lists = Self::default();
        lists.read_synonyms(include_str!("../lists/synonyms.txt"));
        lists.read_stop(include_str!("../lists/stop.txt"));
        lists
    }

    /// Every word that has synonyms or is one.
    #[cfg(test)]
    pub(crate) fn terms(&self) -> BTreeSet<&str> {
        let pairs = self.synonyms.iter();
        pairs
            .flat_map(|(word, others)| others.iter().chain([word]))
            .map(String::as_str)
            .collect()
    }

    /// Word by word, what is asked for with it.
    pub fn synonyms(&self) -> &BTreeMap<String, BTreeSet<String>> {
        &self.synonyms
    }

    /// What says nothing of what is meant.
    pub fn stop(&self) -> &BTreeSet<String> {
        &self.stop
    }

    fn read_synonyms(&mut self, text: &str) {
        for line in lines(text) {
            let (from, to) = line.split_once('>').unwrap_or((line, line));
            for word in from.split_whitespace() {
                let others = to.split_whitespace().filter(|other| *other != word);
                let known = self.synonyms.entry(word.to_owned()).or_default();
                known.extend(others.map(ToOwned::to_owned));
            }
        }
    }

    fn read_stop(&mut self, text: &str) {
        let words = lines(text).flat_map(str::split_whitespace);
        self.stop.extend(words.map(ToOwned::to_owned));
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or(""));
    lines.map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line_mean_each_other_and_an_arrow_goes_one_way() {
        let mut lists = Lists::default();
        lists.read_synonyms("# 机构\n发改委 发展改革委\n抗洪 > 防汛 # 一类\n");
        let of = |word: &str| lists.synonyms.get(word).cloned().unwrap_or_default();
        assert_eq!(of("发改委"), ["发展改革委".to_owned()].into());
        assert_eq!(of("发展改革委"), ["发改委".to_owned()].into());
        assert_eq!(of("抗洪"), ["防汛".to_owned()].into());
        assert!(of("防汛").is_empty());
    }

    #[test]
    fn no_word_of_ours_is_said_to_mean_itself_or_to_be_a_stop_word() {
        let lists = Lists::ours();
        for (word, others) in lists.synonyms() {
            assert!(!others.is_empty() && !others.contains(word), "{word}");
            assert!(!lists.stop().contains(word), "{word}");
        }
    }
}
