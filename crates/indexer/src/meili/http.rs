//! The HTTP client: key, time-outs, and what each answer means.
//!
//! In: a request. Out: the body of a 2xx answer, or the error with its verdict.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Url};
use serde::de::DeserializeOwned;

use crate::{IndexError, MeiliConfig};

/// Longest time to a TCP and TLS connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client of one server.
pub(crate) struct Http {
    client: Client,
    url: String,
    upload_timeout: Duration,
    is_here: bool,
}

impl Http {
    pub(crate) fn new(config: &MeiliConfig) -> Result<Self, IndexError> {
        let url = config.validate()?;
        let bad = |what: &str| IndexError::Config(format!("no client of Meilisearch: {what}"));
        // An error means that the process has chosen its provider already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut headers = HeaderMap::new();
        if let Some(key) = config.key() {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose()))
                .map_err(|_| bad("the key can't be sent"))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut builder = Client::builder()
            .user_agent(concat!("speechmill/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(Policy::none())
            // Meilisearch makes a Brotli encoder of some MB for each answer, however small.
            .no_brotli()
            .no_deflate()
            .no_gzip()
            .no_zstd()
            .connect_timeout(CONNECT_TIMEOUT.min(config.meili_timeout))
            .timeout(config.meili_timeout);
        let is_here = is_here(&url);
        if is_here {
            // A proxy for the web knows nothing of this machine's own ports.
            builder = builder.no_proxy();
        }
        let client = builder
            .build()
            .map_err(|e| bad(&e.without_url().to_string()))?;
        Ok(Self {
            client,
            url,
            upload_timeout: config.meili_upload_timeout,
            is_here,
        })
    }

    /// Whether the server is on this machine.
    pub(crate) fn is_here(&self) -> bool {
        self.is_here
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A request of a path of the API.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// The same, with time for a large body.
    pub(crate) fn upload(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
            .timeout(self.upload_timeout)
    }

    /// A request of a whole URL, as the SDK writes it.
    pub(crate) fn request_url(&self, method: Method, url: &str) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends a request; the body of a 2xx answer.
    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<Bytes, IndexError> {
        let lost = |error: reqwest::Error| IndexError::Unreachable {
            url: self.url.clone(),
            source: Arc::new(error.without_url()),
        };
        let answer = request.send().await.map_err(lost)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(lost)?;
        if status.is_success() {
            Ok(body)
        } else {
            Err(IndexError::of_answer(&self.url, status.as_u16(), &body))
        }
    }

    /// Sends a request; the JSON of a 2xx answer.
    pub(crate) async fn json<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
    ) -> Result<T, IndexError> {
        let body = self.send(request).await?;
        self.parse(&body)
    }

    /// Reads the body of a 2xx answer; an empty one is `null`.
    pub(crate) fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, IndexError> {
        let body: &[u8] = if body.is_empty() { b"null" } else { body };
        serde_json::from_slice(body).map_err(|_| IndexError::Foreign {
            url: self.url.clone(),
            status: 200,
        })
    }
}

/// Whether the URL is of this very machine.
fn is_here(url: &str) -> bool {
    let host = Url::parse(url).ok().and_then(|url| {
        let host = url.host_str()?;
        Some(host.trim_matches(['[', ']']).to_owned())
    });
    host.is_some_and(|host| {
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_never_asked_for_this_machine() {
        for url in [
            "http://127.0.0.1:7700",
            "http://localhost:7700",
            "http://[::1]:7700",
        ] {
            assert!(is_here(url), "{url}");
        }
        for url in ["http://meilisearch:7700", "https://localhost.example.com"] {
            assert!(!is_here(url), "{url}");
        }
    }
}
