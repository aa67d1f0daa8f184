//! Faults for tests: the real binary as a process that is killed and started again, a connection that fails, chance that
//! can be repeated, and what has to hold afterwards.

mod chance;
mod history;
mod load;
mod log;
mod models;
mod proxy;
mod racers;
mod register;
mod server;
mod site;

pub use chance::{Chance, seed};
pub use history::{Done, Flaw, History};
pub use load::{Ack, Load, Told};
pub use log::Log;
pub use models::{agree, equal_a_rebuild, whole};
pub use proxy::{Fault, Proxy};
pub use racers::Racers;
pub use server::Server;
pub use site::{Brokers, Site};

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// Whether nobody can say what became of a call: its connection broke, or the service could not tell either.
pub fn is_unknown(status: &Status) -> bool {
    let code = status.code();
    let broken = matches!(code, Code::Unknown | Code::Cancelled | Code::Internal)
        && status.get_details_error_info().is_none();
    broken || matches!(code, Code::Unavailable | Code::DeadlineExceeded)
}

/// The number in a position, which callers never look at; a test that reads the log may.
pub fn sequence(position: &str) -> u64 {
    let number = position.rsplit('.').next().and_then(|number| number.parse().ok());
    number.unwrap_or_else(|| panic!("{position:?} is no position"))
}
