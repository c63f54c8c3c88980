//! Sitemaps, their indexes and feeds as XML: text goes in, the URLs that it names come out.
//!
//! Namespaces are not looked up: sites misspell them, prefixes and all. Reads events and builds no
//! tree; an error ends the document there.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::MAX_URLS;
use crate::Skip;

/// Elements in one another, at most; what is nested deeper is none of these documents.
const MAX_DEPTH: usize = 64;

/// Which document it is, by its first element.
pub(super) fn kind(text: &str) -> Option<Skip> {
    let mut reader = reader(text);
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) => {
                return match element.local_name().as_ref() {
                    "urlset" => Some(Skip::Sitemap),
                    "sitemapindex" => Some(Skip::SitemapIndex),
                    // RSS 0.9x and 2.0; Atom; RSS 0.90 and 1.0.
                    "rss" | "feed" | "RDF" => Some(Skip::Feed),
                    _ => None,
                };
            }
            Event::Text(text) if !text.trim().is_empty() => return None,
            Event::Text(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::Comment(_)
            | Event::DocType(_) => {}
            _ => return None,
        }
    }
}

/// The URLs that a sitemap, an index or a feed names, as they stand there.
pub(super) fn urls(text: &str) -> Vec<String> {
    let mut reader = reader(text);
    let mut reading = Reading::default();
    while reading.urls.len() < MAX_URLS && reading.open.len() < MAX_DEPTH {
        match reader.read_event() {
            Ok(Event::Start(element)) => reading.starts(&element),
            Ok(Event::End(_)) => reading.ends(),
            Ok(Event::Text(text)) => reading.text.push_str(&text),
            Ok(Event::CData(text)) => reading.text.push_str(&text),
            Ok(Event::GeneralRef(name)) => {
                let name: &str = &name;
                let reference = format!("&{name};");
                let resolved = quick_xml::escape::unescape(&reference);
                reading
                    .text
                    .push_str(resolved.as_deref().unwrap_or(&reference));
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    reading.urls
}

fn reader(text: &str) -> Reader<&[u8]> {
    let mut reader = Reader::from_str(text.trim_start());
    let config = reader.config_mut();
    config.allow_dangling_amp = true;
    config.allow_unmatched_ends = true;
    config.check_end_names = false;
    config.expand_empty_elements = true;
    reader
}

/// An element that names a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    /// `url` and `sitemap` of sitemaps.
    Entry,
    /// `item` of RSS, `entry` of Atom.
    Item,
    Loc,
    Link,
    /// A `guid` that is a URL.
    Guid,
    Other,
}

/// What was read so far.
#[derive(Debug, Default)]
struct Reading {
    open: Vec<Element>,
    /// Of the innermost element, so far.
    text: String,
    item: Item,
    urls: Vec<String>,
}

/// What names the page of the open item, the best first.
#[derive(Debug, Default)]
struct Item {
    link: Option<String>,
    guid: Option<String>,
    about: Option<String>,
}

impl Reading {
    fn starts(&mut self, element: &BytesStart<'_>) {
        self.text.clear();
        let attribute = |name| attribute(element, name);
        let parent = self.open.last().copied().unwrap_or(Element::Other);
        let this = match (parent, element.local_name().as_ref()) {
            (Element::Entry, "loc") => Element::Loc,
            (Element::Item, "link") => {
                let is_page = attribute("rel").is_none_or(|rel| rel == "alternate");
                if is_page {
                    self.item.link = self.item.link.take().or(attribute("href"));
                }
                Element::Link
            }
            (Element::Item, "guid") if attribute("isPermaLink").as_deref() != Some("false") => {
                Element::Guid
            }
            // Other vocabularies have elements of these names inside.
            (Element::Other, "url" | "sitemap") => Element::Entry,
            (Element::Other, "item" | "entry") => {
                self.item = Item {
                    about: attribute("about"),
                    ..Item::default()
                };
                Element::Item
            }
            _ => Element::Other,
        };
        self.open.push(this);
    }

    fn ends(&mut self) {
        let text = std::mem::take(&mut self.text);
        let text = Some(text.trim())
            .filter(|text| !text.is_empty())
            .map(ToOwned::to_owned);
        match self.open.pop() {
            Some(Element::Loc) => self.urls.extend(text),
            Some(Element::Link) => self.item.link = self.item.link.take().or(text),
            Some(Element::Guid) => self.item.guid = text,
            Some(Element::Item) => {
                let Item { link, guid, about } = std::mem::take(&mut self.item);
                self.urls.extend(link.or(guid).or(about));
            }
            Some(Element::Entry | Element::Other) | None => {}
        }
    }
}

/// The value of an attribute, whatever its prefix.
fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes
        .with_checks(false)
        .flatten()
        .find(|attribute| attribute.key.local_name().as_ref() == name)?;
    let value = found.normalized_value(XmlVersion::Implicit1_0);
    Some(value.unwrap_or(found.value).into_owned())
}
