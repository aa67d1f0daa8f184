//! What a refusal means to who drives a delivery.

use domain::{delivery::Error as E, outbound::Refusal, time::Timestamp};

use super::is_overtaken;

#[test]
fn what_a_person_did_meanwhile_is_looked_at_and_not_set_aside() {
    let until = Timestamp::UNIX_EPOCH;
    for refusal in [
        E::Cancelled,
        E::Refused(Refusal::ListenOnly),
        E::Dead,
        E::AlreadySent,
        E::OutOfOrder,
        E::Running,
        E::TooEarly { until },
        E::OutcomeUnclear,
    ] {
        assert!(is_overtaken(&refusal), "{refusal:?}");
    }
    // Looked at again, it would be the same again.
    for refusal in
        [E::LimitExceeded { what: "attempts at a reply", max: 1 }, E::UnknownPart, E::NoBasis, E::Unknown]
    {
        assert!(!is_overtaken(&refusal), "{refusal:?}");
    }
}
