//! Streams that are followed for hours: when the connection breaks, they go on where they were.

use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::sleep;

use super::{
    client::Client,
    error::{self, Failure},
    output::Out,
    rpc::Request,
};

/// How often in a row a broken stream is begun again without anything new having come.
const RESUMES_MAX: u32 = 5;
/// The first wait before it; the following ones double.
const BACKOFF: Duration = Duration::from_millis(500);

/// Follows what `request` makes of the last position that was seen, and hands every answer to `each`, which tells the
/// answer's position. Ends when the server ends the stream.
pub async fn follow<R: Request>(
    client: &Client,
    out: &Out,
    mut after: String,
    request: impl Fn(String) -> R,
    mut each: impl FnMut(R::Answer) -> Result<String, Failure>,
) -> Result<(), Failure> {
    let mut resumes = 0;
    loop {
        let broken = match client.stream(request(after.clone())).await {
            Err(status) => status,
            Ok(mut stream) => loop {
                match stream.next().await {
                    None => return Ok(()),
                    Some(Err(status)) => break status,
                    Some(Ok(answer)) => {
                        after = each(answer)?;
                        resumes = 0;
                    }
                }
            },
        };
        if !error::is_away(&broken) || resumes == RESUMES_MAX {
            return Err(broken.into());
        }
        out.verbose(1, || format!("the stream broke ({}); going on after {after:?}", broken.message()));
        sleep(BACKOFF.saturating_mul(1 << resumes)).await;
        resumes += 1;
    }
}
