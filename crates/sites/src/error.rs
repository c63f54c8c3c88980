//! What can be wrong with a profile, each with a stable code. Never says less than file and reason.

/// A site profile can't be used. Verdict: Stop, before any page is touched.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The operator's folder, or a file in it, can't be read.
    #[error("{file}: can't be read; --sites wants a folder of *.toml in UTF-8")]
    Unreadable {
        /// The file or folder.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Not TOML, or fields are missing or unknown.
    #[error("{file}: line {line}: {reason}")]
    Malformed {
        /// The file.
        file: String,
        /// Where.
        line: usize,
        /// Why, with the field.
        reason: String,
    },
    /// A field holds what it must not.
    #[error("{file}: {field}: {reason}")]
    BadField {
        /// The file.
        file: String,
        /// The field, as `scope.detail`.
        field: &'static str,
        /// Why, with the value.
        reason: String,
    },
    /// Two profiles of the same folder claim the same name or host.
    #[error("{file}: {what} is already in {other}: leave it to one of them")]
    Twice {
        /// The file.
        file: String,
        /// The name or host.
        what: String,
        /// Where it was first.
        other: String,
    },
}

impl SiteError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "profile_unreadable",
            Self::Malformed { .. } => "profile_malformed",
            Self::BadField { .. } => "profile_bad_field",
            Self::Twice { .. } => "profile_twice",
        }
    }
}
