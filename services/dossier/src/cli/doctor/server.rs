//! The server: is it there, do its clock and ours agree, does it know us, and how are its read models?

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Uri;
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use proto::operations::v1::{
    ListReadModelsRequest, ListReadModelsResponse,
    list_read_models_response::{Parked, Standing},
};
use serde_json::Value;
use tonic::{Code, Status, metadata::MetadataMap};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    super::{
        client::Client,
        config::Settings,
        error::{self, Exit, Failure},
        rebuild::sequence,
        token::Token,
    },
    Check,
};

/// A difference of clocks that a header of whole seconds and the way there explain.
const SKEW_FINE: SignedDuration = SignedDuration::from_secs(5);
/// A difference from which on tokens are refused that are valid.
const SKEW_MAX: SignedDuration = SignedDuration::from_secs(60);
/// When to think of a new token.
const EXPIRES_SOON: SignedDuration = SignedDuration::from_hours(24);
/// Entries that a read model may be behind another without anybody noticing.
const LAG_FINE: u64 = 1_000;

/// Checks it.
pub async fn check(
    client: &Client,
    settings: &Settings,
    address: &Uri,
    at_least: String,
) -> Result<Vec<Check>, Failure> {
    let mut checks = Vec::new();
    let health = health(client).await;
    let reachable = !matches!(&health, Err(status) if is_away(status));
    checks.push(answers(address, &health));
    if let Ok((_, metadata)) = &health {
        checks.push(clock(metadata, Timestamp::now()));
    }
    let token = Token::find(settings, address.host().unwrap_or_default())?;
    if reachable {
        let models = client.call(ListReadModelsRequest { digest: false, at_least }).await;
        checks.extend(told(token.as_ref(), &models, Timestamp::now()));
    } else {
        checks.extend(token.map(|token| known(Some(&token), None, Timestamp::now())));
    }
    Ok(checks)
}

type Health = Result<(ServingStatus, MetadataMap), Status>;

async fn health(client: &Client) -> Health {
    let mut service = HealthClient::new(client.channel());
    let request = service.check(HealthCheckRequest { service: String::new() });
    let wait = client.timeout().min(Duration::from_secs(10));
    let answer = tokio::time::timeout(wait, request).await;
    let answer = answer
        .map_err(|_| Status::deadline_exceeded(format!("no answer within {wait:?}")))?
        .map_err(|status| client.of_http_port(status))?;
    Ok((answer.get_ref().status(), answer.metadata().clone()))
}

fn is_away(status: &Status) -> bool {
    error::is_away(status) || status.code() == Code::DeadlineExceeded
}

fn answers(address: &Uri, health: &Health) -> Check {
    match health {
        Ok((ServingStatus::Serving, _)) => Check::well("server", format!("{address} is serving")),
        Ok((state, _)) => Check::broken(
            "server",
            format!("{address} answers, and says {}", state.as_str_name()),
            "look at its log; it may still be starting or ending",
        ),
        Err(status) if status.code() == Code::Unimplemented => Check::look(
            "server",
            format!("{address} answers, and knows no health checks"),
            "is this the gRPC port? It is :7401 unless it was moved",
        ),
        Err(status) if status.code() == Code::InvalidArgument => {
            let failure = Failure::from(status.clone());
            Check::broken("server", failure.what, failure.next.unwrap_or_default())
        }
        Err(status) => {
            let why = Failure::from(status.clone()).why;
            Check::broken(
                "server",
                format!(
                    "{address} does not answer: {}",
                    why.first().map_or(status.message(), String::as_str)
                ),
                "start it with `dossier up`, or name the right one with --server URL",
            )
        }
    }
}

fn clock(metadata: &MetadataMap, now: Timestamp) -> Check {
    let date = metadata.get("date").and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| rfc2822::DateTimeParser::new().parse_timestamp(date).ok()) else {
        return Check::look(
            "clock",
            "the server does not say what time it is",
            "compare the clocks yourself",
        );
    };
    let skew = now.duration_since(theirs).abs();
    let found = format!("differs from the server's by {}s", skew.as_secs());
    let fix = "let both follow a time server (NTP)";
    if skew <= SKEW_FINE {
        Check::well("clock", "agrees with the server's")
    } else if skew <= SKEW_MAX {
        Check::look("clock", found, fix)
    } else {
        Check::broken("clock", found, fix)
    }
}

/// What the token is good for, and what it is told about the read models.
fn told(
    token: Option<&Token>,
    models: &Result<ListReadModelsResponse, Failure>,
    now: Timestamp,
) -> Vec<Check> {
    match models {
        Ok(models) => [vec![known(token, None, now)], read_models(models)].concat(),
        // He is known, and not told about them: that says nothing against his token.
        Err(failure) if failure.has_reason("NOT_ALLOWED") => vec![known(token, None, now), not_told()],
        Err(failure) => vec![known(token, Some(failure), now)],
    }
}

fn known(token: Option<&Token>, failure: Option<&Failure>, now: Timestamp) -> Check {
    const NEW: &str = "get a new one; `dossier up` leaves one in its data folder";
    let Some(token) = token else {
        return Check::broken("token", "there is none", "give one with --token-file FILE or DOSSIER_TOKEN");
    };
    let expires = expires(&token.text);
    if let Some(then) = expires.filter(|&then| then < now) {
        return Check::broken("token", format!("{} ended {then}", token.found), NEW);
    }
    match failure.map(|failure| failure.exit) {
        Some(Exit::NotAllowed) => {
            let what = failure.map(|failure| failure.what.as_str()).unwrap_or_default();
            Check::broken("token", format!("{} is refused: {what}", token.found), "ask an administrator")
        }
        Some(_) => Check::look(
            "token",
            format!("{}: the server could not be asked", token.found),
            failure.map(|failure| failure.what.clone()).unwrap_or_default(),
        ),
        None => match expires {
            Some(then) if then.duration_since(now) < EXPIRES_SOON => {
                Check::look("token", format!("{} ends {then}", token.found), NEW)
            }
            Some(then) => Check::well("token", format!("{}, valid until {then}", token.found)),
            None => Check::well("token", token.found.clone()),
        },
    }
}

/// When a token says it ends. It is not checked here: that is the server's business.
fn expires(token: &str) -> Option<Timestamp> {
    let payload = token.split('.').nth(1)?;
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
    Timestamp::from_second(claims["exp"].as_i64()?).ok()
}

fn not_told() -> Check {
    Check::look(
        "read models",
        "only administrators and compliance officers are told about them",
        "if they must be looked at, ask one of them to run this",
    )
}

fn read_models(answer: &ListReadModelsResponse) -> Vec<Check> {
    let waits = |name: &str, waits: &[Parked]| -> Vec<String> {
        waits.iter().map(|p| format!("{} in {name}: {}", p.stream, p.reason)).collect()
    };
    let parked: Vec<String> = answer
        .models
        .iter()
        .flat_map(|model| waits(&model.name, &model.parked))
        .chain(answer.reactions.iter().flat_map(|reaction| waits(&reaction.name, &reaction.parked)))
        .collect();
    let waiting: Vec<String> =
        answer.reactions.iter().flat_map(|reaction| waits(&reaction.name, &reaction.waiting)).collect();
    let models = answer.models.iter().map(|model| (&model.name, &model.standing));
    let reactions = answer.reactions.iter().map(|reaction| (&reaction.name, &reaction.standing));
    let standing: Vec<String> = models
        .chain(reactions)
        .filter_map(|(name, standing)| Some((name, standing.as_ref()?)))
        .map(|(name, Standing { reason, failures, .. })| {
            format!("{name} after {failures} failures: {reason}")
        })
        .collect();
    let behind: Vec<String> = answer
        .models
        .iter()
        .map(|model| (sequence(&model.tail).saturating_sub(sequence(&model.position)), &model.name))
        .filter(|(lag, _)| *lag > LAG_FINE)
        .map(|(lag, name)| format!("{name} by up to {lag} entries"))
        .collect();
    let mut checks = Vec::new();
    checks.push(if behind.is_empty() {
        let found: Vec<String> =
            answer.models.iter().map(|model| format!("{} at {}", model.name, model.position)).collect();
        Check::well("read models", if found.is_empty() { "none".to_owned() } else { found.join(", ") })
    } else {
        Check::look(
            "read models",
            format!("behind: {}", behind.join(", ")),
            "wait, then look again; if it grows, look at the server's log",
        )
    });
    if !parked.is_empty() {
        checks.push(Check::broken(
            "parked",
            parked.join("; "),
            "upgrade the server: it goes on with them by itself once it can read them",
        ));
    }
    if !waiting.is_empty() {
        checks.push(Check::look(
            "waiting",
            waiting.join("; "),
            "it is tried again and again; look at the server's log if it stays",
        ));
    }
    if !standing.is_empty() {
        checks.push(Check::broken(
            "standing",
            standing.join("; "),
            "bring back what is away: the log, the key store or the database; then it goes on by itself",
        ));
    }
    checks
}

#[cfg(test)]
mod tests {
    use proto::operations::v1::list_read_models_response::{Reaction, ReadModel};

    use super::{super::State, *};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn token(exp: &str) -> Token {
        let claims = format!("{{\"sub\":\"ana\",\"exp\":{}}}", at(exp).as_second());
        let text = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
        Token { text, found: "admin.token".to_owned() }
    }

    #[test]
    fn clocks_are_compared() {
        let mut metadata = MetadataMap::new();
        metadata.insert("date", "Sun, 01 Mar 2026 08:00:00 GMT".parse().unwrap());
        let state = |now: &str| clock(&metadata, at(now)).state;
        assert_eq!(state("2026-03-01T08:00:03Z"), State::Well);
        assert_eq!(state("2026-03-01T07:59:30Z"), State::Look);
        assert_eq!(state("2026-03-01T08:02:00Z"), State::Broken);
        assert_eq!(clock(&MetadataMap::new(), at("2026-03-01T08:00:03Z")).state, State::Look);
    }

    #[test]
    fn a_token_is_told_by_when_it_ends() {
        let now = at("2026-03-01T08:00:00Z");
        let state = |exp: &str| known(Some(&token(exp)), None, now).state;
        assert_eq!(state("2026-02-28T08:00:00Z"), State::Broken);
        assert_eq!(state("2026-03-01T18:00:00Z"), State::Look);
        assert_eq!(state("2027-03-01T18:00:00Z"), State::Well);
        assert_eq!(known(None, None, now).state, State::Broken);
        let refused = Failure::new(Exit::NotAllowed, "no");
        assert_eq!(known(Some(&token("2027-03-01T18:00:00Z")), Some(&refused), now).state, State::Broken);
        let opaque = Token { text: "opaque".to_owned(), found: "flag --token".to_owned() };
        assert_eq!(known(Some(&opaque), None, now), Check::well("token", "flag --token"));
    }

    #[test]
    fn who_is_not_told_about_read_models_has_a_good_token() {
        let token = token("2027-03-01T18:00:00Z");
        let states = |reason: &str| {
            let refused = Failure::new(Exit::NotAllowed, "no").because(format!("reason {reason}"));
            let checks = told(Some(&token), &Err(refused), at("2026-03-01T08:00:00Z"));
            checks.iter().map(|check| (check.name, check.state)).collect::<Vec<_>>()
        };
        assert_eq!(states("NOT_ALLOWED"), [("token", State::Well), ("read models", State::Look)]);
        assert_eq!(states("TOKEN_INVALID"), [("token", State::Broken)]);
    }

    #[test]
    fn read_models_that_lag_or_are_parked_are_named() {
        let model = |name: &str, position: &str, tail: &str, parked: &[&str]| ReadModel {
            name: name.to_owned(),
            position: position.to_owned(),
            tail: tail.to_owned(),
            parked: parked
                .iter()
                .map(|&stream| Parked { stream: stream.to_owned(), ..Parked::default() })
                .collect(),
            ..ReadModel::default()
        };
        let states = |models| {
            let checks = read_models(&ListReadModelsResponse { models, ..ListReadModelsResponse::default() });
            checks.iter().map(|check| check.state).collect::<Vec<_>>()
        };
        // Each is compared with what it follows, and not with another that follows something else.
        let apart =
            vec![model("a", "par.1.90000", "par.1.90500", &[]), model("b", "par.1.2", "par.1.2", &[])];
        assert_eq!(states(apart), [State::Well]);
        assert_eq!(states(vec![model("a", "par.1.2", "par.1.90000", &[])]), [State::Look]);
        assert_eq!(states(vec![model("a", "par.1.9", "par.1.9", &["case-1"])]), [State::Well, State::Broken]);
    }

    #[test]
    fn reactions_that_wait_or_stand_still_are_named() {
        let found = |reaction: Reaction| {
            let answer = ListReadModelsResponse { reactions: vec![reaction], ..Default::default() };
            let checks = read_models(&answer).into_iter().skip(1);
            checks.map(|check| (check.name, check.state, check.found)).collect::<Vec<_>>()
        };
        let name = || "cases.follow_messages".to_owned();
        let entry =
            || Parked { stream: "message-a-1".into(), reason: "NO_ACCOUNT".into(), ..Parked::default() };
        let told = "message-a-1 in cases.follow_messages: NO_ACCOUNT".to_owned();
        let parked = Reaction { name: name(), parked: vec![entry()], ..Reaction::default() };
        assert_eq!(found(parked), [("parked", State::Broken, told.clone())]);
        let waiting = Reaction { name: name(), waiting: vec![entry()], ..Reaction::default() };
        assert_eq!(found(waiting), [("waiting", State::Look, told)]);
        let standing = Standing { reason: "the log is away".into(), failures: 4, since: None };
        let standing = Reaction { name: name(), standing: Some(standing), ..Reaction::default() };
        let told = "cases.follow_messages after 4 failures: the log is away".to_owned();
        assert_eq!(found(standing), [("standing", State::Broken, told)]);
    }

    #[test]
    fn what_the_server_says_about_itself() {
        let address: Uri = "http://127.0.0.1:7401".parse().unwrap();
        let state = |health: Health| answers(&address, &health).state;
        assert_eq!(state(Ok((ServingStatus::Serving, MetadataMap::new()))), State::Well);
        assert_eq!(state(Ok((ServingStatus::NotServing, MetadataMap::new()))), State::Broken);
        assert_eq!(state(Err(Status::unimplemented(""))), State::Look);
        assert_eq!(state(Err(Status::unavailable("gone"))), State::Broken);
    }
}
