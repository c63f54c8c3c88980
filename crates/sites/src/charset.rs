//! Bytes to text: byte order mark, then UTF-8 by proof, then the labels of header and page, then a guess.
//!
//! Labels lie often enough that each is only a candidate: the one that decodes cleanest wins, the
//! earlier one on a tie. An encoding of single bytes makes clean nonsense of anything, and comes last. GB 2312 and GBK are read as GB 18030, which holds both.

use std::sync::LazyLock;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, Encoding, GB18030, GBK, UTF_8};
use regex::bytes::Regex;

/// Bytes at the start of a page that may declare its encoding.
const DECLARATION_BYTES: usize = 4096;

/// Bytes that the guess is made from.
const GUESS_BYTES: usize = 64 * 1024;

/// More replaced characters than one in so many: not text.
const WORST_SHARE: usize = 10;

static DECLARED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i-u)(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_:.-]+)"#)
        .expect("a valid pattern")
});

/// Text, and how clean it is.
#[derive(Debug)]
pub struct Decoded {
    /// The whole of it.
    pub text: String,
    /// Characters that the encoding has no meaning for, now U+FFFD.
    pub replaced: usize,
}

/// No encoding makes text of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecodable {
    /// Characters that had to be replaced in the best of the encodings.
    pub replaced: usize,
    /// Characters in all.
    pub chars: usize,
}

/// Reads a page's body; `content_type` is the header of this name.
pub fn decode(body: &[u8], content_type: Option<&str>) -> Result<Decoded, Undecodable> {
    if let Some((encoding, length)) = Encoding::for_bom(body) {
        return accept(decode_as(encoding, &body[length..]));
    }
    if let Ok(text) = std::str::from_utf8(body) {
        return accept(Decoded {
            text: text.to_owned(),
            replaced: 0,
        });
    }
    let header = content_type.map(str::as_bytes).and_then(declared);
    let page = declared(&body[..body.len().min(DECLARATION_BYTES)]);
    let mut best: Option<Decoded> = None;
    let mut candidates: Vec<&Encoding> = [header, page, Some(guess(body))]
        .into_iter()
        .flatten()
        .collect();
    candidates.sort_by_key(|encoding| encoding.is_single_byte());
    for encoding in candidates {
        let decoded = decode_as(encoding, body);
        let cleaner = best
            .as_ref()
            .is_none_or(|best| decoded.replaced < best.replaced);
        if cleaner {
            best = Some(decoded);
        }
        if best.as_ref().is_some_and(|best| best.replaced == 0) {
            break;
        }
    }
    accept(best.unwrap_or_else(|| decode_as(GB18030, body)))
}

fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let label = DECLARED.captures(bytes)?.get(1)?.as_bytes();
    let encoding = Encoding::for_label(label)?;
    // A page of single bytes could not have declared UTF-16 in ASCII.
    Some(match encoding.name() {
        "GBK" => GB18030,
        "UTF-16LE" | "UTF-16BE" => UTF_8,
        _ => encoding,
    })
}

fn guess(body: &[u8]) -> &'static Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(
        &body[..body.len().min(GUESS_BYTES)],
        body.len() <= GUESS_BYTES,
    );
    let encoding = detector.guess(Some(b"cn"), Utf8Detection::Allow);
    if encoding != GBK && encoding != GB18030 {
        return encoding;
    }
    // Nearly all bytes are clean in both; the frequent characters of each stand apart.
    let sample = &body[..body.len().min(GUESS_BYTES)];
    let simplified = share_of_pairs(sample, |lead, trail| {
        matches!(lead, 0xb0..=0xd7) && trail >= 0xa1
    });
    let traditional = share_of_pairs(sample, |lead, _| matches!(lead, 0xa4..=0xc6));
    if traditional > simplified + 0.2 {
        BIG5
    } else {
        GB18030
    }
}

/// The share of double-byte characters that are frequent, symbols not counted.
/// Source: GB 2312 and Big5 sort their characters into a frequent and a rare level.
fn share_of_pairs(bytes: &[u8], is_frequent: impl Fn(u8, u8) -> bool) -> f64 {
    let (mut frequent, mut all) = (0_u32, 0_u32);
    let mut rest = bytes.iter();
    while let Some(&lead) = rest.next() {
        if lead < 0x80 {
            continue;
        }
        let Some(&trail) = rest.next() else { break };
        if !matches!(lead, 0xa1..=0xa3) {
            all += 1;
            frequent += u32::from(is_frequent(lead, trail));
        }
    }
    f64::from(frequent) / f64::from(all.max(1))
}

fn decode_as(encoding: &'static Encoding, bytes: &[u8]) -> Decoded {
    let (text, _) = encoding.decode_without_bom_handling(bytes);
    let replaced = text.matches('\u{fffd}').count();
    Decoded {
        text: text.into_owned(),
        replaced,
    }
}

fn accept(decoded: Decoded) -> Result<Decoded, Undecodable> {
    let chars = decoded.text.chars().count();
    let nulls = decoded.text.matches('\0').count();
    if (decoded.replaced + nulls) * WORST_SHARE > chars {
        return Err(Undecodable {
            replaced: decoded.replaced + nulls,
            chars,
        });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENTENCE: &str = "同志们，今天我们在青石县召开全县农业工作会议，主要任务是部署春耕生产。";

    fn text(body: &[u8], content_type: Option<&str>) -> String {
        decode(body, content_type).unwrap().text
    }

    #[test]
    fn gbk_is_read_without_any_label() {
        let (bytes, ..) = GBK.encode(SENTENCE);
        assert_eq!(text(&bytes, None), SENTENCE);
    }

    #[test]
    fn the_page_corrects_a_header_that_lies() {
        let (bytes, ..) = GBK.encode(SENTENCE);
        assert_eq!(text(&bytes, Some("text/html; charset=utf-8")), SENTENCE);
        let page = format!("<meta charset=\"big5\">{}", "繁體中文的講話");
        let (bytes, ..) = BIG5.encode(&page);
        assert_eq!(text(&bytes, Some("text/html")), page);
        let utf8 = format!("<meta charset=gb2312>{SENTENCE}");
        assert_eq!(text(utf8.as_bytes(), Some("text/html; charset=gbk")), utf8);
    }

    #[test]
    fn a_label_of_single_bytes_gives_way_to_what_makes_sense() {
        let page = format!("<meta charset=gb2312>{SENTENCE}");
        let (bytes, ..) = GBK.encode(&page);
        for label in ["iso-8859-1", "windows-1252"] {
            let header = format!("text/html; charset={label}");
            assert_eq!(text(&bytes, Some(&header)), page);
        }
        let latin = b"<p>Caf\xe9 Andr\xe9, d\xe9j\xe0 vu</p>";
        let header = Some("text/html; charset=iso-8859-1");
        assert_eq!(text(latin, header), "<p>Café André, déjà vu</p>");
    }

    #[test]
    fn big5_is_told_from_gbk_without_any_label() {
        let page = "各位鄉親，今天我們在青石縣召開農業工作會議，主要任務是部署春耕生產，安排今年的重點工作。";
        let (bytes, ..) = BIG5.encode(page);
        assert_eq!(text(&bytes, None), page);
    }

    #[test]
    fn gb2312_holds_characters_of_gb18030() {
        let (bytes, ..) = GB18030.encode("<meta charset=gb2312>朱镕基、喆、㐱");
        assert!(text(&bytes, None).ends_with("朱镕基、喆、㐱"));
    }

    #[test]
    fn a_byte_order_mark_decides() {
        let utf16: Vec<u8> = std::iter::once(0xfeff_u16)
            .chain(SENTENCE.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(text(&utf16, Some("text/html; charset=gbk")), SENTENCE);
    }

    #[test]
    fn replaced_characters_are_counted_and_too_many_are_an_error() {
        let mut bytes = SENTENCE.repeat(3).into_bytes();
        bytes.push(0xff);
        let decoded = decode(&bytes, Some("text/html; charset=utf-8")).unwrap();
        assert_eq!(decoded.replaced, 1);
        let noise = [0_u8; 400];
        assert_eq!(decode(&noise, None).unwrap_err().replaced, 400);
    }
}
