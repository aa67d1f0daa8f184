//! Past messages of real support desks come in through the program's command line: once each, into the right case.

mod conversations;
mod mails;
mod partition;
mod taken;
