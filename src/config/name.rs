//! Names of a broker's options, each with its unit.

/// One name that a broker's option goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// The name, as Kafka spells it.
    pub text: &'static str,
    /// How many of the option's own units one of this name's is: 3,600,000 for hours of ms.
    pub factor: i64,
}

/// A name in the option's own unit.
pub const fn name(text: &'static str) -> Name {
    Name { text, factor: 1 }
}

/// A name in a larger unit.
pub const fn scaled(text: &'static str, factor: i64) -> Name {
    Name { text, factor }
}
