//! What the fake web site answers: decent pages and every kind of indecent one.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use brotli::CompressorWriter;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

/// One answer of the site.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    pub(crate) delay: Duration,
    pub(crate) etag: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// With its length announced; `announced` differs from the real one to cut a body short.
    Full { bytes: Vec<u8>, announced: usize },
    /// In pieces, with a pause before each.
    Slow {
        bytes: Vec<u8>,
        piece: usize,
        pause: Duration,
    },
    /// The same piece for ever.
    Endless { piece: Vec<u8>, pause: Duration },
    /// These bytes and nothing else: no status line, no headers but what is in them.
    Raw(Vec<u8>),
    /// The connection stays open and nothing comes.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// What comes from now on goes there, and back.
    Tunnel(SocketAddr),
}

impl Reply {
    /// 200 with a page in UTF-8.
    pub fn html(page: impl Into<String>) -> Self {
        Self::bytes("text/html; charset=utf-8", page.into().into_bytes())
    }

    /// 200 with plain text in UTF-8.
    pub fn text(text: impl Into<String>) -> Self {
        Self::bytes("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// 200 with any bytes; an empty content type sends no such header.
    pub fn bytes(content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let announced = bytes.len();
        let reply = Self::with_body(200, Body::Full { bytes, announced });
        if content_type.is_empty() {
            reply
        } else {
            reply.header("Content-Type", content_type)
        }
    }

    /// This status with an empty body.
    pub fn status(status: u16) -> Self {
        Self::bytes("", Vec::new()).with_status(status)
    }

    /// 302 to this address; see [`Self::with_status`] for 301, 307 and 308.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::status(302).header("Location", location)
    }

    /// Exactly these bytes, then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::with_body(0, Body::Raw(bytes.into()))
    }

    /// 200 and a chunked body that never ends.
    pub fn endless(piece: impl Into<Vec<u8>>, pause: Duration) -> Self {
        let piece = piece.into();
        assert!(!piece.is_empty(), "an empty chunk would end the body");
        Self::with_body(200, Body::Endless { piece, pause }).header("Content-Type", "text/html")
    }

    /// The request is read and never answered.
    pub fn hang() -> Self {
        Self::with_body(0, Body::Hang)
    }

    /// The request is read and the connection closed.
    pub fn close() -> Self {
        Self::with_body(0, Body::Close)
    }

    /// What a proxy answers to CONNECT: from here on the connection leads to that address.
    pub fn tunnel_to(target: SocketAddr) -> Self {
        Self::with_body(0, Body::Tunnel(target))
    }

    /// Another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Waits this long before the first byte.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends the body in pieces of so many bytes with a pause before each.
    #[must_use]
    pub fn slow(mut self, piece: usize, pause: Duration) -> Self {
        self.body = Body::Slow {
            bytes: self.take_bytes(),
            piece: piece.max(1),
            pause,
        };
        self
    }

    /// Whether there is a body that could be cut or coded.
    pub fn has_body(&self) -> bool {
        match &self.body {
            Body::Full { bytes, .. } | Body::Slow { bytes, .. } => !bytes.is_empty(),
            _ => false,
        }
    }

    /// Announces the whole body, sends so many bytes of it and closes the connection.
    #[must_use]
    pub fn cut_after(mut self, num_bytes: usize) -> Self {
        let mut bytes = self.take_bytes();
        let announced = bytes.len();
        bytes.truncate(num_bytes);
        self.body = Body::Full { bytes, announced };
        self
    }

    /// Announces the whole body and closes the connection so many bytes before its end.
    #[must_use]
    pub fn cut_before_end(mut self, num_bytes: usize) -> Self {
        let bytes = self.take_bytes();
        let kept = bytes.len().saturating_sub(num_bytes);
        self.body = Body::Full {
            announced: bytes.len(),
            bytes,
        };
        self.cut_after(kept)
    }

    /// Compresses the body with gzip and says so.
    #[must_use]
    pub fn gzip(self) -> Self {
        self.coded("gzip", |bytes| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes)?;
            encoder.finish()
        })
    }

    /// Compresses the body with deflate, which in HTTP means zlib, and says so.
    #[must_use]
    pub fn deflate(self) -> Self {
        self.coded("deflate", |bytes| {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes)?;
            encoder.finish()
        })
    }

    /// Compresses the body with Brotli and says so.
    #[must_use]
    pub fn brotli(self) -> Self {
        self.coded("br", |bytes| {
            let mut encoder = CompressorWriter::new(Vec::new(), 4096, 5, 22);
            encoder.write_all(bytes)?;
            Ok(encoder.into_inner())
        })
    }

    /// Compresses the body with Zstandard and says so.
    #[must_use]
    pub fn zstd(self) -> Self {
        self.coded("zstd", |bytes| zstd::encode_all(bytes, 3))
    }

    fn coded(mut self, name: &str, code: impl FnOnce(&[u8]) -> io::Result<Vec<u8>>) -> Self {
        let bytes = code(&self.take_bytes()).expect("compressing into memory");
        let announced = bytes.len();
        self.body = Body::Full { bytes, announced };
        self.header("Content-Encoding", name)
    }

    /// Carries this entity tag (without quotes), and answers 304 to who has it already.
    #[must_use]
    pub fn etag(mut self, tag: &str) -> Self {
        let tag = format!("\"{tag}\"");
        self.etag = Some(tag.clone());
        self.header("ETag", tag)
    }

    fn with_body(status: u16, body: Body) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body,
            delay: Duration::ZERO,
            etag: None,
        }
    }

    fn take_bytes(&mut self) -> Vec<u8> {
        match &mut self.body {
            Body::Full { bytes, .. } | Body::Slow { bytes, .. } => std::mem::take(bytes),
            _ => panic!("this reply has no body of its own"),
        }
    }
}
