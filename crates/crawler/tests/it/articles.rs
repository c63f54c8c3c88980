//! Articles that go on over several pages: what comes out is one page.

use std::time::Duration;

use messages::{Page, Response};
use testkit::Reply;
use worker::Outcome;

use crate::it::lab::Lab;

const PROSE: &str = "<p>同志们，今天我们召开全县农业工作会议，主要任务是部署春耕生产，\
    安排今年的重点工作，大家都要讲真话、出实招。</p>";

fn part(number: u32, num_parts: u32) -> Reply {
    let pager = if number < num_parts {
        format!("<a href=17_{}.html>下一页</a>", number + 1)
    } else {
        String::new()
    };
    let prose = PROSE.repeat(3);
    Reply::html(format!(
        "<title>讲话({number})</title><p>{number}</p>{prose}{pager}"
    ))
}

/// A site whose article has so many parts.
async fn article(num_parts: u32, arguments: &[&str]) -> Lab {
    let lab = Lab::start_with(&[&["--allow-address", "127.0.0.1"], arguments].concat()).await;
    lab.site.page("/17.html", part(1, num_parts));
    for number in 2..=num_parts {
        lab.site
            .page(&format!("/17_{number}.html"), part(number, num_parts));
    }
    lab
}

fn paths(lab: &Lab, page: &Response) -> Vec<String> {
    let site = lab.site.url("");
    let urls = page.parts.iter().map(|part| part.url.as_str());
    urls.map(|url| url.replace(&site, "")).collect()
}

#[tokio::test]
async fn the_parts_of_an_article_arrive_as_one_page() {
    let lab = article(3, &[]).await;
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    let page = lab.response("/17.html").await;
    assert_eq!(paths(&lab, &page), ["/17_2.html", "/17_3.html"]);
    assert_eq!(page.lost_part, None);
    let last = page.parts[1].body.decompress(10_000).unwrap();
    assert!(String::from_utf8(last).unwrap().contains("<p>3</p>"));
    assert!(
        lab.page("/17_2.html").await.is_none(),
        "a part is no page of its own"
    );
    // Nothing changed; then the last part does.
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    assert_eq!(lab.response("/17.html").await.fetched_at, page.fetched_at);
    lab.site.page(
        "/17_3.html",
        Reply::html(format!("<title>讲话(3)</title>{PROSE}<p>新</p>")),
    );
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    assert!(lab.response("/17.html").await.fetched_at > page.fetched_at);
}

#[tokio::test]
async fn parts_are_fetched_in_their_hosts_turn() {
    let lab = article(3, &["--delay", "300ms"]).await;
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    assert_eq!(lab.response("/17.html").await.parts.len(), 2);
    let requests = lab.site.requests();
    let gaps = requests.windows(2).map(|pair| pair[1].at - pair[0].at);
    assert!(
        gaps.into_iter()
            .all(|gap| gap >= Duration::from_millis(270))
    );
}

#[tokio::test]
async fn a_part_that_fails_is_tried_again_with_the_whole_article_and_named_when_it_is_lost() {
    let lab = article(3, &[]).await;
    lab.site.page("/17_2.html", Reply::status(500));
    lab.expect_again("/17.html", "http_500").await;
    assert_eq!(lab.crawl_again("/17.html", 9).await, Outcome::Ack);
    let page = lab.response("/17.html").await;
    assert_eq!(
        (page.parts.len(), page.lost_part.as_deref()),
        (0, Some("http_500"))
    );
    // The site still has the first page as it was, and the article is fetched whole all the same.
    lab.site.page("/17_2.html", part(2, 3));
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    let page = lab.response("/17.html").await;
    assert_eq!((page.parts.len(), page.lost_part), (2, None));
}

#[tokio::test]
async fn what_will_never_come_is_named() {
    for (reply, code) in [
        (Reply::status(404), "http_404"),
        (Reply::status(403), "http_403"),
        (Reply::html("x".repeat(2_000_000)), "body_too_large"),
    ] {
        let lab = article(2, &["--max-body-mib", "1"]).await;
        lab.site.page("/17_2.html", reply);
        assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
        assert_eq!(
            lab.response("/17.html").await.lost_part.as_deref(),
            Some(code)
        );
    }
    let lab = article(2, &[]).await;
    lab.site
        .page("/robots.txt", Reply::text("User-agent: *\nDisallow: /17_"));
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    let lost = lab.response("/17.html").await.lost_part;
    assert_eq!(lost.as_deref(), Some("robots_denied"));
}

#[tokio::test]
async fn an_article_without_end_ends() {
    let lab = article(40, &[]).await;
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    let page = lab.response("/17.html").await;
    let lost = page.lost_part.as_deref();
    assert_eq!((page.parts.len(), lost), (29, Some("too_many_parts")));
}

#[tokio::test]
async fn a_page_that_is_another_article_is_no_part() {
    let lab = article(2, &[]).await;
    lab.site
        .page("/17_2.html", Reply::html("<title>首页</title>"));
    assert_eq!(lab.crawl("/17.html").await, Outcome::Ack);
    let page = lab.response("/17.html").await;
    assert_eq!((page.parts.len(), page.lost_part), (0, None));
}

#[tokio::test]
async fn a_page_that_is_refused_often_enough_is_gone_and_closed_doors_never_count() {
    let lab = Lab::start_with(&["--allow-address", "127.0.0.1", "--gone-after", "3"]).await;
    lab.site.page("/1.html", Reply::html("<p>讲话</p>"));
    assert_eq!(lab.crawl("/1.html").await, Outcome::Ack);
    for status in [400, 403, 451, 403] {
        lab.site.page("/1.html", Reply::status(status));
        let expected = if status == 403 {
            Outcome::Dead("http_403".to_owned())
        } else {
            Outcome::Ack
        };
        assert_eq!(lab.crawl("/1.html").await, expected, "{status}");
        assert!(matches!(lab.page("/1.html").await, Some(Page::Response(_))));
    }
    assert_eq!(lab.crawl_record("/1.html").await.unwrap().refusals, 2);
    lab.site.page("/1.html", Reply::status(406));
    assert_eq!(lab.crawl("/1.html").await, Outcome::Ack);
    assert!(matches!(lab.page("/1.html").await, Some(Page::Gone(gone)) if gone.status == 406));
    // What was never there is a dead letter at once.
    lab.expect_dead("/2.html", Reply::status(400), "http_400")
        .await;
}
