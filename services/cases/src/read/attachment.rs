//! A file of a message, for those who see the case.

use domain::{
    case,
    ids::{CaseId, MessageId, ReplyId},
    message,
};
use futures_util::TryStreamExt;
use proto::cases::v1 as pb;
use service::Error;

use super::{
    item::{self, Body, Item},
    one::Until,
    words,
};
use crate::{
    act::fields as f,
    act::no::No,
    core::{Caller, Core, seen},
};

/// Bytes of one piece.
const PIECE: usize = 256 * 1024;

impl Core {
    /// What the file is, and its bytes.
    pub async fn attachment(
        &self,
        caller: &Caller,
        request: &pb::GetAttachmentRequest,
    ) -> Result<(pb::Attachment, Vec<u8>), Error> {
        self.model(&request.at_least).await?;
        let id = self.case_id("case_id", &request.case_id).await?;
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        let case = seen(&caller.access, &aggregate)?;
        let item = ("message_id", request.message_id.as_str());
        let found = self.file_of(id, case, item, request.index).await?;
        // The channel has announced it, and it is not fetched yet.
        let Some(blob) = &found.blob else {
            return Err(Error::Unavailable("the file is not fetched from its channel yet; ask again".into()));
        };
        let broken = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let blobs = &self.shell.blobs;
        let blob = blobs.at(&found.name.subject, blob.as_str()).map_err(|error| broken(&error))?;
        match blobs.get(&blob).await {
            // Its customer was erased, and it with him.
            Ok(None) => Err(Error::NotFound { what: "attachment" }),
            Ok(Some(bytes)) => {
                Ok((words::attachment(&words::File { attachment: found, lost: None }), bytes.into()))
            }
            Err(error @ vault::Error::Unavailable { .. }) => Err(Error::Unavailable(error.to_string())),
            Err(error) => Err(broken(&error)),
        }
    }

    /// A file of a message or of a reply of a case, by the field that names the item and what it says.
    pub async fn file_of(
        &self,
        id: CaseId,
        case: &case::Case,
        (field, item): (&str, &str),
        index: u32,
    ) -> Result<message::Attachment, Error> {
        let files = match item.parse::<ReplyId>() {
            Ok(reply) if case.replies.contains_key(&reply) => self.files_of_reply(id, reply).await?,
            _ => {
                let message: MessageId = f::required(field, item)?;
                let is_here = case.messages_here().any(|(here, _)| *here == message)
                    || case.outbound.contains(&message);
                let words = if is_here { self.message_words(message, Until::default()).await? } else { None };
                words.ok_or(Error::NotFound { what: "message" })?.1.attachments().to_vec()
            }
        };
        let found = usize::try_from(index).ok().and_then(|index| files.into_iter().nth(index));
        let found = found.ok_or(Error::NotFound { what: "attachment" })?;
        if let Some(reason) = found.lost {
            let message =
                format!("the channel announced the file, and it cannot be had: {}", reason.as_str());
            return Err(Error::refused("FILE_LOST", message));
        }
        Ok(found.attachment)
    }

    /// The files that went with a reply.
    async fn files_of_reply(&self, id: CaseId, reply: ReplyId) -> Result<Vec<words::File>, Error> {
        let mut entries = self.shell.log.read(&self.stream(id)?);
        while let Some(entry) = entries.try_next().await? {
            let Ok(item) = Item::read(&entry) else { break };
            let mut items = [item];
            let Body::Case(envelope) = &items[0].body else { continue };
            let is_it = |event: &case::Event| matches!(event, case::Event::ReplyReleased { reply: of, .. } if *of == reply);
            if !envelope.events.iter().any(is_it) {
                continue;
            }
            item::open(&self.shell.vault, &mut items)
                .await
                .map_err(|error| Error::Unavailable(error.to_string()))?;
            let files =
                items[0].opened::<case::Event>().unwrap_or_default().into_iter().find_map(
                    |event| match event {
                        case::Event::ReplyReleased { reply: of, extras, .. } if of == reply => {
                            Some(extras.attachments)
                        }
                        _ => None,
                    },
                );
            let file = |attachment| words::File { attachment, lost: None };
            return Ok(files.unwrap_or_default().into_iter().map(file).collect());
        }
        Ok(Vec::new())
    }
}

/// The answers that bring a file.
pub fn pieces(attachment: pb::Attachment, bytes: &[u8]) -> Vec<pb::GetAttachmentResponse> {
    let piece = |content: &[u8]| pb::GetAttachmentResponse { attachment: None, content: content.to_vec() };
    let mut pieces: Vec<_> = bytes.chunks(PIECE).map(piece).collect();
    if pieces.is_empty() {
        pieces.push(piece(&[]));
    }
    pieces[0].attachment = Some(attachment);
    pieces
}
