//! Formats of option values that are text or lists.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// The longest plain name, in bytes.
pub const NAME_MAX_BYTES: usize = 255;

/// Returns true for letters, digits, `.`, `_` and `-`, at most [`NAME_MAX_BYTES`] of them.
pub fn is_plain_name(text: &str) -> bool {
    text.len() <= NAME_MAX_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Returns true for `*` or `partition:broker` items.
pub fn are_replicas(items: &[String]) -> bool {
    if let [only] = items
        && only == "*"
    {
        return true;
    }
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    items.iter().all(|item| {
        item.split_once(':').is_some_and(|(left, right)| is_number(left) && is_number(right))
    })
}

/// Parses `address:number` items, separated by commas; `None` if one is malformed.
pub fn per_address(text: &str) -> Option<BTreeMap<IpAddr, i32>> {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    let pair = |item: &str| {
        let (address, number) = item.rsplit_once(':')?;
        let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
        let number = number.trim().parse().ok().filter(|number| *number >= 0)?;
        Some((address.to_canonical(), number))
    };
    items.map(pair).collect()
}

/// The attributes of a client that a metrics subscription can match (`ClientMetricsConfigs`).
pub const CLIENT_ATTRIBUTES: &[&str] = &[
    "client_instance_id",
    "client_id",
    "client_software_name",
    "client_software_version",
    "client_source_address",
    "client_source_port",
];

/// Returns true for `attribute=pattern`, if the pattern could be a regular expression.
pub fn is_client_pattern(item: &str) -> bool {
    item.split_once('=').is_some_and(|(name, pattern)| {
        let is_whole = !pattern.is_empty() && !pattern.contains('=');
        CLIENT_ATTRIBUTES.contains(&name.trim()) && is_whole && is_well_formed(pattern)
    })
}

/// Returns true if the brackets of a regular expression are closed, and every quantifier and escape
/// has something to apply to. Patterns are never matched here, so no more has to be checked.
fn is_well_formed(pattern: &str) -> bool {
    let (mut depth, mut in_class, mut can_repeat) = (0_usize, false, false);
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.next().is_none() => return false,
            ']' if in_class => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => {
                depth += 1;
                chars.next_if_eq(&'?');
            }
            ')' if depth == 0 => return false,
            ')' => depth -= 1,
            '*' | '+' | '?' if !can_repeat => return false,
            _ => {}
        }
        can_repeat = !matches!(c, '(' | '|');
    }
    depth == 0 && !in_class
}

/// Returns true for an offset reset strategy of share groups.
pub fn is_offset_reset(text: &str) -> bool {
    match text.split_once(':') {
        None => matches!(text, "earliest" | "latest"),
        Some((strategy, duration)) => strategy == "by_duration" && is_duration(duration),
    }
}

/// Returns true for a non-negative ISO 8601 duration, as `java.time.Duration` parses it.
fn is_duration(text: &str) -> bool {
    let text = text.to_ascii_uppercase();
    let Some(rest) = text.strip_prefix('P') else { return false };
    let (days, time) = match rest.split_once('T') {
        Some((days, time)) => (days, Some(time)),
        None => (rest, None),
    };
    let is_number = |digits: &str| {
        !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let is_seconds = |text: &str| match text.split_once(['.', ',']) {
        Some((whole, part)) => {
            is_number(whole) && part.len() <= 9 && part.bytes().all(|b| b.is_ascii_digit())
        }
        None => is_number(text),
    };
    let mut rest = time.unwrap_or_default();
    let mut are_numbers = true;
    for unit in ['H', 'M', 'S'] {
        if let Some((number, after)) = rest.split_once(unit) {
            are_numbers &= if unit == 'S' { is_seconds(number) } else { is_number(number) };
            rest = after;
        }
    }
    let has_days = days.strip_suffix('D').is_some_and(is_number);
    let has_time = time.is_some_and(|time| !time.is_empty());
    (has_days || (days.is_empty() && has_time))
        && (time.is_none() || has_time)
        && are_numbers
        && rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_numbers() {
        let found = per_address("127.0.0.1:5, [::1]:6,::ffff:10.0.0.1:7").unwrap();
        let of = |address: &str| found.get(&address.parse().unwrap()).copied();
        assert_eq!([of("127.0.0.1"), of("::1"), of("10.0.0.1")], [Some(5), Some(6), Some(7)]);
        assert_eq!(per_address("").unwrap().len(), 0);
        for wrong in ["127.0.0.1", "127.0.0.1:-1", "localhost:1", "127.0.0.1:x"] {
            assert_eq!(per_address(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn share_groups_begin_in_three_ways() {
        for right in ["earliest", "latest", "by_duration:P1D", "by_duration:PT1H30M1.5S"] {
            assert!(is_offset_reset(right), "{right}");
        }
        for wrong in
            ["never", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:-P1D"]
        {
            assert!(!is_offset_reset(wrong), "{wrong}");
        }
        for wrong in ["by_duration:P1DT", "by_duration:PT1X", "by_duration:1D", "earliest:P1D"] {
            assert!(!is_offset_reset(wrong), "{wrong}");
        }
    }
}
