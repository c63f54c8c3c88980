//! The marks of a wall around a text: from its first block to a few after its last, and how long the
//! page says that the whole is.

use sites::Profile;

use crate::blocks::Flat;
use crate::noise;
use crate::normalise::num_chars;
use crate::walls::{self, Wall};

/// Blocks after the text in which a mark belongs to it and not to another text of the page; in which a
/// weak one does; and blocks before the text that may say how long it is.
const AFTER: usize = 8;
const NEAR: usize = 4;
const BEFORE: usize = 4;

/// Percent of the characters a page states that its text has at least, if it is all of them: some count
/// the title and white space too.
const ALL_OF_IT: u64 = 80;

/// What was found.
#[derive(Default)]
pub(super) struct Marks {
    pub(super) evidence: Vec<String>,
    /// With whether it stands in what is named, or hidden, as no part of the text.
    pub(super) walls: Vec<(Wall, bool)>,
    pub(super) shown: Option<u64>,
    pub(super) total: Option<u64>,
}

impl Marks {
    fn add_amounts(&mut self, line: &str) {
        let (total, shown) = walls::amounts(line);
        self.total = self.total.or(total);
        self.shown = self.shown.or(shown);
    }

    /// A page that says that the whole is longer than what it shows has a wall, whatever it is called.
    fn compare(&mut self, shown: usize) {
        let shown = u64::try_from(shown).unwrap_or(u64::MAX);
        let shown = self.shown.unwrap_or(shown).saturating_mul(100);
        let is_less = |total: u64| shown < total.saturating_mul(ALL_OF_IT);
        if self.total.is_some_and(is_less) {
            self.walls.push((Wall::Teaser, false));
            self.evidence.insert(0, "marker:全文共".to_owned());
        }
    }
}

/// The marks from the text's first block to a few blocks after its last; `chars`: how long the text is.
pub(super) fn marks(
    flat: &Flat,
    span: (usize, usize),
    profile: Option<&Profile>,
    chars: usize,
) -> Marks {
    let mut marks = Marks::default();
    let end = (span.1 + 1 + AFTER).min(flat.blocks.len());
    let start = span.0.min(end);
    for block in &flat.blocks[start.saturating_sub(BEFORE)..start] {
        marks.add_amounts(&block.text);
    }
    for (index, block) in flat.blocks.iter().enumerate().take(end).skip(start) {
        let line = block.text.as_str();
        let is_after = index > span.1;
        if is_after && matches!(noise::rule_of(line), Some("related" | "comments")) {
            // What follows belongs to other texts.
            break;
        }
        marks.add_amounts(line);
        let named = walls::mark_of(line).filter(|(_, wall)| match wall {
            Wall::Login | Wall::Teaser | Wall::Elsewhere => true,
            Wall::Account | Wall::Download => is_after && index <= span.1 + NEAR,
            // A list of other texts has one such button for each.
            Wall::Button => is_after && !repeats(flat, index, end),
            Wall::Amount | Wall::Nothing => false,
        });
        if let Some((_, wall)) = named {
            marks.walls.push((wall, is_aside(flat, block.elem)));
        }
        let of_site = || {
            let site = profile?
                .wall_marks
                .iter()
                .find(|m| line.contains(m.as_str()))?;
            (num_chars(line) <= 60).then_some(site.as_str())
        };
        let own = named.is_none().then(of_site).flatten();
        if own.is_some() {
            // What an operator calls a wall is one.
            marks.walls.push((Wall::Login, false));
        }
        if let Some(name) = named.map(|(name, _)| name).or(own) {
            let sign = format!("marker:{name}");
            if !marks.evidence.contains(&sign) {
                marks.evidence.push(sign);
            }
        }
    }
    let blocks = flat.blocks.iter().take(span.1 + 1).skip(start);
    let shown: usize = blocks.map(|block| num_chars(&block.text)).sum();
    // One speech of several is less than the page shows.
    marks.compare(shown.max(chars));
    marks
}

/// Whether an element, or one that it stands in, is noise by its name or hidden.
fn is_aside(flat: &Flat, mut elem: usize) -> bool {
    while elem > 0 {
        if flat.elems[elem].noisy {
            return true;
        }
        elem = flat.elems[elem].parent;
    }
    false
}

/// Whether another line up to `end` is the same as that at `index`.
fn repeats(flat: &Flat, index: usize, end: usize) -> bool {
    let line = &flat.blocks[index].text;
    let mut others = flat.blocks[..end].iter().enumerate();
    others.any(|(other, block)| other != index && block.text == *line)
}
