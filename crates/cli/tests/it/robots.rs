//! What a site's owner says about robots, as it shows in the fate of a URL.

use testkit::{FakeSite, Reply, eventually};

use crate::lab::{Lab, speech};

#[tokio::test]
async fn a_url_that_robots_txt_forbids_is_a_named_skip_and_one_that_it_may_forbid_waits() {
    let mut lab = Lab::without_index().await;
    let silent = FakeSite::start().await;
    let rules = Reply::text("User-agent: *\nDisallow: /private/\n");
    lab.site.page("/robots.txt", rules);
    let busy = Reply::status(503).header("Retry-After", "600");
    silent.page("/robots.txt", busy);
    lab.start_role_with("crawler", |options| {
        options.env("SPEECHMILL_RETRY_CAP", "10m")
    })
    .await;
    let (denied, waiting) = (lab.site.url("/private/1.html"), silent.url("/1.html"));
    lab.json(&["submit", &denied, &waiting]).await;

    lab.url_reaches(&denied, "skipped").await;
    let text = lab.run(&["status", &denied]).await.out;
    assert!(text.contains("skipped (robots_denied), at "), "{text}");
    lab.url_reaches(&waiting, "deferred").await;
    let text = lab.run(&["status", &waiting]).await.out;
    let expected = "deferred (robots_unreachable), until ";
    assert!(text.contains(expected), "{text}");
    assert!(lab.dead().await.is_empty());
    assert_eq!(lab.site.hits("/private/1.html"), 0);
}

#[tokio::test]
async fn a_page_that_is_not_to_be_found_any_more_takes_its_speech_along() {
    let mut lab = Lab::start().await;
    let hidden = speech(1).header("X-Robots-Tag", "noindex");
    lab.site.sequence("/1.html", [speech(1), hidden, speech(1)]);
    for role in ["crawler", "extractor", "indexer"] {
        lab.start_role(role).await;
    }
    let url = lab.site.url("/1.html");
    for (state, num_documents) in [("indexed", 1), ("skipped", 0), ("indexed", 1)] {
        let ended = lab.json(&["submit", "--wait", &url]).await;
        assert_eq!(ended[0]["state"], state, "{ended:?}");
        let code = &ended[0]["code"];
        let expected = (state == "skipped").then_some("noindex");
        assert_eq!(code.as_str(), expected, "{ended:?}");
        eventually("the index follows", async || {
            let overview = lab.json(&["status"]).await;
            (overview[0]["index"]["num_documents"] == num_documents).then_some(())
        })
        .await;
    }
}
