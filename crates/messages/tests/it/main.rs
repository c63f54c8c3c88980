//! The contract on paper: one golden JSON file a message, and the JSON Schemas of the public ones.
//!
//! In: `golden/*.json` and `deploy/schemas/*.json`. Out: a failure for every byte that would change
//! on the wire. `UPDATE_GOLDEN=1` writes the files again; it changes nothing else.

#![allow(
    clippy::unwrap_used,
    reason = "whatever is missing here fails the test, and its line says what"
)]

mod hosts;
mod samples;

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use messages::{
    AdmissionRecord, AdmissionState, BlockRecord, Blocked, CanonicalUrl, ContentHash, CrawlRecord,
    CrawlRequest, DeadLetter, DeadLetterHeaders, Entry, ExtractRecord, FoundLink, Gone, Message,
    Page, PageAgain, Speech, SpeechChange, SpeechId, Submission, Upsert, UrlId, Withdrawal,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::macros::datetime;

use samples::{
    BODY, DETAIL, LIST, crawl_request, dead_letter_headers, derived, page_response, speech, url_id,
    version,
};

fn manifest_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_update() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

/// Compares with the file, or writes it.
fn check_file(path: &Path, value: &Value) {
    if is_update() {
        let mut text = serde_json::to_string_pretty(value).unwrap();
        text.push('\n');
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &text).unwrap();
    }
    // As values: the order of fields is not part of the contract.
    let found = std::fs::read(path).unwrap_or_default();
    let found: Value = serde_json::from_slice(&found).unwrap_or_default();
    assert_eq!(
        &found,
        value,
        "{} is not current: if the change is meant and additive, run with UPDATE_GOLDEN=1",
        path.display()
    );
}

fn golden(name: &str) -> PathBuf {
    manifest_folder()
        .join("golden")
        .join(format!("{name}.json"))
}

/// What earlier versions wrote, where it differs: `golden/<version>/<name>.json`. A stream outlives the
/// versions that fill it, so these files are read for ever and never written again.
fn goldens_of_earlier_versions(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(manifest_folder().join("golden")).unwrap();
    let files = entries.map(|entry| entry.unwrap().path().join(format!("{name}.json")));
    files.filter(|file| file.is_file()).collect()
}

/// A message as it goes over the wire, and back.
fn check_message<M>(name: &str, message: &M, required: &[&str])
where
    M: Message + PartialEq + Debug,
{
    let decode = |payload: &[u8]| M::decode(&message.subject(), payload).ok();
    check(name, message, &message.encode(), required, decode);
}

/// A record as it stands in its bucket.
fn check_record<T>(name: &str, record: &T, required: &[&str])
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let bytes = serde_json::to_vec(record).unwrap();
    check(name, record, &bytes, required, |payload| {
        serde_json::from_slice(payload).ok()
    });
}

fn check<T: PartialEq + Debug>(
    name: &str,
    value: &T,
    encoded: &[u8],
    required: &[&str],
    decode: impl Fn(&[u8]) -> Option<T>,
) {
    let json: Value = serde_json::from_slice(encoded).unwrap();
    check_file(&golden(name), &json);
    let file = std::fs::read(golden(name)).unwrap();
    assert_eq!(decode(&file).as_ref(), Some(value), "{name}: read back");

    for earlier in goldens_of_earlier_versions(name) {
        let file = std::fs::read(&earlier).unwrap();
        assert!(decode(&file).is_some(), "{}", earlier.display());
    }

    let mut extended = json.clone();
    add_unknown_fields(&mut extended);
    let extended = extended.to_string();
    assert_eq!(
        decode(extended.as_bytes()).as_ref(),
        Some(value),
        "{name}: unknown fields are ignored"
    );

    let mut fewest = json.clone();
    let fields = fewest.as_object_mut().unwrap();
    fields.retain(|field, _| required.contains(&field.as_str()));
    assert!(
        decode(fewest.to_string().as_bytes()).is_some(),
        "{name}: every field but {required:?} has a default"
    );
    for field in required {
        let mut without = json.clone();
        without.as_object_mut().unwrap().remove(*field);
        assert!(
            decode(without.to_string().as_bytes()).is_none(),
            "{name}: {field} can't be left out"
        );
    }
}

/// What a later version may add anywhere.
fn add_unknown_fields(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(add_unknown_fields);
            fields.insert("added_later".to_owned(), json!({"a": [1, null]}));
        }
        Value::Array(items) => items.iter_mut().for_each(add_unknown_fields),
        _ => {}
    }
}

#[test]
fn a_submission_keeps_its_form() {
    let entry = Entry {
        url: DETAIL.to_owned(),
        every: Some("7d".to_owned()),
        refetch: true,
    };
    let submission = Submission {
        entries: vec![entry],
    };
    assert_eq!(submission.subject(), "crawl.submit");
    check_message("submission", &submission, &["url"]);
}

#[test]
fn a_found_link_keeps_its_form() {
    let link = FoundLink {
        url: DETAIL.parse().unwrap(),
        depth: 1,
        found_on: UrlId::of(&LIST.parse().unwrap()),
    };
    assert_eq!(link.subject(), "crawl.found");
    check_message("found_link", &link, &["url", "depth", "found_on"]);
}

#[test]
fn a_crawl_request_keeps_its_form_and_its_subjects() {
    let id = "6b59d0d3a4ebfb43642ade16f02b4a54";
    assert_eq!(url_id().as_str(), id);
    assert_eq!(crawl_request().subject(), format!("crawl.request.{id}"));
    let later = CrawlRequest::later_subject(&url_id());
    assert_eq!(later, format!("crawl.later.{id}"));
    let recrawl = CrawlRequest::recrawl_subject(&url_id());
    assert_eq!(recrawl, format!("crawl.recrawl.{id}"));
    check_message("crawl_request", &crawl_request(), &["url", "why"]);
}

#[test]
fn a_fetched_page_keeps_its_form() {
    let page = page_response();
    assert_eq!(page.subject(), format!("page.fetched.{}", url_id()));
    let Page::Response(response) = &page else {
        unreachable!("it is a response")
    };
    let body = response.body.decompress(BODY.len()).unwrap();
    assert_eq!(body, BODY.as_bytes());
    let required = [
        "page",
        "url",
        "final_url",
        "status",
        "fetched_at",
        "content_hash",
        "body",
    ];
    check_message("page_response", &page, &required);
}

#[test]
fn a_page_that_is_gone_keeps_its_form() {
    let page = Page::Gone(Gone {
        url: DETAIL.parse().unwrap(),
        status: 410,
        fetched_at: datetime!(2026-03-09 08:30:00 UTC),
    });
    check_message("page_gone", &page, &["page", "url", "status", "fetched_at"]);
}

#[test]
fn a_page_to_extract_again_is_its_subject_alone() {
    let again = PageAgain { url_id: url_id() };
    let subject = format!("page.again.{}", url_id());
    assert_eq!(again.subject(), subject);
    assert!(again.encode().is_empty());
    assert_eq!(PageAgain::decode(&subject, b"anything").unwrap(), again);
}

#[test]
fn an_upsert_keeps_its_form() {
    let change = SpeechChange::Upsert(Box::new(Upsert {
        version: version(),
        sources: [url_id(), UrlId::of(&LIST.parse().unwrap())].into(),
        from: url_id(),
        speech: speech(),
        derived: Some(derived()),
    }));
    assert_eq!(change.subject(), format!("speech.changed.{}", url_id()));
    let required = ["change", "version", "sources", "from", "speech"];
    check_message("speech_change_upsert", &change, &required);
}

#[test]
fn a_withdrawal_keeps_its_form() {
    let change = SpeechChange::Withdrawal(Withdrawal {
        version: version(),
        speech_id: SpeechId::of(&DETAIL.parse().unwrap()),
        url: DETAIL.parse().unwrap(),
    });
    let required = ["change", "version", "speech_id", "url"];
    check_message("speech_change_withdrawal", &change, &required);
}

#[test]
fn what_a_speech_does_not_know_may_be_left_out_of_it() {
    let mut json = serde_json::to_value(speech()).unwrap();
    let optional = [
        "site_name",
        "source_id",
        "occasion",
        "speaker",
        "speaker_role",
        "delivered_on",
        "title_date",
        "published_at",
        "date",
        "date_from",
        "views",
        "author",
        "source",
        "salutation",
        "closing",
        "profile",
    ];
    for field in optional {
        json.as_object_mut().unwrap().remove(field).unwrap();
    }
    let read: Speech = serde_json::from_value(json).unwrap();
    assert_eq!(read.published_at, None);
    assert_eq!(read.text, speech().text);
}

#[test]
fn the_headers_of_a_dead_letter_keep_their_form() {
    let headers = dead_letter_headers();
    let required = [
        "Speechmill-Stage",
        "Speechmill-Code",
        "Speechmill-Error",
        "Speechmill-Attempts",
        "Speechmill-Time",
        "Speechmill-Stream",
        "Speechmill-Subject",
        "Speechmill-Sequence",
    ];
    check_record("dead_letter_headers", &headers, &required);
    let mut pairs = headers.to_pairs();
    pairs.push(("Nats-Msg-Id".to_owned(), "PAGES:4711:0".to_owned()));
    let subject = format!("dead.extractor.{}", url_id());
    let letter = DeadLetter::read(&subject, pairs, b"bytes".to_vec()).unwrap();
    assert_eq!(letter.headers, headers);
    assert_eq!(letter.subject(), subject);
}

#[test]
fn the_records_of_a_url_keep_their_form_and_their_keys() {
    let at = datetime!(2026-03-02 08:29:58 UTC);
    let admission = AdmissionRecord {
        url: DETAIL.parse().unwrap(),
        state: AdmissionState::Skipped,
        code: Some("out_of_scope".to_owned()),
        every: Some("7d".parse().unwrap()),
        refetch_at: Some(at),
        at,
    };
    check_record("record_admission", &admission, &["url", "state", "at"]);
    let crawl = CrawlRecord {
        status: 200,
        fetched_at: at,
        code: Some("unchanged".to_owned()),
        content_hash: Some(ContentHash::of(BODY.as_bytes())),
        etag: Some("\"5f3-18c\"".to_owned()),
        last_modified: Some("Mon, 05 Jan 2026 01:12:33 GMT".to_owned()),
        misses: 1,
        refusals: 1,
    };
    check_record("record_crawl", &crawl, &["status", "fetched_at"]);
    let extract = ExtractRecord {
        version: version(),
        speech_ids: vec![SpeechId::of(&DETAIL.parse().unwrap())],
        code: Some("list_page".to_owned()),
        num_links: 12,
        num_refused_links: 3,
        num_replaced: 2,
    };
    check_record("record_extract", &extract, &["version"]);
    let keys = [
        AdmissionRecord::key(&url_id()),
        CrawlRecord::key(&url_id()),
        ExtractRecord::key(&url_id()),
    ];
    let ends = ["admission", "crawl", "extract"];
    assert_eq!(keys, ends.map(|end| format!("{}.{end}", url_id())));
}

#[test]
fn a_block_keeps_its_form_and_its_keys() {
    let url = BlockRecord {
        what: Blocked::Url(DETAIL.parse().unwrap()),
        is_blocked: true,
        at: datetime!(2026-03-02 08:29:58 UTC),
    };
    check_record("record_block", &url, &["url", "is_blocked", "at"]);
    assert_eq!(url.what.key(), format!("{}.block", url_id()));
    let host = BlockRecord {
        what: Blocked::Host("http://a.cn:81/".parse::<CanonicalUrl>().unwrap().host()),
        is_blocked: false,
        ..url
    };
    check_record("record_block_host", &host, &["host", "is_blocked", "at"]);
    assert_eq!(host.what.key(), "a.cn=81.block");
}

#[test]
fn the_published_schemas_are_those_of_the_types() {
    let folder = manifest_folder().join("../../deploy/schemas");
    for (name, schema) in [
        ("crawl.submit", schemars::schema_for!(Entry)),
        ("speech.changed", schemars::schema_for!(SpeechChange)),
        ("dead", schemars::schema_for!(DeadLetterHeaders)),
    ] {
        check_file(&folder.join(format!("{name}.json")), schema.as_value());
    }
}
