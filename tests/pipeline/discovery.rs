//! Pages that are found by what a site says of itself: robots.txt, sitemaps, feeds.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::{FakeSite, Reply};

use crate::mill::{Mill, ROLES};
use crate::pages::{html, speech};

fn packed(text: &str) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

/// What a sitemap says of URLs.
fn urlset(urls: &[String]) -> String {
    let urls = urls
        .iter()
        .map(|url| format!("<url><loc>{url}</loc></url>"));
    format!("<urlset>{}</urlset>", urls.collect::<String>())
}

/// Submits as a user does, and waits: the URL is to end as a skip with this code.
async fn submit(mill: &Mill, path: &str, ends_at: &str, code: &str) {
    let url = mill.site.url(path);
    let (exit, fates) = mill.command(&["submit", "--sitemap", "--wait", &url]).await;
    assert_eq!(exit, Some(0), "{fates:?}");
    assert_eq!(fates[0]["url"], mill.site.url(ends_at), "{fates:?}");
    assert_eq!(
        (&fates[0]["state"], &fates[0]["code"]),
        (&"skipped".into(), &code.into())
    );
}

#[tokio::test]
async fn a_site_is_crawled_from_its_robots_txt_by_way_of_an_index_and_a_packed_sitemap() {
    let mill = Mill::start().await;
    let other = FakeSite::start_on("127.0.0.2:0").await;
    let pages = ["/2024/1.html", "/2024/2.html", "/2024/3.html"];
    for (number, path) in pages.iter().enumerate() {
        mill.site.page(path, html(&speech(number)));
    }
    let sitemap = mill.site.url("/posts-1.xml.gz");
    let index = format!(
        "<?xml version='1.0'?><sitemapindex><sitemap><loc>{sitemap}</loc></sitemap>\
         <sitemap><loc>{}</loc></sitemap></sitemapindex>",
        other.url("/sitemap.xml")
    );
    let mut named: Vec<String> = pages.iter().map(|path| mill.site.url(path)).collect();
    named.push(other.url("/2024/4.html"));
    named.push(mill.site.url("/2024/5.pdf"));
    let robots = format!(
        "User-agent: *\nDisallow: /x\nSitemap: {}\n",
        mill.site.url("/s.xml")
    );
    mill.site.page("/robots.txt", Reply::text(robots));
    mill.site
        .page("/s.xml", Reply::bytes("application/xml", index));
    let bytes = packed(&urlset(&named));
    mill.site.page(
        "/posts-1.xml.gz",
        Reply::bytes("application/octet-stream", bytes),
    );

    submit(&mill, "/", "/robots.txt", "robots_txt").await;
    mill.ends("/s.xml", "skipped", "sitemap_index").await;
    mill.ends("/posts-1.xml.gz", "skipped", "sitemap").await;
    for path in pages {
        mill.reaches(path, "indexed").await;
    }
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), pages.len());
    assert!(other.requests().is_empty(), "{:?}", other.requests());
    assert_eq!(mill.site.hits("/2024/5.pdf"), 0);
    assert!(mill.dead().await.is_empty());
}

#[tokio::test]
async fn a_profile_says_which_pages_of_a_sitemap_are_wanted_and_pages_lead_to_no_sitemap() {
    let mut mill = Mill::with_servers().await;
    let sites = tempfile::tempdir().unwrap();
    let profile = format!(
        "name = \"small\"\nhosts = [\"{}\"]\n[scope]\ndetail = ['^/d/\\d+\\.html$']\n",
        mill.site.host()
    );
    std::fs::write(sites.path().join("small.toml"), profile).unwrap();
    mill.set("SPEECHMILL_SITES", sites.path().to_str().unwrap());
    for role in ROLES {
        mill.start_role(role).await;
    }
    let linked = speech(1).replace(
        "<p>谢谢大家。</p>",
        "<p>谢谢<a href='/other.xml'>大家</a>。</p>",
    );
    mill.site.page("/d/1.html", html(&linked));
    mill.site.page("/e/2.html", html(&speech(2)));
    mill.site.page(
        "/other.xml",
        Reply::bytes("text/xml", urlset(&[mill.site.url("/d/3.html")])),
    );
    let named = ["/d/1.html", "/e/2.html"].map(|path| mill.site.url(path));
    mill.site
        .page("/posts.xml", Reply::bytes("text/xml", urlset(&named)));
    let index = mill.site.url("/posts.xml");
    let index = format!("<sitemapindex><sitemap><loc>{index}</loc></sitemap></sitemapindex>");
    mill.site
        .page("/sitemap.xml", Reply::bytes("text/xml", index));

    submit(&mill, "/sitemap.xml", "/sitemap.xml", "sitemap_index").await;
    mill.ends("/posts.xml", "skipped", "sitemap").await;
    mill.reaches("/d/1.html", "indexed").await;
    mill.is_idle().await;
    for path in ["/e/2.html", "/other.xml"] {
        assert_eq!(mill.site.hits(path), 0, "{path}");
    }
    assert!(mill.dead().await.is_empty());
}

#[tokio::test]
async fn a_feed_leads_to_its_items_and_a_changed_one_to_the_new_ones() {
    let mill = Mill::start().await;
    let feed = |numbers: std::ops::RangeInclusive<usize>| {
        let item = |n| {
            format!(
                "<item><link>{}</link></item>",
                mill.site.url(&format!("/{n}.html"))
            )
        };
        let items: String = numbers.map(item).collect();
        let text = format!("<rss version='2.0'><channel>{items}</channel></rss>");
        Reply::bytes("application/rss+xml; charset=utf-8", text)
    };
    for number in 1..=3 {
        mill.site
            .page(&format!("/{number}.html"), html(&speech(number)));
    }
    mill.site.page("/feed", feed(1..=2));
    submit(&mill, "/feed", "/feed", "feed").await;
    mill.reaches("/1.html", "indexed").await;
    mill.reaches("/2.html", "indexed").await;
    mill.site.page("/feed", feed(2..=3));
    submit(&mill, "/feed", "/feed", "feed").await;
    mill.reaches("/3.html", "indexed").await;
    mill.is_idle().await;
    assert_eq!(
        mill.site.hits("/2.html"),
        1,
        "what is known is not asked for again"
    );
    assert!(mill.dead().await.is_empty());
}

#[tokio::test]
async fn a_sitemap_that_is_named_again_is_looked_at_again_and_its_known_pages_are_not() {
    let mill = Mill::start().await;
    let publish = |numbers: std::ops::RangeInclusive<usize>| {
        let paths = numbers.clone().map(|n| format!("/d/{n}.html"));
        let urls: Vec<String> = paths.map(|path| mill.site.url(&path)).collect();
        let index = mill.site.url("/posts.xml");
        let index = format!(
            "<!-- {numbers:?} --><sitemapindex><sitemap><loc>{index}</loc></sitemap></sitemapindex>"
        );
        let xml = |text: String| Reply::bytes("text/xml", text);
        mill.site.page("/posts.xml", xml(urlset(&urls)));
        mill.site.page("/sitemap.xml", xml(index));
    };
    for number in 1..=2 {
        let path = format!("/d/{number}.html");
        mill.site.page(&path, html(&speech(number)));
        publish(1..=number);
        submit(&mill, "/sitemap.xml", "/sitemap.xml", "sitemap_index").await;
        mill.reaches(&path, "indexed").await;
    }
    mill.is_idle().await;
    assert_eq!(mill.site.hits("/d/1.html"), 1);
    assert!(mill.dead().await.is_empty());
}

#[tokio::test]
async fn a_list_is_all_of_its_first_pages_whether_links_or_a_script_lead_to_them() {
    let mill = Mill::start().await;
    let items = |page: usize| -> String {
        let paths = (0..4).map(|item| format!("/2024/{}.html", 100 * page + item));
        let items =
            paths.map(|path| format!("<li><a href='{path}'>在全县农业工作会议上的讲话</a></li>"));
        items.collect()
    };
    for page in 1..=6 {
        for item in 0..4 {
            let number = 100 * page + item;
            mill.site
                .page(&format!("/2024/{number}.html"), html(&speech(number)));
        }
    }
    let list = |page: usize, more: &str| {
        Reply::html(format!(
            "<title>讲话列表</title><ul>{}</ul>{more}",
            items(page)
        ))
    };
    mill.site
        .page("/list.html", list(1, "<a href=list_2.html>2</a>"));
    mill.site
        .page("/list_2.html", list(2, "<a href=list_3.html>3</a>"));
    mill.site.page("/list_3.html", list(3, ""));
    let script = "<script>createPageHTML(3, 0, 'index', 'html');</script>";
    mill.site.page("/zw/", list(4, script));
    mill.site.page("/zw/index_1.html", list(5, script));
    mill.site.page("/zw/index_2.html", list(6, script));
    for (list, last) in [("/list.html", "/2024/303.html"), ("/zw/", "/2024/603.html")] {
        let (exit, fates) = mill
            .command(&["submit", "--wait", &mill.site.url(list)])
            .await;
        assert_eq!(exit, Some(0), "{fates:?}");
        mill.reaches(last, "indexed").await;
    }
    mill.is_idle().await;
    assert_eq!(mill.documents().await.len(), 6 * 4);
}
