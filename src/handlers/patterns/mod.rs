//! Patterns in the syntax of RE2, of transactional ids and of topics.

use kafka_protocol::protocol::StrBytes;
use regex_automata::dfa::dense::{Builder, Config, DFA};
use regex_automata::dfa::{Automaton, StartKind};
use regex_automata::nfa::thompson;
use regex_automata::{Anchored, Input};

use crate::handlers::context::Context;
use crate::handlers::patterns::re2::translate;

mod re2;

/// The maximum memory of each form that a pattern takes until it can be matched, in bytes.
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// A pattern that matches whole names, in time proportional to their length.
#[derive(Debug)]
pub struct Pattern(DFA<Vec<u32>>);

/// The pattern is invalid, or takes more than [`BYTES_MAX`].
#[derive(Debug)]
pub struct InvalidPattern;

impl Pattern {
    /// Compiles a pattern. This may take tens of milliseconds.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidPattern`] if there is no such pattern.
    pub fn compile(pattern: &str) -> Result<Pattern, InvalidPattern> {
        let whole = format!("(?:{})\\z", translate(pattern).ok_or(InvalidPattern)?);
        let config = Config::new()
            .start_kind(StartKind::Anchored)
            .dfa_size_limit(Some(BYTES_MAX))
            .determinize_size_limit(Some(BYTES_MAX));
        let states = thompson::Config::new().nfa_size_limit(Some(BYTES_MAX));
        let dfa = Builder::new().configure(config).thompson(states).build(&whole);
        dfa.map(Pattern).map_err(|_| InvalidPattern)
    }

    /// Returns true if the pattern matches the whole of the name.
    pub fn matches(&self, name: &str) -> bool {
        let input = Input::new(name).anchored(Anchored::Yes);
        self.0.try_search_fwd(&input).is_ok_and(|found| found.is_some())
    }
}

/// Compiles a pattern on a blocking thread.
///
/// # Errors
///
/// Returns [`InvalidPattern`] if there is no such pattern.
pub async fn compile(cx: &Context<'_>, pattern: StrBytes) -> Result<Pattern, InvalidPattern> {
    let _turn = cx.broker.resources.computation_turn().await;
    let compiling = tokio::task::spawn_blocking(move || Pattern::compile(&pattern));
    compiling.await.unwrap_or(Err(InvalidPattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What RE2/J 1.8 answers: a pattern, and an id that it matches as a whole.
    const MATCHES: &[(&str, &str)] = &[
        ("a{", "a{"),
        ("a{,2}", "a{,2}"),
        ("a+?", "a"),
        ("a{2}?", "aa"),
        ("(?i)STRASSE", "strasse"),
        ("(?i)k", "\u{212a}"),
        ("(?i)\u{e9}", "\u{c9}"),
        ("\\pL+", "ab\u{e9}"),
        ("\\p{Greek}", "\u{3b1}"),
        ("\\p{L}", "a"),
        ("\\p{Lu}", "A"),
        ("\\p{^Lu}", "a"),
        ("\\PL", "1"),
        ("\\p{Any}", "a"),
        ("[\\p{Lu}x]", "x"),
        ("\\d", "5"),
        ("[[:alpha:]]", "b"),
        ("[[:^alpha:]]", "1"),
        ("[[:word:]]", "_"),
        ("[[a]]", "[]"),
        ("[a&&b]", "&"),
        ("[]a]", "]"),
        ("[^]a]", "b"),
        ("[a-]", "-"),
        ("[a-b-c]", "-"),
        ("[-a]", "-"),
        ("[~~a]", "~"),
        ("\\Qa.b\\E", "a.b"),
        ("\\Qa.b", "a.b"),
        ("\\Qab\\E+", "abbb"),
        ("\\<a", "<a"),
        ("\\_", "_"),
        ("\\-", "-"),
        ("\\12", "\u{a}"),
        ("\\012", "\u{a}"),
        ("\\0", "\u{0}"),
        ("\\x41", "A"),
        ("\\x{41}", "A"),
        ("\\a\\f\\v\\t\\n\\r", "\u{7}\u{c}\u{b}\u{9}\u{a}\u{d}"),
        ("\\z", ""),
        ("\\A", ""),
        ("a\\b", "a"),
        ("^a$", "a"),
        ("a\u{a}b", "a\u{a}b"),
        ("(?s).", "\u{a}"),
        ("(?m)a$\u{a}^b", "a\u{a}b"),
        ("(?U)a+", "aa"),
        ("(?-i)a", "a"),
        ("(?i-s:a)b", "Ab"),
        ("(?P<n>a)", "a"),
        ("(?<n>a)", "a"),
        ("a|", ""),
        ("|a", ""),
        ("()", ""),
        ("a||b", ""),
        ("\\pN", "5"),
        ("[\\d-z]", "-"),
        ("[\\d]", "1"),
        ("[\\D]", "a"),
        ("[\\w.-]", "-"),
        ("[^\\w]", "-"),
        ("(?i)[a-c]", "B"),
        ("(?i)\\pL", "a"),
        ("(?i)\\p{Lu}", "a"),
        ("(?i)[[:upper:]]", "a"),
        ("[^a]", "\u{a}"),
        ("\u{e9}", "\u{e9}"),
        (".", "\u{1f600}"),
        ("x{0}", ""),
        ("x{ 1}", "x{ 1}"),
        ("x{1", "x{1"),
        ("(?i)", ""),
        ("(?ii)a", "A"),
        ("^*", ""),
        ("(^)*", ""),
        ("(|a)*", "aa"),
        ("[\\<]", "<"),
        ("[[:alpha:]-z]", "-"),
        ("\\p{Han}", "\u{4e2d}"),
        ("\\p{C}", "\u{7}"),
        ("\\p{Zs}", " "),
        ("(?P<1a>a)", "a"),
        ("#", "#"),
        ("a b", "a b"),
        ("&&", "&&"),
        ("[\\]]", "]"),
        ("\\08", "\u{0}8"),
        ("\\377", "\u{ff}"),
        ("\\400", "\u{100}"),
        ("\\777", "\u{1ff}"),
        ("\\\u{e9}", "\u{e9}"),
        ("a{0,1000}", "a"),
    ];

    /// A pattern, and an id that it does not match.
    const MATCHES_NOT: &[(&str, &str)] = &[
        ("a", "ab"),
        ("b", "ab"),
        ("a|b", "ab"),
        ("(a{10}){200}", "x"),
        ("(a{1000}){2}", "x"),
        ("\\d", "\u{665}"),
        ("\\w", "\u{e9}"),
        ("\\s", "\u{b}"),
        ("\\s", "\u{a0}"),
        ("\\ ", "  "),
        ("\\Ba", "a"),
        (".", "\u{a}"),
        ("a$\u{a}", "a\u{a}"),
        ("a$", "a\u{a}"),
        ("\\p{Cs}", "a"),
    ];

    /// Patterns that RE2/J refuses.
    const INVALID: &[&str] = &[
        "a{1001}",
        "a**",
        "a{2}{3}",
        "*",
        "\\p{Alpha}",
        "\\p{IsGreek}",
        "\\p{Letter}",
        "[[:foo:]]",
        "[a--b]",
        "[]",
        "[b-a]",
        "\\E",
        "[\\Qa-z\\E]",
        "\\1",
        "\\x{110000}",
        "\\u0041",
        "\\e",
        "\\h",
        "\\C",
        "\\C",
        "\\Z",
        "(?x)a b",
        "(?P<n>a)(?P<n>b)",
        "(?P=n)",
        "(?=a)",
        "(?#c)a",
        "(?:a",
        "a)",
        "\\p{",
        "[a-\\d]",
        "\\",
        "[a",
        "x{2,1}",
        "(?",
        "(?i",
        "(?--i)a",
        "(?i-)a",
        "a|*",
        "(?R)a",
        "(?u)a",
        "[\\b]",
        "[a-[:alpha:]]",
        "\\pX",
        "\\p{Cn}",
        "(?P<>a)",
        "\\8",
        "\\x4",
        "\\x{}",
        "\\y",
        "[\\E]",
        "a{100000}",
        "a{99999999999}",
    ];

    #[test]
    fn patterns_are_read_as_kafka_reads_them() {
        let mut wrong = Vec::new();
        for (cases, expected) in [(MATCHES, true), (MATCHES_NOT, false)] {
            for (pattern, id) in cases {
                match Pattern::compile(pattern) {
                    Ok(compiled) if compiled.matches(id) == expected => {}
                    Ok(_) => wrong.push(format!("{pattern:?} on {id:?}")),
                    Err(InvalidPattern) => wrong.push(format!("{pattern:?} is refused")),
                }
            }
        }
        let accepted = INVALID.iter().filter(|pattern| Pattern::compile(pattern).is_ok());
        wrong.extend(accepted.map(|pattern| format!("{pattern:?} is accepted")));
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn the_largest_patterns_are_compiled_or_refused() {
        const BYTES: usize = 32767;
        let filled = |unit: &str| unit.repeat(BYTES / unit.len());
        let nested = |open: &str, close: &str| {
            let depth = BYTES / (open.len() + close.len()) - 1;
            format!("{}a{}", open.repeat(depth), close.repeat(depth))
        };
        for pattern in [
            filled("a"),
            filled("."),
            filled("\\pL"),
            filled("(?i)k"),
            filled("[^a]"),
            filled("(?i)[^a]"),
            filled("[[:word:]]{1000}"),
            filled("(a|b)*"),
            filled("a?"),
            filled("a|"),
            filled(".*a"),
            nested("(", ")"),
            nested("(", "){1000}"),
            nested("(", "*)*"),
            format!(".*a{}", filled(".")),
            filled("a{0,1000}"),
            "((a{100}){100}){100}".to_owned(),
            format!("[{}]", filled("\\x{10ffff}")),
        ] {
            // It ends, and takes no more than it may; which of them is accepted does not matter.
            if let Ok(compiled) = Pattern::compile(&pattern) {
                assert!(compiled.0.memory_usage() <= BYTES_MAX, "{}", &pattern[..20]);
                compiled.matches(&"a".repeat(BYTES));
            }
        }
        let literal = Pattern::compile(&"a".repeat(1000)).unwrap();
        assert!(literal.matches(&"a".repeat(1000)) && !literal.matches(&"a".repeat(999)));
    }
}
