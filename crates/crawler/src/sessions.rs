//! What the operator's accounts send along: a cookie or headers, each for the hosts that are named.
//!
//! In: a TOML file that nobody else can read. Out: the headers for a URL, if it is one of theirs. They
//! go over TLS, or where the operator says so, and to no other host. No value is ever shown, not even
//! in the message that it is wrong. What sites set as cookies is not kept: a session is renewed here.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use messages::CanonicalUrl;
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

/// What the client itself says, or what would change what an answer means.
const RESERVED: [&str; 20] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// A sessions file can't be used. It never says what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum SessionsError {
    /// Missing, say.
    #[error("it can't be read: {0}")]
    Unreadable(io::Error),
    /// It holds what lets others act in the operator's name.
    #[error("others can read it: it holds secrets, so let it be yours alone (chmod 600)")]
    ReadableByOthers,
    /// Not TOML, or fields are missing or unknown.
    #[error(
        "line {line}: it is not understood; write [[site]] with hosts = [\"www.example.com\"], and cookie = \"…\" or [site.headers], or both"
    )]
    Malformed {
        /// Where it stops making sense.
        line: usize,
    },
    /// A site holds what it must not.
    #[error("site {number}: {reason}")]
    BadSite {
        /// Counted from 1.
        number: usize,
        /// Why, without a value.
        reason: String,
    },
}

/// All that is sent along; with nothing in it, nothing.
#[derive(Clone, Default)]
pub struct Sessions(Arc<[Site]>);

struct Site {
    hosts: Vec<Hosts>,
    headers: HeaderMap,
    /// Whether it may be sent in plain text.
    insecure: bool,
}

/// One host, or all below a name.
struct Hosts {
    name: String,
    /// `None`: the usual one.
    port: Option<u16>,
    below: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    site: Vec<WrittenSite>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSite {
    hosts: Vec<String>,
    cookie: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    insecure: bool,
}

impl Sessions {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, SessionsError> {
        let mut file = File::open(path).map_err(SessionsError::Unreadable)?;
        if is_readable_by_others(&file).map_err(SessionsError::Unreadable)? {
            return Err(SessionsError::ReadableByOthers);
        }
        let mut text = String::new();
        file.read_to_string(&mut text)
            .map_err(SessionsError::Unreadable)?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, SessionsError> {
        // The error's own text repeats what is written there.
        let written: Written = toml::from_str(text).map_err(|error| {
            let end = error.span().map_or(0, |span| span.start);
            let before = text.bytes().take(end);
            SessionsError::Malformed {
                line: before.filter(|&byte| byte == b'\n').count() + 1,
            }
        })?;
        let sites = (1..).zip(written.site).map(|(number, site)| {
            Site::read(&site).map_err(|reason| SessionsError::BadSite { number, reason })
        });
        sites.collect::<Result<_, _>>().map(Self)
    }

    /// What to send along. `is_allowed`: the operator allows this very host, so it is the operator's own.
    pub(crate) fn headers_for(&self, url: &CanonicalUrl, is_allowed: bool) -> Option<&HeaderMap> {
        let is_secure = is_allowed || url.as_url().scheme() == "https";
        let mut sites = self.0.iter();
        let site = sites.find(|site| site.hosts.iter().any(|hosts| hosts.hold(url)))?;
        (is_secure || site.insecure).then_some(&site.headers)
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} sites)", self.0.len())
    }
}

impl Site {
    fn read(written: &WrittenSite) -> Result<Self, String> {
        if written.hosts.is_empty() {
            return Err("hosts is empty: it names those that the session is for".to_owned());
        }
        let hosts = (1..).zip(&written.hosts).map(|(number, text)| {
            Hosts::read(text).ok_or_else(|| {
                format!(
                    "host {number} is neither a name (www.example.com, with a :port if you like) nor all below one (*.example.cn)"
                )
            })
        });
        let mut headers = HeaderMap::new();
        if let Some(cookie) = &written.cookie {
            headers.insert(
                COOKIE,
                value(cookie).ok_or("cookie is empty, or can't travel in a header")?,
            );
        }
        for (name, text) in &written.headers {
            let Ok(known) = name.parse::<HeaderName>() else {
                return Err("a header has a name that no header can have".to_owned());
            };
            let bad = |why| format!("header {known}: {why}");
            if known == COOKIE {
                return Err(bad("write cookie = \"…\" instead"));
            }
            if RESERVED.contains(&known.as_str()) {
                return Err(bad("the crawler says that itself"));
            }
            let value = value(text)
                .ok_or_else(|| bad("its value is empty, or can't travel in a header"))?;
            headers.insert(known, value);
        }
        if headers.is_empty() {
            return Err("it has neither a cookie nor headers".to_owned());
        }
        Ok(Self {
            hosts: hosts.collect::<Result<_, _>>()?,
            headers,
            insecure: written.insecure,
        })
    }
}

impl Hosts {
    fn read(text: &str) -> Option<Self> {
        let (below, host) = match text.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, text),
        };
        let url: CanonicalUrl = format!("https://{host}/").parse().ok()?;
        let name = url.host().name().to_owned();
        let is_whole = url.as_url().path() == "/" && url.as_url().query().is_none();
        // All of *.cn is no site.
        let is_narrow = !below || name.contains('.');
        let is_host = !host.contains(['*', '/', '?', '#', '\\']) && is_whole && is_narrow;
        is_host.then_some(Self {
            name,
            port: url.as_url().port(),
            below,
        })
    }

    fn hold(&self, url: &CanonicalUrl) -> bool {
        let host = url.host();
        let is_named = if self.below {
            let above = host.name().strip_suffix(&self.name);
            above.is_some_and(|above| above.ends_with('.'))
        } else {
            host.name() == self.name
        };
        is_named && url.as_url().port() == self.port
    }
}

fn value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text.trim()).ok()?;
    value.set_sensitive(true);
    (!value.is_empty()).then_some(value)
}

#[cfg(unix)]
fn is_readable_by_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_readable_by_others(_file: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests;
