//! Golden pages: a case is a folder `golden/<site>/<slug>/` with `page.html` (bytes as fetched),
//! `url.txt` (the address; a second line is the content type) and `expected.json`.
//! `page_2.html`, `page_3.html` … are the article's further pages; `lost_part.txt` is the code of
//! why there is not one more. `UPDATE_GOLDEN=1` writes what is found.

use std::fs;
use std::path::{Path, PathBuf};

use extractor::{HostMemory, PageView, PartView, extract};
use messages::CanonicalUrl;
use serde_json::{Value, json};
use sites::Sites;

pub(crate) fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The further pages of a case, each with its address: the first page's with `_2`, `_3` … before the
/// extension.
fn further_pages(case: &Path, url: &CanonicalUrl) -> Vec<(CanonicalUrl, Vec<u8>)> {
    let (stem, extension) = url.as_str().rsplit_once('.').unwrap();
    let pages = (2..).map_while(|number| {
        let body = fs::read(case.join(format!("page_{number}.html"))).ok()?;
        let url = format!("{stem}_{number}.{extension}");
        Some((url.parse().unwrap(), body))
    });
    pages.collect()
}

fn found(case: &Path) -> Value {
    let address = fs::read_to_string(case.join("url.txt")).unwrap();
    let mut lines = address.lines();
    let url: CanonicalUrl = lines.next().unwrap().parse().unwrap();
    let content_type = lines.next();
    let body = fs::read(case.join("page.html")).unwrap();
    let pages = further_pages(case, &url);
    let parts: Vec<PartView<'_>> = pages
        .iter()
        .map(|(url, body)| PartView {
            url,
            content_type,
            body,
        })
        .collect();
    let lost_part = fs::read_to_string(case.join("lost_part.txt")).ok();
    let page = PageView {
        url: &url,
        final_url: &url,
        content_type,
        robots_tags: &[],
        agent: "speechmill",
        body: &body,
        parts: &parts,
        lost_part: lost_part.as_deref().map(str::trim),
    };
    let found = extract(&page, &Sites::builtin(), &HostMemory::empty()).unwrap();
    json!({
        "speeches": found.speeches,
        "skip": found.skip.map(extractor::Skip::code),
        "links": found.links,
    })
}

#[test]
fn every_golden_page_gives_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some();
    let cases: Vec<PathBuf> = folders(&root)
        .iter()
        .flat_map(|site| folders(site))
        .collect();
    assert!(cases.len() >= 40);
    for case in cases {
        let found = found(&case);
        let file = case.join("expected.json");
        if update {
            let text = serde_json::to_string_pretty(&found).unwrap();
            fs::write(&file, text + "\n").unwrap();
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        let expected: Value = serde_json::from_str(&text).unwrap();
        let name = case.strip_prefix(&root).unwrap().display();
        for field in ["skip", "links", "speeches"] {
            assert_eq!(found[field], expected[field], "{name}: {field}");
        }
    }
}
