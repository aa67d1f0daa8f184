//! The words by which programs introduce what they repeat, in lower case, as they come in mails.

/// What "On … wrote:" begins with.
pub(super) const STARTS: [&str; 40] = [
    "on ", "le ", "am ", "el ", "il ", "op ", "em ", "den ", "på ", "dne ", "dňa ", "dnia ", "w dniu ", "w dn", "pada ", "vào ",
    "à ", "a ", "у ", "в ", "во ", "mon, ", "tue, ", "wed, ", "thu, ", "fri, ", "sat, ", "sun, ", "στις ", "na dan ", "dana ",
    "la ", "în ", "fecha", "من", "في", "بتاريخ", "ב", "ในวันที่", "il giorno ",
];

/// Words for writing.
pub(super) const WROTE: [&str; 63] = [
    "wrote", "writes", "said", "a écrit", "écrit", "a envoyé", "schrieb", "schrieb am", "geschrieben", "escribió", "escribio",
    "escreveu", "ha scritto", "scrive", "scrisse", "schreef", "heeft geschreven", "het volgende geschreven", "napisał",
    "napisała", "napisał(a)", "napisano", "pisze", "skrev", "skreiv", "kirjoitti", "написал", "написала", "написал(а)",
    "пишет", "писал", "писал(а)", "написав", "написала(в)", "пише", "napsal", "napsal(a)", "napísal", "napísal(a)", "je napisao",
    "je napisala", "írta", "έγραψε", "yazdı", "şunu yazdı", "şöyle yazdı", "tarihinde", "a scris", "đã viết", "menulis",
    "rakstīja", "rašė", "kirjutas", "skrifaði", "写道", "寫道", "さんは書きました", "は書きました", "작성", "썼습니다", "كتب", "كتابة", "כתב",
];

/// Who a repeated mail was from.
pub(super) const FROM: [&str; 33] = [
    "from", "de", "von", "da", "van", "od", "från", "fra", "lähettäjä", "от", "від", "kimden", "gönderen", "feladó", "odesílatel",
    "odosielateľ", "από", "expeditor", "de la", "nadawca", "expéditeur", "remitente", "差出人", "送信者", "发件人", "寄件者",
    "寄件人", "보낸 사람", "보낸사람", "من", "المرسل", "מאת", "จาก",
];

/// When it was sent.
pub(super) const SENT: [&str; 45] = [
    "sent", "date", "envoyé", "envoyé le", "message du", "gesendet", "datum", "enviado", "enviado el", "enviado em", "enviada em",
    "fecha", "data", "inviato", "verzonden", "wysłano", "wysłane", "skickat", "sendt", "dato", "lähetetty", "päivä", "päiväys",
    "отправлено", "дата", "надіслано", "gönderildi", "gönderme tarihi", "tarih", "elküldve", "odesláno", "odoslané", "στάλθηκε",
    "ημερομηνία", "trimis", "送信日時", "日付", "发送时间", "寄件日期", "日期", "보낸 날짜", "날짜", "التاريخ", "تاريخ الإرسال", "נשלח",
];

/// Whom it was sent to.
pub(super) const TO: [&str; 27] = [
    "to", "à", "a", "an", "para", "aan", "do", "till", "til", "vastaanottaja", "кому", "kime", "alıcı", "címzett", "komu", "προς",
    "către", "destinataire", "宛先", "收件人", "收件者", "받는 사람", "받는사람", "إلى", "الى", "אל", "ถึง",
];

/// Who got a copy.
pub(super) const COPY: [&str; 18] = [
    "cc", "copie à", "copie", "kopie", "kopi", "kopia", "copia", "с копией", "копия", "копія", "bilgi", "másolat", "dw", "抄送",
    "副本", "참조", "نسخة", "kopio",
];

/// What it was about.
pub(super) const SUBJECT: [&str; 28] = [
    "subject", "re", "objet", "sujet", "betreff", "asunto", "assunto", "oggetto", "onderwerp", "temat", "ämne", "emne", "aihe",
    "тема", "konu", "tárgy", "předmět", "predmet", "θέμα", "subiect", "件名", "主题", "主旨", "主題", "제목", "الموضوع", "נושא",
    "เรื่อง",
];

/// What stands between dashes above a repeated mail.
pub(super) const SEPARATORS: [&str; 45] = [
    "original message", "original mail", "original appointment", "reply message", "forwarded message", "message d'origine",
    "message original", "message transféré", "message transmis", "ursprüngliche nachricht", "originalnachricht",
    "original-nachricht", "weitergeleitete nachricht", "mensaje original", "mensaje reenviado", "mensagem original",
    "mensagem encaminhada", "mensagem reencaminhada", "messaggio originale", "messaggio inoltrato", "oorspronkelijk bericht",
    "origineel bericht", "doorgestuurd bericht", "wiadomość oryginalna", "oryginalna wiadomość", "wiadomość przekazana",
    "ursprungligt meddelande", "originalmeddelande", "vidarebefordrat meddelande", "oprindelig meddelelse", "opprinnelig melding",
    "alkuperäinen viesti", "исходное сообщение", "пересылаемое сообщение", "оригінальне повідомлення", "původní zpráva",
    "pôvodná správa", "eredeti üzenet", "orijinal mesaj", "özgün ileti", "元のメッセージ", "原始邮件", "原始郵件", "원본 메시지",
    "الرسالة الأصلية",
];

/// What stands above a mail that is passed on, without dashes.
pub(super) const FORWARDS: [&str; 10] = [
    "begin forwarded message", "début du message réexpédié", "début du message transféré", "anfang der weitergeleiteten nachricht",
    "inicio del mensaje reenviado", "início da mensagem encaminhada", "inizio messaggio inoltrato", "begin doorgestuurd bericht",
    "転送されたメッセージ", "以下是转发的邮件",
];

/// What programs of telephones sign with.
pub(super) const SENT_FROM: [&str; 55] = [
    "sent from my ", "sent from outlook", "sent from mail for", "sent from yahoo", "sent from gmail", "sent from samsung",
    "sent from proton", "sent from the ", "sent via ", "sent with ", "sent using ", "get outlook for", "envoyé de mon ",
    "envoyé depuis ", "envoyé à partir d", "envoyé avec ", "télécharger outlook", "von meinem ", "gesendet von ", "gesendet mit ",
    "gesendet über ", "diese nachricht wurde von mein", "outlook für ", "enviado desde ", "enviado do meu ", "enviado de meu ",
    "enviado a partir d", "enviado via ", "obtener outlook", "inviato da", "scarica outlook", "verzonden vanaf ",
    "verstuurd vanaf ", "verzonden met ", "wysłane z ", "wysłano z ", "skickat från ", "skickades från ", "sendt fra ",
    "sendt med ", "lähetetty ", "отправлено с ", "отправлено из ", "надіслано з ", "odesláno z ", "odoslané z ", "trimis de pe ",
    "gửi từ ", "dikirim dari ", "发自我的", "發自我的", "从我的", "從我的", "أرسلت من", "تم الإرسال من",
];

/// The same, in languages that say so at the end, and short forms.
pub(super) const SENT_FROM_ENDS: [&str; 9] = [
    "via mobile", "から送信", "에서 보냄", "cihazımdan gönderildi", "'umdan gönderildi", "'dan gönderildi", "'den gönderildi",
    "telefonumdan gönderildi", "küldve iphone-ról",
];

/// What the footers of lists say.
pub(super) const FOOTERS: [&str; 8] = [
    "mailing list", "unsubscribe", "listinfo", "désabonner", "abmelden", "abbestellen", "desuscribir", "cancellare l'iscrizione",
];
