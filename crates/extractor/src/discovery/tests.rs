//! Documents as sites write them, well and badly.

use std::io::Write;

use super::*;

const SITEMAP: &str = "https://a.example/sitemap.xml";

fn run_at(url: &str, content_type: &str, body: &[u8], tags: &[&str]) -> Option<Discovery> {
    let url: CanonicalUrl = url.parse().unwrap();
    let tags: Vec<String> = tags.iter().map(|&tag| tag.to_owned()).collect();
    let page = PageView {
        url: &url,
        final_url: &url,
        content_type: Some(content_type),
        robots_tags: &tags,
        agent: "speechmill",
        body,
        parts: &[],
        lost_part: None,
    };
    of(&page, &Sites::empty())
}

/// The code and the paths it leads to.
fn found(url: &str, body: &[u8]) -> (&'static str, Vec<String>) {
    let found = run_at(url, "application/xml", body, &[]).unwrap();
    let links = found.links.in_scope.iter();
    let paths = links.map(|link| link.as_str().replace("https://a.example", ""));
    (found.kind.code(), paths.collect())
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn urlset(locs: &[&str]) -> String {
    let urls = locs
        .iter()
        .map(|loc| format!("<url><loc>{loc}</loc></url>"));
    format!(
        "<?xml version='1.0' encoding='UTF-8'?><!-- made by hand -->\n<urlset>{}</urlset>",
        urls.collect::<String>()
    )
}

#[test]
fn a_sitemap_names_pages_of_its_own_site_those_with_texts_first() {
    let body = urlset(&[
        "https://a.example/speeches/",
        " https://www.a.example/2024/3.html\n",
        "https://a.example/view?id=1&amp;page=2",
        "<![CDATA[https://a.example/4.html]]>",
        "https://a.example/%E8%AE%B2&#x2f;5.html",
        "https://a.example/4.html#top",
        "https://b.example/6.html",
        "https://a.example/7.pdf",
        "https://a.example/sitemap-2.xml",
        "ftp://a.example/8.html",
        SITEMAP,
        "",
    ]);
    let (code, paths) = found(SITEMAP, body.as_bytes());
    assert_eq!(code, "sitemap");
    let expected = [
        "https://www.a.example/2024/3.html",
        "/view?id=1&page=2",
        "/4.html",
        "/%E8%AE%B2/5.html",
        "/speeches/",
    ];
    assert_eq!(paths, expected);
    let found = run_at(SITEMAP, "text/xml", body.as_bytes(), &[]).unwrap();
    assert_eq!(found.links.num_out_of_scope, 3);
}

#[test]
fn prefixes_and_other_vocabularies_do_not_confuse() {
    let body = "\u{feff}<?xml version='1.0'?><?xml-stylesheet href='s.xsl'?>
        <s:urlset xmlns:s='x' xmlns:image='y'><s:url><s:loc>https://a.example/1.html</s:loc>
        <image:image><image:loc>https://a.example/2.html</image:loc></image:image>
        <s:lastmod>2024-01-01</s:lastmod></s:url></s:urlset>";
    assert_eq!(found(SITEMAP, body.as_bytes()).1, ["/1.html"]);
}

#[test]
fn an_index_leads_to_sitemaps_of_its_own_site() {
    let body = "<sitemapindex><sitemap><loc>https://a.example/posts/1</loc></sitemap>
        <sitemap><loc>https://a.example/s.xml.gz</loc></sitemap>
        <sitemap><loc>https://a.example/robots.txt</loc></sitemap>
        <sitemap><loc>https://b.example/s.xml</loc></sitemap></sitemapindex>";
    let expected = vec!["/posts/1".to_owned(), "/s.xml.gz".to_owned()];
    assert_eq!(found(SITEMAP, body.as_bytes()), ("sitemap_index", expected));
}

#[test]
fn a_robots_txt_leads_to_the_sitemaps_that_it_names() {
    let body = "\u{feff}User-agent: *\nDisallow: /a\nSITEMAP : https://a.example/s.xml # all\n\
        Sitemap: https://b.example/s.xml\nsitemap: nonsense\n";
    let at = "https://a.example/robots.txt";
    let expected = ("robots_txt", vec!["/s.xml".to_owned()]);
    assert_eq!(found(at, body.as_bytes()), expected);
    let elsewhere = "https://a.example/notes/robots.txt";
    assert_eq!(run_at(elsewhere, "text/plain", body.as_bytes(), &[]), None);
    let page = b"<!DOCTYPE html><p>Not found";
    assert_eq!(run_at(at, "text/html", page, &[]), None);
}

#[test]
fn feeds_of_each_kind_lead_to_their_items() {
    for (feed, expected) in [
        (
            "<!DOCTYPE rss PUBLIC '-//N//DTD RSS 0.91//EN' 'http://my/rss-0.91.dtd'>
             <rss version='0.91'><channel><link>https://a.example/</link><image><url>/i.png</url>
             <link>https://a.example/9.html</link></image><item><title>一&nbsp;二</title>
             <link>https://a.example/1.html</link></item></channel></rss>",
            &["/1.html"] as &[&str],
        ),
        (
            "<rss version='2.0' xmlns:atom='a'><channel><atom:link rel='self' href='/feed'/>
             <item><guid>https://a.example/1.html</guid></item>
             <item><guid isPermaLink='false'>https://a.example/2.html</guid></item>
             <item><guid>https://a.example/x3</guid><link>https://a.example/3.html</link></item>
             <item><link/><guid isPermaLink='true'>https://a.example/4.html</guid></item>
             </channel></rss>",
            &["/1.html", "/3.html", "/4.html"],
        ),
        (
            "<rdf:RDF xmlns:rdf='r' xmlns='p'><channel rdf:about='/'><link>https://a.example/</link>
             <items><rdf:Seq><rdf:li rdf:resource='/1.html'/></rdf:Seq></items></channel>
             <item rdf:about='https://a.example/1.html'><title>一</title></item>
             <item rdf:about='urn:2'><link>https://a.example/2.html</link></item></rdf:RDF>",
            &["/1.html", "/2.html"],
        ),
        (
            "<feed xmlns='http://www.w3.org/2005/Atom'><link href='/'/><id>urn:0</id>
             <entry><link rel='edit' href='/edit/1'/><link rel='alternate' href='/1.html'/>
             <link href='/1/more.html'/></entry>
             <entry><link href='/view?id=2&amp;x=&#51;'/><id>urn:2</id>
             <content type='xhtml'><div><a href='/3.html'>三</a></div></content></entry></feed>",
            &["/1.html", "/view?id=2&x=3"],
        ),
    ] {
        let (code, paths) = found("https://a.example/feed", feed.as_bytes());
        assert_eq!(code, "feed");
        assert_eq!(paths, expected, "{feed}");
    }
}

#[test]
fn a_list_of_urls_is_a_sitemap_and_other_text_is_none() {
    let list = "https://a.example/1.html\r\n\r\nhttps://a.example/2.html\r\nno url\r\n";
    let at = "https://a.example/sitemap.txt";
    let plain = run_at(at, "text/plain", list.as_bytes(), &[]).unwrap();
    assert_eq!((plain.kind, plain.links.in_scope.len()), (Skip::Sitemap, 2));
    let text = "https://a.example/1.html\n这是一篇讲话。";
    for (kind, text) in [("text/html", list), ("text/plain", text), ("", "")] {
        assert_eq!(run_at(at, kind, text.as_bytes(), &[]), None, "{text}");
    }
}

#[test]
fn pages_are_not_taken_for_such_documents() {
    for page in [
        "<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0//EN'
         'http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd'><html><body><url><loc>x</loc></url>",
        "<!DOCTYPE html><title>讲话</title><feed>",
        "同志们：<urlset>",
        "<p>一<rss>",
        "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "<?xml version='1.0'?>",
        "",
    ] {
        for kind in ["text/html", "application/xml"] {
            assert_eq!(run_at(SITEMAP, kind, page.as_bytes(), &[]), None, "{page}");
        }
    }
}

#[test]
fn of_a_broken_document_counts_what_stands_before_the_break() {
    let whole = urlset(&["https://a.example/1.html", "https://a.example/2.html"]);
    let cut = whole.rfind("2.html").unwrap();
    assert_eq!(found(SITEMAP, &whole.as_bytes()[..cut]).1, ["/1.html"]);
    let stray = whole.replace("</url><url>", "</url></b>&<c ='><url>");
    assert_eq!(found(SITEMAP, stray.as_bytes()).1[0], "/1.html");
    let many: Vec<String> = (0..4_000)
        .map(|n| format!("https://a.example/{n}.html"))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let gzip = packed(urlset(&many).as_bytes());
    let (code, paths) = found(SITEMAP, &gzip[..gzip.len() / 2]);
    assert!(code == "sitemap" && (1..4_000).contains(&paths.len()));
}

#[test]
fn encodings_other_than_utf8_are_read() {
    let text = "<?xml version='1.0' encoding='UTF-16'?><urlset><url><loc>https://a.example/\
        讲话1.html</loc></url></urlset>";
    let utf16 = std::iter::once(0xfeff).chain(text.encode_utf16());
    let utf16: Vec<u8> = utf16.flat_map(u16::to_le_bytes).collect();
    let expected = ["/%E8%AE%B2%E8%AF%9D1.html"];
    assert_eq!(found(SITEMAP, &utf16).1, expected);
    let mut gbk = b"<?xml version='1.0' encoding='GB2312'?><urlset><url><loc>".to_vec();
    gbk.extend(b"https://a.example/\xbd\xb2\xbb\xb01.html</loc></url></urlset>");
    assert_eq!(found(SITEMAP, &gbk).1, expected);
}

#[test]
fn a_packed_sitemap_is_unpacked_and_a_bomb_goes_off_within_bounds() {
    let body = packed(urlset(&["https://a.example/1.html"]).as_bytes());
    let at = "https://a.example/sitemap.xml.gz";
    let unpacked = run_at(at, "application/x-gzip", &body, &[]).unwrap();
    assert_eq!(unpacked.links.in_scope.len(), 1);

    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    bomb.write_all(urlset(&["https://a.example/1.html"]).as_bytes())
        .unwrap();
    let spaces = vec![b' '; 1024 * 1024];
    for _ in 0..120 {
        bomb.write_all(&spaces).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert_eq!(super::unpacked(&bomb, MAX_BYTES).len() as u64, MAX_BYTES);
    assert_eq!(found(at, &bomb).1, ["/1.html"]);
    assert_eq!(
        run_at(at, "application/gzip", &packed(b"a tar file"), &[]),
        None
    );
}

#[test]
fn no_more_urls_are_taken_than_the_protocol_allows() {
    let urls: Vec<String> = (0..=MAX_URLS)
        .map(|n| format!("https://a.example/{n}.html"))
        .collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    assert_eq!(found(SITEMAP, urlset(&urls).as_bytes()).1.len(), MAX_URLS);
    let deep = format!("<urlset>{}", "<url>".repeat(1_000_000));
    assert_eq!(found(SITEMAP, deep.as_bytes()).1.len(), 0);
}

#[test]
fn a_header_may_forbid_to_follow_and_noindex_does_not() {
    let body = urlset(&["https://a.example/1.html"]);
    let run = |tag| run_at(SITEMAP, "text/xml", body.as_bytes(), &[tag]).unwrap();
    for (tag, number) in [("nofollow", 0), ("noindex", 1), ("none", 0)] {
        let found = run(tag);
        assert_eq!(
            (found.kind, found.links.in_scope.len()),
            (Skip::Sitemap, number)
        );
    }
}
