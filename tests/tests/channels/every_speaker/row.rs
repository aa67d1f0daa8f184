//! One reply with one trouble.

use ingestion::channels::{SPEAKERS, speak::Promise};
use proto::ingestion::v1 as ing;
use tests::platform::Trouble;

use super::places::{Place, of_policy, places};
use crate::replies::now;

/// Every trouble, and whether the platform has the message all the same.
const TROUBLES: [(Trouble, bool); 8] = [
    (Trouble::RateLimited(1), false),
    (Trouble::Away, false),
    (Trouble::AwayWithIt, true),
    (Trouble::FailsWithIt, true),
    (Trouble::FailsWithoutIt, false),
    (Trouble::HangsUpWithIt, true),
    (Trouble::HangsUpWithoutIt, false),
    (Trouble::SilentWithIt, true),
];

/// One reply with one trouble, at an account of its own: what one account suffers must not hold up another.
pub struct Row {
    pub connector: &'static str,
    pub place: Place,
    pub promise: Promise,
    /// Whether policy would rather have it twice than never.
    pub lax: bool,
    pub trouble: Trouble,
    pub with_it: bool,
    pub account: String,
    pub number: usize,
    pub case: String,
    pub reply: String,
}

impl Row {
    pub fn text(&self) -> String {
        format!("reply {}", self.number)
    }

    /// Whether it takes nobody to bring it to an end.
    pub fn ends_by_itself(&self) -> bool {
        self.promise != Promise::Nothing || self.lax || matches!(self.trouble, Trouble::RateLimited(_))
    }

    pub fn policy(&self, url: &str, secret: &str) -> String {
        let (channel, settings, name) = of_policy(self.connector, url);
        let lax = if self.lax { ", resend_unclear = \"true\"" } else { "" };
        format!(
            "id = \"{}\"\nchannel = \"{channel}\"\nconnector = \"{}\"\nsecrets = {{ {name} = \"{secret}\" }}\n\
             settings = {{ {settings}, call_time_s = \"2\"{lax} }}",
            self.account, self.connector
        )
    }

    pub fn message(&self) -> ing::Message {
        let (_, author, id, public, _) = self.place;
        let number = self.number.to_string();
        ing::Message {
            public: Some(public),
            text: format!("question{}", self.number),
            ..now(&id.replace('#', &number), &author.replace('#', &number))
        }
    }

    /// What goes wrong when its platform is asked first what it has, and by which of its names it is asked about.
    pub fn trouble_when_asked(&self) -> Option<(String, Trouble)> {
        // X gives all posts, whatever they answer.
        if self.promise != Promise::Ask || self.place.0 == "post" {
            return None;
        }
        let trouble = match self.trouble {
            Trouble::FailsWithoutIt => Trouble::Away,
            Trouble::HangsUpWithIt => Trouble::FailsWithoutIt,
            Trouble::HangsUpWithoutIt => Trouble::HangsUpWithoutIt,
            Trouble::SilentWithIt => Trouble::SilentWithIt,
            _ => return None,
        };
        let ing::Message { external_id, author, .. } = self.message();
        let in_place = matches!(self.connector, "slack" | "youtube");
        let place = external_id.split(':').next().map(str::to_owned);
        let person = author.map(|author| author.external_id);
        Some((if in_place { place } else { person }.unwrap(), trouble))
    }

    pub fn name(&self) -> String {
        let lax = if self.lax { "resend_unclear" } else { "" };
        format!("{} {}{lax}", self.connector, self.place.0).trim_end().to_owned()
    }
}

/// One for each place of each connector that sends, and each trouble.
pub fn rows() -> Vec<Row> {
    let places = SPEAKERS.iter().flat_map(|speaker| {
        let own = places(speaker.name()).iter();
        own.map(|place| (speaker.name(), *place, place.4.unwrap_or(speaker.promise()), false))
    });
    let lax = the_lax();
    let with_trouble = places.chain([lax]).flat_map(|of| TROUBLES.map(|trouble| (of, trouble)));
    with_trouble
        .enumerate()
        .map(|(n, ((connector, place, promise, lax), (trouble, with_it)))| Row {
            connector,
            place,
            promise,
            lax,
            trouble,
            with_it,
            account: format!("every-{n}"),
            number: 1_000 + n,
            case: String::new(),
            reply: String::new(),
        })
        .collect()
}

/// One of those that know nothing again, whose account would rather say it twice than never.
fn the_lax() -> (&'static str, Place, Promise, bool) {
    ("whatsapp_cloud", places("whatsapp_cloud")[0], Promise::Nothing, true)
}
