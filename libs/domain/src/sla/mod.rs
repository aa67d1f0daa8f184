//! SLA clocks: what was promised to a customer, how much of it is consumed, and whether it was kept.
//!
//! Three steps, each a function. [`Timeline::clocks`] replays the facts of a case, as they happened and not as they became
//! known, under the policy and calendar in force at each instant. [`Clock::explain`] lists every while that counted or did
//! not. [`State`] remembers what was announced, and [`Action::Announce`] says what is to be announced now and taken back.
//! A timer asks again at [`Clocks::next_wake`]; it may be late, as everything bears the time at which it happened.
//!
//! What was decided where there was a choice:
//! - A first response is awaited once per cycle; every later run of unanswered messages is a next response. What is done at
//!   the very deadline is in time.
//! - Pausing keeps what is consumed. Clocks of a case that is merged or spam stand still, and are cancelled with that reason
//!   unless the case comes back.
//! - A target that changes is compared with what was consumed under all the policies before (or counts anew, if the policy
//!   says so). A breach stays one, whatever is promised later.
//! - Only a person's answer is a response or an update; any receipt acknowledges. A reply that turns out not to have arrived
//!   never stopped anything: what it seemed to meet runs again, and its breach is at the old deadline.
//! - A breach that is retracted and true again is announced again, with the next `round`.
//! - Resolving cancels the clocks of answers: nobody waits any more, and nobody answered.
//!
//! Announcements are in the stream `sla-<case>`, one per case, which cases writes: in the case's own stream a timer would be
//! in the way of whoever acts on the case at a position that he saw.
//!
//! Where facts come from, of the events of the case's stream (the entry's position, and the event's number in it):
//!
//! | Fact | Event |
//! |--|--|
//! | `Opened` | `case.opened`; the version is that of the policy in force, the origin that of the opening |
//! | `CustomerMessage` | `case.customer_message_received`, at `sent_at`; asks if `engageable` and not `answered` |
//! | | also `case.source_absorbed` with `waiting_since`, at the merge: the clocks are those of the surviving case |
//! | `Reply` | `case.reply_sent`, written when its `case.reply_released` is; and `case.outbound_recorded`, at its `sent_at` |
//! | `ReplyFailed` | `case.reply_bounced`; a `case.reply_failed` of what was never sent needs none, and does no harm |
//! | `Note` | `case.noted` |
//! | `Status` | `case.started`, `pended`, `held`, `resumed`, `resolved`, `closed`, `merged`, `unmerged`, `marked_spam`, `unmarked_spam` |
//! | `Reopened` | `case.reopened` |
//! | `Silence` | `case.silence_chosen` |
//! | `SplitAway` | `case.split_off` |
//! | `Changed` | `case.transferred`, `prioritised`, `tagged`, `untagged`; not `case.conversation_moved`: going on in private changes no promise |
//! | `PolicyApplied` | the `policy` stream, where the new version says something else about service levels, calendars or regions |
//!
//! Snoozing, assigning and labels change nothing. No event is yet behind `HandedOver`, `Change::Segment`,
//! `Change::Calendar` and `Change::Account`.

mod clock;
mod count;
mod course;
mod decide;
mod event;
mod explain;
mod fact;
mod replay;
mod terms;
#[cfg(test)]
mod tests;

pub use clock::{
    Both, Clock, Clocks, Due, Key, Measures, Reason, Segment, Standing, State as ClockState, Terms,
};
pub use decide::{Action, Announced, Command, State};
pub use event::{Cause, Event, Under};
pub use explain::{Explanation, INTERVALS_MAX, Interval, Why};
pub use fact::{Author, Change, Fact, Opening, Origin, Position, Situation, Timeline, What, Word};
pub use terms::{
    AtRisk, Book, Conditions, Edition, FirstResponseStart, Hours, Kind, Measure, OnChange, Policy, Reopen,
    SplitStart, Target, Warning,
};
