//! What is computed of the texts of speeches before they are published, so that the indexer need not.

use messages::{Derived, Speech};

/// Bytes of a speech with which this travels: a message holds 8 MiB, and to a longer one it could add as
/// much again. The indexer makes it of those.
const MAX_BYTES: usize = 1024 * 1024;

/// Speeches, each with what is derived of it.
pub(super) async fn derive(speeches: Vec<Speech>) -> Vec<(Speech, Option<Derived>)> {
    if speeches.is_empty() {
        return Vec::new();
    }
    worker::blocking(move || speeches.into_iter().map(with_derived).collect()).await
}

fn with_derived(speech: Speech) -> (Speech, Option<Derived>) {
    let removed = speech.removed.iter().map(|it| it.text.len());
    let is_short = speech.text.len() + removed.sum::<usize>() <= MAX_BYTES;
    let derived = is_short.then(|| words::derive(&speech));
    (speech, derived)
}

#[cfg(test)]
mod tests {
    use messages::{Message, SpeechChange};

    use super::*;

    #[test]
    fn a_speech_travels_with_what_is_derived_of_it_unless_it_is_very_long() {
        let golden = include_bytes!("../../../messages/golden/speech_change_upsert.json");
        let Ok(SpeechChange::Upsert(upsert)) = SpeechChange::decode("", golden) else {
            panic!("the golden speech is an upsert");
        };
        let (speech, derived) = with_derived(upsert.speech);
        assert_eq!(derived, Some(words::derive(&speech)));
        let long = Speech {
            text: "字".repeat(MAX_BYTES / 3 + 1),
            ..speech
        };
        assert_eq!(with_derived(long).1, None);
    }
}
