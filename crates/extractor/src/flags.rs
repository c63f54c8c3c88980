//! Quality flags: what a reader of the record should be warned of.

use std::sync::LazyLock;

use regex::Regex;

/// Han characters below which a text is short.
const SHORT_HAN: usize = 200;

/// Confidence below which it is worth a flag.
const LOW_CONFIDENCE: f64 = 0.5;

static SALTED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"[\u{4e00}-\u{9fff}][（(][a-zāáǎàēéěèīíǐìōóǒòūúǔùǖǘǚǜü]{1,6}[)）]")
        .expect("a valid pattern")
});

static MANGLED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:^|[\n。；，：])[1-9]是|[统致定切直]1[^\d.]|[^\d.]1(?:定|致|切|直|系列)")
        .expect("a valid pattern")
});

static CSS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{[^{}\n]{0,200}[a-z-]{3,20}\s*:[^{}\n]{1,80};?[^{}\n]{0,200}\}|font-(?:family|size)\s*:|mso-[a-z]+").expect("a valid pattern")
});

/// What the flags are made from.
pub(crate) struct Evidence<'a> {
    pub(crate) text: &'a str,
    pub(crate) num_chars: usize,
    pub(crate) num_han: usize,
    pub(crate) replaced: usize,
    pub(crate) confidence: f64,
    pub(crate) profile_broken: bool,
}

/// In the order of the alphabet.
pub(crate) fn of(evidence: &Evidence<'_>) -> Vec<String> {
    let text = evidence.text;
    let salted = SALTED.find_iter(text).count();
    let private = text
        .chars()
        .any(|c| matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10fffd}'));
    let flags = [
        (
            "digit_mangled",
            MANGLED.find_iter(text).take(2).count() == 2,
        ),
        ("leaked_css", CSS.is_match(text)),
        ("low_confidence", evidence.confidence < LOW_CONFIDENCE),
        ("low_han", evidence.num_han * 2 < evidence.num_chars),
        ("pinyin_salted", salted * 1_000 > 3 * evidence.num_chars),
        ("private_use", private),
        ("profile_broken", evidence.profile_broken),
        (
            "replacement_chars",
            evidence.replaced > 0 || text.contains('\u{fffd}'),
        ),
        ("short", evidence.num_han < SHORT_HAN),
    ];
    let set = flags.iter().filter(|(_, holds)| *holds);
    set.map(|(name, _)| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(text: &str) -> Vec<String> {
        of(&Evidence {
            text,
            num_chars: crate::normalise::num_chars(text),
            num_han: 1_000,
            replaced: 0,
            confidence: 1.0,
            profile_broken: false,
        })
    }

    #[test]
    fn each_flag_has_its_sign() {
        assert_eq!(
            flags("各级領(lǐng)導(dǎo)干部要重視(shì)"),
            ["pinyin_salted"]
        );
        assert_eq!(flags("主要有：1是抓认识。2是抓落实。"), ["digit_mangled"]);
        assert_eq!(flags(".a{color:red;}同志们"), ["leaked_css"]);
        assert_eq!(flags("同志们\u{e123}"), ["private_use"]);
        assert_eq!(flags("同志\u{fffd}"), ["replacement_chars"]);
        assert!(flags("同志们，增长1.5倍，分1至3组，一是抓认识。").is_empty());
    }
}
