//! What failures mean, and that they say no more than they should.

use super::*;

fn answer(status: u16, code: &str) -> IndexError {
    let body = format!(r#"{{"message":"m","code":"{code}","type":"invalid_request"}}"#);
    IndexError::of_answer("http://m", status, body.as_bytes())
}

fn task(code: &str, class: &str) -> IndexError {
    IndexError::of_task(Some(&Complaint {
        message: "m".to_owned(),
        code: code.to_owned(),
        class: class.to_owned(),
    }))
}

#[test]
fn every_answer_has_its_verdict() {
    for (error, verdict, code) in [
        (
            answer(403, "invalid_api_key"),
            Verdict::Stop(Stop::Refused),
            "meilisearch_key_refused",
        ),
        (
            answer(401, "missing_authorization_header"),
            Verdict::Stop(Stop::Refused),
            "meilisearch_key_refused",
        ),
        (
            answer(422, "no_space_left_on_device"),
            Verdict::Wait,
            "meilisearch_full",
        ),
        (
            answer(500, "internal"),
            Verdict::Wait,
            "meilisearch_unavailable",
        ),
        (
            answer(413, "payload_too_large"),
            Verdict::Reject,
            "payload_too_large",
        ),
        (
            answer(400, "invalid_index_uid"),
            Verdict::Stop(Stop::Config),
            "invalid_index_uid",
        ),
        (
            IndexError::of_answer("http://m", 502, b"<html>"),
            Verdict::Wait,
            "meilisearch_unavailable",
        ),
        (
            IndexError::of_answer("http://m", 404, b"<html>"),
            Verdict::Wait,
            "meilisearch_foreign",
        ),
    ] {
        assert_eq!(error.verdict(), verdict, "{error}");
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn every_end_of_a_task_has_its_verdict() {
    for (error, verdict, code) in [
        (
            task("invalid_document_id", "invalid_request"),
            Verdict::Reject,
            "invalid_document_id",
        ),
        (
            task("internal", "internal"),
            Verdict::Retry { after: None },
            "internal",
        ),
        (
            task("no_space_left_on_device", "system"),
            Verdict::Wait,
            "meilisearch_full",
        ),
        (
            task("index_primary_key_already_exists", "invalid_request"),
            Verdict::Stop(Stop::Config),
            "meilisearch_config",
        ),
        (
            IndexError::TaskCanceled { uid: 1 },
            Verdict::Wait,
            "task_canceled",
        ),
    ] {
        assert_eq!(error.verdict(), verdict, "{error}");
        assert_eq!(error.code(), code, "{error}");
    }
}

#[test]
fn only_what_a_document_can_cause_is_bisected() {
    assert!(task("invalid_document_id", "invalid_request").is_about_documents());
    assert!(answer(413, "payload_too_large").is_about_documents());
    assert!(!answer(403, "invalid_api_key").is_about_documents());
    assert!(!IndexError::TaskCanceled { uid: 1 }.is_about_documents());
}

#[test]
fn a_long_message_is_cut_between_characters() {
    let short = shorten(&"讲".repeat(1_000));
    assert_eq!(short.chars().count(), MAX_MESSAGE_CHARS + 1);
}
