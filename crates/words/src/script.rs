//! Traditional characters into simplified ones, for search alone: what is shown stays as it was.
//!
//! Character by character, which is enough to find: 乾 in 乾坤 becomes 干 on both sides.

use std::borrow::Cow;
use std::sync::LazyLock;

static TABLE: LazyLock<Vec<char>> = LazyLock::new(|| {
    let lines = include_str!("../lists/simplified.txt").lines();
    let chars: Vec<char> = lines
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .collect();
    let mut table: Vec<char> = (0..=u16::MAX)
        .map(|code| char::from_u32(code.into()).unwrap_or_default())
        .collect();
    for pair in chars.chunks_exact(2) {
        if let Some(place) = table.get_mut(pair[0] as usize) {
            *place = pair[1];
        }
    }
    table
});

/// A text's characters, simplified.
pub(crate) fn simplified_chars(text: &str) -> impl Iterator<Item = char> {
    let table = TABLE.as_slice();
    text.chars()
        .map(|c| table.get(c as usize).copied().unwrap_or(c))
}

/// The text in simplified characters; borrowed when it is that already.
pub fn simplified(text: &str) -> Cow<'_, str> {
    if text.chars().eq(simplified_chars(text)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(simplified_chars(text).collect())
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
