//! Pages that are fetched again: what is asked of the site, and what of the answer is published.

use std::time::Duration;

use messages::{
    AdmissionRecord, AdmissionState, ContentHash, CrawlRecord, CrawlRequest, ExtractRecord,
    Message, Page, UrlId, Version, Why, timestamp,
};
use testkit::{FakeSite, Reply, eventually};
use worker::Outcome;
use worker::topology::{Bucket, PAGES};

use crate::it::lab::Lab;

const MODIFIED: &str = "Fri, 02 Jan 2026 03:04:05 GMT";

fn id(lab: &Lab, path: &str) -> UrlId {
    UrlId::of(&lab.url(path))
}

/// The sequence of what stands in PAGES.
async fn standing(lab: &Lab, path: &str) -> u64 {
    let subject = Page::subject_of(&id(lab, path));
    let sequence = lab.broker.latest_sequence(PAGES, &subject).await.unwrap();
    sequence.expect("a page")
}

async fn crawl(lab: &Lab, request: CrawlRequest) -> Outcome {
    lab.request(&request.subject(), &request).await;
    lab.fetch().await
}

/// What the n-th request for a path said of the page that was known.
fn conditions(site: &FakeSite, path: &str, n: usize) -> [Option<String>; 2] {
    let request = &site.requests_to(path)[n];
    ["If-None-Match", "If-Modified-Since"].map(|name| request.header(name).map(ToOwned::to_owned))
}

fn code(record: &CrawlRecord) -> Option<&str> {
    record.code.as_deref()
}

#[tokio::test]
async fn a_page_that_the_site_confirms_is_not_published_again() {
    let lab = Lab::start().await;
    let reply = Reply::html("here")
        .etag("v1")
        .header("Last-Modified", MODIFIED);
    lab.site.page("/1", reply);
    lab.crawl("/1").await;
    assert_eq!(conditions(&lab.site, "/1", 0), [None, None]);
    let (before, record) = (standing(&lab, "/1").await, lab.crawl_record("/1").await);
    for n in 1..=2 {
        assert_eq!(lab.crawl("/1").await, Outcome::Ack);
        let sent = conditions(&lab.site, "/1", n);
        assert_eq!(sent, [Some("\"v1\"".to_owned()), Some(MODIFIED.to_owned())]);
    }
    assert_eq!(standing(&lab, "/1").await, before);
    let (record, after) = (record.unwrap(), lab.crawl_record("/1").await.unwrap());
    assert_eq!((after.status, code(&after)), (304, Some("unchanged")));
    assert!(after.fetched_at > record.fetched_at);
    assert_eq!(
        (after.etag, after.content_hash),
        (record.etag, record.content_hash)
    );
}

#[tokio::test]
async fn equal_bytes_end_there_and_other_bytes_are_published() {
    let lab = Lab::start().await;
    lab.site.sequence(
        "/1",
        [
            Reply::html("here").etag("v1"),
            Reply::html("here"),
            Reply::html("there").etag("v3"),
        ],
    );
    lab.crawl("/1").await;
    let (before, page) = (standing(&lab, "/1").await, lab.response("/1").await);
    // The tag may have changed with the server: the bytes say more.
    lab.crawl("/1").await;
    assert_eq!(standing(&lab, "/1").await, before);
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!((record.status, code(&record)), (200, Some("unchanged")));
    assert_eq!(record.etag, None, "the last answer's");
    lab.crawl("/1").await;
    let after = lab.response("/1").await;
    assert_ne!(after.content_hash, page.content_hash);
    assert!(after.fetched_at > page.fetched_at);
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!((code(&record), record.misses), (None, 0));
}

#[tokio::test]
async fn a_refetch_asks_for_the_whole_page_and_publishes_it() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    let before = lab.response("/1").await;
    let request = CrawlRequest {
        refetch: true,
        ..lab.submitted("/1")
    };
    assert_eq!(crawl(&lab, request).await, Outcome::Ack);
    assert_eq!(conditions(&lab.site, "/1", 1), [None, None]);
    assert!(lab.response("/1").await.fetched_at > before.fetched_at);
}

#[tokio::test]
async fn a_refetch_is_not_lost_when_a_schedule_fires_onto_its_request() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    let before = standing(&lab, "/1").await;
    let fired = CrawlRequest {
        why: Why::Recrawl,
        ..lab.submitted("/1")
    };
    let url = lab.url("/1");
    lab.admit(format!(r#"{{"url":"{url}","refetch":true}}"#))
        .await;
    assert_eq!(crawl(&lab, fired.clone()).await, Outcome::Ack);
    let after = standing(&lab, "/1").await;
    assert!(after > before);
    crawl(&lab, fired.clone()).await;
    assert_eq!(standing(&lab, "/1").await, after, "it is asked for once");
    // Nor when the fetch fails first.
    lab.site.page("/1", Reply::status(502));
    lab.admit(format!(r#"{{"url":"{url}","refetch":true}}"#))
        .await;
    crawl(&lab, fired).await;
    assert!(lab.later("/1").await.unwrap().refetch);
}

#[tokio::test]
async fn a_page_that_was_trimmed_is_fetched_whole() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    let context = async_nats::jetstream::new(lab.client.clone());
    let pages = context.get_stream(PAGES.name).await.unwrap();
    pages.purge().await.unwrap();
    lab.crawl("/1").await;
    assert_eq!(conditions(&lab.site, "/1", 1), [None, None]);
    assert_eq!(lab.response("/1").await.status, 200);
}

#[tokio::test]
async fn a_list_whose_links_found_no_room_is_published_again_though_unchanged() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    let before = standing(&lab, "/1").await;
    let mut record = ExtractRecord {
        version: Version {
            fetched_at: timestamp::now(),
            page_sequence: before,
            extractor: 1,
            memory: 0,
        },
        speech_ids: Vec::new(),
        code: Some("list_page".to_owned()),
        num_links: 9,
        num_refused_links: 3,
        num_replaced: 0,
    };
    let key = ExtractRecord::key(&id(&lab, "/1"));
    let write = |record: ExtractRecord| {
        let (broker, key) = (lab.broker.clone(), key.clone());
        async move { broker.write_record(Bucket::Urls, &key, &record).await }
    };
    write(record.clone()).await.unwrap();
    lab.crawl("/1").await;
    assert_eq!(conditions(&lab.site, "/1", 1), [None, None]);
    let after = standing(&lab, "/1").await;
    assert!(after > before);
    record.num_refused_links = 0;
    write(record).await.unwrap();
    lab.crawl("/1").await;
    assert_eq!(standing(&lab, "/1").await, after);
}

#[tokio::test]
async fn a_page_that_is_nearer_now_is_published_again_so_that_its_links_reach_farther() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    let found = CrawlRequest {
        depth: 2,
        why: Why::Found,
        ..lab.submitted("/1")
    };
    crawl(&lab, found).await;
    lab.crawl("/1").await;
    assert_eq!(lab.response("/1").await.depth, 0);
}

#[tokio::test]
async fn only_the_address_that_gave_the_page_is_asked_what_changed() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::redirect("/2").etag("r1"));
    lab.site.page("/2", Reply::html("here").etag("v1"));
    lab.site.page("/3", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    let before = standing(&lab, "/1").await;
    lab.crawl("/1").await;
    assert_eq!(conditions(&lab.site, "/1", 1), [None, None]);
    assert_eq!(
        conditions(&lab.site, "/2", 1),
        [Some("\"v1\"".to_owned()), None]
    );
    assert_eq!(standing(&lab, "/1").await, before);
    // The same bytes at another address are another page: a speech has its address.
    lab.site.page("/1", Reply::redirect("/3"));
    lab.crawl("/1").await;
    assert_eq!(conditions(&lab.site, "/3", 0), [None, None]);
    assert_eq!(lab.response("/1").await.final_url, lab.url("/3"));
}

#[tokio::test]
async fn a_page_that_was_gone_is_published_when_it_comes_back() {
    let lab = Lab::start().await;
    lab.site.sequence(
        "/1",
        [
            Reply::html("here").etag("v1"),
            Reply::status(404),
            Reply::html("here").etag("v1"),
        ],
    );
    lab.crawl("/1").await;
    lab.crawl("/1").await;
    assert!(matches!(lab.page("/1").await, Some(Page::Gone(_))));
    lab.crawl("/1").await;
    assert_eq!(conditions(&lab.site, "/1", 2), [None, None]);
    assert_eq!(lab.response("/1").await.status, 200);
    let record = lab.crawl_record("/1").await.unwrap();
    assert_eq!((code(&record), record.misses), (None, 0));
}

#[tokio::test]
async fn a_failure_between_two_fetches_leaves_the_page_to_be_confirmed() {
    let lab = Lab::start().await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    let before = standing(&lab, "/1").await;
    lab.site.page("/1", Reply::status(502));
    lab.crawl("/1").await;
    lab.site.page("/1", Reply::html("here").etag("v1"));
    lab.crawl("/1").await;
    assert!(conditions(&lab.site, "/1", 2)[0].is_some());
    assert_eq!(standing(&lab, "/1").await, before);
}

#[tokio::test]
async fn a_schedule_ends_when_that_is_submitted_and_nothing_is_fetched_for_it() {
    let lab = Lab::start().await;
    let url = lab.url("/1");
    let never = format!(r#"{{"url":"{url}","every":"never"}}"#);
    assert_eq!(lab.admit(&never).await, Outcome::Ack);
    assert!(lab.admission_record(&url).await.is_none());
    lab.site.page("/1", Reply::html("here"));
    lab.admit(format!(r#"{{"url":"{url}","every":"7d"}}"#))
        .await;
    lab.fetch().await;
    let recurring = lab.broker.recurring().await.unwrap();
    assert_eq!(recurring.len(), 1);
    assert_eq!(recurring[0].request.why, Why::Recrawl);
    assert_eq!(recurring[0].schedule, "@every 168h");
    assert_eq!(lab.admit(&never).await, Outcome::Ack);
    assert!(lab.recrawl("/1").await.is_none() && lab.due("/1").await.is_none());
    assert!(lab.broker.recurring().await.unwrap().is_empty());
    let record: AdmissionRecord = lab.admission_record(&url).await.unwrap();
    assert_eq!(
        (record.state, record.every),
        (AdmissionState::Admitted, None)
    );
    assert!(lab.dead().await.is_empty());
}

/// Fetches a page that changes, and is submitted again, while its old answer is on its way.
async fn overtake(lab: &Lab) {
    let old = Reply::html("old").after(Duration::from_millis(600));
    lab.site.sequence("/1", [old, Reply::html("new")]);
    let url = lab.url("/1").to_string();
    lab.admit(&url).await;
    let submitting = async {
        eventually("the page is asked for", async || {
            (lab.site.hits("/1") == 1).then_some(())
        })
        .await;
        lab.admit(&url).await
    };
    let outcomes = tokio::join!(Box::pin(lab.fetch()), Box::pin(submitting));
    assert_eq!(outcomes, (Outcome::Ack, Outcome::Ack));
}

#[tokio::test]
async fn what_was_submitted_while_a_page_was_long_on_its_way_is_fetched_once_more() {
    let arguments = ["--allow-address", "127.0.0.1", "--ack-wait", "200ms"];
    let lab = Lab::start_with(&arguments).await;
    overtake(&lab).await;
    assert_eq!(lab.due("/1").await, Some(lab.submitted("/1")));
    lab.fetch().await;
    assert_eq!(
        lab.response("/1").await.content_hash,
        ContentHash::of(b"new")
    );
    assert_eq!(lab.due("/1").await, None, "and then it is done");
}

#[tokio::test]
async fn what_was_submitted_a_moment_after_a_page_was_asked_for_is_answered_by_it() {
    let lab = Lab::start().await;
    overtake(&lab).await;
    assert_eq!(lab.due("/1").await, None);
}
