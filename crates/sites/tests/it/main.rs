//! The profiles that come with the program, held against addresses of the shape their sites have.

#![allow(
    clippy::unwrap_used,
    reason = "whatever is missing here fails the test, and its line says what"
)]

use std::sync::Arc;

use messages::CanonicalUrl;
use sites::Scope::{self, Detail, List, Out};
use sites::{Part, Parts, Sites};

fn url(text: &str) -> CanonicalUrl {
    text.parse().unwrap()
}

/// Checks addresses of one profile: what each is, and the site's own number of a text.
fn check(profile: &str, cases: &[(&str, Scope, Option<&str>)]) {
    let sites = Sites::builtin();
    for (address, scope, source_id) in cases {
        let url = url(address);
        let found = sites.for_host(&url.host()).unwrap();
        assert_eq!(found.name, profile, "{address}");
        assert_eq!(sites.scope_of_page(&url), *scope, "{address}");
        assert_eq!(found.source_id(&url).as_deref(), *source_id, "{address}");
    }
}

#[test]
fn addresses_of_xiebiwenku() {
    let site = "https://www.xiebiwenku.com";
    let at = |path: &str| format!("{site}{path}");
    check(
        "xiebiwenku",
        &[
            (
                &at("/index/article/detail/detail_id/51170.html"),
                Detail,
                Some("51170"),
            ),
            (&at("/"), List, None),
            (&at("/index/article/lists/cate_id/3.html"), List, None),
            (&at("/index/login/index.html"), Out, None),
            (&at("/index/search/index/keyword/1.html"), Out, None),
        ],
    );
}

#[test]
fn addresses_of_the_database_of_speeches() {
    let at = |path: &str| format!("http://jhsjk.people.cn{path}");
    check(
        "jhsjk",
        &[
            (&at("/article/40189000"), Detail, Some("40189000")),
            (&at("/"), List, None),
            (&at("/result?type=101"), List, None),
            (&at("/result?keywords=&year=213&page=2"), List, None),
            (&at("/result"), List, None),
            (&at("/testnew/result?page=1&source=2"), Out, None),
            (&at("/results.html"), Out, None),
        ],
    );
}

#[test]
fn addresses_of_the_central_government() {
    let at = |path: &str| format!("https://www.gov.cn{path}");
    check(
        "govcn",
        &[
            (
                &at("/yaowen/liebiao/202403/content_6936260.htm"),
                Detail,
                Some("6936260"),
            ),
            (
                &at("/xinwen/2018-03/20/content_5275998.htm"),
                Detail,
                Some("5275998"),
            ),
            (
                &at("/ldhd/2011-03/05/content_1816822.htm"),
                Detail,
                Some("1816822"),
            ),
            (&at("/ldhd/2011-03/05/content_1816822_2.htm"), Out, None),
            (&at("/"), List, None),
            (&at("/yaowen/liebiao/home_5.htm"), List, None),
            (&at("/lianbo/bumen/index.htm"), List, None),
            (&at("/gwyzzjg/huiyi/"), List, None),
            (&at("/fuwu/bm/index.htm"), Out, None),
            (&at("/zhengce/pdfFile/2023_PDF.pdf"), Out, None),
        ],
    );
}

#[test]
fn addresses_of_the_peoples_daily_online() {
    let at = |path: &str| format!("http://politics.people.com.cn{path}");
    check(
        "people",
        &[
            (
                &at("/n1/2024/0305/c1001-40189000.html"),
                Detail,
                Some("40189000"),
            ),
            (
                &at("/n/2012/1201/c64094-19763226.html"),
                Detail,
                Some("19763226"),
            ),
            (&at("/GB/1024/17456789.html"), Detail, Some("17456789")),
            (&at("/n1/2024/0305/c1001-40189000-2.html"), Out, None),
            (&at("/"), List, None),
            (&at("/GB/1024/index1.html"), List, None),
            (&at("/GB/1024"), List, None),
            (&at("/img/2024/logo.html"), Out, None),
            (
                "http://cpc.people.com.cn/GB/64093/64094/index.html",
                List,
                None,
            ),
            ("http://dangjian.people.com.cn/", List, None),
        ],
    );
}

#[test]
fn addresses_of_xinhua_under_both_its_names() {
    check(
        "xinhua",
        &[
            (
                "https://www.news.cn/politics/leaders/20240305/0123456789abcdef0123456789abcdef/c.html",
                Detail,
                Some("0123456789abcdef0123456789abcdef"),
            ),
            (
                "http://www.xinhuanet.com/politics/leaders/2019-04/19/c_1124390391.htm",
                Detail,
                Some("1124390391"),
            ),
            (
                "http://www.xinhuanet.com/politics/2017-10/27/c_1121867529_2.htm",
                Out,
                None,
            ),
            ("https://www.news.cn/politics/leaders/", List, None),
            ("https://www.news.cn/politics/xxjxs/index.htm", List, None),
            ("https://www.news.cn/sports/index.htm", Out, None),
        ],
    );
}

#[test]
fn addresses_of_the_commission_for_discipline_inspection() {
    check(
        "ccdi",
        &[
            (
                "https://www.ccdi.gov.cn/yaowenn/202304/t20230411_257982.html",
                Detail,
                Some("257982"),
            ),
            (
                "https://m.ccdi.gov.cn/content/7d/c6/23245.html",
                Detail,
                Some("23245"),
            ),
            ("https://www.ccdi.gov.cn/yaowenn/", List, None),
            (
                "https://www.ccdi.gov.cn/scdcn/zggb/zjsc/index_2.html",
                List,
                None,
            ),
            ("https://www.ccdi.gov.cn/fgk/law_display_17", Out, None),
        ],
    );
}

#[test]
fn addresses_of_weixin() {
    let at = |path: &str| format!("https://mp.weixin.qq.com{path}");
    check(
        "weixin",
        &[
            (
                &at("/s/AbC-dEfG_hIjKlMnOpQrSt"),
                Detail,
                Some("AbC-dEfG_hIjKlMnOpQrSt"),
            ),
            (
                &at(
                    "/s?__biz=MzA5MDAwMDAwMA==&mid=2247483701&idx=1&sn=0a1b2c3d4e5f60718293a4b5c6d7e8f9",
                ),
                Detail,
                Some("0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ),
            (
                &at("/s?__biz=MzA5MDAwMDAwMA==&mid=2247483701&idx=1"),
                Detail,
                None,
            ),
            (
                &at("/mp/appmsgalbum?action=getalbum&album_id=17"),
                Out,
                None,
            ),
            (&at("/"), Out, None),
        ],
    );
}

#[test]
fn addresses_of_local_governments() {
    let at = |path: &str| format!("https://www.qinglan.gov.cn{path}");
    check(
        "trs",
        &[
            (
                &at("/zwgk/ldjh/202403/t20240305_87003.html"),
                Detail,
                Some("87003"),
            ),
            (
                &at("/art/2024/3/5/art_1229_5678.html"),
                Detail,
                Some("5678"),
            ),
            (
                &at("/zwgk/ldjh/art/2024/art_0123456789abcdef0123456789abcdef.html"),
                Detail,
                Some("0123456789abcdef0123456789abcdef"),
            ),
            (
                &at("/zwgk/content/post_4345678.html"),
                Detail,
                Some("4345678"),
            ),
            (&at("/xxgk/t28168631.shtml"), Detail, Some("28168631")),
            (&at("/col/col1229/index.html"), List, None),
            (&at("/zwgk/ldjh/index_2.html"), List, None),
            // An index.html is a list on most of these sites, and an article on some.
            (&at("/zwgk/ldjh/index.html"), Out, None),
        ],
    );
}

#[test]
fn one_local_government_does_not_lead_to_all_the_others() {
    let sites = Sites::builtin();
    let page = url("https://www.qinglan.gov.cn/zwgk/ldjh/");
    let scope = |link: &str, on_list| sites.scope_of_link(&url(link), &page, on_list);
    let own = "https://www.qinglan.gov.cn/zwgk/ldjh/202403/t20240305_87003.html";
    assert_eq!(scope(own, true), Detail);
    assert_eq!(scope(own, false), Out);
    // Not known by any pattern, but a good guess.
    let guessed = "https://www.qinglan.gov.cn/zwgk/ldjh/view?id=17";
    assert_eq!(scope(guessed, true), Detail);
    assert_eq!(scope("https://www.qinglan.gov.cn/zwgk/gzbg/", true), List);
    let other = "https://www.qingshi.gov.cn/202403/t20240305_87003.html";
    assert_eq!(scope(other, true), Out);
    let central = "https://www.gov.cn/yaowen/liebiao/202403/content_6936260.htm";
    assert_eq!(scope(central, true), Out);
    let map = url("https://www.qinglan.gov.cn/sitemap.xml");
    assert_eq!(sites.scope_of_named(&url(own), &map), Detail);
    assert_eq!(sites.scope_of_named(&url(other), &map), Out);
}

#[test]
fn a_profile_of_its_own_beats_the_family() {
    let sites = Sites::builtin();
    for (host, profile) in [
        ("www.gov.cn", "govcn"),
        ("www.ccdi.gov.cn", "ccdi"),
        ("www.qinglan.gov.cn", "trs"),
        ("zwgk.qinglan.gov.cn", "trs"),
    ] {
        let url = url(&format!("https://{host}/"));
        assert_eq!(sites.for_host(&url.host()).unwrap().name, profile, "{host}");
    }
    let unknown = url("https://www.qinglangov.cn/");
    assert!(sites.for_host(&unknown.host()).is_none());
}

#[test]
fn second_pages_are_found_without_patterns_for_them() {
    let prose = "同志们，今天我们召开全县农业工作会议，主要任务是部署春耕生产，安排重点工作。";
    for (first, second) in [
        (
            "https://www.gov.cn/ldhd/2011-03/05/content_1816822.htm",
            "content_1816822_2.htm",
        ),
        (
            "http://politics.people.com.cn/n1/2024/0305/c1001-40189000.html",
            "c1001-40189000-2.html",
        ),
        (
            "http://www.xinhuanet.com/politics/2017-10/27/c_1121867529.htm",
            "c_1121867529_2.htm",
        ),
    ] {
        let page = format!(
            "<title>讲话</title>{}<a href={second}>下一页</a>",
            format!("<p>{prose}</p>").repeat(4)
        );
        let first = url(first);
        let mut parts = Parts::of(&first, Arc::new(Sites::builtin())).unwrap();
        let found = parts.read(&first, None, page.as_bytes());
        assert_eq!(found, Part::Before(first.join(second).unwrap()), "{first}");
    }
}

#[test]
fn the_profile_that_the_readme_shows_is_one() {
    let readme = include_str!("../../profiles/README.md");
    let (_, rest) = readme.split_once("```toml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("library.toml"), example).unwrap();
    let sites = Sites::load(folder.path()).unwrap();
    let text = url("https://www.wenku.example/article/17.html");
    assert_eq!(sites.scope_of_page(&text), Detail);
    let profile = sites.for_host(&text.host()).unwrap();
    assert_eq!(profile.source_id(&text).as_deref(), Some("17"));
}

#[test]
fn every_profile_is_in_the_table_of_the_readme() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        if file != "README.md" {
            assert!(readme.contains(&format!("| `{file}` |")), "{file}");
        }
    }
}

#[test]
fn a_profile_of_the_operator_replaces_a_built_in_one_by_host_or_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let write = |file: &str, text: &str| std::fs::write(folder.path().join(file), text).unwrap();
    write("a.toml", "name = \"mine\"\nhosts = [\"www.gov.cn\"]");
    write("b.toml", "name = \"trs\"\nhosts = [\"*.a.gov.cn\"]");
    write("c.toml", "name = \"wide\"\nhosts = [\"*.cn\"]");
    let sites = Sites::load(folder.path()).unwrap();
    for (host, profile) in [
        ("www.gov.cn", "mine"),
        ("b.a.gov.cn", "trs"),
        // The built-in family is gone with its name.
        ("www.qinglan.gov.cn", "wide"),
        // What names the host is nearer than what names all of China.
        ("jhsjk.people.cn", "jhsjk"),
    ] {
        let url = url(&format!("https://{host}/"));
        assert_eq!(sites.for_host(&url.host()).unwrap().name, profile, "{host}");
    }
}
