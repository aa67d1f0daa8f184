//! Listening, and ending.

use service::http::{self, Limits};
use tokio::net::TcpListener;

use crate::{Config, Edge, Error, headers, router};

/// Serves the edge on `listener` until [`Edge::stop`], then lets calls end for [`Config::drain_time_max`].
///
/// # Errors
///
/// If the configuration is not what it should be; never once it listens.
pub async fn serve(config: Config, edge: Edge, listener: TcpListener) -> Result<(), Error> {
    let limits = Limits {
        connections_max: config.connections_max,
        connections_of_address_max: config.connections_of_address_max,
        head_time_max: config.head_time_max,
        head_bytes_max: headers::BYTES_MAX,
        drain_time_max: config.drain_time_max,
    };
    let stop = edge.stop.clone();
    http::serve(router(config, edge)?, limits, listener, stop).await;
    Ok(())
}
