//! The answers of platforms, and what each means.

use domain::delivery::{
    Failure::{self, RateLimited, RecipientUnavailable, Unavailable},
    Rejection::{
        self, Authentication, BlockedByCustomer, ContentRefused, Forbidden, InvalidRecipient, Malformed,
        OptedOut, PlaceGone, TemplateRefused, TooLong, Unsupported, WindowClosed,
    },
};

use super::answered;
use crate::channels::{self, speak::Answered};

const GRAPH: &[&str] = &["whatsapp_cloud", "messenger", "facebook_page", "instagram"];

fn sent(external_id: &str) -> Answered {
    Answered::Sent { external_id: Some(external_id.to_owned()) }
}

const TAKEN: Answered = Answered::Sent { external_id: None };

fn later(reason: Failure) -> Answered {
    Answered::Later { reason, after_s: None }
}

fn never(reason: Rejection, code: &str) -> Answered {
    Answered::Never { reason, code: Some(code.to_owned()).filter(|code| !code.is_empty()) }
}

/// What is written here of a platform's answers: its status, its body, what it means.
fn check(name: &str, table: &[(u16, &str, Answered)]) {
    for (status, body, expected) in table {
        assert_eq!(&answered(name, *status, &[], body), expected, "{name}: {status} {body}");
    }
}

#[test]
fn what_is_not_explained_is_the_same_everywhere() {
    for speaker in channels::SPEAKERS {
        let name = speaker.name();
        for body in ["", "<html>", "{}", "[]", "null", "\u{fffd}"] {
            // The platform may have it.
            for status in [500, 501, 502, 503, 504, 599, 408, 409, 301, 302, 303, 307, 100, 600, 999] {
                assert_eq!(answered(name, status, &[], body), Answered::Unclear, "{name}: {status} {body}");
            }
            // A proxy says so as well, after the platform took it; when to come again says nothing of that.
            assert_eq!(answered(name, 503, &[("retry-after", "120")], body), Answered::Unclear, "{name}");
            assert_eq!(
                answered(name, 429, &[("retry-after", "7")], body),
                Answered::Later { reason: RateLimited, after_s: Some(7) },
                "{name}"
            );
            for status in [400, 401, 403, 405, 413, 418, 422] {
                let said = answered(name, status, &[], body);
                assert!(matches!(said, Answered::Never { .. }), "{name}: {status} {said:?}");
            }
        }
        let refused = |status| match answered(name, status, &[], "") {
            Answered::Never { reason, .. } => reason,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!((refused(401), refused(403)), (Authentication, Forbidden), "{name}");
        // Who says nothing but that it went well has taken it only where the platform says nothing else.
        let plainly = ["trustpilot", "cloudevents", "standard_webhooks"].contains(&name);
        for body in ["", "<html>", "[1]", "\"ok\""] {
            let expected = if plainly { TAKEN } else { Answered::Unclear };
            assert_eq!(answered(name, 200, &[], body), expected, "{name}: {body}");
        }
    }
}

#[test]
fn who_is_away_has_nothing_only_where_the_platform_itself_says_so() {
    let own = [
        ("whatsapp_cloud", r#"{"error":{"code":131016}}"#),
        ("messenger", r#"{"error":{"code":1200}}"#),
        ("x", r#"{"errors":[{"code":130}]}"#),
    ];
    for (name, body) in own {
        let said = answered(name, 503, &[("retry-after", "120")], body);
        assert_eq!(said, Answered::Later { reason: Unavailable, after_s: Some(120) }, "{name}");
        assert_eq!(answered(name, 503, &[], r#"{"error":{"code":-77}}"#), Answered::Unclear, "{name}");
    }
}

#[test]
fn waits_are_told_in_seconds_or_by_a_date_and_are_no_longer_than_a_day() {
    let wait = |headers: &[(&'static str, &str)]| match answered("line", 429, headers, "{}") {
        Answered::Later { reason: RateLimited, after_s } => after_s,
        other => panic!("{other:?}"),
    };
    let date = ("date", "Sat, 14 Mar 2026 09:26:53 GMT");
    assert_eq!(wait(&[("retry-after", " 30 ")]), Some(30));
    assert_eq!(wait(&[("retry-after", "Sat, 14 Mar 2026 09:28:00 GMT"), date]), Some(67));
    assert_eq!(wait(&[("retry-after", "Sat, 14 Mar 2026 09:20:00 GMT"), date]), Some(0));
    assert_eq!(wait(&[("retry-after", "Sat, 14 Mar 2026 09:28:00 GMT")]), None);
    assert_eq!(wait(&[("retry-after", "99999999999")]), Some(24 * 3_600));
    assert_eq!(wait(&[("retry-after", "soon")]), None);
    let reset = |headers: &[(&'static str, &str)]| answered("x", 429, headers, "{}");
    assert_eq!(
        reset(&[("x-rate-limit-reset", "1773480500"), date]),
        Answered::Later { reason: RateLimited, after_s: Some(87) }
    );
    assert_eq!(reset(&[("x-rate-limit-reset", "1773480500")]), later(RateLimited));
    let body =
        r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":35}}"#;
    let expected = Answered::Later { reason: RateLimited, after_s: Some(35) };
    assert_eq!(answered("telegram", 429, &[], body), expected);
}

#[test]
fn what_metas_platforms_share() {
    let expected = [
        (1, None, Answered::Unclear),
        (2, None, Answered::Unclear),
        (506, None, Answered::Unclear),
        (4, None, later(RateLimited)),
        (613, None, later(RateLimited)),
        (80_007, None, later(RateLimited)),
        (1200, None, later(Unavailable)),
        (551, None, later(RecipientUnavailable)),
        (200, Some(1_545_041), later(RecipientUnavailable)),
        (10, Some(2_018_278), never(WindowClosed, "10")),
        (10, Some(2_534_022), never(WindowClosed, "10")),
        (10, None, never(Forbidden, "10")),
        (200, None, never(Forbidden, "200")),
        (368, None, never(Forbidden, "368")),
        (190, Some(463), never(Authentication, "190")),
        (100, Some(2_018_001), never(InvalidRecipient, "100")),
        (100, Some(33), never(PlaceGone, "100")),
        (100, None, never(Malformed, "100")),
        (77_777, None, never(Malformed, "77777")),
    ];
    for name in GRAPH {
        for (code, subcode, expected) in &expected {
            let subcode = subcode.map_or(String::new(), |subcode| format!(r#","error_subcode":{subcode}"#));
            let body = format!(r#"{{"error":{{"message":"words","code":{code}{subcode}}}}}"#);
            assert_eq!(&answered(name, 400, &[], &body), expected, "{name}: {body}");
            // A server that failed is not believed, whatever it says.
            assert_eq!(answered(name, 500, &[], &body), Answered::Unclear, "{name}: {body}");
            assert_eq!(answered(name, 200, &[], &body), Answered::Unclear, "{name}: {body}");
        }
    }
}

#[test]
fn whatsapp_cloud() {
    let good = r#"{"messaging_product":"whatsapp","contacts":[{"input":"1","wa_id":"1"}],"messages":[{"id":"wamid.1"}]}"#;
    check(
        "whatsapp_cloud",
        &[(200, good, sent("wamid.1")), (200, r#"{"messages":[{}]}"#, Answered::Unclear)],
    );
    for (code, expected) in [
        (131_047, never(WindowClosed, "131047")),
        (131_026, never(InvalidRecipient, "131026")),
        (130_429, later(RateLimited)),
        (131_048, later(RateLimited)),
        (131_056, later(RateLimited)),
        (131_016, later(Unavailable)),
        (131_005, never(Authentication, "131005")),
        (131_051, never(Unsupported, "131051")),
        (131_031, never(Forbidden, "131031")),
        (131_050, never(OptedOut, "131050")),
        (132_001, never(TemplateRefused, "132001")),
        (131_009, never(Malformed, "131009")),
        (131_000, Answered::Unclear),
    ] {
        let body = format!(r#"{{"error":{{"code":{code},"error_data":{{"details":"words"}}}}}}"#);
        assert_eq!(answered("whatsapp_cloud", 400, &[], &body), expected, "{code}");
    }
}

#[test]
fn metas_chats_and_comments() {
    let chat = r#"{"recipient_id":"2514","message_id":"m_AG5Hz2U"}"#;
    check("messenger", &[(200, chat, sent("m_AG5Hz2U")), (200, r#"{"id":"1"}"#, Answered::Unclear)]);
    for name in ["facebook_page", "instagram"] {
        check(
            name,
            &[
                (200, chat, sent("m_AG5Hz2U")),
                (200, r#"{"id":"44_55"}"#, sent("44_55")),
                (200, r#"{"recipient_id":"2514"}"#, Answered::Unclear),
            ],
        );
    }
}

#[test]
fn telegram() {
    let error =
        |status: u16, words: &str| format!(r#"{{"ok":false,"error_code":{status},"description":"{words}"}}"#);
    check(
        "telegram",
        &[
            (200, r#"{"ok":true,"result":{"message_id":32,"chat":{"id":-100}}}"#, sent("-100:32")),
            (
                200,
                r#"{"ok":true,"result":{"message_id":32,"chat":{"id":42},"business_connection_id":"b1"}}"#,
                sent("business:b1:42:32"),
            ),
            (200, r#"{"ok":true,"result":{"message_id":32}}"#, Answered::Unclear),
            (200, r#"{"ok":false,"result":{"message_id":32,"chat":{"id":42}}}"#, Answered::Unclear),
            (403, &error(403, "Forbidden: bot was blocked by the user"), never(BlockedByCustomer, "403")),
            (403, &error(403, "Forbidden: user is deactivated"), never(InvalidRecipient, "403")),
            (403, &error(403, "Forbidden: bot was kicked from the group chat"), never(Forbidden, "403")),
            (400, &error(400, "Bad Request: chat not found"), never(InvalidRecipient, "400")),
            (400, &error(400, "Bad Request: message is too long"), never(TooLong, "400")),
            (400, &error(400, "Bad Request: message text is empty"), never(ContentRefused, "400")),
            (400, &error(400, "Bad Request: TOPIC_CLOSED"), never(PlaceGone, "400")),
            (
                400,
                r#"{"ok":false,"description":"Bad Request: group chat was upgraded to a supergroup chat","parameters":{"migrate_to_chat_id":-1001}}"#,
                never(PlaceGone, "400"),
            ),
            (400, &error(400, "Bad Request: something of tomorrow"), never(Malformed, "400")),
            (401, &error(401, "Unauthorized"), never(Authentication, "401")),
            (404, &error(404, "Not Found"), never(Authentication, "404")),
        ],
    );
}

#[test]
fn line() {
    let good = r#"{"sentMessages":[{"id":"461230966842064897","quoteToken":"IStG5h1Tz7b"}]}"#;
    check(
        "line",
        &[
            (200, good, sent("461230966842064897")),
            (200, "{}", TAKEN),
            // Without the request that it accepted, it says nothing of it.
            (409, good, Answered::Unclear),
            (
                400,
                r#"{"message":"The property, 'to', in the request body is invalid (line: -, column: -)"}"#,
                never(InvalidRecipient, ""),
            ),
            (
                400,
                r#"{"message":"The request body has 1 error(s)","details":[{"message":"May not be empty","property":"messages[0].text"}]}"#,
                never(Malformed, ""),
            ),
            (401, r#"{"message":"Authentication failed"}"#, never(Authentication, "")),
            (429, r#"{"message":"You have reached your monthly limit."}"#, later(RateLimited)),
        ],
    );
    let accepted = [("x-line-accepted-request-id", "123e4567-e89b-12d3-a456-426655440002")];
    assert_eq!(answered("line", 409, &accepted, good), sent("461230966842064897"));
    assert_eq!(answered("line", 409, &accepted, r#"{"message":"accepted already"}"#), TAKEN);
    assert_eq!(answered("line", 409, &accepted, ""), TAKEN);
    assert_eq!(answered("line", 400, &accepted, "{}"), never(Malformed, ""));
}

#[test]
fn slack() {
    check(
        "slack",
        &[
            (200, r#"{"ok":true,"channel":"C1","ts":"1503435956.000247"}"#, sent("C1:1503435956.000247")),
            (200, r#"{"ok":true,"channel":"C1"}"#, Answered::Unclear),
            (200, r#"{"channel":"C1","ts":"1"}"#, Answered::Unclear),
        ],
    );
    for (error, expected) in [
        ("ratelimited", later(RateLimited)),
        ("service_unavailable", later(Unavailable)),
        ("fatal_error", Answered::Unclear),
        ("internal_error", Answered::Unclear),
        ("invalid_auth", never(Authentication, "invalid_auth")),
        ("token_revoked", never(Authentication, "token_revoked")),
        ("missing_scope", never(Forbidden, "missing_scope")),
        ("not_in_channel", never(Forbidden, "not_in_channel")),
        ("channel_not_found", never(InvalidRecipient, "channel_not_found")),
        ("is_archived", never(PlaceGone, "is_archived")),
        ("msg_too_long", never(TooLong, "msg_too_long")),
        ("no_text", never(ContentRefused, "no_text")),
        ("invalid_arguments", never(Malformed, "invalid_arguments")),
        ("of_tomorrow", never(Rejection::Other, "of_tomorrow")),
    ] {
        let body = format!(r#"{{"ok":false,"error":"{error}"}}"#);
        assert_eq!(answered("slack", 200, &[], &body), expected, "{error}");
    }
}

#[test]
fn vk() {
    let good = r#"{"response":[{"peer_id":77,"message_id":0,"conversation_message_id":9}]}"#;
    check(
        "vk",
        &[
            (200, good, sent("77:9")),
            (200, r#"{"response":[{"peer_id":77,"message_id":9}]}"#, Answered::Unclear),
            (200, r#"{"response":[]}"#, Answered::Unclear),
            (200, r#"{"response":{"comment_id":5}}"#, TAKEN),
            (200, r#"{"response":5}"#, TAKEN),
            (200, r#"{"response":{}}"#, Answered::Unclear),
            (200, r#"{"error":{}}"#, Answered::Unclear),
        ],
    );
    for (code, expected) in [
        (1, Answered::Unclear),
        (10, Answered::Unclear),
        (6, later(RateLimited)),
        (9, later(RateLimited)),
        (5, never(Authentication, "5")),
        (7, never(Forbidden, "7")),
        (100, never(Malformed, "100")),
        (213, never(Forbidden, "213")),
        (900, never(BlockedByCustomer, "900")),
        (901, never(BlockedByCustomer, "901")),
        (902, never(BlockedByCustomer, "902")),
        (914, never(TooLong, "914")),
        (936, never(InvalidRecipient, "936")),
        (7777, never(Rejection::Other, "7777")),
    ] {
        let alone = format!(r#"{{"error":{{"error_code":{code},"error_msg":"words"}}}}"#);
        let of_one = format!(r#"{{"response":[{{"peer_id":77,"error":{{"code":{code}}}}}]}}"#);
        for body in [alone, of_one] {
            assert_eq!(answered("vk", 200, &[], &body), expected, "{body}");
        }
    }
}

#[test]
fn twilio() {
    check(
        "twilio",
        &[
            (201, r#"{"sid":"SM1","status":"queued","error_code":null}"#, sent("SM1")),
            (201, "{}", Answered::Unclear),
        ],
    );
    for (status, code, expected) in [
        (400, 21_211, never(InvalidRecipient, "21211")),
        (400, 21_614, never(InvalidRecipient, "21614")),
        (400, 21_610, never(OptedOut, "21610")),
        (429, 20_429, later(RateLimited)),
        (400, 21_611, later(RateLimited)),
        (401, 20_003, never(Authentication, "20003")),
        (400, 63_016, never(WindowClosed, "63016")),
        (400, 21_617, never(TooLong, "21617")),
        (400, 21_602, never(ContentRefused, "21602")),
        (400, 21_606, never(Forbidden, "21606")),
        (400, 77_777, never(Malformed, "77777")),
    ] {
        let body = format!(r#"{{"code":{code},"message":"words","status":{status}}}"#);
        assert_eq!(answered("twilio", status, &[], &body), expected, "{code}");
    }
}

#[test]
fn vonage() {
    check(
        "vonage",
        &[
            (202, r#"{"message_uuid":"aaaaaaaa-bbbb"}"#, sent("aaaaaaaa-bbbb")),
            (202, "{}", Answered::Unclear),
            (402, r#"{"type":"https://developer.vonage.com/api-errors/#low-balance"}"#, never(Forbidden, "")),
            (
                401,
                r#"{"type":"https://developer.vonage.com/api-errors/#unauthorized"}"#,
                never(Authentication, ""),
            ),
        ],
    );
    for (status, code, expected) in [
        (422, 1_170, never(InvalidRecipient, "1170")),
        (422, 1_240, never(OptedOut, "1240")),
        (422, 1_340, never(WindowClosed, "1340")),
        (422, 1_022, never(TemplateRefused, "1022")),
        (422, 1_120, never(Forbidden, "1120")),
        (429, 1_000, later(RateLimited)),
        (422, 1_030, Answered::Unclear),
        (422, 7_777, never(Malformed, "7777")),
    ] {
        let body = format!(r#"{{"type":"https://developer.vonage.com/api-errors/messages#{code}"}}"#);
        assert_eq!(answered("vonage", status, &[], &body), expected, "{code}");
    }
}

#[test]
fn x() {
    let duplicate = r#"{"detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank","title":"Forbidden","status":403}"#;
    check(
        "x",
        &[
            (201, r#"{"data":{"id":"1445880548472328192","text":"t"}}"#, sent("1445880548472328192")),
            (
                201,
                r#"{"data":{"dm_conversation_id":"1-2","dm_event_id":"1346889436626259968"}}"#,
                sent("1346889436626259968"),
            ),
            (201, r#"{"data":{}}"#, Answered::Unclear),
            // It is this one, or another with the same words.
            (403, duplicate, Answered::Unclear),
            (403, r#"{"errors":[{"code":187,"message":"Status is a duplicate."}]}"#, Answered::Unclear),
            (403, r#"{"errors":[{"code":349}]}"#, never(BlockedByCustomer, "349")),
            (403, r#"{"errors":[{"code":385}]}"#, never(PlaceGone, "385")),
            (403, r#"{"errors":[{"code":186}]}"#, never(TooLong, "186")),
            (403, r#"{"errors":[{"code":226}]}"#, never(ContentRefused, "226")),
            (403, r#"{"errors":[{"code":326}]}"#, never(Forbidden, "326")),
            (403, r#"{"detail":"You are not permitted to perform this action."}"#, never(Forbidden, "")),
            (401, r#"{"title":"Unauthorized","type":"about:blank"}"#, never(Authentication, "")),
            (
                400,
                r#"{"type":"https://api.twitter.com/2/problems/resource-not-found"}"#,
                never(PlaceGone, ""),
            ),
            (429, r#"{"title":"Too Many Requests"}"#, later(RateLimited)),
        ],
    );
}

#[test]
fn wechat() {
    check("wechat", &[(200, r#"{"errcode":0,"errmsg":"ok"}"#, TAKEN), (200, "{}", Answered::Unclear)]);
    for (code, expected) in [
        (-1, Answered::Unclear),
        (45_009, later(RateLimited)),
        (45_047, later(RateLimited)),
        (45_015, never(WindowClosed, "45015")),
        (40_003, never(InvalidRecipient, "40003")),
        (43_004, never(BlockedByCustomer, "43004")),
        (40_001, never(Authentication, "40001")),
        (42_001, never(Authentication, "42001")),
        (45_002, never(TooLong, "45002")),
        (48_001, never(Forbidden, "48001")),
        (47_001, never(Malformed, "47001")),
        (77_777, never(Rejection::Other, "77777")),
    ] {
        let body = format!(r#"{{"errcode":{code},"errmsg":"words"}}"#);
        assert_eq!(answered("wechat", 200, &[], &body), expected, "{code}");
    }
}

#[test]
fn reviews() {
    let reply = r#"{"reply":{"message":"t","createdAt":"2026-05-03T14:30:00Z"}}"#;
    check("trustpilot", &[(201, reply, TAKEN), (204, "", TAKEN), (404, "", never(PlaceGone, ""))]);
    check("google_reviews", &[(200, r#"{"comment":"t","updateTime":"2026-05-03T14:30:00Z"}"#, TAKEN)]);
    for (status, said, expected) in [
        (429, "RESOURCE_EXHAUSTED", later(RateLimited)),
        (401, "UNAUTHENTICATED", never(Authentication, "UNAUTHENTICATED")),
        (403, "PERMISSION_DENIED", never(Forbidden, "PERMISSION_DENIED")),
        (404, "NOT_FOUND", never(PlaceGone, "NOT_FOUND")),
        (400, "INVALID_ARGUMENT", never(Malformed, "INVALID_ARGUMENT")),
        (409, "ABORTED", Answered::Unclear),
    ] {
        let body = format!(r#"{{"error":{{"code":{status},"status":"{said}"}}}}"#);
        assert_eq!(answered("google_reviews", status, &[], &body), expected, "{said}");
    }
}

#[test]
fn youtube() {
    check("youtube", &[(200, r#"{"kind":"youtube#comment","id":"UgzDE2.8MnS"}"#, sent("UgzDE2.8MnS"))]);
    for (status, reason, expected) in [
        (403, "quotaExceeded", later(RateLimited)),
        (403, "forbidden", never(Forbidden, "forbidden")),
        (400, "processingFailure", Answered::Unclear),
        (400, "parentCommentNotFound", never(PlaceGone, "parentCommentNotFound")),
        (400, "commentTextTooLong", never(TooLong, "commentTextTooLong")),
        (400, "operationNotSupported", never(Unsupported, "operationNotSupported")),
        (401, "authError", never(Authentication, "authError")),
        (400, "ofTomorrow", never(Malformed, "ofTomorrow")),
    ] {
        let body = format!(r#"{{"error":{{"code":{status},"errors":[{{"reason":"{reason}"}}]}}}}"#);
        assert_eq!(answered("youtube", status, &[], &body), expected, "{reason}");
    }
}

#[test]
fn webhooks() {
    for name in ["cloudevents", "standard_webhooks"] {
        check(
            name,
            &[
                (200, r#"{"id":"their-7"}"#, sent("their-7")),
                (202, "thanks", TAKEN),
                (204, "", TAKEN),
                (410, "", never(PlaceGone, "")),
            ],
        );
    }
}

#[test]
fn what_could_be_words_is_not_kept_as_a_code() {
    let body = r#"{"ok":false,"error":"please call +49 170 12345"}"#;
    assert_eq!(answered("slack", 200, &[], body), never(Rejection::Other, ""));
    let long = format!(r#"{{"ok":false,"error":"{}"}}"#, "a".repeat(65));
    assert_eq!(answered("slack", 200, &[], &long), never(Rejection::Other, ""));
}
