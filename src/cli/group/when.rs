//! Times as people and Kafka's tools write them: `2026-01-22T15:09:20.000`, `P1DT2H`.

/// Parses `YYYY-MM-DDThh:mm:ss.sss`, followed by `Z` or `+hh:mm` or, for UTC, nothing. Returns
/// milliseconds since 1970.
pub fn datetime(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(['T', ' '])?;
    let mut parts = date.splitn(3, '-');
    let mut part = || parts.next()?.parse::<i64>().ok();
    let (year, month, day) = (part()?, part()?, part()?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (time, zone_ms) = zone(time)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.splitn(3, ':');
    let mut part = |most: i64| {
        let number = parts.next()?.parse::<i64>().ok()?;
        (0..=most).contains(&number).then_some(number)
    };
    let (hour, minute) = (part(23)?, part(59)?);
    let second = if clock.matches(':').count() == 2 { part(60)? } else { 0 };
    let millis = fraction_ms(fraction)?;
    let days = days_from_civil(year, month, day);
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1000 + millis - zone_ms)
}

/// Splits a time into the time without its zone and the zone's offset from UTC in milliseconds.
fn zone(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, 0));
    }
    let Some(at) = time.rfind(['+', '-']) else { return Some((time, 0)) };
    let (time, zone) = time.split_at(at);
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone[1..].chars().filter(|c| *c != ':').collect();
    let number: i64 = digits.parse().ok()?;
    let (hours, minutes) =
        if digits.len() > 2 { (number / 100, number % 100) } else { (number, 0) };
    Some((time, sign * (hours * 60 + minutes) * 60_000))
}

fn fraction_ms(digits: &str) -> Option<i64> {
    if !digits.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let padded: String = digits.chars().chain("000".chars()).take(3).collect();
    padded.parse().ok()
}

/// Returns the days since 1970-01-01 (Howard Hinnant's `days_from_civil`).
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Parses an ISO 8601 duration, `PnDTnHnMnS`. Returns milliseconds.
pub fn duration(text: &str) -> Option<i64> {
    let rest = text.strip_prefix('P')?;
    let (date, time) = rest.split_once('T').unwrap_or((rest, ""));
    let of = |text: &str, units: &[(char, f64)]| -> Option<f64> {
        let (mut sum, mut digits) = (0.0, String::new());
        for c in text.chars() {
            match units.iter().find(|(unit, _)| *unit == c) {
                Some((_, ms)) => {
                    sum += digits.parse::<f64>().ok()? * ms;
                    digits.clear();
                }
                None => digits.push(c),
            }
        }
        digits.is_empty().then_some(sum)
    };
    let day = 86_400_000.0;
    let sum = of(date, &[('D', day), ('W', 7.0 * day)])?
        + of(time, &[('H', 3_600_000.0), ('M', 60_000.0), ('S', 1000.0)])?;
    (rest.len() > 1).then_some(sum as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_from_1970() {
        assert_eq!(datetime("1970-01-01T00:00:00.000"), Some(0));
        assert_eq!(datetime("2020-01-01T00:00:00.000"), Some(1_577_836_800_000));
        assert_eq!(datetime("2024-02-29T12:30:15.250Z"), Some(1_709_209_815_250));
        assert_eq!(datetime("2024-02-29T12:30:15.250+02:00"), Some(1_709_202_615_250));
        assert_eq!(datetime("2024-02-29 12:30"), Some(1_709_209_800_000));
        for wrong in
            ["yesterday", "2024-13-01T00:00:00", "2024-01-01T25:00:00", "2024-01-01T00:00:0x"]
        {
            assert_eq!(datetime(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_iso_8601() {
        assert_eq!(duration("PT1H"), Some(3_600_000));
        assert_eq!(duration("P1DT2H3M4.5S"), Some(93_784_500));
        for wrong in ["", "P", "1H", "PT1X", "PT5"] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }
}
