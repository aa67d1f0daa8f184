//! Messages and events, from XML.

use domain::time::Timestamp;

use super::super::xml::Document;
use super::super::{Happening, Malformed, Media, MediaSource, Message, Party, Receipt, Status, node, words};

/// What one call says.
pub(super) fn happenings(document: &Document, now: Timestamp) -> Result<Vec<Happening>, Malformed> {
    let from = document.need("FromUserName")?;
    let kind = document.need("MsgType")?;
    let created = document.need("CreateTime")?;
    let at = created.parse().ok().and_then(node::unix);
    let at = at.ok_or_else(|| Malformed::new("xml/CreateTime", "seconds since 1970"))?;
    if kind == "event" {
        return event(document, Party::new(from), at).map(|happening| vec![happening]);
    }
    let id = document.text("MsgId").map_or_else(|| format!("{from}:{created}"), str::to_owned);
    // Ours may lag: what is said to be of the future is of now.
    let mut message = Message::new(id, Party::new(from), at.min(now));
    message.field("to", document.text("ToUserName"));
    message.field("agent", document.text("AgentID"));
    match kind {
        "text" => document.need("Content")?.clone_into(&mut message.text),
        "image" => {
            // The address needs no token but ends after some days; the id is for the API. The address is at hand.
            let source = match document.text("PicUrl") {
                Some(url) => MediaSource::Url(url.to_owned()),
                None => MediaSource::Id(document.need("MediaId")?.to_owned()),
            };
            message.media.push(Media::new(source));
            message.field("media-id", document.text("MediaId"));
        }
        "voice" => {
            let media_type = document.text("Format").map(|format| format!("audio/{format}"));
            message.media.push(Media { media_type, ..by_id(document, "MediaId")? });
            document.text("Recognition").unwrap_or_default().clone_into(&mut message.text);
        }
        "video" | "shortvideo" => message.media.push(by_id(document, "MediaId")?),
        "file" => {
            let name = document.text("Title").map(str::to_owned);
            message.media.push(Media { name, ..by_id(document, "MediaId")? });
        }
        "location" => {
            let (latitude, longitude) = (document.need("Location_X")?, document.need("Location_Y")?);
            message.text = words::location(document.text("Label"), None, latitude, longitude);
            message.field("latitude", Some(latitude));
            message.field("longitude", Some(longitude));
            message.field("place", document.text("Label"));
        }
        "link" => {
            document.text("Title").unwrap_or_default().clone_into(&mut message.text);
            let url = document.need("Url")?;
            if !message.text.is_empty() {
                message.text.push('\n');
            }
            message.text.push_str(url);
            message.field("link", Some(url));
            message.field("description", document.text("Description"));
        }
        other => {
            // Somebody wrote to us: a message that says only its kind is better than none.
            message.text = words::line(other, [document.text("Title")]);
        }
    }
    Ok(vec![Happening::Message(Box::new(message))])
}

fn by_id(document: &Document, path: &str) -> Result<Media, Malformed> {
    Ok(Media::new(MediaSource::Id(document.need(path)?.to_owned())))
}

fn event(document: &Document, person: Party, at: Timestamp) -> Result<Happening, Malformed> {
    let at = Some(at);
    // The case of these names differs from one page of the documentation to the next.
    Ok(match document.need("Event")?.to_ascii_lowercase().as_str() {
        "subscribe" => Happening::Contact { person, reachable: true, at },
        "unsubscribe" => Happening::Contact { person, reachable: false, at },
        "templatesendjobfinish" => return finished(document, person, at),
        "scan" | "scancode_push" | "scancode_waitmsg" => Happening::Passed("scan"),
        "click" => Happening::Passed("menu_click"),
        "view" | "view_miniprogram" => Happening::Passed("menu_view"),
        "location" => Happening::Passed("location_reported"),
        "location_select" | "pic_sysphoto" | "pic_photo_or_album" | "pic_weixin" => {
            Happening::Passed("menu_input")
        }
        "masssendjobfinish" => Happening::Passed("broadcast_finished"),
        "enter_agent" => Happening::Passed("entered"),
        _ => Happening::Passed("other_event"),
    })
}

/// What became of a template message of ours.
fn finished(document: &Document, person: Party, at: Option<Timestamp>) -> Result<Happening, Malformed> {
    let id = document.text("MsgID").map_or_else(|| document.need("MsgId"), Ok)?;
    let status = document.need("Status")?;
    let failed = status != "success";
    Ok(Happening::Receipt(Receipt {
        external_id: Some(id.to_owned()),
        contact: Some(person.id),
        status: if failed { Status::Failed } else { Status::Delivered },
        at: at.unwrap_or(Timestamp::UNIX_EPOCH),
        code: failed.then(|| status.strip_prefix("failed:").unwrap_or(status).trim().to_owned()),
        word: None,
    }))
}
