//! What processes say of their own moments, from their logs: all clocks are this machine's.

use std::{fs, path::Path};

use eyre::WrapErr;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// UNIX seconds.
    pub(crate) at: f64,
    /// What is behind the level.
    pub(crate) text: String,
}

impl Line {
    /// The number behind `name=`.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.word(name)?.parse().ok()
    }

    /// The word behind `name=`.
    pub(crate) fn word(&self, name: &str) -> Option<&str> {
        let behind = self.text.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?;
        Some(behind.trim_matches('"'))
    }
}

/// The lines of a log since a moment that contain `what`.
///
/// # Errors
/// If the file cannot be read.
pub(crate) fn since(file: &Path, moment: f64, what: &str) -> eyre::Result<Vec<Line>> {
    let text = fs::read_to_string(file).wrap_err_with(|| file.display().to_string())?;
    Ok(text.lines().filter(|line| line.contains(what)).filter_map(parse).filter(|l| l.at >= moment).collect())
}

/// `2026-01-02T03:04:05.678901Z  INFO target: message field=value`.
fn parse(line: &str) -> Option<Line> {
    let (stamp, text) = line.split_once(' ')?;
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let hours: f64 = time.next()?.parse().ok()?;
    let minutes: f64 = time.next()?.parse().ok()?;
    let seconds: f64 = time.next()?.parse().ok()?;
    let at = days(year, month, day) as f64 * 86_400.0 + hours * 3600.0 + minutes * 60.0 + seconds;
    Some(Line { at, text: text.trim_start().to_owned() })
}

/// Days since 1970 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year - era * 400;
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_moment_and_fields() {
        let line = "2026-11-23T08:13:56.250000Z  INFO icc_validator::watch: signed chain=31001 after_us=12";
        let line = parse(line).unwrap();
        assert_eq!(line.at, 1_795_421_636.25);
        assert_eq!((line.number("chain"), line.number("after_us")), (Some(31_001), Some(12)));
        assert_eq!(parse("no line"), None);
    }
}
