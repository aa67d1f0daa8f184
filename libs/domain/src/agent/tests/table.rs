//! Every action on every state, written out.
//!
//! `yes` yields events, `-` yields none because it is so already, a word refuses with the code `AGENT_<word>`, shortened as
//! the legend says. Every action is about case 1, and comes at second 200.

use std::collections::BTreeSet;

use super::*;

/// `lapsed`: the lease is over and nobody noticed; `late`: the reservation's time is over; `missed`: the offer's is;
/// `full`: other cases take everything; `other`: another decision reserved for this case; `paused`: held and pending.
const COLUMNS: [&str; 16] = [
    "new", "online", "away", "lapsed", "gone", "drain", "full", "reserv", "late", "offer", "missed",
    "accept", "other", "held", "paused", "dropped",
];

/// The words that are not the code's own: OFF `AGENT_NOT_ONLINE`, FULL `AGENT_AT_CAPACITY`, ANOTHER
/// `AGENT_ANOTHER_DECISION`, NONE `AGENT_NOT_RESERVED`, ASK `AGENT_NOT_OFFERED`, OVER `AGENT_OFFER_OVER`, WAIT
/// `AGENT_NOT_ACCEPTED`, EARLY `AGENT_TOO_EARLY`, HELD `AGENT_NOT_HELD`, LEASE `AGENT_LEASE_OVER`,
/// DRAIN `AGENT_DRAINING`, UNFIT `AGENT_UNFIT_INSTANT`, TAKEN `AGENT_ACCEPTED`.
const TABLE: &str = "
                        new     online  away    lapsed  gone    drain   full    reserv  late    offer   missed  accept  other   held    paused  dropped
SetPresence (online)    yes     -       yes     yes     yes     -       -       -       -       -       -       -       -       -       -       -
SetPresence (away)      yes     yes     -       yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes
SetPresence (offline)   -       yes     yes     yes     -       yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes
Renew                   LEASE   yes     yes     LEASE   LEASE   yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes
Renew (too soon)        LEASE   -       -       LEASE   LEASE   -       -       -       -       -       -       -       -       -       -       -
ExpireLease             -       -       -       yes     -       -       -       -       -       -       -       -       -       -       -       -
Drain                   yes     yes     yes     yes     yes     -       yes     yes     yes     yes     yes     yes     yes     yes     yes     yes
Undrain                 -       -       -       -       -       yes     -       -       -       -       -       -       -       -       -       -
Reserve (push)          OFF     yes     OFF     OFF     OFF     DRAIN   FULL    -       -       -       -       -       ANOTHER -       -       yes
Reserve (pull)          OFF     yes     yes     OFF     OFF     DRAIN   FULL    -       -       -       -       -       ANOTHER -       -       yes
Reserve (manual)        yes     yes     yes     yes     yes     yes     yes     -       -       -       -       -       ANOTHER -       -       yes
Offer                   NONE    NONE    NONE    NONE    NONE    NONE    NONE    yes     UNFIT   -       -       -       ANOTHER -       -       NONE
Accept                  NONE    NONE    NONE    NONE    NONE    NONE    NONE    ASK     ASK     yes     OVER    -       ANOTHER -       -       NONE
Decline                 -       -       -       -       -       -       -       ASK     ASK     yes     yes     TAKEN   -       -       -       -
TimeOut                 -       -       -       -       -       -       -       ASK     ASK     EARLY   yes     -       -       -       -       -
Claim                   NONE    NONE    NONE    NONE    NONE    NONE    NONE    yes     yes     WAIT    WAIT    yes     ANOTHER -       -       NONE
Release (expired)       -       -       -       -       -       -       -       EARLY   yes     EARLY   EARLY   EARLY   -       -       -       -
Release (lost)          -       -       -       -       -       -       -       yes     yes     yes     yes     yes     -       -       -       -
Hold                    yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     -       yes     yes
Hold (pending)          yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     yes     -       yes
SetConsuming (no)       HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    yes     -       HELD
SetConsuming (yes)      HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    HELD    -       yes     HELD
Drop                    -       -       -       -       -       -       -       -       -       -       -       -       -       yes     yes     -
";

#[test]
fn every_action_in_every_state() {
    let mut table = String::from("\n                       ");
    COLUMNS.iter().for_each(|state| table += &format!(" {state:<7}"));
    let mut names = BTreeSet::new();
    for (name, action) in actions() {
        names.insert(action_name(&action));
        table = format!("{}\n{name:<23}", table.trim_end());
        COLUMNS.iter().for_each(|state| table += &format!(" {:<7}", cell(state, action.clone())));
    }
    let table = format!("{}\n", table.trim_end());
    assert_eq!(names.len(), ACTIONS, "the table has every action");
    assert!(table == TABLE, "the table is now:\n{table}");
}

/// What was decided is not decided again, whatever it was and wherever.
#[test]
fn the_same_command_again_does_nothing() {
    for column in COLUMNS {
        for (name, action) in actions() {
            let state = history(column);
            let Ok(events) = state.decide(by(200, action.clone())) else { continue };
            let state = fold(state, &events);
            assert_eq!(state.decide(by(200, action)), Ok(vec![]), "{name} in {column}");
        }
    }
}

fn cell(state: &str, action: Action) -> String {
    match history(state).decide(by(200, action)) {
        Ok(events) if events.is_empty() => "-".to_owned(),
        Ok(_) => "yes".to_owned(),
        Err(error) => match error.code().strip_prefix("AGENT_").unwrap() {
            "NOT_ONLINE" => "OFF".to_owned(),
            "AT_CAPACITY" => "FULL".to_owned(),
            "ANOTHER_DECISION" => "ANOTHER".to_owned(),
            "NOT_RESERVED" => "NONE".to_owned(),
            "NOT_OFFERED" => "ASK".to_owned(),
            "OFFER_OVER" => "OVER".to_owned(),
            "NOT_ACCEPTED" => "WAIT".to_owned(),
            "TOO_EARLY" => "EARLY".to_owned(),
            "NOT_HELD" => "HELD".to_owned(),
            "LEASE_OVER" => "LEASE".to_owned(),
            "DRAINING" => "DRAIN".to_owned(),
            "UNFIT_INSTANT" => "UNFIT".to_owned(),
            "ACCEPTED" => "TAKEN".to_owned(),
            code => code.to_owned(),
        },
    }
}

fn history(state: &str) -> State {
    let online = || (0, set(Presence::Online, 1_000));
    let reserved = || vec![online(), (100, reserve(1, 1, 300, How::Push))];
    let and = |then: Vec<(i64, Action)>| after([reserved(), then].concat());
    match state {
        "new" => State::default(),
        "online" => after([online()]),
        "away" => after([online(), (1, set(Presence::Away, 1_000))]),
        "lapsed" => after([(0, set(Presence::Online, 150))]),
        "gone" => after([(0, set(Presence::Online, 150)), (151, Action::ExpireLease)]),
        "drain" => after([online(), (1, Action::Drain)]),
        "full" => after([online(), (1, hold(8, 3, true)), (2, hold(9, 3, true))]),
        "reserv" => and(vec![]),
        "late" => after([online(), (100, reserve(1, 1, 150, How::Push))]),
        "offer" => and(vec![(110, offer(1, 250))]),
        "missed" => and(vec![(110, offer(1, 150))]),
        "accept" => and(vec![(110, offer(1, 150)), (120, accept(1))]),
        "other" => after([online(), (100, reserve(1, 2, 300, How::Push))]),
        "held" => and(vec![(110, claim(1))]),
        "paused" => {
            and(vec![(110, claim(1)), (120, Action::SetConsuming { case: case(1), consumes: false })])
        }
        "dropped" => and(vec![(110, claim(1)), (120, drop_case(1))]),
        other => unreachable!("{other}"),
    }
}

fn actions() -> Vec<(&'static str, Action)> {
    vec![
        ("SetPresence (online)", set(Presence::Online, 1_000)),
        ("SetPresence (away)", set(Presence::Away, 1_000)),
        ("SetPresence (offline)", set(Presence::Offline, 0)),
        ("Renew", Action::Renew { lease_until: at(1_100) }),
        ("Renew (too soon)", Action::Renew { lease_until: at(1_001) }),
        ("ExpireLease", Action::ExpireLease),
        ("Drain", Action::Drain),
        ("Undrain", Action::Undrain),
        ("Reserve (push)", reserve(1, 1, 400, How::Push)),
        ("Reserve (pull)", reserve(1, 1, 400, How::Pull)),
        ("Reserve (manual)", reserve(1, 1, 400, How::Manual)),
        ("Offer", offer(1, 250)),
        ("Accept", accept(1)),
        ("Decline", decline(1)),
        ("TimeOut", time_out(1)),
        ("Claim", claim(1)),
        ("Release (expired)", release(1, Ended::Expired)),
        ("Release (lost)", release(1, Ended::Lost)),
        ("Hold", hold(1, 2, true)),
        ("Hold (pending)", hold(1, 2, false)),
        ("SetConsuming (no)", Action::SetConsuming { case: case(1), consumes: false }),
        ("SetConsuming (yes)", Action::SetConsuming { case: case(1), consumes: true }),
        ("Drop", drop_case(1)),
    ]
}

const ACTIONS: usize = 15;

/// Without `_`, so that a new action is not forgotten here.
const fn action_name(action: &Action) -> &'static str {
    match action {
        Action::SetPresence { .. } => "SetPresence",
        Action::Renew { .. } => "Renew",
        Action::ExpireLease => "ExpireLease",
        Action::Drain => "Drain",
        Action::Undrain => "Undrain",
        Action::Reserve { .. } => "Reserve",
        Action::Offer { .. } => "Offer",
        Action::Accept { .. } => "Accept",
        Action::Decline { .. } => "Decline",
        Action::TimeOut { .. } => "TimeOut",
        Action::Claim { .. } => "Claim",
        Action::Release { .. } => "Release",
        Action::Hold { .. } => "Hold",
        Action::SetConsuming { .. } => "SetConsuming",
        Action::Drop { .. } => "Drop",
    }
}
