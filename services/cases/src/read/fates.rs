//! How far replies came, and why not further, out of the streams of their deliveries.

use domain::{
    decider::Decider,
    delivery::{Delivery, Event, State, Status},
    ids::ReplyId,
};
use futures_util::{StreamExt, TryStreamExt, stream};
use proto::cases::v1::TimelineItem;
use service::{Error, envelope::Envelope};

use super::one::Until;
use crate::core::{Core, bad_name};

/// Deliveries of one case that are read from the log side by side.
const READS_MAX: usize = 16;
/// Why a reply that was released is not on its way.
const NOT_QUEUED: (&str, &str) = (
    "not_queued",
    "nothing here has taken it to send: it waits for whoever delivers for its account; `dossier channel ls` says what the \
     account lacks to send it",
);

impl Core {
    /// Tells of each reply what its channel says of it, and why it is not there, if that is so. Where others deliver, nothing
    /// is known here.
    pub(super) async fn tell_fates(&self, timeline: &mut [TimelineItem], until: Until) -> Result<(), Error> {
        let replies = timeline.iter().enumerate().filter(|(_, item)| !item.delivery.is_empty());
        let replies = replies.filter_map(|(at, item)| Some((at, item.id.parse().ok()?)));
        let reads: Vec<_> = replies
            .map(|(at, reply)| async move { Ok::<_, Error>((at, self.delivery(reply, until).await?)) })
            .collect();
        let told: Vec<_> = stream::iter(reads).buffered(READS_MAX).try_collect().await?;
        for (at, state) in told {
            if let Some(item) = timeline.get_mut(at) {
                tell(item, state.delivery());
            }
        }
        Ok(())
    }

    async fn delivery(&self, reply: ReplyId, until: Until) -> Result<State, Error> {
        let mut entries = self.shell.log.read(&self.deliveries.stream(reply).map_err(bad_name)?);
        let mut state = State::default();
        while let Some(entry) = entries.try_next().await? {
            // What cannot be read by this version says nothing that it could show.
            let Ok(envelope) = Envelope::<Event>::of(&entry) else { break };
            if until.keeps(entry.position, &envelope) {
                state = envelope.events.iter().fold(state, State::evolve);
            }
        }
        Ok(state)
    }
}

/// What a delivery says of its reply, as far as the case has heard of it.
fn tell(item: &mut TimelineItem, delivery: Option<&Delivery>) {
    match (item.delivery.as_str(), delivery) {
        ("sent", Some(delivery)) => {
            let fate = match delivery.status() {
                Status::Read => "read",
                Status::Delivered => "delivered",
                Status::Sent => "sent",
                Status::Queued
                | Status::Sending
                | Status::Unclear
                | Status::Cancelled
                | Status::Refused
                | Status::Rejected
                | Status::GivenUp
                | Status::Bounced
                | Status::Undelivered => "",
            };
            fate.clone_into(&mut item.fate);
        }
        ("unclear" | "failed" | "bounced", Some(delivery)) => {
            item.reason_text = delivery.why().unwrap_or_default();
        }
        ("released", None) => {
            let (reason, text) = NOT_QUEUED;
            reason.clone_into(&mut item.reason);
            text.clone_into(&mut item.reason_text);
        }
        _ => {}
    }
}
