//! Whose turn it is, by values: no call is made.

use domain::{
    delivery::{Action, Answer, Failure, Rejection, Unclarity},
    health::{Cause, Sign},
    time::Timestamp,
};

use super::{Said, patient};

fn failed(reason: Failure, retry_at: Option<Timestamp>) -> Action {
    Action::ReportFailed { part: 1, attempt: 1, reason, code: None, retry_at }
}

fn rejected(reason: Rejection) -> Action {
    Action::ReportRejected { part: 1, attempt: 1, reason, code: None }
}

#[test]
fn what_is_about_one_message_says_nothing_bad_of_the_account() {
    let well = Said::Sign(Sign::Well);
    assert_eq!(Said::of(&Action::ReportSent { part: 1, attempt: 1, external: None }), well);
    for reason in [Failure::Greylisted, Failure::RecipientUnavailable] {
        assert_eq!(Said::of(&failed(reason, None)), well, "{reason:?}");
    }
    for reason in
        [Rejection::InvalidRecipient, Rejection::WindowClosed, Rejection::TooLong, Rejection::OptedOut]
    {
        assert_eq!(Said::of(&rejected(reason)), well, "{reason:?}");
    }
    for reason in [
        Rejection::Forbidden,
        Rejection::Malformed,
        Rejection::BaseUrlNotHttps,
        Rejection::Other,
        Rejection::PlaceGone,
    ] {
        assert_eq!(Said::of(&rejected(reason)), Said::Nothing, "{reason:?}");
    }
    assert_eq!(Said::of_answer(&Answer::HasNot), well);
    assert_eq!(Said::of_answer(&Answer::Nothing { ask: 1 }), Said::Nothing);
}

#[test]
fn what_any_message_would_have_met_is_about_the_account() {
    let bad = |cause| Said::Sign(Sign::Failed(cause));
    let unclear = |reason| Said::of(&Action::ReportUnclear { part: 1, attempt: 1, reason });
    assert_eq!(Said::of(&failed(Failure::NotConnected, None)), bad(Cause::Unreachable));
    assert_eq!(Said::of(&failed(Failure::Unavailable, None)), bad(Cause::Unavailable));
    assert_eq!(unclear(Unclarity::TimedOut), bad(Cause::Unanswered));
    assert_eq!(unclear(Unclarity::ServerFailed), bad(Cause::Failing));
    // Ours, not the platform's.
    assert_eq!(unclear(Unclarity::ProcessDied), Said::Nothing);
    assert_eq!(Said::of(&rejected(Rejection::Authentication)), bad(Cause::Authentication));
    let until = Some(Timestamp::UNIX_EPOCH);
    assert_eq!(Said::of(&failed(Failure::RateLimited, until)), Said::TooFast(until));
}

#[test]
fn only_a_refused_secret_is_waited_out() {
    assert_eq!(patient(rejected(Rejection::Authentication)), failed(Failure::Authentication, None));
    for reason in [Rejection::Forbidden, Rejection::InvalidRecipient, Rejection::Malformed] {
        assert_eq!(patient(rejected(reason)), rejected(reason));
    }
}
