use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

fn reply(text: &str) -> String {
    trim(text).reply
}

/// What each program writes above the text that it quotes.
const HEADERS: [&str; 46] = [
    "On Tue, 5 Mar 2024 at 10:00, Ada <ada@example.org> wrote:",
    "On 05/03/2024 10:00, Ada wrote:",
    "On Tue, 5 Mar 2024 at 10:00, Ada Augusta Byron <\nada@example.org> wrote:",
    "Le mar. 5 mars 2024 à 10:00, Ada <ada@example.org> a écrit :",
    "Le 5 mars 2024 à 10:00, Ada\n<ada@example.org>\na écrit :",
    "Am 05.03.2024 um 10:00 schrieb Ada:",
    "Am Di., 5. März 2024 um 10:00 Uhr schrieb Ada <\nada@example.org>:",
    "El mar, 5 mar 2024 a las 10:00, Ada (<ada@example.org>) escribió:",
    "Em ter., 5 de mar. de 2024 às 10:00, Ada <ada@example.org> escreveu:",
    "Il giorno mar 5 mar 2024 alle ore 10:00 Ada <ada@example.org> ha scritto:",
    "Op di 5 mrt 2024 om 10:00 schreef Ada <ada@example.org>:",
    "wt., 5 mar 2024 o 10:00 Ada <ada@example.org> napisał(a):",
    "W dniu 5.03.2024 o 10:00, Ada pisze:",
    "Den tis 5 mars 2024 kl 10:00 skrev Ada <ada@example.org>:",
    "tir. 5. mar. 2024 kl. 10:00 skrev Ada <ada@example.org>:",
    "ti 5. maalisk. 2024 klo 10.00 Ada (ada@example.org) kirjoitti:",
    "вт, 5 мар. 2024 г. в 10:00, Ада <ada@example.org>:",
    "5 марта 2024 г., в 10:00, Ада <ada@example.org> написал(а):",
    "вт, 5 бер. 2024 р. о 10:00 Ада <ada@example.org> пише:",
    "2024年3月5日(火) 10:00 Ada <ada@example.org>:",
    "Ada <ada@example.org> 于2024年3月5日周二 10:00写道：",
    "Ada <ada@example.org> 於 2024年3月5日 週二 上午10:00寫道：",
    "2024년 3월 5일 (화) 오전 10:00, Ada <ada@example.org>님이 작성:",
    "في الثلاثاء، ٥ مارس ٢٠٢٤ في ١٠:٠٠ ص تمت كتابة ما يلي بواسطة Ada <ada@example.org>:",
    "\u{200f}في 2024/3/5 10:00، كتب Ada:",
    "Ada <ada@example.org>, 5 Mar 2024 Sal, 10:00 tarihinde şunu yazdı:",
    "\u{202b}בתאריך יום ג׳, 5 במרץ 2024 ב-10:00 מאת Ada <ada@example.org>:\u{202c}",
    "út 5. 3. 2024 v 10:00 odesílatel Ada <ada@example.org> napsal:",
    "Ada <ada@example.org> ezt írta (időpont: 2024. márc. 5., K, 10:00):",
    "Στις Τρί 5 Μαρ 2024 στις 10:00 π.μ., ο χρήστης Ada <ada@example.org> έγραψε:",
    "mar., 5 mar. 2024, 10:00 Ada <ada@example.org> a scris:",
    "Vào Th 3, 5 thg 3, 2024 vào lúc 10:00 Ada <ada@example.org> đã viết:",
    "Pada Sel, 5 Mar 2024 pukul 10.00 Ada <ada@example.org> menulis:",
    "-----Original Message-----\nFrom: Ada",
    "-------- Ursprüngliche Nachricht --------\nVon: Ada",
    "---------- Forwarded message ---------\nFrom: Ada",
    "Begin forwarded message:",
    "________________________________\nFrom: Ada <ada@example.org>\nSent: Tuesday, March 5, 2024 10:00\nTo: care\nSubject: Re: x",
    "Von: Ada\nGesendet: Dienstag, 5. März 2024 10:00\nAn: care\nBetreff: AW: x",
    "*De :* Ada\n*Envoyé :* mardi 5 mars 2024 10:00\n*À :* care\n*Objet :* RE: x",
    "De: Ada\nEnviado: martes, 5 de marzo de 2024\nPara: care\nAsunto: RE: x",
    "Da: Ada\nInviato: martedì 5 marzo 2024\nA: care\nOggetto: R: x",
    "От: Ада\nОтправлено: 5 марта 2024 г.\nКому: care\nТема: x",
    "差出人: Ada\n送信日時: 2024年3月5日\n宛先: care\n件名: x",
    "发件人: Ada\n发送时间: 2024年3月5日\n收件人: care\n主题: x",
    "보낸 사람: Ada\n보낸 날짜: 2024년 3월 5일\n받는 사람: care\n제목: x",
];

#[test]
fn every_program_is_known_by_what_it_writes_above_a_quote() {
    for header in HEADERS {
        for quote in ["What do you think?", "> What do you think?"] {
            let text = format!("I think so.\nRegards\n\n{header}\n\n{quote}\n");
            assert_eq!(reply(&text), "I think so.\nRegards", "{header}");
            assert!(trim(&text).quotes, "{header}");
        }
    }
}

#[test]
fn answers_between_and_below_quotes_stay() {
    let text = "Hi,\n\nOn 5 Mar 2024 10:00, Ada wrote:\n> Is it here?\n\nYes.\n\n> And whole?\n> I hope.\n\nNo.\n\n-- \nBob\n";
    let trimmed = trim(text);
    assert_eq!(trimmed.reply, "Hi,\n\nYes.\n\nNo.");
    assert_eq!(
        (trimmed.signature.as_deref(), trimmed.quotes),
        (Some("-- \nBob".replace(" \n", "\n").as_str()), true)
    );
    let long = "x".repeat(WRAPPED_MIN);
    assert_eq!(reply(&format!("A\n\n> {long}\nwrapped\n> b")), "A");
    assert_eq!(reply("A\n\n> short?\nYes\n> b"), "A\n\nYes");
}

#[test]
fn what_only_looks_like_a_header_stays() {
    for text in [
        "On Thursday:\n\nI am here.",
        "On the one hand I wrote:\nthat it is broken.",
        "He wrote:\nnothing.",
        "I wrote on 5 March that the following is missing:\n- a screw",
        "From: the bottom of my heart\n\nThanks",
        "To: everybody\nSubject: cake",
        "One: Here is what I have\n\n- This\n- That",
        "1. First:\nscrew it on\n2. Second:\nit breaks",
        "---\nbreak\n---",
        "Le paragraphe : voici",
    ] {
        assert_eq!(reply(text), text);
    }
}

#[test]
fn signatures_are_known_by_their_delimiter_or_their_telephone() {
    for signature in [
        "-- \nAda\n+44 20 7946 0000",
        "--\nAda",
        "Sent from my iPhone",
        "Sent from Outlook for iOS<https://aka.ms/x>",
        "Envoyé de mon iPhone",
        "Von meinem iPad gesendet",
        "Gesendet mit der GMX Mail App",
        "Enviado desde mi iPhone",
        "Enviado do meu iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Wysłane z iPhone'a",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Lähetetty iPhonesta",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的 iPhone",
        "從我的 iPhone 傳送",
        "나의 iPhone에서 보냄",
        "iPhone'umdan gönderildi",
        "أرسلت من الـ iPhone",
        "-Ada Byron",
    ] {
        let trimmed = trim(&format!("Thanks.\n\n{signature}\n"));
        assert_eq!(trimmed.reply, "Thanks.", "{signature}");
        assert!(trimmed.signature.is_some(), "{signature}");
    }
    for text in [
        "It was sent from my iPhone app.",
        "Sent from my desk, which is easier.",
        "a -- b",
        "-- first\n-- second",
        "I want:\n-Apples\n-Pears",
        "Best regards\nAda",
    ] {
        assert_eq!(trim(text), Trimmed { reply: text.to_owned(), signature: None, quotes: false });
    }
}

#[test]
fn something_is_always_left() {
    for text in
        ["> only\n> a quote", "-----Original Message-----\nFrom: x", "Sent from my iPhone", "-- \nAda"]
    {
        assert_eq!(trim(text), Trimmed { reply: text.to_owned(), signature: None, quotes: false });
    }
    assert_eq!(trim(""), Trimmed::default());
}

#[test]
fn long_texts_take_no_more_than_their_share() {
    let took = |text: &str| {
        let begun = Instant::now();
        trim(text);
        begun.elapsed()
    };
    for line in [
        "On 2024 wrote\n",
        "On On On On wrote:\n",
        "From: x\n",
        "> \n",
        "-- \n",
        "____\n",
        "a",
        "wrote ",
        "-A\n\n",
        "On 5 March 2024 10:00 Ada wrote:\n> a\n",
        "2024 10:00 @ x\n",
        "____\n\n\n\n",
    ] {
        let text = line.repeat(300_000 / line.len());
        let time = took(&text);
        assert!(time < Duration::from_secs(10), "{line:?} took {time:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_left_that_was_not_written(text in "((On|Le|From:|>|-- |Sent from my|wrote:|Subject: |To: |@|2024 10:00| |\n|\\PC){0,3}\n){0,20}") {
        let trimmed = trim(&text);
        let written: Vec<_> = text.lines().map(str::trim).collect();
        let left = [trimmed.reply.clone(), trimmed.signature.clone().unwrap_or_default()].join("\n");
        for line in left.lines().filter(|line| !line.trim().is_empty()) {
            prop_assert!(written.contains(&line.trim()), "{:?}", line);
        }
        prop_assert!(text.trim().is_empty() || !trimmed.reply.trim().is_empty());
    }

    #[test]
    fn an_answer_above_any_header_is_all_that_is_left(answer in "[a-z]{1,20}( [a-z]{1,20}){0,5}", header in proptest::sample::select(HEADERS.to_vec()), quote in "[a-z \n>]{1,80}") {
        prop_assert_eq!(reply(&format!("{answer}\n\n{header}\nx {quote}")), answer);
    }
}
