//! Real servers as values: started without root on free ports of the loopback, each with a folder of its own, ended
//! by their process id when the value is dropped.

mod nats;
mod postgres;
pub(crate) mod process;
pub(crate) mod tools;

pub use nats::{Nats, NatsCluster, NatsOptions};
pub use postgres::{Postgres, PostgresOptions};
