//! The page that the project began with, field by field. Its text is its publisher's and stays out of
//! the repo: the test reads it beside the working tree, and says so where it is not there.

use std::fs;
use std::path::{Path, PathBuf};

use extractor::{Extraction, HostMemory, PageView, extract};
use messages::CanonicalUrl;
use serde_json::Value;
use sites::Sites;

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/seed");
    if folder.join("expected.json").exists() {
        return Some(folder);
    }
    eprintln!("skipped: there is no seed page at {}", folder.display());
    None
}

fn extraction(folder: &Path, sites: &Sites, expected: &Value) -> Extraction {
    let body = fs::read(folder.join("seed.html")).unwrap();
    let url: CanonicalUrl = expected["url"].as_str().unwrap().parse().unwrap();
    let page = PageView {
        url: &url,
        final_url: &url,
        content_type: Some("text/html"),
        robots_tags: &[],
        agent: "speechmill",
        body: &body,
        parts: &[],
        lost_part: None,
    };
    extract(&page, sites, &HostMemory::empty()).unwrap()
}

fn expected(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Every field that is expected, at every depth; what else the record holds is its own affair.
fn assert_holds(found: &Value, expected: &Value, path: &str) {
    match expected {
        Value::Object(fields) => {
            for (name, value) in fields {
                assert_holds(&found[name], value, &format!("{path}.{name}"));
            }
        }
        value => assert_eq!(found, value, "{path}"),
    }
}

#[test]
fn the_seed_page_gives_exactly_what_is_expected() {
    let Some(folder) = folder() else { return };
    let expected = expected(&folder);
    let found = extraction(&folder, &Sites::builtin(), &expected);
    assert_eq!(found.skip, None);
    let speech = serde_json::to_value(&found.speeches[0]).unwrap();
    assert_holds(&speech, &expected, "speech");
    assert!(found.speeches[0].flags.is_empty());
}

#[test]
fn without_its_profile_the_seed_page_gives_the_same_text_title_times_and_completeness() {
    let Some(folder) = folder() else { return };
    let expected = expected(&folder);
    let found = extraction(&folder, &Sites::empty(), &expected);
    let speech = serde_json::to_value(&found.speeches[0]).unwrap();
    for field in [
        "speech_id",
        "title",
        "title_raw",
        "kind",
        "occasion",
        "speaker",
        "delivered_on",
        "title_date",
        "published_at",
        "date",
        "date_from",
        "author",
        "source",
        "salutation",
        "closing",
        "text",
        "sections",
        "completeness",
        "num_chars",
        "num_han",
        "placeholders",
        "script",
        "source_id",
        "site_name",
    ] {
        assert_holds(&speech[field], &expected[field], field);
    }
    assert_eq!(speech["profile"], Value::Null);
    assert_ne!(speech["method"], "profile");
}
