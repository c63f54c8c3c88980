//! The page of a URL that was published before, if it is enough that the site confirms it.
//!
//! In: a request. Out: the validators to send, and whether what comes is what stands. A page that is
//! wanted whole, or stands nowhere any more, counts as none. Writes nothing.

use futures_util::try_join;
use messages::{
    AdmissionRecord, Body, CanonicalUrl, CrawlRecord, CrawlRequest, ExtractRecord, Page, PagePart,
    Response, UrlId, Why,
};
use time::OffsetDateTime;
use worker::topology::{Bucket, PAGES};
use worker::{Broker, BrokerError, Record};

/// What a page was when it was published, and what the site said of it last.
#[derive(Debug)]
pub(crate) struct Standing {
    record: CrawlRecord,
    page: Response,
}

/// What makes a request conditional (RFC 9110, section 13.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Validators<'a> {
    /// For `If-None-Match`.
    pub(crate) etag: Option<&'a str>,
    /// For `If-Modified-Since`.
    pub(crate) last_modified: Option<&'a str>,
}

impl Standing {
    /// The page that stands. What can't be read counts as none: the fetch brings it whole.
    pub(crate) async fn of(broker: &Broker, request: &CrawlRequest) -> Option<Self> {
        if request.refetch {
            return None;
        }
        match Self::read(broker, request).await {
            Ok(standing) => standing,
            Err(error) => {
                let id = request.url_id();
                tracing::debug!(%id, "{id} is fetched whole: {}", worker::chain(&error));
                None
            }
        }
    }

    async fn read(broker: &Broker, request: &CrawlRequest) -> Result<Option<Self>, BrokerError> {
        let id = request.url_id();
        let record = broker.record(Bucket::Urls, &CrawlRecord::key(&id)).await?;
        let Some(record) = value::<CrawlRecord>(record) else {
            return Ok(None);
        };
        if record.content_hash.is_none() || must_lead_again(broker, &id).await? {
            return Ok(None);
        }
        let page = broker
            .latest::<Page>(PAGES, &Page::subject_of(&id))
            .await?
            .map(|latest| latest.message);
        Ok(match page {
            // Links of a page that is nearer by now reach farther: it has to be extracted again.
            // And a part that was lost comes only with the whole.
            Some(Page::Response(page))
                if page.depth <= request.depth && page.lost_part.is_none() =>
            {
                Some(Self::new(record, page))
            }
            _ => None,
        })
    }

    fn new(record: CrawlRecord, page: Response) -> Self {
        // The body is long, and its hash says enough.
        let body = || Body::compress(&[]);
        let bodiless = |part| PagePart {
            body: body(),
            ..part
        };
        let page = Response {
            body: body(),
            parts: page.parts.into_iter().map(bodiless).collect(),
            ..page
        };
        Self { record, page }
    }

    /// What to send to this address: nothing, unless it is the one that gave the page and the
    /// record is of this very page.
    pub(crate) fn validators_for(&self, url: &CanonicalUrl) -> Option<Validators<'_>> {
        let (record, page) = (&self.record, &self.page);
        if *url != page.final_url || record.content_hash.as_ref() != Some(&page.content_hash) {
            return None;
        }
        let validators = Validators {
            etag: record.etag.as_deref(),
            last_modified: record.last_modified.as_deref(),
        };
        (validators.etag.is_some() || validators.last_modified.is_some()).then_some(validators)
    }

    /// Whether a page would be extracted just like the one that stands.
    pub(crate) fn is(&self, page: &Page) -> bool {
        let standing = &self.page;
        match page {
            Page::Response(page) => {
                page.content_hash == standing.content_hash
                    && page.final_url == standing.final_url
                    && page.content_type == standing.content_type
                    && page.robots_tags == standing.robots_tags
                    && page.agent == standing.agent
                    && page.lost_part == standing.lost_part
                    && page.parts.len() == standing.parts.len()
                    && std::iter::zip(&page.parts, &standing.parts).all(is_same_part)
            }
            Page::Gone(_) => false,
        }
    }

    /// Whether the page has these headers `X-Robots-Tag` still.
    pub(crate) fn has_tags(&self, robots_tags: &[String]) -> bool {
        self.page.robots_tags == robots_tags
    }

    /// The record once the site, asked at that time, has confirmed the page.
    pub(crate) fn confirmed(self, asked_at: OffsetDateTime) -> CrawlRecord {
        unchanged(CrawlRecord {
            status: 304,
            fetched_at: asked_at,
            misses: 0,
            refusals: 0,
            ..self.record
        })
    }
}

fn is_same_part((one, other): (&PagePart, &PagePart)) -> bool {
    one.url == other.url
        && one.content_hash == other.content_hash
        && one.content_type == other.content_type
}

/// The record of a fetch that brought nothing new.
pub(crate) fn unchanged(record: CrawlRecord) -> CrawlRecord {
    CrawlRecord {
        code: Some("unchanged".to_owned()),
        ..record
    }
}

/// The request as it was asked for: a schedule that fires replaces the one that is queued, and
/// only admission still knows then that it was to be a refetch.
pub(crate) async fn restored(broker: &Broker, request: &CrawlRequest) -> CrawlRequest {
    let mut restored = request.clone();
    if request.why == Why::Recrawl && !request.refetch {
        // What can't be read asks for nothing.
        restored.refetch = is_refetch(broker, &request.url_id()).await.unwrap_or(false);
    }
    restored
}

async fn is_refetch(broker: &Broker, id: &UrlId) -> Result<bool, BrokerError> {
    let (admission, crawl) = try_join!(
        async {
            let key = AdmissionRecord::key(id);
            broker.record::<AdmissionRecord>(Bucket::Urls, &key).await
        },
        async {
            let key = CrawlRecord::key(id);
            broker.record::<CrawlRecord>(Bucket::Urls, &key).await
        }
    )?;
    let asked_at = value(admission).and_then(|admission| admission.refetch_at);
    Ok(asked_at > value(crawl).map(|crawl| crawl.fetched_at))
}

/// Pages that lead on to what may have changed though they have not: links that the frontier had no
/// room for come back only with their page, and lists of sitemaps lead to the same sitemaps for years.
async fn must_lead_again(broker: &Broker, id: &UrlId) -> Result<bool, BrokerError> {
    let key = ExtractRecord::key(id);
    let record = broker.record::<ExtractRecord>(Bucket::Urls, &key).await?;
    Ok(value(record).is_some_and(|extract| {
        let is_index = matches!(
            extract.code.as_deref(),
            Some("robots_txt" | "sitemap_index")
        );
        extract.num_refused_links > 0 || is_index
    }))
}

fn value<T>(record: Option<Record<T>>) -> Option<T> {
    record.map(|record| record.value)
}

#[cfg(test)]
mod tests {
    use messages::{ContentHash, timestamp};

    use super::*;

    fn url(text: &str) -> CanonicalUrl {
        text.parse().unwrap()
    }

    fn page(final_url: &str, content_type: &str, bytes: &[u8]) -> Response {
        Response {
            url: url("https://a.cn/1"),
            final_url: url(final_url),
            status: 200,
            content_type: Some(content_type.to_owned()),
            robots_tags: Vec::new(),
            agent: None,
            fetched_at: timestamp::now(),
            depth: 0,
            content_hash: ContentHash::of(bytes),
            body: Body::compress(bytes),
            parts: Vec::new(),
            lost_part: None,
        }
    }

    fn record(bytes: &[u8]) -> CrawlRecord {
        CrawlRecord {
            status: 200,
            fetched_at: timestamp::now(),
            code: None,
            content_hash: Some(ContentHash::of(bytes)),
            etag: Some("\"v1\"".to_owned()),
            last_modified: None,
            misses: 1,
            refusals: 1,
        }
    }

    #[test]
    fn validators_go_only_to_the_address_that_gave_the_very_page() {
        let standing = Standing::new(record(b"a"), page("https://a.cn/2", "text/html", b"a"));
        let validators = standing.validators_for(&url("https://a.cn/2")).unwrap();
        assert_eq!(validators.etag, Some("\"v1\""));
        assert_eq!(standing.validators_for(&url("https://a.cn/1")), None);
        let other = Standing::new(record(b"b"), page("https://a.cn/2", "text/html", b"a"));
        assert_eq!(other.validators_for(&url("https://a.cn/2")), None);
    }

    #[test]
    fn the_same_bytes_elsewhere_or_in_another_charset_are_another_page() {
        let standing = Standing::new(record(b"a"), page("https://a.cn/2", "text/html", b"a"));
        for (final_url, content_type, bytes, is_same) in [
            ("https://a.cn/2", "text/html", b"a", true),
            ("https://a.cn/3", "text/html", b"a", false),
            ("https://a.cn/2", "text/html; charset=gbk", b"a", false),
            ("https://a.cn/2", "text/html", b"b", false),
        ] {
            let other = Page::Response(page(final_url, content_type, bytes));
            assert_eq!(standing.is(&other), is_same, "{final_url} {content_type}");
        }
        let confirmed = standing.confirmed(timestamp::now());
        assert_eq!((confirmed.status, confirmed.misses), (304, 0));
        assert_eq!(confirmed.etag.as_deref(), Some("\"v1\""));
    }
}
