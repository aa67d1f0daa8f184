//! Edits by webhook, in any order and told again.

use http::StatusCode;
use proto::cases::v1 as pb;
use serde_json::json;
use tests::world::World;

use crate::{
    accounts::{Secrets, all_taken, with_accounts},
    hooks::Platform,
    signed::{Call, account, account_of, signed},
};

const CONNECTOR: &str = "telegram";

/// A text as the bot API tells it, of an update that is new or that says what it was changed to.
fn update(text: &str, edited: Option<i64>) -> Call {
    let kind = if edited.is_some() { "edited_message" } else { "message" };
    let mut message = json!({"message_id": 7, "from": {"id": 42, "is_bot": false, "first_name": "Ana"},
                             "chat": {"id": 42, "type": "private"}, "date": 1_790_000_000, "text": text});
    if let Some(at) = edited {
        message["edit_date"] = json!(at);
    }
    Call::post(json!({"update_id": 1, kind: message}).to_string())
}

async fn text(world: &World) -> String {
    let at_least = all_taken(world).await;
    let mut root = world.administrator();
    let cases = root.list(pb::ListCasesRequest { at_least, page_size: 200, ..Default::default() }).await;
    assert_eq!(cases.len(), 1);
    let case = root.case(&cases[0].case_id).await;
    assert_eq!(case.timeline.len(), 1);
    case.timeline[0].text.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_edited_stays_so_in_whatever_order_it_is_told_again() {
    let first = update("It leeks", None);
    let edit = update("It leaks", Some(1_790_000_100));
    let last = update("It leaks a lot", Some(1_790_000_200));
    let orders = [
        vec![&first, &edit, &last, &first, &edit],
        vec![&last, &first, &edit],
        vec![&edit, &last, &first, &last],
        vec![&last, &edit, &first, &edit, &last],
    ];
    for (number, order) in orders.iter().enumerate() {
        let secrets = Secrets::new();
        let world = with_accounts(&[&account(CONNECTOR, &secrets)]).await;
        let platform = Platform::of(&world);
        for call in order {
            let (status, text) = signed(CONNECTOR, call, 0).send(&platform, &account_of(CONNECTOR)).await;
            assert_eq!(status, StatusCode::OK, "{text}");
        }
        assert_eq!(text(&world).await, "It leaks a lot", "order {number}");
        world.end().await;
    }
}
