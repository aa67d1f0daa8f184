//! The types of a condition's parts, as far as they are known before it is evaluated.

use std::fmt;

use super::super::known::Of;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    Bool,
    Int,
    Double,
    Text(Of),
    List(Box<Type>),
    Table,
    /// What the policy calls a custom field may be of any type.
    Any,
}

impl Type {
    /// Whether a value of the one type may be equal to one of the other.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Bool, Self::Bool) | (Self::Text(_), Self::Text(_)) => true,
            (Self::Int | Self::Double, Self::Int | Self::Double) => true,
            (Self::List(one), Self::List(other)) => one.may_be(other),
            _ => false,
        }
    }

    /// Whether it may be a number.
    pub(super) const fn may_count(&self) -> bool {
        matches!(self, Self::Int | Self::Double | Self::Any)
    }

    /// Whether it may be a text.
    pub(super) const fn may_read(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Any)
    }

    /// What is known of a value that is of the one type or the other.
    pub(super) fn or(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        match (self, other) {
            (Self::Text(_), Self::Text(_)) => Self::Text(Of::Any),
            (Self::Int | Self::Double, Self::Int | Self::Double) => Self::Double,
            _ => Self::Any,
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "yes or no",
            Self::Int => "a whole number",
            Self::Double => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Table => "a table",
            Self::Any => "a custom field",
        })
    }
}
