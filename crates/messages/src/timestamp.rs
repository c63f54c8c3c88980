//! Points in time on the wire: RFC 3339, to the millisecond where we set them ourselves.

use time::OffsetDateTime;

/// Cuts a time to whole milliseconds, so that it survives any JSON reader unchanged.
pub fn to_millis(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.nanosecond() / 1_000_000 * 1_000_000)
        .unwrap_or(at)
}

/// Now, in UTC, to the millisecond.
pub fn now() -> OffsetDateTime {
    to_millis(OffsetDateTime::now_utc())
}
