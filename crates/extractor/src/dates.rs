//! Dates as pages write them: 2024-02-08 19:40:31, 2024年3月5日, 二〇二四年三月五日.

use std::sync::LazyLock;

use regex::{Captures, Regex};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// The zone of a page that doesn't name one.
const CHINA: UtcOffset = time::macros::offset!(+8);

static NUMERIC: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        ((?:19|20)\d{2}) \s* (?: [-/.] | 年 ) \s* (\d{1,2}) \s* (?: [-/.] | 月 ) \s* (\d{1,2}) \s* 日?
        (?: [\sT,（(星期周一二三四五六日)）上下午]{0,8}? (\d{1,2}) \s? [:：时時点] \s? (\d{1,2}) (?: \s? [:：分] \s? (\d{1,2}) )? )?
        ",
    )
    .expect("a valid pattern")
});

static HAN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"([一二][〇○零Ｏ九0-9一二三四五六七八]{3})年\s*([一二三四五六七八九十]{1,3})月\s*([一二三四五六七八九十]{1,3})日",
    )
    .expect("a valid pattern")
});

static ZONE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(?:\.\d+)?\s?(Z|[+-]\d{2}:?\d{2})").expect("a valid pattern"));

/// A date found in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) date: Date,
    pub(crate) time: Option<Time>,
    offset: UtcOffset,
    /// Where it stands, in bytes.
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Found {
    /// As a point in time; midnight where the page gives no time of day.
    pub(crate) fn at(self) -> OffsetDateTime {
        PrimitiveDateTime::new(self.date, self.time.unwrap_or(Time::MIDNIGHT))
            .assume_offset(self.offset)
    }
}

/// A point in time, in seconds since 1970, as a line with its date in China.
pub(crate) fn of_seconds(seconds: i64) -> Option<String> {
    let at = OffsetDateTime::from_unix_timestamp(seconds)
        .ok()?
        .to_offset(CHINA);
    let (date, (hour, minute, second)) = (at.date(), at.time().as_hms());
    Some(format!("{date} {hour:02}:{minute:02}:{second:02}"))
}

/// The first date of a line, as a point in time: in China, and at midnight, where it says no more.
pub fn read(line: &str) -> Option<OffsetDateTime> {
    first(line).map(Found::at)
}

/// The first date of a line, in either way of writing.
pub(crate) fn first(text: &str) -> Option<Found> {
    let numeric = NUMERIC.captures_iter(text).find_map(|c| numeric(text, &c));
    let han = HAN.captures_iter(text).find_map(|c| han(&c));
    match (numeric, han) {
        (Some(a), Some(b)) => Some(if a.start <= b.start { a } else { b }),
        (a, b) => a.or(b),
    }
}

fn numeric(text: &str, found: &Captures<'_>) -> Option<Found> {
    let number = |group: usize| -> Option<u8> { found.get(group)?.as_str().parse().ok() };
    let whole = found.get(0)?;
    // 2024-02-0812 is a number and no date.
    let before = text[..whole.start()].chars().next_back();
    if before.is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let date = date(found[1].parse().ok()?, number(2)?, number(3)?)?;
    let time = number(4)
        .and_then(|hour| Time::from_hms(hour, number(5).unwrap_or(0), number(6).unwrap_or(0)).ok());
    let after = &text[whole.end()..];
    if time.is_none() && after.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let offset = ZONE
        .captures(after)
        .filter(|_| time.is_some())
        .and_then(|zone| offset(&zone[1]))
        .unwrap_or(CHINA);
    Some(Found {
        date,
        time,
        offset,
        start: whole.start(),
        end: whole.end(),
    })
}

fn offset(zone: &str) -> Option<UtcOffset> {
    if zone == "Z" {
        return Some(UtcOffset::UTC);
    }
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let (hours, minutes): (i8, i8) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}

fn han(found: &Captures<'_>) -> Option<Found> {
    let whole = found.get(0)?;
    let year = found[1]
        .chars()
        .try_fold(0, |year: i32, c| Some(year * 10 + digit(c)?))?;
    let month = u8::try_from(number(&found[2])?).ok()?;
    let day = u8::try_from(number(&found[3])?).ok()?;
    Some(Found {
        date: date(year, month, day)?,
        time: None,
        offset: CHINA,
        start: whole.start(),
        end: whole.end(),
    })
}

fn digit(c: char) -> Option<i32> {
    if let Some(digit) = c.to_digit(10) {
        return i32::try_from(digit).ok();
    }
    if matches!(c, '〇' | '○' | '零' | 'Ｏ') {
        return Some(0);
    }
    let position = "一二三四五六七八九".chars().position(|d| d == c)?;
    i32::try_from(position + 1).ok()
}

/// A Chinese number below a thousand: 二十三, 十, 百.
pub(crate) fn number(text: &str) -> Option<u32> {
    let mut total = 0;
    let mut last = 0;
    for c in text.chars() {
        match c {
            '十' => {
                total += if last == 0 { 10 } else { last * 10 };
                last = 0;
            }
            '百' => {
                total += if last == 0 { 100 } else { last * 100 };
                last = 0;
            }
            '两' => last = 2,
            _ => last = u32::try_from(digit(c)?).ok()?,
        }
    }
    Some(total + last).filter(|&n| n > 0)
}

/// A day that a page of ours may carry.
pub(crate) fn date(year: i32, month: u8, day: u8) -> Option<Date> {
    if !(1900..=2100).contains(&year) {
        return None;
    }
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::{date, datetime};

    #[test]
    fn dates_are_read_as_pages_write_them() {
        for (text, expected) in [
            ("2024-02-08 19:40:31 584", datetime!(2024-02-08 19:40:31 +8)),
            ("发布时间：2024年3月5日", datetime!(2024-03-05 0:00 +8)),
            ("2024/3/5 9:05", datetime!(2024-03-05 9:05 +8)),
            ("2012年01月12日星期四 10:23", datetime!(2012-01-12 10:23 +8)),
            ("2024-02-08T19:40:31Z", datetime!(2024-02-08 19:40:31 +0)),
            (
                "2024-02-08T19:40:31.5-05:00",
                datetime!(2024-02-08 19:40:31 -5),
            ),
            ("（二〇二四年三月五日）", datetime!(2024-03-05 0:00 +8)),
            ("二〇二三年十二月二十一日", datetime!(2023-12-21 0:00 +8)),
        ] {
            assert_eq!(first(text).map(Found::at), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "2024-13-01",
            "2024-02-30",
            "12024-01-01",
            "2024年",
            "电话 2024-01-012",
            "",
        ] {
            assert_eq!(first(text), None, "{text}");
        }
        assert_eq!(
            first("2024.02.30 改 2024.03.01").unwrap().date,
            date!(2024 - 03 - 01)
        );
    }

    #[test]
    fn chinese_numbers_are_read() {
        for (text, expected) in [
            ("三", 3),
            ("十", 10),
            ("十二", 12),
            ("三十一", 31),
            ("两", 2),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        assert_eq!(number("几"), None);
        assert_eq!(number(""), None);
    }
}
