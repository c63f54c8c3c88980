//! The SDK's requests, sent by our client.
//!
//! In: what the SDK wants to ask. Out: its answer, or our error inside the SDK's, untouched.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::io::{AsyncRead, AsyncReadExt};
use meilisearch_sdk::errors::Error;
use meilisearch_sdk::request::{HttpClient, Method};
use reqwest::RequestBuilder;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Http;
use crate::IndexError;

/// Our client in the SDK's clothes.
#[derive(Clone)]
pub(crate) struct SdkHttp(pub(super) Arc<Http>);

impl SdkHttp {
    fn start<Q: Serialize, B>(
        &self,
        url: &str,
        method: &Method<Q, B>,
    ) -> Result<RequestBuilder, Error> {
        let verb = match method {
            Method::Get { .. } => reqwest::Method::GET,
            Method::Post { .. } => reqwest::Method::POST,
            Method::Patch { .. } => reqwest::Method::PATCH,
            Method::Put { .. } => reqwest::Method::PUT,
            Method::Delete { .. } => reqwest::Method::DELETE,
        };
        let query = query_string(&serde_json::to_value(method.query())?);
        Ok(self.0.request_url(verb, &format!("{url}{query}")))
    }

    async fn finish<O: DeserializeOwned>(&self, request: RequestBuilder) -> Result<O, Error> {
        self.0.json(request).await.map_err(wrap)
    }
}

#[async_trait]
impl HttpClient for SdkHttp {
    async fn request<Query, Body, Output>(
        &self,
        url: &str,
        method: Method<Query, Body>,
        _expected_status_code: u16,
    ) -> Result<Output, Error>
    where
        Query: Serialize + Send + Sync,
        Body: Serialize + Send + Sync,
        Output: DeserializeOwned + 'static + Send,
    {
        let mut request = self.start(url, &method)?;
        if let Some(body) = method.body() {
            request = request.json(body);
        }
        self.finish(request).await
    }

    async fn stream_request<
        Query: Serialize + Send + Sync,
        Body: AsyncRead + Send + Sync + 'static,
        Output: DeserializeOwned + 'static,
    >(
        &self,
        url: &str,
        method: Method<Query, Body>,
        content_type: &str,
        _expected_status_code: u16,
    ) -> Result<Output, Error> {
        let mut request = self.start(url, &method)?;
        if let Some(body) = method.into_body() {
            let mut body = std::pin::pin!(body);
            let mut bytes = Vec::new();
            body.read_to_end(&mut bytes)
                .await
                .map_err(|e| Error::Other(Box::new(e)))?;
            request = request.header(CONTENT_TYPE, content_type).body(bytes);
        }
        self.finish(request).await
    }

    fn is_tokio(&self) -> bool {
        true
    }
}

fn wrap(error: IndexError) -> Error {
    Error::Other(Box::new(error))
}

/// A flat object as `?a=1&b=x,y`; anything else as nothing. Only names and numbers get here.
fn query_string(query: &Value) -> String {
    let plain = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let Value::Object(fields) = query else {
        return String::new();
    };
    let pairs: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(plain).collect();
                format!("{name}={}", items.join(","))
            }
            other => format!("{name}={}", plain(other)),
        })
        .collect();
    if pairs.is_empty() {
        return String::new();
    }
    format!("?{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_query_becomes_pairs_and_lists_are_joined_by_commas() {
        assert_eq!(query_string(&Value::Null), "");
        assert_eq!(
            query_string(&json!({"limit": 1, "uids": [1, 2], "from": null})),
            "?limit=1&uids=1,2"
        );
    }
}
