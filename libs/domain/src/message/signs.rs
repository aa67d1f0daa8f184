//! Which signs stand at a message.

use std::collections::BTreeMap;

use super::{Error, Event};
use crate::{
    ids::{Digest, IdentityId},
    personal::Personal,
    time::Timestamp,
};

/// The most people whose signs are kept of one message.
pub const SIGNERS_MAX: usize = 1_000;

/// What each did last: he put a sign, or took it back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs(BTreeMap<IdentityId, Last>);

/// What somebody did last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Last {
    at: Timestamp,
    stands: Stands,
}

/// What stands of somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Stands {
    Nothing,
    Sign(Digest),
    /// A sign of which no digest was stored.
    Unknown,
}

/// What somebody does to a message.
pub(super) struct Reaction {
    pub(super) by: IdentityId,
    pub(super) sign: Option<Personal>,
    pub(super) digest: Option<Digest>,
    pub(super) timed: bool,
}

impl Signs {
    /// What follows. What is older than his last is late. Where no time tells, what stands already is no news.
    pub(super) fn react(&self, at: Timestamp, reaction: Reaction) -> Result<Vec<Event>, Error> {
        let Reaction { by, sign, digest, timed } = reaction;
        let last = self.0.get(&by);
        let late = timed && last.is_some_and(|last| last.at > at);
        let tells = timed && last.is_none_or(|last| last.at < at);
        let stands = Stands::of(sign.is_some(), digest.as_ref());
        let same = match last {
            Some(last) => last.stands == stands && stands != Stands::Unknown,
            None => stands == Stands::Nothing,
        };
        if late || (!tells && same) {
            return Ok(Vec::new());
        }
        if last.is_none() && self.0.len() >= SIGNERS_MAX {
            return Err(Error::LimitExceeded { what: "people who react to a message", max: SIGNERS_MAX });
        }
        Ok(vec![Event::Reacted { at, by, sign, digest }])
    }

    /// Notes what somebody did. Where no time is said, an event may bear an older one than that before it.
    pub(super) fn note(&mut self, at: Timestamp, by: &IdentityId, stands: bool, digest: Option<&Digest>) {
        let at = self.0.get(by).map_or(at, |last| last.at.max(at));
        self.0.insert(by.clone(), Last { at, stands: Stands::of(stands, digest) });
    }
}

impl Stands {
    fn of(stands: bool, digest: Option<&Digest>) -> Self {
        match (stands, digest) {
            (false, _) => Self::Nothing,
            (true, Some(digest)) => Self::Sign(digest.clone()),
            (true, None) => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Action, Command, State},
        *,
    };
    use crate::{
        actor::{Actor, Kind},
        decider::testing::given,
    };

    const ANA: &str = "mail-fr_0123456789abcdef";
    const BEN: &str = "mail-fr_fedcba9876543210";

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH.plus_seconds(second)
    }

    /// Signs have digests of their own, and so do people.
    fn digest(by: &str, sign: &str) -> Digest {
        let bytes: String = format!("{sign}{by}").bytes().map(|byte| format!("{byte:02x}")).collect();
        bytes[..24].parse().unwrap()
    }

    fn command(second: i64, by: &str, sign: Option<&str>, timed: bool) -> Command {
        let actor = Actor::new(Kind::Service, "intake".parse().unwrap(), "internal".parse().unwrap());
        let digest = sign.map(|sign| digest(by, sign));
        let sign = sign.map(|sign| Personal::open(by, sign));
        Command::new(at(second), actor, Action::React { by: by.parse().unwrap(), sign, digest, timed })
    }

    fn timed(second: i64, by: &str, sign: Option<&str>) -> Command {
        command(second, by, sign, true)
    }

    fn untimed(second: i64, by: &str, sign: Option<&str>) -> Command {
        command(second, by, sign, false)
    }

    fn reacted(second: i64, by: &str, sign: Option<&str>) -> Event {
        Event::Reacted {
            at: at(second),
            by: by.parse().unwrap(),
            sign: sign.map(|sign| Personal::open(by, sign)),
            digest: sign.map(|sign| digest(by, sign)),
        }
    }

    #[test]
    fn what_was_put_last_stands_whatever_comes_first() {
        given::<State>(&[])
            .when(timed(5, ANA, Some("👍")))
            .then(&[reacted(5, ANA, Some("👍"))])
            .when(timed(5, ANA, Some("👍")))
            .then_nothing()
            // He took it back, and this was before.
            .when(timed(4, ANA, None))
            .then_nothing()
            .when(timed(4, BEN, Some("👎")))
            .then(&[reacted(4, BEN, Some("👎"))])
            .when(timed(6, ANA, None))
            .then(&[reacted(6, ANA, None)]);
    }

    #[test]
    fn the_same_sign_at_a_later_time_is_noted_so_that_what_was_between_is_late() {
        given::<State>(&[])
            .when(timed(5, ANA, Some("👍")))
            .then(&[reacted(5, ANA, Some("👍"))])
            .when(timed(7, ANA, Some("👍")))
            .then(&[reacted(7, ANA, Some("👍"))])
            .when(timed(6, ANA, None))
            .then_nothing();
    }

    #[test]
    fn within_one_second_of_the_channel_what_is_told_last_stands() {
        given::<State>(&[])
            .when(timed(5, ANA, Some("👍")))
            .then(&[reacted(5, ANA, Some("👍"))])
            .when(timed(5, ANA, None))
            .then(&[reacted(5, ANA, None)])
            .when(timed(5, ANA, None))
            .then_nothing();
    }

    #[test]
    fn without_a_time_only_what_changes_something_is_news() {
        given::<State>(&[])
            .when(untimed(1, ANA, None))
            .then_nothing()
            .when(untimed(2, ANA, Some("👍")))
            .then(&[reacted(2, ANA, Some("👍"))])
            .when(untimed(3, ANA, Some("👍")))
            .then_nothing()
            .when(untimed(4, BEN, Some("👍")))
            .then(&[reacted(4, BEN, Some("👍"))])
            .when(untimed(5, ANA, Some("👎")))
            .then(&[reacted(5, ANA, Some("👎"))])
            .when(untimed(6, ANA, None))
            .then(&[reacted(6, ANA, None)])
            .when(untimed(7, ANA, None))
            .then_nothing()
            .when(untimed(8, ANA, Some("👍")))
            .then(&[reacted(8, ANA, Some("👍"))])
            // The clock of another replica is behind.
            .when(untimed(7, ANA, None))
            .then(&[reacted(7, ANA, None)])
            .when(untimed(7, ANA, None))
            .then_nothing();
    }

    #[test]
    fn a_sign_that_was_stored_without_a_digest_is_read_and_gives_way_once() {
        let old = format!(
            r#"{{"type": "message.reacted", "v": 1, "at": "1970-01-01T00:00:05.000000Z", "by": "{ANA}",
                 "sign": {{"subject": "{ANA}", "sealed": "k1.bm9uY2U.Y2lwaGVydGV4dA"}}}}"#
        );
        let old: Event = serde_json::from_str(&old).unwrap();
        given::<State>(std::slice::from_ref(&old))
            .when(timed(4, ANA, None))
            .then_nothing()
            .when(untimed(6, ANA, Some("👍")))
            .then(&[reacted(6, ANA, Some("👍"))])
            .when(untimed(7, ANA, Some("👍")))
            .then_nothing();
        given::<State>(&[old]).when(untimed(6, ANA, None)).then(&[reacted(6, ANA, None)]);
    }

    #[test]
    fn more_people_than_are_kept_are_refused_and_those_who_are_may_go_on() {
        let someone = |n: usize| format!("mail-fr_{n:016x}");
        let all: Vec<_> = (0..SIGNERS_MAX).map(|n| reacted(1, &someone(n), Some("👍"))).collect();
        let refused = Error::LimitExceeded { what: "people who react to a message", max: SIGNERS_MAX };
        let one_more = someone(SIGNERS_MAX);
        given::<State>(&all)
            .when(timed(2, &one_more, Some("👍")))
            .then_refused(&refused)
            .when(untimed(2, &one_more, None))
            .then_nothing()
            .when(untimed(2, &someone(0), None))
            .then(&[reacted(2, &someone(0), None)]);
    }
}
