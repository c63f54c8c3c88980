//! Traditional characters into simplified ones, for search alone: what is shown stays as it was.
//!
//! Character by character, which is enough to find: 乾 in 乾坤 becomes 干 on both sides.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

static TABLE: LazyLock<HashMap<char, char>> = LazyLock::new(|| {
    let lines = include_str!("../../words/simplified.txt").lines();
    let chars = lines
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars);
    let chars: Vec<char> = chars.collect();
    chars
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect()
});

/// The text in simplified characters; borrowed when it is that already.
pub(crate) fn simplified(text: &str) -> Cow<'_, str> {
    let table = &*TABLE;
    if !text.chars().any(|c| table.contains_key(&c)) {
        return Cow::Borrowed(text);
    }
    let simple = |c| table.get(&c).copied().unwrap_or(c);
    Cow::Owned(text.chars().map(simple).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traditional_characters_become_simplified_and_simplified_ones_stay() {
        assert_eq!(simplified("鄉村振興與檔案工作"), "乡村振兴与档案工作");
        assert!(matches!(simplified("乡村振兴 2021"), Cow::Borrowed(_)));
    }
}
