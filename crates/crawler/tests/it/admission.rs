//! What becomes of submissions and of found links.

use messages::{AdmissionState, CrawlRequest, Why};
use worker::Outcome;
use worker::topology::CRAWL;

use crate::it::lab::Lab;

#[tokio::test]
async fn a_bad_line_is_a_dead_letter_of_its_own_and_the_good_ones_are_admitted() {
    let lab = Lab::start().await;
    let text = format!(
        "{}\r\nftp://a.cn/1\r\nnonsense\r\nhttp://10.0.0.1/x\r\n{}\r\n",
        lab.url("/1"),
        lab.url("/2")
    );
    assert_eq!(lab.admit(&text).await, Outcome::Ack);
    assert_eq!(lab.due("/1").await, Some(lab.submitted("/1")));
    assert_eq!(lab.due("/2").await, Some(lab.submitted("/2")));
    let mut letters: Vec<(String, String)> = lab
        .dead()
        .await
        .into_iter()
        .map(|letter| {
            assert_eq!(letter.id, messages::id_of_bytes(&letter.payload));
            assert_eq!(letter.headers.stage, "admission");
            let line = String::from_utf8(letter.payload).unwrap();
            (line, letter.headers.code)
        })
        .collect();
    letters.sort();
    let expected = [
        ("ftp://a.cn/1", "unsupported_scheme"),
        ("http://10.0.0.1/x", "address_not_public"),
        ("nonsense", "malformed_url"),
    ];
    assert_eq!(
        letters,
        expected.map(|(line, code)| (line.to_owned(), code.to_owned()))
    );
    let record = lab.admission_record(&lab.url("/1")).await.unwrap();
    assert_eq!(record.state, AdmissionState::Admitted);
}

#[tokio::test]
async fn a_submission_that_is_no_text_is_one_dead_letter() {
    let lab = Lab::start().await;
    assert_eq!(
        lab.admit(b"\xff\xfe").await,
        Outcome::Dead("undecodable".to_owned())
    );
    assert_eq!(lab.dead().await[0].payload, b"\xff\xfe");
}

#[tokio::test]
async fn an_interval_becomes_a_schedule_and_a_request_that_is_due_now() {
    let lab = Lab::start().await;
    let url = lab.url("/1");
    lab.admit(format!(r#"{{"url":"{url}","every":"7d"}}"#))
        .await;
    let every = Some("7d".parse().unwrap());
    assert_eq!(lab.due("/1").await.unwrap().every, every);
    let recrawl = lab.recrawl("/1").await.unwrap();
    assert_eq!((recrawl.why, recrawl.every), (Why::Recrawl, every));
    // A submission that says nothing of it leaves the schedule and the record of it.
    lab.admit(url.as_str()).await;
    assert!(lab.recrawl("/1").await.is_some());
    assert_eq!(lab.admission_record(&url).await.unwrap().every, every);
}

#[tokio::test]
async fn a_bad_interval_is_a_dead_letter_with_all_that_was_asked_for() {
    let lab = Lab::start().await;
    lab.admit(format!(r#"{{"url":"{}","every":"weekly"}}"#, lab.url("/1")))
        .await;
    let letters = lab.dead().await;
    assert_eq!(letters[0].headers.code, "bad_interval");
    assert!(letters[0].payload.starts_with(b"{") && letters[0].headers.url.is_some());
    assert!(lab.due("/1").await.is_none());
}

#[tokio::test]
async fn a_url_that_is_queued_twice_is_one_request() {
    let lab = Lab::start().await;
    lab.admit(lab.url("/1").as_str()).await;
    let before = lab.broker.stream_state(CRAWL).await.unwrap().unwrap();
    lab.admit(format!("{url}\n{url}", url = lab.url("/1")))
        .await;
    let after = lab.broker.stream_state(CRAWL).await.unwrap().unwrap();
    assert_eq!((before.num_messages, after.num_messages), (1, 1));
    assert_eq!(lab.due("/1").await, Some(lab.submitted("/1")));
}

#[tokio::test]
async fn a_refetch_goes_into_the_request_that_is_queued() {
    let lab = Lab::start().await;
    lab.find("/1", 1).await;
    assert_eq!(lab.due("/1").await.unwrap().depth, 1);
    lab.admit(format!(r#"{{"url":"{}","refetch":true}}"#, lab.url("/1")))
        .await;
    let merged = lab.due("/1").await.unwrap();
    assert_eq!(
        (merged.depth, merged.refetch, merged.why),
        (0, true, Why::Submitted)
    );
}

#[tokio::test]
async fn a_submission_of_a_deferred_url_waits_with_it_and_adds_what_it_asks_for() {
    let lab = Lab::start().await;
    lab.site.page(
        "/1",
        testkit::Reply::status(503).header("Retry-After", "600"),
    );
    lab.admit(lab.url("/1").as_str()).await;
    lab.fetch().await;
    let schedule = lab.schedule("/1").await;
    lab.admit(lab.url("/1").as_str()).await;
    assert!(lab.due("/1").await.is_none());
    assert_eq!(lab.later("/1").await.unwrap().attempt, 1);
    lab.admit(format!(r#"{{"url":"{}","refetch":true}}"#, lab.url("/1")))
        .await;
    assert!(lab.due("/1").await.is_none());
    let later = lab.later("/1").await.unwrap();
    assert_eq!((later.refetch, later.attempt), (true, 1));
    assert_eq!(lab.schedule("/1").await, schedule, "its time is kept");
}

#[tokio::test]
async fn a_found_link_that_was_seen_is_not_queued_again() {
    let lab = Lab::start().await;
    lab.site.page("/1", testkit::Reply::html("<p>讲话"));
    assert_eq!(lab.find("/1", 1).await, Outcome::Ack);
    assert_eq!(lab.due("/1").await.unwrap().why, Why::Found);
    lab.fetch().await;
    let record = lab.admission_record(&lab.url("/1")).await;
    assert_eq!(lab.find("/1", 1).await, Outcome::Ack);
    assert!(lab.due("/1").await.is_none());
    assert_eq!(lab.admission_record(&lab.url("/1")).await, record);
}

#[tokio::test]
async fn a_found_link_that_is_too_deep_is_skipped_until_it_is_found_nearer_by() {
    let lab = Lab::start().await;
    assert_eq!(lab.find("/1", 2).await, Outcome::Ack);
    assert!(lab.due("/1").await.is_none());
    let record = lab.admission_record(&lab.url("/1")).await.unwrap();
    assert_eq!(record.state, AdmissionState::Skipped);
    assert_eq!(record.code.as_deref(), Some("too_deep"));
    lab.find("/1", 1).await;
    assert_eq!(lab.due("/1").await.unwrap().depth, 1);
    let record = lab.admission_record(&lab.url("/1")).await.unwrap();
    assert_eq!(
        (record.state, record.code),
        (AdmissionState::Admitted, None)
    );
}

#[tokio::test]
async fn a_found_link_to_an_address_inside_is_skipped_and_no_dead_letter() {
    let lab = Lab::start_with(&[]).await;
    assert_eq!(lab.find("/1", 1).await, Outcome::Ack);
    let record = lab.admission_record(&lab.url("/1")).await.unwrap();
    assert_eq!(record.code.as_deref(), Some("address_not_public"));
    assert!(lab.due("/1").await.is_none() && lab.dead().await.is_empty());
}

#[tokio::test]
async fn a_full_frontier_makes_admission_wait() {
    let lab = Lab::start_with(&["--frontier-max-mib", "1", "--allow-address", "127.0.0.1"]).await;
    for n in 0..600 {
        let path = format!("/{n}?{}", "a".repeat(1_900));
        let request = lab.submitted(&path);
        lab.request(&CrawlRequest::due_subject(&request.url_id()), &request)
            .await;
    }
    assert_eq!(
        lab.admit("https://a.cn/1").await,
        Outcome::GivenBack("waiting".to_owned())
    );
}

#[tokio::test]
async fn a_found_link_that_a_profile_knows_to_hold_no_text_is_out_of_scope() {
    let lab = Lab::start().await;
    let out = "https://www.xiebiwenku.com/index/login/index.html"
        .parse()
        .unwrap();
    let detail = "https://www.xiebiwenku.com/index/article/detail/detail_id/1.html"
        .parse()
        .unwrap();
    for url in [&out, &detail] {
        assert_eq!(lab.find_url(url, 1).await, Outcome::Ack);
    }
    let record = lab.admission_record(&out).await.unwrap();
    assert_eq!(record.code.as_deref(), Some("out_of_scope"));
    let record = lab.admission_record(&detail).await.unwrap();
    assert_eq!(record.state, AdmissionState::Admitted);
}
