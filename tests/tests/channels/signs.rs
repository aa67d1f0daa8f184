//! Signs at messages of platforms that do not say when somebody put them, told again and in any order.

use http::StatusCode;
use proto::cases::v1 as pb;
use serde_json::{Value, json};
use tests::{
    faults::{Chance, seed},
    world::World,
};

use crate::{
    accounts::{Secrets, all_taken, with_accounts},
    hooks::Platform,
    published,
    signed::{Call, account, account_of, signed},
};

/// How often a platform tells the same.
const TOLD: usize = 3;

/// A platform, its message, and how it says that somebody puts a sign to it, or takes it back where it says so.
struct Telling {
    connector: &'static str,
    message: Value,
    /// With the number of the event.
    puts: fn(u32) -> Value,
    takes: Option<fn(u32) -> Value>,
    sign: &'static str,
}

fn vk(kind: &str, number: u32, object: &Value) -> Value {
    json!({"type": kind, "object": object, "group_id": 1, "event_id": format!("e{number}"), "v": "5.199"})
}

fn page(value: &Value) -> Value {
    json!({"object": "page", "entry": [{"id": "100", "changes": [{"field": "feed", "value": value}]}]})
}

fn tellings() -> [Telling; 3] {
    [
        Telling {
            connector: "vk",
            message: vk(
                "message_new",
                0,
                &json!({"message": {"id": 1, "conversation_message_id": 11, "from_id": 7, "peer_id": 7, "out": 0,
                                    "date": 1_790_000_000, "text": "It leaks"}}),
            ),
            puts: |number| {
                let object = json!({"reacted_id": 7, "peer_id": 7, "cmid": 11, "reaction_id": 1});
                vk("message_reaction_event", number, &object)
            },
            takes: Some(|number| {
                vk("message_reaction_event", number, &json!({"reacted_id": 7, "peer_id": 7, "cmid": 11}))
            }),
            sign: "1",
        },
        Telling {
            connector: "facebook_page",
            message: page(&json!({"item": "comment", "verb": "add", "from": {"id": "200", "name": "Ada"},
                                  "post_id": "100_1", "comment_id": "1_2", "message": "It leaks",
                                  "created_time": 1_790_000_000})),
            puts: |_| {
                page(&json!({"item": "reaction", "verb": "add", "from": {"id": "200", "name": "Ada"},
                             "post_id": "100_1", "comment_id": "1_2", "reaction_type": "love"}))
            },
            takes: Some(|_| {
                page(&json!({"item": "reaction", "verb": "remove", "from": {"id": "200", "name": "Ada"},
                             "post_id": "100_1", "comment_id": "1_2", "reaction_type": "love"}))
            }),
            sign: "love",
        },
        Telling {
            connector: "x",
            message: json!({"for_user_id": "100", "tweet_create_events": [{
                "created_at": "Mon Sep 21 13:33:20 +0000 2026", "id_str": "5", "text": "It leaks",
                "user": {"id_str": "200", "name": "Ada", "screen_name": "ada"}}]}),
            puts: |number| {
                json!({"for_user_id": "100", "favorite_events": [{"id": format!("f{number}"),
                       "favorited_status": {"id_str": "5"}, "user": {"id_str": "200", "name": "Ada"}}]})
            },
            takes: None,
            sign: "like",
        },
    ]
}

async fn tell(platform: &Platform, connector: &str, body: &Value) {
    let call = Call::post(body.to_string()).with_header("content-type", "application/json");
    let (status, text) = signed(connector, &call, 0).send(platform, &account_of(connector)).await;
    assert_eq!(status, StatusCode::OK, "{connector}: {text}");
}

/// The signs at the only message.
async fn signs(world: &World) -> Vec<String> {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await;
    assert_eq!(cases.len(), 1);
    let case = root.case(&cases[0].case_id).await;
    assert_eq!(case.timeline.len(), 1);
    case.timeline[0].signs.clone()
}

/// How many of the reactions were news, and how many were not.
fn reactions(told: &published::Told, connector: &str) -> (u64, u64) {
    let of = told.get(&(account_of(connector), "reaction".to_owned()));
    let count = |outcome: &str| of.and_then(|of| of.get(outcome)).copied().unwrap_or_default();
    (count("accepted"), count("duplicate"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_without_a_time_that_is_told_again_in_any_order_has_the_effect_of_once() {
    let seed = seed();
    for (lane, Telling { connector, message, puts, sign, .. }) in tellings().into_iter().enumerate() {
        let (before, secrets) = (published::told(), Secrets::new());
        let world = with_accounts(&[&account(connector, &secrets)]).await;
        let platform = Platform::of(&world);
        let put = puts(1);
        let mut order = [&message, &put].repeat(TOLD);
        let mut chance = Chance::new(seed, lane as u64);
        for last in (1..order.len()).rev() {
            order.swap(last, chance.below(last as u64 + 1) as usize);
        }
        for body in order {
            tell(&platform, connector, body).await;
        }
        assert_eq!(signs(&world).await, [sign], "{connector}: the seed {seed}");
        let news = reactions(&published::since(&before), connector);
        assert_eq!(news, (1, TOLD as u64 - 1), "{connector}: the seed {seed}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_without_a_time_that_is_put_and_taken_back_and_put_stands() {
    for Telling { connector, message, puts, takes, sign } in tellings() {
        let Some(takes) = takes else { continue };
        let (before, secrets) = (published::told(), Secrets::new());
        let world = with_accounts(&[&account(connector, &secrets)]).await;
        let platform = Platform::of(&world);
        tell(&platform, connector, &message).await;
        for (event, expected) in [(puts(1), &[sign][..]), (takes(2), &[]), (puts(3), &[sign])] {
            for _ in 0..TOLD {
                tell(&platform, connector, &event).await;
            }
            assert_eq!(signs(&world).await, expected, "{connector}");
        }
        assert_eq!(
            reactions(&published::since(&before), connector),
            (3, 3 * (TOLD as u64 - 1)),
            "{connector}"
        );
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_bears_a_name_has_no_second_effect_however_late_it_comes_again() {
    for Telling { connector, message, puts, takes, sign } in tellings() {
        let Some(takes) = takes.filter(|_| connector == "vk") else { continue };
        let secrets = Secrets::new();
        let world = with_accounts(&[&account(connector, &secrets)]).await;
        let platform = Platform::of(&world);
        tell(&platform, connector, &message).await;
        for event in [puts(1), takes(2), puts(1)] {
            tell(&platform, connector, &event).await;
        }
        assert_eq!(signs(&world).await, [""; 0], "the sign that was taken back came again");
        for event in [puts(3), takes(2), puts(1), puts(3)] {
            tell(&platform, connector, &event).await;
        }
        assert_eq!(signs(&world).await, [sign], "what was taken back before came again");
        world.end().await;
    }
}
