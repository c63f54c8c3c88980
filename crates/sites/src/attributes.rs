//! Tags without end: the tokenizer compares every attribute of a tag with all before it, so a tag of a
//! million would take minutes.
//!
//! In: the text of a page. Out: the same, unless a tag has far more attributes than any real one; then
//! that tag ends there. In linear time, and right whatever state the tokenizer is in: whether a `<`
//! begins a tag (in a script it does not) is not asked, each may.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Attributes of a tag, at most. What looks like more of them within a script gets a `>` and is no worse.
const MAX_ATTRIBUTES: usize = 256;

/// Where in a tag we may be. Source: the HTML standard, 13.2.5.8 and those after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    TagName,
    Between,
    Name,
    AfterName,
    BeforeValue,
    Unquoted,
    Quoted(u8),
}

/// A place, and how many attributes the tag has had.
type Tag = (Place, usize);

/// The page with at most so many attributes in each tag.
pub fn bound_attributes(page: &str) -> Cow<'_, str> {
    let cuts = cuts(page.as_bytes());
    if cuts.is_empty() {
        return Cow::Borrowed(page);
    }
    let mut bounded = String::with_capacity(page.len() + cuts.len());
    let mut from = 0;
    for cut in cuts {
        bounded.push_str(&page[from..cut]);
        bounded.push('>');
        from = cut;
    }
    bounded.push_str(&page[from..]);
    Cow::Owned(bounded)
}

/// Where a tag must end: before the first byte of the attribute that is too much.
fn cuts(page: &[u8]) -> Vec<usize> {
    let mut cuts = Vec::new();
    // One for each way to read what stands before: seldom more than one, and never two of a place.
    let mut tags: Vec<Tag> = Vec::new();
    let mut at = 0;
    while let Some(skipped) = next(&tags, &page[at..]) {
        at += skipped;
        let byte = page[at];
        tags.retain(|tag| byte != b'>' || matches!(tag.0, Place::Quoted(_)));
        if tags.iter().any(|&tag| step(tag, byte).1 > MAX_ATTRIBUTES) {
            cuts.push(at);
            tags.retain(|tag| matches!(tag.0, Place::Quoted(_)));
        }
        for tag in &mut tags {
            *tag = step(*tag, byte);
        }
        if tags.len() > 1 {
            keep_the_fullest(&mut tags);
        }
        if byte == b'<' && begins_tag(&page[at + 1..]) {
            join(&mut tags, (Place::TagName, 0));
        }
        at += 1;
    }
    cuts
}

/// How far it is to the next byte that matters.
fn next(tags: &[Tag], rest: &[u8]) -> Option<usize> {
    match tags {
        [] => memchr(b'<', rest),
        [(Place::Quoted(quote), _)] => memchr2(*quote, b'<', rest),
        _ => (!rest.is_empty()).then_some(0),
    }
}

fn begins_tag(rest: &[u8]) -> bool {
    let name = rest.strip_prefix(b"/").unwrap_or(rest);
    name.first().is_some_and(u8::is_ascii_alphabetic)
}

/// Of two that are in the same place, only the one with more attributes matters.
fn keep_the_fullest(tags: &mut Vec<Tag>) {
    for tag in std::mem::take(tags) {
        join(tags, tag);
    }
}

fn join(tags: &mut Vec<Tag>, (place, num): Tag) {
    match tags.iter_mut().find(|(other, _)| *other == place) {
        Some((_, most)) => *most = num.max(*most),
        None => tags.push((place, num)),
    }
}

/// What a byte does, other than the `>` that ends a tag.
fn step((place, num): Tag, byte: u8) -> Tag {
    let is_space = matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c');
    let next = match (place, byte) {
        (Place::Quoted(quote), _) if byte != quote => place,
        (Place::Unquoted, _) if !is_space => place,
        (Place::BeforeValue, b'"' | b'\'') => Place::Quoted(byte),
        (Place::BeforeValue, _) if !is_space => Place::Unquoted,
        (Place::BeforeValue, _) => place,
        (Place::Name | Place::AfterName, b'=') => Place::BeforeValue,
        (Place::Name | Place::AfterName, _) if is_space => Place::AfterName,
        (Place::Quoted(_), _) | (_, b'/') => Place::Between,
        (_, _) if is_space => Place::Between,
        (Place::TagName | Place::Name, _) => place,
        _ => return (Place::Name, num + 1),
    };
    (next, num)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use html5ever::tokenizer::states::RawKind;
    use html5ever::tokenizer::{
        BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
    };

    use super::*;

    fn attributes(count: usize, end: &str) -> String {
        let each: Vec<String> = (0..count).map(|n| format!(" a{n}{end}")).collect();
        each.concat()
    }

    #[test]
    fn a_page_without_such_tags_is_as_it_was() {
        let words = attributes(5_000, "");
        for page in [
            "<p class=a id='b' title=\"<i>\">text</p >",
            &format!("<p{}>", attributes(MAX_ATTRIBUTES, "='>'")),
            &format!("<p>{words}</p>{words}"),
            &format!("<p title='{words}' b>{words}"),
            &format!("<!-- <p> {words} -->"),
            &format!("a < b{words}"),
            "<p a='",
            "<",
            "",
        ] {
            assert!(
                matches!(bound_attributes(page), Cow::Borrowed(_)),
                "{page:.40}"
            );
        }
    }

    /// The most attributes that the tokenizer finds in a tag.
    #[derive(Default)]
    struct Most(Cell<usize>);

    impl TokenSink for Most {
        type Handle = ();

        fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
            let Token::TagToken(tag) = token else {
                return TokenSinkResult::Continue;
            };
            self.0.set(self.0.get().max(tag.attrs.len()));
            match (&*tag.name, tag.kind) {
                ("script", TagKind::StartTag) => TokenSinkResult::RawData(RawKind::ScriptData),
                ("style", TagKind::StartTag) => TokenSinkResult::RawData(RawKind::Rawtext),
                _ => TokenSinkResult::Continue,
            }
        }
    }

    fn most_attributes(page: &str) -> usize {
        let tokenizer = Tokenizer::new(Most::default(), TokenizerOpts::default());
        let input = BufferQueue::default();
        input.push_back(page.into());
        while !input.is_empty() {
            let _ = tokenizer.feed(&input);
        }
        tokenizer.end();
        tokenizer.sink.0.get()
    }

    #[test]
    fn a_tag_ends_after_so_many_attributes_however_they_are_written_and_hidden() {
        for before in [
            "",
            "</p",
            "<script>if (a <b || c == 'd",
            "<script>x<b a='</script>",
            "<script>x<b a='</script><i a=\"'>\"",
            "<a href='<b title=\"'",
            "<!-- <p a='-->",
            "<style>a<b c=\"</style>",
            "<svg><style><b a='",
        ] {
            for end in ["", "='>'", "=\">\"", "=x/", " = '<p >'", "/", "\n"] {
                let page = format!("{before}<p{}>文", attributes(2_000, end));
                let bounded = bound_attributes(&page);
                let most = most_attributes(&bounded);
                assert!(most <= MAX_ATTRIBUTES, "{most}: {before} {end}");
                let marks = |text: &str| text.replace(" >a", " a").replace("/>a", "/a");
                assert_eq!(marks(&bounded), marks(&page));
            }
        }
    }
}
