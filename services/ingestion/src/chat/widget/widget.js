// The web chat, for any page, by one script tag:
//
//   <script src="https://chat.example/chat/ACCOUNT/widget.js" async></script>
//
// Attributes: data-user-id, data-user-signature, data-user-name (a user for whom the page vouches), data-lang, data-position="start",
// data-page (it fills the page). Colours by CSS on `dossier-chat`: --chat-accent, --chat-on-accent, --chat-font.
// For scripts: dossierChat.open(), .close(), .identify({id, signature, name}).
//
// Words are only ever text, never markup. Nothing is kept in the browser before the visitor has said something; then his token
// and what is not sent yet, in localStorage. No cookie.
(() => {
  "use strict";
  const script = document.currentScript;

  const CALL_MS = 15_000; // How long an answer may take.
  const WAIT_MS = 40_000; // How long a waiting call may take: longer than the server lets it wait.
  const NOTICE_MS = 1_200; // How long a connection may be away before it is told.
  const BACK_MS = 2_500; // How long it is told that it is back.
  const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000]; // Between two attempts to connect.
  const SOCKET_AGAIN_MS = 300_000; // After a WebSocket did not get through: when it is tried again.
  const PING_MS = 30_000; // How often a silent connection is asked whether it is there.
  const FULL_WIDTH = 520; // Below this the chat fills the screen, in CSS pixels.
  const SEEN_MAX = 100; // Lines in one frame.

  const start = (config, texts) => {
    const base = new URL("./", script.src);
    const data = script.dataset;
    const isPage = "page" in data;

    // ── Language ───────────────────────────────────────────────────────────────────────────────────────────────
    const wanted = [data.lang, ...(navigator.languages || []), navigator.language].filter(Boolean);
    const language = wanted.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => texts[tag]) || "en";
    const t = (name, n) => texts[language][name].replace("{n}", n);
    const dates = wanted.find((tag) => tag.toLowerCase().startsWith(language)) || language;
    const hour = new Intl.DateTimeFormat(dates, { timeStyle: "short" });
    const date = new Intl.DateTimeFormat(dates, { weekday: "long", day: "numeric", month: "long" });
    const relative = new Intl.RelativeTimeFormat(dates, { numeric: "auto" });
    const midnight = (at) => new Date(at).setHours(0, 0, 0, 0);
    const dayName = (at) => {
      const ago = Math.round((midnight(Date.now()) - midnight(at)) / 86_400_000);
      const name = ago < 2 ? relative.format(-ago, "day") : date.format(at);
      return name.charAt(0).toLocaleUpperCase(dates) + name.slice(1);
    };

    // ── What stays in the browser ──────────────────────────────────────────────────────────────────────────────
    let user = data.userId ? { id: data.userId, signature: data.userSignature || "", name: data.userName } : null;
    const key = (what) => `dossier-chat:${base.pathname}:${user ? `user:${user.id}:` : ""}${what}`;
    const stored = (what) => {
      try { return localStorage.getItem(key(what)); } catch { return null; }
    };
    const store = (what, value) => {
      try {
        if (value === null) localStorage.removeItem(key(what));
        else localStorage.setItem(key(what), value);
      } catch { /* It lasts as long as the page. */ }
    };
    const storedOutbox = () => {
      try {
        const list = JSON.parse(stored("outbox") || "[]");
        return Array.isArray(list) ? list.filter((m) => m && typeof m.id === "string" && typeof m.text === "string") : [];
      } catch { return []; }
    };
    let token = user ? null : stored("visitor");
    let outbox = storedOutbox();
    const keepOutbox = () => store("outbox", outbox.length ? JSON.stringify(outbox.map(({ failed, ...message }) => message)) : null);
    const uuid = () => {
      if (crypto.randomUUID) return crypto.randomUUID();
      // Pages without TLS have no randomUUID.
      const b = crypto.getRandomValues(new Uint8Array(16));
      b[6] = (b[6] & 15) | 64;
      b[8] = (b[8] & 63) | 128;
      const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
      return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    };

    // ── The look ───────────────────────────────────────────────────────────────────────────────────────────────
    const el = (name, props = {}, ...children) => {
      const made = document.createElement(name);
      for (const [prop, value] of Object.entries(props)) {
        if (prop in made && prop !== "role") made[prop] = value;
        else made.setAttribute(prop, value);
      }
      made.append(...children);
      return made;
    };
    const icon = (path) => {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      svg.setAttribute("viewBox", "0 0 24 24");
      svg.setAttribute("aria-hidden", "true");
      const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
      drawn.setAttribute("d", path);
      svg.append(drawn);
      return svg;
    };
    const CHAT = "M21 11.5a8.4 8.4 0 0 1-8.5 8.3 8.7 8.7 0 0 1-3.6-.8L3.5 20.5l1.4-4.4A8 8 0 0 1 4 11.5 8.4 8.4 0 0 1 12.5 3.200 8.400 8.400 0 0 1 21 11.500z";
    const CROSS = "M6 6l12 12M18 6L6 18";
    const DOWN = "M6 9.500l6 6 6-6";
    const PLANE = "M12 19V5M5.500 11.500L12 5l6.500 6.500";

    const host = document.createElement("dossier-chat");
    host.lang = language;
    const shadow = host.attachShadow({ mode: "open" });
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(config.style);
      shadow.adoptedStyleSheets = [sheet];
    } catch {
      shadow.append(el("style", { textContent: config.style }));
    }
    if (config.accent) {
      const channel = (at) => {
        const c = parseInt(config.accent.slice(at, at + 2), 16) / 255;
        return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      };
      const light = 0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5);
      host.style.setProperty("--accent-of-policy", config.accent);
      // Whichever of both can be read better on it.
      host.style.setProperty("--on-accent-of-policy", light > 0.179 ? "#111" : "#fff");
    }

    const badge = el("span", { className: "badge", hidden: true, "aria-hidden": "true" });
    const launcher = el("button", { className: "launcher", type: "button", "aria-expanded": "false", "aria-controls": "panel" }, icon(CHAT), badge);
    const title = el("h2", { id: "title", textContent: config.title });
    const shut = el("button", { className: "icon shut", type: "button", "aria-label": t("close"), title: t("close") }, icon(CROSS));
    const notice = el("div", { className: "notice", role: "status", hidden: true });
    const older = el("button", { className: "older", type: "button", textContent: t("older"), hidden: true });
    const greeting = el("div", { className: "greeting" }, el("p", { textContent: config.greeting || t("welcome") }), el("p", { textContent: t("keeps") }));
    const lines = el("div", {});
    const log = el("div", { className: "log", role: "log", tabIndex: 0, "aria-live": "polite", "aria-relevant": "additions", "aria-label": t("log") }, older, greeting, lines);
    const newer = el("button", { className: "newer", type: "button", textContent: t("newer"), hidden: true });
    const input = el("textarea", { id: "input", rows: 1, placeholder: t("write"), enterKeyHint: "send", autocomplete: "off", "aria-describedby": "hint wrong" });
    const send = el("button", { className: "send", type: "submit", "aria-label": t("send"), title: t("send"), disabled: true }, icon(PLANE));
    const wrong = el("div", { className: "wrong", id: "wrong", role: "alert", hidden: true });
    const form = el("form", { noValidate: true },
      el("div", { className: "field" }, el("label", { className: "hidden", htmlFor: "input", textContent: t("write") }), input, send),
      el("span", { className: "hidden", id: "hint", textContent: t("hint") }), wrong);
    const panel = el("section", { className: "panel", id: "panel", role: isPage ? "main" : "dialog", "aria-labelledby": "title", hidden: true },
      el("header", {}, title, shut), notice, el("div", { className: "middle" }, log, newer), form);
    const root = el("div", {}, launcher, panel);
    if (data.position === "start") root.classList.add("start");
    if (isPage) {
      root.classList.add("page");
      launcher.hidden = shut.hidden = true;
    }
    shadow.append(root);

    // ── What was said ──────────────────────────────────────────────────────────────────────────────────────────
    const said = new Map(); // By id: {item, node, ...}
    let cursor = null;
    let unread = 0;
    let lengthMax = null;

    const linked = (text) => {
      const parts = [];
      let from = 0;
      for (const found of text.matchAll(/https?:\/\/[^\s<>"]+/gi)) {
        // A full stop or a closing bracket after an address is of the sentence.
        let address = found[0].replace(/[.,;:!?'’»]+$/, "");
        while (address.endsWith(")") && address.split(")").length > address.split("(").length) address = address.slice(0, -1);
        let url;
        try { url = new URL(address); } catch { continue; }
        if (url.protocol !== "https:" && url.protocol !== "http:") continue;
        parts.push(text.slice(from, found.index), el("a", { href: url.href, target: "_blank", rel: "noopener noreferrer nofollow", textContent: address }));
        from = found.index + address.length;
      }
      parts.push(text.slice(from));
      return parts.filter((part) => part !== "");
    };

    // The lines in their order: what the server knows, then what waits.
    const ordered = () => {
      const known = [...said.values()].map((line) => line.item).sort((a, b) => a.order - b.order);
      const waiting = outbox.filter((m) => !said.has(m.id)).map(({ id, text, at, failed }) => ({ id, text, at, failed, from: "visitor", waiting: true }));
      return [...known, ...waiting];
    };

    const nodes = new Map();
    const draw = (item, look) => {
      const signature = JSON.stringify([item.text, item.erased, item.waiting, item.failed, item.at, look, item.name]);
      const had = nodes.get(item.id);
      if (had && had.signature === signature) return had.node;
      const mine = item.from === "visitor";
      const node = had ? had.node : el("div", {});
      node.className = ["message", mine && "mine", look.first && "first", look.last && "last", item.waiting && !item.failed && "waiting", item.failed && "failed", item.erased && "gone"].filter(Boolean).join(" ");
      const parts = [];
      const who = mine ? t("you") : item.name || config.title || t("us");
      // Who said it is read to those who do not see on which side it stands.
      parts.push(el("div", { className: look.first && !mine ? "who" : "hidden", textContent: look.first && !mine ? who : `${who}:` }));
      parts.push(el("div", { className: "words", dir: "auto" }, ...(item.erased ? [t("erased")] : linked(item.text))));
      if (item.failed) {
        const again = el("button", { type: "button", textContent: t("retry") });
        again.addEventListener("click", () => { retry(item.id); });
        const away = el("button", { type: "button", textContent: t("discard") });
        away.addEventListener("click", () => { discard(item.id); });
        parts.push(el("div", { className: "below" }, el("span", { className: "why", textContent: `${t("not_sent")}: ${item.failed}` }), again, away));
      } else if (item.waiting) {
        if (look.last) parts.push(el("div", { className: "below", textContent: t("sending") }));
      } else if (look.last) {
        const at = new Date(item.at);
        parts.push(el("div", { className: "below" }, el("time", { dateTime: item.at, textContent: hour.format(at) })));
      }
      node.replaceChildren(...parts);
      nodes.set(item.id, { node, signature });
      return node;
    };

    const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    const toEnd = () => { log.scrollTop = log.scrollHeight; newer.hidden = true; };

    const render = ({ quiet = false, keep = false } = {}) => {
      const follow = !keep && nearEnd();
      const height = log.scrollHeight;
      const top = log.scrollTop;
      // A whole transcript is not read out.
      if (quiet) log.setAttribute("aria-live", "off");
      const items = ordered();
      greeting.hidden = items.length > 0 && !(config.greeting && older.hidden);
      const wantedNodes = [];
      const GROUP_MS = 5 * 60_000;
      const together = (a, b) => a && b && a.from === b.from && a.name === b.name && midnight(new Date(a.at)) === midnight(new Date(b.at)) && Math.abs(new Date(b.at) - new Date(a.at)) < GROUP_MS;
      items.forEach((item, i) => {
        const before = items[i - 1];
        if (!before || midnight(new Date(before.at)) !== midnight(new Date(item.at))) {
          const id = `day:${midnight(new Date(item.at))}`;
          const day = nodes.get(id) || { node: el("div", { className: "day" }) };
          const name = dayName(new Date(item.at));
          if (day.node.textContent !== name) day.node.textContent = name;
          nodes.set(id, day);
          wantedNodes.push([id, day.node]);
        }
        const look = { first: !together(before, item), last: !together(item, items[i + 1]) };
        wantedNodes.push([item.id, draw(item, look)]);
      });
      const ids = new Set(wantedNodes.map(([id]) => id));
      for (const [id, { node }] of nodes) {
        if (!ids.has(id)) { node.remove(); nodes.delete(id); }
      }
      wantedNodes.forEach(([, node], i) => {
        if (lines.childNodes[i] !== node) lines.insertBefore(node, lines.childNodes[i] || null);
      });
      if (quiet) setTimeout(() => log.setAttribute("aria-live", "polite"), 200);
      if (keep) log.scrollTop = top + log.scrollHeight - height;
      else if (follow) toEnd();
      count();
    };

    let pageTitle = null;
    const count = () => {
      unread = [...said.values()].filter(({ item, told }) => item.from === "us" && item.state !== "read" && told !== "read").length;
      const away = panel.hidden || document.hidden;
      badge.hidden = !unread || !panel.hidden;
      badge.textContent = unread > 99 ? "99+" : String(unread);
      launcher.setAttribute("aria-label", panel.hidden ? [t("open"), unread ? t("unread", unread) : ""].filter(Boolean).join(", ") : t("close"));
      launcher.title = panel.hidden ? t("open") : t("close");
      if (away && unread && !isPage) {
        if (pageTitle === null) pageTitle = document.title;
        document.title = `(${unread}) ${pageTitle}`;
      } else if (pageTitle !== null) {
        document.title = pageTitle;
        pageTitle = null;
      }
      if (isPage) document.title = away && unread ? `(${unread}) ${config.title}` : config.title;
    };

    const take = (items, look) => {
      let news = false;
      for (const item of items) {
        news = news || (item.from === "us" && !said.has(item.id));
        said.set(item.id, { item, told: said.get(item.id)?.told });
        const waits = outbox.findIndex((m) => m.id === item.id);
        if (waits >= 0) { outbox.splice(waits, 1); keepOutbox(); }
      }
      if (news && !panel.hidden && !nearEnd() && !look?.keep && !look?.quiet) newer.hidden = false;
      render(look);
      acknowledge();
    };

    // ── What was seen ──────────────────────────────────────────────────────────────────────────────────────────
    const RANK = { sent: 0, delivered: 1, read: 2 };
    const acknowledge = () => {
      if (!online) return;
      const how = !panel.hidden && !document.hidden ? "read" : "delivered";
      const ids = [...said.values()].filter(({ item, told }) => item.from === "us" && RANK[item.state] < RANK[how] && !(RANK[told] >= RANK[how])).map(({ item }) => item.id);
      for (let at = 0; at < ids.length; at += SEEN_MAX) {
        const some = ids.slice(at, at + SEEN_MAX);
        say({ type: "seen", ids: some, how });
        some.forEach((id) => { said.get(id).told = how; });
      }
      count();
    };

    // ── The connection ─────────────────────────────────────────────────────────────────────────────────────────
    let online = false;
    let socket = null;
    let polling = null; // An AbortController while calls are made instead.
    let connecting = false;
    let failures = 0;
    let noSocketUntil = 0;
    let timer = null;
    let noticeTimer = null;
    let wasLost = false;
    let over = false; // Refused for good.
    let flying = null; // The message that is on its way, with its timer.

    const tell = (text, good = false) => {
      notice.hidden = !text;
      notice.textContent = text || "";
      notice.classList.toggle("good", good);
    };
    const lost = () => {
      const was = online;
      online = false;
      settle();
      if (was || !noticeTimer) {
        clearTimeout(noticeTimer);
        noticeTimer = setTimeout(() => {
          if (online || over) return;
          wasLost = true;
          root.classList.add("offline");
          tell(t("lost"));
        }, NOTICE_MS);
      }
    };
    const found = (welcome) => {
      online = true;
      failures = 0;
      token = welcome.visitor;
      if (!user && (stored("visitor") || outbox.length || [...said.keys()].length || welcome.items.length)) store("visitor", token);
      lengthMax = welcome.length_max;
      clearTimeout(noticeTimer);
      noticeTimer = null;
      root.classList.remove("offline");
      if (wasLost) {
        tell(t("back"), true);
        setTimeout(() => { if (online) tell(""); }, BACK_MS);
      } else tell("");
      wasLost = false;
      const fresh = cursor === null;
      cursor = welcome.cursor;
      // What was told as seen when the connection broke may not have arrived.
      said.forEach((line) => { delete line.told; });
      if (fresh) older.hidden = !welcome.more;
      take(welcome.items, { quiet: fresh });
      if (fresh) toEnd();
      flush();
    };
    const later = () => {
      clearTimeout(timer);
      if (over) return;
      const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
      failures += 1;
      // Not all at once when a server comes back.
      timer = setTimeout(connect, wait * (0.75 + Math.random() / 2));
    };

    const hello = () => ({
      type: "hello",
      ...(user ? { user: { id: user.id, signature: user.signature } } : token ? { visitor: token } : {}),
      ...(cursor === null ? {} : { since: cursor }),
    });

    const connect = () => {
      clearTimeout(timer);
      if (online || connecting || over) return;
      connecting = true;
      if (Date.now() >= noSocketUntil && "WebSocket" in window) openSocket();
      else poll();
    };

    const openSocket = () => {
      let mine;
      let welcomed = false;
      const failed = () => {
        if (welcomed) { later(); return; }
        // It does not get through here: the same by calls.
        noSocketUntil = Date.now() + SOCKET_AGAIN_MS;
        poll();
      };
      try {
        const url = new URL("socket", base);
        url.protocol = url.protocol.replace("http", "ws");
        mine = new WebSocket(url);
      } catch { failed(); return; }
      socket = mine;
      // A page whose policy blocks it is told by an error alone; a connection that hangs, by nothing.
      const ended = () => {
        clearTimeout(alive);
        mine.close();
        if (socket !== mine) return;
        socket = null;
        connecting = !welcomed && !over;
        lost();
        if (!over) failed();
      };
      let alive = setTimeout(ended, CALL_MS);
      const listen = () => {
        clearTimeout(alive);
        alive = setTimeout(() => {
          mine.send(JSON.stringify({ type: "ping" }));
          alive = setTimeout(ended, CALL_MS);
        }, PING_MS);
      };
      mine.addEventListener("open", () => mine.send(JSON.stringify(hello())));
      mine.addEventListener("message", (event) => {
        let frame;
        try { frame = JSON.parse(event.data); } catch { return; }
        listen();
        if (frame.type === "welcome") {
          welcomed = true;
          connecting = false;
          found(frame);
        } else if (frame.type === "refused" && !welcomed) {
          // A token that is not accepted: as somebody new, once. For the rest see `refused`.
          if (frame.code === "visitor" && token) { forget(); mine.send(JSON.stringify(hello())); return; }
          welcomed = true;
          refused(frame);
          mine.close();
        } else heard(frame);
      });
      mine.addEventListener("error", ended);
      mine.addEventListener("close", ended);
    };

    const call = async (frame, { signal, ms = CALL_MS } = {}) => {
      const ended = new AbortController();
      const end = () => ended.abort();
      const timeout = setTimeout(end, ms);
      signal?.addEventListener("abort", end);
      try {
        const headers = { "content-type": "application/json" };
        if (token && frame.type !== "hello") headers.authorization = `Bearer ${token}`;
        const answer = await fetch(new URL("call", base), { method: "POST", headers, body: JSON.stringify(frame), credentials: "omit", referrerPolicy: "no-referrer", signal: ended.signal });
        return await answer.json();
      } finally {
        clearTimeout(timeout);
        signal?.removeEventListener("abort", end);
      }
    };

    const poll = async () => {
      const mine = new AbortController();
      let welcomed = false;
      polling = mine;
      try {
        let welcome = await call(hello(), { signal: mine.signal });
        if (welcome.type === "refused" && welcome.code === "visitor" && token) {
          forget();
          welcome = await call(hello(), { signal: mine.signal });
        }
        if (welcome.type !== "welcome") {
          refused(welcome);
          throw new Error("refused");
        }
        connecting = false;
        welcomed = true;
        found(welcome);
        // Now and then it is tried whether a WebSocket gets through.
        while (!mine.signal.aborted && Date.now() < noSocketUntil) {
          const frame = await call({ type: "wait", since: cursor }, { signal: mine.signal, ms: WAIT_MS });
          if (frame.type === "refused") {
            if (frame.final) throw new Error("refused");
            await new Promise((resolve) => { setTimeout(resolve, (frame.retry_after_s || 1) * 1_000); });
          } else heard(frame);
        }
      } catch { /* Away, or refused: either way another attempt. */ }
      if (polling !== mine) return;
      polling = null;
      if (!welcomed && !over) {
        // Nothing gets through: the next time both are tried.
        noSocketUntil = 0;
        if (!token) console.warn(`dossier-chat: ${base} does not answer this page; see that the account's "origins" has ${location.origin}`);
      }
      connecting = false;
      lost();
      later();
    };

    const forget = () => {
      token = null;
      cursor = null;
      store("visitor", null);
      said.clear();
    };

    // For good, or for now; either way it is told what to do.
    const refused = (frame) => {
      if (!frame || frame.type !== "refused" || !frame.final) return;
      over = true;
      root.classList.add("offline");
      tell(frame.code === "identity" || frame.code === "visitor" ? t("identity") : t("closed"));
      console.warn(`dossier-chat: ${frame.code}: ${frame.message}`);
    };

    // Says something where nobody waits for the answer but `heard`.
    const say = (frame) => {
      if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(frame));
      else if (polling) call(frame).then(heard, () => settle());
    };

    const heard = (frame) => {
      if (frame.type === "items") {
        cursor = frame.cursor;
        if (frame.items.length) take(frame.items);
      } else if (frame.type === "older") {
        older.hidden = !frame.more;
        older.disabled = false;
        take(frame.items, { keep: true, quiet: true });
      } else if (frame.type === "taken") {
        const message = outbox.find((m) => m.id === frame.id);
        settle();
        if (message) {
          outbox = outbox.filter((m) => m !== message);
          keepOutbox();
          // Until it comes back with its place in the transcript, which it may have done already.
          if (!said.has(message.id)) said.set(message.id, { item: { id: message.id, text: message.text, at: message.at, from: "visitor", order: Number.MAX_SAFE_INTEGER } });
          render();
        }
        flush();
      } else if (frame.type === "refused" && frame.id) {
        settle();
        const message = outbox.find((m) => m.id === frame.id);
        if (!message) return;
        if (frame.final) {
          message.failed = frame.code === "too_long" && lengthMax ? t("too_long", Math.max(1, [...message.text].length - lengthMax)) : t("refused");
          render();
          flush();
        } else {
          if (frame.code === "too_many") tell(t("too_many"));
          setTimeout(() => { if (online && !wasLost) tell(""); flush(); }, (frame.retry_after_s || 1) * 1_000);
        }
      }
    };

    // ── What is to be sent: one after the other, again and again until it is taken ──────────────────────────────
    const settle = () => {
      if (flying) clearTimeout(flying.timer);
      flying = null;
    };
    const flush = () => {
      if (!online || flying) return;
      const next = outbox.find((m) => !m.failed);
      if (!next) return;
      flying = {
        timer: setTimeout(() => {
          // No answer: the connection is none, whatever it looks like.
          settle();
          if (socket) socket.close();
          else flush();
        }, CALL_MS),
      };
      const { id, text, language: spoken, page, name } = next;
      say({ type: "say", id, text, language: spoken, page, name });
    };
    const retry = (id) => {
      const message = outbox.find((m) => m.id === id);
      if (message) delete message.failed;
      render();
      flush();
    };
    const discard = (id) => {
      outbox = outbox.filter((m) => m.id !== id);
      keepOutbox();
      render();
      input.focus();
    };
    const submit = () => {
      const text = input.value.trim();
      if (!text || tooMuch() > 0) return;
      // As it is said now: sent again from another page, it is the same.
      const page = `${location.origin}${location.pathname}`;
      outbox.push({ id: uuid(), text, at: new Date().toISOString(), language: navigator.language, page, name: user?.name });
      keepOutbox();
      if (!user && token) store("visitor", token);
      input.value = "";
      sized();
      render();
      toEnd();
      connect();
      flush();
    };

    // ── Typing ─────────────────────────────────────────────────────────────────────────────────────────────────
    const segments = "Segmenter" in Intl ? new Intl.Segmenter(dates) : null;
    const tooMuch = () => {
      if (!lengthMax || input.value.length <= lengthMax) return 0;
      const text = input.value.trim();
      const length = segments ? [...segments.segment(text)].length : [...text].length;
      return length - lengthMax;
    };
    const sized = () => {
      const follow = nearEnd();
      input.style.height = "auto";
      input.style.height = `${Math.min(input.scrollHeight, 128)}px`;
      const much = tooMuch();
      wrong.hidden = much <= 0;
      wrong.textContent = much > 0 ? t("too_long", much) : "";
      send.disabled = !input.value.trim() || much > 0;
      if (follow) toEnd();
    };
    input.addEventListener("input", sized);
    input.addEventListener("keydown", (event) => {
      // While a word is being put together, Enter is of the input method.
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();
      }
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit();
      input.focus();
    });
    older.addEventListener("click", () => {
      const first = ordered()[0];
      if (!first || !online) return;
      older.disabled = true;
      say({ type: "older", before: first.order });
    });
    newer.addEventListener("click", toEnd);
    let atEnd = true;
    log.addEventListener("scroll", () => {
      atEnd = nearEnd();
      if (atEnd) newer.hidden = true;
    });
    // A keyboard or a notice takes some of its height: who was at the end stays there.
    new ResizeObserver(() => { if (atEnd) toEnd(); }).observe(log);

    // ── Opening and closing ────────────────────────────────────────────────────────────────────────────────────
    let overflow = null;
    const fitted = () => {
      const full = !isPage && (window.innerWidth <= FULL_WIDTH || window.innerHeight <= 420);
      root.classList.toggle("full", full);
      const covers = full && !panel.hidden;
      if (!isPage) panel.setAttribute("aria-modal", String(covers));
      // The page behind does not scroll with it.
      if (covers && overflow === null) {
        overflow = document.documentElement.style.overflow;
        document.documentElement.style.overflow = "hidden";
      } else if (!covers && overflow !== null) {
        document.documentElement.style.overflow = overflow;
        overflow = null;
      }
      // Above the keyboard of a phone.
      const view = window.visualViewport;
      const small = view && (covers || (isPage && window.innerWidth < 600)) && view.height < window.innerHeight - 1;
      panel.style.height = small ? `${view.height}px` : "";
      panel.style.top = small ? `${view.offsetTop}px` : "";
      panel.style.bottom = small ? "auto" : "";
    };
    const open = () => {
      if (!panel.hidden) return;
      panel.hidden = false;
      panel.classList.add("opening");
      root.classList.add("opened");
      launcher.setAttribute("aria-expanded", "true");
      launcher.firstChild.replaceWith(icon(DOWN));
      fitted();
      render({ quiet: true });
      toEnd();
      if (!isPage || window.innerWidth >= 600) input.focus({ preventScroll: true });
      connect();
      acknowledge();
    };
    const close = () => {
      if (panel.hidden || isPage) return;
      panel.hidden = true;
      root.classList.remove("opened");
      launcher.setAttribute("aria-expanded", "false");
      launcher.firstChild.replaceWith(icon(CHAT));
      fitted();
      count();
      launcher.focus();
    };
    launcher.addEventListener("click", () => (panel.hidden ? open() : close()));
    shut.addEventListener("click", close);
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !isPage) {
        event.stopPropagation();
        close();
      }
      // What covers everything keeps the focus.
      if (event.key === "Tab" && panel.getAttribute("aria-modal") === "true") {
        const stops = [...panel.querySelectorAll("button, textarea, a, [tabindex]")].filter((stop) => !stop.disabled && stop.offsetParent);
        const at = stops.indexOf(shadow.activeElement);
        if (event.shiftKey && at <= 0) { event.preventDefault(); stops.at(-1)?.focus(); }
        else if (!event.shiftKey && at === stops.length - 1) { event.preventDefault(); stops[0]?.focus(); }
      }
    });
    panel.addEventListener("animationend", () => panel.classList.remove("opening"));
    // What is typed here is none of the page's shortcuts.
    for (const name of ["keydown", "keyup", "keypress"]) root.addEventListener(name, (event) => event.stopPropagation());

    window.addEventListener("resize", fitted);
    window.visualViewport?.addEventListener("resize", fitted);
    window.visualViewport?.addEventListener("scroll", fitted);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) return;
      acknowledge();
      if (token || !panel.hidden) { failures = 0; connect(); }
    });
    window.addEventListener("online", () => {
      failures = 0;
      if (token || !panel.hidden) connect();
    });
    window.addEventListener("offline", () => {
      if (socket) socket.close();
    });
    // Another tab began to talk before this one did: both are the same visitor.
    window.addEventListener("storage", (event) => {
      if (user || event.key !== key("visitor") || !event.newValue || event.newValue === token || said.size || outbox.length) return;
      token = event.newValue;
      cursor = null;
      again();
    });

    // The connection anew, as whoever it is now.
    const again = () => {
      online = false;
      settle();
      const was = socket;
      socket = null;
      was?.close();
      polling?.abort();
      polling = null;
      connecting = false;
      connect();
    };

    window.dossierChat = {
      open,
      close,
      /** The page vouches for another user, or, without one, for nobody any more. */
      identify(other) {
        user = other && other.id ? { id: String(other.id), signature: String(other.signature || ""), name: other.name } : null;
        token = user ? null : stored("visitor");
        cursor = null;
        said.clear();
        outbox = storedOutbox();
        over = false;
        render({ quiet: true });
        again();
      },
    };

    const show = () => {
      document.body.append(host);
      if (isPage) {
        try {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync("html{background:#eceef0;color-scheme:light dark}@media(prefers-color-scheme:dark){html{background:#0d0f12}}body{margin:0}");
          document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
        } catch { /* It looks plainer. */ }
        document.documentElement.lang = language;
        open();
      } else {
        fitted();
        count();
        if ("open" in data) open();
        // Whoever was here before may have been answered since.
        else if (token || user || outbox.length) connect();
      }
    };
    if (document.body) show();
    else document.addEventListener("DOMContentLoaded", show);
  };

  // Twice on one page is once.
  if (!window.dossierChat) start(/* config */);
})();
