//! A file of a message, for those who see the case.

use domain::ids::MessageId;
use proto::cases::v1 as pb;
use service::Error;

use super::{one::Until, words};
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
        let message: MessageId = f::required("message_id", &request.message_id)?;
        let aggregate = self.cases.load::<No>(&self.stream(id)?).await?;
        let case = seen(&caller.access, &aggregate)?;
        let is_here =
            case.messages_here().any(|(here, _)| *here == message) || case.outbound.contains(&message);
        let words = if is_here { self.message_words(message, Until::default()).await? } else { None };
        let (_, words) = words.ok_or(Error::NotFound { what: "message" })?;
        let found = usize::try_from(request.index).ok().and_then(|index| words.attachments().get(index));
        let found = found.ok_or(Error::NotFound { what: "attachment" })?;
        let broken = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let blobs = &self.shell.blobs;
        if let Some(reason) = found.lost {
            let message =
                format!("the channel announced the file, and it cannot be had: {}", reason.as_str());
            return Err(Error::refused("FILE_LOST", message));
        }
        // The channel has announced it, and it is not fetched yet.
        let Some(blob) = &found.attachment.blob else {
            return Err(Error::Unavailable("the file is not fetched from its channel yet; ask again".into()));
        };
        let blob = blobs.at(&found.attachment.name.subject, blob.as_str()).map_err(|error| broken(&error))?;
        match blobs.get(&blob).await {
            // Its customer was erased, and it with him.
            Ok(None) => Err(Error::NotFound { what: "attachment" }),
            Ok(Some(bytes)) => Ok((words::attachment(found), bytes.into())),
            Err(error @ vault::Error::Unavailable { .. }) => Err(Error::Unavailable(error.to_string())),
            Err(error) => Err(broken(&error)),
        }
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
