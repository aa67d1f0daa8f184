//! How accounts of every connector that sends are written in policy, and where each answers.

use ingestion::channels::speak::Promise;

/// Who can be asked is asked soon.
const QUICK: &str = ", ask_after_s = \"1\", absent_after_s = \"1\"";

/// How an account of a connector is written in policy: the kind of its channel, its settings, the name of its secret.
pub fn of_policy(connector: &str, url: &str) -> (&'static str, String, &'static str) {
    let callback = || format!("callback_url = \"{url}/callback\"");
    let at = |more: &str| format!("base_url = \"{url}\"{more}");
    match connector {
        "cloudevents" | "standard_webhooks" => ("sav", callback(), "secret"),
        "facebook_page" => ("facebook", at(""), "access_token"),
        "google_reviews" => ("google-reviews", at(""), "access_token"),
        "instagram" => ("instagram", at(""), "access_token"),
        "line" => ("line", at(""), "channel_access_token"),
        "messenger" => ("messenger", at(""), "access_token"),
        "slack" => ("slack", at(QUICK), "bot_token"),
        "telegram" => ("telegram", at(""), "bot_token"),
        "trustpilot" => ("trustpilot", at(""), "access_token"),
        "twilio" => {
            ("sms", at(&format!(", account_sid = \"AC1\", from = \"+15550100\"{QUICK}")), "auth_token")
        }
        "vk" => ("vk", at(""), "access_token"),
        "vonage" => ("sms", at(", from = \"15550100\""), "jwt"),
        "wechat" => ("wechat", at(""), "access_token"),
        "whatsapp_cloud" => ("whatsapp", at(", phone_number_id = \"1\""), "access_token"),
        "x" => ("x", at(&format!(", user_id = \"2244994945\"{QUICK}")), "access_token"),
        "youtube" => ("youtube", at(QUICK), "access_token"),
        other => panic!("{other} can send: write here how its accounts are"),
    }
}

/// Where a connector answers: a name, what its platform calls the customer and the message (`#` is a number), whether everybody
/// reads it, and, where that differs, what can be done there in doubt.
pub type Place = (&'static str, &'static str, &'static str, bool, Option<Promise>);

pub fn places(connector: &str) -> &'static [Place] {
    match connector {
        "cloudevents" | "standard_webhooks" => &[("", "c-#", "m-#", false, None)],
        "facebook_page" => &[("chat", "25#", "m_#", false, None), ("comment", "25#", "44_#", true, None)],
        "google_reviews" => &[("", "c-#", "accounts/1/locations/2/reviews/R#", true, None)],
        "instagram" => &[("chat", "98#", "aW#", false, None), ("comment", "98#", "178#", true, None)],
        "line" => &[("", "U#", "325#", false, None)],
        "messenger" => &[("", "26#", "m_#", false, None)],
        "slack" => &[
            ("chat", "U#", "D#:1700.1", false, None),
            ("thread", "U#", "C#:1700.1", true, None),
            // The chat with whoever wrote in a channel has a name that nobody told us.
            ("new chat", "U#", "C#:1700.2", false, Some(Promise::Nothing)),
        ],
        "telegram" => &[("chat", "42#", "42#:31", false, None), ("group", "43#", "-100#:31", true, None)],
        "trustpilot" => &[("", "c-#", "R#", true, None)],
        "twilio" => &[("", "+44770#", "SM#", false, None)],
        "vk" => &[("chat", "77#", "77#:5", false, None), ("comment", "78#", "wall-1_#", true, None)],
        "vonage" => &[("", "44771#", "V#", false, None)],
        "wechat" => &[("", "o#", "23#", false, None)],
        "whatsapp_cloud" => &[("", "44772#", "wamid.#", false, None)],
        "x" => &[("chat", "22#", "15#", false, None), ("post", "23#", "13#", true, None)],
        "youtube" => &[("", "UC#", "Ug#", true, None)],
        other => panic!("{other} can send: write here where it answers"),
    }
}
