//! WeChat's handshake and its safe mode, with messages that the tests encrypt.

use data_encoding::BASE64;
use http::Method;

use super::{Call, sign};
use crate::channels::{Answer, Refused};

#[test]
fn wechat_shakes_hands() {
    let mut call = Call::new("wechat", "");
    call.method = Method::GET;
    call.parameter("echostr", "5431 <&>");
    let call = sign::sign(call);
    assert_eq!(call.verify(), Ok(()));
    assert_eq!(call.read().unwrap().answer, Answer::Text("text/plain", "5431 <&>".to_owned()));
}

#[test]
fn wechat_in_safe_mode_takes_nothing_in_the_open() {
    let body = "<xml><FromUserName>u</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>c</Content></xml>";
    let mut call = sign::sign(Call::new("wechat", body));
    assert_eq!(call.verify(), Ok(()));
    call.secret("encoding_aes_key", AES_KEY);
    call.config.settings.insert("app_id".to_owned(), "wx1".to_owned());
    assert_eq!(call.verify(), Err(Refused::Unsigned("Encrypt")));
    call.body = b"<xml><Encrypt>AAAA</Encrypt></xml>".to_vec();
    assert_eq!(call.verify(), Err(Refused::Unsigned("msg_signature")));
    let time = call.seconds().to_string();
    call.parameter("msg_signature", &sign::wechat_signature(&mut [sign::SECRET, &time, "nonce", "AAAA"]));
    assert_eq!(call.verify(), Err(Refused::Signature), "signed, but it does not open");
    call.secret("encoding_aes_key", "short");
    assert_eq!(call.verify(), Err(Refused::BadSecret("encoding_aes_key")));
}

const AES_KEY: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";

/// A call in safe mode, with what is encrypted in its body or, of a handshake, in its address.
fn safe(method: Method, encrypted: &str) -> Call {
    let mut call =
        Call { method, ..Call::new("wechat", format!("<xml><Encrypt>{encrypted}</Encrypt></xml>")) };
    call.secret("token", sign::SECRET);
    call.secret("encoding_aes_key", AES_KEY);
    call.config.settings.insert("app_id".to_owned(), "wx1".to_owned());
    let time = call.seconds().to_string();
    call.parameter("timestamp", &time);
    call.parameter("nonce", "nonce");
    call.parameter("msg_signature", &sign::wechat_signature(&mut [sign::SECRET, &time, "nonce", encrypted]));
    if call.method == Method::GET {
        call.parameter("echostr", encrypted);
        call.body.clear();
    }
    call
}

#[test]
fn wechat_in_safe_mode_is_opened() {
    let body = "<xml><FromUserName>u</FromUserName><CreateTime>1</CreateTime><MsgType>text</MsgType><Content>你好</Content></xml>";
    // Whatever the length, and so the padding.
    for spaces in 0..64 {
        let message = format!("{body}{}", " ".repeat(spaces));
        let call = safe(Method::POST, &sign::wechat_encrypted(&message, "wx1", AES_KEY));
        assert_eq!(call.verify(), Ok(()), "{spaces}");
        assert_eq!(call.read().unwrap().happenings.len(), 1);
    }
    let other = safe(Method::POST, &sign::wechat_encrypted(body, "wx2", AES_KEY));
    assert_eq!(other.verify(), Err(Refused::Signature), "it is for another app");
    let echo = safe(Method::GET, &sign::wechat_encrypted("5431", "wx1", AES_KEY));
    assert_eq!(echo.verify(), Ok(()));
    assert_eq!(echo.read().unwrap().answer, Answer::Text("text/plain", "5431".to_owned()));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

    /// Rightly signed, but no message: what the cipher makes of it is anything.
    #[test]
    fn wechat_opens_nothing_by_chance(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        let call = safe(Method::POST, &BASE64.encode(&bytes));
        proptest::prop_assert!(call.verify().is_err());
        proptest::prop_assert!(call.read().is_err());
    }
}
