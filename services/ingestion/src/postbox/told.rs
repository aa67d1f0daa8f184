//! What a mail tells of a mail of ours: a report of its delivery, a receipt, a complaint, an answer.

use domain::{ids::AccountId, message::Fate};

use crate::{
    mail::{
        Mail,
        kind::{Action, Kind, Report},
        token,
    },
    replies::mail::codes,
};

/// How far a mail of ours came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Its Message-ID, as we wrote it.
    pub(super) message_id: String,
    pub(super) fate: Fate,
    /// Of a failure: the mail server's own code, as events have it.
    pub(super) code: Option<String>,
}

/// What a mail tells of one that this account sent. A Message-ID without our signature is not ours, whatever a report says.
pub(super) fn told(mail: &Mail, kind: &Kind, secret: &token::Secret, account: &AccountId) -> Option<Told> {
    let (message_id, fate, code) = match kind {
        Kind::DeliveryReport(report) => {
            let (fate, code) = reported(report)?;
            (report.message_id.as_deref()?, fate, code)
        }
        Kind::ReadReceipt(receipt) if receipt.disposition.as_deref() == Some("displayed") => {
            (receipt.message_id.as_deref()?, Fate::Read, None)
        }
        // Whoever complains of a mail has it.
        Kind::Feedback(feedback) => (feedback.message_id.as_deref()?, Fate::Delivered, None),
        // Who answers a mail has it as well.
        Kind::Person => (mail.in_reply_to.first()?.as_str(), Fate::Delivered, None),
        // What a machine answers may come from any on the way, and a failure may still follow. The delayed is still on its way,
        // the others are about none.
        Kind::AutoReply(_) | Kind::DeliveryDelay(_) | Kind::ReadReceipt(_) | Kind::List(_) | Kind::Own(_) => {
            return None;
        }
    };
    // Servers may write it in capitals; we never do.
    let message_id = message_id.to_lowercase();
    token::read(secret, account, &message_id)?;
    Some(Told { message_id, fate, code })
}

/// We send to one recipient: that it failed for any of those that came of him is a failure.
fn reported(report: &Report) -> Option<(Fate, Option<String>)> {
    let of = |action| report.recipients.iter().find(|recipient| recipient.action == action);
    if let Some(failed) = of(Action::Failed) {
        let status = codes::reason(failed.status.as_deref()).map(|code| code.to_string());
        return Some((Fate::Failed, status.or_else(|| failed.reply.map(|reply| reply.to_string()))));
    }
    of(Action::Delivered).map(|_| (Fate::Delivered, None))
}

#[cfg(test)]
mod tests {
    use domain::ids::ConversationId;
    use uuid::Uuid;

    use super::*;
    use crate::mail::{
        kind::{Evidence, Feedback, Receipt, Recipient},
        token::What,
    };

    const OF_US: Evidence = Evidence::MediaType("message/delivery-status");

    fn secret() -> token::Secret {
        token::Secret::new(vec![1; token::SECRET_MIN]).unwrap()
    }

    fn id(account: &str) -> String {
        let what = What::Conversation(ConversationId(Uuid::from_u128(1)));
        let token = token::sign(&secret(), &account.parse().unwrap(), what);
        token::message_id(&token, Uuid::nil(), "brand.example")
    }

    fn of(kind: &Kind) -> Option<(Fate, Option<String>)> {
        of_mail(&Mail::default(), kind)
    }

    fn of_mail(mail: &Mail, kind: &Kind) -> Option<(Fate, Option<String>)> {
        let told = told(mail, kind, &secret(), &"care".parse().unwrap())?;
        assert_eq!(told.message_id, id("care"));
        Some((told.fate, told.code))
    }

    fn report(message_id: &str, recipients: &[(Action, Option<&str>, Option<u16>)]) -> Kind {
        let recipient = |(action, status, reply): &(Action, Option<&str>, Option<u16>)| Recipient {
            action: *action,
            status: status.map(str::to_owned),
            reply: *reply,
            ..Recipient::default()
        };
        let recipients = recipients.iter().map(recipient).collect();
        Kind::DeliveryReport(Report { evidence: OF_US, message_id: Some(message_id.into()), recipients })
    }

    #[test]
    fn a_report_says_how_far_a_mail_of_ours_came() {
        let failed = |status, reply| of(&report(&id("care"), &[(Action::Failed, status, reply)]));
        assert_eq!(failed(Some("5.1.1"), Some(550)), Some((Fate::Failed, Some("5-1-1".into()))));
        assert_eq!(failed(None, Some(550)), Some((Fate::Failed, Some("550".into()))));
        assert_eq!(failed(None, None), Some((Fate::Failed, None)));
        let capitals = report(&id("care").to_uppercase(), &[(Action::Delivered, Some("2.0.0"), None)]);
        assert_eq!(of(&capitals), Some((Fate::Delivered, None)));
        let both = [(Action::Delivered, None, None), (Action::Failed, Some("5.2.2"), None)];
        assert_eq!(of(&report(&id("care"), &both)), Some((Fate::Failed, Some("5-2-2".into()))));
        assert_eq!(of(&report(&id("care"), &[(Action::Relayed, None, None)])), None);
        assert_eq!(of(&report(&id("care"), &[])), None);
    }

    #[test]
    fn receipts_complaints_and_answers_say_that_it_arrived() {
        let receipt = |disposition: &str| {
            let (message_id, disposition) = (Some(id("care")), Some(disposition.to_owned()));
            of(&Kind::ReadReceipt(Receipt { evidence: OF_US, message_id, disposition }))
        };
        assert_eq!(receipt("displayed"), Some((Fate::Read, None)));
        assert_eq!(receipt("deleted"), None);
        let message_id = Some(id("care"));
        let complaint = Feedback { evidence: OF_US, kind: None, message_id, recipients: Vec::new() };
        assert_eq!(of(&Kind::Feedback(complaint)), Some((Fate::Delivered, None)));
        for (answered, expected) in [(id("care"), Some((Fate::Delivered, None))), ("m1@x".into(), None)] {
            let mail = Mail { in_reply_to: vec![answered], ..Mail::default() };
            assert_eq!(of_mail(&mail, &Kind::Person), expected);
            for machine in [Kind::AutoReply(OF_US), Kind::List(OF_US)] {
                assert_eq!(of_mail(&mail, &machine), None, "a failure may still follow");
            }
        }
    }

    #[test]
    fn a_delay_is_no_end_and_a_report_of_another_mail_is_none_of_ours() {
        let Kind::DeliveryReport(about) = report(&id("care"), &[(Action::Delayed, Some("4.4.1"), None)])
        else {
            unreachable!()
        };
        assert_eq!(of(&Kind::DeliveryDelay(about)), None);
        for id in [id("sales"), "1@brand.example".into(), String::new()] {
            assert_eq!(of(&report(&id, &[(Action::Failed, Some("5.1.1"), None)])), None, "{id}");
        }
        assert_eq!(of(&Kind::Person), None);
    }
}
