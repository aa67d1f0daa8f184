//! The contract's enumerations as words of the command line: `STATUS_ON_HOLD` is `on-hold`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use proto::cases::v1::{
    ContactStep, HoldKind, LinkKind, Priority, Purpose, SilenceReason, Status, list_cases_request::Order,
};

use super::super::output::json;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $kind:ty, $prefix:literal, [$($word:literal),+];)+) => {
        $(
            $(#[$doc])*
            pub fn $name() -> impl TypedValueParser<Value = $kind> {
                PossibleValuesParser::new([$($word),+])
                    .map(|word| <$kind>::from_str_name(&full($prefix, &word)).unwrap_or_default())
            }
        )+

        #[cfg(test)]
        fn unknown() -> Vec<&'static str> {
            let mut unknown = Vec::new();
            $($(
                if <$kind>::from_str_name(&full($prefix, $word)).is_none() {
                    unknown.push($word);
                }
            )+)+
            unknown
        }
    };
}

kinds! {
    /// A status.
    status: Status, "STATUS_",
        ["new", "open", "pending", "on-hold", "resolved", "closed", "merged", "spam"];
    /// A priority.
    priority: Priority, "PRIORITY_", ["low", "normal", "high", "urgent"];
    /// What is waited for.
    hold: HoldKind, "HOLD_KIND_", ["third-party", "internal", "legal"];
    /// Why nobody answers.
    silence: SilenceReason, "SILENCE_REASON_", ["troll", "thanks", "duplicate", "other"];
    /// How far a customer's contact data are.
    contact: ContactStep, "CONTACT_STEP_",
        ["needed", "asked-public", "asked-private", "obtained", "refused", "impossible"];
    /// How two cases belong together.
    link: LinkKind, "LINK_KIND_", ["child-of", "duplicate-of", "caused-by"];
    /// What a customer agrees to, or refuses.
    purpose: Purpose, "PURPOSE_", ["any", "service", "marketing", "survey", "link-profiles"];
    /// What comes first.
    order: Order, "ORDER_", ["updated-desc", "opened-desc", "opened-asc", "waiting", "priority"];
}

/// A status, to be read.
pub fn status_word(status: Status) -> String {
    json::plain(status.as_str_name(), "STATUS_")
}

/// A priority, to be read.
pub fn priority_word(priority: Priority) -> String {
    json::plain(priority.as_str_name(), "PRIORITY_")
}

fn full(prefix: &str, word: &str) -> String {
    format!("{prefix}{}", word.to_uppercase().replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_in_the_contract() {
        assert_eq!(unknown(), Vec::<&str>::new());
    }

    #[test]
    fn words_and_names_are_one() {
        assert_eq!(status_word(Status::OnHold), "on-hold");
        assert_eq!(priority_word(Priority::Unspecified), "");
        assert_eq!(full("STATUS_", "on-hold"), Status::OnHold.as_str_name());
    }
}
