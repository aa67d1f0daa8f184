//! The clocks of cases: what was promised of each, what of that passed, and who asks why.
//!
//! Nothing is kept but what was announced. A clock is a function of the case's stream and the policy's, so that whoever
//! asks computes it, and two who announce at the same time say the same.

mod announce;
mod explain;
mod follow;
mod promises;
mod schedule;
mod timeline;
mod timer;

pub use follow::FollowClocks;
pub use promises::Promises;
pub use schedule::Schedule;
pub use timer::ClockTimer;
