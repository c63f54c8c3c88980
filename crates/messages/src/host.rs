//! The host that politeness, scope and memory hold for.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A lower-case authority without the default port: `www.example.com`, `127.0.0.1:8080`, `[::1]:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Host(String);

impl Host {
    /// The authority of a URL that has one.
    pub(crate) fn of(url: &url::Url) -> Option<Self> {
        let host = url.host_str()?;
        Some(Self(match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }))
    }

    /// As it stands in URLs.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name without the port.
    pub fn name(&self) -> &str {
        match self.0.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
            _ => &self.0,
        }
    }

    /// As it stands in keys of the KV bucket `hosts`, where `:` and brackets are illegal.
    pub fn key(&self) -> String {
        self.0
            .chars()
            .filter(|c| !matches!(c, '[' | ']'))
            .map(|c| if c == ':' { '=' } else { c })
            .collect()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use crate::CanonicalUrl;

    fn host(url: &str) -> super::Host {
        url.parse::<CanonicalUrl>().unwrap().host()
    }

    #[test]
    fn the_default_port_is_no_part_of_a_host_and_another_is() {
        assert_eq!(
            host("https://WWW.Example.com:443/").as_str(),
            "www.example.com"
        );
        assert_eq!(host("http://127.0.0.1:8080/a").as_str(), "127.0.0.1:8080");
        assert_eq!(host("http://127.0.0.1:8080/a").name(), "127.0.0.1");
    }

    #[test]
    fn a_key_has_neither_colons_nor_brackets() {
        assert_eq!(host("http://[::1]:8080/").key(), "==1=8080");
        assert_eq!(host("http://[::1]/").name(), "[::1]");
    }
}
