//! What follows from the log: messages become conversations and cases, decisions about two cases reach both, those of one
//! reach its conversations, what was split off is opened, what became of replies is
//! told, customers hear what channels say of them, and times that have come are taken note of.

pub mod arrival;
pub mod cases;
pub mod contacts;
pub mod deliveries;
pub mod due;
pub mod links;
pub mod messages;
pub mod routing;
pub mod splits;
pub mod threads;
pub mod timers;
