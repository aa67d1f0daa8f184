//! Files that come with messages come back as they were, to those who see the case.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

use proto::{cases::v1 as pb, ingestion::v1 as ingestion};
use tests::{
    desk::message,
    world::{Caller, World},
};
use tonic::{Code, Status};

use crate::erasure::erase;

tests::on_both_stores! { files_come_back_as_they_were }

async fn files_come_back_as_they_were(world: World) {
    let mut root = world.administrator();
    let large: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let files = [("empty.txt", "text/plain", Vec::new()), ("f\u{fc}r dich.bin", "application/x-any", large)];
    let attachments = files.iter().map(|(name, media_type, content)| ingestion::Attachment {
        name: (*name).to_owned(),
        media_type: (*media_type).to_owned(),
        content: content.clone(),
    });
    let said =
        ingestion::Message { attachments: attachments.collect(), ..message("m-1", "ada", "See these") };
    let case = world.receive_one("forum", said).await;
    let other = world.receive_one("forum", message("m-2", "ben", "Nothing here")).await;
    let item = &case.timeline[0];
    let told: Vec<_> =
        item.attachments.iter().map(|file| (&*file.name, &*file.media_type, file.bytes)).collect();
    assert_eq!(told, [("empty.txt", "text/plain", 0), ("f\u{fc}r dich.bin", "application/x-any", 1_000_000)]);

    let request = |case: &pb::Case, index| pb::GetAttachmentRequest {
        case_id: case.case_id.clone(),
        message_id: item.id.clone(),
        index,
        ..Default::default()
    };
    for (index, (name, _, content)) in (0..).zip(&files) {
        let (about, bytes) = fetched(&mut root, request(&case, index)).await.unwrap();
        assert_eq!((about, bytes.len()), (item.attachments[index as usize].clone(), content.len()), "{name}");
        assert!(bytes == *content, "{name} came back changed");
    }

    // Not through another case, not to those who do not see it, and no more than there are.
    let code = async |caller: &mut Caller, request| fetched(caller, request).await.unwrap_err().code();
    assert_eq!(code(&mut root, request(&other, 1)).await, Code::NotFound);
    assert_eq!(code(&mut root, request(&case, 2)).await, Code::NotFound);
    assert_eq!(code(&mut world.caller("sol", &[]), request(&case, 1)).await, Code::NotFound);
    let nameless = pb::GetAttachmentRequest { message_id: String::new(), ..request(&case, 1) };
    assert_eq!(code(&mut root, nameless).await, Code::InvalidArgument);

    // Erased with the customer.
    erase(&world, &case.customer).await;
    assert_eq!(code(&mut root, request(&case, 1)).await, Code::NotFound);
    assert_eq!(root.case(&case.case_id).await.timeline[0].attachments[1].name, "[erased]");
    world.end().await;
}

async fn fetched(
    caller: &mut Caller,
    request: pb::GetAttachmentRequest,
) -> Result<(pb::Attachment, Vec<u8>), Status> {
    let mut pieces = caller.cases.get_attachment(request).await?.into_inner();
    let (mut about, mut bytes) = (None, Vec::new());
    while let Some(piece) = pieces.message().await? {
        about = about.or(piece.attachment);
        bytes.extend(piece.content);
    }
    Ok((about.expect("the first piece says what it is"), bytes))
}
