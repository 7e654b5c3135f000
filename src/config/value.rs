//! The types of options, and how each is parsed.
//!
//! Text is trimmed before it is parsed, as in Kafka (`ConfigDef.parseType`).

use std::fmt::Debug;
use std::marker::PhantomData;

/// The type of an option, with the numbers of DescribeConfigs and the names of Kafka's
/// documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// An integer of 32 bits.
    Int,
    /// An integer of 16 bits.
    Short,
    /// An integer of 64 bits.
    Long,
    /// A floating-point number.
    Double,
    /// Strings separated by commas.
    List,
    /// The name of a Java class.
    Class,
    /// Text that is never shown.
    Password,
}

impl ConfigType {
    /// Returns the number of the type in DescribeConfigs (`DescribeConfigsResponse.ConfigType`).
    pub fn code(self) -> i8 {
        match self {
            ConfigType::Boolean => 1,
            ConfigType::String => 2,
            ConfigType::Int => 3,
            ConfigType::Short => 4,
            ConfigType::Long => 5,
            ConfigType::Double => 6,
            ConfigType::List => 7,
            ConfigType::Class => 8,
            ConfigType::Password => 9,
        }
    }

    /// Returns the name of the type.
    pub fn name(self) -> &'static str {
        match self {
            ConfigType::Boolean => "boolean",
            ConfigType::String => "string",
            ConfigType::Int => "int",
            ConfigType::Short => "short",
            ConfigType::Long => "long",
            ConfigType::Double => "double",
            ConfigType::List => "list",
            ConfigType::Class => "class",
            ConfigType::Password => "password",
        }
    }

    /// Returns the smallest and the largest number of an integer type.
    pub fn bounds(self) -> Option<(i64, i64)> {
        match self {
            ConfigType::Int => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
            ConfigType::Short => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
            ConfigType::Long => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }
}

/// A value as passed to a [`crate::config::check::Check`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CheckedValue<'a> {
    /// A value that its type has checked: there is no rule for it.
    Checked,
    /// An integer of any width.
    Whole(i64),
    /// A floating-point number.
    Real(f64),
    /// Text, secret or not.
    Text(&'a str),
    /// The items of a list.
    Items(&'a [String]),
}

/// A type that an option can have. The implementor is the form of the default in a `static`.
pub trait Value: Debug + Send + Sync + 'static {
    /// The type of a parsed value.
    type Read;
    /// The type of the option.
    const KIND: ConfigType;
    /// False if there is no default, as for Kafka's null.
    const HAS_DEFAULT: bool = true;
    /// Parses text; returns `None` if it is not of this type.
    fn read(text: &str) -> Option<Self::Read>;
    /// Returns the default, as parsing its text would return it.
    fn read_default(&self) -> Self::Read;
    /// Returns the default as text, which parses to the default.
    fn text(&self) -> String;
    /// Returns a parsed value in the form for checks.
    fn checked(read: &Self::Read) -> CheckedValue<'_>;
    /// Converts a value of a larger unit to the option's own. Only integers of 64 bits have units.
    fn scaled(read: Self::Read, _factor: i64) -> Self::Read {
        read
    }
    /// Returns what the type allows, to follow "must be", if it is words of a list.
    fn words() -> Option<String> {
        None
    }
}

/// A type whose values are words: an enum.
pub trait Choice: Copy + PartialEq + Debug + Send + Sync + 'static {
    /// Every value with its words; the first of them is the one that is shown.
    const ALL: &'static [(&'static str, Self)];
    /// True if capitals do not matter.
    const IN_ANY_CASE: bool = false;
}

impl<T: Choice> Value for T {
    type Read = T;
    const KIND: ConfigType = ConfigType::String;

    fn read(text: &str) -> Option<T> {
        let text = text.trim();
        let is_it = |word: &str| match T::IN_ANY_CASE {
            true => word.eq_ignore_ascii_case(text),
            false => word == text,
        };
        T::ALL.iter().find(|(word, _)| is_it(word)).map(|(_, value)| *value)
    }

    fn read_default(&self) -> T {
        *self
    }

    fn text(&self) -> String {
        let word = T::ALL.iter().find(|(_, value)| value == self);
        word.map(|(word, _)| (*word).to_owned()).unwrap_or_default()
    }

    fn checked(_read: &T) -> CheckedValue<'_> {
        CheckedValue::Checked
    }

    fn words() -> Option<String> {
        let words: Vec<&str> = T::ALL.iter().map(|(word, _)| *word).collect();
        let case = if T::IN_ANY_CASE { ", in capitals or not" } else { "" };
        Some(format!("{}{case}", either(&words)))
    }
}

/// Returns "one of these words", to follow "must be".
pub fn either(words: &[&str]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}

/// Returns "a list of these words", to follow "must be".
pub fn any_of(words: &[&str]) -> String {
    format!("a comma-separated list of any of {}", words.join(", "))
}

impl Value for bool {
    type Read = bool;
    const KIND: ConfigType = ConfigType::Boolean;

    fn read(text: &str) -> Option<bool> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("true") {
            Some(true)
        } else if text.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }

    fn read_default(&self) -> bool {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn checked(_read: &bool) -> CheckedValue<'_> {
        CheckedValue::Checked
    }
}

impl Value for i16 {
    type Read = i16;
    const KIND: ConfigType = ConfigType::Short;

    fn read(text: &str) -> Option<i16> {
        text.trim().parse().ok()
    }

    fn read_default(&self) -> i16 {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn checked(read: &i16) -> CheckedValue<'_> {
        CheckedValue::Whole(i64::from(*read))
    }
}

impl Value for i32 {
    type Read = i32;
    const KIND: ConfigType = ConfigType::Int;

    fn read(text: &str) -> Option<i32> {
        text.trim().parse().ok()
    }

    fn read_default(&self) -> i32 {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn checked(read: &i32) -> CheckedValue<'_> {
        CheckedValue::Whole(i64::from(*read))
    }
}

impl Value for i64 {
    type Read = i64;
    const KIND: ConfigType = ConfigType::Long;

    fn read(text: &str) -> Option<i64> {
        text.trim().parse().ok()
    }

    fn read_default(&self) -> i64 {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn checked(read: &i64) -> CheckedValue<'_> {
        CheckedValue::Whole(*read)
    }

    /// Converts all but negative numbers: -1 hours is as much "for ever" as -1 milliseconds.
    fn scaled(read: i64, factor: i64) -> i64 {
        if read < 0 { read } else { read.saturating_mul(factor) }
    }
}

impl Value for f64 {
    type Read = f64;
    const KIND: ConfigType = ConfigType::Double;

    fn read(text: &str) -> Option<f64> {
        text.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn read_default(&self) -> f64 {
        *self
    }

    fn text(&self) -> String {
        // As Java writes it.
        format!("{self:?}").replace('e', "E")
    }

    fn checked(read: &f64) -> CheckedValue<'_> {
        CheckedValue::Real(*read)
    }
}

/// Text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(pub &'static str);

impl Value for Text {
    type Read = String;
    const KIND: ConfigType = ConfigType::String;

    fn read(text: &str) -> Option<String> {
        Some(text.trim().to_owned())
    }

    fn read_default(&self) -> String {
        self.0.to_owned()
    }

    fn text(&self) -> String {
        self.0.to_owned()
    }

    fn checked(read: &String) -> CheckedValue<'_> {
        CheckedValue::Text(read)
    }
}

/// Strings separated by commas. Each counts once, as in Kafka (KIP-1161).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List(pub &'static [&'static str]);

impl Value for List {
    type Read = Vec<String>;
    const KIND: ConfigType = ConfigType::List;

    fn read(text: &str) -> Option<Vec<String>> {
        let mut distinct: Vec<String> = Vec::new();
        for item in items(text) {
            if !distinct.iter().any(|known| known == item) {
                distinct.push(item.to_owned());
            }
        }
        Some(distinct)
    }

    fn read_default(&self) -> Vec<String> {
        self.0.iter().map(|item| (*item).to_owned()).collect()
    }

    fn text(&self) -> String {
        self.0.join(",")
    }

    fn checked(read: &Vec<String>) -> CheckedValue<'_> {
        CheckedValue::Items(read)
    }
}

/// `name:value` items separated by commas, which Kafka reads as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pairs(pub List);

impl Value for Pairs {
    type Read = Vec<String>;
    const KIND: ConfigType = ConfigType::String;

    fn read(text: &str) -> Option<Vec<String>> {
        List::read(text)
    }

    fn read_default(&self) -> Vec<String> {
        self.0.read_default()
    }

    fn text(&self) -> String {
        self.0.text()
    }

    fn checked(read: &Vec<String>) -> CheckedValue<'_> {
        CheckedValue::Items(read)
    }
}

/// Iterates over the items of a list, each as often as it is named.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let text = text.trim();
    text.split(',').map(str::trim).filter(move |_| !text.is_empty())
}

/// Returns true if a list names an item more than once.
pub fn has_duplicates(text: &str) -> bool {
    List::read(text).is_some_and(|distinct| distinct.len() < items(text).count())
}

/// Addresses separated by commas, each as often as it is named: of two with port 0, each gets a
/// port of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses(pub List);

impl Value for Addresses {
    type Read = Vec<String>;
    const KIND: ConfigType = ConfigType::List;

    fn read(text: &str) -> Option<Vec<String>> {
        Some(items(text).map(str::to_owned).collect())
    }

    fn read_default(&self) -> Vec<String> {
        self.0.read_default()
    }

    fn text(&self) -> String {
        self.0.text()
    }

    fn checked(read: &Vec<String>) -> CheckedValue<'_> {
        CheckedValue::Items(read)
    }
}

/// The name of a Java class, which is never loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class(pub &'static str);

impl Value for Class {
    type Read = String;
    const KIND: ConfigType = ConfigType::Class;

    fn read(text: &str) -> Option<String> {
        Text::read(text)
    }

    fn read_default(&self) -> String {
        self.0.to_owned()
    }

    fn text(&self) -> String {
        self.0.to_owned()
    }

    fn checked(read: &String) -> CheckedValue<'_> {
        CheckedValue::Text(read)
    }
}

/// A value of the type `T` without a default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unset<T>(PhantomData<fn() -> T>);

/// Returns "no default" of an option.
pub const fn unset<T>() -> Unset<T> {
    Unset(PhantomData)
}

impl<T: Value> Value for Unset<T> {
    type Read = Option<T::Read>;
    const KIND: ConfigType = T::KIND;
    const HAS_DEFAULT: bool = false;

    fn read(text: &str) -> Option<Option<T::Read>> {
        T::read(text).map(Some)
    }

    fn read_default(&self) -> Option<T::Read> {
        None
    }

    fn text(&self) -> String {
        String::new()
    }

    fn checked(read: &Option<T::Read>) -> CheckedValue<'_> {
        read.as_ref().map_or(CheckedValue::Checked, T::checked)
    }
}

/// Text that is never shown, not even when it is invalid. A secret has no default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret;

impl Value for Secret {
    type Read = String;
    const KIND: ConfigType = ConfigType::Password;
    const HAS_DEFAULT: bool = false;

    fn read(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn read_default(&self) -> String {
        String::new()
    }

    fn text(&self) -> String {
        String::new()
    }

    fn checked(read: &String) -> CheckedValue<'_> {
        CheckedValue::Text(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_trimmed_and_must_fit_their_type() {
        assert_eq!(i32::read(" 5\n"), Some(5));
        assert_eq!(i32::read("-1"), Some(-1));
        assert_eq!(i32::read("2147483647"), Some(i32::MAX));
        assert_eq!(i32::read("2147483648"), None);
        assert_eq!(i16::read("32768"), None);
        assert_eq!(i64::read("9223372036854775807"), Some(i64::MAX));
        assert_eq!(i64::read("9223372036854775808"), None);
        for text in ["", "1.0", "1e3", "0x10", "1 000", "1_000", "ten"] {
            assert_eq!(i64::read(text), None, "{text}");
        }
    }

    #[test]
    fn fractions_are_finite() {
        assert_eq!(f64::read("0.5"), Some(0.5));
        assert_eq!(f64::read("1"), Some(1.0));
        for text in ["", "NaN", "inf", "-inf", "half"] {
            assert_eq!(f64::read(text), None, "{text}");
        }
    }

    #[test]
    fn booleans_are_true_or_false_in_any_case() {
        assert_eq!(bool::read("TRUE"), Some(true));
        assert_eq!(bool::read(" false "), Some(false));
        for text in ["", "1", "yes", "on"] {
            assert_eq!(bool::read(text), None, "{text}");
        }
    }

    #[test]
    fn lists_are_split_at_commas_and_trimmed() {
        assert_eq!(List::read(" a , b"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(List::read(" "), Some(Vec::new()));
        assert_eq!(List::read("a,,b").map(|items| items.len()), Some(3));
        assert_eq!(List::read("a,b, a"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert!(has_duplicates("a,b, a"));
        assert!(!has_duplicates("a,b") && !has_duplicates(""));
    }

    #[test]
    fn negative_numbers_have_no_unit_and_large_ones_do_not_wrap() {
        assert_eq!(i64::scaled(2, 3_600_000), 7_200_000);
        assert_eq!(i64::scaled(-1, 3_600_000), -1);
        assert_eq!(i64::scaled(i64::MAX, 60_000), i64::MAX);
    }

    #[test]
    fn the_numbers_of_the_types_are_those_of_describe_configs() {
        let kinds = [
            ConfigType::Boolean,
            ConfigType::String,
            ConfigType::Int,
            ConfigType::Short,
            ConfigType::Long,
            ConfigType::Double,
            ConfigType::List,
            ConfigType::Class,
            ConfigType::Password,
        ];
        assert_eq!(kinds.map(ConfigType::code), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
}
