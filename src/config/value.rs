//! The types that options have, and how each is read from text.
//!
//! Text is trimmed before it is read, as Kafka does (`ConfigDef.parseType`).

use std::fmt::Debug;

/// A type of option, as DescribeConfigs numbers and Kafka's documentation names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 64 bits.
    Long,
    /// A number with a fraction.
    Double,
    /// Texts with commas between them.
    List,
    /// Text that is never shown.
    Password,
}

impl Kind {
    /// The number of the type in DescribeConfigs (`DescribeConfigsResponse.ConfigType`).
    pub fn code(self) -> i8 {
        match self {
            Kind::Boolean => 1,
            Kind::String => 2,
            Kind::Int => 3,
            Kind::Short => 4,
            Kind::Long => 5,
            Kind::Double => 6,
            Kind::List => 7,
            Kind::Password => 9,
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Boolean => "boolean",
            Kind::String => "string",
            Kind::Int => "int",
            Kind::Short => "short",
            Kind::Long => "long",
            Kind::Double => "double",
            Kind::List => "list",
            Kind::Password => "password",
        }
    }

    /// The smallest and the largest number of a whole-number type.
    pub fn bounds(self) -> Option<(i64, i64)> {
        match self {
            Kind::Int => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
            Kind::Short => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
            Kind::Long => Some((i64::MIN, i64::MAX)),
            _ => None,
        }
    }
}

/// A value as a [`crate::config::check::Check`] looks at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Seen<'a> {
    /// A boolean: nothing to check.
    Truth,
    /// A whole number of any width.
    Whole(i64),
    /// A number with a fraction.
    Real(f64),
    /// Text, secret or not.
    Text(&'a str),
    /// The items of a list.
    Items(&'a [String]),
}

/// What an option may be made of. The implementor is what a default is written as in a `static`.
pub trait Value: Debug + Send + Sync + 'static {
    /// What reading gives.
    type Read;
    /// The type's number and name.
    const KIND: Kind;
    /// Read text; `None` if it is not of this type.
    fn read(text: &str) -> Option<Self::Read>;
    /// The default, as reading its text would give it.
    fn read_default(&self) -> Self::Read;
    /// The default as text; reading it gives the default back.
    fn text(&self) -> String;
    /// A read value, for checking.
    fn seen(read: &Self::Read) -> Seen<'_>;
    /// A value of a larger unit, in the option's own. Only whole numbers of 64 bits have units.
    fn scaled(read: Self::Read, _factor: i64) -> Self::Read {
        read
    }
}

impl Value for bool {
    type Read = bool;
    const KIND: Kind = Kind::Boolean;

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

    fn seen(_read: &bool) -> Seen<'_> {
        Seen::Truth
    }
}

impl Value for i16 {
    type Read = i16;
    const KIND: Kind = Kind::Short;

    fn read(text: &str) -> Option<i16> {
        text.trim().parse().ok()
    }

    fn read_default(&self) -> i16 {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn seen(read: &i16) -> Seen<'_> {
        Seen::Whole(i64::from(*read))
    }
}

impl Value for i32 {
    type Read = i32;
    const KIND: Kind = Kind::Int;

    fn read(text: &str) -> Option<i32> {
        text.trim().parse().ok()
    }

    fn read_default(&self) -> i32 {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn seen(read: &i32) -> Seen<'_> {
        Seen::Whole(i64::from(*read))
    }
}

impl Value for i64 {
    type Read = i64;
    const KIND: Kind = Kind::Long;

    fn read(text: &str) -> Option<i64> {
        text.trim().parse().ok()
    }

    fn read_default(&self) -> i64 {
        *self
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn seen(read: &i64) -> Seen<'_> {
        Seen::Whole(*read)
    }

    /// Negative numbers have no unit: -1 hours is as much "for ever" as -1 milliseconds.
    fn scaled(read: i64, factor: i64) -> i64 {
        if read < 0 { read } else { read.saturating_mul(factor) }
    }
}

impl Value for f64 {
    type Read = f64;
    const KIND: Kind = Kind::Double;

    fn read(text: &str) -> Option<f64> {
        text.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    fn read_default(&self) -> f64 {
        *self
    }

    fn text(&self) -> String {
        format!("{self:?}")
    }

    fn seen(read: &f64) -> Seen<'_> {
        Seen::Real(*read)
    }
}

/// Text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(pub &'static str);

impl Value for Text {
    type Read = String;
    const KIND: Kind = Kind::String;

    fn read(text: &str) -> Option<String> {
        Some(text.trim().to_owned())
    }

    fn read_default(&self) -> String {
        self.0.to_owned()
    }

    fn text(&self) -> String {
        self.0.to_owned()
    }

    fn seen(read: &String) -> Seen<'_> {
        Seen::Text(read)
    }
}

/// Texts with commas between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct List(pub &'static [&'static str]);

impl Value for List {
    type Read = Vec<String>;
    const KIND: Kind = Kind::List;

    fn read(text: &str) -> Option<Vec<String>> {
        let text = text.trim();
        if text.is_empty() {
            return Some(Vec::new());
        }
        Some(text.split(',').map(|item| item.trim().to_owned()).collect())
    }

    fn read_default(&self) -> Vec<String> {
        self.0.iter().map(|item| (*item).to_owned()).collect()
    }

    fn text(&self) -> String {
        self.0.join(",")
    }

    fn seen(read: &Vec<String>) -> Seen<'_> {
        Seen::Items(read)
    }
}

/// Text that is never shown, not even when it is wrong. There is no default secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secret;

impl Value for Secret {
    type Read = String;
    const KIND: Kind = Kind::Password;

    fn read(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    fn read_default(&self) -> String {
        String::new()
    }

    fn text(&self) -> String {
        String::new()
    }

    fn seen(read: &String) -> Seen<'_> {
        Seen::Text(read)
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
            Kind::Boolean,
            Kind::String,
            Kind::Int,
            Kind::Short,
            Kind::Long,
            Kind::Double,
            Kind::List,
            Kind::Password,
        ];
        assert_eq!(kinds.map(Kind::code), [1, 2, 3, 4, 5, 6, 7, 9]);
    }
}
