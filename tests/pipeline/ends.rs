//! Each kind of page and of message, and the end that the settlement table promises it.

use testkit::Reply;

use crate::mill::Mill;
use crate::pages::{html, list, speech};

#[tokio::test]
async fn every_submitted_url_ends_as_a_document_a_named_skip_or_a_dead_letter() {
    let mill = Mill::start().await;
    mill.site.page("/healthy.html", html(&speech(1)));
    mill.site.page("/forbidden.html", Reply::status(403));
    mill.site.sequence(
        "/heals.html",
        [Reply::status(500), Reply::status(500), html(&speech(2))],
    );
    mill.site.page("/broken.html", Reply::status(500));
    mill.site.page(
        "/picture.html",
        Reply::bytes("image/png", vec![0x89, b'P', b'N', b'G']),
    );
    mill.site.otherwise(Reply::status(404));
    mill.submit(&[
        "/healthy.html",
        "/forbidden.html",
        "/heals.html",
        "/broken.html",
        "/picture.html",
        "/gone.html",
    ])
    .await;
    mill.reaches("/healthy.html", "indexed").await;
    mill.reaches("/heals.html", "indexed").await;
    mill.ends("/gone.html", "skipped", "gone").await;
    mill.ends("/forbidden.html", "dead", "http_403").await;
    mill.ends("/broken.html", "dead", "http_500").await;
    mill.ends("/picture.html", "dead", "not_html").await;
    assert_eq!(
        mill.site.hits("/broken.html"),
        3,
        "as often as attempts are allowed"
    );
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), 2);
    assert_eq!(mill.dead().await.len(), 3);
}

#[tokio::test]
async fn a_list_page_is_a_skip_and_its_links_are_followed() {
    let mill = Mill::start().await;
    let details = [
        "/d/1.html",
        "/d/22.html",
        "/d/333.html",
        "/d/4444.html",
        "/d/55555.html",
        "/d/666666.html",
    ];
    for (number, path) in details.iter().enumerate() {
        mill.site.page(path, html(&speech(number)));
    }
    mill.site.page("/list.html", html(&list(&details)));
    mill.site.otherwise(Reply::status(404));
    mill.submit(&["/list.html"]).await;
    mill.ends("/list.html", "skipped", "list_page").await;
    for path in details {
        mill.reaches(path, "indexed").await;
    }
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), details.len());
    assert!(mill.dead().await.is_empty());
}

#[tokio::test]
async fn messages_that_can_not_be_decoded_are_dead_letters_with_their_bytes() {
    let mill = Mill::start().await;
    let outside = mill.outside().await;
    let garbage = [
        ("crawl.submit", "admission"),
        ("crawl.found", "admission"),
        ("crawl.request.x", "crawler"),
        ("page.fetched.x", "extractor"),
        ("page.again.x", "extractor"),
        ("speech.changed.x", "indexer"),
    ];
    for (subject, _) in garbage {
        let payload = format!("\u{feff}{{{subject}").into_bytes();
        outside
            .publish(subject, payload.into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
    mill.is_idle().await;
    let dead = mill.dead().await;
    let mut found: Vec<(String, String)> = dead
        .iter()
        .map(|letter| {
            assert_eq!(
                letter["headers"]["Speechmill-Code"], "undecodable",
                "{letter}"
            );
            let header = |name: &str| letter["headers"][name].as_str().unwrap().to_owned();
            (header("Speechmill-Subject"), header("Speechmill-Stage"))
        })
        .collect();
    found.sort();
    let mut expected: Vec<(String, String)> = garbage
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect();
    expected.sort();
    assert_eq!(found, expected);
}
