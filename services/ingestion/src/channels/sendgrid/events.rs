//! What became of mails of ours.

use serde_json::Value;

use super::super::node::Node;
use super::super::{Happening, Malformed, Party, Receipt, Status};

/// The events of one call.
pub(super) fn read(body: &Value) -> Result<Vec<Happening>, Malformed> {
    let events = Node::root(body, "").elements()?;
    events.iter().map(event).collect()
}

fn event(event: &Node<'_>) -> Result<Happening, Malformed> {
    let contact = |reachable| {
        let person = Party::new(event.need_text("email")?.to_lowercase());
        Ok(Happening::Contact { person, reachable, at: event.time("timestamp") })
    };
    match event.need_text("event")? {
        "processed" => receipt(event, Status::Sent),
        "delivered" => receipt(event, Status::Delivered),
        "open" => receipt(event, Status::Read),
        "bounce" | "dropped" => receipt(event, Status::Failed),
        "deferred" => Ok(Happening::Passed("deferred")),
        "click" => Ok(Happening::Passed("click")),
        "spamreport" | "unsubscribe" | "group_unsubscribe" => contact(false),
        "group_resubscribe" => contact(true),
        _ => Ok(Happening::Passed("other_event")),
    }
}

fn receipt(event: &Node<'_>, status: Status) -> Result<Happening, Malformed> {
    let code = event.id("status").or_else(|| event.id("type")).or_else(|| event.id("event"));
    Ok(Happening::Receipt(Receipt {
        external_id: Some(message_id(event.need_text("sg_message_id")?).to_owned()),
        contact: event.text("email").map(str::to_lowercase),
        status,
        at: event.need_time("timestamp")?,
        code: code.filter(|_| status == Status::Failed),
        word: None,
    }))
}

/// What SendGrid answered when it took the mail (`X-Message-Id`): later it adds the name of its own machine.
fn message_id(id: &str) -> &str {
    let end = [".filter", ".recvd", ".recv"].iter().filter_map(|machine| id.find(machine)).min();
    end.and_then(|end| id.get(..end)).unwrap_or(id)
}
