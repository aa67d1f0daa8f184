use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    actor::{Actor, Kind},
    decider::{fold, testing::given},
};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH.plus_seconds(second)
}

fn command(second: i64, action: Action) -> Command {
    let by = Actor::new(Kind::Service, "channels".parse().unwrap(), "signature".parse().unwrap());
    Command::new(at(second), by, action)
}

fn channel() -> ChannelKind {
    "telegram".parse().unwrap()
}

fn reach(second: i64, reachable: bool) -> Command {
    command(second, Action::Reach { reachable, channel: channel(), message: None })
}

fn market(second: i64, allowed: bool) -> Command {
    command(second, Action::Market { allowed, channel: channel() })
}

#[test]
fn the_last_word_by_the_channels_time_holds() {
    let message: MessageId = "sms-fr-00112233445566aa".parse().unwrap();
    let word =
        Action::Reach { reachable: false, channel: "sms".parse().unwrap(), message: Some(message.clone()) };
    let told = Event::Unreachable { at: at(5), channel: "sms".parse().unwrap(), message: Some(message) };
    let state = given::<State>(&[])
        .when(command(5, word))
        .then(&[told])
        .when(reach(4, true))
        .then_nothing()
        .when(reach(8, true))
        .then(&[Event::Reachable { at: at(8), channel: channel(), message: None }])
        .when(reach(7, false))
        .then_nothing()
        .when(reach(9, false))
        .then_kinds(&["contact.unreachable"])
        .0;
    assert_eq!(state.reach(), Some(Word { yes: false, at: at(9) }));
    assert_eq!(state.marketing(), None);
}

#[test]
fn the_same_word_later_makes_what_lies_between_late() {
    given::<State>(&[])
        .when(reach(1, false))
        .then_kinds(&["contact.unreachable"])
        .when(reach(9, false))
        .then_kinds(&["contact.unreachable"])
        .when(reach(5, true))
        .then_nothing();
}

#[test]
fn advertising_is_another_matter() {
    let state = given::<State>(&[])
        .when(market(3, false))
        .then(&[Event::MarketingRefused { at: at(3), channel: channel() }])
        .when(reach(2, true))
        .then_kinds(&["contact.reachable"])
        .when(market(2, true))
        .then_nothing()
        .when(market(4, true))
        .then(&[Event::MarketingAllowed { at: at(4), channel: channel() }])
        .0;
    assert_eq!(
        (state.reach().map(|word| word.yes), state.marketing().map(|word| word.yes)),
        (Some(true), Some(true))
    );
}

#[test]
fn of_one_instant_the_refusal_holds() {
    for words in [[true, false], [false, true]] {
        let mut state = State::default();
        for yes in words {
            let events = state.decide(reach(7, yes)).unwrap();
            state = fold(state, &events);
        }
        assert_eq!(state.reach(), Some(Word { yes: false, at: at(7) }), "{words:?}");
    }
}

fn words() -> impl Strategy<Value = Vec<Command>> {
    let word = (0i64..6, any::<bool>(), any::<bool>());
    vec(word.prop_map(|(at, yes, ad)| if ad { market(at, yes) } else { reach(at, yes) }), 0..12)
}

fn after(commands: &[Command]) -> State {
    commands.iter().fold(State::default(), |state, command| {
        let events = state.decide(command.clone()).unwrap();
        fold(state, &events)
    })
}

proptest! {
    /// A failure prints its seed and the shortest words that show it.
    #[test]
    fn in_whatever_order_words_come_and_how_often_the_end_is_the_same(
        (words, shuffled) in words().prop_flat_map(|words| {
            let twice: Vec<_> = words.iter().chain(&words).cloned().collect();
            (Just(words), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(after(&words), after(&shuffled));
    }
}
