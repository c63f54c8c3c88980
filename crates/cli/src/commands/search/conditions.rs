//! What hits must be, from flags to a filter in Meilisearch's own words.

use std::str::FromStr;

use indexer::parse_date;
use time::{Date, Time};

/// What hits must be. All conditions hold at once.
#[derive(clap::Args)]
#[command(next_help_heading = "Conditions")]
pub(crate) struct Conditions {
    /// Only this kind: 讲话, 致辞, 党课 …; several: any of them
    #[arg(long)]
    kind: Vec<String>,

    /// Only this year, or these: 2024, 2020..2024, 2020.., ..1999
    #[arg(long)]
    year: Option<Years>,

    /// Not before this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    from: Option<Date>,

    /// Not after this day
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = parse_date)]
    to: Option<Date>,

    /// Only this site, by its host; several: any of them
    #[arg(long)]
    site: Vec<String>,

    /// Only this speaker, by the whole name; several: any of them
    #[arg(long)]
    speaker: Vec<String>,

    /// Only where the page shows less than the speech
    #[arg(long)]
    partial: bool,

    /// Only where it does not, as far as is known
    #[arg(long, conflicts_with = "partial")]
    whole: bool,

    /// A filter in Meilisearch's own syntax, besides all others
    #[arg(long)]
    filter: Option<String>,
}

/// Years, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Years {
    from: Option<u16>,
    to: Option<u16>,
}

impl FromStr for Years {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is no year: write 2024, 2020..2024, 2020.. or ..1999");
        let year = |text: &str| match text {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| bad()),
        };
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to) = (year(from)?, year(to)?);
        let is_backwards = from.zip(to).is_some_and(|(from, to)| from > to);
        if from.or(to).is_none() || is_backwards {
            return Err(bad());
        }
        Ok(Self { from, to })
    }
}

impl Conditions {
    /// The filter; `None` where there is no condition.
    pub(super) fn filter(&self) -> Option<String> {
        let mut parts = Vec::new();
        parts.extend(any_of("kind", &self.kind));
        parts.extend(any_of("site", &self.site));
        parts.extend(any_of("speaker", &self.speaker));
        if let Some(years) = self.year {
            parts.extend(years.from.map(|year| format!("year >= {year}")));
            parts.extend(years.to.map(|year| format!("year <= {year}")));
        }
        parts.extend(bound(">=", self.from));
        parts.extend(bound("<=", self.to));
        if self.partial || self.whole {
            parts.push(format!("partial = {}", self.partial));
        }
        parts.extend(self.filter.as_deref().map(|own| format!("({own})")));
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    /// Why nothing can ever be found.
    pub(super) fn contradiction(&self) -> Option<String> {
        let (from, to) = self.from.zip(self.to)?;
        (from > to).then(|| format!("--from {from} is after --to {to}"))
    }
}

fn any_of(field: &str, values: &[String]) -> Option<String> {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let values: Vec<String> = values.iter().map(quoted).collect();
    (!values.is_empty()).then(|| format!("{field} IN [{}]", values.join(", ")))
}

/// The day itself is included: documents carry its midnight in UTC.
fn bound(sign: &str, day: Option<Date>) -> Option<String> {
    let midnight = day?.with_time(Time::MIDNIGHT).assume_utc();
    Some(format!(
        "date_timestamp {sign} {}",
        midnight.unix_timestamp()
    ))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        conditions: Conditions,
    }

    fn filter(args: &[&str]) -> Option<String> {
        let line = Line::parse_from([&["x"], args].concat());
        line.conditions.filter()
    }

    #[test]
    fn flags_become_one_filter_and_nothing_breaks_out_of_its_quotes() {
        assert_eq!(filter(&[]), None);
        for (args, wanted) in [
            (
                &["--kind", "讲话", "--kind", "致辞"][..],
                "kind IN [\"讲话\", \"致辞\"]",
            ),
            (
                &["--site", "a\"] OR year = 1 \\"],
                r#"site IN ["a\"] OR year = 1 \\"]"#,
            ),
            (&["--year", "2024"], "year >= 2024 AND year <= 2024"),
            (&["--year", "2020.."], "year >= 2020"),
            (
                &["--year", "..1999", "--whole"],
                "year <= 1999 AND partial = false",
            ),
            (
                &["--from", "1970-01-02", "--partial"],
                "date_timestamp >= 86400 AND partial = true",
            ),
            (
                &["--to", "1969-12-31", "--filter", "a = 1 OR b = 2"],
                "date_timestamp <= -86400 AND (a = 1 OR b = 2)",
            ),
        ] {
            assert_eq!(filter(args).as_deref(), Some(wanted), "{args:?}");
        }
    }

    #[test]
    fn what_is_no_year_is_refused() {
        for text in ["", "..", "2024..2020", "20x", "2020...2021", "2020-2021"] {
            assert!(text.parse::<Years>().is_err(), "{text}");
        }
    }
}
