//! WIP

mod clock;
mod count;
mod course;
mod explain;
mod fact;
mod replay;
mod terms;

pub use clock::{Both, Clock, Clocks, Due, Key, Measures, Reason, Segment, Standing, State as ClockState, Terms};
pub use explain::{Explanation, INTERVALS_MAX, Interval, Why};
pub use fact::{Author, Change, Fact, Opening, Origin, Position, Situation, Timeline, What};
pub use terms::{
    AtRisk, Book, Conditions, Edition, FirstResponseStart, Hours, Kind, Measure, OnChange, Policy, Reopen,
    SplitStart, Target, Warning,
};
