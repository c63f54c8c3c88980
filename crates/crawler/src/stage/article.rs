//! The rest of an article that goes on over several pages: fetched part by part, each in its host's
//! turn, and joined into one page.
//!
//! In: the first page. Out: the others, and what kept one away. A host that is busy or silent sends
//! the whole article away; it begins at its first page again. Publishes nothing.

use messages::{CanonicalUrl, CrawlRequest};
use sites::{Part, Parts};
use time::OffsetDateTime;
use worker::{Failure, Verdict};

use super::{Arrival, Crawler, HOP_PATIENCE};
use crate::CrawlError;
use crate::fetch::{Download, Ending};

/// Pages of one article, the first included.
const MAX_PAGES: usize = 30;

/// What follows the first page.
#[derive(Debug, Default)]
pub(super) struct Rest {
    /// Where each stands, and what it is.
    pub(super) parts: Vec<(CanonicalUrl, Download)>,
    /// The code of what kept the next one away.
    pub(super) lost_part: Option<String>,
}

/// Where the way through an article led.
pub(super) enum Reading {
    To(Rest),
    /// Not to its end: the host is busy until then.
    Later(OffsetDateTime),
}

impl Crawler {
    /// Fetches what follows a page; nothing follows most pages.
    pub(super) async fn rest(
        &self,
        request: &CrawlRequest,
        first: &CanonicalUrl,
        download: &mut Download,
    ) -> Result<Reading, CrawlError> {
        let mut rest = Rest::default();
        let Some(article) = Parts::of(first, self.sites.clone()) else {
            return Ok(Reading::To(rest));
        };
        let mut num_bytes = download.body.len();
        let (mut article, mut part) = read(article, first, download).await;
        while let Part::Before(next) = part {
            let (url, mut download) = match self.follow(&next, None, HOP_PATIENCE).await {
                Ok(Arrival::At(url, Ending::Page(download))) => (url, *download),
                Ok(Arrival::Later(at) | Arrival::Unreachable(at)) => return Ok(Reading::Later(at)),
                Ok(arrival) => {
                    rest.lost_part = lost_to(&arrival);
                    break;
                }
                Err(CrawlError::Fetch(error)) if !self.has_more_attempts(request, &error) => {
                    rest.lost_part = Some(error.code().into_owned());
                    break;
                }
                Err(error) => return Err(error),
            };
            num_bytes += download.body.len();
            if num_bytes > self.max_body_bytes {
                rest.lost_part = Some("body_too_large".to_owned());
                break;
            }
            (article, part) = read(article, &url, &mut download).await;
            if part == Part::Foreign {
                break;
            }
            rest.parts.push((url, download));
            if matches!(part, Part::Before(_)) && rest.parts.len() + 1 == MAX_PAGES {
                rest.lost_part = Some("too_many_parts".to_owned());
                break;
            }
        }
        Ok(Reading::To(rest))
    }

    /// Whether what failed is worth the whole article's next attempt.
    fn has_more_attempts(&self, request: &CrawlRequest, error: &crate::FetchError) -> bool {
        matches!(error.verdict(), Verdict::Retry { .. })
            && request.attempt.saturating_add(1) < self.retry.max_attempts
    }
}

/// Reads a page where reading may take its time.
async fn read(mut article: Parts, url: &CanonicalUrl, download: &mut Download) -> (Parts, Part) {
    let (url, body) = (url.clone(), std::mem::take(&mut download.body));
    let content_type = download.content_type.clone();
    let (article, part, body) = worker::blocking(move || {
        let part = article.read(&url, content_type.as_deref(), &body);
        (article, part, body)
    })
    .await;
    download.body = body;
    (article, part)
}

fn lost_to(arrival: &Arrival) -> Option<String> {
    match arrival {
        Arrival::At(_, Ending::Gone(status, _)) => Some(format!("http_{status}")),
        Arrival::Denied => Some("robots_denied".to_owned()),
        _ => None,
    }
}
