//! The id of a request: the caller's own, or one made here. It stands in what the request writes, in log lines and in the
//! answer, so that all of them are found together.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::HeaderValue;
use uuid::Uuid;

/// The header, and the metadata, that carries it.
pub const HEADER: &str = "x-request-id";
/// The longest id that is taken from a caller, in characters.
pub const LEN_MAX: usize = 128;

tokio::task_local! {
    static CURRENT: Arc<str>;
}

/// The id of the request that this task answers; none, where no request is answered.
pub fn current() -> Option<Arc<str>> {
    CURRENT.try_with(Arc::clone).ok()
}

/// The caller's id, if it is one: up to [`LEN_MAX`] visible characters of ASCII. Else a new one.
fn id(header: Option<&HeaderValue>) -> Arc<str> {
    let given = header.and_then(|value| value.to_str().ok());
    let usable =
        |id: &&str| (1..=LEN_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    given.filter(usable).map_or_else(|| Uuid::now_v7().to_string().into(), Arc::from)
}

/// Gives every request its id.
#[derive(Clone, Debug)]
pub struct Identified<S> {
    inner: S,
}

impl<S> Identified<S> {
    /// Around `inner`.
    pub const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B, R> tower::Service<http::Request<B>> for Identified<S>
where
    S: tower::Service<http::Request<B>, Response = http::Response<R>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let id = id(request.headers().get(HEADER));
        let value = HeaderValue::from_str(&id).ok();
        let answer = CURRENT.scope(Arc::clone(&id), self.inner.call(request));
        Box::pin(async move {
            tracing::Span::current().record("request_id", &*id);
            let mut answer = answer.await?;
            if let Some(value) = value {
                answer.headers_mut().insert(HEADER, value);
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_taken_if_it_is_one() {
        let of = |text: &str| id(Some(&HeaderValue::from_str(text).unwrap()));
        assert_eq!(&*of("r-1"), "r-1");
        assert_eq!(of(&"x".repeat(LEN_MAX)).len(), LEN_MAX);
        for unusable in ["", "two words", &"x".repeat(LEN_MAX + 1)] {
            assert!(Uuid::try_parse(&of(unusable)).is_ok(), "{unusable}");
        }
        assert_ne!(id(None), id(None));
    }

    #[tokio::test]
    async fn a_request_knows_its_id_and_the_answer_tells_it() {
        let inner = tower::service_fn(async |_: http::Request<()>| {
            Ok::<_, std::convert::Infallible>(http::Response::new(current()))
        });
        let request = http::Request::builder().header(HEADER, "r-7").body(()).unwrap();
        let mut service = Identified::new(inner);
        let answer = tower::Service::call(&mut service, request).await.unwrap();
        assert_eq!(answer.headers()[HEADER], "r-7");
        assert_eq!(answer.into_body().as_deref(), Some("r-7"));
        assert_eq!(current(), None);
    }
}
