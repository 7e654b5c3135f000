//! Names of a broker's options, each with its unit.

/// One name of a broker option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// The name, as Kafka spells it.
    pub text: &'static str,
    /// The number of the option's own units in one unit of this name: 3,600,000 for hours of ms.
    pub factor: i64,
}

/// Creates a name in the option's own unit.
pub const fn name(text: &'static str) -> Name {
    Name { text, factor: 1 }
}

/// Creates a name in a larger unit.
pub const fn scaled(text: &'static str, factor: i64) -> Name {
    Name { text, factor }
}
