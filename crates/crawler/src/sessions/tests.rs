//! What a sessions file may hold, where it is sent, and that its values are never shown.

use super::*;

const FILE: &str = r#"
[[site]]
hosts = ["www.example.com", "*.example.cn", "old.example.org:8443"]
cookie = "sid=s3cret; c=d"

[site.headers]
Authorization = "Bearer s3cret"

[[site]]
hosts = ["plain.example.org"]
cookie = "sid=s3cret"
insecure = true
"#;

fn cookie(url: &str, is_allowed: bool) -> Option<String> {
    let sessions = Sessions::parse(FILE).unwrap();
    let headers = sessions.headers_for(&url.parse().unwrap(), is_allowed)?;
    Some(headers.get(COOKIE)?.to_str().unwrap().to_owned())
}

#[test]
fn a_session_is_for_the_hosts_that_are_named_and_for_no_other() {
    for url in [
        "https://www.example.com/a",
        "https://www.example.com:443/",
        "https://a.example.cn/",
        "https://b.a.example.cn/",
        "https://old.example.org:8443/",
    ] {
        assert_eq!(
            cookie(url, false).as_deref(),
            Some("sid=s3cret; c=d"),
            "{url}"
        );
    }
    for url in [
        "https://example.com/",
        "https://www.example.com:8443/",
        "https://a.www.example.com/",
        "https://example.cn/",
        "https://notexample.cn/",
        "https://www.example.com.evil.org/",
        "https://old.example.org/",
    ] {
        assert_eq!(cookie(url, false), None, "{url}");
    }
}

#[test]
fn a_session_goes_over_plain_http_only_where_the_operator_says_so_or_is_at_home() {
    assert_eq!(cookie("http://www.example.com/", false), None);
    assert!(cookie("http://www.example.com/", true).is_some());
    assert!(cookie("http://plain.example.org/", false).is_some());
}

#[test]
fn values_are_shown_to_nobody() {
    let sessions = Sessions::parse(FILE).unwrap();
    let url = "https://www.example.com/".parse().unwrap();
    let headers = sessions.headers_for(&url, false).unwrap();
    assert!(headers.values().all(HeaderValue::is_sensitive));
    let text = format!("{sessions:?} {headers:?}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn what_is_wrong_is_said_by_its_place_without_its_value() {
    let site = |body: &str| format!("[[site]]\nhosts = [\"a.cn\"]\n{body}");
    for (text, place) in [
        (site("cookie = s3cret"), "line 3"),
        (site("cookie = [\"s3cret\"]"), "line 3"),
        (site("headers = \"s3cret\""), "line 3"),
        (site("s3cret = \"a\""), "line 3"),
        ("cookie = \"s3cret\"".to_owned(), "line 1"),
        (site("cookie = \"s3cret\\n\""), ""),
        (site("cookie = \"s3cret\\u0007x\""), "site 1: cookie"),
        (site("cookie = \" \""), "site 1: cookie"),
        (site(""), "site 1: it has neither"),
        (
            site("headers = { Host = \"s3cret\" }"),
            "site 1: header host",
        ),
        (
            site("headers = { cookie = \"s3cret\" }"),
            "site 1: header cookie",
        ),
        (
            site("headers = { \"a b\" = \"s3cret\" }"),
            "site 1: a header has",
        ),
        (
            site("headers = { X-A = \"s3cret\\u0000\" }"),
            "site 1: header x-a",
        ),
    ] {
        let Err(error) = Sessions::parse(&text) else {
            assert!(place.is_empty(), "{text}");
            continue;
        };
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains(place) && !shown.contains("s3cret"),
            "{shown}"
        );
    }
}

#[test]
fn what_names_no_host_is_refused() {
    for host in [
        "",
        "*",
        "*.cn",
        "a.cn/x",
        "https://a.cn",
        "a b",
        "a.cn:x",
        "me:s@a.cn",
    ] {
        let text = format!("[[site]]\nhosts = [{host:?}]\ncookie = \"a=b\"");
        assert!(Sessions::parse(&text).is_err(), "{host}");
    }
    assert!(Sessions::parse("[[site]]\nhosts = []\ncookie = \"a=b\"").is_err());
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_refused() {
    use std::fs::{Permissions, set_permissions, write};
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.toml");
    write(&path, FILE).unwrap();
    for (mode, is_good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
        set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        assert_eq!(Sessions::load(&path).is_ok(), is_good, "{mode:o}");
    }
    assert!(Sessions::load(&folder.path().join("none.toml")).is_err());
}
