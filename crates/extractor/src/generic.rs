//! The generic extractor: the element with the most prose at the greatest purity, then its edges trimmed.
//!
//! In: the blocks of a page. Out: which of them are the text, which stand before and after it in the
//! same element, and how clear the choice was. Works without any knowledge of the site.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use crate::blocks::{Block, Flat};
use crate::normalise::num_chars;
use crate::{memory, noise, structure};

/// A named subtree leaves only if it holds less than this share of the page's prose.
const NOISE_SHARE: f64 = 0.3;

/// Mass from which a block may begin or end the text.
const EDGE_MASS: f64 = 8.0;

/// Unlinked lines just after the text that may be its signature.
const SIGNATURE_LINES: usize = 3;

/// Characters of such a line, at most.
const SIGNATURE_CHARS: usize = 30;

/// What was chosen. Indices are those of the page's blocks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choice {
    /// The element that holds the text.
    pub(crate) elem: usize,
    /// The text.
    pub(crate) kept: Vec<usize>,
    /// Blocks of the same element that were left out, with the rule.
    pub(crate) removed: Vec<(&'static str, usize)>,
    /// How far the winner was ahead of any element that neither holds it nor stands in it, 0 to 1.
    pub(crate) margin: f64,
}

/// Mass and characters below each element.
struct Sums {
    mass: Vec<f64>,
    chars: Vec<usize>,
}

fn sums<'a>(flat: &Flat, blocks: impl Iterator<Item = &'a Block>) -> Sums {
    let mut sums = Sums {
        mass: vec![0.0; flat.elems.len()],
        chars: vec![0; flat.elems.len()],
    };
    for block in blocks {
        sums.mass[block.elem] += block.mass;
        sums.chars[block.elem] += block.chars;
    }
    // Children come after their parents, so one pass from the end reaches every ancestor.
    for index in (1..flat.elems.len()).rev() {
        let parent = flat.elems[index].parent;
        sums.mass[parent] += sums.mass[index];
        sums.chars[parent] += sums.chars[index];
    }
    sums
}

/// The text of a page, if it has any prose.
pub(crate) fn choose(flat: &Flat) -> Option<Choice> {
    let clean = without_noise(flat);
    let own = clean.iter().map(|&i| &flat.blocks[i]);
    let sums = sums(flat, own.filter(|block| !block.known));
    let (best, margin) = winner(flat, &sums)?;
    Some(trim(flat, best, &clean, margin))
}

/// Everything that stands in one element, trimmed: for an element that a profile names.
pub(crate) fn choose_in(flat: &Flat, elem: usize, left_out: &[usize]) -> Choice {
    let all: Vec<usize> = (0..flat.blocks.len())
        .filter(|&i| {
            let at = flat.blocks[i].elem;
            left_out
                .iter()
                .all(|&e| !(e..flat.elems[e].end).contains(&at))
        })
        .collect();
    trim(flat, elem, &all, 1.0)
}

/// Blocks that stand in no named noise subtree, unless those hold much of the prose.
fn without_noise(flat: &Flat) -> Vec<usize> {
    let all = sums(flat, flat.blocks.iter());
    let total = all.mass[0].max(1.0);
    let mut bad = vec![false; flat.elems.len()];
    for (index, elem) in flat.elems.iter().enumerate().skip(1) {
        bad[index] = bad[elem.parent] || (elem.noisy && all.mass[index] < NOISE_SHARE * total);
    }
    let clean: Vec<usize> = (0..flat.blocks.len())
        .filter(|&i| !bad[flat.blocks[i].elem])
        .collect();
    let left: f64 = clean.iter().map(|&i| flat.blocks[i].mass).sum();
    if left < NOISE_SHARE * total {
        (0..flat.blocks.len()).collect()
    } else {
        clean
    }
}

/// Score = M × (M / T)²; ties go to the deeper element.
fn winner(flat: &Flat, sums: &Sums) -> Option<(usize, f64)> {
    let score = |index: usize| {
        let mass = sums.mass[index];
        let purity = mass / sums.chars[index].max(1) as f64;
        mass * purity * purity
    };
    let mut best: Option<(usize, f64)> = None;
    for index in 0..flat.elems.len() {
        let new = score(index);
        if new <= 0.0 {
            continue;
        }
        let better = best.is_none_or(|(old, top)| {
            new > top * 1.0001
                || ((new - top).abs() <= top * 1e-4
                    && flat.elems[index].depth > flat.elems[old].depth)
        });
        if better {
            best = Some((index, new));
        }
    }
    let (best, top) = best?;
    let related = |index: usize| {
        (best..flat.elems[best].end).contains(&index)
            || (index..flat.elems[index].end).contains(&best)
    };
    let rival = (0..flat.elems.len())
        .filter(|&index| !related(index))
        .map(score)
        .fold(0.0, f64::max);
    Some((best, 1.0 - rival / top))
}

/// The number of a document, which stands over whom it is for: 青政函〔2022〕33号.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[\u{4e00}-\u{9fff}]{2,12}[〔\[［（(](?:19|20)\d{2}[〕\]］）)]\s?第?\d{1,5}号$")
        .expect("a valid pattern")
});

/// A salutation stands no further than this before the first block of prose.
const OPENING_LINES: usize = 3;

/// From the first to the last block of prose, with a salutation before and a signature after.
fn trim(flat: &Flat, elem: usize, candidates: &[usize], margin: f64) -> Choice {
    let range = elem..flat.elems[elem].end;
    let inside: Vec<usize> = candidates
        .iter()
        .copied()
        .filter(|&i| range.contains(&flat.blocks[i].elem))
        .collect();
    let rules: BTreeMap<usize, &'static str> = inside
        .iter()
        .filter_map(|&i| Some((i, rule_of(&flat.blocks[i])?)))
        .collect();
    let is_prose = |i: &usize| {
        let block = &flat.blocks[*i];
        block.mass >= EDGE_MASS && block.link_share() <= 0.5 && !rules.contains_key(i)
    };
    let mut choice = Choice {
        elem,
        margin,
        ..Choice::default()
    };
    let first = inside.iter().position(is_prose);
    let last = inside.iter().rposition(is_prose);
    let (Some(first), Some(last)) = (first, last) else {
        let (removed, kept) = inside.into_iter().partition(|i| rules.contains_key(i));
        choice.kept = kept;
        let named = |i: usize| Some((rules.get(&i).copied()?, i));
        choice.removed = Vec::into_iter(removed).filter_map(named).collect();
        return choice;
    };
    let opening = opening(flat, &inside, first);
    let is_number = |at: &usize| NUMBER.is_match(&flat.blocks[inside[*at]].text);
    let opening = opening.checked_sub(1).filter(is_number).unwrap_or(opening);
    for (position, &i) in inside.iter().enumerate() {
        let block = &flat.blocks[i];
        let rule = rules.get(&i).copied();
        let verdict = if position < first {
            if position >= opening {
                rule
            } else {
                rule.or(Some("before"))
            }
        } else if position > last {
            let signs = position <= last + SIGNATURE_LINES
                && block.link_chars == 0
                && num_chars(&block.text) <= SIGNATURE_CHARS;
            if signs { rule } else { rule.or(Some("after")) }
        } else if block.known {
            rule
        } else if block.link_share() > 0.8 && block.marks == 0 && block.chars > 4 {
            Some("links")
        } else {
            rule.filter(|rule| noise::is_sure(rule, &block.text))
        };
        match verdict {
            None => choice.kept.push(i),
            Some(rule) => choice.removed.push((rule, i)),
        }
    }
    choice
}

/// The rule by which a block is no part of the text, wherever it stands.
fn rule_of(block: &Block) -> Option<&'static str> {
    let rule = noise::rule_of(&block.text);
    rule.or_else(|| block.known.then_some(memory::RULE))
}

/// Where the text begins: at a salutation just before the first block of prose, with no more than a
/// few short sentences between the two (现在开会。), or at a heading; else at that block.
fn opening(flat: &Flat, inside: &[usize], first: usize) -> usize {
    let mut opening = first;
    for position in (first.saturating_sub(OPENING_LINES)..first).rev() {
        let block = &flat.blocks[inside[position]];
        if block.chars >= 40 || block.link_chars > 0 {
            break;
        }
        if block.text.ends_with(['：', ':']) {
            return position;
        }
        let is_sentence = block.text.ends_with(['。', '！', '!', '？', '?']);
        // The rest of a sentence of the page before may stand over a heading.
        if structure::is_heading_alone(&block.text) || (is_sentence && opening < first) {
            opening = position;
        } else if !is_sentence {
            break;
        }
    }
    opening
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::flatten;
    use scraper::Html;

    const PROSE: &str = "全县各级各部门要提高认识，压实责任，确保各项工作落到实处。";

    fn kept(page: &str) -> Vec<String> {
        let flat = flatten(&Html::parse_document(page));
        let choice = choose(&flat).unwrap();
        choice
            .kept
            .iter()
            .map(|&i| flat.blocks[i].text.clone())
            .collect()
    }

    #[test]
    fn the_purest_element_with_most_prose_wins() {
        let page = format!(
            "<div><ul>{}</ul>\
             <div><p>同志们：</p><p>{PROSE}</p><p>{PROSE}</p><p>张三</p><p>来源：本站</p></div>\
             <div>友情链接 {PROSE}</div></div>",
            "<li><a href=/1>关于召开会议的通知</a>".repeat(9)
        );
        assert_eq!(kept(&page), ["同志们：", PROSE, PROSE, "张三"]);
    }

    #[test]
    fn a_noisy_name_is_believed_only_while_it_holds_little() {
        let page = format!(
            "<div class=share><p>{PROSE}</p><p>{PROSE}</p></div><div class=hot><p>点击，关注，转发。</p></div>"
        );
        assert_eq!(kept(&page), [PROSE, PROSE]);
    }

    #[test]
    fn a_document_has_its_number_and_its_signature() {
        let lines = [
            "青政函〔2022〕33号",
            "经济开发区管委会：",
            PROSE,
            PROSE,
            PROSE,
            PROSE,
            "此复。",
            "青石县人民政府",
            "2022年7月6日",
        ];
        assert_eq!(kept(&format!("<p>{}</p>", lines.join("</p><p>"))), lines);
    }

    #[test]
    fn a_page_without_prose_has_no_winner() {
        assert!(choose(&flatten(&Html::parse_document("<a href=/>首页</a>"))).is_none());
    }
}
