//! How far replies came, out of the streams of their deliveries.

use domain::{
    decider::Decider,
    delivery::{Event, State, Status},
    ids::ReplyId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use proto::cases::v1::TimelineItem;
use service::{Error, envelope::Envelope};

use super::one::Until;
use crate::core::{Core, bad_name};

/// Deliveries of one case that are read from the log side by side.
const READS_MAX: usize = 16;

impl Core {
    /// Tells of each reply that was sent what its channel says of it. Where others deliver, nothing is known here.
    pub(super) async fn tell_fates(&self, timeline: &mut [TimelineItem], until: Until) -> Result<(), Error> {
        let sent = timeline.iter().enumerate().filter(|(_, item)| item.delivery == "sent");
        let sent = sent.filter_map(|(at, item)| Some((at, item.id.parse().ok()?)));
        let reads: Vec<_> = sent
            .map(|(at, reply)| async move { Ok::<_, Error>((at, self.fate(reply, until).await?)) })
            .collect();
        let told: Vec<_> = stream::iter(reads).buffered(READS_MAX).try_collect().await?;
        for (at, fate) in told {
            if let Some(item) = timeline.get_mut(at) {
                fate.clone_into(&mut item.fate);
            }
        }
        Ok(())
    }

    async fn fate(&self, reply: ReplyId, until: Until) -> Result<&'static str, Error> {
        let mut entries = self.shell.log.read(&self.deliveries.stream(reply).map_err(bad_name)?);
        let mut state = State::default();
        while let Some(entry) = entries.try_next().await? {
            // What cannot be read by this version says nothing that it could show.
            let Ok(envelope) = Envelope::<Event>::of(&entry) else { break };
            if until.keeps(entry.position, &envelope) {
                state = envelope.events.iter().fold(state, State::evolve);
            }
        }
        Ok(match state.delivery().map(domain::delivery::Delivery::status) {
            Some(Status::Read) => "read",
            Some(Status::Delivered) => "delivered",
            Some(Status::Sent) => "sent",
            _ => "",
        })
    }
}
