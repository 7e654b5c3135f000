//! The syntax of RE2, in which Kafka reads patterns (RE2/J 1.8), as that of the regex crates.
//!
//! Most of both is the same. What differs is decided here, so that a pattern that Kafka refuses is
//! refused and one that it accepts means the same: `{` that begins no repetition, classes in
//! classes, quotations, escapes, flags, nested repetitions, and letters and digits, which are those
//! of ASCII unless the pattern says `\p`. Groups capture nothing: a pattern only matches or not.

use std::collections::HashSet;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::CharIndices;

/// The largest count of a repetition.
const REPEAT_MAX: u32 = 1000;
/// How many classes of Unicode a pattern may have: each takes kilobytes, and RE2/J has no limit.
const UNICODE_CLASSES_MAX: usize = 100;

const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// Returns the same pattern for the regex crates; `None` if Kafka would refuse it.
pub fn translate(pattern: &str) -> Option<String> {
    let mut translator = Translator {
        pattern,
        rest: pattern.char_indices().peekable(),
        out: String::with_capacity(2 * pattern.len()),
        depth: 0,
        names: HashSet::new(),
        unicode_classes: 0,
    };
    translator.run()?;
    Some(translator.out)
}

struct Translator<'a> {
    pattern: &'a str,
    rest: Peekable<CharIndices<'a>>,
    out: String,
    /// How many groups are open.
    depth: usize,
    names: HashSet<&'a str>,
    unicode_classes: usize,
}

impl<'a> Translator<'a> {
    fn run(&mut self) -> Option<()> {
        // Whether a repetition may follow, which it may not after another one.
        let mut is_repeated = false;
        while let Some(c) = self.next() {
            let repeats = match c {
                '*' | '+' | '?' => Some(c.to_string()),
                '{' => self.count()?,
                _ => None,
            };
            if let Some(repeats) = repeats {
                if is_repeated {
                    return None;
                }
                self.out.push_str(&repeats);
                if self.take('?') {
                    self.out.push('?');
                }
                is_repeated = true;
                continue;
            }
            is_repeated = false;
            match c {
                '(' => self.group()?,
                ')' => {
                    self.depth = self.depth.checked_sub(1)?;
                    self.out.push(')');
                }
                '[' => self.class()?,
                '\\' => self.escape()?,
                '|' | '^' | '$' | '.' => self.out.push(c),
                c => self.literal(c),
            }
        }
        (self.depth == 0).then_some(())
    }

    fn next(&mut self) -> Option<char> {
        self.rest.next().map(|(_, c)| c)
    }

    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, c)| *c)
    }

    /// Skips the next character if it is this one.
    fn take(&mut self, c: char) -> bool {
        self.rest.next_if(|(_, next)| *next == c).is_some()
    }

    /// What has not been read yet.
    fn remaining(&mut self) -> &'a str {
        let at = self.rest.peek().map_or(self.pattern.len(), |(at, _)| *at);
        &self.pattern[at..]
    }

    /// Skips this many bytes.
    fn skip(&mut self, bytes: usize) {
        let remaining = self.remaining().len();
        while self.remaining().len() + bytes > remaining && self.next().is_some() {}
    }

    fn literal(&mut self, c: char) {
        match c.is_ascii_alphanumeric() || !c.is_ascii() {
            true => self.out.push(c),
            false => {
                let _ = write!(self.out, "\\x{:02x}", u32::from(c));
            }
        }
    }

    /// Reads what follows `{`. Returns the repetition, or `Some(None)` if it is a plain brace.
    #[expect(clippy::option_option, reason = "a count that is too large makes the pattern invalid")]
    fn count(&mut self) -> Option<Option<String>> {
        let remaining = self.remaining();
        let Some((inner, _)) = remaining.split_once('}') else { return Some(None) };
        let is_number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
        let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
        if !is_number(least) || !(most.is_empty() || is_number(most)) {
            return Some(None);
        }
        let number = |n: &str| n.parse::<u32>().ok().filter(|n| *n <= REPEAT_MAX);
        let least_count = number(least)?;
        if !most.is_empty() && number(most)? < least_count {
            return None;
        }
        self.skip(inner.len() + 1);
        Some(Some(format!("{{{inner}}}")))
    }

    /// Reads what follows `(`.
    fn group(&mut self) -> Option<()> {
        let remaining = self.remaining();
        let Some(special) = remaining.strip_prefix('?') else {
            self.depth += 1;
            self.out.push_str("(?:");
            return Some(());
        };
        if let Some(named) = special.strip_prefix("P<").or_else(|| special.strip_prefix('<')) {
            let (name, after) = named.split_once('>')?;
            let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if name.is_empty() || !name.bytes().all(is_word) || !self.names.insert(name) {
                return None;
            }
            self.skip(remaining.len() - after.len());
            self.depth += 1;
            self.out.push_str("(?:");
            return Some(());
        }
        let end = special.find([':', ')'])?;
        let (flags, opens) = (&special[..end], special[end..].starts_with(':'));
        let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
        let are_known = |flags: &str| flags.chars().all(|flag| "imsU".contains(flag));
        if !are_known(on) || !are_known(off) || (flags.contains('-') && off.is_empty()) {
            return None;
        }
        self.skip(1 + end + 1);
        // A flag may be given several times, and what is turned off last is off.
        let set: String = "imsU".chars().filter(|f| on.contains(*f) && !off.contains(*f)).collect();
        let unset: String = "imsU".chars().filter(|f| off.contains(*f)).collect();
        let minus = if unset.is_empty() { "" } else { "-" };
        if opens {
            self.depth += 1;
            let _ = write!(self.out, "(?{set}{minus}{unset}:");
        } else if !flags.is_empty() {
            let _ = write!(self.out, "(?{set}{minus}{unset})");
        }
        Some(())
    }

    /// Reads what follows `\` outside a class.
    fn escape(&mut self) -> Option<()> {
        match self.peek()? {
            'Q' => {
                self.next();
                let remaining = self.remaining();
                let quoted = remaining.split_once("\\E").map_or(remaining, |(quoted, _)| quoted);
                self.skip((quoted.len() + 2).min(remaining.len()));
                quoted.chars().for_each(|c| self.literal(c));
            }
            c @ ('A' | 'z') => {
                self.next();
                let _ = write!(self.out, "\\{c}");
            }
            c @ ('b' | 'B') => {
                self.next();
                let _ = write!(self.out, "(?-u:\\{c})");
            }
            _ if self.named_class()? => {}
            _ => {
                let c = self.character()?;
                let _ = write!(self.out, "\\x{{{c:x}}}");
            }
        }
        Some(())
    }

    /// Reads a class with a name, after `\`, if there is one. Returns whether there is.
    fn named_class(&mut self) -> Option<bool> {
        let perl = match self.peek()? {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            's' => "[\\t\\n\\f\\r\\x20]",
            'S' => "[^\\t\\n\\f\\r\\x20]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            c @ ('p' | 'P') => {
                self.next();
                return self.unicode_class(c == 'P').map(|()| true);
            }
            _ => return Some(false),
        };
        self.next();
        self.out.push_str(perl);
        Some(true)
    }

    /// Reads what follows `\p` or `\P`.
    fn unicode_class(&mut self, is_negated: bool) -> Option<()> {
        self.unicode_classes += 1;
        if self.unicode_classes > UNICODE_CLASSES_MAX {
            return None;
        }
        let remaining = self.remaining();
        let first = self.next()?;
        let mut name = &remaining[..first.len_utf8()];
        if first == '{' {
            (name, _) = remaining[1..].split_once('}')?;
            self.skip(name.len() + 1);
        }
        let plain = name.strip_prefix('^');
        let (name, is_negated) = (plain.unwrap_or(name), is_negated != plain.is_some());
        let is_capital = |b: &u8| b.is_ascii_uppercase();
        let is_category = match name.as_bytes() {
            [general] => is_capital(general),
            [general, exact] => is_capital(general) && exact.is_ascii_lowercase(),
            _ => false,
        };
        let is_script = name.len() > 2
            && name.as_bytes().first().is_some_and(is_capital)
            && !name.starts_with("Is")
            && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
        let (p, caret) = if is_negated { ('P', "^") } else { ('p', "") };
        let _ = match name {
            "Any" => write!(self.out, "[{caret}\\x00-\\x{{10ffff}}]"),
            // RE2/J has no class of what is not assigned.
            "Cn" => return None,
            // What is text has no surrogates.
            "Cs" if is_negated => write!(self.out, "[\\x00-\\x{{10ffff}}]"),
            "Cs" => write!(self.out, "[^\\x00-\\x{{10ffff}}]"),
            _ if is_category => write!(self.out, "\\{p}{{gc={name}}}"),
            _ if is_script => write!(self.out, "\\{p}{{sc={name}}}"),
            _ => return None,
        };
        Some(())
    }

    /// Reads an escaped character, after `\`.
    fn character(&mut self) -> Option<u32> {
        let octal = |c: char| c.to_digit(8);
        let c = self.next()?;
        let simple = match c {
            '0'..='7' => {
                let mut value = octal(c)?;
                let mut digits = 1;
                while let Some(digit) = self.peek().and_then(octal).filter(|_| digits < 3) {
                    (value, digits) = (value * 8 + digit, digits + 1);
                    self.next();
                }
                // A single digit refers to a group, which RE2 cannot.
                return (c == '0' || digits > 1).then_some(value);
            }
            'x' => return self.hex(),
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            c if c.is_ascii_alphanumeric() => return None,
            c => u32::from(c),
        };
        Some(simple)
    }

    /// Reads what follows `\x`.
    fn hex(&mut self) -> Option<u32> {
        let remaining = self.remaining();
        let (digits, length) = match remaining.strip_prefix('{') {
            Some(braced) => braced.split_once('}').map(|(digits, _)| (digits, digits.len() + 2))?,
            None => (remaining.get(..2)?, 2),
        };
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.skip(length);
        u32::from_str_radix(digits, 16).ok().filter(|value| *value <= u32::from(char::MAX))
    }

    /// Reads a class, after `[`.
    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        if self.take('^') {
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            match self.peek()? {
                ']' if !is_first => {
                    self.next();
                    self.out.push(']');
                    return Some(());
                }
                '[' if self.posix_class()? => {}
                '\\' if self.class_in_class()? => {}
                _ => self.range()?,
            }
            is_first = false;
        }
    }

    /// Reads `[:name:]`, if it comes next. Returns whether it did.
    fn posix_class(&mut self) -> Option<bool> {
        let Some(named) = self.remaining().strip_prefix("[:") else { return Some(false) };
        let Some((name, _)) = named.split_once(":]") else { return Some(false) };
        if !POSIX_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return None;
        }
        self.skip(name.len() + 4);
        let _ = write!(self.out, "[:{name}:]");
        Some(true)
    }

    /// Reads `\d`, `\pL` and the like, if one comes next. Returns whether it did.
    fn class_in_class(&mut self) -> Option<bool> {
        let is_class = |c: char| "dDsSwWpP".contains(c);
        if !self.remaining()[1..].starts_with(is_class) {
            return Some(false);
        }
        self.next();
        self.named_class()
    }

    /// Reads a character in a class, or a range.
    fn range(&mut self) -> Option<()> {
        let low = self.class_character()?;
        let remaining = self.remaining();
        let mut high = low;
        if remaining.starts_with('-') && !remaining.starts_with("-]") {
            self.next();
            high = self.class_character()?;
        }
        let _ = write!(self.out, "\\x{{{low:x}}}-\\x{{{high:x}}}");
        (low <= high).then_some(())
    }

    fn class_character(&mut self) -> Option<u32> {
        match self.next()? {
            '\\' => self.character(),
            c => Some(u32::from(c)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_syntaxes_do_not_share_is_changed() {
        for (re2, other) in [
            ("a.*(b|c)?$", "a.*(?:b|c)?$"),
            ("a-b", "a\\x2db"),
            ("a{,2}", "a\\x7b\\x2c2\\x7d"),
            ("a{2,}?", "a{2,}?"),
            ("(?P<n>a)(?<m>b)", "(?:a)(?:b)"),
            ("(?ii-s)a(?i:b)", "(?i-s)a(?i:b)"),
            ("[^]a-c]", "[^\\x{5d}-\\x{5d}\\x{61}-\\x{63}]"),
            ("\\d\\.\\Q.\\E", "[0-9]\\x{2e}\\x2e"),
            ("\\pL\\P{Greek}\\p{^Lu}", "\\p{gc=L}\\P{sc=Greek}\\P{gc=Lu}"),
        ] {
            assert_eq!(translate(re2).as_deref(), Some(other), "{re2}");
        }
    }
}
