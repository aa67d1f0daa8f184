//! The message as the log has it. What is large goes to the blob store first.

use std::sync::Arc;

use domain::{
    ids::{Digest, Invalid, KeyedHash, MediaType},
    message::{Attachment, Content},
    personal::Personal,
    time::Timestamp,
};
use vault::{BlobRef, Blobs};

use crate::{account::Account, delivery::Delivery, history::First, intake::Incoming};

/// The name of the message as it came, among its attachments.
pub(crate) const RAW_NAME: &str = "original.eml";
/// The media type of the message as it came.
const RAW_MEDIA_TYPE: &str = "message/rfc822";

/// Puts the files of a message, and the message as it came, into the blob store; they are durable when it answers. In the
/// order of [`Content::attachments`].
pub(crate) async fn keep(
    blobs: &Blobs,
    incoming: &Incoming,
    subject: &str,
) -> Result<Vec<BlobRef>, vault::Error> {
    let mut kept = Vec::with_capacity(incoming.attachments.len() + 1);
    for content in incoming.attachments.iter().map(|file| &file.content).chain(&incoming.raw) {
        kept.push(blobs.put(subject, content).await?);
    }
    Ok(kept)
}

/// The content of an event. `first` is what the log has of the message already.
pub(crate) fn content(
    account: &Account,
    incoming: &Incoming,
    delivery: &Delivery,
    first: Option<&First>,
    blobs: &[BlobRef],
    digest: Digest,
    now: Timestamp,
) -> Result<Content, Invalid> {
    let personal = |text: &String| Personal::open(Arc::clone(&delivery.subject), text.as_str());
    Ok(Content {
        account: account.id.clone(),
        channel: account.channel.clone(),
        external_id: personal(&incoming.external_id),
        identity: delivery.identity.clone(),
        contact: incoming.answer_to.as_ref().or(incoming.customer.as_ref()).map(personal),
        author_name: incoming.author_name.as_ref().map(personal),
        author_handle: incoming.author_handle.as_ref().map(personal),
        text: personal(&incoming.text),
        subject: incoming.subject.as_ref().map(personal),
        sent_at: incoming.sent_at,
        detected_at: first.map_or(now, |first| first.detected_at),
        revised_at: incoming.edited_at,
        visibility: incoming.visibility,
        // An edit leaves a message where it is.
        thread: first.map_or_else(|| delivery.thread.clone(), |first| first.thread.clone()),
        reply_to: delivery.reply_to.clone(),
        language: incoming.language.clone(),
        attachments: attachments(incoming, &delivery.subject, blobs)?,
        digest,
        fields: incoming.fields.iter().map(|(id, value)| (id.clone(), personal(value))).collect(),
        automatic: incoming.automatic,
        forwarded: incoming.forwarded,
        entry_point: incoming.entry_point,
        campaign: incoming.campaign.clone(),
    })
}

fn attachments(
    incoming: &Incoming,
    subject: &Arc<str>,
    blobs: &[BlobRef],
) -> Result<Vec<Attachment>, Invalid> {
    let raw_media_type = MediaType::new(RAW_MEDIA_TYPE)?;
    let personal = |text: &str| Personal::open(Arc::clone(subject), text);
    let files = incoming.attachments.iter().map(|file| (file.name.as_str(), &file.media_type, &file.content));
    let raw = incoming.raw.iter().map(|raw| (RAW_NAME, &raw_media_type, raw));
    let kept = files.chain(raw).zip(blobs).map(|((name, media_type, content), blob)| {
        Ok(Attachment {
            name: personal(name),
            media_type: media_type.clone(),
            bytes: content.len() as u64,
            blob: Some(KeyedHash::new(&blob.pointer())?),
            source: None,
        })
    });
    let announced = incoming.announced.iter().map(|file| {
        Ok(Attachment {
            name: personal(&file.name),
            media_type: file.media_type.clone(),
            bytes: file.bytes.unwrap_or_default(),
            blob: None,
            source: Some(personal(&serde_json::to_string(&file.stored()).unwrap_or_default())),
        })
    });
    kept.chain(announced).collect()
}
