//! Which proxy leads to a URL: the one that is configured, else the one that the environment names.
//!
//! In: `--proxy`, or `HTTP_PROXY`, `HTTPS_PROXY` and `ALL_PROXY`, in capitals or not; `NO_PROXY` holds for
//! all of them. Out: the rules for a client, and whether they hold for a URL. Never shows a password.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use messages::CanonicalUrl;
use reqwest::{ClientBuilder, Proxy};

use crate::SetupError;

/// A proxy's address, which may hold a password. Never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(String);

impl FromStr for ProxyUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyUrl(…)")
    }
}

/// The proxies there are, one at least.
#[derive(Debug)]
pub(crate) struct Proxies {
    http: Option<Intercept>,
    https: Option<Intercept>,
    /// Takes what `NO_PROXY` does not name.
    rest: Matcher,
}

impl Proxies {
    /// `None`: there is none. `variable` knows the environment.
    pub(crate) fn new(
        configured: Option<&ProxyUrl>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, SetupError> {
        let value_of = |name: &str| {
            [name.to_owned(), name.to_ascii_lowercase()]
                .iter()
                .find_map(|name| variable(name))
                .filter(|value| !value.trim().is_empty())
        };
        let find = |name| {
            value_of(name)
                .map(|value| parse(&value).ok_or(SetupError::BadProxy(name)))
                .transpose()
        };
        let (http, https) = if let Some(ProxyUrl(url)) = configured {
            let proxy = parse(url).ok_or(SetupError::BadProxy("--proxy"))?;
            (Some(proxy.clone()), Some(proxy))
        } else {
            let all = find("ALL_PROXY")?;
            let (http, https) = (find("HTTP_PROXY")?, find("HTTPS_PROXY")?);
            (http.or_else(|| all.clone()), https.or(all))
        };
        let any = http.is_some() || https.is_some();
        Ok(any.then(|| Self {
            http,
            https,
            rest: Matcher::builder()
                .all("http://proxy.invalid")
                .no(value_of("NO_PROXY").unwrap_or_default())
                .build(),
        }))
    }

    /// Whether a proxy is asked for this URL.
    pub(crate) fn lead_to(&self, url: &CanonicalUrl) -> bool {
        let proxy = match url.as_url().scheme() {
            "https" => &self.https,
            _ => &self.http,
        };
        let origin = format!("{}://{}/", url.as_url().scheme(), url.host());
        // What the matcher can't read, it can't exempt.
        let is_exempt = origin
            .parse()
            .is_ok_and(|origin| self.rest.intercept(&origin).is_none());
        proxy.is_some() && !is_exempt
    }

    /// The rules, but for `NO_PROXY`.
    pub(crate) fn apply(&self, mut client: ClientBuilder) -> Result<ClientBuilder, reqwest::Error> {
        type Rule = fn(String) -> Result<Proxy, reqwest::Error>;
        let rules: [(_, Rule); 2] = [(&self.http, Proxy::http), (&self.https, Proxy::https)];
        for (proxy, rule) in rules {
            if let Some(proxy) = proxy {
                let mut rule = rule(proxy.uri().to_string())?;
                if let Some(password) = proxy.basic_auth() {
                    rule = rule.custom_http_auth(password.clone());
                }
                client = client.proxy(rule);
            }
        }
        Ok(client)
    }
}

/// A proxy that we can speak to: over HTTP.
fn parse(value: &str) -> Option<Intercept> {
    let any = "http://any.invalid/".parse().ok()?;
    let proxy = Matcher::builder()
        .all(value.trim())
        .build()
        .intercept(&any)?;
    matches!(proxy.uri().scheme_str(), Some("http" | "https")).then_some(proxy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Option<Proxies>, SetupError> {
        Proxies::new(None, |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn lead_to(proxies: &Proxies, url: &str) -> bool {
        proxies.lead_to(&url.parse().unwrap())
    }

    #[test]
    fn the_environment_names_proxies_and_exemptions_in_capitals_or_not() {
        let some = proxies(&[
            ("http_proxy", "proxy:3128"),
            ("NO_PROXY", "example.cn, 10.0.0.0/8"),
        ]);
        let some = some.unwrap().unwrap();
        assert!(lead_to(&some, "http://a.cn/1"));
        assert!(!lead_to(&some, "https://a.cn/1"));
        assert!(!lead_to(&some, "http://www.example.cn/"));
        assert!(!lead_to(&some, "http://10.1.2.3/"));
        let all = proxies(&[("ALL_PROXY", "http://proxy:3128")])
            .unwrap()
            .unwrap();
        assert!(lead_to(&all, "http://a.cn/") && lead_to(&all, "https://a.cn:8443/"));
    }

    #[test]
    fn without_a_name_there_is_no_proxy() {
        assert!(proxies(&[]).unwrap().is_none());
        assert!(
            proxies(&[("HTTP_PROXY", " "), ("NO_PROXY", "*")])
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn what_is_configured_wins_over_the_environment_but_for_its_exemptions() {
        let configured = "http://127.0.0.1:1".parse().unwrap();
        let variable = |name: &str| match name {
            "NO_PROXY" => Some("b.cn".to_owned()),
            _ => Some("nonsense://".to_owned()),
        };
        let some = Proxies::new(Some(&configured), variable).unwrap().unwrap();
        assert!(lead_to(&some, "https://a.cn/") && !lead_to(&some, "https://b.cn/"));
    }

    #[test]
    fn a_proxy_that_we_cannot_speak_to_is_refused_and_no_password_is_shown() {
        for bad in [
            "socks5://me:secret@proxy:1080",
            "me:secret@",
            "ftp://me:secret@p",
        ] {
            let error = proxies(&[("HTTPS_PROXY", bad)]).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(
                text.contains("HTTPS_PROXY") && !text.contains("secret"),
                "{text}"
            );
        }
        let url: ProxyUrl = "http://me:secret@proxy:3128".parse().unwrap();
        let some = Proxies::new(Some(&url), |_| None).unwrap();
        let text = format!("{url:?} {some:?}");
        assert!(!text.contains("secret") && !text.contains("bWU6"), "{text}");
    }
}
