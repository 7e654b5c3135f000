//! Parses a line of text as a record, by the rules of Kafka's console producer
//! (`LineMessageReader`).

use bytes::Bytes;

use crate::cli::failure::Failure;
use crate::cli::properties::Properties;
use crate::client::producer::NewRecord;

/// How a line is split. Names are those of the console producer's properties.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineRules {
    /// `parse.key`.
    pub parse_key: bool,
    /// `key.separator`.
    pub key_separator: String,
    /// `parse.headers`.
    pub parse_headers: bool,
    /// `headers.delimiter`: between the headers and the rest.
    pub headers_delimiter: String,
    /// `headers.separator`: between two headers.
    pub headers_separator: String,
    /// `headers.key.separator`: between a header's name and its value.
    pub headers_key_separator: String,
    /// `ignore.error`: missing parts are left out.
    pub ignore_error: bool,
    /// `null.marker`: a field that is equal to it is null.
    pub null_marker: Option<String>,
    /// True if a line without the delimiter is a record without headers instead of an error.
    pub headers_may_miss: bool,
}

impl Default for LineRules {
    fn default() -> LineRules {
        LineRules {
            parse_key: false,
            key_separator: "\t".to_owned(),
            parse_headers: false,
            headers_delimiter: "\t".to_owned(),
            headers_separator: ",".to_owned(),
            headers_key_separator: ":".to_owned(),
            ignore_error: false,
            null_marker: None,
            headers_may_miss: false,
        }
    }
}

impl LineRules {
    /// Takes the rules out of the properties.
    ///
    /// # Errors
    /// A value is invalid, or a separator is empty.
    pub fn from(properties: &mut Properties) -> Result<LineRules, Failure> {
        let mut rules = LineRules::default();
        let flags = [
            ("parse.key", &mut rules.parse_key),
            ("parse.headers", &mut rules.parse_headers),
            ("ignore.error", &mut rules.ignore_error),
        ];
        for (name, flag) in flags {
            if let Some(value) = properties.parse(name)? {
                *flag = value;
            }
        }
        let texts = [
            ("key.separator", &mut rules.key_separator),
            ("headers.delimiter", &mut rules.headers_delimiter),
            ("headers.separator", &mut rules.headers_separator),
            ("headers.key.separator", &mut rules.headers_key_separator),
        ];
        for (name, text) in texts {
            if let Some(value) = properties.take(name) {
                if value.is_empty() {
                    return Err(Failure::usage(format!("{name} must not be empty")));
                }
                *text = value;
            }
        }
        rules.null_marker = properties.take("null.marker");
        Ok(rules)
    }

    /// Returns the record of the line with this number, counted from 1.
    ///
    /// # Errors
    /// A separator that the rules require is missing.
    pub fn record(&self, line: &[u8], number: u64) -> Result<NewRecord, String> {
        let lenient = self.headers_may_miss;
        let (headers, rest) = self.cut(
            self.parse_headers,
            lenient,
            line,
            (&self.headers_delimiter, "headers delimiter", number),
        )?;
        let (key, value) =
            self.cut(self.parse_key, false, rest, (&self.key_separator, "key separator", number))?;
        let headers = match headers.filter(|bytes| !self.is_null(bytes)) {
            Some(bytes) => self.headers(bytes, number)?,
            None => Vec::new(),
        };
        let field = |bytes: &[u8]| (!self.is_null(bytes)).then(|| Bytes::copy_from_slice(bytes));
        Ok(NewRecord {
            key: key.and_then(field),
            value: field(value),
            headers,
            ..NewRecord::default()
        })
    }

    fn is_null(&self, bytes: &[u8]) -> bool {
        self.null_marker.as_ref().is_some_and(|marker| marker.as_bytes() == bytes)
    }

    /// Returns the part before the separator, if it is expected, and the rest.
    fn cut<'l>(
        &self,
        is_wanted: bool,
        may_miss: bool,
        line: &'l [u8],
        (separator, what, number): (&str, &str, u64),
    ) -> Result<(Option<&'l [u8]>, &'l [u8]), String> {
        if !is_wanted {
            return Ok((None, line));
        }
        match find(line, separator.as_bytes()) {
            Some(at) => Ok((Some(&line[..at]), &line[at + separator.len()..])),
            None if self.ignore_error || may_miss => Ok((None, line)),
            None => Err(format!(
                "No {what} found on line number {number}: '{}'",
                String::from_utf8_lossy(line)
            )),
        }
    }

    fn headers(&self, bytes: &[u8], number: u64) -> Result<Vec<(Bytes, Option<Bytes>)>, String> {
        let mut found = Vec::new();
        for pair in split(bytes, self.headers_separator.as_bytes()) {
            let separator = self.headers_key_separator.as_bytes();
            match find(pair, separator) {
                Some(at) => {
                    let value = &pair[at + separator.len()..];
                    let value = (!self.is_null(value)).then(|| Bytes::copy_from_slice(value));
                    found.push((Bytes::copy_from_slice(&pair[..at]), value));
                }
                None if self.ignore_error => found.push((Bytes::copy_from_slice(pair), None)),
                None => {
                    return Err(format!(
                        "No header key separator found in pair '{}' on line number {number}",
                        String::from_utf8_lossy(pair)
                    ));
                }
            }
        }
        Ok(found)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn split<'b>(bytes: &'b [u8], separator: &[u8]) -> Vec<&'b [u8]> {
    let (mut parts, mut rest) = (Vec::new(), bytes);
    while let Some(at) = find(rest, separator) {
        parts.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(pairs: &[&str]) -> LineRules {
        let mut properties = Properties::default();
        pairs.iter().for_each(|pair| properties.add(pair).unwrap());
        LineRules::from(&mut properties).unwrap()
    }

    fn text(bytes: &Option<Bytes>) -> Option<&str> {
        bytes.as_deref().map(|b| std::str::from_utf8(b).unwrap())
    }

    #[test]
    fn a_line_is_a_value_unless_more_is_asked_for() {
        let record = rules(&[]).record(b"a:b\tc", 1).unwrap();
        assert_eq!((record.key, text(&record.value)), (None, Some("a:b\tc")));
    }

    #[test]
    fn the_first_separator_ends_the_key() {
        let rules = rules(&["parse.key=true", "key.separator=:"]);
        let record = rules.record(b"user1:Action: 1", 1).unwrap();
        assert_eq!((text(&record.key), text(&record.value)), (Some("user1"), Some("Action: 1")));
        let empty = rules.record(b":", 1).unwrap();
        assert_eq!((text(&empty.key), text(&empty.value)), (Some(""), Some("")));
        let error = rules.record(b"nokey", 7).unwrap_err();
        assert_eq!(error, "No key separator found on line number 7: 'nokey'");
    }

    #[test]
    fn headers_stand_in_front() {
        let rules = rules(&["parse.headers=true", "parse.key=true", "key.separator=:"]);
        let record = rules.record(b"h1:a,h2:b\tk:v", 1).unwrap();
        let headers: Vec<_> =
            record.headers.iter().map(|(n, v)| (n.as_ref(), v.as_deref().unwrap())).collect();
        assert_eq!(headers, [(&b"h1"[..], &b"a"[..]), (b"h2", b"b")]);
        assert_eq!((text(&record.key), text(&record.value)), (Some("k"), Some("v")));
        assert!(rules.record(b"k:v", 1).unwrap_err().starts_with("No headers delimiter found"));
        assert!(rules.record(b"h1\tk:v", 1).unwrap_err().contains("in pair 'h1'"));
        let lenient = LineRules { headers_may_miss: true, ..rules };
        let record = lenient.record(b"k:v", 1).unwrap();
        assert!(record.headers.is_empty());
        assert_eq!(text(&record.key), Some("k"));
    }

    #[test]
    fn a_marker_stands_for_null() {
        let rules = rules(&["parse.key=true", "key.separator=:", "null.marker=NULL"]);
        let record = rules.record(b"k:NULL", 1).unwrap();
        assert_eq!((text(&record.key), record.value), (Some("k"), None));
    }

    #[test]
    fn mistakes_may_be_ignored() {
        let rules = rules(&["parse.key=true", "parse.headers=true", "ignore.error=true"]);
        let record = rules.record(b"plain", 1).unwrap();
        assert_eq!((record.key, text(&record.value)), (None, Some("plain")));
    }

    #[test]
    fn an_empty_separator_is_refused() {
        let mut properties = Properties::default();
        properties.add("key.separator=").unwrap();
        assert!(LineRules::from(&mut properties).is_err());
    }
}
