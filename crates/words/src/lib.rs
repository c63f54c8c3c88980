//! What a text says to search: Chinese words, readings and scripts, and the sketch that tells copies.
//!
//! In: a speech. Out: what is [derived](derive()) of its text, which travels with it, and for queries the
//! same rules. The lists (synonyms, words of the field, stop words) are data in `lists/`. Pure: no clock,
//! no network, no files. Why it travels: `design.md`.

mod cut;
mod derive;
mod dictionary;
mod lists;
mod pinyin;
mod script;
mod sketch;
mod word;

pub use cut::cut;
pub use derive::{REVISION, derive, derived, renew, sketch};
pub use dictionary::{dictionary, is_han, is_letter};
pub use lists::{Lists, lists};
pub use pinyin::{of_word as pinyin_of_word, syllables};
pub use script::simplified;
pub use sketch::{LEVELS, MAX_KEYS, Sizes, Sketch};
