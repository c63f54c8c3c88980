//! A fetched response as the extraction sees it: its bodies decompressed, its parts behind it.

use messages::{BodyError, PRODUCT_TOKEN, Response};

use crate::{MAX_BYTES, PageView, PartView};

/// Shows a response to what reads pages; no more bytes of it than are read of a page.
pub(super) fn with<T>(
    response: &Response,
    look: impl FnOnce(&PageView<'_>) -> T,
) -> Result<T, BodyError> {
    // One byte more than is read, so that a body of exactly the limit and a larger one differ.
    let body = response.body.decompress(MAX_BYTES + 1)?;
    let bodies = response
        .parts
        .iter()
        .map(|it| it.body.decompress(MAX_BYTES));
    let bodies: Vec<Vec<u8>> = bodies.collect::<Result<_, _>>()?;
    let parts: Vec<PartView<'_>> = std::iter::zip(&response.parts, &bodies)
        .map(|(part, body)| PartView {
            url: &part.url,
            content_type: part.content_type.as_deref(),
            body,
        })
        .collect();
    Ok(look(&PageView {
        url: &response.url,
        final_url: &response.final_url,
        content_type: response.content_type.as_deref(),
        robots_tags: &response.robots_tags,
        agent: response.agent.as_deref().unwrap_or(PRODUCT_TOKEN),
        body: &body,
        parts: &parts,
        lost_part: response.lost_part.as_deref(),
    }))
}
