//! The message that a download becomes, with the other parts of its article, and the record of it.

use messages::{
    Body, CanonicalUrl, ContentHash, CrawlRecord, CrawlRequest, Page, PagePart, Response,
};
use worker::topology::MAX_MESSAGE_BYTES;

use super::article::Rest;
use crate::FetchError;
use crate::fetch::Download;

/// All of a page's message but its body: two URLs, some headers, and their quoting. As much again
/// for each part.
const MAX_ENVELOPE_BYTES: usize = 32 * 1024;

/// `agent`: the name by which the site knows us, where it is not the usual one.
pub(super) async fn page(
    request: &CrawlRequest,
    final_url: CanonicalUrl,
    download: Download,
    rest: Rest,
    agent: Option<Box<str>>,
) -> Result<(Page, CrawlRecord), FetchError> {
    let (bytes, further) = (download.body, rest.parts);
    let (body, content_hash, parts) = worker::blocking(move || {
        let parts: Vec<PagePart> = further.into_iter().map(part).collect();
        (Body::compress(&bytes), ContentHash::of(&bytes), parts)
    })
    .await;
    let bodies = std::iter::once(&body).chain(parts.iter().map(|part| &part.body));
    if bodies.map(num_message_bytes).sum::<usize>() > MAX_MESSAGE_BYTES {
        return Err(FetchError::BodyTooLarge {
            max_bytes: MAX_MESSAGE_BYTES,
        });
    }
    let record = CrawlRecord {
        status: download.status,
        fetched_at: download.asked_at,
        code: None,
        content_hash: Some(content_hash.clone()),
        etag: download.etag,
        last_modified: download.last_modified,
        misses: 0,
        refusals: 0,
    };
    let page = Page::Response(Response {
        url: request.url.clone(),
        final_url,
        status: download.status,
        content_type: download.content_type,
        robots_tags: download.robots_tags,
        agent,
        fetched_at: download.asked_at,
        depth: request.depth,
        content_hash,
        body,
        parts,
        lost_part: rest.lost_part,
    });
    Ok((page, record))
}

fn part((url, download): (CanonicalUrl, Download)) -> PagePart {
    PagePart {
        url,
        content_type: download.content_type,
        content_hash: ContentHash::of(&download.body),
        body: Body::compress(&download.body),
    }
}

/// Base64 makes four bytes of three.
fn num_message_bytes(body: &Body) -> usize {
    body.num_compressed_bytes().div_ceil(3) * 4 + MAX_ENVELOPE_BYTES
}
