//! The message that a download becomes, and the record of it.

use messages::{Body, CanonicalUrl, ContentHash, CrawlRecord, CrawlRequest, Page, Response};
use worker::topology::MAX_MESSAGE_BYTES;

use crate::FetchError;
use crate::fetch::Download;

/// All of a page's message but its body: two URLs, some headers, and their quoting.
const MAX_ENVELOPE_BYTES: usize = 32 * 1024;

/// `agent`: the name by which the site knows us, where it is not the usual one.
pub(super) async fn page(
    request: &CrawlRequest,
    final_url: CanonicalUrl,
    download: Download,
    agent: Option<Box<str>>,
) -> Result<(Page, CrawlRecord), FetchError> {
    let bytes = download.body;
    let (body, content_hash) =
        worker::blocking(move || (Body::compress(&bytes), ContentHash::of(&bytes))).await;
    // Base64 makes four bytes of three.
    let num_bytes = body.num_compressed_bytes().div_ceil(3) * 4 + MAX_ENVELOPE_BYTES;
    if num_bytes > MAX_MESSAGE_BYTES {
        return Err(FetchError::BodyTooLarge {
            max_bytes: MAX_MESSAGE_BYTES,
        });
    }
    let record = CrawlRecord {
        status: download.status,
        fetched_at: download.began_at,
        code: None,
        content_hash: Some(content_hash.clone()),
        etag: download.etag,
        last_modified: download.last_modified,
        misses: 0,
    };
    let page = Page::Response(Response {
        url: request.url.clone(),
        final_url,
        status: download.status,
        content_type: download.content_type,
        robots_tags: download.robots_tags,
        agent,
        fetched_at: download.began_at,
        depth: request.depth,
        content_hash,
        body,
    });
    Ok((page, record))
}
