//! What a failure of the HTTP client means: in, its error; out, ours, which has a code.

use std::error::Error;

use messages::CanonicalUrl;

use crate::{FetchError, NotPublic, Unresolved};

pub(super) fn timed_out(url: &CanonicalUrl) -> FetchError {
    FetchError::Timeout {
        host: url.host().to_string(),
    }
}

pub(super) fn request_failed(
    url: &CanonicalUrl,
    error: reqwest::Error,
    is_proxied: bool,
) -> FetchError {
    let host = url.host().to_string();
    if let Some(refused) = cause::<NotPublic>(&error) {
        return FetchError::NotPublic(refused.clone());
    }
    // Of a proxy, it is the proxy's name.
    if let Some(unresolved) = cause::<Unresolved>(&error).filter(|_| !is_proxied) {
        let source = unresolved.clone();
        return FetchError::Dns { host, source };
    }
    let is_tls = cause::<rustls::Error>(&error).is_some();
    let source = error.without_url();
    if source.is_timeout() {
        FetchError::Timeout { host }
    } else if is_tls {
        FetchError::Tls { host, source }
    } else if source.is_connect() && is_proxied {
        FetchError::Proxy { host, source }
    } else if source.is_connect() {
        FetchError::Connect { host, source }
    } else {
        FetchError::Answer { host, source }
    }
}

pub(super) fn body_failed(url: &CanonicalUrl, error: reqwest::Error) -> FetchError {
    if error.is_timeout() {
        timed_out(url)
    } else {
        FetchError::Body(error.without_url())
    }
}

/// The cause of this type, also where an I/O error wraps it: `source` steps over what is inside.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
