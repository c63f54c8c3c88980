//! The HTTP clients, and which of them leads to a URL.
//!
//! In: a URL whose literal address, if it has one, was looked at already. Out: a client that connects
//! to public addresses and allowed ones only, to whatever the operator allows by name, or to a proxy.

use std::sync::Arc;
use std::time::Duration;

use messages::CanonicalUrl;
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, redirect};

use crate::proxy::Proxies;
use crate::resolver::{Refusal, Resolver};
use crate::{CaFile, CrawlerConfig, FetchError, Guard, SetupError};

/// A client for each way into the web.
#[derive(Debug)]
pub(super) struct Clients {
    guarded: Client,
    /// For hosts that the operator allows by name.
    unguarded: Client,
    proxied: Option<Proxied>,
    resolver: Resolver,
}

/// Resolves nothing but the proxy's own name, which may lead anywhere.
#[derive(Debug)]
struct Proxied {
    client: Client,
    proxies: Proxies,
}

/// The way to a URL.
pub(super) struct Route<'a> {
    pub(super) client: &'a Client,
    pub(super) is_proxied: bool,
}

impl Clients {
    pub(super) fn new(config: &CrawlerConfig, guard: Arc<Guard>) -> Result<Self, SetupError> {
        // The client would panic.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(SetupError::NoCrypto);
        }
        let unguarded = Resolver::unguarded();
        let resolver = unguarded.guarded(guard);
        let proxied = config
            .proxies()?
            .map(|proxies| Proxied::new(config, &unguarded, proxies))
            .transpose()?;
        let direct = |resolver: &Resolver| build(client(config, resolver));
        Ok(Self {
            guarded: direct(&resolver)?,
            unguarded: direct(&unguarded)?,
            proxied,
            resolver,
        })
    }

    /// The way to this URL. A proxy is not asked for a name that leads to no address of ours to ask.
    pub(super) async fn route(
        &self,
        url: &CanonicalUrl,
        is_allowed: bool,
    ) -> Result<Route<'_>, FetchError> {
        let client = match &self.proxied {
            // The operator's own hosts are on this side of it.
            _ if is_allowed => &self.unguarded,
            Some(proxied) if proxied.proxies.lead_to(url) => {
                if let Some(name) = url.as_url().domain() {
                    self.check(url, name).await?;
                }
                return Ok(Route {
                    client: &proxied.client,
                    is_proxied: true,
                });
            }
            _ => &self.guarded,
        };
        Ok(Route {
            client,
            is_proxied: false,
        })
    }

    async fn check(&self, url: &CanonicalUrl, name: &str) -> Result<(), FetchError> {
        match self.resolver.addresses_of(name).await {
            Ok(_) => Ok(()),
            Err(Refusal::NotPublic(refused)) => Err(refused.into()),
            Err(Refusal::Unresolved(source)) => Err(FetchError::Dns {
                host: url.host().to_string(),
                source,
            }),
        }
    }
}

impl Proxied {
    fn new(
        config: &CrawlerConfig,
        resolver: &Resolver,
        proxies: Proxies,
    ) -> Result<Self, SetupError> {
        let client = proxies.apply(client(config, resolver));
        let client = client.map_err(SetupError::Client).and_then(build)?;
        Ok(Self { client, proxies })
    }
}

fn build(client: ClientBuilder) -> Result<Client, SetupError> {
    client.build().map_err(SetupError::Client)
}

fn client(config: &CrawlerConfig, resolver: &Resolver) -> ClientBuilder {
    let mut headers = HeaderMap::new();
    headers.insert(
        ACCEPT,
        HeaderValue::from_static("text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.1"),
    );
    headers.insert(
        ACCEPT_LANGUAGE,
        HeaderValue::from_static("zh-CN,zh;q=0.9,*;q=0.1"),
    );
    let authorities = config.ca_file.iter().flat_map(CaFile::certificates);
    Client::builder()
        .dns_resolver(resolver.clone())
        .tls_certs_merge(authorities)
        .user_agent(config.full_user_agent())
        .default_headers(headers)
        .connect_timeout(config.connect_timeout)
        .redirect(redirect::Policy::none())
        // A failure must not be asked again behind the back of the host's pace.
        .retry(reqwest::retry::never())
        .referer(false)
        // What the environment says is read by us.
        .no_proxy()
        // One, but for hosts without pace.
        .pool_max_idle_per_host(config.fetch_concurrency.into())
        .pool_idle_timeout(Duration::from_secs(20))
}
